//! Why a run ended without success.

use crate::status::StatusError;
use trueup_cluster::ApiError;
use trueup_kinds::reason;

/// How soon a run is tried again when the cluster did not answer, unless the
/// retry interval is shorter.
pub(super) const TRANSIENT_RETRY_MS: u64 = 5_000;

/// Why a run ended early, as conditions and events say it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    /// Reason of `Ready`.
    pub reason: &'static str,
    /// What happened.
    pub message: String,
    /// What comes next.
    pub cure: Cure,
    /// Who hears of it.
    pub telling: Telling,
}

/// What helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// Trying again after the retry interval.
    Retry,
    /// Trying again soon: nobody answered.
    Soon,
    /// Trying again after this long, unless the retry interval is shorter.
    Within {
        /// Milliseconds from now.
        delay_ms: u64,
    },
    /// A dependency or source becoming ready.
    Dependency,
    /// A kind becoming known to the cluster.
    Kind,
    /// Only a change of the object itself.
    Specification,
}

/// Whether there is an event of a failure, beside the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// An event, where the failure is news.
    Event,
    /// None: what is missing may simply not have come yet.
    ConditionOnly,
}

/// A run that ends early: because something failed, or because its object
/// can't be written to, or has gone.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("{}", .0.message)]
    Failed(Failure),
    #[error(transparent)]
    Status(#[from] StatusError),
    /// Nobody knows yet whether its cluster answers.
    #[error("waits for another cluster's answer")]
    AwaitsCluster,
    /// The archive of its source is still on its way.
    #[error("waits for the archive of its source")]
    AwaitsArchive,
    /// Others of its namespace are rendered.
    #[error("waits for its turn to be rendered")]
    AwaitsTurn,
    /// Its inputs are outdated.
    #[error("given up for newer inputs")]
    Cancelled,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Failure {
    pub(super) fn new(reason: &'static str, message: impl Into<String>, cure: Cure) -> Self {
        Self {
            reason,
            message: message.into(),
            cure,
            telling: Telling::Event,
        }
    }

    /// The same, told by the condition and the log alone.
    pub(super) fn quiet(self) -> Self {
        Self {
            telling: Telling::ConditionOnly,
            ..self
        }
    }

    /// A failure of a request that is about no object in particular.
    pub(super) fn api(error: &ApiError) -> Self {
        let cure = Cure::of(error);
        Self::new(reason::RECONCILIATION_FAILED, error.to_string(), cure)
    }
}

impl Cure {
    /// What helps against a failed request, as far as that alone can tell.
    pub(super) fn of(error: &ApiError) -> Self {
        if error.is_transient() {
            Self::Soon
        } else {
            Self::Retry
        }
    }
}
