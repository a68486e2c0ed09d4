//! Events are kept for an hour after they last happened.

use super::actor::Actor;
use super::follow::{Seen, What};
use crate::core::{GroupResource, ObjectKey, Stored};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};

/// How long an event is kept.
pub const KEPT_SECONDS: i64 = 3600;

/// When which event is to be forgotten.
#[derive(Debug, Default)]
pub struct Expiry {
    due: BTreeSet<(i64, ObjectKey)>,
    by_key: HashMap<ObjectKey, i64>,
}

impl Expiry {
    /// Notes what was seen.
    pub fn note(&mut self, seen: &Seen) {
        if !seen.is_of("", "events") {
            return;
        }
        match &seen.what {
            What::Present(event) => {
                self.forget(&event.key);
                let due = last_time(event) + KEPT_SECONDS;
                self.by_key.insert(event.key.clone(), due);
                self.due.insert((due, event.key.clone()));
            }
            What::Gone(event) => self.forget(&event.key),
            What::Forget => *self = Self::default(),
        }
    }

    fn forget(&mut self, key: &ObjectKey) {
        if let Some(due) = self.by_key.remove(key) {
            self.due.remove(&(due, key.clone()));
        }
    }

    /// Deletes the events that are due.
    pub fn expire(&mut self, actor: &Actor<'_>) {
        let events = GroupResource {
            group: "".into(),
            plural: "events".into(),
        };
        while let Some((due, key)) = self.due.first().cloned() {
            if due > actor.now.as_second() {
                return;
            }
            self.forget(&key);
            if let Some(event) = actor.core.store().get(&events, &key.namespace, &key.name) {
                actor.delete(&events, &event, "Background");
            }
        }
    }
}

/// When an event last happened, or was made.
fn last_time(event: &Stored) -> i64 {
    let paths: [&[&str]; 4] = [
        &["metadata", "creationTimestamp"],
        &["lastTimestamp"],
        &["eventTime"],
        &["series", "lastObservedTime"],
    ];
    let time = |path: &&[&str]| event.value().str_at(path)?.parse::<Timestamp>().ok();
    paths
        .iter()
        .filter_map(time)
        .map(Timestamp::as_second)
        .max()
        .unwrap_or(0)
}
