//! The keywords of a schema and their values, each for itself.

mod expressions;

use super::limits::printed;
use super::node::{MAX_SCHEMA_DEPTH, texts};
use crate::field_error::FieldError;
use crate::go;
use trueup_object::Value;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const UNSUPPORTED: [&str; 6] = [
    "id",
    "additionalItems",
    "patternProperties",
    "definitions",
    "dependencies",
    "$ref",
];

/// What is wrong with single keywords of a schema that stands at `path`.
pub(super) fn keyword_errors(schema: &Value, path: &str) -> Vec<FieldError> {
    let mut keywords = Keywords { errors: Vec::new() };
    let around = Around {
        root: true,
        in_metadata: false,
        no_default: None,
        uncorrelated: None,
        depth: 0,
    };
    keywords.schema(schema, path, around);
    keywords.errors
}

fn is_set(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Map(map)) => !map.is_empty(),
        Some(Value::List(list)) => !list.is_empty(),
        Some(_) => true,
    }
}

#[derive(Clone, Copy)]
struct Around {
    root: bool,
    in_metadata: bool,
    /// Why there may be no default here.
    no_default: Option<&'static str>,
    /// How much of the path is that of the outermost list whose items can't
    /// be told to be those of before.
    uncorrelated: Option<usize>,
    depth: usize,
}

/// Keywords and their values, each for itself.
struct Keywords {
    errors: Vec<FieldError>,
}

impl Keywords {
    fn schema(&mut self, schema: &Value, path: &str, around: Around) {
        if around.depth > MAX_SCHEMA_DEPTH {
            self.errors
                .push(FieldError::forbidden(path, "nests too deep"));
            return;
        }
        if schema.as_map().is_none() {
            return;
        }
        self.keywords(schema, path, around);
        self.list_type(schema, path);
        self.map_type(schema, path);
        let uncorrelated = around.uncorrelated.map(|length| &path[..length]);
        self.rules(schema, path, around, uncorrelated);
        self.below(schema, path, around);
    }

