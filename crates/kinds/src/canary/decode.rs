//! Reading one object so that what is wrong is named by its field.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use std::fmt;
use trueup_object::{JsonError, Text, Value, to_json};

/// How many fields of one object are named when they can't be read.
pub const MAX_FIELD_ERRORS: usize = 16;

/// A field that can't be read or makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where it is, such as `spec.analysis.stepWeight`.
    pub path: Text,
    /// What is wrong with it.
    pub message: Text,
}

impl FieldError {
    pub(super) fn new(path: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.message)
    }
}

/// Everything that is wrong with one object: at least one error, and at most
/// [`MAX_FIELD_ERRORS`] where the object could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldErrors(pub Vec<FieldError>);

impl fmt::Display for FieldErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(formatter, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}

impl From<FieldErrors> for JsonError {
    fn from(errors: FieldErrors) -> Self {
        Self {
            message: errors.to_string(),
        }
    }
}

/// Reads an object. A field that does not fit is taken out and the rest read
/// again, so that one look names all of them.
pub(super) fn decode_fields<T: DeserializeOwned>(object: &Value) -> Result<T, FieldErrors> {
    let mut rest = object.clone();
    let mut errors = Vec::new();
    loop {
        let (error, path) = match read(&rest) {
            Ok(typed) if errors.is_empty() => return Ok(typed),
            Ok(_) => return Err(FieldErrors(errors)),
            Err(found) => found,
        };
        errors.push(error);
        if errors.len() == MAX_FIELD_ERRORS || !take_out(&mut rest, &path) {
            return Err(FieldErrors(errors));
        }
    }
}

fn read<T: DeserializeOwned>(object: &Value) -> Result<T, (FieldError, Path)> {
    let text = to_json(object);
    let mut reader = serde_json::Deserializer::from_slice(&text);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().clone();
        let message = without_place(error.inner());
        (FieldError::new(path.to_string(), message), path)
    })
}

/// The text that was read is one that nobody has seen: its columns would lead
/// nowhere.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).unwrap_or(&message).to_owned()
}

/// Removes the nearest member of a map on the way to a field; `false` if there
/// is none, so that nothing more can be learned.
fn take_out(object: &mut Value, path: &Path) -> bool {
    let segments: Vec<&Segment> = path.iter().collect();
    let last_key = segments
        .iter()
        .rposition(|segment| matches!(segment, Segment::Map { .. }));
    let Some((Segment::Map { key }, parents)) = last_key
        .and_then(|last| segments.get(..=last))
        .and_then(<[_]>::split_last)
    else {
        return false;
    };
    let Some(parent) = parents
        .iter()
        .try_fold(object, |here, step| below(here, step))
    else {
        return false;
    };
    parent
        .as_map_mut()
        .is_some_and(|map| map.remove(key).is_some())
}

fn below<'a>(value: &'a mut Value, step: &Segment) -> Option<&'a mut Value> {
    match step {
        Segment::Map { key } => value.as_map_mut()?.get_mut(key),
        Segment::Seq { index } => value.as_list_mut()?.make_mut().get_mut(*index),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}
