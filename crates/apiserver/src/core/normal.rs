//! The form in which the genuine server gives built-in objects back: fields
//! that are empty and optional are left out, required ones are there even if
//! empty, whatever the kind does not have is gone.
//!
//! The rules come from `data/go_fields.txt`: one line a type, `field:rule`.
//! A field without a rule is left out when it is empty. The rules:
//! `p` left out when absent, kept when empty; `P` null when absent; `s` a
//! struct, always there; `z` a struct, left out when empty; `L` `M` null when
//! empty; `S` `B` `I` empty text, false, 0 when absent; `T` null when absent;
//! `Q` "0", `N` 0, `D` "0s" when absent.

use ecow::EcoVec;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use trueup_object::{Map, Quantity, Text, Value};
use trueup_schema::Schemas;

const RULES: &str = include_str!("../../data/go_fields.txt");
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";
const API: &str = "io.k8s.api.";

/// What stands at a field.
#[derive(Clone, Copy, Debug)]
enum Node {
    /// Kept as it is, nulls included.
    Free,
    /// A schema of a custom resource.
    Schema,
    Text,
    /// A whole number of 32 bits.
    Int32,
    Other,
    Quantity,
    /// A time in UTC with so many digits of a second.
    Time(Digits),
    Struct(&'static Shape),
    List(&'static Node),
    MapOf(&'static Node),
}

/// How finely a time is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    None,
    Six,
}

#[derive(Debug)]
struct Shape {
    name: String,
    fields: OnceLock<Vec<Field>>,
}

#[derive(Debug)]
struct Field {
    name: Text,
    rule: u8,
    node: Node,
}

const NANOS_PER_MILLI: i128 = 1_000_000;
const OMIT_EMPTY: u8 = b'-';

/// Brings an object of a built-in type (by its definition name) into form.
#[must_use]
pub fn normalise(object: &Value, definition: &str) -> Value {
    normal_struct(shape(definition), object.as_map())
}

/// What an object is after it was stored: required lists and maps that are
/// empty come back as null.
#[must_use]
pub fn stored(object: &Value, definition: &str) -> Value {
    if !has_empty_list(object) {
        return object.clone();
    }
    let mut object = object.clone();
    nullify(&mut object, Node::Struct(shape(definition)));
    object
}

fn has_empty_list(value: &Value) -> bool {
    match value {
        Value::List(list) => list.is_empty() || list.iter().any(has_empty_list),
        Value::Map(map) => map.values().any(has_empty_list),
        _ => false,
    }
}

fn nullify(value: &mut Value, node: Node) {
    match (node, value) {
        (Node::Struct(shape), Value::Map(map)) => {
            let fields = shape.fields.get_or_init(|| compile(&shape.name));
            for field in fields {
                let Some(value) = map.get_mut(&field.name) else {
                    continue;
                };
                let required = matches!(field.rule, b'L' | b'M');
                if required && is_empty(value) {
                    *value = Value::Null;
                } else if has_empty_list(value) {
                    nullify(value, field.node);
                }
            }
        }
        (Node::List(inner), Value::List(list)) => list
            .make_mut()
            .iter_mut()
            .for_each(|item| nullify(item, *inner)),
        (Node::MapOf(inner), Value::Map(map)) => {
            map.iter_mut().for_each(|(_, item)| nullify(item, *inner))
        }
        _ => {}
    }
}

fn normal_struct(shape: &'static Shape, map: Option<&Map>) -> Value {
    // Both are in the order of their names.
    let fields = shape.fields.get_or_init(|| compile(&shape.name));
    let mut members = map.into_iter().flat_map(Map::iter).peekable();
    let mut entries = Vec::with_capacity(map.map_or(0, Map::len) + 2);
    for field in fields {
        while members.next_if(|(key, _)| **key < field.name).is_some() {}
        let found = members.next_if(|(key, _)| **key == field.name);
        let present = found.map(|(_, value)| value).filter(|it| !it.is_null());
        if let Some(value) = normal_field(field, present) {
            entries.push((field.name.clone(), value));
        }
    }
    Value::Map(entries.into_iter().collect())
}

fn normal_field(field: &Field, value: Option<&Value>) -> Option<Value> {
    let Some(value) = value else {
        return absent(field);
    };
    let value = normal(field.node, value);
    match field.rule {
        OMIT_EMPTY | b'z' if is_empty(&value) => None,
        _ => Some(value),
    }
}

fn absent(field: &Field) -> Option<Value> {
    Some(match (field.rule, field.node) {
        (b's', Node::Struct(inner)) => normal_struct(inner, None),
        (b's', _) => Value::map(),
        (b'z', Node::Struct(inner)) => {
            let value = normal_struct(inner, None);
            return (!is_empty(&value)).then_some(value);
        }
        (b'P' | b'L' | b'M' | b'T', _) => Value::Null,
        (b'S', _) => "".into(),
        (b'B', _) => false.into(),
        (b'I' | b'N', _) => 0.into(),
        (b'Q', _) => "0".into(),
        (b'D', _) => "0s".into(),
        _ => return None,
    })
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(truth) => !truth,
        Value::Integer(number) => *number == 0,
        Value::Float(number) => *number == 0.0,
        Value::String(text) => text.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
    }
}

fn normal(node: Node, value: &Value) -> Value {
    match (node, value) {
        (Node::Struct(shape), Value::Map(map)) => normal_struct(shape, Some(map)),
        (Node::Struct(shape), Value::Null) => normal_struct(shape, None),
        (Node::List(inner), Value::List(list)) => Value::List(
            list.iter()
                .map(|item| normal(*inner, item))
                .collect::<EcoVec<_>>(),
        ),
        (Node::MapOf(inner), Value::Map(map)) => Value::Map(
            map.iter()
                .map(|(key, item)| (key.clone(), normal(*inner, item)))
                .collect(),
        ),
        (Node::Text, Value::Null) => "".into(),
        (Node::Int32, value) => whole_number(value),
        (Node::Other, Value::Float(_)) => whole_number(value),
        (Node::Schema, value) => super::schema_form::schema(value),
        (Node::Quantity, value) => canonical_quantity(value),
        (Node::Time(digits), Value::String(text)) => canonical_time(text, digits),
        _ => value.clone(),
    }
}

/// A number as memory holds it: what was patched or applied may be a float
/// where a whole number belongs, or too large for it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "this is what the genuine server does"
)]
fn whole_number(value: &Value) -> Value {
    match value {
        Value::Integer(number) => i64::from(*number as i32).into(),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < i64::MAX as f64 => {
            Value::Integer(*number as i64)
        }
        other => other.clone(),
    }
}

