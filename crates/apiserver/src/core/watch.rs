//! Following changes: a cursor into the history of a resource.
//!
//! `core::list` makes a [`Watcher`]; `edge` writes its events to the client,
//! ends it at [`Watcher::timeout_seconds`] and asks for a bookmark now and
//! then.

use super::durable::Durable;
use super::registry::Resource;
use super::selection::Selection;
use super::status::ApiError;
use super::store::{Change, ChangeKind, Shelf, Stored, lock};
use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use trueup_object::{Value, value};

/// Those who want to be woken, each by its number: registering again costs no
/// search, and all are woken in the same order in every run.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    waiting: Mutex<BTreeMap<u64, Waker>>,
}

impl Wakers {
    pub(super) fn register(&self, number: u64, waker: &Waker) {
        lock(&self.waiting).insert(number, waker.clone());
    }

    pub(super) fn wake(&self) {
        let woken = std::mem::take(&mut *lock(&self.waiting));
        for waker in woken.into_values() {
            waker.wake();
        }
    }
}

/// A number for one that waits, like no other in this process.
pub(super) fn waiting_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// One event of a watch, not yet in a version or form.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// An object appeared, or came into the selection.
    Added(Arc<Stored>),
    /// An object changed.
    Modified(Arc<Stored>),
    /// An object went, or left the selection; its last state, at the
    /// revision of the change.
    Deleted(Arc<Stored>),
    /// Nothing more up to this revision; with the annotation
    /// `k8s.io/initial-events-end` if it closes the initial events.
    Bookmark {
        /// The revision.
        revision: u64,
        /// Whether it closes the initial events.
        initial_events_end: bool,
    },
    /// The watch ends with this error.
    Error(ApiError),
}

impl WatchEvent {
    /// The object of a bookmark: nothing but its kind and the revision, in the
    /// form in which objects of the kind are given.
    #[must_use]
    pub fn bookmark_object(resource: &Resource, revision: u64, initial_events_end: bool) -> Value {
        let mut object = value!({
            "kind": (resource.kind.clone()),
            "apiVersion": (resource.api_version()),
            "metadata": {"resourceVersion": (revision.to_string())}
        });
        if initial_events_end {
            let annotations = value!({INITIAL_EVENTS_END: "true"});
            object.set_at(&["metadata", "annotations"], annotations);
        }
        if resource.custom.is_some() {
            return object;
        }
        super::normal::normalise(&object, resource.definition)
    }
}

/// The annotation of the bookmark that ends the initial events.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// A watch in progress: a stream of events without clock or threads.
#[derive(Debug)]
pub struct Watcher {
    number: u64,
    shelf: Arc<Shelf>,
    durable: Arc<Durable>,
    selection: Selection,
    cursor: u64,
    ready: VecDeque<WatchEvent>,
    ended: bool,
    /// The revision of the store when it began.
    began: u64,
    /// After how many seconds the client wants it to end.
    pub timeout_seconds: Option<u64>,
    /// Whether bookmarks are wanted.
    pub bookmarks: bool,
}

impl Watcher {
    pub(super) fn new(
        shelf: Arc<Shelf>,
        durable: Arc<Durable>,
        selection: Selection,
        cursor: u64,
        began: u64,
        ready: VecDeque<WatchEvent>,
    ) -> Self {
        Self {
            number: waiting_number(),
            shelf,
            durable,
            selection,
            cursor,
            ready,
            ended: false,
            began,
            timeout_seconds: None,
            bookmarks: false,
        }
    }

    /// The next event if there is one now; `Ok(None)`: none yet; `Err`: the
    /// watch has ended.
    pub fn try_next(&mut self) -> Result<Option<WatchEvent>, Ended> {
        if self.ready.is_empty() && !self.ended {
            self.read_on();
        }
        match self.ready.pop_front() {
            Some(event) => Ok(Some(event)),
            None if self.ended => Err(Ended),
            None => Ok(None),
        }
    }

    /// A bookmark at the revision reached, if all before it has been read.
    pub fn bookmark(&mut self) -> Option<WatchEvent> {
        (self.bookmarks && self.ready.is_empty() && !self.ended).then_some(WatchEvent::Bookmark {
            revision: self.cursor,
            initial_events_end: false,
        })
    }

    /// Reads the history from the cursor to the last durable change.
    fn read_on(&mut self) {
        // In this order: what is durable here has been counted there.
        let durable = self.durable.revision();
        if self.shelf.latest() <= self.cursor {
            self.reach(durable);
            return;
        }
        let shelf = self.shelf.clone();
        let contents = shelf
            .contents
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let durable = self.durable.revision();
        if self.cursor < contents.forgotten {
            self.ended = true;
            let message = format!(
                "too old resource version: {} ({})",
                self.cursor, contents.forgotten
            );
            self.ready
                .push_back(WatchEvent::Error(ApiError::expired(message)));
            return;
        }
        let start = contents
            .history
            .partition_point(|change| change.revision <= self.cursor);
        for change in contents.history.range(start..) {
            if change.revision > durable {
                return;
            }
            self.cursor = change.revision;
            self.ready.extend(event_of(change, &self.selection));
        }
        self.reach(durable);
    }

    /// All that is durable has been read; there the watch may end.
    fn reach(&mut self, durable: u64) {
        self.cursor = self.cursor.max(durable);
        let end = self.shelf.watches_end_at.load(Ordering::Acquire);
        self.ended = end > self.began && durable >= end;
    }
}

/// The watch has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;

impl futures::Stream for Watcher {
    type Item = WatchEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<WatchEvent>> {
        for _ in 0..2 {
            match self.try_next() {
                Ok(Some(event)) => return Poll::Ready(Some(event)),
                Err(Ended) => return Poll::Ready(None),
                Ok(None) => self.shelf.wakers.register(self.number, context.waker()),
            }
        }
        Poll::Pending
    }
}

/// What a change is to a watcher: an object that leaves the selection is
/// deleted for it, one that enters is added.
fn event_of(change: &Change, selection: &Selection) -> Option<WatchEvent> {
    let now = change.kind != ChangeKind::Deleted && selection.matches(&change.object);
    let before = change
        .previous
        .as_ref()
        .is_some_and(|previous| selection.matches(previous));
    Some(match (before, now) {
        (false, true) => WatchEvent::Added(change.object.clone()),
        (true, true) => WatchEvent::Modified(change.object.clone()),
        (true, false) => WatchEvent::Deleted(last_state(change)),
        (false, false) => return None,
    })
}

/// The state before an object left, at the revision of its leaving.
fn last_state(change: &Change) -> Arc<Stored> {
    match (&change.previous, change.kind) {
        (Some(previous), ChangeKind::Modified) => {
            let mut value = previous.value().clone();
            let version = ecow::eco_format!("{}", change.revision);
            value.set_at(&["metadata", "resourceVersion"], version.into());
            Arc::new(Stored::new(previous.key.clone(), change.revision, value))
        }
        _ => change.object.clone(),
    }
}
