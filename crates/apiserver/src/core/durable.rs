//! How far writes have reached the disk.

use super::store::{Refusal, Shelf, lock};
use super::watch::waiting_number;
use crate::storage::StorageError;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

/// How far writes have reached the disk, and who waits for it.
#[derive(Debug)]
pub struct Durable {
    revision: AtomicU64,
    broken: AtomicBool,
    pending: Mutex<VecDeque<(u64, Arc<Shelf>)>>,
    /// By revision, then by the number of the one who waits.
    waiting: Mutex<BTreeMap<(u64, u64), Waker>>,
}

impl Durable {
    /// Everything up to a revision is durable.
    pub(super) fn new(revision: u64) -> Self {
        Self {
            revision: AtomicU64::new(revision),
            broken: AtomicBool::new(false),
            pending: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    /// A write is on its way; the watchers of its shelf are woken when it is
    /// durable.
    pub(super) fn expect(&self, revision: u64, shelf: Arc<Shelf>) {
        lock(&self.pending).push_back((revision, shelf));
    }

    /// Whether a write was lost.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// The last revision that is durable; watchers see nothing newer.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// A write became durable, or was lost.
    pub(super) fn complete(&self, revision: u64, result: &Result<(), StorageError>) {
        if let Err(error) = result {
            tracing::error!(%error, "a write was lost");
            self.broken.store(true, Ordering::Release);
        } else {
            self.revision.fetch_max(revision, Ordering::AcqRel);
        }
        let mut pending = lock(&self.pending);
        while pending.front().is_some_and(|(at, _)| *at <= revision) {
            if let Some((_, shelf)) = pending.pop_front() {
                shelf.wakers.wake();
            }
        }
        drop(pending);
        self.wake(revision);
    }

    /// Wakes those who wait for a revision that is durable now, or all if
    /// something was lost.
    fn wake(&self, revision: u64) {
        let mut waiting = lock(&self.waiting);
        let later = if self.is_broken() {
            BTreeMap::new()
        } else {
            waiting.split_off(&(revision + 1, 0))
        };
        let woken = std::mem::replace(&mut *waiting, later);
        drop(waiting);
        woken.into_values().for_each(Waker::wake);
    }

    /// A write is as durable as any will be: nothing is kept. The store wakes
    /// the watchers itself.
    pub(super) fn advance(&self, revision: u64) {
        self.revision.fetch_max(revision, Ordering::AcqRel);
        self.wake(revision);
    }

    /// Whether a revision is durable: `Some(Ok)` if so, `Some(Err)` if it
    /// never will be.
    fn state(&self, revision: u64) -> Option<Result<(), Refusal>> {
        if self.revision() >= revision {
            return Some(Ok(()));
        }
        self.broken
            .load(Ordering::Acquire)
            .then_some(Err(Refusal::Broken))
    }

    /// Waits until a revision is durable. An answer that tells of a revision
    /// is given only then.
    pub fn wait(
        self: &Arc<Self>,
        revision: u64,
    ) -> impl Future<Output = Result<(), Refusal>> + Send + 'static {
        let durable = self.clone();
        let number = waiting_number();
        std::future::poll_fn(move |context| {
            if let Some(state) = durable.state(revision) {
                return Poll::Ready(state);
            }
            lock(&durable.waiting).insert((revision, number), context.waker().clone());
            durable.state(revision).map_or(Poll::Pending, Poll::Ready)
        })
    }
}
