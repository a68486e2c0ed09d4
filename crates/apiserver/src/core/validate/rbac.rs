//! Roles and their bindings.

use super::at::{At, Causes};
use super::pod::label_selector;
use crate::core::status::Cause;
use trueup_object::Value;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Roles and bindings, of the cluster and of namespaces.
pub(super) fn rbac(kind: &str, object: &Value, live: Option<&Value>) -> Causes {
    match kind {
        "Role" | "ClusterRole" => role(kind, object),
        "RoleBinding" | "ClusterRoleBinding" => binding(kind, object, live),
        _ => Vec::new(),
    }
}

fn role(kind: &str, object: &Value) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    for rule in root.get("rules").items() {
        policy_rule(&mut causes, &rule, kind);
    }
    let aggregation = root.get("aggregationRule");
    let selectors = aggregation.get("clusterRoleSelectors");
    if aggregation.is_set() && selectors.is_empty() {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        selectors.required(&mut causes, detail);
    }
    for selector in selectors.items() {
        label_selector(&mut causes, &selector);
        if trueup_object::Selector::from_label_selector(selector.value()).is_err() {
            let detail = "invalid label selector.";
            causes.push(Cause::invalid(selector.path(), "null", detail));
        }
    }
    causes
}

fn policy_rule(causes: &mut Causes, rule: &At<'_>, kind: &str) {
    if rule.get("verbs").is_empty() {
        rule.get("verbs")
            .required(causes, "verbs must contain at least one value");
    }
    let urls = rule.get("nonResourceURLs");
    if !urls.is_empty() {
        if kind == "Role" {
            urls.invalid(causes, "namespaced rules cannot apply to non-resource URLs");
        }
        let regular = ["apiGroups", "resources", "resourceNames"]
            .iter()
            .any(|key| !rule.get(key).is_empty());
        if regular {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            urls.invalid(causes, detail);
        }
        return;
    }
    for (key, what) in [("apiGroups", "api group"), ("resources", "resource")] {
        if rule.get(key).is_empty() {
            let detail = format!("resource rules must supply at least one {what}");
            rule.get(key).required(causes, &detail);
        }
    }
}

fn binding(kind: &str, object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let reference = root.get("roleRef");
    reference.get("apiGroup").one_of(&mut causes, &[GROUP]);
    let kinds: &[&str] = if kind == "ClusterRoleBinding" {
        &["ClusterRole"]
    } else {
        &["Role", "ClusterRole"]
    };
    reference.get("kind").one_of(&mut causes, kinds);
    let name = reference.get("name");
    if name.text().is_empty() {
        name.required(&mut causes, "");
    } else {
        name.path_segment(&mut causes);
    }
    for subject in root.get("subjects").items() {
        binding_subject(&mut causes, &subject, kind);
    }
    if live.is_some_and(|live| live.get("roleRef") != object.get("roleRef")) {
        let part = |key: &str| reference.get(key).text().to_owned();
        let shown = format!(
            "{{\"APIGroup\":{:?},\"Kind\":{:?},\"Name\":{:?}}}",
            part("apiGroup"),
            part("kind"),
            part("name")
        );
        causes.push(Cause::invalid("roleRef", shown, "cannot change roleRef"));
    }
    causes
}

fn binding_subject(causes: &mut Causes, subject: &At<'_>, kind: &str) {
    let (name, group) = (subject.get("name"), subject.get("apiGroup"));
    name.required_text(causes);
    match subject.get("kind").text() {
        "ServiceAccount" => {
            name.optional_subdomain(causes);
            if !group.text().is_empty() {
                group.unsupported(causes, &[""]);
            }
            if kind == "ClusterRoleBinding" {
                subject.get("namespace").required_text(causes);
            }
        }
        "User" | "Group" => group.one_of(causes, &[GROUP]),
        _ => subject
            .get("kind")
            .unsupported(causes, &["ServiceAccount", "User", "Group"]),
    }
}
