//! How items of associative lists are told apart.

use crate::types::{ListType, Relation};
use trueup_object::{Segment, Text, Value};

/// The identity of an item within its list.
pub(super) struct Item(pub Segment);

/// The identity of an item, or why it has none.
pub(super) fn item_key(list: &ListType, item: &Value) -> Result<Item, String> {
    match &list.relation {
        Relation::Keyed(keys) => keyed(list, keys, item).map(Item),
        Relation::Set => set_item(item).map(Item),
        Relation::Atomic => Err("invalid indexing of non-associative list".into()),
    }
}

fn keyed(list: &ListType, keys: &[Text], item: &Value) -> Result<Segment, String> {
    if item.is_null() {
        return Err("associative list with keys may not have a null element".into());
    }
    let Value::Map(map) = item else {
        return Err("associative list with keys may not have non-map elements".into());
    };
    let element = list.element.atom().map.as_ref();
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let default = || element?.field(key)?.default.as_ref();
        match map.get(key).or_else(default) {
            Some(value) => found.push((key.clone(), value.clone())),
            None if element.is_none() => {
                return Err(format!(
                    "couldn't find default value for {key}: associative list may not have non-map types"
                ));
            }
            None => {}
        }
    }
    if found.is_empty() {
        let names: Vec<_> = keys.iter().map(|key| crate::go::quoted(key)).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Segment::Item(found))
}

fn set_item(item: &Value) -> Result<Segment, String> {
    match item {
        Value::Map(_) => {
            Err("associative list without keys has an element that's a map type".into())
        }
        Value::List(_) => Err("not supported: associative list with lists as elements".into()),
        Value::Null => {
            Err("associative list without keys has an element that's an explicit null".into())
        }
        scalar => Ok(Segment::Member(scalar.clone())),
    }
}
