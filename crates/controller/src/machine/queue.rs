//! Objects that wait to be worked on, by urgency and then by age.

use super::key::{Cause, Causes, Kind, ObjectKey, Urgency};
use std::collections::{BTreeMap, BTreeSet};

/// One queue for each kind; an object stands in it once, with all the causes
/// that came for it.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    order: BTreeMap<Kind, BTreeSet<(Urgency, u64, ObjectKey)>>,
    waiting: BTreeMap<ObjectKey, Place>,
    sequence: u64,
}

#[derive(Debug)]
struct Place {
    urgency: Urgency,
    sequence: u64,
    causes: Causes,
}

impl Queue {
    /// Adds a cause; a more urgent one moves the object forward.
    pub(crate) fn push(&mut self, key: &ObjectKey, cause: Cause) {
        let mut causes = Causes::from([cause]);
        let mut urgency = cause.urgency();
        let mut sequence = self.sequence;
        if let Some((place_urgency, place_sequence, place_causes)) = self.take_place(key) {
            causes.extend(place_causes);
            urgency = urgency.min(place_urgency);
            sequence = place_sequence;
        } else {
            self.sequence += 1;
        }
        self.order
            .entry(key.kind)
            .or_default()
            .insert((urgency, sequence, key.clone()));
        self.waiting.insert(
            key.clone(),
            Place {
                urgency,
                sequence,
                causes,
            },
        );
    }

    /// Takes an object out; its causes, if it stood there.
    pub(crate) fn remove(&mut self, key: &ObjectKey) -> Option<Causes> {
        self.take_place(key).map(|(_, _, causes)| causes)
    }

    /// Whether the object waits for more than trailing work.
    pub(crate) fn holds_urgent(&self, key: &ObjectKey) -> bool {
        self.waiting
            .get(key)
            .is_some_and(|place| place.urgency < Urgency::Trailing)
    }

    /// Takes the first object of a kind that `may_start`.
    pub(crate) fn pop(
        &mut self,
        kind: Kind,
        may_start: impl Fn(&Self, &ObjectKey) -> bool,
    ) -> Option<(ObjectKey, Causes)> {
        let order = self.order.get(&kind)?;
        let key = order
            .iter()
            .map(|(_, _, key)| key)
            .find(|key| may_start(self, key))?
            .clone();
        let causes = self.remove(&key)?;
        Some((key, causes))
    }

    /// How many objects of a kind wait.
    pub(crate) fn depth(&self, kind: Kind) -> usize {
        self.order.get(&kind).map_or(0, BTreeSet::len)
    }

    fn take_place(&mut self, key: &ObjectKey) -> Option<(Urgency, u64, Causes)> {
        let Place {
            urgency,
            sequence,
            causes,
        } = self.waiting.remove(key)?;
        if let Some(order) = self.order.get_mut(&key.kind) {
            order.remove(&(urgency, sequence, key.clone()));
        }
        Some((urgency, sequence, causes))
    }
}
