//! Whether an object is what it should be yet.
//!
//! The rules are those of kstatus, which Flux waits by: what every object can
//! say of itself (deletion, observed generation, `Reconciling`, `Stalled`),
//! then rules per built-in kind, then `Ready`. Kinds of which kstatus knows
//! nothing are judged by expressions ([`CustomChecks`]). Pure: the same object
//! has the same health; the one rule that looks at a clock takes it as an
//! argument.

mod custom;
mod expression;
mod generic;
#[cfg(test)]
mod recorded;
mod rules;
#[cfg(test)]
mod tests;

pub use custom::{CheckText, CustomCheckError, CustomChecks};
pub use expression::{
    CompileError, EvaluationError, Expression, Fault, MAX_EXPRESSION_BYTES, MAX_EXPRESSION_DEPTH,
    MAX_EXPRESSION_OPERATORS, MAX_EXPRESSION_STEPS,
};

use std::fmt;
use trueup_object::{Text, Value};

/// What state an object is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HealthStatus {
    /// It is what it should be.
    Current,
    /// It is on its way.
    InProgress,
    /// It will not get there by itself.
    Failed,
    /// It is being deleted.
    Terminating,
    /// It does not exist.
    NotFound,
    /// It can't be told.
    Unknown,
}

/// kstatus's words, as messages quote them.
impl fmt::Display for HealthStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Current => "Current",
            Self::InProgress => "InProgress",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
            Self::Unknown => "Unknown",
        })
    }
}

/// What state an object is in, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The state.
    pub status: HealthStatus,
    /// Why, in kstatus's words.
    pub message: Text,
}

impl Health {
    /// A state with its reason.
    #[must_use]
    pub fn new(status: HealthStatus, message: impl Into<Text>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// The health of an object that does not exist.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(HealthStatus::NotFound, "Resource not found")
    }

    /// Whether the object is what it should be.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.status == HealthStatus::Current
    }
}

/// Judges a live object. A Pod that can't be scheduled counts as failed; see
/// [`assess_at`] for one that is still young.
#[must_use]
pub fn assess(object: &Value) -> Health {
    generic::assess(object, None)
}

/// Judges a live object at a time, in seconds since 1970: a Pod that can't be
/// scheduled is given [`SCHEDULE_WINDOW_SECONDS`] before it counts as failed.
/// `created_seconds` is its `creationTimestamp` by the same clock.
#[must_use]
pub fn assess_at(object: &Value, created_seconds: i64, now_seconds: i64) -> Health {
    generic::assess(object, Some(now_seconds.saturating_sub(created_seconds)))
}

/// How long a Pod may stay unscheduled before it counts as failed.
pub const SCHEDULE_WINDOW_SECONDS: i64 = 15;
