//! One object at one revision, and its JSON.

use super::no_op::NoOp;
use super::store::lock;
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use trueup_object::{Text, Value, to_json};

/// Namespace and name of an object on its shelf.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Namespace, empty for cluster scope.
    pub namespace: Text,
    /// Name.
    pub name: Text,
}

/// One object at one revision, in its storage version. While its change is one
/// of the last, for which many watchers may ask, its bytes are made once and
/// shared; after that the tree alone is kept.
#[derive(Debug)]
pub struct Stored {
    /// Namespace and name.
    pub key: ObjectKey,
    /// `metadata.resourceVersion` as a number.
    pub revision: u64,
    value: Value,
    line: Mutex<Line>,
    /// How many bytes its JSON has; 0 as long as nobody has asked.
    known_bytes: AtomicUsize,
    /// Applies that would change nothing.
    no_ops: Mutex<Vec<NoOp>>,
    /// The schema under whose defaults the object is known to be whole.
    settled_by: AtomicU64,
}

/// The JSON of an object with a line end.
#[derive(Debug)]
enum Line {
    /// Made anew each time.
    Passing,
    /// To be kept when it is made.
    Wanted,
    Made(Bytes),
}

impl Stored {
    /// An object read from elsewhere, at a revision that its value states.
    #[must_use]
    pub fn new(key: ObjectKey, revision: u64, value: Value) -> Self {
        Self {
            key,
            revision,
            value,
            line: Mutex::new(Line::Passing),
            known_bytes: AtomicUsize::new(0),
            no_ops: Mutex::default(),
            settled_by: AtomicU64::new(0),
        }
    }

    /// An object that was just written.
    pub(super) fn fresh(key: ObjectKey, revision: u64, value: Value) -> Self {
        Self {
            line: Mutex::new(Line::Wanted),
            ..Self::new(key, revision, value)
        }
    }

    /// An object that the storage held as so many bytes of JSON.
    pub(super) fn loaded(key: ObjectKey, revision: u64, value: Value, bytes: usize) -> Self {
        Self {
            known_bytes: AtomicUsize::new(bytes),
            ..Self::new(key, revision, value)
        }
    }

    /// How many bytes its JSON has; 0 as long as nobody has asked for it.
    pub(super) fn known_bytes(&self) -> usize {
        self.known_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn no_ops(&self) -> MutexGuard<'_, Vec<NoOp>> {
        lock(&self.no_ops)
    }

    /// Lets go of the bytes.
    pub(super) fn retire(&self) {
        *lock(&self.line) = Line::Passing;
    }

    /// Whether the defaults of a schema were found to be all there.
    pub(super) fn is_settled_by(&self, schema: u64) -> bool {
        self.settled_by.load(Ordering::Relaxed) == schema
    }

    /// Notes that the defaults of a schema are all there.
    pub(super) fn settle_by(&self, schema: u64) {
        self.settled_by.store(schema, Ordering::Relaxed);
    }

    /// The object as a tree, `apiVersion` and `kind` included.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The object as compact JSON.
    #[must_use]
    pub fn json(&self) -> Bytes {
        let line = self.line();
        line.slice(..line.len() - 1)
    }

    /// The object as compact JSON with a line end.
    #[must_use]
    pub fn line(&self) -> Bytes {
        let mut line = lock(&self.line);
        match &*line {
            Line::Made(bytes) => bytes.clone(),
            Line::Passing => {
                drop(line);
                self.encode()
            }
            Line::Wanted => {
                let bytes = self.encode();
                *line = Line::Made(bytes.clone());
                bytes
            }
        }
    }

    fn encode(&self) -> Bytes {
        let mut line = to_json(&self.value);
        self.known_bytes.store(line.len(), Ordering::Relaxed);
        line.push(b'\n');
        // Whoever keeps it keeps no room to spare.
        line.into_boxed_slice().into()
    }
}

impl crate::storage::Encode for Stored {
    fn json(&self) -> Bytes {
        Self::json(self)
    }
}
