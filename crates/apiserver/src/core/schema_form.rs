//! The form in which schemas of custom resource definitions are kept: what is
//! empty is left out, values within them stay as they are.

use trueup_object::{Map, Value};

/// Keywords whose values are maps of schemas.
const MAPS: [&str; 3] = ["definitions", "patternProperties", "properties"];
/// Keywords whose values are schemas, lists of schemas, or truth values.
const SCHEMAS: [&str; 7] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "items",
    "not",
    "oneOf",
];
/// Keywords whose values are not looked into.
const VALUES: [&str; 4] = ["default", "dependencies", "enum", "example"];
/// Keywords that are kept even if they are false.
const KEPT: [&str; 3] = [
    "additionalItems",
    "additionalProperties",
    "x-kubernetes-preserve-unknown-fields",
];

/// A schema in form.
#[must_use]
pub(super) fn schema(value: &Value) -> Value {
    match value {
        Value::Map(map) => map
            .iter()
            .filter_map(|(key, member)| Some((key.clone(), keyword(key, member)?)))
            .collect::<Map>()
            .into(),
        Value::List(list) => list.iter().map(schema).collect(),
        other => other.clone(),
    }
}

fn keyword(key: &str, value: &Value) -> Option<Value> {
    let value = match value {
        Value::Null => return None,
        Value::Map(map) if MAPS.contains(&key) => map
            .iter()
            .map(|(name, below)| (name.clone(), schema(below)))
            .collect::<Map>()
            .into(),
        value if SCHEMAS.contains(&key) => schema(value),
        Value::List(rules) if key == "x-kubernetes-validations" => rules.iter().map(rule).collect(),
        value => value.clone(),
    };
    let is_empty = match &value {
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty() && (MAPS.contains(&key) || key == "dependencies"),
        Value::String(text) => text.is_empty(),
        Value::Bool(truth) => !truth && !KEPT.contains(&key),
        _ => false,
    };
    let is_value = VALUES.contains(&key) && key != "dependencies";
    let is_dropped = is_empty && (!is_value || key == "enum");
    (!is_dropped).then_some(value)
}

fn rule(value: &Value) -> Value {
    let Some(map) = value.as_map() else {
        return value.clone();
    };
    let is_kept = |key: &str, member: &Value| {
        key == "rule" || !(member.is_null() || member.as_str() == Some(""))
    };
    map.iter()
        .filter(|(key, member)| is_kept(key, member))
        .map(|(key, member)| (key.clone(), member.clone()))
        .collect::<Map>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::schema;
    use trueup_object::value;

    #[test]
    fn what_is_empty_goes_and_values_stay() {
        let given = value!({
            "type": "object", "title": "", "nullable": false, "required": [],
            "properties": {
                "a": {"type": "string", "default": "", "properties": {}},
                "b": {"type": "object", "default": {"x": null}, "additionalProperties": false, "pattern": null}
            }
        });
        let wanted = value!({
            "type": "object",
            "properties": {
                "a": {"type": "string", "default": ""},
                "b": {"type": "object", "default": {"x": null}, "additionalProperties": false}
            }
        });
        assert_eq!(schema(&given), wanted);
    }
}
