//! Where objects survive: one trait, a memory-only and a durable answer.
//!
//! `core::store` calls [`Storage::load`] once and [`Storage::append`] for
//! every write, in the order of revisions; nobody else touches it.
//!
//! The durable one is a log in one file: `durable` is the thread that writes,
//! `log` the file, `header` and `frame` what lies in it.

mod durable;
mod frame;
mod header;
mod log;
mod memory;
#[cfg(test)]
mod tests;

pub use durable::{LogStorage, Sync};
pub use memory::MemoryStorage;

use bytes::Bytes;
use std::path::PathBuf;
use std::sync::Arc;
use trueup_object::Text;

/// Where one object is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// API group, empty for the core group.
    pub group: Text,
    /// Plural name of the resource.
    pub plural: Text,
    /// Namespace, empty for cluster scope.
    pub namespace: Text,
    /// Name.
    pub name: Text,
}

/// An object that can be written down. It is asked on the thread that writes,
/// so that nobody who changes objects waits for the encoding of another's.
pub trait Encode: Send + std::marker::Sync + std::fmt::Debug {
    /// The object as JSON in its storage version.
    fn json(&self) -> Bytes;
}

impl Encode for Bytes {
    /// JSON that is there already.
    fn json(&self) -> Bytes {
        self.clone()
    }
}

/// One change: the object, or its removal.
#[derive(Clone, Debug)]
pub struct Record {
    /// Which object.
    pub key: RecordKey,
    /// The object; `None` removes it.
    pub object: Option<Arc<dyn Encode>>,
}

/// One write: what becomes durable together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The revision that this write makes.
    pub revision: u64,
    /// The changes.
    pub records: Vec<Record>,
}

/// What a storage held when it was opened.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The revision that numbering goes on from: at least every revision ever
    /// handed out, acknowledged or not.
    pub revision: u64,
    /// The last revision that was written.
    pub last_written: u64,
    /// The objects, in the order of their keys.
    pub objects: Vec<(RecordKey, Bytes)>,
}

/// Called once when a batch is durable, or can never be.
pub type Completion = Box<dyn FnOnce(Result<(), StorageError>) + Send>;

/// Why a storage could not be opened, read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StorageError {
    /// The file is there and is not ours, or is damaged.
    #[error("{path}: not a usable store ({why}); move it away to start with an empty one", path = path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// An input or output error.
    #[error("{path}: cannot {operation}: {why}", path = path.display())]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        why: String,
    },
}

/// Whether a storage outlives the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// What is appended can be loaded again.
    Kept,
    /// All ends with the process.
    Nothing,
}

/// Keeps objects.
///
/// `append` returns at once; `done` is called, possibly on another thread and
/// possibly before `append` returns, when the batch will survive the loss of
/// the process and of power. Batches arrive in the order of their revisions
/// and become durable in that order; after one has failed, all later ones
/// fail.
pub trait Storage: Send + std::marker::Sync {
    /// Everything that was kept; asked once.
    fn load(&self) -> Result<Loaded, StorageError>;

    /// Takes one write.
    fn append(&self, batch: Batch, done: Completion);

    /// Whether anything outlives the process. To a storage that keeps nothing
    /// nothing need be appended.
    fn retention(&self) -> Retention {
        Retention::Kept
    }
}
