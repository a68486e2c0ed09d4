//! What was found to differ.

use std::fmt;

/// How many characters of two differing values are told.
const SHOWN_CHARACTERS: usize = 600;

/// One place where an answer is not as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: the step, then the path in its answer, such as
    /// `step 3.metadata.labels`.
    pub place: String,
    /// What was wanted, and what came; shortened.
    pub what: String,
}

impl Difference {
    /// A difference at a place.
    #[must_use]
    pub fn new(place: impl Into<String>, what: &str) -> Self {
        Self {
            place: place.into(),
            what: what.chars().take(SHOWN_CHARACTERS).collect(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.what)
    }
}
