//! The values that templates work on.

use crate::function::Function;
use crate::text::Text;
use crate::types::{IntegerType, Type, UnsignedType};
use std::fmt;
use std::sync::Arc;

/// A value with its type of Go. Copies share what is below; nothing changes
/// a value once it is made.
///
/// `text/template` works on whatever `reflect` can take apart. Here are the
/// types that data of YAML or JSON and the functions of charts have; all else
/// is an [`Object`] of the caller.
#[derive(Clone, Default, Debug)]
pub enum Value {
    /// Go's nil without a type: a null, or nothing at all.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// A whole number with a sign.
    Integer(i64, IntegerType),
    /// A whole number without a sign.
    Unsigned(u64, UnsignedType),
    /// `float64`
    Float(f64),
    /// `complex128`: real and imaginary part.
    Complex(f64, f64),
    /// `string`
    String(Text),
    /// `[]uint8`
    Bytes(Text),
    /// A slice.
    List(List),
    /// A map of texts.
    Map(Map),
    /// A value of the caller.
    Object(Arc<dyn Object>),
    /// A function, for `call`.
    Function(Arc<Function>),
}

impl Value {
    /// A Go `int`.
    #[must_use]
    pub fn int(number: i64) -> Self {
        Self::Integer(number, IntegerType::Int)
    }

    /// A Go `int64`.
    #[must_use]
    pub fn int64(number: i64) -> Self {
        Self::Integer(number, IntegerType::Int64)
    }

