//! Values while an expression is evaluated.

use super::Fault;
use super::evaluate::Meter;
use jiff::{SignedDuration, Timestamp};
use std::cmp::Ordering;
use std::sync::Arc;
use trueup_object::{Map, Text, Value};

/// A value; maps and lists of objects are read where they are.
#[derive(Clone, Debug)]
pub(super) enum Datum<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Text),
    Bytes(Arc<[u8]>),
    Fields(&'a Map),
    Items(&'a [Value]),
    List(Arc<Vec<Datum<'a>>>),
    Map(Arc<Vec<(Datum<'a>, Datum<'a>)>>),
    Optional(Option<Arc<Datum<'a>>>),
    Timestamp(Timestamp),
    Duration(SignedDuration),
    Type(&'static str),
}

impl<'a> Datum<'a> {
    /// A value of an object.
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Integer(whole) => Self::Int(*whole),
            Value::Float(float) => Self::Double(*float),
            Value::String(text) => Self::Text(text.clone()),
            Value::List(items) => Self::Items(items),
            Value::Map(fields) => Self::Fields(fields),
        }
    }

    pub(super) fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn list(items: Vec<Datum<'a>>) -> Self {
        Self::List(Arc::new(items))
    }

    pub(super) fn some(value: Datum<'a>) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// The name of the type, as `type` gives it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Fields(_) | Self::Map(_) => "map",
            Self::Items(_) | Self::List(_) => "list",
            Self::Optional(_) => "optional_type",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Type(_) => "type",
        }
    }

    pub(super) fn as_text(&self) -> Option<&Text> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(whole) => Some(*whole),
            Self::Uint(whole) => i64::try_from(*whole).ok(),
            _ => None,
        }
    }

    /// How many bytes of text or data it is; none for what is no text.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }

    /// The number of elements, entries, characters or bytes.
    pub(super) fn size(&self) -> Option<usize> {
        Some(match self {
            Self::Text(text) => text.chars().count(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Fields(fields) => fields.len(),
            Self::Map(entries) => entries.len(),
            Self::Items(items) => items.len(),
            Self::List(items) => items.len(),
            _ => return None,
        })
    }

    /// The element of a list; `None` for what is none, or past its end.
    pub(super) fn item(&self, index: usize) -> Option<Datum<'a>> {
        match self {
            Self::Items(items) => items.get(index).map(Datum::of),
            Self::List(items) => items.get(index).cloned(),
            _ => None,
        }
    }

    /// What loops go through: the elements of a list, the keys of a map. Each
    /// takes a step.
    pub(super) fn elements(&self, meter: &Meter) -> Result<Option<Vec<Datum<'a>>>, Fault> {
        if self.is_list() || self.is_map() {
            meter.spend(self.size().unwrap_or(0))?;
        }
        Ok(Some(match self {
            Self::Items(items) => items.iter().map(Datum::of).collect(),
            Self::List(items) => items.as_ref().clone(),
            Self::Fields(fields) => fields.keys().map(|key| Self::Text(key.clone())).collect(),
            Self::Map(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
            _ => return Ok(None),
        }))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::Items(_) | Self::List(_))
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self, Self::Fields(_) | Self::Map(_))
    }

    /// The value under a key of a map.
    pub(super) fn entry(&self, key: &Datum<'a>, meter: &Meter) -> Result<Option<Self>, Fault> {
        match self {
            Self::Fields(fields) => {
                let found = key.as_text().and_then(|key| fields.get(key));
                Ok(found.map(Datum::of))
            }
            Self::Map(entries) => {
                for (known, value) in entries.iter() {
                    if known.equals(key, meter)? {
                        return Ok(Some(value.clone()));
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Whether two values are the same; numbers of all types compare by what
    /// they count, values of different types are never the same.
    pub(super) fn equals(&self, other: &Datum<'a>, meter: &Meter) -> Result<bool, Fault> {
        meter.spend(1)?;
        if let Some(order) = self.number_order(other) {
            return Ok(order == Some(Ordering::Equal));
        }
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => {
                meter.spend_bytes(a.len().min(b.len()))?;
                a == b
            }
            (Self::Bytes(a), Self::Bytes(b)) => {
                meter.spend_bytes(a.len().min(b.len()))?;
                a == b
            }
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::Optional(a), Self::Optional(b)) => match (a, b) {
                (Some(a), Some(b)) => a.equals(b, meter)?,
                (None, None) => true,
                _ => false,
            },
            _ if self.is_list() && other.is_list() => self.same_items(other, meter)?,
            _ if self.is_map() && other.is_map() => self.same_entries(other, meter)?,
            _ => false,
        })
    }

    fn same_items(&self, other: &Datum<'a>, meter: &Meter) -> Result<bool, Fault> {
        let count = self.size();
        if count != other.size() {
            return Ok(false);
        }
        for index in 0..count.unwrap_or(0) {
            let (Some(a), Some(b)) = (self.item(index), other.item(index)) else {
                return Ok(false);
            };
            if !a.equals(&b, meter)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn same_entries(&self, other: &Datum<'a>, meter: &Meter) -> Result<bool, Fault> {
        if self.size() != other.size() {
            return Ok(false);
        }
        for key in self.elements(meter)?.unwrap_or_default() {
            match (self.entry(&key, meter)?, other.entry(&key, meter)?) {
                (Some(a), Some(b)) if a.equals(&b, meter)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The order of two numbers, `Some(None)` where one of them is none;
    /// `None` if these are no numbers.
    pub(super) fn number_order(&self, other: &Self) -> Option<Option<Ordering>> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a whole number beside a double is compared as a double"
        )]
        Some(match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Uint(a), Self::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Double(a), Self::Int(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Int(a), Self::Double(b)) => (*a as f64).partial_cmp(b),
            (Self::Double(a), Self::Uint(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Uint(a), Self::Double(b)) => (*a as f64).partial_cmp(b),
            _ => return None,
        })
    }

    /// Whether it is nothing: zero, empty, false, null.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) | Self::Int(0) | Self::Uint(0) => true,
            Self::Double(float) => *float == 0.0,
            Self::Duration(span) => span.is_zero(),
            Self::Optional(held) => held.is_none(),
            _ => self.size() == Some(0),
        }
    }
}
