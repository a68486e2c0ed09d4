//! The functions that every template has.

mod compare;
mod escape;
mod index;

use crate::error::FunctionError;
use crate::execute::{Budget, Slot, over_limit};
use crate::print::{as_printed, print_all, print_line, printf};
use crate::text::Text;
use crate::types::{Signature, Type};
use crate::value::Value;
use std::sync::LazyLock;
use trueup_gocompat::fmt::Buffer;

type Called<T> = Result<T, FunctionError>;

/// A builtin function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Builtin {
    And,
    Call,
    Equal,
    Greater,
    GreaterOrEqual,
    Html,
    Index,
    Js,
    Length,
    Less,
    LessOrEqual,
    Not,
    NotEqual,
    Or,
    Print,
    PrintFormat,
    PrintLine,
    Slice,
    UrlQuery,
}

const NAMES: [(&str, Builtin); 19] = [
    ("and", Builtin::And),
    ("call", Builtin::Call),
    ("eq", Builtin::Equal),
    ("ge", Builtin::GreaterOrEqual),
    ("gt", Builtin::Greater),
    ("html", Builtin::Html),
    ("index", Builtin::Index),
    ("js", Builtin::Js),
    ("le", Builtin::LessOrEqual),
    ("len", Builtin::Length),
    ("lt", Builtin::Less),
    ("ne", Builtin::NotEqual),
    ("not", Builtin::Not),
    ("or", Builtin::Or),
    ("print", Builtin::Print),
    ("printf", Builtin::PrintFormat),
    ("println", Builtin::PrintLine),
    ("slice", Builtin::Slice),
    ("urlquery", Builtin::UrlQuery),
];

impl Builtin {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let index = NAMES.binary_search_by_key(&name, |(known, _)| known).ok()?;
        Some(NAMES[index].1)
    }

    pub(crate) fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(_, builtin)| *builtin == self);
        found.map_or("", |(name, _)| name)
    }

    pub(crate) fn signature(self) -> &'static Signature {
        static ONE: LazyLock<Signature> =
            LazyLock::new(|| Signature::new([Type::Reflected], Type::Reflected));
        static TWO: LazyLock<Signature> =
            LazyLock::new(|| Signature::new([Type::Reflected, Type::Reflected], Type::Bool));
        static SOME: LazyLock<Signature> = LazyLock::new(|| {
            Signature::new([Type::Reflected], Type::Reflected).variadic(Type::Reflected)
        });
        static ANY: LazyLock<Signature> =
            LazyLock::new(|| Signature::new([], Type::String).variadic(Type::Any));
        static FORMAT: LazyLock<Signature> =
            LazyLock::new(|| Signature::new([Type::String], Type::String).variadic(Type::Any));
        match self {
            Self::Length | Self::Not => &ONE,
            Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual => &TWO,
            Self::And | Self::Or | Self::Call | Self::Index | Self::Slice | Self::Equal => &SOME,
            Self::Html | Self::Js | Self::UrlQuery | Self::Print | Self::PrintLine => &ANY,
            Self::PrintFormat => &FORMAT,
        }
    }

    /// Calls the builtin with arguments that fit its signature.
    pub(crate) fn call(self, arguments: &[Slot], budget: &mut Budget) -> Called<Slot> {
        let values: Vec<&Value> = arguments.iter().map(unboxed).collect();
        match (self, &*values) {
            (Self::Equal, [first, rest @ ..]) => {
                compare::equal_to_any(first, rest, budget).map(of_bool)
            }
            (Self::NotEqual, [a, b]) => {
                compare::equal_to_any(a, &[*b], budget).map(|equal| of_bool(!equal))
            }
            (Self::Less, [a, b]) => compare::less(a, b, budget).map(of_bool),
            (Self::GreaterOrEqual, [a, b]) => {
                compare::less(a, b, budget).map(|less| of_bool(!less))
            }
            (Self::LessOrEqual, [a, b]) => compare::less_or_equal(a, b, budget).map(of_bool),
            (Self::Greater, [a, b]) => {
                compare::less_or_equal(a, b, budget).map(|within| of_bool(!within))
            }
            (Self::Not, [value]) => Ok(of_bool(!value.is_true())),
            (Self::Length, [_]) => index::length(&arguments[0]),
            (Self::Index, [_, ..]) => index::index(&arguments[0], &values[1..]),
            (Self::Slice, [item, ..]) => index::slice(item, &arguments[1..], budget),
            _ => self.print(&values, budget),
        }
    }

    fn print(self, values: &[&Value], budget: &mut Budget) -> Called<Slot> {
        let mut out = Buffer::new(budget.limits.output_bytes);
        match self {
            Self::PrintFormat => {
                if let [Value::String(format), operands @ ..] = values {
                    printf(&mut out, format, operands);
                }
            }
            Self::Print => print_all(&mut out, values),
            Self::PrintLine => print_line(&mut out, values),
            _ => {
                as_printed(&mut out, values);
                let text = bytes_of(out, budget)?;
                out = Buffer::new(budget.limits.output_bytes);
                match self {
                    Self::Html => escape::html(&mut out, &text),
                    Self::Js => escape::js(&mut out, &text),
                    _ => escape::url_query(&mut out, &text),
                }
            }
        }
        let text = bytes_of(out, budget)?;
        Ok(Slot::plain(Value::String(text)))
    }
}

/// What was made, if it is within the limits.
fn bytes_of(out: Buffer, budget: &mut Budget) -> Called<Text> {
    let limit = budget.limits.output_bytes;
    let Some(bytes) = out.into_bytes() else {
        return Err(FunctionError::limit(over_limit(limit, "bytes of one text")));
    };
    spend_bytes(budget, bytes.len())?;
    Ok(bytes.into())
}

fn spend_bytes(budget: &mut Budget, bytes: usize) -> Called<()> {
    budget.spend_bytes(bytes).map_err(FunctionError::limit)
}

fn of_bool(value: bool) -> Slot {
    Slot::plain(Value::Bool(value))
}

/// The value, whether or not it sits in an interface.
pub(crate) fn unboxed(slot: &Slot) -> &Value {
    &slot.value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_is_found_by_its_name() {
        for (name, builtin) in NAMES {
            assert_eq!(Builtin::named(name), Some(builtin));
            assert_eq!(builtin.name(), name);
        }
        assert_eq!(Builtin::named("include"), None);
    }
}