/// A time as it is stored: in UTC, whatever zone it was sent in. What is no
/// time is left for validation.
fn canonical_time(text: &Text, digits: Digits) -> Value {
    let (length, form) = match digits {
        Digits::None => ("2026-01-01T00:00:00Z".len(), "%Y-%m-%dT%H:%M:%SZ"),
        Digits::Six => (
            "2026-01-01T00:00:00.000000Z".len(),
            "%Y-%m-%dT%H:%M:%S.%6fZ",
        ),
    };
    if text.len() == length && text.ends_with('Z') {
        return text.clone().into();
    }
    match text.parse::<Timestamp>() {
        Ok(time) => time.strftime(form).to_string().into(),
        Err(_) => text.clone().into(),
    }
}

fn canonical_quantity(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => ecow::eco_format!("{number}"),
        Value::Float(number) => ecow::eco_format!("{number}"),
        Value::Null => return "0".into(),
        other => return other.clone(),
    };
    let Ok(quantity) = text.parse::<Quantity>() else {
        return value.clone();
    };
    let capped = quantity.nanos() >= i128::from(i64::MAX) * 1_000_000_000;
    if capped {
        return value.clone();
    }
    if quantity.nanos() % NANOS_PER_MILLI != 0 && quantity.nanos() > 0 {
        // Amounts are kept to the thousandth, rounded up.
        let milli = (quantity.nanos() + NANOS_PER_MILLI - 1) / NANOS_PER_MILLI;
        return ecow::eco_format!("{milli}m")
            .parse::<Quantity>()
            .map_or_else(|_| value.clone(), |q| q.to_string().into());
    }
    quantity.to_string().into()
}

