//! Kinds that configure the API itself: webhooks, admission policies, API
//! services, flow control, signing requests.

use super::at::{At, Causes};
use super::pod::label_selector;
use crate::core::status::Cause;
use std::collections::HashSet;
use trueup_object::{Value, names};

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const MAX_TIMEOUT_SECONDS: i64 = 30;

/// Webhooks are stored, and never called.
pub(super) fn webhooks(object: &Value, kind: &str) -> Causes {
    let mut causes = Vec::new();
    let mut names = HashSet::new();
    for webhook in At::root(object).get("webhooks").items() {
        let name = webhook.get("name");
        one_webhook(&mut causes, &webhook, kind);
        if !name.text().is_empty() && !names.insert(name.text()) {
            name.duplicate(&mut causes);
        }
    }
    causes
}

fn one_webhook(causes: &mut Causes, webhook: &At<'_>, kind: &str) {
    fully_qualified(causes, &webhook.get("name"));
    label_selector(causes, &webhook.get("namespaceSelector"));
    label_selector(causes, &webhook.get("objectSelector"));
    webhook
        .get("failurePolicy")
        .optional_one_of(causes, &["Fail", "Ignore"]);
    webhook
        .get("matchPolicy")
        .optional_one_of(causes, &["Equivalent", "Exact"]);
    let effects = webhook.get("sideEffects");
    if effects.is_set() {
        effects.one_of(causes, &["None", "NoneOnDryRun"]);
    } else {
        effects.required(causes, "must specify one of None, NoneOnDryRun");
    }
    let timeout = webhook.get("timeoutSeconds");
    if timeout
        .number()
        .is_some_and(|seconds| !(1..=MAX_TIMEOUT_SECONDS).contains(&seconds))
    {
        let detail = "the timeout value must be between 1 and 30 seconds";
        timeout.invalid(causes, detail);
    }
    if kind == "MutatingWebhookConfiguration" {
        webhook
            .get("reinvocationPolicy")
            .optional_one_of(causes, &["IfNeeded", "Never"]);
    }
    for rule in webhook.get("rules").items() {
        rule_with_operations(causes, &rule);
    }
    client_config(causes, &webhook.get("clientConfig"));
    webhook_versions(causes, &webhook.get("admissionReviewVersions"));
}

/// A DNS subdomain of at least three labels.
fn fully_qualified(causes: &mut Causes, name: &At<'_>) {
    if name.text().is_empty() {
        return name.required(causes, "");
    }
    let errors = names::dns_subdomain_errors(name.text());
    if !errors.is_empty() {
        name.invalid(causes, &errors.join(","));
    } else if name.text().split('.').count() < 3 {
        let detail = "should be a domain with at least three segments separated by dots";
        name.invalid(causes, detail);
    }
}

fn webhook_versions(causes: &mut Causes, versions: &At<'_>) {
    if versions.is_empty() {
        let detail = "must specify one of v1, v1beta1";
        return versions.required(causes, detail);
    }
    let mut seen = HashSet::new();
    let mut accepted = false;
    for version in versions.items() {
        if !seen.insert(version.text()) {
            let message = "Invalid value: \"".to_owned() + version.text() + "\": duplicate version";
            causes.push(Cause::new("FieldValueInvalid", version.path(), message));
        }
        version.rules(causes, names::dns_1035_label_errors(version.text()));
        accepted |= ["v1", "v1beta1"].contains(&version.text());
    }
    if !accepted {
        versions.invalid(causes, "must include at least one of v1, v1beta1");
    }
}

fn rule_with_operations(causes: &mut Causes, rule: &At<'_>) {
    let operations = rule.get("operations");
    if operations.is_empty() {
        operations.required(causes, "");
    }
    only_star(causes, &operations);
    for operation in operations.items() {
        operation.one_of(causes, &OPERATIONS);
    }
    rule_list(causes, &rule.get("apiGroups"), Empty::Allowed);
    rule_list(causes, &rule.get("apiVersions"), Empty::Refused);
    rule_list(causes, &rule.get("resources"), Empty::Refused);
    rule.get("scope")
        .optional_one_of(causes, &["*", "Cluster", "Namespaced"]);
}

/// Whether the items of a list may be empty texts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Empty {
    Allowed,
    Refused,
}

fn rule_list(causes: &mut Causes, list: &At<'_>, empty: Empty) {
    if list.is_empty() {
        list.required(causes, "");
    }
    only_star(causes, list);
    for item in list.items() {
        if empty == Empty::Refused && item.text().is_empty() {
            item.required(causes, "");
        }
    }
}

