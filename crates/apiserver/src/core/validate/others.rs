//! ConfigMaps, Secrets, claims, RBAC, disruption budgets.

use super::{list, quoted, text};
use crate::core::status::Cause;
use trueup_object::{Map, Value};

/// How much data a ConfigMap or Secret may hold.
pub const MAX_DATA_BYTES: usize = 1024 * 1024;
const KEY_RULE: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

fn data_keys(causes: &mut Vec<Cause>, object: &Value, field: &str) -> usize {
    let empty = Map::new();
    let data = object
        .at(&[field])
        .and_then(Value::as_map)
        .unwrap_or(&empty);
    let mut size = 0;
    for (key, value) in data {
        size += value.as_str().map_or(0, str::len);
        for error in key_errors(key) {
            causes.push(Cause::invalid(
                format!("{field}[{key}]"),
                quoted(key),
                &error,
            ));
        }
    }
    size
}

fn key_errors(key: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if key.len() > 253 {
        errors.push("must be no more than 253 characters".to_owned());
    }
    if key.is_empty()
        || !key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    {
        errors.push(KEY_RULE.to_owned());
    }
    match key {
        "." => errors.push("must not be '.'".to_owned()),
        ".." => errors.push("must not be '..'".to_owned()),
        key if key.starts_with("..") => errors.push("must not start with '..'".to_owned()),
        _ => {}
    }
    errors
}

pub(super) fn config_map(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut size = data_keys(&mut causes, object, "data");
    size += data_keys(&mut causes, object, "binaryData");
    let binary = object.get("binaryData").and_then(Value::as_map);
    for (key, _) in object
        .get("data")
        .and_then(Value::as_map)
        .into_iter()
        .flatten()
    {
        if binary.is_some_and(|binary| binary.contains_key(key)) {
            let message = format!("duplicate of key present in binaryData: {key:?}");
            causes.push(Cause::invalid(
                format!("data[{key}]"),
                quoted(key),
                &message,
            ));
        }
    }
    too_long(&mut causes, "", size);
    causes
}

fn too_long(causes: &mut Vec<Cause>, field: &str, size: usize) {
    if size > MAX_DATA_BYTES {
        let message = format!("Too long: may not be more than {MAX_DATA_BYTES} bytes");
        causes.push(Cause::new("FieldValueTooLong", field, message));
    }
}

pub(super) fn secret(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let size = data_keys(&mut causes, object, "data");
    too_long(&mut causes, "data", size / 4 * 3);
    let needs: &[&str] = match text(object, &["type"]) {
        "kubernetes.io/service-account-token" => {
            if text(
                object,
                &[
                    "metadata",
                    "annotations",
                    "kubernetes.io/service-account.name",
                ],
            )
            .is_empty()
            {
                causes.push(Cause::required(
                    "metadata.annotations[kubernetes.io/service-account.name]",
                    "",
                ));
            }
            &[]
        }
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/basic-auth" => {
            let has = |key: &str| object.at(&["data", key]).is_some();
            if !has("username") && !has("password") {
                causes.push(Cause::required("data[username]", ""));
                causes.push(Cause::required("data[password]", ""));
            }
            &[]
        }
        _ => &[],
    };
    for key in needs {
        if object.at(&["data", key]).is_none() {
            causes.push(Cause::required(format!("data[{key}]"), ""));
        }
    }
    causes
}

pub(super) fn claim(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if list(object, &["spec", "accessModes"]).is_empty() {
        causes.push(Cause::required(
            "spec.accessModes",
            "at least 1 access mode is required",
        ));
    }
    if object
        .at(&["spec", "resources", "requests", "storage"])
        .is_none()
    {
        causes.push(Cause::required("spec.resources[storage]", ""));
    }
    causes
}

pub(super) fn rbac(kind: &str, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    match kind {
        "RoleBinding" | "ClusterRoleBinding" => binding(&mut causes, kind, object),
        _ => {
            for (index, rule) in list(object, &["rules"]).iter().enumerate() {
                policy_rule(&mut causes, rule, kind, &format!("rules[{index}]"));
            }
        }
    }
    causes
}

fn policy_rule(causes: &mut Vec<Cause>, rule: &Value, kind: &str, at: &str) {
    if list(rule, &["verbs"]).is_empty() {
        causes.push(Cause::required(
            format!("{at}.verbs"),
            "verbs must contain at least one value",
        ));
    }
    let urls = list(rule, &["nonResourceURLs"]);
    if !urls.is_empty() {
        let regular = ["apiGroups", "resources", "resourceNames"]
            .iter()
            .any(|key| !list(rule, &[key]).is_empty());
        if regular && kind != "Role" {
            let shown = super::shown(rule.get("nonResourceURLs"));
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            causes.push(Cause::invalid(
                format!("{at}.nonResourceURLs"),
                shown,
                detail,
            ));
        }
        if kind == "Role" {
            let shown = super::shown(rule.get("nonResourceURLs"));
            causes.push(Cause::invalid(
                format!("{at}.nonResourceURLs"),
                shown,
                "namespaced rules cannot apply to non-resource URLs",
            ));
        }
        return;
    }
    if list(rule, &["apiGroups"]).is_empty() {
        causes.push(Cause::required(
            format!("{at}.apiGroups"),
            "resource rules must supply at least one api group",
        ));
    }
    if list(rule, &["resources"]).is_empty() {
        causes.push(Cause::required(
            format!("{at}.resources"),
            "resource rules must supply at least one resource",
        ));
    }
}

fn binding(causes: &mut Vec<Cause>, kind: &str, object: &Value) {
    let group = text(object, &["roleRef", "apiGroup"]);
    if group != "rbac.authorization.k8s.io" {
        causes.push(Cause::unsupported(
            "roleRef.apiGroup",
            quoted(group),
            &["rbac.authorization.k8s.io"],
        ));
    }
    let role = text(object, &["roleRef", "kind"]);
    let allowed: &[&str] = if kind == "ClusterRoleBinding" {
        &["ClusterRole"]
    } else {
        &["ClusterRole", "Role"]
    };
    if !allowed.contains(&role) {
        let allowed: &[&str] = if kind == "ClusterRoleBinding" {
            &["ClusterRole"]
        } else {
            &["Role", "ClusterRole"]
        };
        causes.push(Cause::unsupported("roleRef.kind", quoted(role), allowed));
    }
    if text(object, &["roleRef", "name"]).is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    }
    for (index, subject) in list(object, &["subjects"]).iter().enumerate() {
        let at = format!("subjects[{index}]");
        if text(subject, &["name"]).is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
        match text(subject, &["kind"]) {
            "ServiceAccount"
                if kind == "ClusterRoleBinding" && text(subject, &["namespace"]).is_empty() =>
            {
                causes.push(Cause::required(format!("{at}.namespace"), ""));
            }
            "ServiceAccount" | "User" | "Group" => {}
            other => causes.push(Cause::unsupported(
                format!("{at}.kind"),
                quoted(other),
                &["ServiceAccount", "User", "Group"],
            )),
        }
    }
}

pub(super) fn budget(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let both = object.at(&["spec", "minAvailable"]).is_some()
        && object.at(&["spec", "maxUnavailable"]).is_some();
    if both {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        causes.push(Cause::invalid(
            "spec",
            super::shown(object.get("spec")),
            detail,
        ));
    }
    causes
}
