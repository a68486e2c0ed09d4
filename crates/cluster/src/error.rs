//! What went wrong with a request, sorted by what a caller can do about it.

use crate::Verb;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;
use trueup_object::Text;

/// What a caller can do about an [`ApiError`].
///
/// The classes follow the `reason` and `code` of the API's `Status`; the ones
/// below [`ErrorClass::Unreachable`] never came from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// 404: the object, its namespace or its collection is not there.
    NotFound,
    /// 409 `Conflict`: a stale resourceVersion, a failed precondition, or
    /// (see [`ApiError::is_apply_conflict`]) fields owned by someone else.
    Conflict,
    /// 409 `AlreadyExists`.
    AlreadyExists,
    /// 422: the API refuses a field.
    Invalid,
    /// 422 because a field may not change once it is set.
    Immutable,
    /// 403.
    Forbidden,
    /// 401.
    Unauthorized,
    /// 410: the resourceVersion or continue token is too old.
    Gone,
    /// 429; [`ApiError::retry_after`] says when. Nothing was done.
    TooManyRequests,
    /// 504 or reason `Timeout`: the server gave up; what was done is unknown.
    Timeout,
    /// 503: nobody behind the address answers for this resource now.
    Unavailable,
    /// Any other 4xx: the request itself is wrong.
    BadRequest,
    /// Any other 5xx.
    Server,
    /// No connection could be made; nothing was sent.
    Unreachable,
    /// Sent, but no whole answer came (broken connection, client's own
    /// time-out); what was done is unknown.
    AnswerLost,
    /// The cluster serves no such kind.
    KindMissing,
    /// The request could not be built from what was given; nothing was sent.
    Unbuildable,
    /// The answer was not what the API promises, or over a named limit.
    Undecodable,
}

/// Whether a request that failed may have taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It certainly had no effect.
    NotDone,
    /// It may have had; read before deciding.
    Unknown,
}

/// One of the causes in a `Status`' details.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// Machine-readable, such as `FieldManagerConflict` or `FieldValueInvalid`.
    pub reason: Text,
    /// For people.
    pub message: Text,
    /// The field, in the API's dotted notation.
    pub field: Text,
}

/// Why a request failed: the operation, the object, the cause.
///
/// Built from the API's `Status` where there is one. Texts about a `Secret`
/// that could quote its values are replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    inner: Box<Parts>,
}

#[derive(Clone, Debug, PartialEq)]
struct Parts {
    verb: Verb,
    object: Text,
    class: ErrorClass,
    code: u16,
    reason: Text,
    message: Text,
    causes: Vec<Cause>,
    retry_after: Option<Duration>,
}

/// What a request was about, for error texts.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub verb: Verb,
    pub object: Text,
    pub secrecy: Secrecy,
}

