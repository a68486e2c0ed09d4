//! What time it is, for machine and statuses.

use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Wall time that never runs backwards: where it started plus what tokio's
/// clock has counted since. Under tokio's paused clock this is virtual time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Timestamp,
    since: Instant,
}

impl Clock {
    /// A clock that shows `now` now. Must be called inside a tokio runtime
    /// whose clock it shall follow.
    #[must_use]
    pub fn starting_at(now: Timestamp) -> Self {
        Self {
            started: now,
            since: Instant::now(),
        }
    }

    /// A clock that follows the system's.
    #[must_use]
    pub fn system() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.started
            .saturating_add(self.since.elapsed())
            .unwrap_or(Timestamp::MAX)
    }

    /// Milliseconds since the clock started.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A time in milliseconds since the clock started; below zero before that.
    #[must_use]
    pub fn ms_at(&self, time: Timestamp) -> i64 {
        let since = time.duration_since(self.started);
        i64::try_from(since.as_millis()).unwrap_or(i64::MIN)
    }

    /// When tokio's clock will have counted so many milliseconds.
    #[must_use]
    pub fn instant_of(&self, at_ms: u64) -> Instant {
        self.since + Duration::from_millis(at_ms)
    }
}
