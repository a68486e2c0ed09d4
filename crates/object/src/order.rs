//! One total order and one hash for values, so that they can be keys.

use crate::Value;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A float of a manifest is never NaN, so equality is an equivalence.
impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Numbers before text before truth values before lists before maps before
/// `null`, the order in which managed fields are kept. An integer stands just
/// before the float of the same value.
impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => compare_floats(*a, *b),
            (Self::Integer(a), Self::Float(b)) => {
                compare_floats(widen(*a), *b).then(Ordering::Less)
            }
            (Self::Float(a), Self::Integer(b)) => {
                compare_floats(*a, widen(*b)).then(Ordering::Greater)
            }
            (Self::String(a), Self::String(b)) => a.as_str().cmp(b.as_str()),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) => a.iter().cmp(b.iter()),
            (Self::Map(a), Self::Map(b)) => a.iter().cmp(b.iter()),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        rank(self).hash(state);
        match self {
            Self::Null => {}
            Self::Bool(truth) => truth.hash(state),
            Self::Integer(number) => number.hash(state),
            // Minus zero equals zero, so both hash as zero.
            Self::Float(number) => (if *number == 0.0 { 0.0 } else { *number })
                .to_bits()
                .hash(state),
            Self::String(text) => text.as_str().hash(state),
            Self::List(list) => list.as_slice().hash(state),
            Self::Map(map) => map.hash(state),
        }
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Integer(_) | Value::Float(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::List(_) => 3,
        Value::Map(_) => 4,
        Value::Null => 5,
    }
}

fn widen(whole: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a tie is broken by kind")]
    let float = whole as f64;
    float
}

fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.total_cmp(&b))
}
