//! A number that grows, and waiting for it to grow.
//!
//! As a watch channel of a number, except that those who wait are woken in
//! the order in which they began to: a seeded run replays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// Counts changes. Cheap to clone; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct ChangeCount {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    number: AtomicU64,
    grown: Notify,
}

/// Sees the changes from some moment on.
#[derive(Clone, Debug)]
pub struct Changes {
    inner: Arc<Inner>,
    seen: u64,
}

impl ChangeCount {
    /// Counts one more, and wakes everybody who waits.
    pub fn raise(&self) {
        self.inner.number.fetch_add(1, Ordering::SeqCst);
        self.inner.grown.notify_waiters();
    }

    /// Sees the changes from now on.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes {
            inner: Arc::clone(&self.inner),
            seen: self.inner.number.load(Ordering::SeqCst),
        }
    }
}

impl Changes {
    /// Waits until there is a change that was not seen yet, and has seen it.
    /// Losing this future loses nothing.
    pub async fn changed(&mut self) {
        loop {
            // Listening before looking: no change falls in between.
            let grown = self.inner.grown.notified();
            let number = self.number();
            if number != self.seen {
                self.seen = number;
                return;
            }
            grown.await;
        }
    }

    /// Has seen everything so far.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.number();
    }

    /// How many changes there were.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.inner.number.load(Ordering::SeqCst)
    }
}
