//! The store of artifacts in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use trueup_artifact::{
    ArchiveLimits, Checksum, FileTree, FilteredTree, read_archive, write_archive,
};

use crate::{
    ARTIFACT_RETENTION_MS, ARTIFACT_RETENTION_RECORDS, ArtifactOwner, ArtifactRecord,
    ArtifactStorage, BoxFuture, ForeignArchive, Publication, StoreError,
};

/// Artifacts in memory: the same paths, digests and rules as on disk, and
/// failures when told to.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    artifacts: BTreeMap<String, Stored>,
    foreign: BTreeMap<(ArtifactOwner, Checksum), Arc<dyn FileTree>>,
    failures: u32,
}

#[derive(Debug)]
struct Stored {
    record: ArtifactRecord,
    tree: Arc<dyn FileTree>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next `times` publications fail.
    pub fn fail(&self, times: u32) {
        self.state().failures = times;
    }

    /// Loses everything, as a store on a volume that went with its pod.
    pub fn lose_everything(&self) {
        let mut state = self.state();
        state.artifacts.clear();
        state.foreign.clear();
    }

    /// The paths of all artifacts.
    pub fn paths(&self) -> Vec<String> {
        self.state().artifacts.keys().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self, publication: Publication) -> Result<ArtifactRecord, StoreError> {
        let folder = publication.owner.path();
        let path = format!("{folder}/{}.tar.gz", publication.revision.hash());
        let mut state = self.state();
        if state.failures > 0 {
            state.failures -= 1;
            return Err(StoreError::Disk {
                operation: "write",
                path,
                cause: io::Error::other("injected fault"),
            });
        }
        let tree: Arc<dyn FileTree> = Arc::new(FilteredTree::load(
            publication.tree,
            publication.ignore.as_deref(),
        )?);
        let summary =
            write_archive(&*tree, io::sink()).map_err(|error| StoreError::writing(&path, error))?;
        let record = ArtifactRecord {
            url: format!("http://memory.invalid/{path}"),
            path: path.clone(),
            revision: publication.revision.to_string(),
            digest: summary.digest.to_string(),
            last_update_time: publication.now,
            size_bytes: Some(summary.size_bytes),
            metadata: publication.metadata,
        };
        let stored = Stored {
            record: record.clone(),
            tree,
        };
        state.artifacts.insert(path, stored);
        Ok(record)
    }

    fn keep_foreign(&self, foreign: ForeignArchive) -> Result<Arc<dyn FileTree>, StoreError> {
        if !foreign.digest.verifies(&foreign.archive) {
            return Err(StoreError::Unverified(foreign.digest));
        }
        let tree = read_archive(&foreign.archive, &ArchiveLimits::foreign());
        let tree: Arc<dyn FileTree> = Arc::new(tree.map_err(StoreError::Foreign)?);
        let key = (foreign.owner, foreign.digest);
        self.state().foreign.insert(key, tree.clone());
        Ok(tree)
    }

    fn tree(&self, record: &ArtifactRecord) -> Result<Arc<dyn FileTree>, StoreError> {
        let state = self.state();
        let path = || record.path.clone();
        let stored = state
            .artifacts
            .get(&record.path)
            .ok_or_else(|| StoreError::NotFound { path: path() })?;
        if stored.record.digest != record.digest {
            return Err(StoreError::Digest {
                path: path(),
                expected: record.digest.clone(),
                actual: stored.record.digest.clone(),
            });
        }
        Ok(stored.tree.clone())
    }

    fn clean(&self, folder: &str, current: &str, now: Timestamp) -> Vec<String> {
        let prefix = format!("{folder}/");
        let mut state = self.state();
        let mut archives: Vec<(Timestamp, String)> = state
            .artifacts
            .values()
            .map(|stored| (stored.record.last_update_time, stored.record.path.clone()))
            .filter(|(_, path)| path.starts_with(&prefix))
            .collect();
        archives.sort_by(|left, right| right.cmp(left));
        let old = archives
            .into_iter()
            .skip(ARTIFACT_RETENTION_RECORDS)
            .filter(|(at, path)| {
                let age_ms = now.as_millisecond() - at.as_millisecond();
                path != current && age_ms >= ARTIFACT_RETENTION_MS
            });
        let removed: Vec<String> = old.map(|(_, path)| path).collect();
        for path in &removed {
            state.artifacts.remove(path);
        }
        removed
    }
}

impl ArtifactStorage for MemoryStore {
    fn publish<'a>(
        &'a self,
        publication: Publication,
    ) -> BoxFuture<'a, Result<ArtifactRecord, StoreError>> {
        Box::pin(std::future::ready(self.store(publication)))
    }

    fn open<'a>(
        &'a self,
        record: &'a ArtifactRecord,
    ) -> BoxFuture<'a, Result<Arc<dyn FileTree>, StoreError>> {
        Box::pin(std::future::ready(self.tree(record)))
    }

    fn keep<'a>(
        &'a self,
        archive: ForeignArchive,
    ) -> BoxFuture<'a, Result<Arc<dyn FileTree>, StoreError>> {
        Box::pin(std::future::ready(self.keep_foreign(archive)))
    }

    fn kept<'a>(
        &'a self,
        owner: &'a ArtifactOwner,
        digest: &'a Checksum,
    ) -> BoxFuture<'a, Result<Option<Arc<dyn FileTree>>, StoreError>> {
        let key = (owner.clone(), digest.clone());
        let tree = self.state().foreign.get(&key).cloned();
        Box::pin(std::future::ready(Ok(tree)))
    }

    fn holds<'a>(&'a self, record: &'a ArtifactRecord) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(
            self.state().artifacts.contains_key(&record.path),
        ))
    }

    fn collect_garbage<'a>(
        &'a self,
        owner: &'a ArtifactOwner,
        current: &'a ArtifactRecord,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let removed = self.clean(&owner.path(), &current.path, now);
        Box::pin(std::future::ready(Ok(removed)))
    }

    fn remove<'a>(&'a self, owner: &'a ArtifactOwner) -> BoxFuture<'a, Result<(), StoreError>> {
        let prefix = format!("{}/", owner.path());
        let mut state = self.state();
        state.artifacts.retain(|path, _| !path.starts_with(&prefix));
        state.foreign.retain(|(of, _), _| of != owner);
        Box::pin(std::future::ready(Ok(())))
    }

    fn retain<'a>(
        &'a self,
        kind: &'a str,
        owners: &'a BTreeSet<ArtifactOwner>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut state = self.state();
        state
            .foreign
            .retain(|(owner, _), _| owner.kind != kind || owners.contains(owner));
        Box::pin(std::future::ready(Ok(())))
    }
}
