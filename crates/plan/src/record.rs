//! What is remembered of an object after it was applied, so that a later
//! look needs no question to the server.

use crate::ignore::{JsonPointer, our_fields_but, without};
use crate::{Desired, Fingerprint};
use std::collections::BTreeMap;
use trueup_kinds::{names, object_id};
use trueup_object::{FieldPath, ObjectRef, Text, Value, from_json, to_json};
use trueup_schema::{FieldSet, Operation, fields_from_value, fields_to_value};

/// One object as it was when it was last known to be right.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    uid: Text,
    desired: Fingerprint,
    /// The fields that were ours, as the JSON of `fieldsV1`: a fraction of
    /// what a set takes, and seldom more than compared.
    fields: Box<[u8]>,
    /// A fingerprint of the live value at each leaf of `fields`, in order.
    values: Box<[u128]>,
}

impl Record {
    /// Remembers an object as the server returned it, from an apply or from a
    /// read that a dry-run has shown to be right.
    #[must_use]
    pub fn of(desired: &Desired, live: &Value) -> Self {
        let fields = our_fields_but(live, desired.ignored());
        let values = values_under(&without(live, desired.ignored()), &fields);
        Self {
            uid: uid_of(live),
            desired: desired.fingerprint(),
            fields: written(&fields),
            values,
        }
    }

    /// The object's uid.
    #[must_use]
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The fingerprint of the manifest that was applied.
    #[must_use]
    pub fn desired(&self) -> Fingerprint {
        self.desired
    }

    /// Whether a live object's fields that are ours are as they were, but for
    /// those that are left to others.
    #[must_use]
    pub(crate) fn holds_for(&self, desired: &Desired, live: &Value) -> bool {
        let left = desired.ignored();
        let fields = our_fields_but(live, left);
        written(&fields) == self.fields
            && values_under(&without(live, left), &fields) == self.values
    }

    /// The paths of ours whose live value is not what it was.
    #[must_use]
    pub(crate) fn changed_paths(&self, live: &Value) -> Vec<FieldPath> {
        let leaves = self.fields().leaves().paths();
        leaves
            .into_iter()
            .zip(&self.values)
            .filter(|(path, known)| value_print(value_at(live, path)) != **known)
            .map(|(path, _)| path)
            .collect()
    }

    /// The paths that were ours and are no longer owned by us, but for those
    /// that are left to others.
    #[must_use]
    pub(crate) fn lost_paths(&self, live: &Value, left: &[JsonPointer]) -> Vec<FieldPath> {
        let ours = our_fields_but(live, left);
        self.fields().difference(&ours).leaves().paths()
    }

    fn fields(&self) -> FieldSet {
        // They were written from a set, so they can be read as one.
        let value = from_json(&self.fields).unwrap_or_default();
        fields_from_value(&value).unwrap_or_default()
    }
}

/// The uid of a live object.
#[must_use]
pub(crate) fn uid_of(live: &Value) -> Text {
    live.str_at(&["metadata", "uid"]).unwrap_or("").into()
}

/// What our own server-side apply entry holds. An entry that can't be read
/// counts as none: the next apply writes it anew.
#[must_use]
pub(crate) fn our_fields(live: &Value) -> FieldSet {
    let entries = live
        .at(&["metadata", "managedFields"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    entries
        .iter()
        .rfind(|entry| is_our_apply(entry))
        .and_then(|entry| fields_from_value(entry.get("fieldsV1")?).ok())
        .unwrap_or_default()
}

fn is_our_apply(entry: &Value) -> bool {
    entry.str_at(&["manager"]) == Some(names::APPLY_MANAGER)
        && entry.str_at(&["operation"]) == Some(Operation::Apply.name())
        && entry.str_at(&["subresource"]).unwrap_or("").is_empty()
}

fn written(fields: &FieldSet) -> Box<[u8]> {
    to_json(&fields_to_value(fields)).into()
}

fn values_under(live: &Value, fields: &FieldSet) -> Box<[u128]> {
    fields
        .leaves()
        .paths()
        .iter()
        .map(|path| value_print(value_at(live, path)))
        .collect()
}

fn value_print(value: Option<&Value>) -> u128 {
    value.map_or(0, |value| Fingerprint::of(value).short())
}

/// The value at a path of owned fields; they name list items by their keys,
/// so no type is needed to find them.
#[must_use]
pub(crate) fn value_at<'a>(object: &'a Value, path: &FieldPath) -> Option<&'a Value> {
    path.segments()
        .iter()
        .try_fold(object, |value, segment| segment.find_in(value))
}

/// The records of many objects; an object is the same in every version of
/// its group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    by_id: BTreeMap<Text, Record>,
}

impl Records {
    /// Nothing is remembered.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers an object.
    pub fn insert(&mut self, object: &ObjectRef, record: Record) {
        self.by_id.insert(object_id(object), record);
    }

    /// Forgets an object.
    pub fn remove(&mut self, object: &ObjectRef) -> Option<Record> {
        self.by_id.remove(&object_id(object))
    }

    /// What is remembered of an object.
    #[must_use]
    pub fn get(&self, object: &ObjectRef) -> Option<&Record> {
        self.by_id.get(&object_id(object))
    }

    /// The number of objects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}
