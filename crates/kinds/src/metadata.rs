//! The parts of `metadata` that controllers look at.

use crate::time;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trueup_object::Text;

/// An object's own name, labels, annotations and life cycle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Name.
    pub name: Text,
    /// Namespace.
    pub namespace: Text,
    /// Identity over the object's whole life.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub uid: Text,
    /// Version for optimistic locking.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub resource_version: Text,
    /// Counts changes of the specification.
    pub generation: i64,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Text, Text>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<Text, Text>,
    /// What must be done before the object may go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<Text>,
    /// When the object was made.
    #[serde(with = "time::api_option", skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Timestamp>,
    /// When its deletion was asked for.
    #[serde(with = "time::api_option", skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Timestamp>,
}

impl Metadata {
    /// The value of the annotation that asks for a reconciliation.
    #[must_use]
    pub fn requested_at(&self) -> Option<&str> {
        self.annotations
            .get(crate::names::REQUESTED_AT)
            .map(Text::as_str)
    }

    /// Whether the object carries our finalizer.
    #[must_use]
    pub fn has_finalizer(&self) -> bool {
        self.finalizers
            .iter()
            .any(|finalizer| finalizer == crate::names::FINALIZER)
    }

    /// Whether deletion was asked for.
    #[must_use]
    pub fn is_deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }
}

/// The name of an object in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalReference {
    /// Name.
    pub name: Text,
}

/// A key of a Secret in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretKeyReference {
    /// Name of the Secret.
    pub name: Text,
    /// Key in its data; a default applies without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Text>,
}