fn only_star(causes: &mut Causes, list: &At<'_>) {
    let named = list.path().ends_with("resources");
    let has_star = list.items().any(|item| item.text() == "*");
    if has_star && list.list().len() > 1 && !named {
        let detail = "if '*' is present, must not specify other ".to_owned()
            + match list.path().rsplit('.').next() {
                Some("apiGroups") => "API groups",
                Some("apiVersions") => "API versions",
                _ => "operations",
            };
        list.invalid(causes, &detail);
    }
}

fn client_config(causes: &mut Causes, config: &At<'_>) {
    let (url, service) = (config.get("url"), config.get("service"));
    if url.is_set() == service.is_set() {
        let detail = "exactly one of url or service is required";
        return config.required(causes, detail);
    }
    if service.is_set() {
        // The API server takes the one for the other.
        for (missing, blamed) in [("namespace", "name"), ("name", "namespace")] {
            if service.get(missing).text().is_empty() {
                causes.push(Cause::required(service.child(blamed), ""));
            }
        }
        service_port(causes, &service.get("port"));
    } else if !url.text().starts_with("https://") {
        let detail = "'https' is the only allowed URL scheme; desired format: https://host[/path]";
        url.invalid(causes, detail);
    }
}

fn service_port(causes: &mut Causes, port: &At<'_>) {
    let wrong = |number: &i64| !(1..=65535).contains(number);
    if port.number().as_ref().is_some_and(wrong) {
        let detail = "port is not valid: must be between 1 and 65535, inclusive";
        port.invalid(causes, detail);
    }
}

/// Services of the aggregation layer are stored, and never asked.
pub(super) fn api_service(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let spec = root.get("spec");
    let (group, version) = (spec.get("group").text(), spec.get("version").text());
    let wanted = format!("{version}.{group}");
    let name = root.at(&["metadata", "name"]);
    if name.text() != wanted {
        let detail = format!("must be `spec.version+\".\"+spec.group`: {wanted:?}");
        name.invalid(&mut causes, &detail);
    }
    if group.is_empty() && version != "v1" {
        let detail = "only v1 may have an empty group and it better be legacy kube";
        spec.get("group").required(&mut causes, detail);
    } else if !group.is_empty() {
        spec.get("group").dns_subdomain(&mut causes);
    }
    let called = spec.get("version");
    called.rules(&mut causes, names::dns_1035_label_errors(version));
    for (key, most) in [("groupPriorityMinimum", 20_000), ("versionPriority", 1_000)] {
        let priority = spec.get(key);
        let number = priority.number().unwrap_or(0);
        if number <= 0 || number > most {
            let detail = format!("must be positive and less than {most}");
            causes.push(Cause::invalid(priority.path(), number, &detail));
        }
    }
    let service = spec.get("service");
    if service.is_set() {
        service.get("namespace").required_text(&mut causes);
        service.get("name").required_text(&mut causes);
        service_port(&mut causes, &service.get("port"));
    }
    causes
}

pub(super) fn signing_request(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    if live.is_some() {
        return causes;
    }
    let request = spec.get("request");
    if request.text().is_empty() {
        request.invalid(&mut causes, "PEM block type must be CERTIFICATE REQUEST");
    }
    let usages = spec.get("usages");
    if usages.is_empty() {
        usages.required(&mut causes, "");
    }
    let signer = spec.get("signerName");
    if signer.text().is_empty() {
        signer.required(&mut causes, "");
    } else if !signer.text().contains('/') {
        let detail =
            "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        signer.invalid(&mut causes, detail);
    }
    causes
}

/// Admission policies are stored, and not evaluated.
pub(super) fn admission_policy(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    spec.get("failurePolicy")
        .optional_one_of(&mut causes, &["Fail", "Ignore"]);
    let constraints = spec.get("matchConstraints");
    if !constraints.is_set() {
        constraints.required(&mut causes, "");
    } else if constraints.get("resourceRules").is_empty() {
        constraints.get("resourceRules").required(&mut causes, "");
    }
    for rule in constraints.get("resourceRules").items() {
        rule_with_operations(&mut causes, &rule);
    }
    let (validations, audits) = (spec.get("validations"), spec.get("auditAnnotations"));
    if validations.is_empty() && audits.is_empty() {
        let detail = "validations or auditAnnotations must contain at least one item";
        validations.required(&mut causes, detail);
        audits.required(&mut causes, detail);
    }
    for validation in validations.items() {
        let expression = validation.get("expression");
        if expression.text().trim().is_empty() {
            expression.required(&mut causes, "expression is not specified");
        }
    }
    causes
}

pub(super) fn admission_binding(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    spec.get("policyName").required_text(&mut causes);
    let actions = spec.get("validationActions");
    if actions.is_empty() {
        actions.required(&mut causes, "");
    }
    let mut seen = HashSet::new();
    for action in actions.items() {
        action.one_of(&mut causes, &["Audit", "Deny", "Warn"]);
        if !seen.insert(action.text()) {
            action.duplicate(&mut causes);
        }
    }
    causes
}
