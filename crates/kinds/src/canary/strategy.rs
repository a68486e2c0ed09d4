//! The way in which a new revision gets traffic.

use super::CanaryAnalysis;
use std::fmt;

/// The way in which a new revision gets traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strategy {
    /// More and more of it.
    Canary,
    /// All requests that match, so many looks long.
    AbTesting,
    /// None for so many looks, then all of it.
    BlueGreen,
}

impl Strategy {
    /// What an analysis asks for; nothing says it outright.
    #[must_use]
    pub fn of(analysis: &CanaryAnalysis) -> Self {
        match (analysis.iterations > 0, analysis.matches.is_empty()) {
            (true, false) => Self::AbTesting,
            (true, true) => Self::BlueGreen,
            (false, _) => Self::Canary,
        }
    }
}

/// The word in metrics: `canary`, `ab-testing`, `blue-green`.
impl fmt::Display for Strategy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Canary => "canary",
            Self::AbTesting => "ab-testing",
            Self::BlueGreen => "blue-green",
        })
    }
}
