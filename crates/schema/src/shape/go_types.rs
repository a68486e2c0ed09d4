//! What the server's messages call types.

use crate::types::{Form, Format, Type};
use std::collections::HashMap;
use std::sync::OnceLock;

const TABLE: &str = include_str!("../../data/go_types.txt");
const PREFIX: &str = "io.k8s.";

/// Where in the value of a field something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// It is the value.
    Field,
    /// It is an item or member of it.
    Item,
    /// It lies deeper.
    Deeper,
}

impl Within {
    pub(super) fn below(self) -> Self {
        match self {
            Self::Field => Self::Item,
            Self::Item | Self::Deeper => Self::Deeper,
        }
    }
}

/// The name of the type of a field of a definition, where its schema does not
/// tell it.
pub(super) fn named(definition: &str, field: &str, within: Within) -> Option<&'static str> {
    static FIELDS: OnceLock<HashMap<(&str, &str), &str>> = OnceLock::new();
    let fields = FIELDS.get_or_init(|| TABLE.lines().flat_map(fields_of_line).collect());
    let definition = definition.strip_prefix(PREFIX)?;
    match within {
        Within::Field => fields.get(&(definition, field)).copied(),
        Within::Item => fields
            .get(&(definition, format!("{field}[]").as_str()))
            .copied(),
        Within::Deeper => None,
    }
}

/// The path of the structs that a definition takes a field from, where it is
/// not its own: `ProbeHandler` of a probe's `httpGet`.
pub(super) fn embedding(definition: &str, field: &str) -> Option<&'static str> {
    let definition = definition.strip_prefix(PREFIX)?;
    let line = TABLE.lines().find(|line| {
        line.strip_prefix(definition)
            .is_some_and(|rest| rest.starts_with(' '))
    })?;
    line.split(' ')
        .filter_map(|field| field.split_once('^'))
        .find_map(|(name, path)| (name == field).then_some(path))
}

fn fields_of_line(line: &'static str) -> Vec<((&'static str, &'static str), &'static str)> {
    let Some((definition, fields)) = line.split_once(' ') else {
        return Vec::new();
    };
    fields
        .split(' ')
        .filter_map(|field| field.split_once(':'))
        .map(|(field, typ)| ((definition, field), typ))
        .collect()
}

/// `Container` of `io.k8s.api.core.v1.Container`.
pub(super) fn short_name(definition: &str) -> &str {
    definition.rsplit('.').next().unwrap_or(definition)
}

/// What the server calls a type, as far as its schema tells.
pub(super) fn derived(typ: &Type) -> String {
    let atom = typ.atom();
    match atom.form(None) {
        Form::Map(map) => match (typ.definition_name(), &map.element) {
            (Some(name), _) => package_and_name(name),
            (None, Some(element)) => format!("map[string]{}", in_container(element)),
            (None, None) => "struct".into(),
        },
        Form::List(list) => format!("[]{}", in_container(&list.element)),
        Form::Scalar(_) => kind(atom.format).into(),
    }
}

/// The name of a type that a list or map holds: one that reads itself is
/// called by its own name there.
fn in_container(typ: &Type) -> String {
    match (typ.atom().format, typ.definition_name()) {
        (Format::Quantity | Format::Time | Format::IntOrString, Some(name)) => {
            package_and_name(name)
        }
        _ => derived(typ),
    }
}

/// `v1.Container` of `io.k8s.api.core.v1.Container`.
fn package_and_name(definition: &str) -> String {
    let mut parts = definition.rsplit('.');
    let (name, package) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    format!("{package}.{name}")
}

/// The kind of a scalar in the server's memory.
pub(super) fn kind(format: Format) -> &'static str {
    match format {
        Format::Int32 | Format::IntOrString => "int32",
        Format::Int64 => "int64",
        Format::Double => "float64",
        Format::Boolean => "bool",
        Format::Bytes => "[]uint8",
        _ => "string",
    }
}
