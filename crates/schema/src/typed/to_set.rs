//! What fields a value mentions.

use super::items::{Item, item_key};
use crate::field_set::{Entry, FieldSet};
use crate::types::{Form, ListType, MapType, Relation, Type};
use std::collections::BTreeMap;
use trueup_object::{Map, Segment, Value};

/// Every leaf and list item that the value mentions, as the one who applies
/// it owns them. Items that can't be told apart are left out.
#[must_use]
pub fn field_set(value: &Value, typ: &Type) -> FieldSet {
    mentioned(value, typ).1
}

/// Whether the value itself is a leaf, and what is mentioned below it.
fn mentioned(value: &Value, typ: &Type) -> (bool, FieldSet) {
    match typ.atom().form(Some(value)) {
        Form::Scalar(_) => (true, FieldSet::new()),
        Form::List(list) if list.relation == Relation::Atomic => (true, FieldSet::new()),
        Form::List(list) => (
            false,
            value
                .as_list()
                .map(|items| of_list(items, list))
                .unwrap_or_default(),
        ),
        Form::Map(map) if map.atomic => (true, FieldSet::new()),
        Form::Map(map) => (
            false,
            value
                .as_map()
                .map(|members| of_map(members, map))
                .unwrap_or_default(),
        ),
    }
}

fn of_map(members: &Map, map: &MapType) -> FieldSet {
    let entry = |(key, value): (&trueup_object::Text, &Value)| {
        let typ = map.member(key)?;
        let (leaf, below) = mentioned(value, typ);
        let empty = value.is_null() || value.as_map().is_some_and(Map::is_empty);
        let member = leaf || empty || map.field(key).is_none();
        (member || !below.is_empty()).then(|| Entry {
            segment: Segment::Key(key.clone()),
            member,
            below,
        })
    };
    FieldSet::from_entries(members.iter().filter_map(entry).collect())
}

/// An item that is there twice is owned as one leaf.
fn of_list(items: &[Value], list: &ListType) -> FieldSet {
    let mut by_key: BTreeMap<Segment, FieldSet> = BTreeMap::new();
    for item in items {
        let Ok(Item(segment)) = item_key(list, item) else {
            continue;
        };
        match by_key.entry(segment) {
            std::collections::btree_map::Entry::Occupied(mut known) => {
                known.insert(FieldSet::new());
            }
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(mentioned(item, &list.element).1);
            }
        }
    }
    let entry = |(segment, below)| Entry {
        segment,
        member: true,
        below,
    };
    FieldSet::from_entries(by_key.into_iter().map(entry).collect())
}
