//! Why content could not be fetched.

use std::fmt;

/// The class of a failure, by which a caller chooses reason and retry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// Nobody answers: name not resolved, connection refused or broken, or the
    /// server says that it is unwell (429, 5xx).
    Unreachable,
    /// It took longer than the request allows.
    Timeout,
    /// The server wants other credentials (401, 403).
    Authentication,
    /// The server knows no such repository (404).
    NotFound,
    /// The repository has no such branch, tag, version, reference or commit.
    UnknownReference {
        /// What was looked for, in words: `branch "main"`.
        reference: String,
    },
    /// The server's certificate is not trusted, or the secured connection could
    /// not be made.
    Tls,
    /// A named limit was exceeded.
    Limit,
    /// The answer makes no sense.
    Protocol,
    /// The request asks for something that is not served.
    Unsupported {
        /// The field of the object that asks for it: `spec.url`.
        field: &'static str,
    },
    /// The request itself is wrong: a malformed URL, range or certificate.
    Invalid {
        /// The field of the object that is wrong: `spec.ref.semver`.
        field: &'static str,
    },
    /// The local mirror could not be read or written.
    Storage,
}

/// A failed fetch. The message names operation, URL and cause; it never holds
/// credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchError {
    /// The class.
    pub kind: FetchErrorKind,
    /// The repository's URL without credentials.
    pub url: String,
    /// What was tried: `list references of`.
    pub operation: &'static str,
    /// The cause, in words.
    pub cause: String,
}

impl fmt::Display for FetchError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "failed to {} '{}': {}",
            self.operation, self.url, self.cause
        )
    }
}

impl std::error::Error for FetchError {}

/// A failure before it is known to whose fetch it belongs.
#[derive(Debug)]
pub(crate) struct Failure {
    pub kind: FetchErrorKind,
    pub cause: String,
}

impl Failure {
    pub(crate) fn new(kind: FetchErrorKind, cause: impl Into<String>) -> Self {
        Failure {
            kind,
            cause: cause.into(),
        }
    }

    pub(crate) fn protocol(cause: impl Into<String>) -> Self {
        Self::new(FetchErrorKind::Protocol, cause)
    }

    pub(crate) fn storage(what: &str, cause: impl fmt::Display) -> Self {
        Self::new(FetchErrorKind::Storage, format!("{what}: {cause}"))
    }

    pub(crate) fn limit(what: &str, limit: impl fmt::Display) -> Self {
        Self::new(
            FetchErrorKind::Limit,
            format!("{what} exceeds the limit of {limit}"),
        )
    }
}
