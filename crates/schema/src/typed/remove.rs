//! Taking fields out of a value, or only them.

use super::items::{Item, item_key};
use crate::field_set::{Entry, FieldSet};
use crate::types::{Form, ListType, MapType, Relation, Type};
use trueup_object::{EcoVec, Map, Segment, Value};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Others,
    Named,
}

/// The value without the fields of the set.
pub(crate) fn remove(value: &Value, fields: &FieldSet, typ: &Type) -> Value {
    if fields.is_empty() {
        return value.clone();
    }
    walk(value, fields, typ, Keep::Others)
}

/// The part of a value that a set names: its live values under, say, what a
/// manager owns. Fields that are not there are left out; list items keep their
/// key fields only if the set names them.
#[must_use]
pub fn project(value: &Value, fields: &FieldSet, typ: &Type) -> Value {
    walk(value, fields, typ, Keep::Named)
}

fn walk(value: &Value, fields: &FieldSet, typ: &Type, keep: Keep) -> Value {
    let whole = || {
        if keep == Keep::Named {
            value.clone()
        } else {
            Value::Null
        }
    };
    match (typ.atom().form(Some(value)), value) {
        (Form::Scalar(_), value) => value.clone(),
        (Form::List(list), Value::List(items)) => {
            if items.is_empty() || list.relation == Relation::Atomic {
                return whole();
            }
            of_list(items, fields, list, keep)
        }
        (Form::Map(map), Value::Map(members)) => {
            if members.is_empty() || map.atomic {
                return whole();
            }
            of_map(members, fields, map, keep)
        }
        _ => whole(),
    }
}

fn of_list(items: &[Value], fields: &FieldSet, list: &ListType, keep: Keep) -> Value {
    let kept = |item: &Value| {
        let entry = item_key(list, item)
            .ok()
            .and_then(|Item(segment)| fields.get(&segment));
        of_entry(item, entry, Some(&list.element), keep)
    };
    let kept: EcoVec<Value> = items.iter().filter_map(kept).collect();
    if kept.is_empty() {
        Value::Null
    } else {
        Value::List(kept)
    }
}

fn of_map(members: &Map, fields: &FieldSet, map: &MapType, keep: Keep) -> Value {
    let kept = members.iter().filter_map(|(key, value)| {
        let entry = fields.get(&Segment::Key(key.clone()));
        Some((key.clone(), of_entry(value, entry, map.member(key), keep)?))
    });
    let kept: Map = kept.collect();
    if kept.is_empty() {
        Value::Null
    } else {
        Value::Map(kept)
    }
}

/// What stays of one member or item; `None` if nothing.
fn of_entry(value: &Value, entry: Option<&Entry>, typ: Option<&Type>, keep: Keep) -> Option<Value> {
    let below =
        |entry: &Entry| typ.map_or(value.clone(), |typ| walk(value, &entry.below, typ, keep));
    match (keep, entry) {
        (Keep::Others, None) => Some(value.clone()),
        (Keep::Others, Some(entry)) if entry.member => None,
        (Keep::Named, None) => None,
        (Keep::Named, Some(entry)) if entry.below.is_empty() => Some(shell(value, typ)),
        (_, Some(entry)) => Some(below(entry)),
    }
}

/// What a path names without naming anything below it: a leaf as a whole, of
/// a granular map or list only that it is there.
fn shell(value: &Value, typ: Option<&Type>) -> Value {
    match (typ.map(|typ| typ.atom().form(Some(value))), value) {
        (Some(Form::Map(map)), Value::Map(_)) if !map.atomic => Value::map(),
        (Some(Form::List(list)), Value::List(_)) if list.relation != Relation::Atomic => {
            Value::List(EcoVec::new())
        }
        _ => value.clone(),
    }
}

/// The set with every declared field that leads to a member made a member,
/// so that structs go when nothing is left in them.
pub(crate) fn with_named_fields(set: &FieldSet, typ: &Type) -> FieldSet {
    let atom = typ.atom();
    let adapt = |entry: &Entry| {
        let declared = match (&entry.segment, &atom.map) {
            (Segment::Key(name), Some(map)) => map.field(name).is_some(),
            _ => false,
        };
        let below_type = match (&entry.segment, &atom.map, &atom.list) {
            (Segment::Key(name), Some(map), _) => map.member(name),
            (Segment::Item(_), _, Some(list)) => Some(&list.element),
            _ => None,
        };
        Entry {
            segment: entry.segment.clone(),
            member: entry.member || (declared && !entry.below.is_empty()),
            below: below_type.map_or_else(
                || entry.below.clone(),
                |typ| with_named_fields(&entry.below, typ),
            ),
        }
    };
    FieldSet::from_entries(set.entries().iter().map(adapt).collect())
}
