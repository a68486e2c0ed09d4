//! Time that jumps.

use jiff::{SignedDuration, Timestamp};
use std::future::Future;
use tokio::time::Instant;

/// Runs a test on one thread with a clock that jumps to the next timer
/// whenever nothing else can go on. The same seeded test does the same every
/// time, and hours pass in milliseconds.
///
/// Nothing in it may wait for other threads or for sockets: to the clock that
/// looks like being idle.
///
/// # Panics
///
/// When no runtime can be made.
pub fn virtual_time<F: Future>(test: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets needs nothing from the system")
        .block_on(test)
}

/// A wall clock that follows the runtime's clock from a fixed beginning, for
/// whatever takes the present time as a function.
#[derive(Clone, Copy, Debug)]
pub struct VirtualClock {
    started: Instant,
    epoch: Timestamp,
}

impl VirtualClock {
    /// Starts at 2026-01-01T00:00:00Z. Must be called within a runtime.
    #[must_use]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            epoch: Timestamp::constant(1_767_225_600, 0),
        }
    }

    /// The present time.
    #[must_use]
    pub fn now(self) -> Timestamp {
        let passed =
            SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        self.epoch.checked_add(passed).unwrap_or(Timestamp::MAX)
    }
}
