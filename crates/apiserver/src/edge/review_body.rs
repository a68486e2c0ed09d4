//! Bodies of kinds that are answered and not kept.

use crate::core::{Answer, ApiError, Operation, PassingKind};
use jiff::Timestamp;
use trueup_object::Value;

/// A review as it was sent, with the field managers that a genuine server
/// notes even here.
pub struct Review {
    kind: PassingKind,
    body: Value,
    /// The values of `Warning` headers.
    pub warnings: Vec<String>,
}

impl Review {
    /// Reads the body of a review; kind and version may be left out.
    pub fn read(operation: &Operation, now: Timestamp) -> Result<Self, ApiError> {
        let kind = PassingKind::of(operation).ok_or_else(ApiError::unknown_path)?;
        let (mut value, warnings) = kind.read(operation)?;
        let given = value.str_at(&["metadata", "namespace"]).unwrap_or_default();
        if !given.is_empty() && !operation.namespace.is_empty() && given != operation.namespace {
            return Err(ApiError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        value.remove_at(&["status"]);
        value.remove_at(&["metadata", "managedFields"]);
        if !operation.namespace.is_empty() {
            value.set_at(
                &["metadata", "namespace"],
                operation.namespace.clone().into(),
            );
        }
        let mut review = Self {
            kind,
            body: value,
            warnings,
        };
        review.track(operation, now);
        Ok(review)
    }

    /// Notes who sent which fields.
    pub fn track(&mut self, operation: &Operation, now: Timestamp) {
        let time = super::reviews::seconds(now);
        self.body = self.kind.track(operation, &self.body, &time);
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

    /// The body for changing.
    pub fn body_mut(&mut self) -> &mut Value {
        &mut self.body
    }

    /// The body with an answer, as the answer to a request.
    pub fn answer(mut self, status: Value) -> Answer {
        self.body.set_at(&["status"], status);
        super::reviews::answered(self.body, self.warnings)
    }
}

/// A text as Go quotes it.
pub fn go_string(text: &str) -> String {
    format!("{text:?}")
}