/// Shapes live as long as the program: there are a few hundred.
fn shape(name: &str) -> &'static Shape {
    static SHAPES: OnceLock<Mutex<HashMap<String, &'static Shape>>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(Mutex::default);
    let mut shapes = shapes.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shape) = shapes.get(name) {
        return shape;
    }
    let shape: &'static Shape = Box::leak(Box::new(Shape {
        name: name.to_owned(),
        fields: OnceLock::new(),
    }));
    shapes.insert(name.to_owned(), shape);
    shape
}

fn compile(name: &str) -> Vec<Field> {
    let Some(properties) = Schemas::builtin()
        .definition(name)
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_map)
    else {
        return Vec::new();
    };
    let rules = rules_of(name);
    let field = |(key, schema): &(Text, Value)| Field {
        name: key.clone(),
        rule: rules.get(key.as_str()).copied().unwrap_or(OMIT_EMPTY),
        node: node_of(schema),
    };
    properties.into_iter().map(field).collect()
}

fn rules_of(name: &str) -> HashMap<&'static str, u8> {
    static TABLE: OnceLock<HashMap<&'static str, &'static str>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        RULES
            .lines()
            .filter_map(|line| line.split_once(' '))
            .collect()
    });
    let short = name
        .strip_prefix(API)
        .or_else(|| name.strip_prefix("io.k8s."))
        .unwrap_or(name);
    let line = table.get(short).copied().unwrap_or("");
    line.split(' ')
        .filter_map(|rule| rule.split_once(':'))
        .map(|(field, rule)| (field, rule.as_bytes()[0]))
        .collect()
}

fn node_of(schema: &Value) -> Node {
    if let Some(reference) = schema.str_at(&["$ref"]) {
        return node_of_reference(reference);
    }
    let leak = |node: Node| -> &'static Node { Box::leak(Box::new(node)) };
    match schema.str_at(&["type"]) {
        Some("array") => schema
            .get("items")
            .map_or(Node::Free, |items| Node::List(leak(node_of(items)))),
        Some("object") => schema
            .get("additionalProperties")
            .map_or(Node::Free, |items| Node::MapOf(leak(node_of(items)))),
        Some("string") => Node::Text,
        Some("integer") if schema.str_at(&["format"]) == Some("int32") => Node::Int32,
        Some(_) => Node::Other,
        None => Node::Free,
    }
}

fn node_of_reference(reference: &str) -> Node {
    match reference.rsplit('.').next().unwrap_or("") {
        "Quantity" => Node::Quantity,
        "FieldsV1" | "RawExtension" | "JSON" | "IntOrString" => Node::Free,
        "JSONSchemaProps" => Node::Schema,
        "Time" => Node::Time(Digits::None),
        "MicroTime" => Node::Time(Digits::Six),
        "ManagedFieldsEntry" if reference.starts_with(META) => Node::Free,
        _ => match Schemas::builtin().definition(reference) {
            Some(schema) if schema.get("properties").is_some() => Node::Struct(shape(reference)),
            Some(schema) => node_of(schema),
            None => Node::Free,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Digits, canonical_time};

    #[test]
    fn times_are_kept_in_utc() {
        let time = |text: &str, digits| canonical_time(&text.into(), digits);
        for (sent, kept) in [
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T02:00:00.25+02:00", "2026-01-01T00:00:00Z"),
            ("no time", "no time"),
        ] {
            assert_eq!(time(sent, Digits::None).as_str(), Some(kept));
        }
        let fine = time("2026-01-01T00:00:00.5+00:00", Digits::Six);
        assert_eq!(fine.as_str(), Some("2026-01-01T00:00:00.500000Z"));
    }
}
