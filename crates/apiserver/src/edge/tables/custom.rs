//! Columns of custom resources, as their definitions give them.

use super::age::human_duration;
use super::json_path::JsonPath;
use jiff::Timestamp;
use trueup_object::{Map, Value, to_json, value};

/// One entry of `additionalPrinterColumns`.
#[derive(Clone, Debug)]
pub struct CustomColumn {
    name: String,
    kind: String,
    format: String,
    description: String,
    priority: i64,
    /// `None` where the definition holds a path that can't be read; the cell
    /// then stays empty, as a genuine server leaves it.
    path: Option<JsonPath>,
}

/// The columns after the name; a definition without columns shows the age.
#[must_use]
pub fn custom_columns(additional_printer_columns: &[Value]) -> Vec<CustomColumn> {
    if additional_printer_columns.is_empty() {
        let age =
            value!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"});
        return vec![CustomColumn::new(&age)];
    }
    additional_printer_columns
        .iter()
        .map(CustomColumn::new)
        .collect()
}

impl CustomColumn {
    fn new(column: &Value) -> Self {
        let text = |key| column.str_at(&[key]).unwrap_or_default().to_owned();
        let path = text("jsonPath");
        let description = match text("description") {
            given if given.is_empty() => {
                format!("Custom resource definition column (in JSONPath format): {path}")
            }
            given => given,
        };
        Self {
            name: text("name"),
            kind: text("type"),
            format: text("format"),
            description,
            priority: column.i64_at(&["priority"]).unwrap_or(0),
            path: JsonPath::parse(&path).ok(),
        }
    }

    pub(super) fn to_value(&self) -> Value {
        let mut column = Map::new();
        column.insert("name", self.name.as_str());
        column.insert("type", self.kind.as_str());
        column.insert("format", self.format.as_str());
        column.insert("description", self.description.as_str());
        column.insert("priority", self.priority);
        Value::Map(column)
    }

    pub(super) fn cell(&self, object: &Value, now: Timestamp) -> Value {
        let Some(found) = self.path.as_ref().and_then(|path| path.first(object)) else {
            return Value::Null;
        };
        match (self.kind.as_str(), found) {
            ("string", found) => as_text(found),
            ("integer", Value::Integer(_))
            | ("number", Value::Float(_))
            | ("boolean", Value::Bool(_)) => found.clone(),
            ("number", Value::Integer(_)) => found.clone(),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "as a genuine server cuts it off"
            )]
            ("integer", Value::Float(number)) => Value::Integer(*number as i64),
            ("date", Value::String(time)) => match time.parse::<Timestamp>() {
                Ok(then) => human_duration(now.as_second() - then.as_second()).into(),
                Err(_) => "<invalid>".into(),
            },
            _ => Value::Null,
        }
    }
}

/// Any value as text: scalars as they are, lists and maps as JSON.
fn as_text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        Value::Null => "<nil>".into(),
        _ => String::from_utf8_lossy(&to_json(value)).into_owned().into(),
    }
}
