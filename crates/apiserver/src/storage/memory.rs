//! A storage that keeps nothing beyond the process.

use super::{Batch, Completion, Loaded, Retention, Storage, StorageError};

/// Every write is done at once; loading finds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryStorage;

impl Storage for MemoryStorage {
    fn load(&self) -> Result<Loaded, StorageError> {
        Ok(Loaded::default())
    }

    fn append(&self, _batch: Batch, done: Completion) {
        done(Ok(()));
    }

    fn retention(&self) -> Retention {
        Retention::Nothing
    }
}
