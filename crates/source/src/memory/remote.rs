//! Git repositories in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gix_hash::ObjectId;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use trueup_artifact::{Entry, FileTree as _, MemoryTree, Revision, TreePath};

use crate::error::{Failure, FetchErrorKind};
use crate::git::{RemoteReference, Target};
use crate::{
    BoxFuture, Commit, FetchError, FetchOutcome, Fetched, GitFetch, GitRequest, MirrorKey,
};

/// Remotes by URL, each with branches, tags and commits. Resolves references
/// as the real fetcher does and fails when told to.
#[derive(Debug, Clone, Default)]
pub struct MemoryRemote {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    repositories: BTreeMap<String, Repository>,
    faults: Vec<Fault>,
    latency_ms: u64,
    fetches: u64,
}

#[derive(Debug, Default)]
struct Repository {
    references: BTreeMap<String, String>,
    commits: BTreeMap<String, (Commit, MemoryTree)>,
}

#[derive(Debug)]
struct Fault {
    url: String,
    kind: FetchErrorKind,
    remaining: u32,
}

impl MemoryRemote {
    /// No repositories at all: every URL is not found.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an empty repository.
    pub fn add_repository(&self, url: &str) {
        self.state().repositories.entry(url.to_owned()).or_default();
    }

    /// Puts a commit with this content on top of a branch, making both branch
    /// and repository where they are missing. Answers its id.
    pub fn commit(
        &self,
        url: &str,
        branch: &str,
        tree: MemoryTree,
        subject: &str,
        at: Timestamp,
    ) -> String {
        let mut state = self.state();
        let repository = state.repositories.entry(url.to_owned()).or_default();
        let reference = format!("refs/heads/{branch}");
        let parent = repository.references.get(&reference).map(String::as_str);
        let id = commit_id(parent.unwrap_or_default(), &tree, subject, at);
        let commit = Commit {
            id: id.clone(),
            author_name: "Author".to_owned(),
            author_email: "author@example.com".to_owned(),
            committed_at: at,
            subject: subject.to_owned(),
        };
        repository.commits.insert(id.clone(), (commit, tree));
        repository.references.insert(reference, id.clone());
        id
    }

    /// Points a reference (`refs/heads/main`, `refs/tags/v1`) at a commit that
    /// is there: a tag, a rollback, a forced push.
    pub fn set_reference(&self, url: &str, reference: &str, commit: &str) {
        let mut state = self.state();
        let repository = state.repositories.entry(url.to_owned()).or_default();
        repository
            .references
            .insert(reference.to_owned(), commit.to_owned());
    }

    /// Removes a reference.
    pub fn remove_reference(&self, url: &str, reference: &str) {
        if let Some(repository) = self.state().repositories.get_mut(url) {
            repository.references.remove(reference);
        }
    }

    /// The commit that a branch points at.
    pub fn tip(&self, url: &str, branch: &str) -> Option<String> {
        let state = self.state();
        let repository = state.repositories.get(url)?;
        repository
            .references
            .get(&format!("refs/heads/{branch}"))
            .cloned()
    }

    /// The next `times` fetches of `url` fail with this class.
    pub fn fail(&self, url: &str, kind: FetchErrorKind, times: u32) {
        self.state().faults.push(Fault {
            url: url.to_owned(),
            kind,
            remaining: times,
        });
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// How long every fetch takes from now on, by the runtime's clock.
    pub fn set_latency_ms(&self, latency_ms: u64) {
        self.state().latency_ms = latency_ms;
    }

    /// How many fetches were asked for so far.
    pub fn fetches(&self) -> u64 {
        self.state().fetches
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &GitRequest) -> Result<FetchOutcome, Failure> {
        let mut state = self.state();
        state.fetches += 1;
        let fault = state
            .faults
            .iter_mut()
            .find(|fault| fault.url == request.url && fault.remaining > 0);
        if let Some(fault) = fault {
            fault.remaining -= 1;
            return Err(Failure::new(fault.kind.clone(), "injected fault"));
        }
        let repository = state
            .repositories
            .get(&request.url)
            .ok_or_else(|| Failure::new(FetchErrorKind::NotFound, "repository not found"))?;
        repository.answer(request)
    }
}

impl Repository {
    fn answer(&self, request: &GitRequest) -> Result<FetchOutcome, Failure> {
        let target = Target::of(&request.reference)?;
        let resolved = target.resolve(&self.references())?;
        let id = resolved.commit.to_string();
        let revision = Revision::git(resolved.name.as_deref(), &id);
        if request.known.as_ref() == Some(&revision) {
            return Ok(FetchOutcome::Unchanged { revision });
        }
        let (commit, tree) = self.commits.get(&id).ok_or_else(|| target.unknown())?;
        Ok(FetchOutcome::Fetched(Fetched {
            revision,
            commit: commit.clone(),
            tree: Arc::new(tree.clone()),
            mirror: MirrorKey(hex(&Sha256::digest(&request.url)[..16])),
            received_bytes: 0,
        }))
    }

    fn references(&self) -> Vec<RemoteReference> {
        self.references
            .iter()
            .filter_map(|(name, commit)| {
                Some(RemoteReference {
                    name: name.clone(),
                    id: ObjectId::from_hex(commit.as_bytes()).ok()?,
                    peeled: None,
                })
            })
            .collect()
    }
}

fn commit_id(parent: &str, tree: &MemoryTree, subject: &str, at: Timestamp) -> String {
    let root = match tree.entry(&TreePath::root()) {
        Ok(Some(Entry::Directory { id: Some(id) })) => id.to_string(),
        _ => String::new(),
    };
    let text = format!("{parent}\n{root}\n{subject}\n{at}");
    hex(&Sha256::digest(text)[..20])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl GitFetch for MemoryRemote {
    fn fetch<'a>(
        &'a self,
        request: &'a GitRequest,
    ) -> BoxFuture<'a, Result<FetchOutcome, FetchError>> {
        Box::pin(async move {
            let latency_ms = self.state().latency_ms;
            if latency_ms > 0 {
                tokio::time::sleep(Duration::from_millis(latency_ms)).await;
            }
            self.answer(request).map_err(|failure| FetchError {
                kind: failure.kind,
                url: request.url.clone(),
                operation: "fetch from the Git repository",
                cause: failure.cause,
            })
        })
    }

    fn retain<'a>(&'a self, _in_use: &'a [MirrorKey]) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}
