//! Reading live objects, which may hold anything anywhere.

use super::RouterError;
use std::collections::BTreeMap;
use trueup_object::{Map, Text, Value};

/// A map inside a live object, and the way to it for messages. What is absent
/// or `null` reads as empty; what has the wrong type is an error.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    object: Text,
    path: String,
    map: Option<&'a Map>,
}

impl<'a> Fields<'a> {
    /// A whole object, which messages call `object`.
    pub(super) fn of(object: Text, value: &'a Value) -> Result<Self, RouterError> {
        Self::at(object, String::new(), value)
    }

    fn at(object: Text, path: String, value: &'a Value) -> Result<Self, RouterError> {
        match value {
            Value::Null => Ok(Self {
                object,
                path,
                map: None,
            }),
            Value::Map(map) => Ok(Self {
                object,
                path,
                map: Some(map),
            }),
            other => Err(malformed(&object, &path, other, "an object")),
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The error for a value at `key` that is not what it should be.
    pub(super) fn wrong(&self, key: &str, value: &Value, expected: &'static str) -> RouterError {
        malformed(&self.object, &self.path_of(key), value, expected)
    }

    /// The map below `key`.
    pub(super) fn section(&self, key: &str) -> Result<Self, RouterError> {
        let value = self.value(key).unwrap_or(&Value::Null);
        Self::at(self.object.clone(), self.path_of(key), value)
    }

    /// The maps below `keys`, one inside the other.
    pub(super) fn below(&self, keys: &[&str]) -> Result<Self, RouterError> {
        keys.iter()
            .try_fold(self.clone(), |fields, key| fields.section(key))
    }

    /// Anything but `null` at `key`.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map?.get(key).filter(|value| !value.is_null())
    }

    /// The text at `key`.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, RouterError> {
        self.value(key)
            .map(|value| {
                let text = value.as_str();
                text.ok_or_else(|| self.wrong(key, value, "text"))
            })
            .transpose()
    }

    /// The whole number at `key`.
    pub(super) fn integer(&self, key: &str) -> Result<Option<i64>, RouterError> {
        self.value(key)
            .map(|value| whole(value).ok_or_else(|| self.wrong(key, value, "a whole number")))
            .transpose()
    }

    /// The maps in the list at `key`.
    pub(super) fn items(&self, key: &str) -> Result<Vec<Self>, RouterError> {
        let Some(value) = self.value(key) else {
            return Ok(Vec::new());
        };
        let list = value
            .as_list()
            .ok_or_else(|| self.wrong(key, value, "a list"))?;
        list.iter()
            .enumerate()
            .map(|(place, item)| {
                let path = format!("{}[{place}]", self.path_of(key));
                Self::at(self.object.clone(), path, item)
            })
            .collect()
    }

    /// The texts by name at `key`.
    pub(super) fn text_map(&self, key: &str) -> Result<BTreeMap<Text, Text>, RouterError> {
        let section = self.section(key)?;
        let Some(map) = section.map else {
            return Ok(BTreeMap::new());
        };
        map.iter()
            .map(|(name, value)| {
                let text = value
                    .as_str()
                    .ok_or_else(|| section.wrong(name, value, "text"))?;
                Ok((name.clone(), text.into()))
            })
            .collect()
    }
}

fn malformed(object: &Text, path: &str, found: &Value, expected: &'static str) -> RouterError {
    let path = if path.is_empty() { "it" } else { path };
    RouterError::Malformed {
        object: object.clone(),
        path: path.into(),
        found: found.kind_name().into(),
        expected,
    }
}

/// A whole number, also where a writer made a float of it.
pub(super) fn whole(value: &Value) -> Option<i64> {
    /// Beyond this, floats no longer count every number.
    const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Integer(number) => Some(*number),
        Value::Float(number) if number.fract() == 0.0 && number.abs() <= LARGEST_EXACT => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole and within what a float counts exactly"
            )]
            let number = *number as i64;
            Some(number)
        }
        _ => None,
    }
}
