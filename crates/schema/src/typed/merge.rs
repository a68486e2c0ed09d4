//! Merging an applied configuration into a live value.

use super::check::{MAX_DEPTH, TypedError};
use super::compare::{items, members, zip};
use super::items::{Item, item_key};
use crate::types::{Form, ListType, MapType, Relation, Type};
use std::collections::{BTreeMap, BTreeSet};
use trueup_object::{EcoVec, Map, Segment, Value};

/// The live value with everything that the configuration says; nothing is
/// removed. Lists keep the live order unless the configuration changes it.
pub(crate) fn merge(live: &Value, applied: &Value, typ: &Type) -> Result<Value, TypedError> {
    Ok(both(Some(live), Some(applied), typ, 0)?.unwrap_or_default())
}

fn both(
    live: Option<&Value>,
    applied: Option<&Value>,
    typ: &Type,
    depth: usize,
) -> Result<Option<Value>, TypedError> {
    let (Some(left), Some(right)) = (live, applied) else {
        return Ok(applied.or(live).cloned());
    };
    if depth > MAX_DEPTH {
        return Err(TypedError::one(format!(
            "nested more than {MAX_DEPTH} levels deep"
        )));
    }
    match typ.atom().form(Some(right)) {
        Form::Scalar(_) => Ok(Some(right.clone())),
        Form::List(list) => {
            let (a, b) = (items(live), items(applied));
            if list.relation == Relation::Atomic || (a.is_empty() && b.is_empty()) {
                return Ok(Some(right.clone()));
            }
            if left == right {
                return Ok(Some(left.clone()));
            }
            lists(a, b, list, depth)
        }
        Form::Map(map) => {
            let (a, b) = (members(live), members(applied));
            if map.atomic || (a.is_none_or(Map::is_empty) && b.is_none_or(Map::is_empty)) {
                return Ok(Some(right.clone()));
            }
            maps(a, b, map, depth)
        }
    }
}

fn maps(
    live: Option<&Map>,
    applied: Option<&Map>,
    map: &MapType,
    depth: usize,
) -> Result<Option<Value>, TypedError> {
    let mut out: Vec<(trueup_object::Text, Value)> = Vec::with_capacity(live.map_or(0, Map::len));
    for (key, a, b) in zip(live, applied) {
        let merged = match map.member(key) {
            Some(typ) => both(a, b, typ, depth + 1)?,
            None => b.or(a).cloned(),
        };
        out.extend(merged.map(|value| (key.clone(), value)));
    }
    Ok((!out.is_empty()).then(|| Value::Map(out.into_iter().collect())))
}

/// The items of a list with their keys.
struct Side<'a> {
    keys: Vec<Segment>,
    items: Vec<&'a Value>,
    /// The item of each key; `None` for one that is there twice, which
    /// merges with nothing.
    by_key: BTreeMap<Segment, Option<&'a Value>>,
}

impl<'a> Side<'a> {
    fn read(items: &'a [Value], list: &ListType) -> Result<Self, TypedError> {
        let mut side = Self {
            keys: Vec::with_capacity(items.len()),
            items: Vec::new(),
            by_key: BTreeMap::new(),
        };
        for (index, item) in items.iter().enumerate() {
            let Item(segment) = item_key(list, item)
                .map_err(|cause| TypedError::one(format!("element {index}: {cause}")))?;
            let twice = side.by_key.contains_key(&segment);
            side.by_key
                .insert(segment.clone(), (!twice).then_some(item));
            side.keys.push(segment);
            side.items.push(item);
        }
        Ok(side)
    }

    fn has(&self, key: &Segment) -> bool {
        self.by_key.contains_key(key)
    }

    fn get(&self, key: &Segment) -> Option<&'a Value> {
        self.by_key
            .get(key)
            .map(|item| item.unwrap_or(&Value::Null))
    }
}

/// Interleaves two lists: items of both come in the applied order, each after
/// the live-only items that stood before it.
fn lists(
    live: &[Value],
    applied: &[Value],
    list: &ListType,
    depth: usize,
) -> Result<Option<Value>, TypedError> {
    let (left, right) = (Side::read(live, list)?, Side::read(applied, list)?);
    let mut shared = right.keys.iter().filter(|key| left.has(key));
    let mut next_shared = shared.next();
    let mut merged: BTreeSet<&Segment> = BTreeSet::new();
    let mut out = EcoVec::with_capacity(left.keys.len().max(right.keys.len()));
    let (mut l, mut r) = (0, 0);
    while l < left.keys.len() || r < right.keys.len() {
        if let (Some(here), Some(there)) = (left.keys.get(l), right.keys.get(r)) {
            if here == there {
                merged.insert(here);
                out.extend(both(
                    left.get(here),
                    right.get(here),
                    &list.element,
                    depth + 1,
                )?);
                (l, r) = (l + 1, r + 1);
                next_shared = shared.next();
                continue;
            }
            if right.has(here) && next_shared.is_some_and(|next| next != here) {
                l += 1;
                continue;
            }
        }
        if let Some(here) = left.keys.get(l) {
            if !right.has(here) {
                out.push(left.items[l].clone());
                l += 1;
                continue;
            }
            if merged.contains(here) {
                l += 1;
            }
        }
        if let Some(there) = right.keys.get(r) {
            merged.insert(there);
            out.extend(both(
                left.get(there),
                right.get(there),
                &list.element,
                depth + 1,
            )?);
            r += 1;
            if next_shared == Some(there) {
                next_shared = shared.next();
            }
        }
    }
    Ok((!out.is_empty()).then_some(Value::List(out)))
}
