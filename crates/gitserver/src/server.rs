//! The server as the rest of the program sees it.

use crate::access::Credentials;
use crate::command::Git;
use crate::names::folder;
use crate::push::{Push, Refs, difference};
use crate::session::{IDLE_TIMEOUT, MAX_FETCH_REQUEST_BYTES, MAX_PUSH_BYTES, REQUEST_TIMEOUT};
use crate::{Commit, GitServerError, Repository, is_repository_name};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore, broadcast};

/// How many processes of git run at once.
pub const MAX_PROCESSES: usize = 32;

/// How many connections are open at once.
pub const MAX_CONNECTIONS: usize = 512;

/// How many pushes a slow listener may lag behind.
const PUSHES_KEPT: usize = 256;

/// What the server allows.
#[derive(Clone, Debug)]
pub struct Options {
    /// The names under which clients reach the server, without port.
    pub hosts: Vec<String>,
    /// What a client must present, by repository; others are open to all.
    pub credentials: HashMap<String, Credentials>,
    /// At most this many bytes of one push.
    pub max_push_bytes: u64,
    /// At most this many bytes of the request of one fetch.
    pub max_fetch_request_bytes: u64,
    /// How long a client may send or take nothing.
    pub idle_timeout: Duration,
    /// How long one request may last.
    pub request_timeout: Duration,
    /// At most this many processes of git at once.
    pub max_processes: usize,
    /// At most this many connections at once.
    pub max_connections: usize,
    /// The program to run.
    pub git: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hosts: ["localhost", "127.0.0.1", "[::1]"]
                .map(str::to_owned)
                .to_vec(),
            credentials: HashMap::new(),
            max_push_bytes: MAX_PUSH_BYTES,
            max_fetch_request_bytes: MAX_FETCH_REQUEST_BYTES,
            idle_timeout: IDLE_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
            max_processes: MAX_PROCESSES,
            max_connections: MAX_CONNECTIONS,
            git: "git".into(),
        }
    }
}

/// A server of the bare repositories below one folder; clones are the same
/// server.
#[derive(Clone, Debug)]
pub struct GitServer {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub root: PathBuf,
    pub options: Options,
    pub git: Git,
    pub processes: Semaphore,
    pushes: broadcast::Sender<Push>,
    /// The references of each repository as they were last told of.
    known: Mutex<HashMap<String, Refs>>,
}

impl GitServer {
    /// A server of the repositories below `root`, which is made if it is
    /// missing.
    pub fn new(root: impl Into<PathBuf>, options: Options) -> Result<Self, GitServerError> {
        let root = root.into();
        std::fs::create_dir_all(&root).map_err(|source| GitServerError::File {
            operation: "create",
            path: root.clone(),
            source,
        })?;
        let inner = Inner {
            root,
            git: Git::new(&options.git),
            processes: Semaphore::new(options.max_processes),
            pushes: broadcast::channel(PUSHES_KEPT).0,
            known: Mutex::new(HashMap::new()),
            options,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Hears of every push from now on. A push is told before its client
    /// gets the end of the answer.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Push> {
        self.inner.pushes.subscribe()
    }

    /// The folder below which the repositories are.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// Opens a repository by its name, such as `fleet`.
    pub fn repository(&self, name: &str) -> Result<Repository, GitServerError> {
        self.inner.repository(name)
    }

    /// Makes a repository, empty or with a first commit.
    pub async fn create(
        &self,
        name: &str,
        first: Option<&Commit>,
    ) -> Result<Repository, GitServerError> {
        let path = self.inner.path(name)?;
        Repository::create(self.inner.git.clone(), &path, first).await
    }
}

impl Inner {
    fn path(&self, name: &str) -> Result<PathBuf, GitServerError> {
        if !is_repository_name(name) {
            return Err(GitServerError::Name {
                name: name.to_owned(),
            });
        }
        Ok(folder(&self.root, name))
    }

    pub fn repository(&self, name: &str) -> Result<Repository, GitServerError> {
        Repository::open_with(self.git.clone(), &self.path(name)?)
    }

    /// Remembers the references before the first push, so that what it moves
    /// can be told.
    pub async fn remember_refs(&self, name: &str) -> Result<(), GitServerError> {
        let mut known = self.known.lock().await;
        if !known.contains_key(name) {
            known.insert(name.to_owned(), self.repository(name)?.refs().await?);
        }
        Ok(())
    }

    /// Tells of every reference that moved since it was last told of. Of
    /// pushes at the same time each move is told once.
    pub async fn tell_moved_refs(&self, name: &str) {
        let mut known = self.known.lock().await;
        let now = match self.repository(name) {
            Ok(repository) => repository.refs().await,
            Err(error) => Err(error),
        };
        let now = match now {
            Ok(now) => now,
            Err(error) => {
                tracing::warn!(%error, repository = name, "references could not be read after a push");
                return;
            }
        };
        let before = known
            .insert(name.to_owned(), now.clone())
            .unwrap_or_default();
        let refs = difference(&before, &now);
        if !refs.is_empty() {
            // No listener is no error.
            let _ = self.pushes.send(Push {
                repository: name.to_owned(),
                refs,
            });
        }
    }
}
