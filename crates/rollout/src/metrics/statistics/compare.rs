//! The verdict of a comparison.

use super::{MannWhitney, OrderedCounts, mann_whitney};

/// How likely a difference may be by chance and still count as none.
pub const DEFAULT_SIGNIFICANCE: f64 = 0.01;
/// How many samples of each side are needed.
pub const DEFAULT_LEAST_SAMPLES: u64 = 20;

/// Which values are the worse ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worse {
    /// Large ones, as of durations.
    Higher,
    /// Small ones, as of successes.
    Lower,
}

/// When a canary is worse than its primary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComparisonPolicy {
    /// Which values are the worse ones.
    pub worse: Worse,
    /// Below which probability a difference is not by chance.
    pub significance: f64,
    /// From which effect on (Cliff's delta, 0 to 1) a difference matters.
    pub least_effect: f64,
    /// How many samples of each side are needed for any verdict.
    pub least_samples: u64,
}

/// How a comparison ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComparisonOutcome {
    /// The canary is not worse, as far as can be told.
    NotWorse,
    /// The canary is worse.
    Worse,
    /// There are too few samples to tell.
    TooFewSamples,
}

/// A comparison with its numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// How it ended.
    pub outcome: ComparisonOutcome,
    /// How many samples of the canary there are.
    pub canary_samples: u64,
    /// How many samples of the primary there are.
    pub primary_samples: u64,
    /// By how much the canary is worse (Cliff's delta), from −1 to 1; negative
    /// where it is better, 0 without samples.
    pub effect: f64,
    /// How likely that much or more is when both are alike; 1 without samples.
    pub p: f64,
}

/// Compares a canary with its primary: it is worse where the difference is
/// both unlikely by chance and large enough to matter.
#[must_use]
pub fn compare(counts: &OrderedCounts, policy: ComparisonPolicy) -> Comparison {
    let (effect, p) = match (mann_whitney(counts), policy.worse) {
        (Some(test), Worse::Higher) => (test.effect, test.p_higher),
        (
            Some(MannWhitney {
                effect, p_lower, ..
            }),
            Worse::Lower,
        ) => (-effect, p_lower),
        (None, _) => (0.0, 1.0),
    };
    let canary_samples = counts.canary_samples();
    let primary_samples = counts.primary_samples();
    let enough = canary_samples.min(primary_samples) >= policy.least_samples.max(1);
    let outcome = match enough {
        false => ComparisonOutcome::TooFewSamples,
        true if p < policy.significance && effect >= policy.least_effect => {
            ComparisonOutcome::Worse
        }
        true => ComparisonOutcome::NotWorse,
    };
    Comparison {
        outcome,
        canary_samples,
        primary_samples,
        effect,
        p,
    }
}

impl Comparison {
    /// The numbers in words.
    #[must_use]
    pub fn numbers(&self, policy: ComparisonPolicy) -> String {
        let sign = |beyond: bool| if beyond { "≥" } else { "<" };
        let (effect, p) = (self.effect, self.p);
        format!(
            "effect {effect:.3} {} {}, p {p:.2e} {} {}, {} samples of the canary and {} of the primary",
            sign(effect >= policy.least_effect),
            policy.least_effect,
            sign(p >= policy.significance),
            policy.significance,
            self.canary_samples,
            self.primary_samples,
        )
    }
}
