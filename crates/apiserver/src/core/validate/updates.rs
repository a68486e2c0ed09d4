//! What may not change.

use super::{list, quoted, shown, text};
use crate::core::registry::Resource;
use crate::core::status::Cause;
use trueup_object::Value;

const IMMUTABLE: &str = "field is immutable";
const WHEN_SET: &str = "field is immutable when `immutable` is set";
const POD_RULE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const SET_RULE: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const CLAIM_RULE: &str = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

/// Rules that are named before those of the contents.
pub(super) fn before(resource: &Resource, new: &Value, live: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", "DaemonSet") => immutable(&mut causes, new, live, &["spec", "selector"]),
        ("", "Secret") => {
            immutable(&mut causes, new, live, &["type"]);
            sealed(&mut causes, new, live, &["data"]);
        }
        ("", "ConfigMap") => sealed(&mut causes, new, live, &["data", "binaryData"]),
        ("", "Service") => service(&mut causes, new, live),
        ("apps", "StatefulSet") => stateful_set(&mut causes, new, live),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding")
            if new.get("roleRef") != live.get("roleRef") =>
        {
            let reference = new.get("roleRef");
            let part = |key: &str| {
                reference
                    .map_or("", |reference| text(reference, &[key]))
                    .to_owned()
            };
            let shown = format!(
                "{{\"APIGroup\":{:?},\"Kind\":{:?},\"Name\":{:?}}}",
                part("apiGroup"),
                part("kind"),
                part("name")
            );
            causes.push(Cause::invalid("roleRef", shown, "cannot change roleRef"));
        }
        ("storage.k8s.io", "StorageClass") => {
            for key in [
                "parameters",
                "provisioner",
                "reclaimPolicy",
                "volumeBindingMode",
            ] {
                if new.get(key) != live.get(key) {
                    causes.push(Cause::forbidden(
                        key,
                        &format!("updates to {key} are forbidden."),
                    ));
                }
            }
        }
        _ => {}
    }
    causes
}

/// Rules that are named after those of the contents.
pub(super) fn after(resource: &Resource, new: &Value, live: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet") => {
            immutable(&mut causes, new, live, &["spec", "selector"])
        }
        ("batch", "Job") => job(&mut causes, new, live),
        ("", "Pod") => pod(&mut causes, new, live),
        ("", "PersistentVolumeClaim") => claim(&mut causes, new, live),
        _ => {}
    }
    causes
}

fn immutable(causes: &mut Vec<Cause>, new: &Value, live: &Value, path: &[&str]) {
    if new.at(path) != live.at(path) {
        let shown = new
            .at(path)
            .map_or_else(|| "\"\"".to_owned(), |value| shown(Some(value)));
        causes.push(Cause::invalid(path.join("."), shown, IMMUTABLE));
    }
}

/// Data that was declared immutable.
fn sealed(causes: &mut Vec<Cause>, new: &Value, live: &Value, fields: &[&str]) {
    if live.at(&["immutable"]).and_then(Value::as_bool) != Some(true) {
        return;
    }
    if new.at(&["immutable"]).and_then(Value::as_bool) != Some(true) {
        causes.push(Cause::forbidden("immutable", WHEN_SET));
    }
    for field in fields {
        if new.get(field) != live.get(field) {
            causes.push(Cause::forbidden(*field, WHEN_SET));
        }
    }
}

fn service(causes: &mut Vec<Cause>, new: &Value, live: &Value) {
    let external = |service: &Value| text(service, &["spec", "type"]) == "ExternalName";
    if external(new) || external(live) {
        return;
    }
    let first = |service: &Value| list(service, &["spec", "clusterIPs"]).first().cloned();
    let old = first(live);
    if old.is_some() && first(new) != old {
        let shown = shown(new.at(&["spec", "clusterIPs"]));
        causes.push(Cause::invalid(
            "spec.clusterIPs[0]",
            shown,
            "may not change once set",
        ));
    }
}

fn stateful_set(causes: &mut Vec<Cause>, new: &Value, live: &Value) {
    const FREE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let fixed = |object: &Value| {
        let mut spec = object.get("spec").cloned().unwrap_or_default();
        for key in FREE {
            spec.remove_at(&[key]);
        }
        spec
    };
    if fixed(new) != fixed(live) {
        causes.push(Cause::forbidden("spec", SET_RULE));
    }
}

fn job(causes: &mut Vec<Cause>, new: &Value, live: &Value) {
    let indexed = text(new, &["spec", "completionMode"]) == "Indexed";
    if !indexed {
        immutable(causes, new, live, &["spec", "completions"]);
    }
    immutable(causes, new, live, &["spec", "selector"]);
    let suspended = live.at(&["spec", "suspend"]).and_then(Value::as_bool) == Some(true)
        && live.at(&["status", "startTime"]).is_none();
    if !suspended {
        immutable(causes, new, live, &["spec", "template"]);
    }
    immutable(causes, new, live, &["spec", "completionMode"]);
}

fn pod(causes: &mut Vec<Cause>, new: &Value, live: &Value) {
    for kind in ["containers", "initContainers"] {
        if list(new, &["spec", kind]).len() != list(live, &["spec", kind]).len() {
            causes.push(Cause::forbidden(
                format!("spec.{kind}"),
                &format!(
                    "pod updates may not add or remove {}",
                    if kind == "containers" {
                        "containers"
                    } else {
                        "init containers"
                    }
                ),
            ));
            return;
        }
    }
    let fixed = |object: &Value| {
        let mut spec = object.get("spec").cloned().unwrap_or_default();
        for kind in ["containers", "initContainers"] {
            crate::core::defaults::each(&mut spec, &[kind], |container| {
                container.remove_at(&["image"]);
            });
        }
        for key in [
            "activeDeadlineSeconds",
            "tolerations",
            "ephemeralContainers",
        ] {
            spec.remove_at(&[key]);
        }
        spec
    };
    if fixed(new) != fixed(live) {
        causes.push(Cause::forbidden("spec", POD_RULE));
        return;
    }
    let kept = list(live, &["spec", "tolerations"])
        .iter()
        .all(|toleration| list(new, &["spec", "tolerations"]).contains(toleration));
    if !kept {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        causes.push(Cause::forbidden("spec.tolerations", detail));
    }
}

fn claim(causes: &mut Vec<Cause>, new: &Value, live: &Value) {
    let fixed = |object: &Value| {
        let mut spec = object.get("spec").cloned().unwrap_or_default();
        spec.remove_at(&["resources", "requests"]);
        spec.remove_at(&["volumeAttributesClassName"]);
        spec
    };
    let (wanted, found) = (fixed(new), fixed(live));
    let named_later = live.at(&["spec", "volumeName"]).is_none();
    let without_volume = |mut spec: Value| {
        spec.remove_at(&["volumeName"]);
        spec
    };
    let same = if named_later {
        without_volume(wanted) == without_volume(found)
    } else {
        wanted == found
    };
    if !same {
        causes.push(Cause::forbidden("spec", CLAIM_RULE));
    }
    let _ = quoted("");
}
