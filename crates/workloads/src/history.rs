//! ControllerRevisions: the templates that a StatefulSet or DaemonSet has had.

use crate::cache::Kind;
use crate::pods::{hash_of, owner_reference};
use trueup_cluster::LiveObject;
use trueup_object::{Map, Text, Value, value};

/// The longest part of a name that stands before a hash.
const MAX_PREFIX: usize = 223;

/// What a revision keeps: the strategic merge patch that brings the template
/// back.
pub(crate) fn data_of(live: &LiveObject) -> Value {
    let mut template = live
        .value()
        .at(&["spec", "template"])
        .cloned()
        .unwrap_or_else(Value::map);
    template.set_at(&["$patch"], "replace".into());
    value!({"spec": {"template": template}})
}

/// The template that a revision brings back.
pub(crate) fn template_of(revision: &LiveObject) -> Value {
    let template = revision.value().at(&["data", "spec", "template"]);
    let mut template = template.cloned().unwrap_or_else(Value::map);
    template.remove_at(&["$patch"]);
    template
}

/// Whether a revision keeps this.
pub(crate) fn keeps(revision: &LiveObject, data: &Value) -> bool {
    revision.value().get("data") == Some(data)
}

/// `revision`
pub(crate) fn number_of(revision: &LiveObject) -> i64 {
    revision.value().i64_at(&["revision"]).unwrap_or(0)
}

/// Sorts revisions by number, then by age.
pub(crate) fn sort(revisions: &mut [&LiveObject]) {
    revisions.sort_by_cached_key(|revision| {
        (
            number_of(revision),
            revision.creation_timestamp().clone(),
            revision.name().clone(),
        )
    });
}

/// A short text for what is kept.
pub(crate) fn hash(data: &Value, collisions: i64) -> Text {
    hash_of(data, collisions)
}

/// The name of a revision with this hash.
pub(crate) fn name_of(owner: &LiveObject, hash: &str) -> Text {
    let mut end = owner.name().len().min(MAX_PREFIX);
    while !owner.name().is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{hash}", &owner.name()[..end]).into()
}

/// A revision to be created. `label` is the one that shows the hash.
pub(crate) fn revision(
    owner: (&LiveObject, Kind),
    data: Value,
    number: i64,
    hash: &Text,
    label: &str,
) -> Value {
    let (live, kind) = owner;
    let labels = live.value().at(&["spec", "template", "metadata", "labels"]);
    let mut labels = labels.and_then(Value::as_map).cloned().unwrap_or_default();
    labels.insert(label, hash.clone());
    let mut revision = value!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {
            "name": (name_of(live, hash)), "namespace": (live.namespace().clone()),
            "labels": labels,
            "ownerReferences": [(owner_reference(live, kind))],
        },
        "data": data, "revision": number,
    });
    let annotations: &Map = live.annotations();
    if !annotations.is_empty() {
        revision.set_at(&["metadata", "annotations"], annotations.clone().into());
    }
    revision
}
