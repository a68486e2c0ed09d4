//! How long to wait: growing pauses after failures, scattered intervals.

use fastrand::Rng;

/// Pauses double after each failure, from a least to a longest one.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The first pause in milliseconds.
    pub least_ms: u64,
    /// The longest pause in milliseconds.
    pub longest_ms: u64,
}

impl Default for Backoff {
    /// Flux's `--min-retry-delay` and `--max-retry-delay`.
    fn default() -> Self {
        Self {
            least_ms: 750,
            longest_ms: 15 * 60 * 1000,
        }
    }
}

impl Backoff {
    /// The pause after so many failures in a row (the first is 1): between
    /// one half and the whole of the doubled pause, so that many objects on
    /// one failing host don't come back as one.
    pub(crate) fn pause_ms(self, failures: u32, rng: &mut Rng) -> u64 {
        let doublings = failures.saturating_sub(1).min(32);
        let whole = self
            .least_ms
            .saturating_mul(1 << doublings)
            .min(self.longest_ms)
            .max(1);
        rng.u64(whole.div_ceil(2)..=whole)
    }
}

/// An interval moved by up to `percent` of itself, either way.
pub(crate) fn scatter_ms(interval_ms: u64, percent: u8, rng: &mut Rng) -> u64 {
    let span = interval_ms.saturating_mul(u64::from(percent)) / 100;
    let least = interval_ms - span.min(interval_ms);
    rng.u64(least..=interval_ms.saturating_add(span)).max(1)
}
