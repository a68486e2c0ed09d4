//! Cells that several kinds share.

use super::age::since;
use super::{Builtin, columns};
use jiff::Timestamp;
use trueup_object::Value;

/// What a cell shows for a missing value.
pub const NONE: &str = "<none>";
/// What a cell shows for a value that can't be known.
pub const UNKNOWN: &str = "<unknown>";
/// What a cell shows for a value that was never set.
pub const UNSET: &str = "<unset>";

/// Name and creation time, for kinds without a printer.
pub static DEFAULT: Builtin = Builtin {
    group: "",
    resource: "",
    columns: &[columns::NAME, columns::CREATED_AT],
    cells: default_cells,
};

fn default_cells(object: &Value, _: Timestamp) -> Vec<Value> {
    let created = object
        .at(&["metadata", "creationTimestamp"])
        .cloned()
        .unwrap_or_default();
    vec![name(object), created]
}

/// The name of the object.
pub fn name(object: &Value) -> Value {
    text(object, &["metadata", "name"])
}

/// The time since creation.
pub fn age(object: &Value, now: Timestamp) -> Value {
    since(object.at(&["metadata", "creationTimestamp"]), now).into()
}

/// The text at a path, empty where there is none.
pub fn text(object: &Value, path: &[&str]) -> Value {
    object.str_at(path).unwrap_or_default().into()
}

/// The text at a path, `otherwise` where there is none or it is empty.
pub fn text_or(object: &Value, path: &[&str], otherwise: &str) -> Value {
    object
        .str_at(path)
        .filter(|text| !text.is_empty())
        .unwrap_or(otherwise)
        .into()
}

/// The whole number at a path, zero where there is none.
pub fn number(object: &Value, path: &[&str]) -> i64 {
    object.i64_at(path).unwrap_or(0)
}

/// The list at a path, empty where there is none.
pub fn list<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    object.at(path).and_then(Value::as_list).unwrap_or_default()
}

/// A scalar as text: numbers and truth values as Go prints them.
pub fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::List(_) | Value::Map(_) => String::new(),
    }
}

/// `True` or `False`.
pub fn go_bool(truth: Option<bool>) -> Value {
    if truth == Some(true) {
        "True".into()
    } else {
        "False".into()
    }
}

/// Items joined by commas, [`NONE`] where there are none.
pub fn joined(items: impl Iterator<Item = String>) -> String {
    let text = items.collect::<Vec<_>>().join(",");
    if text.is_empty() {
        NONE.to_owned()
    } else {
        text
    }
}

/// `a=b,c=d` of a map of texts, [`NONE`] where it is empty.
pub fn labels(map: Option<&Value>) -> String {
    joined(map.and_then(Value::as_map).into_iter().flat_map(|map| {
        map.iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
    }))
}

/// A structured label selector in its text form; [`NONE`] where it is missing
/// or chooses everything.
pub fn label_selector(selector: Option<&Value>) -> String {
    let Some(selector) = selector else {
        return NONE.to_owned();
    };
    let equal = selector.get("matchLabels").and_then(Value::as_map);
    let mut requirements: Vec<(String, String)> = equal
        .into_iter()
        .flat_map(|map| {
            map.iter()
                .map(|(key, value)| (key.to_string(), format!("{key}={}", scalar(value))))
        })
        .collect();
    requirements.extend(
        list(selector, &["matchExpressions"])
            .iter()
            .map(requirement),
    );
    requirements.sort_by(|(key, _), (other, _)| key.cmp(other));
    joined(requirements.into_iter().map(|(_, text)| text))
}

fn requirement(expression: &Value) -> (String, String) {
    let key = expression.str_at(&["key"]).unwrap_or_default().to_owned();
    let mut values: Vec<String> = list(expression, &["values"]).iter().map(scalar).collect();
    values.sort();
    let values = values.join(",");
    let text = match expression.str_at(&["operator"]) {
        Some("In") => format!("{key} in ({values})"),
        Some("NotIn") => format!("{key} notin ({values})"),
        Some("DoesNotExist") => format!("!{key}"),
        _ => key.clone(),
    };
    (key, text)
}

/// Names and images of the containers of the Pod template at `path`.
pub fn containers_and_images(object: &Value, path: &[&str]) -> [Value; 2] {
    let containers = object
        .at(path)
        .map(|template| list(template, &["spec", "containers"]))
        .unwrap_or_default();
    let column = |key: &str| {
        let parts: Vec<&str> = containers
            .iter()
            .filter_map(|container| container.str_at(&[key]))
            .collect();
        Value::from(parts.join(","))
    };
    [column("name"), column("image")]
}

/// The condition of type `kind` of an object.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, &["status", "conditions"])
        .iter()
        .find(|condition| condition.str_at(&["type"]) == Some(kind))
}

/// Whether the object has the condition `kind` with status `True`.
pub fn condition_is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).and_then(|condition| condition.str_at(&["status"])) == Some("True")
}

/// Access modes of a volume in their short form.
pub fn access_modes(modes: &[Value]) -> String {
    let short = |mode: &str| match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        _ => "",
    };
    // A genuine server prints them in this order, whatever the order given.
    [
        "ReadWriteOnce",
        "ReadOnlyMany",
        "ReadWriteMany",
        "ReadWriteOncePod",
    ]
    .into_iter()
    .filter(|mode| modes.iter().any(|given| given.as_str() == Some(mode)))
    .map(short)
    .collect::<Vec<_>>()
    .join(",")
}
