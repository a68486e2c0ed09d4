//! For how long one leads: a fence that asks the clock.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Until when we lead. Every renewal of the lease moves the end on, and nobody
/// else may take the lease before it. Cheap to clone.
///
/// The end is compared with the clock whenever it matters, so the answer is
/// right even when the process was stopped for a while and no timer has fired.
#[derive(Clone, Debug)]
pub struct Tenure {
    until: watch::Receiver<Option<Instant>>,
}

/// Moves the end of a [`Tenure`].
#[derive(Debug)]
pub(crate) struct TenureKeeper {
    until: watch::Sender<Option<Instant>>,
}

impl TenureKeeper {
    /// A tenure that has not begun.
    pub(crate) fn new() -> Self {
        Self {
            until: watch::channel(None).0,
        }
    }

    pub(crate) fn tenure(&self) -> Tenure {
        Tenure {
            until: self.until.subscribe(),
        }
    }

    /// It lasts until then.
    pub(crate) fn extend(&self, until: Instant) {
        self.until.send_replace(Some(until));
    }

    /// It is over.
    pub(crate) fn end(&self) {
        self.until.send_replace(None);
    }
}

/// Whether something may be done now that only a leader may do.
#[must_use]
pub fn is_within(until: Option<Instant>, now: Instant) -> bool {
    until.is_some_and(|until| now < until)
}

impl Tenure {
    /// Whether we lead at this moment.
    #[must_use]
    pub fn holds(&self) -> bool {
        is_within(*self.until.borrow(), Instant::now())
    }

    /// Waits until we lead; for ever, once nobody tries to any more.
    pub async fn begun(&mut self) {
        loop {
            if is_within(*self.until.borrow_and_update(), Instant::now()) {
                return;
            }
            if self.until.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until we don't lead.
    pub async fn lost(&mut self) {
        loop {
            let until = *self.until.borrow_and_update();
            let Some(until) = until.filter(|it| Instant::now() < *it) else {
                return;
            };
            tokio::select! {
                biased;
                changed = self.until.changed() => if changed.is_err() {
                    // Nobody renews it any more: it lasts as long as it lasts.
                    sleep_until(until).await;
                },
                () = sleep_until(until) => {}
            }
        }
    }

    /// Does work as long as we lead; `None` when the tenure ended first. The
    /// work is dropped at the pause at which it stands then and takes no
    /// further step, so it sends nothing after the end.
    pub async fn while_it_lasts<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut fence = self.clone();
        let (mut work, mut lost) = (pin!(work), pin!(fence.lost()));
        poll_fn(|task| {
            if lost.as_mut().poll(task).is_ready() || !self.holds() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(task).map(Some)
        })
        .await
    }
}
