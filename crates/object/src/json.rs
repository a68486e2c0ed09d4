//! JSON in and out, with the API's view of numbers.

use crate::{Map, Text, Value};
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How deeply lists and maps may nest in a JSON text.
pub const MAX_JSON_DEPTH: usize = 128;

/// Why a JSON text or a typed reading of a value failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct JsonError {
    /// What was wrong, with line and column where a text was read.
    pub message: String,
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self {
            message: error.to_string(),
        }
    }
}

/// Reads one JSON text of at most [`MAX_JSON_DEPTH`] levels. Of a key given
/// twice the last value stays.
pub fn from_json(text: &[u8]) -> Result<Value, JsonError> {
    Ok(serde_json::from_slice(text)?)
}

/// Writes compact JSON, keys in order.
#[must_use]
pub fn to_json(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a tree with text keys is always written to memory")
}

/// Reads a typed value out of a tree. The message of the error names the
/// first thing that did not fit.
pub fn decode<T: DeserializeOwned>(value: &Value) -> Result<T, JsonError> {
    serde_json::from_slice(&to_json(value)).map_err(|error| without_place(&error))
}

/// The text that was read is one that nobody has seen: its columns would lead
/// nowhere.
fn without_place(error: &serde_json::Error) -> JsonError {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    JsonError {
        message: message.strip_suffix(&place).unwrap_or(&message).to_owned(),
    }
}

/// Turns a typed value into a tree; fails only for types that JSON can't hold.
pub fn encode<T: Serialize>(typed: &T) -> Result<Value, JsonError> {
    from_json(&serde_json::to_vec(typed)?)
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::List(list) => {
                let mut sequence = serializer.serialize_seq(Some(list.len()))?;
                for item in list {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self {
            out.serialize_entry(key.as_str(), value)?;
        }
        out.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ValueAt { depth: 0 }.deserialize(deserializer)
    }
}

/// Reads a value that stands `depth` levels down.
struct ValueAt {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ValueAt {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl ValueAt {
    fn below<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth == MAX_JSON_DEPTH {
            return Err(E::custom(format_args!(
                "nested more than {MAX_JSON_DEPTH} levels deep"
            )));
        }
        Ok(self.depth + 1)
    }
}

impl<'de> Visitor<'de> for ValueAt {
    type Value = Value;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "Go reads such a number into a float64 too"
        )]
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Integer))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        if !number.is_finite() {
            return Err(E::custom("a number is finite"));
        }
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let depth = self.below()?;
        // Grown elsewhere: what stays has no room to spare.
        let mut list = Vec::new();
        while let Some(item) = sequence.next_element_seed(ValueAt { depth })? {
            list.push(item);
        }
        Ok(Value::List(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let depth = self.below()?;
        let mut entries: Vec<(Text, Value)> =
            Vec::with_capacity(access.size_hint().unwrap_or(0).min(64));
        while let Some(key) = access.next_key::<Text>()? {
            entries.push((key, access.next_value_seed(ValueAt { depth })?));
        }
        Ok(Value::Map(entries.into_iter().collect()))
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Map(map) => Ok(map),
            other => Err(D::Error::custom(format_args!(
                "expected an object, not {}",
                other.kind_name()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value;
    use proptest::prelude::*;

    #[test]
    fn whole_numbers_and_floats_are_told_apart() {
        let value = from_json(b"[1, 1.0, 9223372036854775807, 9223372036854775808, -0.5]").unwrap();
        let list = value.as_list().unwrap();
        assert_eq!(list[0], Value::Integer(1));
        assert_eq!(list[1], Value::Float(1.0));
        assert_eq!(list[2], Value::Integer(i64::MAX));
        assert_eq!(list[3], Value::Float(9_223_372_036_854_775_808.0));
        assert_eq!(to_json(&list[4]), b"-0.5");
    }

    #[test]
    fn a_text_survives_the_round_trip() {
        let text = r#"{"a":[null,true,"\u00e9\n"],"b":{}}"#;
        assert_eq!(
            String::from_utf8(to_json(&from_json(text.as_bytes()).unwrap())).unwrap(),
            "{\"a\":[null,true,\"é\\n\"],\"b\":{}}"
        );
    }

    #[test]
    fn nesting_has_a_limit() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(from_json(deep.as_bytes()).is_err());
        let fits = "[".repeat(100) + &"]".repeat(100);
        assert!(from_json(fits.as_bytes()).is_ok());
    }

    #[test]
    fn the_last_of_two_equal_keys_stays() {
        assert_eq!(from_json(br#"{"a":1,"a":2}"#).unwrap(), value!({"a": 2}));
    }

    #[test]
    fn typed_values_come_and_go() {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Port {
            number: u16,
        }
        let port: Port = decode(&value!({"number": 80})).unwrap();
        assert_eq!(encode(&port).unwrap(), value!({"number": 80}));
        let error = decode::<Port>(&value!({"number": 70000})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid value: integer `70000`, expected u16"
        );
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>()
                .prop_filter("finite", |number| number.is_finite())
                .prop_map(Value::Float),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,4}", inner), 0..4)
                    .prop_map(|members| Value::Map(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_tree_survives_the_round_trip(tree in tree()) {
            let text = to_json(&tree);
            let again = from_json(&text).unwrap();
            prop_assert_eq!(&again, &tree);
            prop_assert_eq!(to_json(&again), text);
        }

        #[test]
        fn equal_trees_are_equal_in_every_way(a in tree(), b in tree()) {
            prop_assert_eq!(a == b, a.cmp(&b).is_eq());
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        }
    }
}
