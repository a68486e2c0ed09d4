//! Filling in defaults, and nulls.

use super::node::{Additional, Node};
use trueup_object::Value;

fn is_missing(value: Option<&Value>, schema: &Node) -> bool {
    value.is_none_or(|value| value.is_null() && !schema.nullable)
}

/// Fills in defaults below a value.
pub(super) fn fill(value: &mut Value, schema: &Node) {
    match value {
        Value::Map(_) => {
            for (name, property) in &schema.properties {
                if let Some(default) = &property.default
                    && is_missing(value.get(name), property)
                    && let Some(map) = value.as_map_mut()
                {
                    map.insert(name.clone(), default.clone());
                }
            }
            fill_members(value, schema);
        }
        Value::List(_) => {
            let Some(items) = schema.items.as_deref().filter(|items| has_defaults(items)) else {
                return;
            };
            for item in value
                .as_list_mut()
                .into_iter()
                .flat_map(|list| list.make_mut())
            {
                replace_null(item, items);
                fill(item, items);
            }
        }
        _ => {}
    }
}

fn fill_members(value: &mut Value, schema: &Node) {
    if !members_have_defaults(schema) {
        return;
    }
    for (name, member) in value
        .as_map_mut()
        .into_iter()
        .flat_map(|map| map.iter_mut())
    {
        if let Some(property) = schema.property(name) {
            fill(member, property);
        } else if let Some(Additional::Schema(additional)) = &schema.additional {
            replace_null(member, additional);
            fill(member, additional);
        }
    }
}

fn replace_null(value: &mut Value, schema: &Node) {
    if value.is_null()
        && !schema.nullable
        && let Some(default) = &schema.default
    {
        *value = default.clone();
    }
}

/// Whether there is a default at or below a schema; without one nothing needs
/// to be unshared.
fn has_defaults(schema: &Node) -> bool {
    schema.default.is_some()
        || schema.items.as_deref().is_some_and(has_defaults)
        || members_have_defaults(schema)
}

fn members_have_defaults(schema: &Node) -> bool {
    let additional = match &schema.additional {
        Some(Additional::Schema(additional)) => has_defaults(additional),
        _ => false,
    };
    additional
        || schema
            .properties
            .iter()
            .any(|(_, property)| has_defaults(property))
}

/// Removes nulls that are neither nullable nor defaulted.
pub(super) fn drop_nulls(value: &mut Value, schema: &Node) {
    if !has_nulls(value) {
        return;
    }
    match value {
        Value::Map(map) => {
            let dropped = |name: &str, member: &Value| {
                member.is_null()
                    && schema
                        .member(name)
                        .is_some_and(|schema| !schema.nullable && schema.default.is_none())
            };
            map.retain(|name, member| !dropped(name, member));
            for (name, member) in map.iter_mut() {
                if let Some(schema) = schema.member(name) {
                    drop_nulls(member, schema);
                }
            }
        }
        Value::List(list) => {
            if let Some(items) = &schema.items {
                list.make_mut()
                    .iter_mut()
                    .for_each(|item| drop_nulls(item, items));
            }
        }
        _ => {}
    }
}

fn has_nulls(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Map(map) => map.values().any(has_nulls),
        Value::List(list) => list.iter().any(has_nulls),
        _ => false,
    }
}