    fn keywords(&mut self, schema: &Value, path: &str, around: Around) {
        let typ = schema.str_at(&["type"]).unwrap_or("");
        if typ == "null" {
            let detail = "type cannot be set to null, use nullable as an alternative";
            self.errors
                .push(FieldError::forbidden(format!("{path}.type"), detail));
        }
        if !typ.is_empty() && !TYPES.contains(&typ) {
            let allowed = TYPES.map(go::quoted);
            self.errors.push(FieldError::not_supported(
                format!("{path}.type"),
                &go::quoted(typ),
                &allowed,
            ));
        }
        if let Some(reason) = around.no_default.filter(|_| is_set(schema.get("default"))) {
            self.errors.push(FieldError::forbidden(
                format!("{path}.default"),
                &format!("must not be set {reason}"),
            ));
        }
        for keyword in UNSUPPORTED
            .into_iter()
            .filter(|keyword| is_set(schema.get(keyword)))
        {
            self.errors.push(FieldError::forbidden(
                format!("{path}.{keyword}"),
                &format!("{keyword} is not supported"),
            ));
        }
        if schema.get("items").and_then(Value::as_list).is_some() {
            let detail = "items must be a schema object and not an array";
            self.errors
                .push(FieldError::forbidden(format!("{path}.items"), detail));
        }
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) {
            let detail =
                "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.errors
                .push(FieldError::forbidden(format!("{path}.uniqueItems"), detail));
        }
        let additional = schema
            .get("additionalProperties")
            .filter(|additional| !additional.is_null());
        if additional.is_some_and(|additional| *additional != Value::Bool(true))
            && is_set(schema.get("properties"))
        {
            let detail = "additionalProperties and properties are mutual exclusive";
            self.errors.push(FieldError::forbidden(
                format!("{path}.additionalProperties"),
                detail,
            ));
        }
        if schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
            let field = format!("{path}.x-kubernetes-preserve-unknown-fields");
            self.errors.push(FieldError::invalid(
                field,
                "false",
                "must be true or undefined",
            ));
        }
        if around.in_metadata
            && schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true))
        {
            let detail = "must not be used inside of resource meta";
            self.errors.push(FieldError::forbidden(
                format!("{path}.x-kubernetes-embedded-resource"),
                detail,
            ));
        }
    }

    fn of_type(&mut self, schema: &Value, path: &str, wanted: &str, keyword: &str) {
        let typ = schema.str_at(&["type"]).unwrap_or("");
        let detail = format!("must be {wanted} if {keyword} is specified");
        if typ.is_empty() {
            self.errors
                .push(FieldError::required(format!("{path}.type"), &detail));
        } else if typ != wanted {
            self.errors.push(FieldError::invalid(
                format!("{path}.type"),
                &go::quoted(typ),
                &detail,
            ));
        }
    }

    fn map_type(&mut self, schema: &Value, path: &str) {
        const KEYWORD: &str = "x-kubernetes-map-type";
        let Some(map_type) = schema.str_at(&[KEYWORD]) else {
            return;
        };
        self.of_type(schema, path, "object", KEYWORD);
        if !["atomic", "granular"].contains(&map_type) {
            let allowed = ["atomic", "granular"].map(go::quoted);
            self.errors.push(FieldError::not_supported(
                format!("{path}.{KEYWORD}"),
                &go::quoted(map_type),
                &allowed,
            ));
        }
    }

    fn list_type(&mut self, schema: &Value, path: &str) {
        const KEYWORD: &str = "x-kubernetes-list-type";
        let field = format!("{path}.{KEYWORD}");
        let list_type = schema.str_at(&[KEYWORD]);
        if list_type.is_some() {
            self.of_type(schema, path, "array", KEYWORD);
        }
        if let Some(other) =
            list_type.filter(|list_type| !["atomic", "set", "map"].contains(list_type))
        {
            let allowed = ["atomic", "set", "map"].map(go::quoted);
            self.errors.push(FieldError::not_supported(
                field.clone(),
                &go::quoted(other),
                &allowed,
            ));
        }
        if is_set(schema.get("x-kubernetes-list-map-keys")) && list_type != Some("map") {
            let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
            self.errors.push(match list_type {
                None => FieldError::required(field, detail),
                Some(other) => FieldError::invalid(field, &go::quoted(other), detail),
            });
        }
        match list_type {
            Some("set") => self.set(schema, path),
            Some("map") => self.keyed_list(schema, path),
            _ => {}
        }
    }

    fn set(&mut self, schema: &Value, path: &str) {
        let Some(items) = schema.get("items") else {
            return;
        };
        let (keyword, fits) = match items.str_at(&["type"]) {
            Some("array") => (
                "x-kubernetes-list-type",
                items
                    .str_at(&["x-kubernetes-list-type"])
                    .is_none_or(|t| t == "atomic"),
            ),
            Some("object") => (
                "x-kubernetes-map-type",
                items.str_at(&["x-kubernetes-map-type"]) == Some("atomic"),
            ),
            _ => ("", true),
        };
        if !fits {
            let given = items
                .get("x-kubernetes-list-type")
                .map_or("null".into(), printed);
            let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
            self.errors.push(FieldError::invalid(
                format!("{path}.items.{keyword}"),
                &given,
                detail,
            ));
        }
        self.not_nullable_items(items, path, "set");
    }

    fn not_nullable_items(&mut self, items: &Value, path: &str, list_type: &str) {
        if items.get("nullable") == Some(&Value::Bool(true)) {
            let detail = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
            self.errors.push(FieldError::forbidden(
                format!("{path}.items.nullable"),
                &detail,
            ));
        }
    }

    fn keyed_list(&mut self, schema: &Value, path: &str) {
        let field = format!("{path}.x-kubernetes-list-map-keys");
        let keys = texts(schema.get("x-kubernetes-list-map-keys"));
        if keys.is_empty() {
            let detail = "must not be empty if x-kubernetes-list-type is map";
            self.errors
                .push(FieldError::required(field.clone(), detail));
        }
        let Some(items) = schema.get("items").filter(|items| items.as_map().is_some()) else {
            let detail = "must have a schema if x-kubernetes-list-type is map";
            self.errors
                .push(FieldError::required(format!("{path}.items"), detail));
            return;
        };
        self.not_nullable_items(items, path, "map");
        let typ = items.str_at(&["type"]).unwrap_or("");
        if typ != "object" {
            let detail = "must be object if parent array's x-kubernetes-list-type is map";
            self.errors.push(FieldError::invalid(
                format!("{path}.items.type"),
                &go::quoted(typ),
                detail,
            ));
            return;
        }
        let all_keys = schema
            .get("x-kubernetes-list-map-keys")
            .map_or(String::new(), printed);
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].contains(key) {
                self.errors.push(FieldError::invalid(
                    field.clone(),
                    &all_keys,
                    "must not contain duplicate entries",
                ));
            }
            match items.at(&["properties", key]) {
                Some(property) => self.key(items, property, key, path),
                None => {
                    let detail = "entries must all be names of item properties";
                    self.errors
                        .push(FieldError::invalid(field.clone(), &all_keys, detail));
                }
            }
        }
    }

    fn key(&mut self, items: &Value, property: &Value, key: &str, path: &str) {
        let field = format!("{path}.items.properties[{key}]");
        if matches!(property.str_at(&["type"]), Some("array" | "object")) {
            let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
            self.errors.push(FieldError::invalid(
                format!("{field}.type"),
                "\"object\"",
                detail,
            ));
        }
        let required = texts(items.get("required"));
        if !required.iter().any(|name| name == key)
            && property.get("default").is_none_or(Value::is_null)
        {
            let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            self.errors
                .push(FieldError::required(format!("{field}.default"), detail));
        }
        if property.get("nullable") == Some(&Value::Bool(true)) {
            let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            self.errors
                .push(FieldError::forbidden(format!("{field}.nullable"), detail));
        }
    }

    fn below(&mut self, schema: &Value, path: &str, around: Around) {
        let inner = Around {
            root: false,
            depth: around.depth + 1,
            ..around
        };
        let object =
            around.root || schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true));
        for (name, property) in schema
            .get("properties")
            .and_then(Value::as_map)
            .into_iter()
            .flatten()
        {
            let mut inner = inner;
            if object && ["apiVersion", "kind", "metadata"].contains(&name.as_str()) {
                inner.in_metadata = true;
                if around.root {
                    inner.no_default = Some(match name.as_str() {
                        "apiVersion" => "in top-level apiVersion",
                        "kind" => "in top-level kind",
                        _ => "in top-level metadata",
                    });
                }
            }
            self.schema(property, &format!("{path}.properties[{name}]"), inner);
        }
        if let Some(additional) = schema.get("additionalProperties") {
            let mut inner = inner;
            if around.in_metadata {
                inner.no_default = Some("inside additionalProperties applying to object metadata");
            }
            self.schema(additional, &format!("{path}.additionalProperties"), inner);
        }
        let keyed = schema.str_at(&["x-kubernetes-list-type"]) == Some("map");
        for keyword in ["items", "not"] {
            if let Some(nested) = schema.get(keyword) {
                let mut inner = inner;
                if keyword == "items" && !keyed {
                    inner.uncorrelated = inner.uncorrelated.or(Some(path.len()));
                }
                self.schema(nested, &format!("{path}.{keyword}"), inner);
            }
        }
        for keyword in ["allOf", "oneOf", "anyOf"] {
            let list = schema
                .get(keyword)
                .and_then(Value::as_list)
                .unwrap_or_default();
            for (index, nested) in list.iter().enumerate() {
                self.schema(nested, &format!("{path}.{keyword}[{index}]"), inner);
            }
        }
    }
}
