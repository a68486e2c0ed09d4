//! The API server without HTTP: resources, objects, and what may be done to
//! them. Deterministic: time comes with each call, chance from a seed.
//!
//! Who calls what: `edge` parses ([`parse_path`], [`Operation::read`]),
//! authorises, calls [`Core::execute`] and encodes the [`Answer`];
//! `background` acts through [`Core::execute`] too, as an identity of its own,
//! and reads [`Core::store`]; `core` calls neither.
//!
//! Within: `read` gets, lists, watches; `write` is the one way of every
//! change, with `decode` (and `normal`, `defaults`) before it, `patch` beside
//! it, `prepare` and `validate` within it; `delete` deletes; `subresources`
//! are bodies of another kind; `definitions` keeps the registry in step.

pub(crate) mod admission;
pub mod body;
mod builtin;
mod change;
mod component_statuses;
mod conditions;
mod decode;
mod defaults;
pub mod definitions;
mod delete;
mod durable;
mod eviction;
pub(crate) mod go_text;
mod json_syntax;
mod key_count;
mod no_op;
mod normal;
pub mod options;
pub mod outcome;
mod passing;
mod patch;
mod pods;
mod prepare;
mod read;
pub mod registry;
pub mod request;
mod reset_fields;
mod scale;
mod schema_form;
pub mod selection;
mod services;
pub mod status;
pub mod store;
mod stored;
mod strict;
mod subresources;
mod validate;
pub mod versions;
mod warning_headers;
mod warnings;
pub mod watch;
mod write;

pub use durable::Durable;
pub use outcome::{Answer, List, ObjectBody, Outcome};
pub use passing::PassingKind;
pub use registry::{Custom, GroupResource, Registry, Resource, Subresource, Tables};
pub use request::{ApiPath, Identity, Operation, Query, Request, ResourcePath, Verb, parse_path};
pub use services::{NODE_PORTS, SERVICE_NETWORK};
pub use status::{ApiError, Cause, Details};
pub use store::{ObjectKey, Store, Stored};
pub use watch::{Ended, WatchEvent, Watcher};
pub use write::{Guard, time_text};

use crate::storage::{Storage, StorageError};
use jiff::Timestamp;
use services::Addresses;
use std::sync::{Arc, Mutex};
use warning_headers::warning_headers;
use write::Call;

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
    addresses: Mutex<Addresses>,
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
        let core = Self {
            store,
            registry: Registry::default(),
            addresses: Mutex::default(),
            random: Mutex::new(random),
        };
        core.serve_definitions();
        let services = GroupResource {
            group: "".into(),
            plural: "services".into(),
        };
        for service in core.store.list(&services, "").objects {
            store::lock(&core.addresses).take_all(service.value());
        }
        Ok(core)
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
    /// authorised before). The warnings of the answer or error are values of
    /// headers.
    pub fn execute(
        &self,
        operation: &Operation,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        self.execute_guarded(operation, identity, now, None)
    }

    /// The same, but a guard looks at the object that a create, update or
    /// patch comes to, and refuses it before it is validated and kept.
    pub fn execute_guarded(
        &self,
        operation: &Operation,
        identity: &Identity,
        now: Timestamp,
        guard: Option<Guard<'_>>,
    ) -> Result<Answer, ApiError> {
        let told = |warnings: &[String]| {
            let all: Vec<String> = deprecation(operation)
                .into_iter()
                .chain(warnings.iter().cloned())
                .collect();
            warning_headers(&all)
        };
        match self.execute_part(operation, identity, now, guard) {
            Ok(mut answer) => {
                answer.warnings = told(&answer.warnings);
                Ok(answer)
            }
            Err(mut error) => {
                error.warnings = told(&error.warnings);
                Err(error)
            }
        }
    }

    fn execute_part(
        &self,
        operation: &Operation,
        identity: &Identity,
        now: Timestamp,
        guard: Option<Guard<'_>>,
    ) -> Result<Answer, ApiError> {
        match operation.subresource_name() {
            "" | "status" | "finalize" | "approval" | "ephemeralcontainers" | "resize" => {
                self.execute_object(operation, identity, now, guard)
            }
            "scale" => scale::scale(self, operation, identity, now),
            "binding" => subresources::bind(self, operation, identity, now),
            "eviction" => eviction::evict(self, operation, identity, now),
            _ => {
                read::find(&self.store, operation)?;
                Err(ApiError::new(
                    501,
                    "NotImplemented",
                    format!("{} is not served here", operation.subresource_name()),
                ))
            }
        }
    }

    fn execute_object(
        &self,
        operation: &Operation,
        identity: &Identity,
        now: Timestamp,
        guard: Option<Guard<'_>>,
    ) -> Result<Answer, ApiError> {
        if component_statuses::are(&operation.resource) {
            return component_statuses::read(operation);
        }
        let call = || -> Result<Call<'_>, ApiError> {
            let mut call = Call::new(self, operation, identity, now)?;
            call.guard = guard;
            Ok(call)
        };
        match operation.verb {
            Verb::Get => read::get(&self.store, operation),
            Verb::List => read::list(&self.store, operation),
            Verb::Watch => read::watch(&self.store, operation),
            Verb::Create => write::create(call()?),
            Verb::Update => write::update(call()?),
            Verb::Patch => write::patch(call()?),
            Verb::Delete => delete::delete(self, operation, identity, now),
            Verb::DeleteCollection => delete::delete_collection(self, operation, identity, now),
        }
    }

    /// What follows from a write: addresses are noted, definitions served.
    fn written(&self, call: &Call<'_>, before: Option<&Arc<Stored>>, after: Option<&Arc<Stored>>) {
        let resource = call.resource;
        match (resource.group.as_str(), resource.kind.as_str()) {
            ("", "Service") => {
                let mut addresses = store::lock(&self.addresses);
                if let Some(before) = before {
                    addresses.free_all(before.value());
                }
                if let Some(after) = after {
                    addresses.take_all(after.value());
                }
            }
            ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                self.definition_written(after, call.now);
                definitions::end_watches(&self.store, before, after);
            }
            _ => {}
        }
        if let (Some(custom), None) = (&resource.custom, after) {
            let ending = self.store.get(&definitions::key(), "", &custom.definition);
            if ending.is_some_and(|definition| {
                definition
                    .value()
                    .at(&["metadata", "deletionTimestamp"])
                    .is_some()
            }) {
                self.end_definition(&custom.definition, call.now);
                self.serve_definitions();
            }
        }
    }

    /// A uid that no other object has.
    pub(crate) fn random_uid(&self) -> String {
        let mut bytes = [0u8; 16];
        store::lock(&self.random).fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }

    fn random_characters(&self, length: usize, alphabet: &[u8]) -> String {
        let mut random = store::lock(&self.random);
        (0..length)
            .map(|_| char::from(alphabet[random.usize(..alphabet.len())]))
            .collect()
    }
}

/// What is said with every use of a kind that is going away.
fn deprecation(operation: &Operation) -> Option<String> {
    match (
        operation.resource.group.as_str(),
        operation.resource.kind.as_str(),
    ) {
        ("", "Endpoints") => Some(
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
                .to_owned(),
        ),
        ("", "ComponentStatus") => Some("v1 ComponentStatus is deprecated in v1.19+".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
