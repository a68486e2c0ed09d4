//! Errors as clients know them: `Status` objects.

use trueup_object::{Map, Text, Value, value};

/// One cause of an error: which field, why, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldValueRequired`, `FieldManagerConflict`, ….
    pub reason: Text,
    /// What is wrong.
    pub message: String,
    /// Path of the field, empty if the cause names none.
    pub field: String,
}

/// What a `Status` tells beside its message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Name of the object.
    pub name: Text,
    /// API group.
    pub group: Text,
    /// Plural name of the resource, or the kind in validation errors.
    pub kind: Text,
    /// Uid of the object.
    pub uid: Text,
    /// The causes.
    pub causes: Vec<Cause>,
    /// When to ask again.
    pub retry_after_seconds: Option<i64>,
}

/// An error answer: HTTP code and the `Status` that explains it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} {reason}: {message}")]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, empty if there is none.
    pub reason: Text,
    /// What happened.
    pub message: String,
    /// Names and causes; `None` prints no `details`, an empty value prints
    /// `{}`.
    pub details: Option<Box<Details>>,
    /// What was noticed before it came to the error; sent as `Warning`s.
    pub warnings: Vec<String>,
}

impl ApiError {
    /// An error of any code and reason, without details.
    #[must_use]
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
            details: None,
            warnings: Vec::new(),
        }
    }

    /// The same error with warnings that came before it.
    #[must_use]
    pub fn with_warnings(mut self, warnings: &[String]) -> Self {
        self.warnings.extend_from_slice(warnings);
        self
    }

    /// The same error with details.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// 400 with a message.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 500 with a message and no reason, as the server gives for errors that
    /// are no `Status` of their own.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// 404 for a path that is not served.
    #[must_use]
    pub fn unknown_path() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
        .with_details(Details::default())
    }

    /// 405 for a verb that the resource lacks.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
        .with_details(Details::default())
    }

    /// 404 for an object that is not there.
    #[must_use]
    pub fn not_found(group: &str, plural: &str, name: &str) -> Self {
        Self::new(
            404,
            "NotFound",
            format!("{} {name:?} not found", qualified(plural, group)),
        )
        .with_details(named(group, plural, name))
    }

    /// 409 for a name that is taken.
    #[must_use]
    pub fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        Self::new(
            409,
            "AlreadyExists",
            format!("{} {name:?} already exists", qualified(plural, group)),
        )
        .with_details(named(group, plural, name))
    }

    /// 409 for a change that can't be made now.
    #[must_use]
    pub fn conflict(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: {why}",
            qualified(plural, group)
        );
        Self::new(409, "Conflict", message).with_details(named(group, plural, name))
    }

    /// 403 by an admission rule (not by authorisation, whose text differs).
    #[must_use]
    pub fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{} is forbidden: {why}", qualified(plural, group))
        } else {
            format!("{} {name:?} is forbidden: {why}", qualified(plural, group))
        };
        Self::new(403, "Forbidden", message).with_details(named(group, plural, name))
    }

    /// 410 for a version older than the history.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 415 for a body of a type that is not read here.
    #[must_use]
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 422 with one cause a field.
    #[must_use]
    pub fn invalid(group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let list: Vec<String> = causes
            .iter()
            .map(|cause| {
                if cause.field.is_empty() {
                    cause.message.clone()
                } else {
                    format!("{}: {}", cause.field, cause.message)
                }
            })
            .fold(Vec::new(), |mut seen, text| {
                if !seen.contains(&text) {
                    seen.push(text);
                }
                seen
            });
        let what = match list.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{} {name:?} is invalid: {what}", qualified(kind, group));
        let mut details = named(group, kind, name);
        details.causes = causes;
        Self::new(422, "Invalid", message).with_details(details)
    }

    /// The `Status` object.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut status = value!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": (self.message.clone()), "code": (i64::from(self.code)),
        });
        if !self.reason.is_empty() {
            status.set_at(&["reason"], Value::String(self.reason.clone()));
        }
        if let Some(details) = &self.details {
            status.set_at(&["details"], details.to_value());
        }
        status
    }
}

impl Details {
    fn to_value(&self) -> Value {
        let mut map = Map::new();
        for (key, text) in [
            ("name", &self.name),
            ("group", &self.group),
            ("kind", &self.kind),
            ("uid", &self.uid),
        ] {
            if !text.is_empty() {
                map.insert(key, text.clone());
            }
        }
        if !self.causes.is_empty() {
            map.insert(
                "causes",
                self.causes.iter().map(Cause::to_value).collect::<Value>(),
            );
        }
        if let Some(seconds) = self.retry_after_seconds {
            map.insert("retryAfterSeconds", seconds);
        }
        Value::Map(map)
    }
}

impl Cause {
    /// A cause with reason, field and message.
    #[must_use]
    pub fn new(reason: &str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            message: message.into(),
            field: field.into(),
        }
    }

    /// A missing field. Some texts say more after "Required value".
    #[must_use]
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = if detail.is_empty() {
            "Required value".to_owned()
        } else {
            format!("Required value: {detail}")
        };
        Self::new("FieldValueRequired", field, message)
    }

    /// A value that breaks a rule; `shown` is the value as Go prints it.
    #[must_use]
    pub fn invalid(field: impl Into<String>, shown: impl std::fmt::Display, detail: &str) -> Self {
        let message = if detail.is_empty() {
            format!("Invalid value: {shown}")
        } else {
            format!("Invalid value: {shown}: {detail}")
        };
        Self::new("FieldValueInvalid", field, message)
    }

    /// A value that may not be set or changed.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new("FieldValueForbidden", field, format!("Forbidden: {detail}"))
    }

    /// A value outside a list; the list is sorted as the server prints it.
    #[must_use]
    pub fn unsupported(
        field: impl Into<String>,
        shown: impl std::fmt::Display,
        supported: &[&str],
    ) -> Self {
        let list: Vec<String> = supported.iter().map(|item| format!("{item:?}")).collect();
        let message = format!(
            "Unsupported value: {shown}: supported values: {}",
            list.join(", ")
        );
        Self::new("FieldValueNotSupported", field, message)
    }

    /// A value given twice.
    #[must_use]
    pub fn duplicate(field: impl Into<String>, shown: impl std::fmt::Display) -> Self {
        Self::new(
            "FieldValueDuplicate",
            field,
            format!("Duplicate value: {shown}"),
        )
    }

    fn to_value(&self) -> Value {
        let mut map = Map::new();
        if !self.reason.is_empty() {
            map.insert("reason", self.reason.clone());
        }
        map.insert("message", self.message.clone());
        if !self.field.is_empty() {
            map.insert("field", self.field.clone());
        }
        Value::Map(map)
    }
}

/// `deployments.apps`, or the bare name in the core group.
#[must_use]
pub fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

fn named(group: &str, kind: &str, name: &str) -> Details {
    Details {
        name: name.into(),
        group: group.into(),
        kind: kind.into(),
        ..Details::default()
    }
}
