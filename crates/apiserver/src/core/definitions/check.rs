//! What a definition is refused for.

use crate::core::status::Cause;
use crate::core::validate::cause_of;
use std::collections::HashSet;
use trueup_object::{Value, names, to_json};
use trueup_schema::Structural;

const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const APPROVAL: &str = "api-approved.kubernetes.io";
const APPROVAL_RULE: &str =
    "protected groups must have approval annotation \"api-approved.kubernetes.io\"";
const SEE: &str = ", see https://github.com/kubernetes/enhancements/pull/1111";

/// All that is wrong with a definition.
pub(in crate::core) fn validate(object: &Value, live: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    let text = |path: &[&str]| object.str_at(path).unwrap_or("").to_owned();
    let (name, group, plural) = (
        text(&["metadata", "name"]),
        text(&["spec", "group"]),
        text(&["spec", "names", "plural"]),
    );
    if live.is_none() && name != format!("{plural}.{group}") {
        causes.push(Cause::invalid(
            "metadata.name",
            format!("{name:?}"),
            "must be spec.names.plural+\".\"+spec.group",
        ));
    }
    group_rules(&mut causes, &group);
    let scope = text(&["spec", "scope"]);
    if scope.is_empty() {
        causes.push(Cause::required("spec.scope", ""));
    } else if !["Cluster", "Namespaced"].contains(&scope.as_str()) {
        causes.push(Cause::unsupported(
            "spec.scope",
            format!("{scope:?}"),
            &["Cluster", "Namespaced"],
        ));
    }
    versions(&mut causes, object);
    name_rules(
        &mut causes,
        object.at(&["spec", "names"]).unwrap_or(&Value::Null),
    );
    conversion(&mut causes, object);
    if object
        .at(&["spec", "preserveUnknownFields"])
        .and_then(Value::as_bool)
        == Some(true)
    {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        causes.push(Cause::invalid("spec.preserveUnknownFields", "true", detail));
    }
    approval(&mut causes, object, &group);
    stored_versions(&mut causes, object);
    if let Some(live) = live {
        immutable(&mut causes, object, live);
    }
    causes
}

fn group_rules(causes: &mut Vec<Cause>, group: &str) {
    if group.is_empty() {
        causes.push(Cause::required("spec.group", ""));
        return;
    }
    for error in names::dns_subdomain_errors(group) {
        causes.push(Cause::invalid("spec.group", format!("{group:?}"), &error));
    }
    if names::is_dns_subdomain(group) && !group.contains('.') {
        causes.push(Cause::invalid(
            "spec.group",
            format!("{group:?}"),
            "should be a domain with at least one dot",
        ));
    }
}

fn list<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    object.at(path).and_then(Value::as_list).unwrap_or_default()
}

/// A version as the genuine server's messages show it.
fn shown(versions: &[Value]) -> String {
    let flag =
        |version: &Value, key: &str| version.at(&[key]).and_then(Value::as_bool) == Some(true);
    let one = |version: &Value| {
        format!(
            "{{\"Name\":{:?},\"Served\":{},\"Storage\":{},\"Deprecated\":false,\"DeprecationWarning\":null,\"Schema\":null,\"Subresources\":null,\"AdditionalPrinterColumns\":null,\"SelectableFields\":null}}",
            version.str_at(&["name"]).unwrap_or(""),
            flag(version, "served"),
            flag(version, "storage"),
        )
    };
    format!(
        "[{}]",
        versions.iter().map(one).collect::<Vec<_>>().join(",")
    )
}

fn is_storage(version: &Value) -> bool {
    version.at(&["storage"]).and_then(Value::as_bool) == Some(true)
}

