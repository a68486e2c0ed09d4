//! What is to be done, as values.

use crate::note::Note;
use jiff::Timestamp;
use trueup_cluster::LiveObject;
use trueup_object::{ObjectRef, Text, Value};

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates an object; one that is there already is as good.
    Create(Value),
    /// Merges into an object, if it still has this version.
    Merge {
        /// The object.
        reference: ObjectRef,
        /// Its version when this was decided.
        resource_version: Text,
        /// The merge patch.
        patch: Value,
    },
    /// Merges into an object's status, if it still has this version.
    MergeStatus {
        /// The object.
        reference: ObjectRef,
        /// Its version when this was decided.
        resource_version: Text,
        /// The status' changes.
        status: Value,
    },
    /// Merges into an object through its status, if it still has this version:
    /// the genuine controllers write some annotations so.
    MergeByStatus {
        /// The object.
        reference: ObjectRef,
        /// Its version when this was decided.
        resource_version: Text,
        /// The merge patch.
        patch: Value,
    },
    /// Deletes the object with this uid.
    Delete {
        /// The object.
        reference: ObjectRef,
        /// Its uid.
        uid: Text,
    },
    /// Ends a Pod for good (`gracePeriodSeconds: 0`), as its node does.
    Finish {
        /// The Pod.
        reference: ObjectRef,
        /// Its uid.
        uid: Text,
    },
    /// Sets the replicas of an object through its scale, if it still has this
    /// version.
    Scale {
        /// The object.
        reference: ObjectRef,
        /// Its version when this was decided.
        resource_version: Text,
        /// How many.
        replicas: i64,
    },
    /// Binds a Pod to a node, as a scheduler does.
    Bind {
        /// The Pod.
        reference: ObjectRef,
        /// The node.
        node: Text,
    },
    /// One after the other; what follows a failure is left out.
    InOrder(Vec<Action>),
    /// All of them, but one first, then two, then four and so on: when they
    /// fail for a common reason, few are tried.
    SlowStart(Vec<Action>),
    /// A write that is told of as an Event.
    Told {
        /// The write.
        write: Box<Action>,
        /// What is told when it was done.
        done: Option<Note>,
        /// What is told when it failed.
        failed: Option<Note>,
    },
    /// An Event without a write.
    Tell(Note),
}

impl Action {
    /// Merges into an object as it was seen.
    pub(crate) fn merge(live: &LiveObject, patch: Value) -> Self {
        Self::Merge {
            reference: live.reference().clone(),
            resource_version: live.resource_version().clone(),
            patch,
        }
    }

    /// Merges into the status of an object as it was seen.
    pub(crate) fn merge_status(live: &LiveObject, status: Value) -> Self {
        Self::MergeStatus {
            reference: live.reference().clone(),
            resource_version: live.resource_version().clone(),
            status,
        }
    }

    /// Deletes an object as it was seen.
    pub(crate) fn delete(live: &LiveObject) -> Self {
        Self::Delete {
            reference: live.reference().clone(),
            uid: live.uid().clone(),
        }
    }

    /// The same, told of as an Event when it was done.
    pub(crate) fn told(self, done: Note) -> Self {
        Self::Told {
            write: Box::new(self),
            done: Some(done),
            failed: None,
        }
    }

    /// The same, told of as an Event whether it was done or failed.
    pub(crate) fn told_either(self, done: Note, failed: Note) -> Self {
        Self::Told {
            write: Box::new(self),
            done: Some(done),
            failed: Some(failed),
        }
    }

    /// Whether it changes this object's own document.
    pub(crate) fn writes(&self, object: &ObjectRef) -> bool {
        match self {
            Self::Merge { reference, .. }
            | Self::MergeStatus { reference, .. }
            | Self::MergeByStatus { reference, .. } => reference == object,
            Self::InOrder(actions) | Self::SlowStart(actions) => {
                actions.iter().any(|action| action.writes(object))
            }
            Self::Told { write, .. } => write.writes(object),
            _ => false,
        }
    }
}

/// What to do about one object, and when to look at it again even if nothing
/// changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// In this order.
    pub actions: Vec<Action>,
    /// The next time that matters.
    pub wake_at: Option<Timestamp>,
}

impl Decision {
    /// Nothing to do.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Wakes at the earlier of the times.
    pub(crate) fn wake(&mut self, at: Option<Timestamp>) {
        self.wake_at = match (self.wake_at, at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}