/// Whether the server's words on an object may be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    Open,
    /// A `Secret`: messages may quote values.
    HidesValues,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct StatusDocument {
    kind: Text,
    status: Text,
    message: Text,
    reason: Text,
    code: u16,
    details: Option<StatusDetails>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct StatusDetails {
    causes: Vec<Cause>,
    retry_after_seconds: u64,
}

impl ApiError {
    /// What a caller can do about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        self.inner.class
    }

    /// HTTP status; 0 when there was no answer.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.inner.code
    }

    /// `Status.reason`, such as `NotFound` or `Invalid`; empty when unknown.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.inner.reason
    }

    /// The server's message, or our own when it gave none.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// The causes given in the details.
    #[must_use]
    pub fn causes(&self) -> &[Cause] {
        &self.inner.causes
    }

    /// How long the server asks us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.inner.retry_after
    }

    /// What was attempted.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.inner.verb
    }

    /// The object or collection it was attempted on, as in
    /// `Deployment/prod/web` or `deployments.apps in prod`.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.inner.object
    }

    /// Whether the request may have taken effect all the same.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.inner.class {
            ErrorClass::Timeout
            | ErrorClass::Unavailable
            | ErrorClass::Server
            | ErrorClass::AnswerLost
            | ErrorClass::Undecodable => Outcome::Unknown,
            _ => Outcome::NotDone,
        }
    }

    /// Whether asking again later, unchanged, may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.inner.class,
            ErrorClass::TooManyRequests
                | ErrorClass::Timeout
                | ErrorClass::Unavailable
                | ErrorClass::Server
                | ErrorClass::Unreachable
                | ErrorClass::AnswerLost
        )
    }

    /// Whether the object is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.inner.class == ErrorClass::NotFound
    }

    /// Whether a server-side apply met fields owned by other managers; the
    /// causes name them.
    #[must_use]
    pub fn is_apply_conflict(&self) -> bool {
        self.inner.class == ErrorClass::Conflict
            && self
                .inner
                .causes
                .iter()
                .any(|cause| cause.reason == "FieldManagerConflict")
    }

    /// An error that never came from a server. For stand-ins of a cluster in
    /// tests, and for shells that report their own trouble in the same form.
    #[must_use]
    pub fn local(verb: Verb, object: &str, class: ErrorClass, message: &str) -> Self {
        Self::of(
            &Subject {
                verb,
                object: object.into(),
                secrecy: Secrecy::Open,
            },
            class,
            message,
        )
    }

    pub(crate) fn of(subject: &Subject, class: ErrorClass, message: &str) -> Self {
        Self {
            inner: Box::new(Parts {
                verb: subject.verb,
                object: subject.object.clone(),
                class,
                code: 0,
                reason: Text::new(),
                message: message.into(),
                causes: Vec::new(),
                retry_after: None,
            }),
        }
    }

    /// Reads an answer that is no success. `retry_after_header` is in seconds.
    pub(crate) fn from_answer(
        subject: &Subject,
        code: u16,
        body: &[u8],
        retry_after_header: Option<u64>,
    ) -> Self {
        let document: StatusDocument = serde_json::from_slice(body)
            .ok()
            .filter(|document: &StatusDocument| document.kind == "Status")
            .unwrap_or_default();
        let code = if document.code == 0 {
            code
        } else {
            document.code
        };
        let details = document.details.unwrap_or_default();
        let seconds =
            retry_after_header.or(Some(details.retry_after_seconds).filter(|seconds| *seconds > 0));
        let class = classify(code, &document.reason, &document.message, &details.causes);
        let mut message = document.message;
        if message.is_empty() {
            message = ecow_format(format_args!("the server answered HTTP {code}"));
        }
        let mut error = Self::of(subject, class, &message);
        error.inner.code = code;
        error.inner.reason = document.reason;
        error.inner.causes = details.causes;
        error.inner.retry_after = seconds.map(Duration::from_secs);
        if subject.secrecy == Secrecy::HidesValues {
            error.hide_values();
        }
        error
    }

    /// Replaces the texts that may quote a Secret's values; fields and reasons
    /// stay. Refusals about existence, ownership or permission quote none.
    fn hide_values(&mut self) {
        let parts = &mut *self.inner;
        let quotes_nothing = matches!(
            parts.class,
            ErrorClass::NotFound
                | ErrorClass::Conflict
                | ErrorClass::AlreadyExists
                | ErrorClass::Forbidden
                | ErrorClass::Unauthorized
                | ErrorClass::Gone
                | ErrorClass::TooManyRequests
        );
        if quotes_nothing {
            return;
        }
        if parts.class == ErrorClass::Immutable && !parts.is_surely_immutable() {
            // The word stood in a value.
            parts.class = ErrorClass::Invalid;
        }
        parts.message = parts.harmless_words().into();
        for cause in &mut parts.causes {
            cause.message = if ends_immutable(&cause.message) {
                IMMUTABLE.into()
            } else {
                "***".into()
            };
        }
    }
}

impl Parts {
    /// Whether the API's own words, and not a quoted value, say it.
    fn is_surely_immutable(&self) -> bool {
        ends_immutable(&self.message) || self.causes.iter().any(|it| ends_immutable(&it.message))
    }

