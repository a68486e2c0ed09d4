//! Functions by name; a receiver is the first argument.

use super::datum::Datum;
use super::evaluate::Meter;
use super::operators::no_overload;
use super::{Fault, conversions, format, text, time};
use std::sync::Arc;

type Outcome<'a> = Result<Datum<'a>, Fault>;

/// Every function beside the operators.
const KNOWN: &[&str] = &[
    "base64.decode",
    "base64.encode",
    "bool",
    "bytes",
    "charAt",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "first",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "hasValue",
    "indexOf",
    "int",
    "join",
    "last",
    "lastIndexOf",
    "lowerAscii",
    "matches",
    "optFlatMap",
    "optMap",
    "optional.none",
    "optional.of",
    "optional.ofNonZeroValue",
    "optional.unwrap",
    "or",
    "orValue",
    "replace",
    "reverse",
    "sets.contains",
    "sets.equivalent",
    "sets.intersects",
    "size",
    "split",
    "startsWith",
    "string",
    "strings.quote",
    "substring",
    "timestamp",
    "trim",
    "type",
    "uint",
    "unwrapOpt",
    "upperAscii",
    "value",
];

/// Whether there is a function of this name.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.binary_search(&name).is_ok()
}

/// Whether a name is the first half of names of functions.
pub(super) fn is_name_space(name: &str) -> bool {
    matches!(name, "base64" | "optional" | "sets" | "strings")
}

/// The type that a name stands for.
pub(super) fn type_of_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "bool" => "bool",
        "int" => "int",
        "uint" => "uint",
        "double" => "double",
        "string" => "string",
        "bytes" => "bytes",
        "list" => "list",
        "map" => "map",
        "null_type" => "null_type",
        "type" => "type",
        "optional_type" => "optional_type",
        _ => return None,
    })
}

/// Calls a function.
pub(super) fn call<'a>(name: &str, args: &[Datum<'a>], meter: &Meter) -> Outcome<'a> {
    let outcome = general(name, args)
        .or_else(|| conversions::convert(name, args))
        .or_else(|| text::call(name, args, meter))
        .or_else(|| optional(name, args, meter))
        .or_else(|| sets(name, args, meter))
        .or_else(|| time::part(name, args));
    match (outcome, name, args) {
        (Some(outcome), _, _) => outcome,
        (None, "format", [Datum::Text(pattern), values]) => {
            format::format(pattern, values, meter).map(Datum::text)
        }
        _ => Err(no_overload(name, args)),
    }
}

fn general<'a>(name: &str, args: &[Datum<'a>]) -> Option<Outcome<'a>> {
    Some(match (name, args) {
        ("size", [holder]) => {
            let size = holder.size()?;
            Ok(Datum::Int(i64::try_from(size).unwrap_or(i64::MAX)))
        }
        ("type", [value]) => Ok(Datum::Type(value.type_name())),
        ("dyn", [value]) => Ok(value.clone()),
        ("first", [list]) if list.is_list() => Ok(held(list.item(0))),
        ("last", [list]) if list.is_list() => {
            let end = list.size().unwrap_or(0);
            Ok(held(end.checked_sub(1).and_then(|end| list.item(end))))
        }
        _ => return None,
    })
}

fn held(found: Option<Datum<'_>>) -> Datum<'_> {
    Datum::Optional(found.map(Arc::new))
}

fn optional<'a>(name: &str, args: &[Datum<'a>], meter: &Meter) -> Option<Outcome<'a>> {
    Some(match (name, args) {
        ("optional.none", []) => Ok(Datum::Optional(None)),
        ("optional.of", [value]) => Ok(Datum::some(value.clone())),
        ("optional.ofNonZeroValue", [value]) if value.is_zero() => Ok(Datum::Optional(None)),
        ("optional.ofNonZeroValue", [value]) => Ok(Datum::some(value.clone())),
        ("optional.unwrap" | "unwrapOpt", [list]) if list.is_list() => unwrapped(list, meter),
        ("hasValue", [Datum::Optional(held)]) => Ok(Datum::Bool(held.is_some())),
        ("value", [Datum::Optional(held)]) => match held {
            Some(held) => Ok(held.as_ref().clone()),
            None => Err(Fault::NoValue),
        },
        ("or", [Datum::Optional(None), other]) => Ok(other.clone()),
        ("or", [held @ Datum::Optional(_), _]) => Ok(held.clone()),
        ("orValue", [Datum::Optional(None), other]) => Ok(other.clone()),
        ("orValue", [Datum::Optional(Some(held)), _]) => Ok(held.as_ref().clone()),
        _ => return None,
    })
}

fn unwrapped<'a>(list: &Datum<'a>, meter: &Meter) -> Outcome<'a> {
    let items = list.elements(meter)?.unwrap_or_default();
    let present = items.into_iter().filter_map(|item| match item {
        Datum::Optional(held) => held.map(|held| held.as_ref().clone()),
        other => Some(other),
    });
    Ok(Datum::list(present.collect()))
}

fn sets<'a>(name: &str, args: &[Datum<'a>], meter: &Meter) -> Option<Outcome<'a>> {
    let [a, b] = args else { return None };
    if !a.is_list() || !b.is_list() {
        return None;
    }
    let truth = match name {
        "sets.contains" => has_all(a, b, meter),
        "sets.equivalent" => has_all(a, b, meter).and_then(|holds| {
            if holds {
                has_all(b, a, meter)
            } else {
                Ok(false)
            }
        }),
        "sets.intersects" => has_any(a, b, meter),
        _ => return None,
    };
    Some(truth.map(Datum::Bool))
}

fn has_all<'a>(holder: &Datum<'a>, wanted: &Datum<'a>, meter: &Meter) -> Result<bool, Fault> {
    for item in wanted.elements(meter)?.unwrap_or_default() {
        if !has(holder, &item, meter)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn has_any<'a>(holder: &Datum<'a>, wanted: &Datum<'a>, meter: &Meter) -> Result<bool, Fault> {
    for item in wanted.elements(meter)?.unwrap_or_default() {
        if has(holder, &item, meter)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has<'a>(holder: &Datum<'a>, item: &Datum<'a>, meter: &Meter) -> Result<bool, Fault> {
    for index in 0..holder.size().unwrap_or(0) {
        if let Some(known) = holder.item(index)
            && known.equals(item, meter)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::KNOWN;

    #[test]
    fn the_functions_are_in_order_so_that_they_are_found() {
        assert!(KNOWN.is_sorted());
    }
}
