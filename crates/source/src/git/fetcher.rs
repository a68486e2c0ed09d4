//! The fetcher: one mirror for each URL and credentials.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gix_hash::ObjectId;
use trueup_artifact::FileTree;

use super::address::{address, check_name, mirror_key, redacted, salt};
use super::commit;
use super::mirror::{Mirror, lock};
use super::reference::Target;
use super::tree::GitTree;
use crate::error::{Failure, FetchErrorKind};
use crate::{
    BoxFuture, FetchError, FetchOutcome, GitFetch, GitLimits, GitRequest, MirrorKey, TreeSource,
};

const OPERATION: &str = "fetch from the Git repository";

/// Where a [`GitFetcher`] works.
#[derive(Debug, Clone)]
pub struct GitFetcherOptions {
    /// The folder of the mirrors; made if it is not there.
    pub root: PathBuf,
}

/// Fetches over HTTP(S) into bare mirrors below a folder. Requests with the
/// same URL and credentials share a mirror and wait for each other; others run
/// side by side. Dropping a fetch's future cancels it.
#[derive(Debug)]
pub struct GitFetcher {
    root: PathBuf,
    salt: Vec<u8>,
    mirrors: Mutex<HashMap<MirrorKey, Arc<Mirror>>>,
}

impl GitFetcher {
    /// A fetcher over a folder, with whatever mirrors are there.
    pub fn open(options: GitFetcherOptions) -> io::Result<Self> {
        std::fs::create_dir_all(&options.root)?;
        Ok(GitFetcher {
            salt: salt(&options.root)?,
            root: options.root,
            mirrors: Mutex::default(),
        })
    }

    fn mirror(&self, key: &MirrorKey) -> Arc<Mirror> {
        let mut mirrors = lock(&self.mirrors);
        let mirror = mirrors
            .entry(key.clone())
            .or_insert_with(|| Arc::new(Mirror::new(self.root.join(key.as_str()))));
        mirror.clone()
    }

    async fn fetch_within_time(&self, request: &GitRequest) -> Result<FetchOutcome, FetchError> {
        let limit = Duration::from_millis(request.timeout_ms);
        let outcome = match tokio::time::timeout(limit, self.fetch_any(request)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let cause = format!("it took longer than the timeout of {limit:?}");
                Err(Failure::new(FetchErrorKind::Timeout, cause))
            }
        };
        outcome.map_err(|failure| FetchError {
            kind: failure.kind,
            url: redacted(&request.url),
            operation: OPERATION,
            cause: failure.cause,
        })
    }

    async fn fetch_any(&self, request: &GitRequest) -> Result<FetchOutcome, Failure> {
        let (url, credentials) = address(request)?;
        let target = Target::of(&request.reference)?;
        check_name(&target)?;
        let key = mirror_key(&self.salt, &url, request, &credentials);
        let mirror = self.mirror(&key);
        let turn = mirror.turn.lock().await;
        let request = &GitRequest {
            credentials,
            ..request.clone()
        };
        let outcome = mirror.fetch(request, &key, &target, url).await;
        drop(turn);
        outcome
    }
}

impl GitFetch for GitFetcher {
    fn fetch<'a>(
        &'a self,
        request: &'a GitRequest,
    ) -> BoxFuture<'a, Result<FetchOutcome, FetchError>> {
        Box::pin(self.fetch_within_time(request))
    }

    fn retain<'a>(&'a self, in_use: &'a [MirrorKey]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut keep: Vec<MirrorKey> = in_use.to_vec();
            lock(&self.mirrors).retain(|key, mirror| {
                if in_use.contains(key) {
                    return true;
                }
                // Trees that still read from it keep its files until they go.
                if mirror.abandon() {
                    keep.push(key.clone());
                }
                false
            });
            let root = self.root.clone();
            let _ = tokio::task::spawn_blocking(move || remove_others(&root, &keep)).await;
        })
    }
}

impl TreeSource for GitFetcher {
    fn tree(&self, key: &MirrorKey, commit: &str) -> Option<Arc<dyn FileTree>> {
        let id = ObjectId::from_hex(commit.as_bytes()).ok()?;
        let mirror = self.mirror(key);
        let repository = mirror.existing().ok()??;
        if !repository.has_tip(&id) {
            return None;
        }
        let (_, root) = commit::read(&repository, &id).ok()?;
        let tree = GitTree::new(
            repository,
            mirror.folders.clone(),
            root,
            &GitLimits::default(),
        );
        Some(Arc::new(tree))
    }
}

fn remove_others(root: &Path, keep: &[MirrorKey]) -> io::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let key = name.to_str().and_then(MirrorKey::parse);
        if key.is_some_and(|key| !keep.contains(&key)) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