    /// What can be said without quoting a value: code, reason, fields (the
    /// names of keys are no secret), and that a field is immutable.
    fn harmless_words(&self) -> String {
        let mut text = format!("the server refuses it with HTTP {}", self.code);
        if !self.reason.is_empty() {
            text.push(' ');
            text.push_str(&self.reason);
        }
        let fields = self.causes.iter().map(|cause| cause.field.as_str());
        let mut fields: Vec<&str> = fields.filter(|field| !field.is_empty()).collect();
        if fields.is_empty() {
            fields.extend(untyped_field(&self.message));
        }
        if !fields.is_empty() {
            text.push_str(" at ");
            text.push_str(&fields.join(", "));
        }
        if self.class == ErrorClass::Immutable {
            text.push_str(": ");
            text.push_str(IMMUTABLE);
        }
        text.push_str(" (its other words may quote secret values and are withheld)");
        text
    }
}

/// The API's words for a field that may not change.
const IMMUTABLE: &str = "field is immutable";
/// Its words for the data of an immutable Secret.
const IMMUTABLE_DATA: &str = "field is immutable when `immutable` is set";

/// Quoted values end in a quotation mark, so words at the end are the API's.
fn ends_immutable(message: &str) -> bool {
    message.ends_with(IMMUTABLE) || message.ends_with(IMMUTABLE_DATA)
}

/// The first field that an apply refused for its type names: it stands
/// before anything that quotes a value.
fn untyped_field(message: &str) -> Option<&str> {
    let (_, rest) = message
        .strip_prefix(UNTYPED)
        .and_then(|rest| rest.split_once("): "))?;
    let rest = rest.strip_prefix("errors:").unwrap_or(rest).trim_start();
    let (field, _) = rest.split_once(':')?;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    (field.starts_with('.') && field.chars().all(is_plain)).then_some(field)
}

fn ecow_format(arguments: fmt::Arguments<'_>) -> Text {
    arguments.to_string().into()
}

fn classify(code: u16, reason: &str, message: &str, causes: &[Cause]) -> ErrorClass {
    match (code, reason) {
        (_, "AlreadyExists") => ErrorClass::AlreadyExists,
        (_, "Timeout" | "ServerTimeout") | (408 | 504, _) => ErrorClass::Timeout,
        (_, "Expired" | "Gone") | (410, _) => ErrorClass::Gone,
        (401, _) => ErrorClass::Unauthorized,
        (403, _) => ErrorClass::Forbidden,
        (404, _) => ErrorClass::NotFound,
        (409, _) => ErrorClass::Conflict,
        (422, _) if says_immutable(message, causes) => ErrorClass::Immutable,
        (422, _) => ErrorClass::Invalid,
        (429, _) => ErrorClass::TooManyRequests,
        (503, _) => ErrorClass::Unavailable,
        (400..=499, _) => ErrorClass::BadRequest,
        _ if says_untyped(message) => ErrorClass::BadRequest,
        _ => ErrorClass::Server,
    }
}

/// A server-side apply of a field that does not exist or has the wrong type
/// is answered with 500 and no reason; asking again does not help.
fn says_untyped(message: &str) -> bool {
    message.starts_with(UNTYPED)
}

/// How an apply that fits no type is refused.
const UNTYPED: &str = "failed to create typed patch object";

/// The API has no reason of its own for immutable fields; these are the words
/// that its validations use.
fn says_immutable(message: &str, causes: &[Cause]) -> bool {
    const WORDS: [&str; 3] = [
        "immutable",
        "may not change fields other than",
        "updates to statefulset spec",
    ];
    let says = |text: &str| WORDS.iter().any(|words| text.contains(words));
    says(message) || causes.iter().any(|cause| says(&cause.message))
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {}: {}",
            self.inner.verb, self.inner.object, self.inner.message
        )
    }
}

impl std::error::Error for ApiError {}

/// Why a cluster could not be reached from a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig could not be read, or names what it does not have.
    #[error("kubeconfig {path}: {message}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// What was wrong.
        message: String,
    },
    /// Not in a cluster, or its service account is not mounted.
    #[error("in-cluster configuration: {message}")]
    InCluster {
        /// What was wrong.
        message: String,
    },
    /// The configuration was read but no client could be made of it.
    #[error("client for {server}: {message}")]
    Client {
        /// The server's address.
        server: String,
        /// What was wrong.
        message: String,
    },
}
