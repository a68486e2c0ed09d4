//! Bodies of kinds that are answered and not kept.

use crate::core::{ApiError, Operation, body};
use jiff::Timestamp;
use trueup_object::{GroupVersionKind, Value};
use trueup_schema::{FieldSet, SameShape, Schemas, UpdateInput, update};

/// A review as it was sent, with the field managers that a genuine server
/// notes even here.
pub struct Review {
    body: Value,
}

impl Review {
    /// Reads the body of a review; kind and version may be left out.
    pub fn read(operation: &Operation, now: Timestamp) -> Result<Self, ApiError> {
        let kind = operation
            .subresource
            .as_ref()
            .map_or(&operation.resource.kind, |sub| &sub.kind);
        let group = operation
            .subresource
            .as_ref()
            .map_or(&operation.resource.group, |sub| &sub.group);
        let version = operation
            .subresource
            .as_ref()
            .map_or(&operation.resource.version, |sub| &sub.version);
        let mut value = body::read_object(operation, kind)?.value;
        body::check_kind(&mut value, (group, version, kind), &operation.resource)?;
        let given = value.str_at(&["metadata", "namespace"]).unwrap_or_default();
        if !given.is_empty() && !operation.namespace.is_empty() && given != operation.namespace {
            return Err(ApiError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        value.remove_at(&["status"]);
        value.remove_at(&["metadata", "managedFields"]);
        if value.get("metadata").is_none() {
            value.set_at(&["metadata"], Value::map());
        }
        if !operation.namespace.is_empty() {
            value.set_at(
                &["metadata", "namespace"],
                operation.namespace.clone().into(),
            );
        }
        let mut review = Self { body: value };
        review.track(operation, now);
        Ok(review)
    }

    /// Notes who sent which fields.
    pub fn track(&mut self, operation: &Operation, now: Timestamp) {
        let api_version = self
            .body
            .str_at(&["apiVersion"])
            .unwrap_or_default()
            .to_owned();
        let kind = self.body.str_at(&["kind"]).unwrap_or_default();
        let gvk = GroupVersionKind::new(&api_version, kind);
        let Some(typ) = Schemas::builtin().type_for(&gvk) else {
            return;
        };
        self.body = update(&UpdateInput {
            live: None,
            new: &self.body,
            typ: &typ,
            manager: &operation.field_manager(),
            api_version: &api_version,
            subresource: operation.subresource_name(),
            reset: &FieldSet::default(),
            now: &super::reviews::seconds(now),
            versions: &SameShape(&typ),
        });
    }

    /// A text of `metadata`, empty where there is none.
    pub fn metadata(&self, key: &str) -> &str {
        self.body.str_at(&["metadata", key]).unwrap_or_default()
    }

    /// The body so far.
    pub fn body(&self) -> &Value {
        &self.body
    }

    /// `spec`, `null` where there is none.
    pub fn spec(&self) -> &Value {
        const NOTHING: &Value = &Value::Null;
        self.body.get("spec").unwrap_or(NOTHING)
    }

    /// The body with its managers.
    pub fn into_body(self) -> Value {
        self.body
    }

    /// The body for changing.
    pub fn body_mut(&mut self) -> &mut Value {
        &mut self.body
    }

    /// The body with an answer.
    pub fn with_status(mut self, status: Value) -> Value {
        self.body.set_at(&["status"], status);
        self.body
    }
}

/// A text as Go quotes it.
pub fn go_string(text: &str) -> String {
    format!("{text:?}")
}
