//! Names, labels, annotations, finalizers, owners.

use super::{list, quoted, text};
use crate::core::prepare::Target;
use crate::core::registry::Resource;
use crate::core::status::Cause;
use trueup_object::{Map, Value, names, to_json};

/// How large all annotations together may be.
pub const MAX_ANNOTATIONS_BYTES: usize = 256 * 1024;
const STANDARD_FINALIZERS: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];

pub(super) fn created(resource: &Resource, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let generated = text(object, &["metadata", "generateName"]);
    if !generated.is_empty() {
        let base = generated
            .strip_suffix('-')
            .map_or_else(|| generated.to_owned(), |base| format!("{base}a"));
        for error in names::object_name_errors(&resource.group, &resource.kind, &base) {
            causes.push(Cause::invalid(
                "metadata.generateName",
                quoted(generated),
                &error,
            ));
        }
    }
    let name = text(object, &["metadata", "name"]);
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else {
        for error in names::object_name_errors(&resource.group, &resource.kind, name) {
            causes.push(Cause::invalid("metadata.name", quoted(name), &error));
        }
    }
    causes.extend(common(object));
    if names_finalizers(resource) {
        built_in_finalizers(&mut causes, list(object, &["metadata", "finalizers"]));
    }
    causes
}

/// What is wrong with changed metadata: the rules of every kind, then those
/// that the kind itself asks for. The genuine server tells a mistake as often
/// as it finds it.
pub(super) fn updated(
    resource: &Resource,
    target: Target,
    new: &Value,
    live: &Value,
) -> Vec<Cause> {
    let mut causes = common(new);
    causes.extend(change(new, live));
    for step in own_steps(resource, target) {
        causes.extend(match step {
            Step::Whole => common(new),
            Step::Change => change(new, live),
        });
        if names_finalizers(resource) {
            let finalizers = list(new, &["metadata", "finalizers"]);
            built_in_finalizers(&mut causes, finalizers);
        }
    }
    causes
}

/// One look of a kind at changed metadata.
#[derive(Clone, Copy)]
enum Step {
    /// As if the object were new.
    Whole,
    /// The change alone.
    Change,
}

/// How a kind looks at changed metadata, in its order.
fn own_steps(resource: &Resource, target: Target) -> &'static [Step] {
    let kind = resource.kind.as_str();
    if resource.custom.is_some() {
        return &[Step::Change];
    }
    if target == Target::Status {
        return match kind {
            "CronJob" | "PodDisruptionBudget" => &[],
            _ => &[Step::Change],
        };
    }
    match kind {
        "PodDisruptionBudget" => &[],
        "Pod"
        | "Secret"
        | "ConfigMap"
        | "ServiceAccount"
        | "PersistentVolumeClaim"
        | "Ingress"
        | "IngressClass"
        | "Endpoints" => &[Step::Change, Step::Whole],
        "Namespace"
        | "Node"
        | "Job"
        | "StorageClass"
        | "RuntimeClass"
        | "Role"
        | "ClusterRole"
        | "RoleBinding"
        | "ClusterRoleBinding"
        | "APIService"
        | "CertificateSigningRequest"
        | "CSIStorageCapacity"
        | "IPAddress"
        | "ResourceClaimTemplate" => &[Step::Whole, Step::Change],
        "PersistentVolume" => &[Step::Whole, Step::Whole],
        "LimitRange"
        | "EndpointSlice"
        | "FlowSchema"
        | "PriorityLevelConfiguration"
        | "VolumeAttachment"
        | "CSINode" => &[Step::Whole],
        _ if resource.group == "admissionregistration.k8s.io" => &[Step::Whole],
        _ => &[Step::Change],
    }
}

/// Whether a kind takes only finalizers that have a prefix or are known.
fn names_finalizers(resource: &Resource) -> bool {
    let any = [
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "coordination.k8s.io",
        "node.k8s.io",
    ];
    resource.custom.is_none() && !any.contains(&resource.group.as_str())
}

/// What no change may do, and the rules of labels, annotations and owners.
fn change(new: &Value, live: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if live.at(&["metadata", "deletionTimestamp"]).is_some() {
        causes.extend(new_finalizers(new, live));
    }
    for key in ["name", "namespace", "uid", "creationTimestamp"] {
        if new.at(&["metadata", key]) != live.at(&["metadata", key]) {
            let shown = super::shown(new.at(&["metadata", key]));
            causes.push(Cause::invalid(
                format!("metadata.{key}"),
                shown,
                "field is immutable",
            ));
        }
    }
    described(&mut causes, new);
    causes
}

fn new_finalizers(new: &Value, live: &Value) -> Option<Cause> {
    let old = list(live, &["metadata", "finalizers"]);
    let mut added: Vec<String> = list(new, &["metadata", "finalizers"])
        .iter()
        .filter(|name| !old.contains(name))
        .filter_map(Value::as_str)
        .map(quoted)
        .collect();
    if added.is_empty() {
        return None;
    }
    added.sort();
    added.dedup();
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        added.join(", ")
    );
    Some(Cause::forbidden("metadata.finalizers", &detail))
}

