//! What was read of the cluster.

use super::TargetError;
use std::collections::BTreeMap;
use trueup_object::{ObjectRef, Value};

/// Objects that were read, and names under which nothing was found.
#[derive(Clone, Default, PartialEq)]
pub struct Observed {
    objects: BTreeMap<ObjectRef, Option<Value>>,
}

/// What is known of an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Seen<'a> {
    Unread,
    Absent,
    Found(&'a Value),
}

impl Observed {
    /// Nothing was read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in an object that was found. One without `apiVersion`, `kind` and
    /// name stays unknown.
    pub fn found(&mut self, object: Value) {
        if let Some(reference) = ObjectRef::of(&object) {
            self.objects.insert(reference, Some(object));
        }
    }

    /// Takes in that there is no such object.
    pub fn absent(&mut self, reference: ObjectRef) {
        self.objects.insert(reference, None);
    }

    /// The object, if it was read and found.
    #[must_use]
    pub fn get(&self, reference: &ObjectRef) -> Option<&Value> {
        self.objects.get(reference)?.as_ref()
    }

    pub(super) fn seen(&self, reference: &ObjectRef) -> Seen<'_> {
        match self.objects.get(reference) {
            None => Seen::Unread,
            Some(None) => Seen::Absent,
            Some(Some(object)) => Seen::Found(object),
        }
    }

    /// The object or its absence; an error if nobody has looked.
    pub(super) fn optional(&self, reference: &ObjectRef) -> Result<Option<&Value>, TargetError> {
        match self.seen(reference) {
            Seen::Unread => Err(TargetError::NeedsRead(vec![reference.clone()])),
            Seen::Absent => Ok(None),
            Seen::Found(object) => Ok(Some(object)),
        }
    }

    /// The object; an error if it is not there or nobody has looked.
    pub(super) fn required(&self, reference: &ObjectRef) -> Result<&Value, TargetError> {
        self.optional(reference)?
            .ok_or_else(|| TargetError::not_found(reference))
    }

    /// An error that names all of these that nobody has looked for, so that
    /// one round of reading is enough.
    pub(super) fn all_read<'a>(
        &self,
        references: impl IntoIterator<Item = &'a ObjectRef>,
    ) -> Result<(), TargetError> {
        let unread: Vec<ObjectRef> = references
            .into_iter()
            .filter(|reference| self.seen(reference) == Seen::Unread)
            .cloned()
            .collect();
        if unread.is_empty() {
            return Ok(());
        }
        Err(TargetError::NeedsRead(unread))
    }
}
