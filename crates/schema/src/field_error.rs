//! What is wrong with a field of an object, as the API says it.

use std::fmt;
use trueup_object::Text;

/// The kind of a [`FieldError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldReason {
    /// A value that must be there is not.
    Required,
    /// A value that must be unique is there twice.
    Duplicate,
    /// A value is not what it must be.
    Invalid,
    /// A value is of the wrong JSON type.
    TypeInvalid,
    /// A value is none of those allowed.
    NotSupported,
    /// A value may not be given here.
    Forbidden,
    /// A text is too long.
    TooLong,
    /// A list has too many items or a map too many members.
    TooMany,
    /// A list has too few items.
    TooFew,
    /// What the value names does not exist.
    NotFound,
    /// The check itself failed.
    Internal,
}

impl FieldReason {
    /// The `reason` of a status cause, such as `FieldValueInvalid`.
    #[must_use]
    pub fn cause(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Invalid => "FieldValueInvalid",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TooFew => "FieldValueTooFew",
            Self::NotFound => "FieldValueNotFound",
            Self::Internal => "InternalError",
        }
    }
}

/// One thing that is wrong with an object, at one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field: `spec.ports[0].name`; `<nil>` for the object as a whole.
    pub path: Text,
    /// What kind of mistake it is.
    pub reason: FieldReason,
    /// The `message` of a status cause: the reason in words, the value, the
    /// detail.
    pub message: Text,
}

impl FieldError {
    /// An error with its whole message given.
    pub fn new(path: impl Into<Text>, reason: FieldReason, message: impl Into<Text>) -> Self {
        Self {
            path: path.into(),
            reason,
            message: message.into(),
        }
    }

    /// `Required value`, with a detail if there is one.
    pub fn required(path: impl Into<Text>, detail: &str) -> Self {
        Self::new(
            path,
            FieldReason::Required,
            joined("Required value", detail),
        )
    }

    /// `Invalid value: VALUE: detail`; the value comes printed, text quoted.
    pub fn invalid(path: impl Into<Text>, printed_value: &str, detail: &str) -> Self {
        Self::new(
            path,
            FieldReason::Invalid,
            joined(&format!("Invalid value: {printed_value}"), detail),
        )
    }

    /// `Forbidden: detail`.
    pub fn forbidden(path: impl Into<Text>, detail: &str) -> Self {
        Self::new(path, FieldReason::Forbidden, joined("Forbidden", detail))
    }

    /// `Duplicate value: VALUE`.
    pub fn duplicate(path: impl Into<Text>, printed_value: &str) -> Self {
        Self::new(
            path,
            FieldReason::Duplicate,
            format!("Duplicate value: {printed_value}"),
        )
    }

    /// `Unsupported value: VALUE: supported values: "a", "b"`; the allowed
    /// values come printed and in the order to show.
    pub fn not_supported(path: impl Into<Text>, printed_value: &str, allowed: &[String]) -> Self {
        let detail = format!("supported values: {}", allowed.join(", "));
        Self::new(
            path,
            FieldReason::NotSupported,
            joined(&format!("Unsupported value: {printed_value}"), &detail),
        )
    }
}

fn joined(start: &str, detail: &str) -> String {
    if detail.is_empty() {
        start.into()
    } else {
        format!("{start}: {detail}")
    }
}

/// `path: message`, as the message of an `Invalid` status lists it.
impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.message)
    }
}
