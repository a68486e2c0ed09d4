//! Migration from `kubectl apply` on the client to server-side apply: what
//! the annotation lists unchanged may be taken over without force.

use super::{ApplyError, Conflict, owners::Context};
use crate::field_set::FieldSet;
use crate::typed::{Duplicates, check, compare, field_set};
use trueup_object::{Value, from_json, to_json};

/// The manager whose applies migrate.
pub(super) const MANAGER: &str = "kubectl";
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
const ANNOTATION_PATH: [&str; 3] = ["metadata", "annotations", ANNOTATION];
/// Annotations may be this large together; beyond, this one is left out.
const MAX_ANNOTATIONS_BYTES: usize = 256 * 1024;

/// Succeeds if the annotation allows all conflicts; else returns those left.
pub(super) fn settle(
    context: &Context<'_>,
    live: &Value,
    conflicts: Vec<Conflict>,
) -> Result<(), ApplyError> {
    let Some(allowed) = allowed(context, live) else {
        return Err(ApplyError::Conflicts(conflicts));
    };
    let left: Vec<_> = conflicts
        .into_iter()
        .filter(|conflict| !allowed.contains(&conflict.path))
        .collect();
    if left.is_empty() {
        Ok(())
    } else {
        Err(ApplyError::Conflicts(left))
    }
}

/// The fields that the annotation lists with the values that are live.
fn allowed(context: &Context<'_>, live: &Value) -> Option<FieldSet> {
    let annotation = live
        .str_at(&ANNOTATION_PATH)
        .filter(|text| !text.is_empty())?;
    let last = from_json(annotation.as_bytes()).ok()?;
    if last.str_at(&["apiVersion"]) != Some(context.api_version) {
        return None;
    }
    check(live, context.typ, Duplicates::Refused).ok()?;
    check(&last, context.typ, Duplicates::Refused).ok()?;
    let difference = compare(&last, live, context.typ).ok()?;
    let listed = field_set(&last, context.typ);
    Some(
        listed
            .difference(&difference.modified)
            .difference(&difference.added)
            .difference(&difference.removed),
    )
}

/// Writes the configuration just applied into the annotation, if the object
/// has it.
pub(super) fn refresh(object: &mut Value, applied: &Value) {
    if object.str_at(&ANNOTATION_PATH).is_none_or(str::is_empty) {
        return;
    }
    let mut text = to_json(&without_annotation(applied));
    text.push(b'\n');
    let text = String::from_utf8_lossy(&text).into_owned();
    if annotations_bytes(object) + text.len() > MAX_ANNOTATIONS_BYTES {
        object.remove_at(&ANNOTATION_PATH);
    } else {
        object.set_at(&ANNOTATION_PATH, text.into());
    }
}

fn without_annotation(applied: &Value) -> Value {
    let mut applied = applied.clone();
    applied.remove_at(&ANNOTATION_PATH);
    if applied
        .at(&["metadata", "annotations"])
        .and_then(Value::as_map)
        .is_some_and(|map| map.is_empty())
    {
        applied.remove_at(&["metadata", "annotations"]);
    }
    applied
}

fn annotations_bytes(object: &Value) -> usize {
    let annotations = object
        .at(&["metadata", "annotations"])
        .and_then(Value::as_map);
    let others = annotations
        .into_iter()
        .flatten()
        .filter(|(key, _)| key != ANNOTATION);
    others
        .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len))
        .sum::<usize>()
        + ANNOTATION.len()
}
