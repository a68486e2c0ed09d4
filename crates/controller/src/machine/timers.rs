//! When to wake what.

use super::key::{Cause, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};

/// At most one wake-up for each object, ordered by time.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(u64, ObjectKey)>,
    by_key: BTreeMap<ObjectKey, (u64, Cause)>,
}

impl Timers {
    /// Sets the wake-up of an object, in place of an earlier one.
    pub(crate) fn set(&mut self, key: &ObjectKey, at_ms: u64, cause: Cause) {
        self.clear(key);
        self.by_time.insert((at_ms, key.clone()));
        self.by_key.insert(key.clone(), (at_ms, cause));
    }

    pub(crate) fn clear(&mut self, key: &ObjectKey) {
        if let Some((at_ms, _)) = self.by_key.remove(key) {
            self.by_time.remove(&(at_ms, key.clone()));
        }
    }

    /// The time of the next wake-up.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.by_time.first().map(|(at_ms, _)| *at_ms)
    }

    /// Takes the next wake-up that is due.
    pub(crate) fn pop_due(&mut self, now_ms: u64) -> Option<(ObjectKey, Cause)> {
        if self.next_ms()? > now_ms {
            return None;
        }
        let (_, key) = self.by_time.pop_first()?;
        let (_, cause) = self.by_key.remove(&key)?;
        Some((key, cause))
    }
}
