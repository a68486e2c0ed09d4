//! Why a query has no number.

use std::fmt;

/// The ways in which a query has no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryErrorKind {
    /// Nothing was found.
    NoValues,
    /// What was found is not a number: 0/0.
    NotANumber,
    /// Ranges of values were found where one value was asked for.
    ManyValues,
    /// The provider refused the query.
    Refused,
    /// The answer is not in the provider's notation.
    Malformed,
    /// The answer is over a limit.
    TooMuch,
    /// Anything else: nobody answered, nothing could be asked.
    Failed,
}

/// Why a query has no number, in Flagger's words where it has some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryError {
    /// The way.
    pub kind: QueryErrorKind,
    message: String,
}

const NO_VALUES: &str = "no values found";

impl QueryError {
    /// Nothing was found.
    #[must_use]
    pub fn no_values() -> Self {
        Self::new(QueryErrorKind::NoValues, NO_VALUES)
    }

    /// Nothing was found in this.
    #[must_use]
    pub fn no_values_in(body: &str) -> Self {
        let message = format!("invalid response: {body}: {NO_VALUES}");
        Self::new(QueryErrorKind::NoValues, message)
    }

    /// Nothing was found, and why.
    #[must_use]
    pub fn no_values_because(reason: impl fmt::Display) -> Self {
        let message = format!("{NO_VALUES}: {reason}");
        Self::new(QueryErrorKind::NoValues, message)
    }

    /// What was found is not a number.
    #[must_use]
    pub fn not_a_number() -> Self {
        let message = format!("{NO_VALUES} (NaN)");
        Self::new(QueryErrorKind::NotANumber, message)
    }

    /// Ranges of values were found.
    #[must_use]
    pub fn many_values() -> Self {
        Self::new(QueryErrorKind::ManyValues, "query returned multiple values")
    }

    /// The provider refused the query.
    #[must_use]
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(QueryErrorKind::Refused, message)
    }

    /// The answer is not in the provider's notation.
    #[must_use]
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(QueryErrorKind::Malformed, message)
    }

    /// The answer is over a limit.
    #[must_use]
    pub fn too_much(message: impl Into<String>) -> Self {
        Self::new(QueryErrorKind::TooMuch, message)
    }

    /// Anything else; of a request that got no answer, say
    /// `request failed: …` without address or headers.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(QueryErrorKind::Failed, message)
    }

    fn new(kind: QueryErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Whether the provider works and has nothing to tell.
    #[must_use]
    pub const fn is_no_data(&self) -> bool {
        matches!(
            self.kind,
            QueryErrorKind::NoValues | QueryErrorKind::NotANumber
        )
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for QueryError {}
