//! How fast requests may follow each other, and how long to wait after
//! failures.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A client-side limit of requests, as client-go has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// Requests a second in the long run.
    pub per_second: f64,
    /// How many may go at once after a quiet time.
    pub burst: u32,
}

impl RateLimit {
    /// What a cluster over the network is asked at most unless told otherwise.
    /// The server's own priorities and fairness, whose answers 429 are heeded,
    /// protect it; this bounds a mistake of ours. Flux's controllers each have
    /// 50 and 300.
    pub const DEFAULT: Self = Self {
        per_second: 500.0,
        burst: 1000,
    };
}

/// A bucket of permits that fills at a steady rate. Callers are served in the
/// order in which they ask: each books its permit and waits until it is due.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: RateLimit,
    /// When the bucket would be full again; earlier than now means full.
    full_at: Mutex<Option<Instant>>,
}

impl Pace {
    pub fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            full_at: Mutex::new(None),
        }
    }

    /// Waits for a permit.
    pub async fn permit(&self) {
        let due = self.book(Instant::now());
        if due > Instant::now() {
            sleep_until(due).await;
        }
    }

    /// Takes a permit now if one is there, else none.
    pub fn try_permit(&self, now: Instant) -> bool {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, due) = self.booking(*full_at, now);
        if due > now {
            return false;
        }
        *full_at = Some(next);
        true
    }

    fn book(&self, now: Instant) -> Instant {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, due) = self.booking(*full_at, now);
        *full_at = Some(next);
        due
    }

    /// The bucket's next full time and when the booked permit is due.
    fn booking(&self, full_at: Option<Instant>, now: Instant) -> (Instant, Instant) {
        let interval =
            Duration::from_secs_f64(1.0 / self.limit.per_second.max(f64::MIN_POSITIVE).max(1e-6));
        let next = full_at.map_or(now, |at| at.max(now)) + interval;
        let depth = interval * self.limit.burst.max(1);
        let due = next.checked_sub(depth).map_or(now, |at| at.max(now));
        (next, due)
    }
}

/// Growing, jittered pauses between attempts.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
    random: fastrand::Rng,
}

impl Backoff {
    pub fn new(first: Duration, longest: Duration, random: fastrand::Rng) -> Self {
        Self {
            first,
            longest,
            failures: 0,
            random,
        }
    }

    /// Forgets past failures.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure: doubled each time up to the longest,
    /// of which between half and all is waited, but never less than the
    /// server asks for.
    pub fn next_pause(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1 << self.failures.min(16))
            .min(self.longest);
        self.failures = self.failures.saturating_add(1);
        let jittered = doubled.mul_f64(0.5 + self.random.f64() / 2.0);
        jittered.max(asked.unwrap_or_default().min(self.longest))
    }
}
