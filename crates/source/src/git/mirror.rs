//! What is kept of one remote, and how a fetch makes use of it.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gix_hash::ObjectId;
use reqwest::Url;
use trueup_artifact::{FileTree, Revision, TreeError, TreePath, walk};

use super::commit;
use super::http::{self, HttpTransport};
use super::protocol::{self, PackRequest};
use super::reference::{Resolved, Target};
use super::remote::{Remote, blocking, may_be_ours, refuses_commit};
use super::repository::Repository;
use super::transport::Transport;
use super::tree::{FolderCache, GitTree};
use crate::error::{Failure, FetchErrorKind};
use crate::{Commit, FetchOutcome, Fetched, GitRequest, MirrorKey};

/// What is kept of one remote.
#[derive(Debug)]
pub(crate) struct Mirror {
    folder: PathBuf,
    pub folders: Arc<FolderCache>,
    pub turn: tokio::sync::Mutex<()>,
    repository: Mutex<Option<Arc<Repository>>>,
    client: Mutex<Option<reqwest::Client>>,
}

/// A commit that is in the repository now.
struct Present {
    repository: Arc<Repository>,
    received_bytes: u64,
}

impl Mirror {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Mirror {
            folder,
            folders: Arc::default(),
            turn: tokio::sync::Mutex::default(),
            repository: Mutex::default(),
            client: Mutex::default(),
        }
    }

    /// The files go with their last reader. Says whether there is one to wait
    /// for.
    pub(crate) fn abandon(&self) -> bool {
        let repository = lock(&self.repository);
        if let Some(repository) = &*repository {
            repository.supersede();
        }
        repository.is_some()
    }

    pub(crate) async fn fetch(
        self: &Arc<Self>,
        request: &GitRequest,
        key: &MirrorKey,
        target: &Target,
        url: Url,
    ) -> Result<FetchOutcome, Failure> {
        if let Target::Commit { id, .. } = target
            && let Some(outcome) = self
                .settled(request, key, &target.resolve(&[])?, id)
                .await?
        {
            return Ok(outcome);
        }
        let client = self.client(request)?;
        let http = HttpTransport::new(
            client,
            url,
            &request.credentials,
            request.limits.max_redirects,
        )?;
        let mut transport = Transport::Http(http);
        let max_bytes = request.limits.max_references_bytes;
        let advertisement = protocol::advertise(&mut transport, max_bytes).await?;
        let remote = Remote {
            transport,
            advertisement,
            limits: request.limits.clone(),
        };
        let resolved = remote.resolve(target).await?;
        if let Some(outcome) = self
            .settled(request, key, &resolved, &resolved.commit)
            .await?
        {
            return Ok(outcome);
        }
        self.transfer(request, key, target, &remote, &resolved)
            .await
    }

    /// The outcome if nothing has to be transferred: the caller knows the
    /// revision, or the commit is here already.
    async fn settled(
        self: &Arc<Self>,
        request: &GitRequest,
        key: &MirrorKey,
        resolved: &Resolved,
        commit: &ObjectId,
    ) -> Result<Option<FetchOutcome>, Failure> {
        let revision = revision(resolved);
        if request.known.as_ref() == Some(&revision) {
            return Ok(Some(FetchOutcome::Unchanged { revision }));
        }
        let mirror = self.clone();
        let id = *commit;
        let repository = blocking(move || {
            let existing = mirror.existing().ok().flatten();
            Ok(existing.filter(|one| !one.is_worn() && one.has_tip(&id)))
        })
        .await?;
        let Some(repository) = repository else {
            return Ok(None);
        };
        let present = Present {
            repository,
            received_bytes: 0,
        };
        // A mirror that turns out broken is made afresh by the transfer.
        Ok(self.outcome(request, key, resolved, present).await.ok())
    }

    /// Brings the commit over. What is broken here is made afresh once.
    async fn transfer(
        self: &Arc<Self>,
        request: &GitRequest,
        key: &MirrorKey,
        target: &Target,
        remote: &Remote,
        resolved: &Resolved,
    ) -> Result<FetchOutcome, Failure> {
        let mirror = self.clone();
        let existing = blocking(move || {
            let existing = mirror.existing().ok().flatten();
            Ok(existing.filter(|one| !one.is_worn() && !one.tips().is_empty()))
        })
        .await?;
        if let Some(repository) = existing {
            match self.bring(remote, target, resolved, &repository).await {
                Ok(present) => {
                    let outcome = self.outcome(request, key, resolved, present).await;
                    if !matches!(&outcome, Err(failure) if failure.kind == FetchErrorKind::Storage)
                    {
                        return outcome;
                    }
                    tracing::warn!(mirror = key.as_str(), "broken Git mirror, making it afresh");
                }
                Err(failure) if may_be_ours(&failure) => {
                    tracing::warn!(
                        mirror = key.as_str(),
                        cause = failure.cause,
                        "incremental fetch failed, making the Git mirror afresh"
                    );
                }
                Err(failure) => return Err(failure),
            }
        }
        let repository = self.fresh().await?;
        let present = self.bring(remote, target, resolved, &repository).await?;
        let outcome = self.outcome(request, key, resolved, present).await?;
        self.swap(repository);
        Ok(outcome)
    }

    async fn bring(
        self: &Arc<Self>,
        remote: &Remote,
        target: &Target,
        resolved: &Resolved,
        repository: &Arc<Repository>,
    ) -> Result<Present, Failure> {
        let request = PackRequest {
            wants: vec![resolved.want],
            ..repository.known()
        };
        let received_bytes = match remote.pack(&request, resolved, repository).await {
            Err(failure) if refuses_commit(&failure, target) => {
                remote.whole_history(target, resolved, repository).await?
            }
            outcome => outcome?,
        };
        Ok(Present {
            repository: repository.clone(),
            received_bytes,
        })
    }

    async fn outcome(
        self: &Arc<Self>,
        request: &GitRequest,
        key: &MirrorKey,
        resolved: &Resolved,
        present: Present,
    ) -> Result<FetchOutcome, Failure> {
        let folders = self.folders.clone();
        let limits = request.limits.clone();
        let id = resolved.commit;
        let (commit, tree): (Commit, Arc<dyn FileTree>) = blocking(move || {
            let (commit, root) = commit::read(&present.repository, &id)?;
            let tree = GitTree::new(present.repository, folders, root, &limits);
            count_entries(&tree, limits.max_tree_entries)?;
            Ok((commit, Arc::new(tree) as Arc<dyn FileTree>))
        })
        .await?;
        Ok(FetchOutcome::Fetched(Fetched {
            revision: revision(resolved),
            commit,
            tree,
            mirror: key.clone(),
            received_bytes: present.received_bytes,
        }))
    }

    /// The repository that is there, opened once.
    pub(crate) fn existing(&self) -> io::Result<Option<Arc<Repository>>> {
        let mut slot = lock(&self.repository);
        if slot.is_none() {
            *slot = Repository::open_newest(&self.folder)?;
        }
        Ok(slot.clone())
    }

    async fn fresh(self: &Arc<Self>) -> Result<Arc<Repository>, Failure> {
        let mirror = self.clone();
        blocking(move || {
            Repository::create(&mirror.folder)
                .map_err(|error| Failure::storage("the mirror", error))
        })
        .await
    }

    fn swap(&self, repository: Arc<Repository>) {
        repository.adopt();
        let old = lock(&self.repository).replace(repository);
        if let Some(old) = old {
            old.supersede();
        }
    }

    fn client(&self, request: &GitRequest) -> Result<reqwest::Client, Failure> {
        let mut slot = lock(&self.client);
        if let Some(client) = &*slot {
            return Ok(client.clone());
        }
        let client = http::client(request)?;
        *slot = Some(client.clone());
        Ok(client)
    }
}

fn revision(resolved: &Resolved) -> Revision {
    Revision::git(resolved.name.as_deref(), &resolved.commit.to_string())
}

pub(crate) fn count_entries(tree: &GitTree, max_entries: u64) -> Result<(), Failure> {
    enum Stop {
        Over,
        Tree(TreeError),
    }
    impl From<TreeError> for Stop {
        fn from(error: TreeError) -> Self {
            Stop::Tree(error)
        }
    }
    let mut count = 0;
    let walked = walk::<Stop>(tree, &TreePath::root(), &mut |_, _| {
        count += 1;
        if count > max_entries {
            return Err(Stop::Over);
        }
        Ok(())
    });
    match walked {
        Ok(()) => Ok(()),
        Err(Stop::Over) => Err(Failure::limit(
            "the number of files and folders",
            max_entries,
        )),
        Err(Stop::Tree(error @ TreeError::OverLimit { .. })) => {
            Err(Failure::new(FetchErrorKind::Limit, error.to_string()))
        }
        Err(Stop::Tree(error)) if tree.blames_mirror() => {
            Err(Failure::storage("the mirror", error))
        }
        Err(Stop::Tree(error)) => Err(Failure::protocol(error.to_string())),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
