//! What can go wrong while an expression is evaluated.

use super::{MAX_EXPRESSION_STEPS, cut};
use trueup_object::{MASK, Text};

/// What went wrong, in the words of cel-go where it has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A variable that there is none of.
    #[error("no such attribute(s): {0}")]
    NoSuchAttribute(Text),
    /// A map without this key.
    #[error("no such key: {0}")]
    NoSuchKey(Text),
    /// An operation on what it can't be done with.
    #[error("no such overload: {0}")]
    NoSuchOverload(Text),
    /// An index that leads past the end of a list.
    #[error("index out of bounds: {0}")]
    OutOfBounds(i64),
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A remainder of a division by zero.
    #[error("modulus by zero")]
    ModulusByZero,
    /// A whole number that doesn't fit.
    #[error("integer overflow")]
    Overflow,
    /// A value taken of an optional that has none.
    #[error("optional.none() dereference")]
    NoValue,
    /// A function that can't do anything with its arguments.
    #[error("{function}: {cause}")]
    Function {
        /// The function.
        function: &'static str,
        /// Why it can't.
        cause: String,
    },
    /// A value that can't be made into one of another type.
    #[error("type conversion error from '{from}' to '{to}'")]
    Conversion {
        /// The type that it has.
        from: &'static str,
        /// The type that was wanted.
        to: &'static str,
    },
    /// What went wrong with a Secret: only of which kind it is.
    #[error("{0}: {MASK}")]
    Withheld(&'static str),
    /// The result is no truth value.
    #[error("its result is not a boolean")]
    NotBoolean,
    /// It takes more steps than it may.
    #[error("it takes more than {MAX_EXPRESSION_STEPS} steps; it was stopped")]
    TooManySteps,
}

impl Fault {
    pub(super) fn of_function(function: &'static str, cause: impl Into<String>) -> Self {
        Self::Function {
            function,
            cause: cut(&cause.into()).into(),
        }
    }

    pub(super) fn no_such_key(key: &str) -> Self {
        Self::NoSuchKey(cut(key))
    }

    /// A text that is none of a type.
    pub(super) fn not_a(to: &'static str) -> Self {
        Self::Conversion { from: "string", to }
    }

    /// The fault, without values that the expression came upon.
    pub(super) fn without_values(self) -> Self {
        match self {
            Self::NoSuchKey(_) => Self::Withheld("no such key"),
            Self::OutOfBounds(_) => Self::Withheld("index out of bounds"),
            Self::Function { function, .. } => Self::Withheld(function),
            // These hold names of the expression and of types.
            Self::NoSuchAttribute(_) | Self::NoSuchOverload(_) | Self::Conversion { .. } => self,
            Self::DivisionByZero
            | Self::ModulusByZero
            | Self::Overflow
            | Self::NoValue
            | Self::Withheld(_)
            | Self::NotBoolean
            | Self::TooManySteps => self,
        }
    }
}
