//! The tree that every manifest, patch and live object is.

use crate::{Map, Text};
use ecow::EcoVec;

/// A JSON-shaped tree whose subtrees are shared: cloning any part costs a
/// reference count, and changing a part copies only the path to it.
///
/// Integers and floats are kept apart, as the Kubernetes API does: a whole
/// number within `i64` is an [`Value::Integer`], everything else a
/// [`Value::Float`]. Equality is structural; `1` and `1.0` differ (use
/// [`Value::same_number`] where the API treats them alike).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits 64 bits.
    Integer(i64),
    /// Any other number; never NaN or infinite when it came from JSON.
    Float(f64),
    /// Text.
    String(Text),
    /// An ordered list.
    List(EcoVec<Value>),
    /// A map from text, ordered by key.
    Map(Map),
}

impl Value {
    /// An empty map.
    #[must_use]
    pub fn map() -> Self {
        Self::Map(Map::new())
    }

    /// A string value.
    #[must_use]
    pub fn string(text: impl Into<Text>) -> Self {
        Self::String(text.into())
    }

    /// The map inside, if this is one.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The map inside for changing, if this is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list inside, if this is one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The list inside for changing, if this is one.
    pub fn as_list_mut(&mut self) -> Option<&mut EcoVec<Value>> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The text inside, if this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number inside, if this is one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth value inside, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The member `key` of a map; `None` for a missing key and for anything
    /// that is no map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// The value at the end of a path of map keys.
    ///
    /// ```
    /// # use trueup_object::from_json;
    /// let value = from_json(br#"{"metadata":{"name":"web"}}"#).unwrap();
    /// assert_eq!(value.at(&["metadata", "name"]).and_then(|v| v.as_str()), Some("web"));
    /// ```
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The text at the end of a path of map keys.
    #[must_use]
    pub fn str_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str()
    }

    /// The whole number at the end of a path of map keys.
    #[must_use]
    pub fn i64_at(&self, path: &[&str]) -> Option<i64> {
        self.at(path)?.as_i64()
    }

    /// Sets the value at a path of map keys; missing maps on the way are made
    /// and anything on the way that is no map is replaced by one.
    pub fn set_at(&mut self, path: &[&str], new: Value) {
        let Some((first, rest)) = path.split_first() else {
            *self = new;
            return;
        };
        if self.as_map().is_none() {
            *self = Self::map();
        }
        if let Self::Map(map) = self {
            map.entry(first).set_at(rest, new);
        }
    }

    /// Removes the value at a path of map keys and returns it; `None` if
    /// there was none.
    pub fn remove_at(&mut self, path: &[&str]) -> Option<Value> {
        let (last, parents) = path.split_last()?;
        let mut here = self;
        for key in parents {
            here = here.as_map_mut()?.get_mut(key)?;
        }
        here.as_map_mut()?.remove(last)
    }

    /// Whether two values are equal when whole floats and integers of the
    /// same value count as the same number, as JSON readers treat them.
    #[must_use]
    pub fn same_number(&self, other: &Value) -> bool {
        match (self, other) {
            (Self::Integer(whole), Self::Float(float))
            | (Self::Float(float), Self::Integer(whole)) => {
                #[expect(clippy::cast_precision_loss, reason = "the API compares so too")]
                let widened = *whole as f64;
                widened == *float
            }
            (Self::List(left), Self::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(a, b)| a.same_number(b))
            }
            (Self::Map(left), Self::Map(right)) => {
                left.len() == right.len()
                    && left
                        .iter()
                        .zip(right.iter())
                        .all(|((a, x), (b, y))| a == b && x.same_number(y))
            }
            _ => self == other,
        }
    }

    /// What JSON calls this kind of value, for messages.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Float(_) => "number",
            Self::String(_) => "string",
            Self::List(_) => "array",
            Self::Map(_) => "object",
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<Vec<Value>> for Value {
    fn from(list: Vec<Value>) -> Self {
        Self::List(list.into())
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::List(items.into_iter().collect())
    }
}

/// Builds a [`Value`] with JSON's notation; any expression that converts into
/// a value may stand where a value does.
///
/// ```
/// use trueup_object::value;
/// let name = "web";
/// let object = value!({"metadata": {"name": name}, "replicas": 2, "ports": [80, 443]});
/// assert_eq!(object.i64_at(&["replicas"]), Some(2));
/// ```
#[macro_export]
macro_rules! value {
    (null) => { $crate::Value::Null };
    ([ $($item:tt),* $(,)? ]) => {
        $crate::Value::from(::std::vec::Vec::<$crate::Value>::from([ $( $crate::value!($item) ),* ]))
    };
    ({ $($body:tt)* }) => {{
        #[allow(unused_mut)]
        let mut map = $crate::Map::new();
        $crate::value_entries!(map, $($body)*);
        $crate::Value::Map(map)
    }};
    ($other:expr) => { $crate::Value::from($other) };
}

/// The entries of a map in [`value!`]; not for direct use.
#[doc(hidden)]
#[macro_export]
macro_rules! value_entries {
    ($map:ident $(,)?) => {};
    ($map:ident, $key:tt : null $(, $($rest:tt)*)?) => {
        $map.insert($key, $crate::Value::Null);
        $crate::value_entries!($map, $($($rest)*)?);
    };
    ($map:ident, $key:tt : { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $map.insert($key, $crate::value!({ $($inner)* }));
        $crate::value_entries!($map, $($($rest)*)?);
    };
    ($map:ident, $key:tt : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $map.insert($key, $crate::value!([ $($inner)* ]));
        $crate::value_entries!($map, $($($rest)*)?);
    };
    ($map:ident, $key:tt : $item:expr $(, $($rest:tt)*)?) => {
        $map.insert($key, $crate::Value::from($item));
        $crate::value_entries!($map, $($($rest)*)?);
    };
}

#[cfg(test)]
mod tests {
    use crate::{Value, from_json};

    #[test]
    fn a_clone_shares_and_a_change_does_not_reach_the_original() {
        let original = value!({"a": {"b": [1, 2]}, "c": "text"});
        let mut copy = original.clone();
        copy.set_at(&["a", "b"], Value::from(3));
        assert_eq!(original.at(&["a", "b"]), Some(&value!([1, 2])));
        assert_eq!(copy.i64_at(&["a", "b"]), Some(3));
    }

    #[test]
    fn setting_through_a_scalar_makes_a_map_of_it() {
        let mut value = value!({"a": 1});
        value.set_at(&["a", "b"], Value::from(true));
        assert_eq!(value, value!({"a": {"b": true}}));
        assert_eq!(value.remove_at(&["a", "b"]), Some(Value::Bool(true)));
        assert_eq!(value.remove_at(&["x", "y"]), None);
    }

    #[test]
    fn numbers_of_equal_value_are_the_same_but_not_equal() {
        let whole = from_json(b"{\"a\":[1]}").unwrap();
        let float = from_json(b"{\"a\":[1.0]}").unwrap();
        assert_ne!(whole, float);
        assert!(whole.same_number(&float));
        assert!(!whole.same_number(&value!({"a": ["1"]})));
    }

    #[test]
    fn a_value_is_three_words() {
        assert_eq!(size_of::<Value>(), 24);
    }
}
