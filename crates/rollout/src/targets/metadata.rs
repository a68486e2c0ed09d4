//! Labels, annotations and owners of what is made for a `Canary`.

use std::collections::BTreeMap;
use trueup_kinds::{Canary, Resource, names};
use trueup_object::{Map, Text, Value, value};

/// Annotations on generated Services and routes that tell Flux's controllers
/// to leave them alone.
pub const HANDS_OFF_ANNOTATIONS: [(&str, &str); 2] = [
    (names::RECONCILE, "disabled"),
    ("helm.toolkit.fluxcd.io/driftDetection", "disabled"),
];

/// Keys with this part say which of Flux's objects owns something; a copy that
/// carried them would be pruned.
const TOOLKIT_MARKER: &str = "toolkit.fluxcd.io";

/// Takes every key.
const EVERY_KEY: &str = "*";

/// The map at a path, empty if there is none.
pub(super) fn map_at(object: &Value, path: &[&str]) -> Map {
    object
        .at(path)
        .and_then(Value::as_map)
        .cloned()
        .unwrap_or_default()
}

/// Without the keys of Flux.
pub(super) fn without_toolkit(mut metadata: Map) -> Map {
    metadata.retain(|key, _| !key.contains(TOOLKIT_MARKER));
    metadata
}

/// Only the keys that copies get.
pub(super) fn included(metadata: Map, prefixes: &[Text]) -> Map {
    let wanted = |key: &str| {
        prefixes.iter().any(|prefix| {
            prefix == EVERY_KEY || (!prefix.is_empty() && key.starts_with(prefix.as_str()))
        })
    };
    let mut kept = without_toolkit(metadata);
    kept.retain(|key, _| wanted(key));
    kept
}

/// Labels of the primary or its Pods: those of the target with one changed.
pub(super) fn primary_labels(labels: Map, label: &str, primary_value: &str) -> Map {
    let mut labels = without_toolkit(labels);
    labels.insert(label, primary_value);
    labels
}

/// Labels or annotations of a `Canary` as a map of an object.
pub(super) fn to_map(metadata: &BTreeMap<Text, Text>) -> Map {
    metadata
        .iter()
        .map(|(key, value)| (key.clone(), Value::from(value.clone())))
        .collect()
}

/// Sets a map, or removes it where it would be empty.
pub(super) fn set_map(object: &mut Value, path: &[&str], map: Map) {
    if map.is_empty() {
        object.remove_at(path);
    } else {
        object.set_at(path, map.into());
    }
}

/// The reference that makes the `Canary` the controlling owner of an object,
/// so that it goes with it.
#[must_use]
pub fn owner_reference(canary: &Canary) -> Value {
    value!({
        "apiVersion": (Canary::group_version_kind().api_version()),
        "kind": (Canary::KIND),
        "name": (canary.metadata.name.clone()),
        "uid": (canary.metadata.uid.clone()),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// The name, namespace and owner of something that is made.
pub(super) fn owned_metadata(canary: &Canary, name: &str) -> Value {
    value!({
        "name": name,
        "namespace": (canary.metadata.namespace.clone()),
        "ownerReferences": [(owner_reference(canary))],
    })
}

/// The references to owners.
pub(super) fn owners(object: &Value) -> &[Value] {
    object
        .at(&["metadata", "ownerReferences"])
        .and_then(Value::as_list)
        .unwrap_or_default()
}

/// Whether a reference to an owner is one to a `Canary`.
pub(super) fn is_canary_reference(owner: &Value) -> bool {
    let group = owner
        .str_at(&["apiVersion"])
        .and_then(|version| version.split_once('/'))
        .map(|(group, _)| group);
    owner.str_at(&["kind"]) == Some(Canary::KIND) && group == Some(Canary::GROUP)
}

/// The name of the `Canary` that controls an object, if one does.
pub(super) fn controlling_canary(object: &Value) -> Option<&str> {
    owners(object)
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
        .filter(|owner| is_canary_reference(owner))?
        .str_at(&["name"])
}

/// Whether this `Canary` controls an object.
pub(super) fn is_controlled_by(object: &Value, canary: &Canary) -> bool {
    controlling_canary(object) == Some(canary.metadata.name.as_str())
}

/// Whether a reference names this `Canary`.
pub(super) fn is_reference_to(owner: &Value, canary: &Canary) -> bool {
    is_canary_reference(owner) && owner.str_at(&["name"]) == Some(canary.metadata.name.as_str())
}
