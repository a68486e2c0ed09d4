//! Lists whose items must differ.

use super::limits::{child, printed};
use super::node::Node;
use crate::field_error::FieldError;
use std::collections::BTreeMap;
use trueup_object::{Text, Value};

/// Items that sets hold twice and keyed lists under one key.
pub(super) fn list_types(object: &Value, schema: &Node) -> Vec<FieldError> {
    let mut errors = Vec::new();
    uniqueness(object, schema, "", &mut errors);
    errors
}

fn uniqueness(value: &Value, schema: &Node, path: &str, errors: &mut Vec<FieldError>) {
    match value {
        Value::Map(members) => {
            for (name, member) in members {
                let below = match schema.property(name) {
                    Some(_) => child(path, name),
                    None => format!("{path}[{name}]"),
                };
                if let Some(schema) = schema.member(name) {
                    uniqueness(member, schema, &below, errors);
                }
            }
        }
        Value::List(items) => {
            match schema.list_type.as_deref() {
                Some("set") => twice(items.iter().cloned(), path, errors),
                Some("map") => keyed_twice(items, &schema.list_keys, path, errors),
                _ => {}
            }
            if let Some(of_items) = &schema.items {
                for (index, item) in items.iter().enumerate() {
                    uniqueness(item, of_items, &format!("{path}[{index}]"), errors);
                }
            }
        }
        _ => {}
    }
}

/// Names the second of equal values; a third is not named again.
fn twice(values: impl Iterator<Item = Value>, path: &str, errors: &mut Vec<FieldError>) {
    let mut seen: BTreeMap<Value, usize> = BTreeMap::new();
    for (index, value) in values.enumerate() {
        let times = seen.entry(value.clone()).or_insert(0);
        *times += 1;
        if *times == 2 {
            errors.push(FieldError::duplicate(
                format!("{path}[{index}]"),
                &printed(&value),
            ));
        }
    }
}

fn keyed_twice(items: &[Value], keys: &[Text], path: &str, errors: &mut Vec<FieldError>) {
    let odd = items
        .iter()
        .position(|item| !item.is_null() && item.as_map().is_none());
    if let Some(index) = odd {
        let detail = "must be an object for an array of list-type map";
        errors.push(FieldError::invalid(
            format!("{path}[{index}]"),
            &printed(&items[index]),
            detail,
        ));
        return;
    }
    let key_of = |item: &Value| {
        let key = |key: &Text| Some((key.clone(), item.get(key)?.clone()));
        Value::Map(keys.iter().filter_map(key).collect())
    };
    twice(items.iter().map(key_of), path, errors);
}
