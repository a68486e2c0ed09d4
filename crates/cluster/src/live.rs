//! Objects as the server sent them: bytes, and the few parts that we need.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use trueup_object::{GroupVersionKind, Map, ObjectRef, Text, Value, from_json, to_json};

/// A live object: the server's JSON and a projection of its metadata. Cheap
/// to clone; the full tree is read at the first call of
/// [`LiveObject::value`].
#[derive(Clone, Debug)]
pub struct LiveObject {
    inner: Arc<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    /// The server's JSON; absent from a tree alone.
    raw: Option<Bytes>,
    reference: ObjectRef,
    uid: Text,
    resource_version: Text,
    generation: i64,
    creation_timestamp: Text,
    deletion_timestamp: Option<Text>,
    labels: Map,
    annotations: Map,
    managed_fields: Option<Range<usize>>,
    value: OnceLock<Value>,
}

/// The bytes were no object of the API. The text quotes nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an API object (line {line}, column {column})")]
pub struct NotAnObject {
    /// Line of the fault, from 1.
    pub line: usize,
    /// Column of the fault, from 1; 0 when it is not a place.
    pub column: usize,
}

impl From<serde_json::Error> for NotAnObject {
    fn from(error: serde_json::Error) -> Self {
        Self {
            line: error.line(),
            column: error.column(),
        }
    }
}

#[derive(Deserialize)]
struct Projection<'a> {
    #[serde(borrow, default, rename = "apiVersion")]
    api_version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    namespace: Text,
    #[serde(default)]
    uid: Text,
    #[serde(default)]
    resource_version: Text,
    #[serde(default)]
    generation: i64,
    #[serde(default)]
    creation_timestamp: Option<Text>,
    #[serde(default)]
    deletion_timestamp: Option<Text>,
    #[serde(default)]
    labels: Option<Map>,
    #[serde(default)]
    annotations: Option<Map>,
    #[serde(borrow, default)]
    managed_fields: Option<&'a RawValue>,
}

