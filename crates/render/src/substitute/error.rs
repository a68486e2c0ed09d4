//! Why a text can't be substituted.

use super::template::MAX_NESTED_EXPANSIONS;
use trueup_object::Text;

/// Why a text can't be substituted; the first words are Flux's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubstituteError {
    /// An expansion that can't be read.
    #[error("variable substitution failed: {0}")]
    Syntax(SyntaxError),
    /// A variable that nothing sets, in strict mode.
    #[error("variable substitution failed: variable not set (strict mode): {name:?}")]
    NotSet {
        /// The variable.
        name: Text,
    },
    /// A length below zero.
    #[error(
        "variable substitution failed: the length of a part of variable {name:?} is below zero"
    )]
    NegativeLength {
        /// The variable.
        name: Text,
    },
    /// More text than is held.
    #[error("variable substitution failed: the result is over the limit of {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Expansions that take too long.
    #[error(
        "variable substitution failed: the expansions take over {limit} steps, the last for variable {name:?}"
    )]
    TooMuchEffort {
        /// The variable that the last step was for.
        name: Text,
        /// The limit.
        limit: u64,
    },
    /// The result is not UTF-8: a character was cut apart, or a value is not.
    #[error("variable substitution failed: the result is not UTF-8")]
    NotUtf8,
}

/// An expansion that can't be read, and of which variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    what: &'static str,
    variable: Option<Text>,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.variable {
            Some(variable) => write!(formatter, "{}: in the expansion of {variable:?}", self.what),
            None => formatter.write_str(self.what),
        }
    }
}

impl SyntaxError {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            variable: None,
        }
    }

    pub(super) fn bad_substitution() -> Self {
        Self::new("bad substitution")
    }

    pub(super) fn no_closing_brace() -> Self {
        Self::new("missing closing brace")
    }

    pub(super) fn no_name() -> Self {
        Self::new("unable to parse variable name")
    }

    pub(super) fn bad_word() -> Self {
        Self::new("unable to parse substitution within function")
    }

    pub(super) fn too_deep() -> Self {
        const _: () = assert!(MAX_NESTED_EXPANSIONS == 64, "the text names the limit");
        Self::new("more than 64 expansions stand in each other")
    }

    /// Names the variable, unless one further in is named already.
    pub(super) fn about(self, variable: &str) -> Self {
        Self {
            variable: self.variable.or_else(|| Some(variable.into())),
            ..self
        }
    }

    /// The reason alone, as Flux says it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.what
    }

    /// The same without the variable's name, where what stands in its place
    /// may be part of a secret.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self::new(self.what)
    }
}
