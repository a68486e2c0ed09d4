//! What our kinds have in common.

use crate::{Conditions, Metadata};
use serde::Serialize;
use serde::de::DeserializeOwned;
use trueup_object::{GroupVersionKind, JsonError, ObjectRef, Text, Value, decode, encode, value};

/// An object could not be read as its kind.
#[derive(Debug, thiserror::Error)]
#[error("reading {object} as {kind}: {cause}")]
pub struct KindError {
    /// The kind that was expected.
    pub kind: &'static str,
    /// The object, as it names itself.
    pub object: Text,
    /// What did not fit.
    pub cause: JsonError,
}

/// A reconciled kind: where it lives in the API and the parts that all share.
pub trait Resource: Serialize + DeserializeOwned {
    /// API group.
    const GROUP: &'static str;
    /// Version.
    const VERSION: &'static str;
    /// Kind.
    const KIND: &'static str;
    /// Plural, as in URLs.
    const PLURAL: &'static str;
    /// The name of its controller in events and logs.
    const CONTROLLER: &'static str;
    /// Field manager of its status and finalizer.
    const STATUS_MANAGER: &'static str;
    /// The type of its status.
    type Status: Serialize;

    /// The object's metadata.
    fn metadata(&self) -> &Metadata;
    /// Whether `spec.suspend` is set.
    fn is_suspended(&self) -> bool;
    /// The status.
    fn status(&self) -> &Self::Status;
    /// The conditions in the status.
    fn conditions(&self) -> &Conditions;
    /// `status.observedGeneration`.
    fn observed_generation(&self) -> i64;
    /// `status.lastHandledReconcileAt`.
    fn last_handled_reconcile_at(&self) -> Option<&str>;

    /// Reads a live object. Unknown fields are passed over: the definition
    /// has pruned them or a newer version wrote them.
    fn read(object: &Value) -> Result<Self, KindError> {
        read_as(Self::KIND, object)
    }

    /// Group, version and kind.
    #[must_use]
    fn group_version_kind() -> GroupVersionKind {
        GroupVersionKind {
            group: Self::GROUP.into(),
            version: Self::VERSION.into(),
            kind: Self::KIND.into(),
        }
    }

    /// The object's full name.
    fn reference(&self) -> ObjectRef {
        let metadata = self.metadata();
        ObjectRef {
            kind: Self::group_version_kind(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
        }
    }

    /// Whether a reconciliation was asked for that has not been handled.
    fn has_unhandled_request(&self) -> bool {
        self.metadata()
            .requested_at()
            .is_some_and(|asked| self.last_handled_reconcile_at() != Some(asked))
    }

    /// `{"status": …}` as the API stores it.
    fn status_value(&self) -> Value {
        let status = encode(self.status()).unwrap_or_else(|_| Value::map());
        value!({"status": status})
    }
}

/// Reads an object as a kind.
pub(crate) fn read_as<T: DeserializeOwned>(
    kind: &'static str,
    object: &Value,
) -> Result<T, KindError> {
    decode(object).map_err(|cause| KindError {
        kind,
        object: ObjectRef::of(object).map_or_else(
            || "an object without a name".into(),
            |it| it.to_string().into(),
        ),
        cause,
    })
}