impl LiveObject {
    /// Reads the projection of an object of `kind`. Items of lists come
    /// without `apiVersion` and `kind`; they get them here.
    pub fn from_json(kind: &GroupVersionKind, raw: Bytes) -> Result<Self, NotAnObject> {
        let projection: Projection<'_> = serde_json::from_slice(&raw)?;
        if projection.api_version.is_none() {
            return Self::from_json(kind, with_type(kind, &raw)?);
        }
        let metadata = projection.metadata;
        let managed_fields = metadata
            .managed_fields
            .map(|slice| range_in(&raw, slice.get()));
        let inner = Inner {
            reference: ObjectRef {
                kind: kind.clone(),
                namespace: metadata.namespace,
                name: metadata.name,
            },
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            generation: metadata.generation,
            creation_timestamp: metadata.creation_timestamp.unwrap_or_default(),
            deletion_timestamp: metadata.deletion_timestamp,
            labels: metadata.labels.unwrap_or_default(),
            annotations: metadata.annotations.unwrap_or_default(),
            managed_fields,
            value: OnceLock::new(),
            raw: Some(raw),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The same object, sharing the server's JSON but not the tree: that of
    /// the copy is read at its own first call of [`LiveObject::value`], and
    /// goes with it. A cache that keeps one and hands out others holds no
    /// trees, which take two or three times the room of their JSON.
    #[must_use]
    pub fn without_tree(&self) -> Self {
        if self.inner.raw.is_none() {
            return self.clone();
        }
        let inner = Inner {
            value: OnceLock::new(),
            ..Inner::clone(&self.inner)
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The same object as its tree alone: no JSON is kept, and the tree shares
    /// with those of `known` objects, usually the version before and another of
    /// the same kind, whatever they have in common. For a cache that looks into
    /// its objects all the time.
    #[must_use]
    pub fn as_tree(&self, known: [Option<&Self>; 2]) -> Self {
        let known = known.map(|known| known.map(Self::value));
        let value = self.value().clone().sharing(known);
        let inner = Inner {
            raw: None,
            managed_fields: None,
            labels: map_at(&value, "labels"),
            annotations: map_at(&value, "annotations"),
            value: OnceLock::from(value),
            ..Inner::clone(&self.inner)
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The object's JSON, as the server sent it where that is kept.
    #[must_use]
    pub fn json(&self) -> Bytes {
        let tree = || to_json(self.value()).into();
        self.inner.raw.clone().unwrap_or_else(tree)
    }

    /// Kind (as asked for, also in the metadata form), namespace and name.
    #[must_use]
    pub fn reference(&self) -> &ObjectRef {
        &self.inner.reference
    }

    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &Text {
        &self.inner.reference.name
    }

    /// `metadata.namespace`; empty for a cluster-scoped object.
    #[must_use]
    pub fn namespace(&self) -> &Text {
        &self.inner.reference.namespace
    }

    /// `metadata.uid`.
    #[must_use]
    pub fn uid(&self) -> &Text {
        &self.inner.uid
    }

    /// `metadata.resourceVersion`.
    #[must_use]
    pub fn resource_version(&self) -> &Text {
        &self.inner.resource_version
    }

    /// `metadata.generation`; 0 where the kind has none.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.inner.generation
    }

    /// `metadata.creationTimestamp`, RFC 3339.
    #[must_use]
    pub fn creation_timestamp(&self) -> &Text {
        &self.inner.creation_timestamp
    }

    /// `metadata.deletionTimestamp`: when it is set the object is being deleted.
    #[must_use]
    pub fn deletion_timestamp(&self) -> Option<&Text> {
        self.inner.deletion_timestamp.as_ref()
    }

    /// `metadata.labels`.
    #[must_use]
    pub fn labels(&self) -> &Map {
        &self.inner.labels
    }

    /// The label `key`.
    #[must_use]
    pub fn label(&self, key: &str) -> Option<&str> {
        self.inner.labels.get(key)?.as_str()
    }

    /// `metadata.annotations`.
    #[must_use]
    pub fn annotations(&self) -> &Map {
        &self.inner.annotations
    }

    /// The annotation `key`.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.inner.annotations.get(key)?.as_str()
    }

    /// The JSON of `metadata.managedFields` as the server wrote it; absent from
    /// a tree alone.
    #[must_use]
    pub fn managed_fields(&self) -> Option<&[u8]> {
        let range = self.inner.managed_fields.clone()?;
        Some(&self.inner.raw.as_ref()?[range])
    }

    /// The whole object. Read once and kept; a clone of the result is cheap.
    #[must_use]
    pub fn value(&self) -> &Value {
        // The bytes were read as JSON already, so only the depth limit of
        // the tree can refuse them; such an object has nothing to show.
        self.inner.value.get_or_init(|| {
            let raw = self.inner.raw.as_deref().unwrap_or_default();
            from_json(raw).unwrap_or_default()
        })
    }
}

/// Two live objects are the same when the server says so: uid and version.
impl PartialEq for LiveObject {
    fn eq(&self, other: &Self) -> bool {
        self.reference() == other.reference()
            && self.uid() == other.uid()
            && self.resource_version() == other.resource_version()
    }
}

fn map_at(value: &Value, field: &str) -> Map {
    let map = value.at(&["metadata", field]).and_then(Value::as_map);
    map.cloned().unwrap_or_default()
}

fn range_in(raw: &Bytes, slice: &str) -> Range<usize> {
    let start = slice.as_ptr() as usize - raw.as_ptr() as usize;
    start..start + slice.len()
}

/// Puts `apiVersion` and `kind` in front of an item that lacks them.
fn with_type(kind: &GroupVersionKind, raw: &[u8]) -> Result<Bytes, NotAnObject> {
    let fault = NotAnObject { line: 1, column: 0 };
    let open = raw.iter().position(|byte| *byte == b'{').ok_or(fault)?;
    let rest = &raw[open + 1..];
    let api_version = serde_json::to_string(kind.api_version().as_str())?;
    let kind_name = serde_json::to_string(kind.kind.as_str())?;
    let kind = format!("{{\"apiVersion\":{api_version},\"kind\":{kind_name},");
    Ok([kind.as_bytes(), rest].concat().into())
}
