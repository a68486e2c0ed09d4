//! The `fieldsV1` form of a field set.

use crate::field_set::{Entry, FieldSet};

use trueup_object::{Map, Segment, Text, Value, from_json, to_json};

/// How deep a `fieldsV1` value may nest.
const MAX_FIELDS_DEPTH: usize = 128;

/// Why a `fieldsV1` value can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// It is no map of maps.
    #[error("owned fields: expected an object, not {0}")]
    NotAnObject(&'static str),
    /// A key names no path segment.
    #[error("owned fields: parsing key {key:?} as path element: {cause}")]
    Key {
        /// The key as given.
        key: Text,
        /// What is wrong with it.
        cause: String,
    },
    /// It nests deeper than any object can.
    #[error("owned fields: nested more than {MAX_FIELDS_DEPTH} levels deep")]
    TooDeep,
}

/// Reads the `fieldsV1` of a managedFields entry. Kinds of keys that are not
/// known are left out, as Kubernetes does.
pub fn fields_from_value(fields: &Value) -> Result<FieldSet, FieldsError> {
    Ok(read(fields, 0)?.0)
}

/// Writes a set as `fieldsV1`.
#[must_use]
pub fn fields_to_value(set: &FieldSet) -> Value {
    Value::Map(write(set, false))
}

/// The set below and whether the thing itself is a member.
fn read(fields: &Value, depth: usize) -> Result<(FieldSet, bool), FieldsError> {
    if depth > MAX_FIELDS_DEPTH {
        return Err(FieldsError::TooDeep);
    }
    let map = fields
        .as_map()
        .ok_or_else(|| FieldsError::NotAnObject(fields.kind_name()))?;
    let mut entries = Vec::with_capacity(map.len());
    let mut member = false;
    for (key, below) in map {
        if key == "." {
            member = true;
            continue;
        }
        let Some(segment) = read_segment(key)? else {
            continue;
        };
        let (below, is_member) = read(below, depth + 1)?;
        entries.push(Entry {
            segment,
            member: is_member,
            below,
        });
    }
    entries.retain(|entry| entry.member || !entry.below.is_empty());
    let none_below = entries.is_empty();
    Ok((FieldSet::from_entries(entries), member || none_below))
}

fn read_segment(key: &Text) -> Result<Option<Segment>, FieldsError> {
    let fail = |cause: String| FieldsError::Key {
        key: key.clone(),
        cause,
    };
    let Some((kind, rest)) = key.split_once(':').filter(|(kind, _)| kind.len() == 1) else {
        return Err(fail("missing colon".into()));
    };
    let json = || from_json(rest.as_bytes()).map_err(|error| fail(error.message));
    Ok(Some(match kind {
        "f" => Segment::Key(rest.into()),
        "v" => Segment::Member(json()?),
        "i" => Segment::Index(
            rest.parse()
                .map_err(|error: std::num::ParseIntError| fail(error.to_string()))?,
        ),
        "k" => match json()? {
            Value::Map(map) => Segment::Item(map.into_iter().collect()),
            other => {
                return Err(fail(format!(
                    "expected an object, not {}",
                    other.kind_name()
                )));
            }
        },
        _ => return Ok(None),
    }))
}

fn write(set: &FieldSet, itself: bool) -> Map {
    let dot = (itself && !set.is_empty()).then(|| (Text::from("."), Value::map()));
    let below = set.entries().iter().map(|entry| {
        (
            write_segment(&entry.segment),
            Value::Map(write(&entry.below, entry.member)),
        )
    });
    dot.into_iter().chain(below).collect()
}

fn write_segment(segment: &Segment) -> Text {
    match segment {
        Segment::Key(name) => ecow::eco_format!("f:{name}"),
        Segment::Item(keys) => {
            let map: Map = keys.iter().cloned().collect();
            ecow::eco_format!("k:{}", String::from_utf8_lossy(&to_json(&Value::Map(map))))
        }
        Segment::Member(value) => {
            ecow::eco_format!("v:{}", String::from_utf8_lossy(&to_json(value)))
        }
        Segment::Index(index) => ecow::eco_format!("i:{index}"),
    }
}
