//! YAML in and out.

use crate::{Map, Text, Value};
use trueup_yaml::{Content, Emit, Entry, LoadOptions, Node, View, YamlError};

impl Value {
    /// The value of a YAML node; whole numbers above the largest `i64` become
    /// floats, as in JSON.
    #[must_use]
    pub fn from_yaml(node: Node) -> Self {
        match node.content {
            Content::Null => Self::Null,
            Content::Bool(truth) => Self::Bool(truth),
            Content::Integer(number) => Self::Integer(number),
            #[expect(
                clippy::cast_precision_loss,
                reason = "as JSON numbers of this size are read"
            )]
            Content::Unsigned(number) => Self::Float(number as f64),
            Content::Float(number) => Self::Float(number),
            Content::String(text) => Self::String(text.into()),
            Content::List(items) => Self::List(items.into_iter().map(Self::from_yaml).collect()),
            Content::Map(entries) => Self::Map(entries.into_iter().map(member).collect::<Map>()),
        }
    }
}

fn member(entry: Entry) -> (Text, Value) {
    (entry.key.into(), Value::from_yaml(entry.value))
}

/// Reads a text of one YAML document, such as a values file; an empty text is
/// `null`. Of several documents all but the first are ignored, as
/// `sigs.k8s.io/yaml` does. Duplicate keys are refused.
pub fn from_yaml(text: &str) -> Result<Value, YamlError> {
    let document = trueup_yaml::parse_first(text, &LoadOptions::default())?;
    Ok(document.map_or(Value::Null, |document| Value::from_yaml(document.root)))
}

/// Writes a value as `sigs.k8s.io/yaml` prints it: keys sorted, block style.
#[must_use]
pub fn to_yaml(value: &Value) -> String {
    trueup_yaml::emit(value)
}

impl Emit for Value {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Bool(truth) => View::Bool(*truth),
            Self::Integer(number) => View::Integer(*number),
            Self::Float(number) => View::Float(*number),
            Self::String(text) => View::Text(text),
            Self::List(items) => View::List(items.iter().collect()),
            Self::Map(map) => View::Map(
                map.iter()
                    .map(|(key, value)| (key.as_str(), value))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;

    #[test]
    fn yaml_becomes_the_tree_that_json_would_be() {
        let value = from_yaml("a: [1, 1.5, yes, ~]\nb: 18446744073709551615\n").unwrap();
        assert_eq!(
            value,
            value!({"a": [1, 1.5, true, null], "b": 18_446_744_073_709_551_615.0})
        );
        assert_eq!(from_yaml("# nothing\n").unwrap(), Value::Null);
    }
}
