//! Whether a custom resource definition may use a schema.

use super::keywords::keyword_errors;
use super::limits::printed;
use super::node::{Additional, Node};
use super::{prune, validate};
use crate::field_error::FieldError;
use crate::go;
use trueup_object::Value;

/// What is wrong with a schema. What is not structural is only looked for
/// in a schema without other mistakes, and defaults only in a structural one.
pub(super) fn errors(root: &Node, schema: &Value, path: &str) -> Vec<FieldError> {
    let of_keywords = keyword_errors(schema, path);
    if !of_keywords.is_empty() {
        return sorted(of_keywords);
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
