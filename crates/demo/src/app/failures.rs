//! Which answers are errors: counted, not drawn, so that any run of requests
//! has its share.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// The share of answers that are errors, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ErrorRate(f64);

/// What was given as a rate is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number from 0 to 1")]
pub struct NoErrorRate;

impl FromStr for ErrorRate {
    type Err = NoErrorRate;

    fn from_str(text: &str) -> Result<Self, NoErrorRate> {
        let rate = text.trim().parse().ok();
        let rate = rate.filter(|rate| (0.0..=1.0).contains(rate));
        rate.map(Self).ok_or(NoErrorRate)
    }
}

/// Counts answers.
#[derive(Debug)]
pub(super) struct Failures {
    rate: ErrorRate,
    count: AtomicU64,
}

impl Failures {
    pub(super) fn new(rate: ErrorRate) -> Self {
        Self {
            rate,
            count: AtomicU64::new(0),
        }
    }

    /// Whether the next answer is an error.
    pub(super) fn next(&self) -> bool {
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        self.due(before + 1) > self.due(before)
    }

    /// How many of the first `count` answers are errors.
    fn due(&self, count: u64) -> u64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and no process lives to 2^52 answers"
        )]
        let due = (count as f64 * self.rate.0).floor() as u64;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_of_answers_has_its_share_of_errors() {
        for (rate, of, expected) in [
            ("0", 1_000, 0),
            ("1", 1_000, 1_000),
            ("0.5", 1_000, 500),
            ("0.25", 8, 2),
            ("0.1", 95, 9),
        ] {
            let failures = Failures::new(rate.parse().unwrap());
            let count = (0..of).filter(|_| failures.next()).count();
            assert_eq!(count, expected, "{rate} of {of}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["", "-0.1", "1.1", "half", "NaN", "inf"] {
            assert_eq!(text.parse::<ErrorRate>(), Err(NoErrorRate), "{text}");
        }
    }
}
