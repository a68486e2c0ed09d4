//! What is to be done about a repository; pure.

use trueup_kinds::{GitRepository, Resource, UnservedField, message, reason};
use trueup_source::{CredentialsError, FetchError, FetchErrorKind, StoreError};

/// What a run does.
#[derive(Debug, PartialEq)]
pub(super) enum Course {
    /// Nothing at all: suspended.
    Nothing,
    /// The object is being deleted.
    Finalize,
    /// It asks for what is not served.
    Refuse(String),
    /// Look for something new.
    Fetch,
}

pub(super) fn course(repository: &GitRepository, unserved: &[UnservedField]) -> Course {
    if repository.metadata.is_deleting() {
        return Course::Finalize;
    }
    if repository.is_suspended() {
        return Course::Nothing;
    }
    if !unserved.is_empty() {
        return Course::Refuse(message::fields_not_served(unserved));
    }
    Course::Fetch
}

/// Why a repository has no new artifact.
#[derive(Debug)]
pub(super) struct Trouble {
    /// Reason of the conditions.
    pub reason: &'static str,
    /// What happened, for people.
    pub message: String,
    /// Where it happened.
    pub place: Place,
    /// What helps.
    pub cure: Cure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Between us and the remote.
    Fetch,
    /// In our own store.
    Storage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// Trying again may help.
    Retry,
    /// Only a change of the object helps.
    Specification,
}

impl Trouble {
    pub(super) fn fetch(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            place: Place::Fetch,
            cure: Cure::Retry,
        }
    }
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        let (reason, cure) = match &error.kind {
            FetchErrorKind::Authentication => (reason::AUTHENTICATION_FAILED, Cure::Retry),
            FetchErrorKind::Invalid { field } => (invalid_reason(field), cure_of(field)),
            FetchErrorKind::Unsupported { field } => (reason::FIELD_NOT_SERVED, cure_of(field)),
            FetchErrorKind::Storage => (reason::GIT_OPERATION_FAILED, Cure::Retry),
            _ => (reason::GIT_OPERATION_FAILED, Cure::Retry),
        };
        Self {
            reason,
            message: error.to_string(),
            place: Place::Fetch,
            cure,
        }
    }
}

fn invalid_reason(field: &str) -> &'static str {
    if field == "spec.url" {
        reason::URL_INVALID
    } else {
        reason::GIT_OPERATION_FAILED
    }
}

/// What stands in the specification itself can only be cured there; what it
/// refers to, such as a Secret, may change by itself.
fn cure_of(field: &str) -> Cure {
    let refers =
        !field.starts_with("spec.") || field.ends_with("secretRef") || field.ends_with("SecretRef");
    if refers {
        Cure::Retry
    } else {
        Cure::Specification
    }
}

impl From<CredentialsError> for Trouble {
    fn from(error: CredentialsError) -> Self {
        Self::fetch(reason::AUTHENTICATION_FAILED, error.to_string())
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self {
            reason: reason::ARCHIVE_OPERATION_FAILED,
            message: error.to_string(),
            place: Place::Storage,
            cure: Cure::Retry,
        }
    }
}
