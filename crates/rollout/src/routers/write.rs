//! What is to be written.

use trueup_object::{ObjectRef, Value};

/// One write, whole and ready. Nothing is ever deleted: what was made goes
/// with the `Canary` that owns it.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Make this object.
    Create(Value),
    /// Put this object in the place of the live one that was looked at; its
    /// `metadata.resourceVersion` is that one's, so that a change in between
    /// is a conflict.
    Replace(Value),
}

impl Write {
    /// The write that makes `wanted` of `live`, if there is a difference.
    pub(super) fn replacing(live: &Value, wanted: Value) -> Option<Self> {
        (wanted != *live).then_some(Self::Replace(wanted))
    }

    /// The object as it is to be.
    #[must_use]
    pub fn object(&self) -> &Value {
        match self {
            Self::Create(object) | Self::Replace(object) => object,
        }
    }

    /// Which object is written.
    #[must_use]
    pub fn reference(&self) -> Option<ObjectRef> {
        ObjectRef::of(self.object())
    }
}