fn versions(causes: &mut Vec<Cause>, object: &Value) {
    let versions = list(object, &["spec", "versions"]);
    let label = |name: &str| names::is_dns_1035_label(name);
    let alike = |key: &str| {
        versions
            .iter()
            .all(|version| version.get(key) == versions[0].get(key))
    };
    let mut seen = HashSet::new();
    let mut unique = true;
    for (index, version) in versions.iter().enumerate() {
        let name = version.str_at(&["name"]).unwrap_or("");
        unique &= seen.insert(name);
        if !label(name) {
            causes.push(Cause::invalid(
                format!("spec.versions[{index}].name"),
                format!("{name:?}"),
                LABEL_1035,
            ));
        }
        if alike("schema") && index > 0 {
            continue;
        }
        let at = if alike("schema") {
            "spec.validation".to_owned()
        } else {
            format!("spec.versions[{index}].schema")
        };
        match version.at(&["schema", "openAPIV3Schema"]) {
            None => causes.push(Cause::required(
                format!("spec.versions[{index}].schema.openAPIV3Schema"),
                "",
            )),
            Some(schema) => {
                let errors = Structural::parse(schema, &format!("{at}.openAPIV3Schema"))
                    .err()
                    .unwrap_or_default();
                causes.extend(errors.into_iter().map(cause_of));
            }
        }
    }
    if !unique {
        causes.push(Cause::invalid(
            "spec.versions",
            shown(versions),
            "must contain unique version names",
        ));
    }
    if versions
        .iter()
        .filter(|version| is_storage(version))
        .count()
        != 1
    {
        causes.push(Cause::invalid(
            "spec.versions",
            shown(versions),
            "must have exactly one version marked as storage version",
        ));
    }
    if let Some(name) = versions
        .first()
        .and_then(|version| version.str_at(&["name"]))
        .filter(|name| !label(name))
    {
        causes.push(Cause::invalid(
            "spec.version",
            format!("{name:?}"),
            LABEL_1035,
        ));
    }
    for (index, version) in versions.iter().enumerate() {
        let same = alike("subresources");
        if same && index > 0 {
            continue;
        }
        let at = if same {
            "spec.subresources".to_owned()
        } else {
            format!("spec.versions[{index}].subresources")
        };
        if let Some(scale) = version.at(&["subresources", "scale"]) {
            scale_paths(causes, scale, &format!("{at}.scale"));
        }
    }
}

fn scale_paths(causes: &mut Vec<Cause>, scale: &Value, at: &str) {
    const SPEC: &str = "should be a json path under .spec";
    const STATUS: &str = "should be a json path under .status";
    const EITHER: &str = "should be a json path under either .spec or .status";
    let rules: [(&str, &[&str], &str, bool); 3] = [
        ("specReplicasPath", &[".spec."], SPEC, true),
        ("statusReplicasPath", &[".status."], STATUS, true),
        ("labelSelectorPath", &[".spec.", ".status."], EITHER, false),
    ];
    for (key, roots, detail, required) in rules {
        let path = scale.str_at(&[key]).unwrap_or("");
        if path.is_empty() {
            if required {
                causes.push(Cause::required(format!("{at}.{key}"), ""));
            }
        } else if !path.starts_with('.') {
            causes.push(Cause::invalid(
                format!("{at}.{key}"),
                format!("{path:?}"),
                "must be a simple json path starting with .",
            ));
        } else if !roots.iter().any(|root| path.starts_with(root)) {
            causes.push(Cause::invalid(
                format!("{at}.{key}"),
                format!("{path:?}"),
                detail,
            ));
        }
    }
}

fn name_rules(causes: &mut Vec<Cause>, given: &Value) {
    let mixed = format!("may have mixed case, but should otherwise match: {LABEL_1035}");
    for (key, required, mixed_case) in [
        ("plural", true, false),
        ("singular", true, false),
        ("kind", true, true),
        ("listKind", true, true),
    ] {
        let name = given.str_at(&[key]).unwrap_or("");
        let field = format!("spec.names.{key}");
        if name.is_empty() {
            if required {
                causes.push(Cause::required(field, ""));
            }
        } else if !names::is_dns_1035_label(&if mixed_case {
            name.to_lowercase()
        } else {
            name.to_owned()
        }) {
            causes.push(Cause::invalid(
                field,
                format!("{name:?}"),
                if mixed_case { &mixed } else { LABEL_1035 },
            ));
        }
    }
    let kind = given.str_at(&["kind"]).unwrap_or("");
    if !kind.is_empty() && given.str_at(&["listKind"]) == Some(kind) {
        causes.push(Cause::invalid(
            "spec.names.listKind",
            format!("{kind:?}"),
            "kind and listKind may not be the same",
        ));
    }
    for key in ["shortNames", "categories"] {
        for (index, name) in list(given, &[key]).iter().enumerate() {
            let name = name.as_str().unwrap_or("");
            if !names::is_dns_1035_label(name) {
                causes.push(Cause::invalid(
                    format!("spec.names.{key}[{index}]"),
                    format!("{name:?}"),
                    LABEL_1035,
                ));
            }
        }
    }
}

