//! Schemas of kinds, from the tables and from definitions of custom
//! resources.

use crate::core::{Custom, Resource};
use std::collections::BTreeSet;
use trueup_object::{Map, Value, value};
use trueup_schema::Schemas;

const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/// In which document a schema stands: what references look like there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAPI v3: references below `components`, siblings through `allOf`.
    V3,
    /// OpenAPI v2: references below `definitions`, no defaults.
    V2,
}

impl Dialect {
    /// A reference to a named schema.
    pub fn reference(self, name: &str) -> String {
        match self {
            Self::V3 => format!("#/components/schemas/{name}"),
            Self::V2 => format!("#/definitions/{name}"),
        }
    }
}

/// A schema of the tables as a document holds it: bare names become
/// references.
pub fn translate(schema: &Value, dialect: Dialect) -> Value {
    match schema {
        Value::Map(map) => translate_map(map, dialect),
        Value::List(list) => list.iter().map(|item| translate(item, dialect)).collect(),
        other => other.clone(),
    }
}

fn translate_map(map: &Map, dialect: Dialect) -> Value {
    let Some(name) = map.get("$ref").and_then(Value::as_str) else {
        let kept = map
            .iter()
            .filter(|(key, _)| dialect == Dialect::V3 || *key != "default");
        return Value::Map(
            kept.map(|(key, value)| (key.clone(), translate_entry(key, value, dialect)))
                .collect(),
        );
    };
    let reference = value!({"$ref": (dialect.reference(name))});
    let others: Map = map
        .iter()
        .filter(|(key, _)| *key != "$ref")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if others.is_empty() || dialect == Dialect::V2 {
        return reference;
    }
    let mut wrapped = others;
    wrapped.insert("allOf", value!([reference]));
    Value::Map(wrapped)
}

/// A field that refers to a type always does so through `allOf` in v3, so
/// that words of its own can stand beside it.
fn translate_property(schema: &Value, dialect: Dialect) -> Value {
    match translate(schema, dialect) {
        reference if dialect == Dialect::V3 && reference.get("$ref").is_some() => {
            value!({"allOf": [reference]})
        }
        other => other,
    }
}

/// Values of some keys are data and never schemas.
fn translate_entry(key: &str, value: &Value, dialect: Dialect) -> Value {
    match key {
        "default" | "enum" | "required" | "example" => value.clone(),
        // A field may be called like a keyword.
        "properties" | "patternProperties" | "definitions" => match value {
            Value::Map(map) => Value::Map(
                map.iter()
                    .map(|(name, schema)| (name.clone(), translate_property(schema, dialect)))
                    .collect(),
            ),
            other => other.clone(),
        },
        _ if key.starts_with("x-kubernetes-") => value.clone(),
        _ => translate(value, dialect),
    }
}

/// Adds a built-in definition and all that it refers to.
pub fn collect(name: &str, found: &mut BTreeSet<String>) {
    let Some(schema) = Schemas::builtin().definition(name) else {
        return;
    };
    if found.insert(name.to_owned()) {
        collect_references(schema, found);
    }
}

fn collect_references(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Map(map) => {
            for (key, value) in map.iter() {
                match value.as_str() {
                    Some(name) if key == "$ref" => collect(name, found),
                    _ => collect_references(value, found),
                }
            }
        }
        Value::List(list) => list.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

/// The name of a custom kind's schema: the group backwards, version, kind.
pub fn custom_name(resource: &Resource, kind: &str) -> String {
    let group: Vec<&str> = resource.group.split('.').rev().collect();
    format!("{}.{}.{kind}", group.join("."), resource.version)
}

/// The schema of a custom kind, and of its lists.
pub fn custom(resource: &Resource, custom: &Custom, dialect: Dialect) -> [(String, Value); 2] {
    let name = custom_name(resource, &resource.kind);
    let mut schema = match custom.version.at(&["schema", "openAPIV3Schema"]) {
        Some(schema) if dialect == Dialect::V3 => schema.clone(),
        Some(schema) => downgrade(schema),
        None => value!({"type": "object"}),
    };
    let whole = schema.get("x-kubernetes-preserve-unknown-fields").is_some()
        && schema.get("properties").is_none();
    if !whole || dialect == Dialect::V3 {
        schema.set_at(&["properties", "apiVersion"], value!({"type": "string"}));
        schema.set_at(&["properties", "kind"], value!({"type": "string"}));
        let metadata = translate_property(&value!({"$ref": OBJECT_META}), dialect);
        schema.set_at(&["properties", "metadata"], metadata);
    }
    schema.set_at(
        &["x-kubernetes-group-version-kind"],
        group_version_kinds(resource, &resource.kind),
    );
    let list = value!({
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": (translate_property(&value!({"$ref": LIST_META}), dialect)),
            "items": {"type": "array", "items": {"$ref": (dialect.reference(&name))}}
        },
        "x-kubernetes-group-version-kind": (group_version_kinds(resource, &resource.list_kind))
    });
    [
        (name, schema),
        (custom_name(resource, &resource.list_kind), list),
    ]
}

fn group_version_kinds(resource: &Resource, kind: &str) -> Value {
    value!([{"group": (resource.group.clone()), "version": (resource.version.clone()), "kind": kind}])
}

/// OpenAPI v2 knows less: what it can't say is left open.
fn downgrade(schema: &Value) -> Value {
    let Value::Map(map) = schema else {
        return schema.clone();
    };
    if map.contains_key("x-kubernetes-int-or-string")
        || map.get("nullable") == Some(&Value::Bool(true))
    {
        return open(map);
    }
    let mut kept = Map::new();
    for (key, value) in map.iter() {
        let value = match (key.as_str(), value) {
            (
                "oneOf"
                | "anyOf"
                | "allOf"
                | "not"
                | "nullable"
                | "default"
                | "x-kubernetes-validations",
                _,
            ) => continue,
            ("properties", Value::Map(fields)) => Value::Map(
                fields
                    .iter()
                    .map(|(name, field)| (name.clone(), downgrade(field)))
                    .collect(),
            ),
            ("items" | "additionalProperties", Value::Map(_)) => downgrade(value),
            _ => value.clone(),
        };
        kept.insert(key.clone(), value);
    }
    if kept.contains_key("x-kubernetes-preserve-unknown-fields") {
        return open(&kept);
    }
    Value::Map(kept)
}

/// A schema that takes anything, with the extensions and words of another.
fn open(map: &Map) -> Value {
    let stays = |key: &str| key == "description" || key.starts_with("x-kubernetes-");
    Value::Map(
        map.iter()
            .filter(|(key, _)| stays(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}
