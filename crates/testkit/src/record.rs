//! What was written.

use crate::Fault;
use bytes::Bytes;
use http::Method;
use trueup_object::{Value, from_json};

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFate {
    /// The server answered with this status, and the client has it.
    Answered(u16),
    /// The server answered with this status, and the client has not heard.
    AnswerLost(u16),
    /// The server never saw it.
    NotSent,
    /// Its answer is still awaited, or the client went away.
    Pending,
}

impl WriteFate {
    /// Whether the server accepted it.
    #[must_use]
    pub fn took_effect(self) -> bool {
        matches!(self, Self::Answered(code) | Self::AnswerLost(code) if code < 300)
    }
}

/// One request that is no `GET`.
#[derive(Clone, Debug)]
pub struct WriteRecord {
    /// Its number among all writes, from 1.
    pub number: u64,
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The query, such as `dryRun=All&fieldManager=x`; empty without.
    pub query: String,
    /// `Impersonate-User`, if it was made as somebody else.
    pub impersonated: Option<String>,
    /// What was sent.
    pub body: Bytes,
    /// What went wrong with it on purpose.
    pub fault: Option<Fault>,
    /// What became of it.
    pub fate: WriteFate,
}

impl WriteRecord {
    /// Whether it was a dry-run.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.query
            .split('&')
            .any(|pair| pair.starts_with("dryRun="))
    }

    /// The body as a tree; null when it is none.
    #[must_use]
    pub fn value(&self) -> Value {
        from_json(&self.body).unwrap_or_default()
    }
}
