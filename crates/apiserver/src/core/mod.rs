//! The API server without HTTP: resources, objects, and what may be done to
//! them. Deterministic: time comes with each call, chance from a seed.
//!
//! Who calls what: `edge` parses ([`parse_path`], [`Operation::read`]),
//! authorises, calls [`Core::execute`] and encodes the [`Answer`];
//! `background` acts through [`Core::execute`] too, as an identity of its own,
//! and reads [`Core::store`]; `core` calls neither.

pub mod labels;
pub mod outcome;
pub mod registry;
pub mod request;
pub mod selection;
pub mod status;
pub mod store;
pub mod watch;

pub use outcome::{Answer, List, ObjectBody, Outcome};
pub use registry::{Custom, GroupResource, Registry, Resource, Subresource, Tables};
pub use request::{ApiPath, Identity, Operation, Query, Request, ResourcePath, Verb, parse_path};
pub use status::{ApiError, Cause, Details};
pub use store::{ObjectKey, Store, Stored};
pub use watch::{Ended, WatchEvent, Watcher};

use crate::storage::{Storage, StorageError};
use jiff::Timestamp;
use std::sync::Mutex;

/// What a core is opened with.
#[derive(Clone, Debug, Default)]
pub struct CoreOptions {
    /// Seed of uids and generated names; chosen at random if none is given.
    pub seed: Option<u64>,
}

/// The resources and their objects.
#[derive(Debug)]
pub struct Core {
    store: Store,
    registry: Registry,
    random: Mutex<fastrand::Rng>,
}

impl Core {
    /// Loads a storage and serves what it holds.
    pub fn open(
        storage: impl Storage + 'static,
        options: &CoreOptions,
    ) -> Result<Self, StorageError> {
        let store = Store::open(Box::new(storage))?;
        let random = options
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Ok(Self {
            store,
            registry: Registry::default(),
            random: Mutex::new(random),
        })
    }

    /// The objects.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The served resources.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Does what an operation says, at a time, for someone who may (it was
    /// authorised before).
    pub fn execute(
        &self,
        operation: &Operation,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        let _ = (identity, now, &self.random);
        Err(ApiError::internal(format!(
            "{} is not served yet",
            operation.verb.as_str()
        )))
    }
}
