//! What an API server does not keep of an object that it is given.
//!
//! Go leaves a field out of JSON where its value says no more than its absence
//! (`omitempty`), so that it comes back without it.

use trueup_object::{Map, Quantity, Value};

/// Maps of texts, which are the same empty and absent.
const TEXT_MAPS: [&str; 7] = [
    "annotations",
    "labels",
    "limits",
    "matchLabels",
    "nodeSelector",
    "overhead",
    "requests",
];

/// Those of them that hold quantities.
const QUANTITY_MAPS: [&str; 3] = ["limits", "overhead", "requests"];

/// Texts that say something when they are empty.
const MEANINGFUL_EMPTY: [&str; 5] = [
    "fsType",
    "service",
    "storageClassName",
    "type",
    "volumeAttributesClassName",
];

/// Truth values that are false where they are absent.
const PLAIN_FLAGS: [&str; 8] = [
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "publishNotReadyAddresses",
    "readOnly",
    "stdin",
    "stdinOnce",
    "tty",
];

/// Numbers that are 0 where they are absent.
const PLAIN_NUMBERS: [&str; 3] = ["hostPort", "initialDelaySeconds", "nodePort"];

/// Without what an API server does not keep: nulls, empty lists, empty maps of
/// texts, and texts, numbers and truth values that say no more than their
/// absence. Whole floats are whole numbers.
pub(super) fn tidy(value: &Value) -> Value {
    match value {
        Value::Map(map) => map
            .iter()
            .filter(|(key, member)| !TEXT_MAPS.contains(&key.as_str()) || !is_empty_map(member))
            .map(|(key, member)| (key.clone(), tidy_member(key, member)))
            .filter(|(key, member)| !is_nothing(key, member))
            .collect::<Map>()
            .into(),
        Value::List(items) => items.iter().map(tidy).collect(),
        Value::Float(float) => whole(*float).map_or_else(|| value.clone(), Value::from),
        other => other.clone(),
    }
}

/// In a map of texts every text is content; a quantity is written the way the
/// server writes it.
fn tidy_member(key: &str, member: &Value) -> Value {
    match member {
        Value::Map(amounts) if QUANTITY_MAPS.contains(&key) => amounts
            .iter()
            .map(|(resource, amount)| (resource.clone(), canonical_amount(amount)))
            .collect::<Map>()
            .into(),
        Value::Map(_) if TEXT_MAPS.contains(&key) => member.clone(),
        other => tidy(other),
    }
}

fn canonical_amount(amount: &Value) -> Value {
    let text = match amount {
        Value::String(text) => text.to_string(),
        Value::Integer(number) => number.to_string(),
        _ => return amount.clone(),
    };
    Quantity::parse(&text).map_or_else(|_| amount.clone(), |it| it.to_string().into())
}

fn is_empty_map(member: &Value) -> bool {
    member.as_map().is_some_and(Map::is_empty)
}

fn is_nothing(key: &str, member: &Value) -> bool {
    match member {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        Value::String(text) => text.is_empty() && !MEANINGFUL_EMPTY.contains(&key),
        Value::Bool(truth) => !truth && PLAIN_FLAGS.contains(&key),
        Value::Integer(number) => *number == 0 && PLAIN_NUMBERS.contains(&key),
        _ => false,
    }
}

/// Beyond this not every whole number is a float.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

fn whole(float: f64) -> Option<i64> {
    if float.fract() != 0.0 || float.abs() > LARGEST_EXACT {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole, and within what a float counts exactly"
    )]
    Some(float as i64)
}
