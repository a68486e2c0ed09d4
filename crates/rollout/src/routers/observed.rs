//! What was read of the cluster.

use super::RouterError;
use super::error::describe;
use super::fields::Fields;
use std::collections::BTreeMap;
use trueup_object::{ObjectRef, Value};

/// The live objects that a router asked for (see [`super::Router::needs`]);
/// what is not in here does not exist.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    objects: BTreeMap<ObjectRef, Value>,
}

impl Observed {
    /// Adds an object under the reference by which it was read.
    pub fn insert(&mut self, reference: ObjectRef, object: Value) {
        self.objects.insert(reference, object);
    }

    /// Takes an object out.
    pub fn remove(&mut self, reference: &ObjectRef) -> Option<Value> {
        self.objects.remove(reference)
    }

    /// The object, if it exists.
    #[must_use]
    pub fn get(&self, reference: &ObjectRef) -> Option<&Value> {
        self.objects.get(reference)
    }

    /// The object, or that it is missing.
    pub(super) fn find(&self, reference: &ObjectRef) -> Result<&Value, RouterError> {
        self.get(reference)
            .ok_or_else(|| RouterError::missing(reference))
    }

    /// The object for reading, or that it is missing.
    pub(super) fn read(&self, reference: &ObjectRef) -> Result<Fields<'_>, RouterError> {
        Fields::of(describe(reference), self.find(reference)?)
    }
}

impl FromIterator<(ObjectRef, Value)> for Observed {
    fn from_iter<I: IntoIterator<Item = (ObjectRef, Value)>>(objects: I) -> Self {
        Self {
            objects: objects.into_iter().collect(),
        }
    }
}
