//! Whether a custom resource definition may use a schema.

use super::node::{Additional, MAX_SCHEMA_DEPTH, Node};
use super::{prune, validate};
use crate::field_error::FieldError;
use crate::go;
use trueup_object::{Value, to_json};

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const UNSUPPORTED: [&str; 6] = [
    "id",
    "additionalItems",
    "patternProperties",
    "definitions",
    "dependencies",
    "$ref",
];

/// What is wrong with a schema. What is not structural is only looked for
/// in a schema without other mistakes, and defaults only in a structural one.
pub(super) fn errors(root: &Node, schema: &Value, path: &str) -> Vec<FieldError> {
    let mut keywords = Keywords { errors: Vec::new() };
    keywords.schema(
        schema,
        path,
        Around {
            root: true,
            in_metadata: false,
            no_default: None,
            depth: 0,
        },
    );
    if !keywords.errors.is_empty() {
        return sorted(keywords.errors);
    }
    let mut errors = Vec::new();
    structure(root, Level::Root, path, &mut errors);
    completeness(root, path, &mut errors);
    if errors.is_empty() {
        defaults(root, path, &mut errors);
    }
    sorted(errors)
}

fn sorted(mut errors: Vec<FieldError>) -> Vec<FieldError> {
    errors.sort_by_key(ToString::to_string);
    errors.dedup();
    errors
}

fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => go::quoted(text),
        other => String::from_utf8_lossy(&to_json(other)).into_owned(),
    }
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
        self.rules(schema, path);
        self.below(schema, path, around);
    }

    fn keywords(&mut self, schema: &Value, path: &str, around: Around) {
        let typ = schema.str_at(&["type"]).unwrap_or("");
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
        let keys = super::node::texts(schema.get("x-kubernetes-list-map-keys"));
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
        let required = super::node::texts(items.get("required"));
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

    fn rules(&mut self, schema: &Value, path: &str) {
        let rules = schema
            .get("x-kubernetes-validations")
            .and_then(Value::as_list)
            .unwrap_or_default();
        for (index, rule) in rules.iter().enumerate() {
            if rule.str_at(&["rule"]).unwrap_or("").trim().is_empty() {
                let field = format!("{path}.x-kubernetes-validations[{index}].rule");
                self.errors
                    .push(FieldError::required(field, "rule is not specified"));
            }
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
        for keyword in ["items", "not"] {
            if let Some(nested) = schema.get(keyword) {
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Whether types are said everywhere, and once.
fn structure(node: &Node, level: Level, path: &str, errors: &mut Vec<FieldError>) {
    if node.typ == "array" && node.items.is_none() {
        errors.push(FieldError::required(
            format!("{path}.items"),
            "must be specified",
        ));
    }
    if let Some(items) = &node.items {
        structure(items, Level::Item, &format!("{path}.items"), errors);
    }
    for (name, property) in &node.properties {
        structure(
            property,
            Level::Field,
            &format!("{path}.properties[{name}]"),
            errors,
        );
    }
    if node.additional.is_some() && level == Level::Root {
        errors.push(FieldError::forbidden(
            format!("{path}.additionalProperties"),
            "must not be used at the root",
        ));
    }
    if let Some(Additional::Schema(additional)) = &node.additional {
        structure(
            additional,
            Level::Field,
            &format!("{path}.additionalProperties"),
            errors,
        );
    }
    extensions(node, path, errors);
    own_type(node, level, path, errors);
    object_fields(node, level, path, errors);
    let any_of_types = is_int_or_string(&node.any_of);
    let all_of_types = node
        .all_of
        .first()
        .is_some_and(|first| is_int_or_string(&first.any_of));
    nested_checks(node, path, any_of_types, all_of_types, errors);
}

fn extensions(node: &Node, path: &str, errors: &mut Vec<FieldError>) {
    let detail = "must be false if x-kubernetes-int-or-string is true";
    if node.int_or_string && node.preserve {
        errors.push(FieldError::invalid(
            format!("{path}.x-kubernetes-preserve-unknown-fields"),
            "true",
            detail,
        ));
    }
    if node.int_or_string && node.embedded {
        errors.push(FieldError::invalid(
            format!("{path}.x-kubernetes-embedded-resource"),
            "true",
            detail,
        ));
    }
    if node.embedded && node.additional.is_some() {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        errors.push(FieldError::forbidden(
            format!("{path}.additionalProperties"),
            detail,
        ));
    }
    if node.embedded && !node.preserve && node.properties.is_empty() {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        errors.push(FieldError::required(format!("{path}.properties"), detail));
    }
}

fn own_type(node: &Node, level: Level, path: &str, errors: &mut Vec<FieldError>) {
    let field = format!("{path}.type");
    if node.embedded && node.typ != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(if node.typ.is_empty() {
            FieldError::required(field.clone(), detail)
        } else {
            FieldError::invalid(field.clone(), &go::quoted(&node.typ), detail)
        });
    } else if node.typ.is_empty() && !node.int_or_string && !node.preserve {
        let detail = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(FieldError::required(field.clone(), detail));
    }
    if level == Level::Root && !node.typ.is_empty() && node.typ != "object" {
        errors.push(FieldError::invalid(
            field,
            &go::quoted(&node.typ),
            "must be object at the root",
        ));
    }
}

/// `apiVersion`, `kind` and `metadata` of an object say nothing of their own.
fn object_fields(node: &Node, level: Level, path: &str, errors: &mut Vec<FieldError>) {
    let checked = level == Level::Root || node.embedded;
    for name in ["apiVersion", "kind"] {
        if let Some(property) = node
            .property(name)
            .filter(|property| checked && property.typ != "string")
        {
            let field = format!("{path}.properties[{name}].type");
            errors.push(FieldError::invalid(
                field,
                &go::quoted(&property.typ),
                "must be string",
            ));
        }
    }
    let Some(metadata) = node.property("metadata") else {
        return;
    };
    let field = format!("{path}.properties[metadata]");
    if checked && metadata.typ != "object" {
        errors.push(FieldError::invalid(
            format!("{field}.type"),
            &go::quoted(&metadata.typ),
            "must be object",
        ));
    }
    let only_names = metadata
        .properties
        .iter()
        .all(|(name, _)| name == "name" || name == "generateName");
    let plain = only_names
        && metadata.additional.is_none()
        && metadata.required.is_empty()
        && !metadata.preserve;
    if level == Level::Root && !plain {
        let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(FieldError::forbidden(field, detail));
    }
}

/// The one nested use of `type` that is allowed: integer or string.
fn is_int_or_string(any_of: &[Node]) -> bool {
    any_of
        .iter()
        .map(|node| node.typ.as_str())
        .eq(["integer", "string"])
}

fn nested_checks(
    node: &Node,
    path: &str,
    skip_any_of: bool,
    skip_all_of: bool,
    errors: &mut Vec<FieldError>,
) {
    if !skip_any_of {
        for (index, nested) in node.any_of.iter().enumerate() {
            nested_check(nested, &format!("{path}.anyOf[{index}]"), false, errors);
        }
    }
    for (index, nested) in node.all_of.iter().enumerate() {
        nested_check(
            nested,
            &format!("{path}.allOf[{index}]"),
            skip_all_of && index == 0,
            errors,
        );
    }
    for (index, nested) in node.one_of.iter().enumerate() {
        nested_check(nested, &format!("{path}.oneOf[{index}]"), false, errors);
    }
    if let Some(not) = &node.not {
        nested_check(not, &format!("{path}.not"), false, errors);
    }
    if let Some(pattern) = &node.pattern
        && let Err(cause) = &pattern.regex
    {
        let detail = format!("must be a valid regular expression, but isn't: {cause}");
        errors.push(FieldError::invalid(
            format!("{path}.pattern"),
            &go::quoted(&pattern.text),
            &detail,
        ));
    }
}

fn nested_check(node: &Node, path: &str, skip_any_of: bool, errors: &mut Vec<FieldError>) {
    nested_checks(node, path, skip_any_of, false, errors);
    if let Some(items) = &node.items {
        nested_check(items, &format!("{path}.items"), false, errors);
    }
    for (name, property) in &node.properties {
        nested_check(
            property,
            &format!("{path}.properties[{name}]"),
            false,
            errors,
        );
    }
    let forbidden = [
        (
            "type",
            !node.typ.is_empty(),
            "must be empty to be structural",
        ),
        (
            "additionalProperties",
            node.additional.is_some(),
            "must be undefined to be structural",
        ),
        (
            "default",
            node.default.is_some(),
            "must be undefined to be structural",
        ),
        ("nullable", node.nullable, "must be false to be structural"),
        (
            "x-kubernetes-preserve-unknown-fields",
            node.preserve,
            "must be false to be structural",
        ),
        (
            "x-kubernetes-embedded-resource",
            node.embedded,
            "must be false to be structural",
        ),
        (
            "x-kubernetes-int-or-string",
            node.int_or_string,
            "must be false to be structural",
        ),
        (
            "x-kubernetes-list-map-keys",
            !node.list_keys.is_empty(),
            "must be empty to be structural",
        ),
        (
            "x-kubernetes-list-type",
            node.list_type.is_some(),
            "must be undefined to be structural",
        ),
        (
            "x-kubernetes-map-type",
            node.map_type.is_some(),
            "must be undefined to be structural",
        ),
        (
            "x-kubernetes-validations",
            !node.rules.is_empty(),
            "must be empty to be structural",
        ),
        (
            "properties[metadata]",
            node.property("metadata").is_some(),
            "must not be specified in a nested context",
        ),
    ];
    let given = forbidden.into_iter().filter(|(_, given, _)| *given);
    errors
        .extend(given.map(|(keyword, _, detail)| {
            FieldError::forbidden(format!("{path}.{keyword}"), detail)
        }));
}

/// Whether everything that nested checks name is declared outside them.
fn completeness(root: &Node, path: &str, errors: &mut Vec<FieldError>) {
    nested_completeness(root, root, path, path, errors);
}

fn nested_completeness(
    checks: &Node,
    node: &Node,
    path: &str,
    from: &str,
    errors: &mut Vec<FieldError>,
) {
    let lists = [
        ("allOf", &checks.all_of),
        ("anyOf", &checks.any_of),
        ("oneOf", &checks.one_of),
    ];
    let listed = lists.into_iter().flat_map(|(keyword, list)| {
        list.iter()
            .enumerate()
            .map(move |(index, nested)| (format!("{from}.{keyword}[{index}]"), nested))
    });
    let not = checks
        .not
        .as_deref()
        .map(|not| (format!("{from}.not"), not));
    for (from, nested) in listed.chain(not) {
        nested_completeness(nested, node, path, &from, errors);
        if let Some(items) = &nested.items {
            let (path, from) = (format!("{path}.items"), format!("{from}.items"));
            match &node.items {
                Some(declared) => nested_completeness(items, declared, &path, &from, errors),
                None => errors.push(FieldError::required(
                    path,
                    &format!("because it is defined in {from}"),
                )),
            }
        }
        for (name, property) in &nested.properties {
            let (path, from) = (
                format!("{path}.properties[{name}]"),
                format!("{from}.properties[{name}]"),
            );
            match node.property(name) {
                Some(declared) => nested_completeness(property, declared, &path, &from, errors),
                None => errors.push(FieldError::required(
                    path,
                    &format!("because it is defined in {from}"),
                )),
            }
        }
    }
}

/// Whether every default fits its own schema.
fn defaults(node: &Node, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(default) = &node.default {
        let field = format!("{path}.default");
        let mut pruned = default.clone();
        let unknown = prune::prune_default(&mut pruned, node);
        if !unknown.is_empty() {
            let detail = "must not have unknown fields";
            errors.push(FieldError::invalid(
                field.clone(),
                &printed(default),
                detail,
            ));
        }
        errors.extend(
            validate::validate(default, node, "")
                .into_iter()
                .map(|error| below(error, &field)),
        );
    }
    for (name, property) in &node.properties {
        defaults(property, &format!("{path}.properties[{name}]"), errors);
    }
    if let Some(items) = &node.items {
        defaults(items, &format!("{path}.items"), errors);
    }
    if let Some(Additional::Schema(additional)) = &node.additional {
        defaults(additional, &format!("{path}.additionalProperties"), errors);
    }
}

fn below(mut error: FieldError, field: &str) -> FieldError {
    error.path = match error.path.as_str() {
        "" | "<nil>" => field.into(),
        inner => format!("{field}.{inner}").into(),
    };
    error
}
