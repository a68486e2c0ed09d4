//! Which Events are written: equal ones are counted, many alike are combined,
//! and an object that never falls silent is cut short. The figures are those
//! of the genuine recorder.

use crate::note::{Involved, Note};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use trueup_object::{ObjectRef, Text, Value};

/// Different messages of one kind about one object before they are combined.
const MAX_ALIKE: usize = 10;

/// Silence after which counting begins anew.
const ALIKE_S: i64 = 600;

/// Events about one object in one go.
const MAX_BURST: u32 = 25;

/// One more Event about an object is allowed after this time.
const REFILL_S: i64 = 300;

/// Objects and messages that are remembered; beyond that all are forgotten.
const MAX_REMEMBERED: usize = 4_096;

/// What is to be written.
#[derive(Debug, PartialEq)]
pub(crate) enum Write {
    /// An Event that is new.
    Create(Value),
    /// One that was told before, once more.
    Repeat {
        /// The Event.
        reference: ObjectRef,
        /// The merge patch.
        patch: Value,
        /// What is created if it is gone.
        anew: Value,
    },
}

/// What was told so far.
#[derive(Debug, Default)]
pub(crate) struct Correlator {
    told: HashMap<Note, Told>,
    alike: HashMap<Note, Alike>,
    budgets: HashMap<(Involved, &'static str), Budget>,
    last_ns: i128,
}

#[derive(Debug)]
struct Told {
    name: Text,
    first: Timestamp,
    count: i64,
}

#[derive(Debug)]
struct Alike {
    messages: BTreeSet<Text>,
    last: Timestamp,
}

#[derive(Debug)]
struct Budget {
    left: u32,
    since: Timestamp,
}

impl Correlator {
    /// What to write for a note; `None` when its object has said enough.
    pub(crate) fn correlate(&mut self, note: &Note, now: Timestamp) -> Option<Write> {
        // The version of the object makes no difference.
        let mut note = note.clone();
        let version = std::mem::take(&mut note.about.resource_version);
        let key = self.combined(&mut note, now);
        if !self.may_speak(&note, now) {
            return None;
        }
        let name = self.name(&note, now);
        let known = bounded(&mut self.told).entry(key).or_insert(Told {
            name: name.clone(),
            first: now,
            count: 0,
        });
        known.count += 1;
        note.about.resource_version = version;
        let mut event = note.event(&known.name, now);
        if known.count == 1 {
            return Some(Write::Create(event));
        }
        let changes = [
            ("count", Value::from(known.count)),
            ("message", note.message.clone().into()),
            ("lastTimestamp", crate::conditions::text_of(now).into()),
        ];
        let patch: trueup_object::Map = changes.into_iter().collect();
        event.set_at(&["count"], known.count.into());
        event.set_at(
            &["firstTimestamp"],
            crate::conditions::text_of(known.first).into(),
        );
        Some(Write::Repeat {
            reference: ObjectRef::of(&event)?,
            patch: patch.into(),
            anew: event,
        })
    }

    /// Replaces a note by a combined one if too many alike were told; returns
    /// the key under which it is counted.
    fn combined(&mut self, note: &mut Note, now: Timestamp) -> Note {
        let without_message = Note {
            message: Text::new(),
            ..note.clone()
        };
        let fresh = || Alike {
            messages: BTreeSet::new(),
            last: now,
        };
        let alike = bounded(&mut self.alike)
            .entry(without_message.clone())
            .or_insert_with(fresh);
        if now.duration_since(alike.last) > SignedDuration::from_secs(ALIKE_S) {
            *alike = fresh();
        }
        alike.messages.insert(note.message.clone());
        alike.last = now;
        if alike.messages.len() < MAX_ALIKE {
            return note.clone();
        }
        alike.messages.pop_first();
        note.message = format!("(combined from similar events): {}", note.message).into();
        without_message
    }

    fn may_speak(&mut self, note: &Note, now: Timestamp) -> bool {
        let key = (note.about.clone(), note.component);
        let budget = bounded(&mut self.budgets).entry(key).or_insert(Budget {
            left: MAX_BURST,
            since: now,
        });
        let refills = now.duration_since(budget.since).as_secs() / REFILL_S;
        if refills > 0 {
            let refilled = u32::try_from(refills).unwrap_or(u32::MAX);
            budget.left = budget.left.saturating_add(refilled).min(MAX_BURST);
            budget.since = now;
        }
        let may = budget.left > 0;
        budget.left = budget.left.saturating_sub(1);
        may
    }

    /// The object's name and a time in hexadecimal nanoseconds that no other
    /// Event has.
    fn name(&mut self, note: &Note, now: Timestamp) -> Text {
        self.last_ns = now.as_nanosecond().max(self.last_ns + 1);
        format!("{}.{:x}", note.about.reference.name, self.last_ns).into()
    }
}

fn bounded<K: Eq + Hash, V>(map: &mut HashMap<K, V>) -> &mut HashMap<K, V> {
    if map.len() >= MAX_REMEMBERED {
        map.clear();
    }
    map
}
