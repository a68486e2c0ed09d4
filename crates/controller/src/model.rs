//! The read model: what the controllers publish, and all that terminal, CLI
//! and dashboard may look at.

use crate::machine::ObjectKey;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::sync::broadcast;
use trueup_kinds::Report;
use trueup_object::Value;

/// How many reports a slow reader may lag behind before it loses the oldest.
pub const FEED_CAPACITY: usize = 4096;

/// A report with its place in the feed.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Counts from 1 without gaps in the life of the process.
    pub number: u64,
    /// The object that it is about.
    pub key: ObjectKey,
    /// The report.
    pub report: Arc<Report>,
}

/// Everything the controllers know of one object, at one moment.
#[derive(Clone, Debug)]
pub struct ObjectSnapshot {
    /// Which object.
    pub key: ObjectKey,
    /// The custom resource as last seen or written.
    pub object: Value,
    /// Whether it is being worked on now.
    pub activity: Activity,
}

/// Whether an object is worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// It is not.
    #[default]
    Resting,
    /// It is.
    Working {
        /// Number of the run.
        run: u64,
    },
}

/// All objects at one moment; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// By key, in order.
    pub objects: BTreeMap<ObjectKey, Arc<ObjectSnapshot>>,
    /// The number of the last report that is part of it.
    pub last_report: u64,
}

/// Where snapshots and reports are published.
#[derive(Debug)]
pub(crate) struct Model {
    objects: RwLock<BTreeMap<ObjectKey, Arc<ObjectSnapshot>>>,
    feed: Mutex<Feed>,
}

#[derive(Debug)]
struct Feed {
    last: u64,
    sender: broadcast::Sender<Numbered>,
}

impl Model {
    pub(crate) fn new() -> Self {
        let (sender, _) = broadcast::channel(FEED_CAPACITY);
        Self {
            objects: RwLock::default(),
            feed: Mutex::new(Feed { last: 0, sender }),
        }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Numbered> {
        self.feed().sender.subscribe()
    }

    /// Sends a report to everybody who listens. Nobody listening is no error.
    pub(crate) fn publish(&self, key: &ObjectKey, report: &Arc<Report>) -> u64 {
        let mut feed = self.feed();
        feed.last += 1;
        let numbered = Numbered {
            number: feed.last,
            key: key.clone(),
            report: Arc::clone(report),
        };
        let _ = feed.sender.send(numbered);
        feed.last
    }

    pub(crate) fn set_object(&self, key: &ObjectKey, object: &Value) {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        let activity = objects.get(key).map(|old| old.activity).unwrap_or_default();
        let snapshot = ObjectSnapshot {
            key: key.clone(),
            object: object.clone(),
            activity,
        };
        objects.insert(key.clone(), Arc::new(snapshot));
    }

    pub(crate) fn set_activity(&self, key: &ObjectKey, activity: Activity) {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(snapshot) = objects.get_mut(key) {
            Arc::make_mut(snapshot).activity = activity;
        }
    }

    /// The number of the run that works on an object now.
    pub(crate) fn run_of(&self, key: &ObjectKey) -> Option<u64> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        match objects.get(key)?.activity {
            Activity::Working { run } => Some(run),
            Activity::Resting => None,
        }
    }

    pub(crate) fn remove(&self, key: &ObjectKey) {
        self.objects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let last_report = self.feed().last;
        let objects = self
            .objects
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Snapshot {
            objects,
            last_report,
        }
    }

    fn feed(&self) -> MutexGuard<'_, Feed> {
        // A panic elsewhere can't leave a counter and a channel in a bad state.
        self.feed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
