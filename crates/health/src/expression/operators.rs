//! Operators of the language.

use super::Fault;
use super::datum::Datum;
use super::evaluate::Meter;
use kube_cel::cel::common::ast::operators as names;
use std::cmp::Ordering;

type Outcome<'a> = Result<Datum<'a>, Fault>;

/// Whether a name is one of an operator.
pub(super) fn is_operator(name: &str) -> bool {
    [
        names::ADD,
        names::CONDITIONAL,
        names::DIVIDE,
        names::EQUALS,
        names::GREATER,
        names::GREATER_EQUALS,
        names::IN,
        names::INDEX,
        names::LESS,
        names::LESS_EQUALS,
        names::LOGICAL_AND,
        names::LOGICAL_NOT,
        names::LOGICAL_OR,
        names::MODULO,
        names::MULTIPLY,
        names::NEGATE,
        names::NOT_EQUALS,
        names::NOT_STRICTLY_FALSE,
        names::OPT_INDEX,
        names::OPT_SELECT,
        names::SUBSTRACT,
    ]
    .contains(&name)
}

/// What an operator makes of its operands; `None` if the name is none of an
/// operator.
pub(super) fn operate<'a>(
    name: &str,
    operands: &[Datum<'a>],
    meter: &Meter,
) -> Option<Outcome<'a>> {
    Some(match (name, operands) {
        (names::EQUALS, [a, b]) => a.equals(b, meter).map(Datum::Bool),
        (names::NOT_EQUALS, [a, b]) => a.equals(b, meter).map(|same| Datum::Bool(!same)),
        (names::LESS, [a, b]) => ordered(name, a, b, |it| it == Ordering::Less),
        (names::LESS_EQUALS, [a, b]) => ordered(name, a, b, |it| it != Ordering::Greater),
        (names::GREATER, [a, b]) => ordered(name, a, b, |it| it == Ordering::Greater),
        (names::GREATER_EQUALS, [a, b]) => ordered(name, a, b, |it| it != Ordering::Less),
        (names::IN, [item, holder]) => is_in(item, holder, meter),
        (names::INDEX, [holder, key]) => index(holder, key, meter),
        (names::OPT_INDEX | names::OPT_SELECT, [holder, key]) => optional_index(holder, key, meter),
        (names::LOGICAL_NOT, [Datum::Bool(truth)]) => Ok(Datum::Bool(!truth)),
        (names::NEGATE, [operand]) => negated(operand),
        (names::ADD, [a, b]) => sum(a, b, meter),
        (names::SUBSTRACT | names::MULTIPLY | names::DIVIDE | names::MODULO, [a, b]) => {
            calculated(name, a, b)
        }
        (names::LOGICAL_NOT | names::NEGATE, _) => Err(no_overload(name, operands)),
        _ => return None,
    })
}

/// The fault of an operation on these values.
pub(super) fn no_overload(name: &str, operands: &[Datum<'_>]) -> Fault {
    let types: Vec<&str> = operands.iter().map(Datum::type_name).collect();
    Fault::NoSuchOverload(format!("{name} of ({})", types.join(", ")).into())
}

fn ordered<'a>(
    name: &str,
    a: &Datum<'a>,
    b: &Datum<'a>,
    wanted: fn(Ordering) -> bool,
) -> Outcome<'a> {
    if let Some(order) = a.number_order(b) {
        return Ok(Datum::Bool(order.is_some_and(wanted)));
    }
    let order = match (a, b) {
        (Datum::Text(a), Datum::Text(b)) => a.cmp(b),
        (Datum::Bytes(a), Datum::Bytes(b)) => a.cmp(b),
        (Datum::Bool(a), Datum::Bool(b)) => a.cmp(b),
        (Datum::Timestamp(a), Datum::Timestamp(b)) => a.cmp(b),
        (Datum::Duration(a), Datum::Duration(b)) => a.cmp(b),
        _ => return Err(no_overload(name, &[a.clone(), b.clone()])),
    };
    Ok(Datum::Bool(wanted(order)))
}

fn is_in<'a>(item: &Datum<'a>, holder: &Datum<'a>, meter: &Meter) -> Outcome<'a> {
    if holder.is_map() {
        return Ok(Datum::Bool(holder.entry(item, meter)?.is_some()));
    }
    if !holder.is_list() {
        return Err(no_overload("in", &[item.clone(), holder.clone()]));
    }
    for index in 0..holder.size().unwrap_or(0) {
        if let Some(element) = holder.item(index)
            && element.equals(item, meter)?
        {
            return Ok(Datum::Bool(true));
        }
    }
    Ok(Datum::Bool(false))
}

fn index<'a>(holder: &Datum<'a>, key: &Datum<'a>, meter: &Meter) -> Outcome<'a> {
    if let Datum::Optional(_) = holder {
        return optional_index(holder, key, meter);
    }
    if holder.is_map() {
        return holder
            .entry(key, meter)?
            .ok_or_else(|| Fault::no_such_key(&super::conversions::shown(key)));
    }
    match (holder.is_list(), whole(key)) {
        (true, Some(place)) => usize::try_from(place)
            .ok()
            .and_then(|place| holder.item(place))
            .ok_or(Fault::OutOfBounds(place)),
        _ => Err(no_overload("_[_]", &[holder.clone(), key.clone()])),
    }
}

