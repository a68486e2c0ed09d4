//! What is to be written.

use std::fmt;
use trueup_object::{ObjectRef, Value};

/// One write to the cluster. Writes are done in their order; the first that
/// fails ends the step, which is then decided anew.
#[derive(Clone, PartialEq)]
pub enum Write {
    /// Makes an object that was not there.
    Create(Value),
    /// Puts a whole object in the place of the one that was read: it carries
    /// the `resourceVersion` that was seen, so that a change in between is a
    /// conflict.
    Replace(Value),
    /// Changes some fields by a JSON merge patch (RFC 7396).
    MergePatch {
        /// The object.
        object: ObjectRef,
        /// The patch.
        patch: Value,
    },
    /// Deletes an object, where it can't be changed and is made anew.
    Delete(ObjectRef),
}

impl Write {
    /// The object that is written; `None` for one without a name.
    #[must_use]
    pub fn object(&self) -> Option<ObjectRef> {
        match self {
            Self::Create(object) | Self::Replace(object) => ObjectRef::of(object),
            Self::MergePatch { object, .. } | Self::Delete(object) => Some(object.clone()),
        }
    }

    /// `create`, `update`, `patch` or `delete`.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Replace(_) => "update",
            Self::MergePatch { .. } => "patch",
            Self::Delete(_) => "delete",
        }
    }
}

/// The verb and the object's name: content may be that of a Secret.
impl fmt::Debug for Write {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.object() {
            Some(object) => write!(formatter, "{} {object}", self.verb()),
            None => write!(formatter, "{} an object without a name", self.verb()),
        }
    }
}
