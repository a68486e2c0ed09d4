//! What is to be done, as values.

use jiff::Timestamp;
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
    /// Binds a Pod to a node, as a scheduler does.
    Bind {
        /// The Pod.
        reference: ObjectRef,
        /// The node.
        node: Text,
    },
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