/// The rules of all metadata, new or changed.
fn common(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    described(&mut causes, object);
    finalizers(&mut causes, list(object, &["metadata", "finalizers"]));
    causes
}

/// Labels, annotations, owners.
fn described(causes: &mut Vec<Cause>, object: &Value) {
    labels(
        causes,
        object.at(&["metadata", "labels"]),
        "metadata.labels",
    );
    annotations(
        causes,
        object.at(&["metadata", "annotations"]),
        "metadata.annotations",
    );
    owners(causes, list(object, &["metadata", "ownerReferences"]));
}

/// Labels: qualified keys, short values.
pub(super) fn labels(causes: &mut Vec<Cause>, labels: Option<&Value>, field: &str) {
    for (key, value) in labels.and_then(Value::as_map).unwrap_or(&Map::new()) {
        for error in names::qualified_name_errors(key) {
            causes.push(Cause::invalid(field, quoted(key), &error));
        }
        let value = value.as_str().unwrap_or("");
        for error in names::label_value_errors(value) {
            causes.push(Cause::invalid(field, quoted(value), &error));
        }
    }
}

/// Annotations: qualified keys in any case, limited together.
pub(super) fn annotations(causes: &mut Vec<Cause>, annotations: Option<&Value>, field: &str) {
    let Some(annotations) = annotations.and_then(Value::as_map) else {
        return;
    };
    let mut size = 0;
    for (key, value) in annotations {
        size += key.len() + value.as_str().map_or(0, str::len);
        for error in names::qualified_name_errors(&key.to_lowercase()) {
            causes.push(Cause::invalid(field, quoted(key), &error));
        }
    }
    if size > MAX_ANNOTATIONS_BYTES {
        let message = format!("Too long: may not be more than {MAX_ANNOTATIONS_BYTES} bytes");
        causes.push(Cause::new("FieldValueTooLong", field, message));
    }
}

fn owners(causes: &mut Vec<Cause>, owners: &[Value]) {
    let mut controllers = Vec::new();
    for owner in owners {
        let version = text(owner, &["apiVersion"]);
        let (kind, name) = (text(owner, &["kind"]), text(owner, &["name"]));
        let (group, last) = version.rsplit_once('/').unwrap_or(("", version));
        if last.is_empty() || group.contains('/') {
            causes.push(Cause::invalid(
                "metadata.ownerReferences.apiVersion",
                quoted(version),
                "version must not be empty",
            ));
        }
        for (key, value) in [
            ("kind", kind),
            ("name", name),
            ("uid", text(owner, &["uid"])),
        ] {
            if value.is_empty() {
                causes.push(Cause::invalid(
                    format!("metadata.ownerReferences.{key}"),
                    "\"\"",
                    "must not be empty",
                ));
            }
        }
        if version == "v1" && kind == "Event" {
            causes.push(Cause::invalid(
                "metadata.ownerReferences",
                owner_text(owner),
                "/v1, Kind=Event is disallowed from being an owner",
            ));
        }
        if owner.at(&["controller"]).and_then(Value::as_bool) == Some(true) {
            controllers.push(format!("{kind}/{name}"));
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        let shown: Vec<String> = owners.iter().map(owner_text).collect();
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {second}"
        );
        causes.push(Cause::invalid(
            "metadata.ownerReferences",
            format!("[{}]", shown.join(",")),
            &detail,
        ));
    }
}

/// An owner reference with its fields in the API's order.
fn owner_text(owner: &Value) -> String {
    let field = |key: &str| {
        owner
            .get(key)
            .map(|value| format!("{key:?}:{}", String::from_utf8_lossy(&to_json(value))))
    };
    let fields: Vec<String> = [
        "apiVersion",
        "kind",
        "name",
        "uid",
        "controller",
        "blockOwnerDeletion",
    ]
    .iter()
    .filter_map(|key| field(key))
    .collect();
    format!("{{{}}}", fields.join(","))
}

fn finalizers(causes: &mut Vec<Cause>, finalizers: &[Value]) {
    for name in finalizers.iter().filter_map(Value::as_str) {
        for error in &names::qualified_name_errors(name) {
            causes.push(Cause::invalid("metadata.finalizers", quoted(name), error));
        }
    }
    let has = |wanted: &str| finalizers.iter().any(|name| name.as_str() == Some(wanted));
    if has("orphan") && has("foregroundDeletion") {
        let shown: Vec<String> = finalizers
            .iter()
            .filter_map(Value::as_str)
            .map(quoted)
            .collect();
        causes.push(Cause::invalid(
            "metadata.finalizers",
            format!("[{}]", shown.join(",")),
            "finalizer orphan and foregroundDeletion cannot be both set",
        ));
    }
}

/// Built-in kinds know their finalizers without a slash; custom resources
/// may have any.
fn built_in_finalizers(causes: &mut Vec<Cause>, finalizers: &[Value]) {
    for (index, name) in finalizers.iter().enumerate() {
        let name = name.as_str().unwrap_or("");
        if !name.contains('/') && !STANDARD_FINALIZERS.contains(&name) {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            causes.push(Cause::invalid(
                format!("metadata.finalizers[{index}]"),
                quoted(name),
                detail,
            ));
        }
    }
}
