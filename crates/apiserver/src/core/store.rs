//! The objects, their history and the revision counter.
//!
//! One shelf a resource; a write takes its shelf, then the clock, so that the
//! history of a shelf is in order and so is what reaches the storage. Readers
//! share the objects; a watcher is a cursor into the history of its shelf.

use super::durable::Durable;
use super::registry::GroupResource;
pub use super::stored::{ObjectKey, Stored};
use super::watch::Wakers;
use crate::storage::{Batch, Encode, Loaded, Record, RecordKey, Retention, Storage, StorageError};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use trueup_object::{Text, Value, from_json};

/// How many changes of one resource are remembered for watchers and for
/// lists of an older revision. A watcher that falls further behind is ended
/// with 410.
pub const HISTORY_EVENTS: usize = 8192;
/// Of how many of these the bytes are kept, too: watchers that keep up are sent
/// the same ones; who is behind gets them made anew.
pub const HISTORY_LINES: usize = 256;
/// The revision before the first write.
pub const FIRST_REVISION: u64 = 2;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was made.
    Added,
    /// It was changed.
    Modified,
    /// It was removed; the change holds its last state with the revision of
    /// the removal.
    Deleted,
}

/// One entry of the history.
#[derive(Debug)]
pub struct Change {
    /// Revision of the change.
    pub revision: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The object afterwards (before, if it was removed).
    pub object: Arc<Stored>,
    /// The object before.
    pub previous: Option<Arc<Stored>>,
}

/// The objects of one resource.
#[derive(Debug, Default)]
pub struct Shelf {
    pub(super) contents: RwLock<Contents>,
    pub(super) wakers: Wakers,
    /// Watches that began at or before this revision end at it.
    pub(super) watches_end_at: AtomicU64,
    /// The revision of the last change, set before anybody can see it; at first
    /// that up to which nothing is remembered.
    latest: AtomicU64,
}

impl Shelf {
    fn holding(contents: Contents) -> Self {
        Self {
            latest: AtomicU64::new(contents.forgotten),
            contents: RwLock::new(contents),
            wakers: Wakers::default(),
            watches_end_at: AtomicU64::new(0),
        }
    }

    /// The revision of the last change, or of one that is just being made.
    pub(super) fn latest(&self) -> u64 {
        self.latest.load(Ordering::Acquire)
    }
}

#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) objects: BTreeMap<ObjectKey, Arc<Stored>>,
    pub(super) history: VecDeque<Arc<Change>>,
    /// Everything up to here may be missing from the history.
    pub(super) forgotten: u64,
}

/// A consistent view of a resource.
#[derive(Debug)]
pub struct Snapshot {
    /// The revision of the view.
    pub revision: u64,
    /// The objects in order of namespace and name.
    pub objects: Vec<Arc<Stored>>,
}

/// A revision outside the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfRange {
    /// Older than the history; the oldest that is left.
    TooOld(u64),
    /// Not yet reached; the current one.
    TooNew(u64),
}

/// What to write.
#[derive(Debug)]
pub enum Write {
    /// Make or replace: the tree without its new resourceVersion.
    Put(Value),
    /// Remove; the tree is the last state to show.
    Remove(Value),
}

/// Why a write did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The object is not at the expected revision any more.
    Changed,
    /// A write was lost; nothing is taken until the server starts again.
    Broken,
    /// The object has more bytes than one may have.
    TooLarge(usize),
}

/// The store.
pub struct Store {
    storage: Box<dyn Storage>,
    shelves: RwLock<HashMap<GroupResource, Arc<Shelf>>>,
    clock: Mutex<u64>,
    /// What came before this is not remembered.
    base: u64,
    current: AtomicU64,
    durable: Arc<Durable>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Store")
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// Loads everything that the storage holds. An object that is no JSON is
    /// an error: the store is damaged.
    pub fn open(storage: Box<dyn Storage>) -> Result<Self, StorageError> {
        let loaded = storage.load()?;
        let revision = loaded.revision.max(FIRST_REVISION);
        let base = loaded.last_written.max(FIRST_REVISION);
        let shelves = shelve(loaded)?;
        Ok(Self {
            storage,
            shelves: RwLock::new(shelves),
            clock: Mutex::new(revision),
            base,
            current: AtomicU64::new(revision),
            durable: Arc::new(Durable::new(revision)),
        })
    }

