//! What the machine is told, and what it answers.

use super::key::{Causes, Kind, ObjectKey, Shell};
use std::collections::BTreeMap;
use trueup_object::Text;

/// What the machine needs to know of a custom resource; a projection of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// `metadata.generation`.
    pub generation: i64,
    /// `spec.suspend`.
    pub suspended: bool,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// The reconcile annotation, where its value has not been handled yet.
    pub request: Option<Text>,
    /// What the annotations of our own say, `trueup.dev/…`.
    pub settings: BTreeMap<Text, Text>,
    /// `spec.interval` in milliseconds.
    pub interval_ms: u64,
    /// What it depends on.
    pub depends_on: Vec<ObjectKey>,
    /// Those of them that an expression decides about.
    pub asks_about: Vec<ObjectKey>,
    /// The source that it is made from.
    pub source: Option<ObjectKey>,
    /// What leads to the other cluster that it is applied to, if it is; all
    /// with the same share its lane.
    pub elsewhere: Option<Text>,
    /// The address of the repository, normalised; sources only.
    pub url: Option<Text>,
    /// Identity of the artifact in the status; sources only.
    pub artifact: Option<Text>,
    /// What dependents wait for: ready at this generation, and at which
    /// revision. `None` as long as it is not ready.
    pub ready_at: Option<Text>,
}

/// Something happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// This process may act on objects of a kind: the first list is complete
    /// and the lease, if any, is held.
    Acting(Kind),
    /// This process must not act on objects of a kind.
    StandingBy(Kind),
    /// A custom resource appeared or changed.
    Observed {
        /// Which.
        key: ObjectKey,
        /// What it says now.
        facts: Box<Facts>,
    },
    /// A custom resource is gone.
    Vanished(ObjectKey),
    /// Somebody pushed to the repository at an address.
    Pushed {
        /// The address, normalised as in [`Facts::url`].
        url: Text,
    },
    /// An object that this one owns or watches differs from what was left
    /// there, or its health changed.
    LiveChanged(ObjectKey),
    /// The archive that this object waited for is there, or is not to be had.
    SourceArrived(ObjectKey),
    /// The cluster may serve other kinds than before.
    DiscoveryChanged,
    /// A run is over.
    Finished {
        /// What was worked on.
        key: ObjectKey,
        /// The run.
        run: u64,
        /// What comes next.
        next: Next,
    },
    /// Time passed; wake-ups may be due.
    Tick,
}

/// What comes after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Done; look again after the interval, with jitter.
    Interval,
    /// Look again after exactly this long.
    After {
        /// Milliseconds from now.
        delay_ms: u64,
    },
    /// Failed; try again after a time that grows with each failure.
    Backoff,
    /// Waiting for live objects until a deadline.
    Deadline {
        /// Milliseconds from now.
        delay_ms: u64,
    },
    /// Waiting for a dependency; look again at the latest after this long.
    Dependency {
        /// Milliseconds from now.
        delay_ms: u64,
    },
    /// Waiting for a kind to be served; look again at the latest after this
    /// long.
    Kind {
        /// Milliseconds from now.
        delay_ms: u64,
    },
    /// Go on at once, as a fresh run.
    Again,
    /// Go on when nothing more urgent is left.
    Trailing,
    /// Nothing, until the object changes.
    Never,
}

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Work on an object, and report [`Event::Finished`] with the same run.
    Start(Start),
    /// A run works on outdated inputs; it should end at its next safe point.
    Cancel {
        /// What is worked on.
        key: ObjectKey,
        /// The run.
        run: u64,
    },
}

/// The order to work on an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// What to work on.
    pub key: ObjectKey,
    /// What works on it.
    pub shell: Shell,
    /// Number of this run, unique in the life of the machine.
    pub run: u64,
    /// Why.
    pub causes: Causes,
    /// The circle of dependencies that the object stands in, if any; begins
    /// and ends with the object.
    pub cycle: Option<Vec<ObjectKey>>,
}
