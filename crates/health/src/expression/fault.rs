//! What can go wrong while an expression is evaluated.

use super::MAX_EXPRESSION_STEPS;
use trueup_object::Text;

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
            cause: cause.into(),
        }
    }
}