    /// The last revision that was given out.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.current.load(Ordering::Acquire)
    }

    /// How far writes are durable.
    #[must_use]
    pub fn durable(&self) -> &Arc<Durable> {
        &self.durable
    }

    /// The shelf of a resource, made when first asked for.
    pub fn shelf(&self, key: &GroupResource) -> Arc<Shelf> {
        let found = self
            .shelves
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned();
        found.unwrap_or_else(|| {
            let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
            let fresh = || {
                let contents = Contents {
                    forgotten: self.base,
                    ..Contents::default()
                };
                Arc::new(Shelf::holding(contents))
            };
            shelves.entry(key.clone()).or_insert_with(fresh).clone()
        })
    }

    /// Ends the watches of a resource once they have shown all that has
    /// happened: what they show has changed its definition.
    pub(super) fn end_watches(&self, resource: &GroupResource) {
        let shelf = self.shelf(resource);
        let revision = self.revision();
        shelf.watches_end_at.store(revision, Ordering::Release);
        if self.durable.revision() < revision {
            self.durable.expect(revision, shelf.clone());
        }
        shelf.wakers.wake();
    }

    /// The resources that have ever held an object in this run.
    #[must_use]
    pub fn resources(&self) -> Vec<GroupResource> {
        let mut keys: Vec<_> = self
            .shelves
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect();
        keys.sort();
        keys
    }

    /// One object.
    #[must_use]
    pub fn get(
        &self,
        resource: &GroupResource,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Stored>> {
        let key = ObjectKey {
            namespace: namespace.into(),
            name: name.into(),
        };
        let shelf = self.shelf(resource);
        let contents = shelf
            .contents
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        contents.objects.get(&key).cloned()
    }

    /// All objects of a resource, in one namespace if one is named, now.
    #[must_use]
    pub fn list(&self, resource: &GroupResource, namespace: &str) -> Snapshot {
        let shelf = self.shelf(resource);
        let contents = shelf
            .contents
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Snapshot {
            revision: self.revision(),
            objects: in_namespace(&contents.objects, namespace),
        }
    }

    /// The one object of a name, if it is there, as a list.
    #[must_use]
    pub fn list_one(&self, resource: &GroupResource, namespace: &str, name: &str) -> Snapshot {
        let shelf = self.shelf(resource);
        let contents = shelf
            .contents
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let key = ObjectKey {
            namespace: namespace.into(),
            name: name.into(),
        };
        Snapshot {
            revision: self.revision(),
            objects: contents.objects.get(&key).cloned().into_iter().collect(),
        }
    }

    /// The same as it was at an earlier revision.
    pub fn list_at(
        &self,
        resource: &GroupResource,
        namespace: &str,
        revision: u64,
    ) -> Result<Snapshot, OutOfRange> {
        let shelf = self.shelf(resource);
        let contents = shelf
            .contents
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let current = self.revision();
        if revision > current {
            return Err(OutOfRange::TooNew(current));
        }
        if revision < contents.forgotten {
            return Err(OutOfRange::TooOld(contents.forgotten));
        }
        let mut then = contents.changed_since(revision);
        if then.is_empty() {
            let objects = in_namespace(&contents.objects, namespace);
            return Ok(Snapshot { revision, objects });
        }
        let unchanged = in_namespace(&contents.objects, namespace)
            .into_iter()
            .filter(|stored| !then.contains_key(&stored.key))
            .map(|stored| (stored.key.clone(), Some(stored)))
            .collect::<Vec<_>>();
        then.retain(|key, _| namespace.is_empty() || key.namespace == namespace);
        then.extend(unchanged);
        let objects = then.into_values().flatten().collect();
        Ok(Snapshot { revision, objects })
    }

    /// Writes one object if it is still at `expected` (`None`: not there).
    /// Gives what is stored now; for a removal its last state, at the
    /// revision of the removal.
    pub fn write(
        &self,
        resource: &GroupResource,
        key: &ObjectKey,
        expected: Option<u64>,
        write: Write,
    ) -> Result<Arc<Stored>, Refusal> {
        let shelf = self.shelf(resource);
        let mut contents = shelf
            .contents
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let previous = contents.objects.get(key).cloned();
        if previous.as_ref().map(|stored| stored.revision) != expected {
            return Err(Refusal::Changed);
        }
        if self.durable.is_broken() {
            return Err(Refusal::Broken);
        }
        let (value, removed) = match write {
            Write::Put(value) => (value, false),
            Write::Remove(value) => (value, true),
        };
        let mut value = contents.sharing(value, previous.as_deref());
        let mut clock = lock(&self.clock);
        *clock += 1;
        let revision = *clock;
        shelf.latest.store(revision, Ordering::Release);
        value.set_at(
            &["metadata", "resourceVersion"],
            Value::String(ecow::eco_format!("{revision}")),
        );
        let stored = Arc::new(Stored::fresh(key.clone(), revision, value));
        self.append(resource, &shelf, &stored, removed);
        self.current.store(revision, Ordering::Release);
        let change = Change {
            revision,
            kind: kind_of(previous.is_some(), removed),
            object: stored.clone(),
            previous,
        };
        if removed {
            contents.objects.remove(key);
        } else {
            contents.objects.insert(key.clone(), stored.clone());
        }
        contents.remember(change);
        drop(clock);
        drop(contents);
        shelf.wakers.wake();
        Ok(stored)
    }

    fn append(
        &self,
        resource: &GroupResource,
        shelf: &Arc<Shelf>,
        stored: &Arc<Stored>,
        removed: bool,
    ) {
        let revision = stored.revision;
        if self.storage.retention() == Retention::Nothing {
            return self.durable.advance(revision);
        }
        self.durable.expect(revision, shelf.clone());
        let record = Record {
            key: RecordKey {
                group: resource.group.clone(),
                plural: resource.plural.clone(),
                namespace: stored.key.namespace.clone(),
                name: stored.key.name.clone(),
            },
            object: (!removed).then(|| stored.clone() as Arc<dyn Encode>),
        };
        let durable = self.durable.clone();
        let done =
            Box::new(move |result: Result<(), StorageError>| durable.complete(revision, &result));
        self.storage.append(
            Batch {
                revision,
                records: vec![record],
            },
            done,
        );
    }
}

