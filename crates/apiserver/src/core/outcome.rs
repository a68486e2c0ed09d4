//! What an operation gives, before `edge` turns it into an answer in the
//! form that the client accepts.

use super::registry::{Resource, Subresource};
use super::store::Stored;
use super::watch::Watcher;
use std::sync::Arc;
use trueup_object::{Text, Value};

/// A result with what goes along in headers.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status: 200, 201 or 202.
    pub code: u16,
    /// Texts of `Warning` headers (`299 - "…"`).
    pub warnings: Vec<String>,
    /// The result.
    pub outcome: Outcome,
    /// The newest revision that the result tells of: it is given to the
    /// client only when that is durable (`Store::durable().wait(…)`).
    pub revision: u64,
}

/// The result of an operation.
#[derive(Debug)]
pub enum Outcome {
    /// A stored object of the resource, in the resource's version.
    Object {
        /// The row that was asked.
        resource: Arc<Resource>,
        /// The object.
        object: ObjectBody,
    },
    /// Objects of the resource.
    List(List),
    /// A body of another kind: a Scale, a review, a Status of success.
    Other {
        /// The subresource that was asked, if any.
        subresource: Option<Subresource>,
        /// The body, whole.
        value: Value,
    },
    /// A stream of events.
    Watch {
        /// The row that was asked.
        resource: Arc<Resource>,
        /// The stream.
        watcher: Box<Watcher>,
    },
}

/// One object to show.
#[derive(Clone, Debug)]
pub enum ObjectBody {
    /// As it is stored, bytes shared.
    Stored(Arc<Stored>),
    /// Made for this answer (a dry run, another version).
    Made(Value),
}

impl ObjectBody {
    /// The tree.
    #[must_use]
    pub fn value(&self) -> &Value {
        match self {
            Self::Stored(stored) => stored.value(),
            Self::Made(value) => value,
        }
    }
}

/// One page of a list.
#[derive(Debug)]
pub struct List {
    /// The row that was asked.
    pub resource: Arc<Resource>,
    /// The objects, in the version asked; `apiVersion` and `kind` are set
    /// (built-in lists leave them out of their items in JSON).
    pub items: Vec<ObjectBody>,
    /// `metadata.resourceVersion` of the list.
    pub revision: u64,
    /// `metadata.continue`, empty on the last page.
    pub continue_token: Text,
    /// `metadata.remainingItemCount`, if it is known.
    pub remaining: Option<u64>,
}
