//! Conditions and events of repositories.

use super::act::Stored;
use super::decide::{Cure, Place, Trouble};
use crate::context::Context;
use crate::machine::{Next, ObjectKey};
use crate::outcome::Ended;
use crate::status::{self, News, StatusError};
use trueup_kinds::condition_type::{
    ARTIFACT_IN_STORAGE, ARTIFACT_OUTDATED, FETCH_FAILED, READY, STORAGE_OPERATION_FAILED,
};
use trueup_kinds::{Artifact, GitRepository, KindError, Severity, message, reason};
use trueup_object::Text;
use trueup_source::{ArtifactRecord, Commit};

/// The artifact is the newest; says so where the status does not yet.
pub(super) async fn stored(
    context: &Context,
    key: &ObjectKey,
    before: &GitRepository,
    stored: &Stored,
) -> Result<Ended, StatusError> {
    let now = context.clock.now();
    let new = match stored {
        Stored::New(new) => Some(artifact(&new.record)),
        Stored::Unchanged => None,
    };
    let after = status::change(context, key, &|repository: &mut GitRepository| {
        acknowledge(repository);
        let status = &mut repository.status;
        if let Some(new) = &new
            && status.artifact.as_ref().is_none_or(|old| differs(old, new))
        {
            status.artifact = Some(new.clone());
        }
        status.observed_ignore = repository.spec.ignore.clone();
        let revision = status
            .artifact
            .as_ref()
            .map(|it| it.revision.clone())
            .unwrap_or_default();
        let text = message::stored_artifact(&revision);
        status
            .conditions
            .change(repository.metadata.generation, now)
            .ready(reason::SUCCEEDED, &text)
            .set_true(ARTIFACT_IN_STORAGE, reason::SUCCEEDED, &text)
            .remove(FETCH_FAILED)
            .remove(STORAGE_OPERATION_FAILED)
            .remove(ARTIFACT_OUTDATED);
    })
    .await?;
    announce(context, key, before, &after, stored);
    Ok(Ended::success(Next::Interval))
}

fn differs(old: &Artifact, new: &Artifact) -> bool {
    old.revision != new.revision
        || old.digest != new.digest
        || old.path != new.path
        || old.url != new.url
}

/// Tells of a new artifact, or that what failed works again.
fn announce(
    context: &Context,
    key: &ObjectKey,
    before: &GitRepository,
    after: &GitRepository,
    stored: &Stored,
) {
    let identity = |it: &GitRepository| {
        it.status
            .artifact
            .as_ref()
            .map(|it| (it.revision.clone(), it.digest.clone()))
    };
    let recovered = before.status.conditions.is_false(READY);
    let (reason, text) = match stored {
        Stored::New(new) if identity(before) != identity(after) => (
            reason::NEW_ARTIFACT,
            message::stored_artifact_for_commit(&new.commit.subject),
        ),
        _ if recovered => (
            reason::SUCCEEDED,
            message::stored_artifact(&revision_of(after)),
        ),
        _ => return,
    };
    let mut report = context.report_about(key, Severity::Info, reason, text);
    if let Some(artifact) = &after.status.artifact {
        report.revision = Some(artifact.revision.clone());
        report
            .metadata
            .insert("digest".into(), artifact.digest.clone());
    }
    if let Stored::New(new) = stored {
        add_commit(&mut report.metadata, &new.commit);
    }
    context.publish(key, report);
}

fn revision_of(repository: &GitRepository) -> Text {
    repository
        .status
        .artifact
        .as_ref()
        .map(|it| it.revision.clone())
        .unwrap_or_default()
}

fn add_commit(metadata: &mut std::collections::BTreeMap<Text, Text>, commit: &Commit) {
    metadata
        .entry("author".into())
        .or_insert_with(|| commit.author_name.as_str().into());
    metadata
        .entry("subject".into())
        .or_insert_with(|| commit.subject.as_str().into());
}

fn artifact(record: &ArtifactRecord) -> Artifact {
    let metadata = record.metadata.iter();
    Artifact {
        path: record.path.as_str().into(),
        url: record.url.as_str().into(),
        revision: record.revision.as_str().into(),
        digest: record.digest.as_str().into(),
        last_update_time: record.last_update_time,
        size: record.size_bytes.and_then(|size| i64::try_from(size).ok()),
        metadata: metadata
            .map(|(key, text)| (key.as_str().into(), text.as_str().into()))
            .collect(),
    }
}

/// The status is about this generation, and the request is handled.
fn acknowledge(repository: &mut GitRepository) {
    repository.status.observed_generation = repository.metadata.generation;
    if let Some(asked) = repository.metadata.requested_at() {
        repository.status.last_handled_reconcile_at = Some(asked.into());
    }
}

/// Something failed: says so, and when it is tried again.
pub(super) async fn trouble(
    context: &Context,
    key: &ObjectKey,
    trouble: &Trouble,
) -> Result<Ended, StatusError> {
    let before: GitRepository = status::read(context, key)?;
    let now = context.clock.now();
    let kind = match trouble.place {
        Place::Fetch => FETCH_FAILED,
        Place::Storage => STORAGE_OPERATION_FAILED,
    };
    status::change(context, key, &|repository: &mut GitRepository| {
        acknowledge(repository);
        let generation = repository.metadata.generation;
        let mut change = repository.status.conditions.change(generation, now);
        change.set_true(kind, trouble.reason, &trouble.message);
        match trouble.cure {
            Cure::Retry => change.failed(trouble.reason, &trouble.message),
            Cure::Specification => change.stalled(trouble.reason, &trouble.message),
        };
    })
    .await?;
    tell_once(context, key, &before, trouble.reason, &trouble.message);
    Ok(match trouble.cure {
        Cure::Retry => Ended::failed(Next::Backoff, trouble.message.clone()),
        Cure::Specification => Ended::failed(Next::Never, trouble.message.clone()),
    })
}

/// A failure is told when it is new; that it goes on, the condition shows.
fn tell_once(context: &Context, key: &ObjectKey, before: &GitRepository, reason: &str, text: &str) {
    let told = before.status.conditions.get(READY);
    if told.is_some_and(|ready| ready.reason == reason && ready.message == text) {
        return;
    }
    let mut report = context.report_about(key, Severity::Error, reason, text);
    report.error = Some(text.into());
    context.publish(key, report);
}

/// The object asks for what is not served.
pub(super) async fn refused(
    context: &Context,
    key: &ObjectKey,
    text: &str,
) -> Result<Ended, StatusError> {
    let refusal = Trouble {
        reason: reason::FIELD_NOT_SERVED,
        message: text.to_owned(),
        place: Place::Fetch,
        cure: Cure::Specification,
    };
    trouble(context, key, &refusal).await
}

/// The object can't be read as its kind: its condition says it, and an event
/// where that is new or could not be written.
pub(super) async fn unreadable(context: &Context, key: &ObjectKey, error: &KindError) -> Ended {
    let text = error.to_string();
    let marked = status::mark_unreadable::<GitRepository>(context, key, error).await;
    if !matches!(marked, Ok(News::Known)) {
        let mut report = context.report_about(key, Severity::Error, reason::FAILED, text.as_str());
        report.error = Some(text.as_str().into());
        context.publish(key, report);
    }
    Ended::failed(status::next_of_unreadable(&marked), text)
}