fn conversion(causes: &mut Vec<Cause>, object: &Value) {
    let strategy = object
        .str_at(&["spec", "conversion", "strategy"])
        .unwrap_or("None");
    let webhook = object.at(&["spec", "conversion", "webhook"]);
    let versions = webhook
        .map(|webhook| list(webhook, &["conversionReviewVersions"]))
        .unwrap_or_default();
    match strategy {
        "None" => {
            if webhook.is_some_and(|webhook| webhook.get("clientConfig").is_some()) {
                causes.push(Cause::forbidden(
                    "spec.conversion.webhookClientConfig",
                    "should not be set when strategy is not set to Webhook",
                ));
            }
            if !versions.is_empty() {
                causes.push(Cause::forbidden(
                    "spec.conversion.conversionReviewVersions",
                    "should not be set when strategy is not set to Webhook",
                ));
            }
        }
        "Webhook" => {
            match webhook.and_then(|webhook| webhook.get("clientConfig")) {
                None => causes.push(Cause::required(
                    "spec.conversion.webhookClientConfig",
                    "required when strategy is set to Webhook",
                )),
                Some(config) => client_config(causes, config),
            }
            if versions.is_empty() {
                causes.push(Cause::required(
                    "spec.conversion.conversionReviewVersions",
                    "",
                ));
            }
        }
        other => causes.push(Cause::unsupported(
            "spec.conversion.strategy",
            format!("{other:?}"),
            &["None", "Webhook"],
        )),
    }
}

fn client_config(causes: &mut Vec<Cause>, config: &Value) {
    let Some(url) = config.str_at(&["url"]) else {
        return;
    };
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if scheme != "https" {
        let detail = "'https' is the only allowed URL scheme; desired format: https://host[/path]";
        causes.push(Cause::invalid(
            "spec.conversion.webhookClientConfig.url",
            format!("{scheme:?}"),
            detail,
        ));
    }
}

fn approval(causes: &mut Vec<Cause>, object: &Value, group: &str) {
    let protected = ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| group == *domain || group.ends_with(&format!(".{domain}")));
    if !protected {
        return;
    }
    let field = format!("metadata.annotations[{APPROVAL}]");
    let value = object
        .str_at(&["metadata", "annotations", APPROVAL])
        .unwrap_or("");
    if value.is_empty() {
        causes.push(Cause::required(field, &format!("{APPROVAL_RULE}{SEE}")));
    } else if !["unapproved", "https://", "http://"]
        .iter()
        .any(|start| value.starts_with(start))
    {
        let detail = format!(
            "{APPROVAL_RULE} with either a URL or a reason starting with \"unapproved\"{SEE}"
        );
        causes.push(Cause::invalid(field, format!("{value:?}"), &detail));
    }
}

fn stored_versions(causes: &mut Vec<Cause>, object: &Value) {
    let stored = list(object, &["status", "storedVersions"]);
    let versions = list(object, &["spec", "versions"]);
    let shown = |value: &[Value]| {
        if value.is_empty() {
            "null".to_owned()
        } else {
            String::from_utf8_lossy(&to_json(&value.iter().cloned().collect())).into_owned()
        }
    };
    if stored.is_empty() {
        causes.push(Cause::invalid(
            "status.storedVersions",
            shown(stored),
            "must have at least one stored version",
        ));
        return;
    }
    for (index, name) in stored.iter().enumerate() {
        let name = name.as_str().unwrap_or("");
        if !versions
            .iter()
            .any(|version| version.str_at(&["name"]) == Some(name))
        {
            let detail = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            );
            causes.push(Cause::invalid(
                format!("status.storedVersions[{index}]"),
                format!("{name:?}"),
                &detail,
            ));
        }
    }
    let marked: Vec<&str> = versions
        .iter()
        .filter(|version| is_storage(version))
        .filter_map(|version| version.str_at(&["name"]))
        .collect();
    if let [.., last] = marked.as_slice()
        && marked.len() > 1
    {
        causes.push(Cause::invalid(
            "status.storedVersions",
            shown(stored),
            &format!("must have the storage version {last}"),
        ));
    }
}

/// What an established definition may not change.
fn immutable(causes: &mut Vec<Cause>, object: &Value, live: &Value) {
    let established = super::condition(live, "Established") == Some("True");
    let fields: &[&[&str]] = if established {
        &[
            &["spec", "group"],
            &["spec", "scope"],
            &["spec", "names", "kind"],
            &["spec", "names", "plural"],
        ]
    } else {
        &[&["spec", "group"], &["spec", "names", "plural"]]
    };
    for path in fields {
        if object.at(path) != live.at(path) {
            let shown = format!("{:?}", object.str_at(path).unwrap_or(""));
            causes.push(Cause::invalid(path.join("."), shown, "field is immutable"));
        }
    }
}
