//! Bringing commits from a remote into a repository.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gix_hash::ObjectId;

use super::protocol::{self, Advertisement, History, PackRequest};
use super::reference::{Resolved, Target};
use super::repository::{Parents, Repository, Tip};
use super::transport::{SERVER_SAYS, Transport};
use crate::GitLimits;
use crate::error::{Failure, FetchErrorKind};

/// A remote that has said what it can.
pub(crate) struct Remote {
    pub transport: Transport,
    pub advertisement: Advertisement,
    pub limits: GitLimits,
}

impl Remote {
    pub(crate) async fn resolve(&self, target: &Target) -> Result<Resolved, Failure> {
        if matches!(target, Target::Commit { .. }) {
            return target.resolve(&[]);
        }
        let max_bytes = self.limits.max_references_bytes;
        let references =
            protocol::list_references(&self.transport, &self.advertisement, target, max_bytes)
                .await?;
        target.resolve(&references)
    }

    /// Receives one pack, files it and notes the commit.
    pub(crate) async fn pack(
        &self,
        request: &PackRequest,
        resolved: &Resolved,
        repository: &Arc<Repository>,
    ) -> Result<u64, Failure> {
        let storage = |error: io::Error| Failure::storage("the mirror", error);
        let max_bytes = self.limits.max_pack_bytes;
        let mut stream =
            protocol::fetch(&self.transport, &self.advertisement, request, max_bytes).await?;
        let mut arrival = repository.arrival().map_err(storage)?;
        while let Some(bytes) = stream.next().await? {
            arrival.write_all(&bytes).map_err(storage)?;
        }
        let parents = match stream.shallow.contains(&resolved.commit) {
            true => Parents::Missing,
            false => Parents::Present,
        };
        let tip = Tip {
            id: resolved.commit,
            parents,
        };
        self.file(repository.clone(), arrival, tip).await?;
        Ok(stream.received_bytes())
    }

    async fn file(
        &self,
        repository: Arc<Repository>,
        arrival: tempfile::NamedTempFile,
        tip: Tip,
    ) -> Result<(), Failure> {
        let guard = CancelOnDrop(Arc::default());
        let cancelled = guard.0.clone();
        let max_object_bytes = usize::try_from(self.limits.max_pack_bytes).unwrap_or(usize::MAX);
        blocking(move || {
            repository.install(arrival.path(), max_object_bytes, &cancelled)?;
            if !repository.contains(&tip.id) {
                return Err(Failure::protocol(format!(
                    "the server's pack lacks the commit {}",
                    tip.id
                )));
            }
            let added = repository.add_tip(tip);
            added.map_err(|error| Failure::storage("the mirror", error))
        })
        .await
    }

    /// For servers that give no commit by its id: everything that the branch
    /// (or any reference) reaches, among which the commit must be.
    pub(crate) async fn whole_history(
        &self,
        target: &Target,
        resolved: &Resolved,
        repository: &Arc<Repository>,
    ) -> Result<u64, Failure> {
        let max_bytes = self.limits.max_references_bytes;
        let references =
            protocol::list_references(&self.transport, &self.advertisement, target, max_bytes)
                .await?;
        let mut wants: Vec<ObjectId> = references
            .iter()
            .filter(|one| is_history(&one.name, target))
            .map(|one| one.id)
            .collect();
        wants.sort_unstable();
        wants.dedup();
        if wants.is_empty() {
            return Err(target.unknown());
        }
        let request = PackRequest {
            wants,
            history: History::Full,
            ..PackRequest::default()
        };
        match self.pack(&request, resolved, repository).await {
            Err(failure)
                if failure.kind == FetchErrorKind::Protocol
                    && !repository.contains(&resolved.commit) =>
            {
                Err(target.unknown())
            }
            outcome => outcome,
        }
    }
}

/// Tells work on another thread to stop when the waiting future is dropped.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn is_history(name: &str, target: &Target) -> bool {
    match target {
        Target::Commit {
            branch: Some(branch),
            ..
        } => name.strip_prefix("refs/heads/") == Some(branch),
        _ => name.starts_with("refs/heads/") || name.starts_with("refs/tags/"),
    }
}

/// Whether a server declines to give a commit by its id.
pub(crate) fn refuses_commit(failure: &Failure, target: &Target) -> bool {
    matches!(target, Target::Commit { .. })
        && failure.kind == FetchErrorKind::Protocol
        && failure.cause.starts_with(SERVER_SAYS)
}

/// Whether a failed incremental fetch may be the mirror's fault.
pub(crate) fn may_be_ours(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FetchErrorKind::Protocol | FetchErrorKind::Storage
    )
}

/// Runs blocking work; a panic there is a failure here.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Failure::storage("the mirror", error)),
    }
}