/// A whole number, also where it is written as a double.
fn whole(key: &Datum<'_>) -> Option<i64> {
    match key {
        #[expect(clippy::cast_possible_truncation, reason = "it has no fraction")]
        Datum::Double(float) if float.fract() == 0.0 && float.abs() < 9e15 => Some(*float as i64),
        other => other.as_int(),
    }
}

/// `a[?b]` and `a.?b`: nothing where there is nothing. As in cel-go that is
/// also so for what has no fields at all.
fn optional_index<'a>(holder: &Datum<'a>, key: &Datum<'a>, meter: &Meter) -> Outcome<'a> {
    let none = Datum::Optional(None);
    match holder {
        Datum::Optional(None) => Ok(none),
        Datum::Optional(Some(held)) => optional_index(held, key, meter),
        holder if !holder.is_map() && !holder.is_list() => Ok(none),
        holder => match index(holder, key, meter) {
            Err(Fault::NoSuchKey(_) | Fault::OutOfBounds(_)) => Ok(none),
            found => found.map(Datum::some),
        },
    }
}

fn negated<'a>(operand: &Datum<'a>) -> Outcome<'a> {
    match operand {
        Datum::Int(whole) => whole.checked_neg().map(Datum::Int).ok_or(Fault::Overflow),
        Datum::Double(float) => Ok(Datum::Double(-float)),
        other => Err(no_overload("-_", std::slice::from_ref(other))),
    }
}

fn sum<'a>(a: &Datum<'a>, b: &Datum<'a>, meter: &Meter) -> Outcome<'a> {
    match (a, b) {
        (Datum::Text(a), Datum::Text(b)) => Ok(Datum::text(format!("{a}{b}"))),
        (Datum::Bytes(a), Datum::Bytes(b)) => {
            Ok(Datum::Bytes([a.as_ref(), b.as_ref()].concat().into()))
        }
        _ if a.is_list() && b.is_list() => {
            let mut items = a.elements(meter)?.unwrap_or_default();
            items.extend(b.elements(meter)?.unwrap_or_default());
            Ok(Datum::list(items))
        }
        (Datum::Timestamp(at), Datum::Duration(span))
        | (Datum::Duration(span), Datum::Timestamp(at)) => at
            .checked_add(*span)
            .map(Datum::Timestamp)
            .map_err(|_| Fault::Overflow),
        (Datum::Duration(a), Datum::Duration(b)) => a
            .checked_add(*b)
            .map(Datum::Duration)
            .ok_or(Fault::Overflow),
        _ => calculated(names::ADD, a, b),
    }
}

fn calculated<'a>(name: &str, a: &Datum<'a>, b: &Datum<'a>) -> Outcome<'a> {
    match (a, b) {
        (Datum::Int(a), Datum::Int(b)) => signed(name, *a, *b).map(Datum::Int),
        (Datum::Uint(a), Datum::Uint(b)) => unsigned(name, *a, *b).map(Datum::Uint),
        (Datum::Double(a), Datum::Double(b)) => match name {
            names::ADD => Ok(Datum::Double(a + b)),
            names::SUBSTRACT => Ok(Datum::Double(a - b)),
            names::MULTIPLY => Ok(Datum::Double(a * b)),
            names::DIVIDE => Ok(Datum::Double(a / b)),
            _ => Err(no_overload(name, &[Datum::Double(*a), Datum::Double(*b)])),
        },
        (Datum::Timestamp(a), Datum::Timestamp(b)) if name == names::SUBSTRACT => {
            Ok(Datum::Duration(a.duration_since(*b)))
        }
        (Datum::Timestamp(a), Datum::Duration(b)) if name == names::SUBSTRACT => a
            .checked_sub(*b)
            .map(Datum::Timestamp)
            .map_err(|_| Fault::Overflow),
        (Datum::Duration(a), Datum::Duration(b)) if name == names::SUBSTRACT => a
            .checked_sub(*b)
            .map(Datum::Duration)
            .ok_or(Fault::Overflow),
        _ => Err(no_overload(name, &[a.clone(), b.clone()])),
    }
}

fn signed(name: &str, a: i64, b: i64) -> Result<i64, Fault> {
    match name {
        names::ADD => a.checked_add(b).ok_or(Fault::Overflow),
        names::SUBSTRACT => a.checked_sub(b).ok_or(Fault::Overflow),
        names::MULTIPLY => a.checked_mul(b).ok_or(Fault::Overflow),
        names::DIVIDE if b == 0 => Err(Fault::DivisionByZero),
        names::DIVIDE => a.checked_div(b).ok_or(Fault::Overflow),
        _ if b == 0 => Err(Fault::ModulusByZero),
        _ => a.checked_rem(b).ok_or(Fault::Overflow),
    }
}

fn unsigned(name: &str, a: u64, b: u64) -> Result<u64, Fault> {
    match name {
        names::ADD => a.checked_add(b).ok_or(Fault::Overflow),
        names::SUBSTRACT => a.checked_sub(b).ok_or(Fault::Overflow),
        names::MULTIPLY => a.checked_mul(b).ok_or(Fault::Overflow),
        names::DIVIDE => a.checked_div(b).ok_or(Fault::DivisionByZero),
        _ => a.checked_rem(b).ok_or(Fault::ModulusByZero),
    }
}