    /// `[]interface {}` of these.
    #[must_use]
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(List::new(Type::Any, items))
    }

    /// `map[string]interface {}` of these; of equal keys the last counts.
    #[must_use]
    pub fn map<K: Into<Text>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(Map::new(Type::Any, entries))
    }

    /// The type; `None` of nil.
    #[must_use]
    pub fn type_of(&self) -> Option<Type> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Type::Bool,
            Self::Integer(_, kind) => Type::Integer(*kind),
            Self::Unsigned(_, kind) => Type::Unsigned(*kind),
            Self::Float(_) => Type::Float,
            Self::Complex(..) => Type::Complex,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::bytes(),
            Self::List(list) => Type::List(list.element.clone()),
            Self::Map(map) => Type::Map(map.element.clone()),
            Self::Object(object) => Type::Named(object.type_name().into()),
            Self::Function(function) => Type::Function(function.signature().clone()),
        })
    }

    /// Whether `if` takes the value for true: not nil, not zero, not empty.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Integer(value, _) => *value != 0,
            Self::Unsigned(value, _) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::String(text) | Self::Bytes(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.is_true(),
            Self::Function(_) => true,
        }
    }

    /// How many lists and maps are within each other: 0 of a number.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::List(list) => list.depth,
            Self::Map(map) => map.depth,
            _ => 0,
        }
    }

    /// What a variable of the type holds before it is set.
    pub(crate) fn zero(of: &Type) -> Self {
        match of {
            Type::Any | Type::Reflected | Type::Function(_) | Type::Named(_) => Self::Nil,
            Type::Bool => Self::Bool(false),
            Type::Integer(kind) => Self::Integer(0, *kind),
            Type::Unsigned(kind) => Self::Unsigned(0, *kind),
            Type::Float => Self::Float(0.0),
            Type::Complex => Self::Complex(0.0, 0.0),
            Type::String => Self::String(Text::default()),
            Type::List(element) if **element == Type::BYTE => Self::Bytes(Text::default()),
            Type::List(element) => Self::List(List::new(Type::clone(element), [])),
            Type::Map(element) => Self::Map(Map::new::<Text>(Type::clone(element), [])),
        }
    }

    /// Whether Go would take the value for a parameter of the type.
    pub(crate) fn is_assignable_to(&self, to: &Type) -> bool {
        match (self, to) {
            (_, Type::Any | Type::Reflected) => true,
            (Self::Object(object), Type::Named(name)) => {
                object.type_name() == &**name || object.implements(name)
            }
            _ => self.type_of().as_ref() == Some(to),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::String(text)
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

/// A Go slice.
#[derive(Clone, Debug)]
pub struct List {
    element: Arc<Type>,
    items: Arc<[Value]>,
    depth: usize,
}

impl List {
    /// A list of elements of this type; it is for the caller that they are.
    #[must_use]
    pub fn new(element: Type, items: impl IntoIterator<Item = Value>) -> Self {
        let items: Arc<[Value]> = items.into_iter().collect();
        Self {
            element: Arc::new(element),
            depth: 1 + deepest(items.iter()),
            items,
        }
    }

    /// The elements.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        &self.items
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The type of the elements.
    #[must_use]
    pub fn element(&self) -> &Type {
        &self.element
    }

    /// The elements from one index up to another, which the caller has
    /// checked.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        Self::new(Type::clone(&self.element), self.items[from..to].to_vec())
    }
}

/// A Go map of texts.
#[derive(Clone, Debug)]
pub struct Map {
    element: Arc<Type>,
    /// Ordered by key, each key once.
    entries: Arc<[(Text, Value)]>,
    depth: usize,
}

impl Map {
    /// A map to elements of this type; it is for the caller that they are. Of
    /// equal keys the last counts.
    #[must_use]
    pub fn new<K: Into<Text>>(
        element: Type,
        entries: impl IntoIterator<Item = (K, Value)>,
    ) -> Self {
        let mut entries: Vec<(Text, Value)> = entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries.dedup_by(|later, kept| {
            let equal = later.0 == kept.0;
            if equal {
                std::mem::swap(&mut later.1, &mut kept.1);
            }
            equal
        });
        Self {
            element: Arc::new(element),
            depth: 1 + deepest(entries.iter().map(|(_, value)| value)),
            entries: entries.into(),
        }
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        let index = self
            .entries
            .binary_search_by(|(known, _)| known.as_bytes().cmp(key))
            .ok()?;
        Some(&self.entries[index].1)
    }

    /// Keys and values, ordered by the bytes of the keys.
    #[must_use]
    pub fn entries(&self) -> &[(Text, Value)] {
        &self.entries
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The type of the values.
    #[must_use]
    pub fn element(&self) -> &Type {
        &self.element
    }
}

fn deepest<'a>(values: impl Iterator<Item = &'a Value>) -> usize {
    values.map(Value::depth).max().unwrap_or(0)
}

/// What stands under a name of an [`Object`].
#[derive(Clone, Debug)]
pub enum Member {
    /// A field whose type is the value's.
    Field(Value),
    /// A field of type `interface {}`.
    Interface(Value),
    /// A method, which a mention of the name calls.
    Method(Arc<Function>),
}

/// A value of the caller: a Go struct with fields and methods, or something
/// that is only handed from function to function.
pub trait Object: fmt::Debug + Send + Sync {
    /// The type, as Go's `reflect` names it: `*semver.Version`.
    fn type_name(&self) -> &str;

    /// What a field or method name stands for; `None` where there is none.
    fn member(&self, name: &str) -> Option<Member> {
        let _ = name;
        None
    }

    /// Names and values of the fields, in order, for printing.
    fn fields(&self) -> Vec<(Arc<str>, Value)> {
        Vec::new()
    }

    /// What Go's `String` or `Error` method returns, where it has one: then
    /// the object is printed so.
    fn text(&self) -> Option<Text> {
        None
    }

    /// Whether the object can be given for a parameter of the interface with
    /// this name.
    fn implements(&self, interface: &str) -> bool {
        let _ = interface;
        false
    }

    /// Whether `if` takes it for true. A struct always is.
    fn is_true(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_keys_the_last_counts_and_keys_are_ordered() {
        let map = Map::new(
            Type::INT,
            [
                ("b", Value::int(1)),
                ("a", Value::int(2)),
                ("b", Value::int(3)),
            ],
        );
        let keys: Vec<&[u8]> = map.entries().iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys, [b"a", b"b"]);
        assert!(matches!(map.get(b"b"), Some(Value::Integer(3, _))));
        assert!(map.get(b"c").is_none());
    }

    #[test]
    fn depth_counts_what_is_within_each_other() {
        let inner = Value::list([Value::Nil]);
        assert_eq!(Value::Nil.depth(), 0);
        assert_eq!(inner.depth(), 1);
        assert_eq!(Value::map([("a", inner), ("b", Value::Nil)]).depth(), 2);
    }
}