impl Contents {
    /// The tree to keep: of one piece with the version before and with the
    /// object that was written last, which is often made from one template.
    fn sharing(&self, mut value: Value, previous: Option<&Stored>) -> Value {
        // The place of the revision is made now: later the map would grow.
        value.set_at(&["metadata", "resourceVersion"], Value::String(Text::new()));
        let last = self.history.back().map(|change| change.object.value());
        value.sharing([previous.map(Stored::value), last])
    }

    /// The objects that changed after a revision, as they were at it.
    fn changed_since(&self, revision: u64) -> BTreeMap<ObjectKey, Option<Arc<Stored>>> {
        let later = self.history.iter().rev();
        later
            .take_while(|change| change.revision > revision)
            .map(|change| (change.object.key.clone(), change.previous.clone()))
            .collect()
    }

    fn remember(&mut self, change: Change) {
        self.history.push_back(Arc::new(change));
        let behind = self.history.len().checked_sub(HISTORY_LINES + 1);
        if let Some(outworn) = behind.and_then(|at| self.history.get(at)) {
            outworn.object.retire();
        }
        if self.history.len() > HISTORY_EVENTS
            && let Some(oldest) = self.history.pop_front()
        {
            self.forgotten = oldest.revision;
        }
    }
}

fn kind_of(existed: bool, removed: bool) -> ChangeKind {
    match (existed, removed) {
        (_, true) => ChangeKind::Deleted,
        (true, false) => ChangeKind::Modified,
        (false, false) => ChangeKind::Added,
    }
}

fn in_namespace(objects: &BTreeMap<ObjectKey, Arc<Stored>>, namespace: &str) -> Vec<Arc<Stored>> {
    if namespace.is_empty() {
        return objects.values().cloned().collect();
    }
    let first = ObjectKey {
        namespace: namespace.into(),
        name: Text::new(),
    };
    objects
        .range(first..)
        .take_while(|(key, _)| key.namespace == namespace)
        .map(|(_, stored)| stored.clone())
        .collect()
}

fn shelve(loaded: Loaded) -> Result<HashMap<GroupResource, Arc<Shelf>>, StorageError> {
    let mut contents: HashMap<GroupResource, Contents> = HashMap::new();
    for (key, json) in loaded.objects {
        let value = from_json(&json).map_err(|error| StorageError::Refused {
            path: std::path::PathBuf::from(format!(
                "{}/{}/{}",
                key.plural, key.namespace, key.name
            )),
            why: error.to_string(),
        })?;
        let revision = value
            .str_at(&["metadata", "resourceVersion"])
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let resource = GroupResource {
            group: key.group,
            plural: key.plural,
        };
        let key = ObjectKey {
            namespace: key.namespace,
            name: key.name,
        };
        let shelf = contents.entry(resource).or_default();
        shelf.forgotten = loaded.last_written;
        shelf.objects.insert(
            key.clone(),
            Arc::new(Stored::loaded(key, revision, value, json.len())),
        );
    }
    let shelf = |contents| Arc::new(Shelf::holding(contents));
    Ok(contents
        .into_iter()
        .map(|(key, contents)| (key, shelf(contents)))
        .collect())
}
