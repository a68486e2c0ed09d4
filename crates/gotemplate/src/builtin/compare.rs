//! `eq` and its kin.

use super::{Called, spend_bytes};
use crate::error::FunctionError;
use crate::execute::Budget;
use crate::print::shown;
use crate::types::Type;
use crate::value::Value;
use std::cmp::Ordering;
use std::sync::Arc;

const INVALID: &str = "invalid type for comparison";

/// What can be compared: values of these kinds with those of the same kind,
/// and whole numbers with whole numbers.
#[derive(PartialEq)]
enum Basic<'a> {
    Bool(bool),
    Complex(f64, f64),
    Whole(i128),
    Float(f64),
    Text(&'a [u8]),
}

fn basic(value: &Value) -> Option<Basic<'_>> {
    Some(match value {
        Value::Bool(value) => Basic::Bool(*value),
        Value::Integer(number, _) => Basic::Whole(i128::from(*number)),
        Value::Unsigned(number, _) => Basic::Whole(i128::from(*number)),
        Value::Float(number) => Basic::Float(*number),
        Value::Complex(real, imaginary) => Basic::Complex(*real, *imaginary),
        Value::String(text) => Basic::Text(text),
        _ => return None,
    })
}

fn type_of(value: &Value) -> Type {
    value.type_of().unwrap_or(Type::Any)
}

fn incompatible(a: &Value, b: &Value) -> FunctionError {
    FunctionError::new(format!(
        "incompatible types for comparison: {} and {}",
        type_of(a),
        type_of(b)
    ))
}

/// Comparing texts costs steps.
fn spend(a: &Value, b: &Value, budget: &mut Budget) -> Called<()> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => spend_bytes(budget, a.len().min(b.len())),
        _ => Ok(()),
    }
}

/// `eq`: whether the first equals any of the others.
pub(super) fn equal_to_any(first: &Value, others: &[&Value], budget: &mut Budget) -> Called<bool> {
    if others.is_empty() {
        return Err(FunctionError::new("missing argument for comparison"));
    }
    for other in others {
        spend(first, other, budget)?;
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equal(a: &Value, b: &Value) -> Called<bool> {
    match (basic(a), basic(b)) {
        (Some(left), Some(right)) => {
            if std::mem::discriminant(&left) != std::mem::discriminant(&right) {
                return Err(incompatible(a, b));
            }
            Ok(left == right)
        }
        (None, None) => equal_others(a, b),
        _ if matches!(a, Value::Nil) || matches!(b, Value::Nil) => Ok(false),
        _ => Err(incompatible(a, b)),
    }
}

/// Two values that are no basic ones: only nil and objects are comparable.
fn equal_others(a: &Value, b: &Value) -> Called<bool> {
    match (a, b) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Object(a), Value::Object(b)) => Ok(Arc::ptr_eq(a, b)),
        _ if same_kind(a, b) => Err(FunctionError::new(format!(
            "non-comparable type {}: {}",
            shown(b, 's'),
            type_of(b)
        ))),
        _ => Err(FunctionError::new(format!(
            "non-comparable types {}: {}, {}: {}",
            shown(a, 's'),
            type_of(a),
            type_of(b),
            shown(b, 'v')
        ))),
    }
}

fn same_kind(a: &Value, b: &Value) -> bool {
    matches!(
        (a, b),
        (Value::Map(_), Value::Map(_))
            | (
                Value::List(_) | Value::Bytes(_),
                Value::List(_) | Value::Bytes(_)
            )
            | (Value::Function(_), Value::Function(_))
    )
}

/// `lt`
pub(super) fn less(a: &Value, b: &Value, budget: &mut Budget) -> Called<bool> {
    let (Some(left), Some(right)) = (basic(a), basic(b)) else {
        return Err(FunctionError::new(INVALID));
    };
    spend(a, b, budget)?;
    match (left, right) {
        (Basic::Whole(left), Basic::Whole(right)) => Ok(left < right),
        (Basic::Float(left), Basic::Float(right)) => Ok(left < right),
        (Basic::Text(left), Basic::Text(right)) => Ok(left.cmp(right) == Ordering::Less),
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(..), Basic::Complex(..)) => {
            Err(FunctionError::new(INVALID))
        }
        _ => Err(incompatible(a, b)),
    }
}

/// `le`: less, or else equal.
pub(super) fn less_or_equal(a: &Value, b: &Value, budget: &mut Budget) -> Called<bool> {
    Ok(less(a, b, budget)? || equal(a, b)?)
}
