//! Fetching, storing, and clearing up.

use super::decide::Trouble;
use crate::context::Context;
use crate::machine::{Next, ObjectKey};
use crate::outcome::Ended;
use crate::status::{self, StatusError};
use trueup_kinds::{GitRepository, Severity, reason};
use trueup_source::{
    ArtifactOwner, ArtifactRecord, Commit, FetchOutcome, Fetched, GitRequest, Origin, Publication,
};

/// What a fetch came to.
#[derive(Debug)]
pub(super) enum Stored {
    /// The stored artifact is still the newest.
    Unchanged,
    /// There is another one.
    New(Box<NewArtifact>),
}

/// An artifact that was stored just now.
#[derive(Debug)]
pub(super) struct NewArtifact {
    pub record: ArtifactRecord,
    pub commit: Commit,
}

pub(super) async fn fetch_and_store(
    context: &Context,
    repository: &GitRepository,
    request: GitRequest,
) -> Result<Stored, Trouble> {
    let fetched = match context.fetch.fetch(&request).await? {
        FetchOutcome::Unchanged { .. } => return Ok(Stored::Unchanged),
        FetchOutcome::Fetched(fetched) => fetched,
    };
    let commit = fetched.commit.clone();
    let record = context
        .storage
        .publish(publication(context, repository, fetched))
        .await?;
    collect_garbage(context, repository, &record).await;
    Ok(Stored::New(Box::new(NewArtifact { record, commit })))
}

fn publication(context: &Context, repository: &GitRepository, fetched: Fetched) -> Publication {
    Publication {
        owner: owner(&repository.metadata.namespace, &repository.metadata.name),
        revision: fetched.revision,
        tree: fetched.tree,
        ignore: repository.spec.ignore.as_ref().map(ToString::to_string),
        origin: Some(Origin {
            mirror: fetched.mirror,
            commit: fetched.commit.id,
        }),
        metadata: Default::default(),
        now: context.clock.now(),
    }
}

fn owner(namespace: &str, name: &str) -> ArtifactOwner {
    ArtifactOwner::git_repository(namespace, name)
}

/// Old artifacts that can't be removed cost space, nothing else.
async fn collect_garbage(context: &Context, repository: &GitRepository, current: &ArtifactRecord) {
    let owner = owner(&repository.metadata.namespace, &repository.metadata.name);
    if let Err(error) = context
        .storage
        .collect_garbage(&owner, current, context.clock.now())
        .await
    {
        tracing::warn!(%error, "old artifacts not removed");
    }
}

/// Removes the artifacts, then lets the object go.
pub(super) async fn finalize(context: &Context, key: &ObjectKey) -> Result<Ended, StatusError> {
    if let Err(error) = context
        .storage
        .remove(&owner(&key.namespace, &key.name))
        .await
    {
        let message = format!("garbage collection for deleted resource failed: {error}");
        let report = context.report_about(
            key,
            Severity::Error,
            reason::GARBAGE_COLLECTION_FAILED,
            message.as_str(),
        );
        context.publish(key, report);
        return Ok(Ended::failed(Next::Backoff, message));
    }
    status::remove_finalizer::<GitRepository>(context, key).await?;
    Ok(Ended::success(Next::Never))
}
