//! `index`, `slice` and `len`.

use super::{Called, spend_bytes};
use crate::error::FunctionError;
use crate::execute::{Budget, Slot};
use crate::text::Text;
use crate::types::{Type, UnsignedType};
use crate::value::{Map, Value};

/// What a copied element costs, as bytes.
const ELEMENT_BYTES: usize = size_of::<Value>();

fn failed<T>(message: impl Into<String>) -> Called<T> {
    Err(FunctionError::new(message))
}

fn type_of(value: &Value) -> Type {
    value.type_of().unwrap_or(Type::Any)
}

/// `len`
pub(super) fn length(slot: &Slot) -> Called<Slot> {
    let length = match &slot.value {
        Value::String(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Nil if slot.boxed => return failed("len of nil pointer"),
        // What Go's reflect says where a length was asked of nothing.
        Value::Nil => return failed("reflect: call of reflect.Value.Type on zero Value"),
        other => return failed(format!("len of type {}", type_of(other))),
    };
    Ok(Slot::plain(number(length)))
}

fn number(length: usize) -> Value {
    Value::int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// `index`: the item under the first index, of that the one under the second,
/// and so on.
pub(super) fn index(item: &Slot, indexes: &[&Value]) -> Called<Slot> {
    if matches!(item.value, Value::Nil) {
        return failed("index of untyped nil");
    }
    let mut slot = Slot::plain(item.value.clone());
    for index in indexes {
        slot = item_of(&slot.value, index)?;
    }
    Ok(slot)
}

fn item_of(item: &Value, index: &Value) -> Called<Slot> {
    match item {
        Value::Nil => failed("index of nil pointer"),
        Value::String(text) => {
            let byte = text.get(position(index, text.len())?);
            byte.map_or_else(|| failed("reflect: string index out of range"), of_byte)
        }
        Value::Bytes(bytes) => {
            let byte = bytes.get(position(index, bytes.len())?);
            byte.map_or_else(|| failed("reflect: slice index out of range"), of_byte)
        }
        Value::List(list) => match list.items().get(position(index, list.len())?) {
            Some(value) => Ok(Slot::of_type(list.element(), value.clone())),
            None => failed("reflect: slice index out of range"),
        },
        Value::Map(map) => entry(map, index),
        other => failed(format!("can't index item of type {}", type_of(other))),
    }
}

fn of_byte(byte: &u8) -> Called<Slot> {
    Ok(Slot::plain(Value::Unsigned(
        u64::from(*byte),
        UnsignedType::Uint8,
    )))
}

fn entry(map: &Map, index: &Value) -> Called<Slot> {
    let key = match index {
        Value::String(key) => key,
        Value::Nil => return failed("value is nil; should be of type string"),
        other => {
            return failed(format!(
                "value has type {}; should be string",
                type_of(other)
            ));
        }
    };
    Ok(match map.get(key) {
        Some(value) => Slot::of_type(map.element(), value.clone()),
        None => Slot::zero(map.element()),
    })
}

/// The index as a number from 0 to the length, which is itself no index of an
/// item but a bound of a slice.
fn position(index: &Value, length: usize) -> Called<usize> {
    let number = match index {
        Value::Integer(number, _) => *number,
        Value::Unsigned(number, _) => number.cast_signed(),
        Value::Nil => return failed("cannot index slice/array with nil"),
        other => {
            return failed(format!(
                "cannot index slice/array with type {}",
                type_of(other)
            ));
        }
    };
    match usize::try_from(number) {
        Ok(position) if position <= length => Ok(position),
        _ => failed(format!("index out of range: {number}")),
    }
}

/// `slice`: a part of a text or list.
pub(super) fn slice(item: &Value, bounds: &[Slot], budget: &mut Budget) -> Called<Slot> {
    if matches!(item, Value::Nil) {
        return failed("slice of untyped nil");
    }
    if bounds.len() > 3 {
        return failed(format!("too many slice indexes: {}", bounds.len()));
    }
    let length = match item {
        Value::String(_) if bounds.len() == 3 => return failed("cannot 3-index slice a string"),
        Value::String(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.len(),
        other => return failed(format!("can't slice item of type {}", type_of(other))),
    };
    let (from, to) = range(bounds, length)?;
    let element = if matches!(item, Value::List(_)) {
        ELEMENT_BYTES
    } else {
        1
    };
    spend_bytes(budget, (to - from) * element)?;
    Ok(Slot::plain(match item {
        Value::String(text) => Value::String(Text::from(&text[from..to])),
        Value::Bytes(bytes) => Value::Bytes(Text::from(&bytes[from..to])),
        Value::List(list) => Value::List(list.part(from, to)),
        other => other.clone(),
    }))
}

fn range(bounds: &[Slot], length: usize) -> Called<(usize, usize)> {
    let mut positions = [0, length, 0];
    for (place, bound) in positions.iter_mut().zip(bounds) {
        // Unlike `index`, Go doesn't look into an interface here.
        if bound.boxed {
            return failed("cannot index slice/array with type interface {}");
        }
        *place = position(&bound.value, length)?;
    }
    let [from, to, capacity] = positions;
    if from > to {
        return failed(format!("invalid slice index: {from} > {to}"));
    }
    if bounds.len() == 3 && to > capacity {
        return failed(format!("invalid slice index: {to} > {capacity}"));
    }
    Ok((from, to))
}
