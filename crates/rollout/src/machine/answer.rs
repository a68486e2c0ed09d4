//! Questions to hooks and metrics, and their answers.

use sha2::{Digest, Sha256};
use trueup_kinds::canary::{CanaryStatus, MetricReading, Phase, WebhookType};
use trueup_object::Text;

/// How many digits of a round's digest are kept.
const ROUND_BYTES: usize = 8;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The hooks of a type one after the other, up to the first that refuses;
    /// [`WebhookType::Rollback`] up to the first that consents.
    Hooks {
        /// Which hooks.
        kind: WebhookType,
        /// The phase in their payload.
        phase: Phase,
    },
    /// The metrics one after the other, up to the first that does not pass.
    Checks,
    /// Whether everybody who will be asked for metrics answers at all.
    Providers,
}

/// What questions and answers belong to: the status at the time of asking. An
/// answer is good as long as the status stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round(Text);

impl Round {
    /// The round of a status.
    #[must_use]
    pub fn of(status: &CanaryStatus) -> Self {
        let text = serde_json::to_vec(status).unwrap_or_default();
        let digest = Sha256::digest(text);
        let bytes = digest.iter().take(ROUND_BYTES);
        let digits: String = bytes.map(|byte| format!("{byte:02x}")).collect();
        Self(digits.into())
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// Which round it belongs to.
    pub round: Round,
    /// What was answered.
    pub outcome: Outcome,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// By each hook that was called, in order.
    Hooks(Vec<HookOutcome>),
    /// By the metrics.
    Checks {
        /// What was made of them.
        verdict: Verdict,
        /// What a person should know of those that passed.
        notes: Vec<Text>,
        /// What they said, up to the first that did not pass.
        readings: Vec<MetricReading>,
    },
    /// Why not everybody answers; `None` if everybody does.
    Providers(Option<Text>),
}

/// What one hook answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookOutcome {
    /// Its name.
    pub name: Text,
    /// Why it does not consent; `None` if it does.
    pub refusal: Option<Text>,
}

/// What was made of the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All are within their bounds.
    Passed,
    /// One is out of bounds.
    Failed(Text),
    /// One has no value.
    NoData(Text),
    /// One could not be had.
    Error(Text),
}

impl Verdict {
    /// The word in the status.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "Passed",
            Self::Failed(_) => "Failed",
            Self::NoData(_) => "NoData",
            Self::Error(_) => "Error",
        }
    }
}
