//! Copies of ConfigMaps and Secrets for the primary.

use super::super::metadata::{
    included, is_canary_reference, is_reference_to, map_at, owned_metadata, owner_reference,
    owners, set_map,
};
use super::super::view::{View, primary_name};
use super::super::{TargetError, Write};
use super::{ConfigRef, Configs, references};
use trueup_kinds::Canary;
use trueup_object::{ObjectRef, Value};

/// The fields that hold content. `immutable` is not copied: the copy keeps its
/// name when its content changes.
const CONTENT: [&str; 3] = ["type", "data", "binaryData"];

/// Makes the primary's copies equal to the originals. `primary` is the primary
/// as it was read, if there is one. Refuses to write over an object that
/// somebody else made under the name of a copy.
pub(in super::super) fn copy_configs(
    view: &View<'_>,
    configs: &Configs<'_>,
    primary: Option<&Value>,
) -> Result<Vec<Write>, TargetError> {
    let copies: Vec<(ObjectRef, ConfigRef)> = configs
        .keys()
        .map(|reference| {
            let copy = ConfigRef {
                kind: reference.kind,
                name: primary_name(&reference.name),
            };
            (copy.object(view), copy)
        })
        .collect();
    view.observed
        .all_read(copies.iter().map(|(object, _)| object))?;
    let used = primary.map(references::references_of).unwrap_or_default();
    let mut writes = Vec::new();
    for (original, (object, copy)) in configs.values().zip(&copies) {
        let wanted = wanted_copy(view, original, &object.name);
        let Some(existing) = view.observed.optional(object)? else {
            writes.push(Write::Create(wanted));
            continue;
        };
        let is_ours = owners(existing).iter().any(is_canary_reference) || used.contains_key(copy);
        if !is_ours {
            return Err(TargetError::refused(format!(
                "{copy} exists in namespace {} and belongs to no Canary; it is not overwritten by a copy",
                object.namespace
            )));
        }
        writes.extend(bring_up_to_date(view.canary, existing, &wanted, object));
    }
    Ok(writes)
}

fn wanted_copy(view: &View<'_>, original: &Value, name: &str) -> Value {
    let prefixes = &view.options.include_label_prefixes;
    let mut copy = Value::map();
    for key in ["apiVersion", "kind"].into_iter().chain(CONTENT) {
        if let Some(member) = original.get(key) {
            copy.set_at(&[key], member.clone());
        }
    }
    copy.set_at(&["metadata"], owned_metadata(view.canary, name));
    for key in ["labels", "annotations"] {
        let kept = included(map_at(original, &["metadata", key]), prefixes);
        set_map(&mut copy, &["metadata", key], kept);
    }
    copy
}

fn has_content_of(existing: &Value, wanted: &Value) -> bool {
    CONTENT
        .iter()
        .all(|key| existing.get(key) == wanted.get(key))
}

fn bring_up_to_date(
    canary: &Canary,
    existing: &Value,
    wanted: &Value,
    object: &ObjectRef,
) -> Vec<Write> {
    let is_frozen = existing.get("immutable").and_then(Value::as_bool) == Some(true);
    let retyped = existing.get("type") != wanted.get("type");
    if retyped || (is_frozen && !has_content_of(existing, wanted)) {
        return vec![Write::Delete(object.clone()), Write::Create(wanted.clone())];
    }
    let mut next = existing.clone();
    for key in CONTENT {
        match wanted.get(key) {
            Some(member) => next.set_at(&[key], member.clone()),
            None => {
                next.remove_at(&[key]);
            }
        }
    }
    for key in ["labels", "annotations"] {
        set_map(
            &mut next,
            &["metadata", key],
            map_at(wanted, &["metadata", key]),
        );
    }
    next.set_at(
        &["metadata", "ownerReferences"],
        shared_owners(canary, existing),
    );
    if next == *existing {
        return Vec::new();
    }
    vec![Write::Replace(next)]
}

/// The owners of a copy with this `Canary` among them. Several may share it;
/// the API takes one that controls.
fn shared_owners(canary: &Canary, existing: &Value) -> Value {
    let mut references = owners(existing).to_vec();
    let known = references
        .iter()
        .position(|owner| is_reference_to(owner, canary));
    let is_controlled = references.iter().enumerate().any(|(place, owner)| {
        Some(place) != known && owner.get("controller").and_then(Value::as_bool) == Some(true)
    });
    let mut own = owner_reference(canary);
    own.set_at(&["controller"], (!is_controlled).into());
    match known.and_then(|place| references.get_mut(place)) {
        Some(reference) => *reference = own,
        None => references.push(own),
    }
    references.into()
}
