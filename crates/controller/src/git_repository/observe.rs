//! What a run needs to know: the specification, the Secret, what is stored.

use super::decide::Trouble;
use crate::context::Context;
use crate::live::{self, Subject};
use crate::machine::ObjectKey;
use crate::objects::decoded_data;
use std::collections::BTreeSet;
use trueup_kinds::{Artifact, GitRepository, UnservedField, reason, unserved_fields};
use trueup_object::{GroupVersionKind, ObjectRef, Text};
use trueup_source::{ArtifactRecord, Credentials, GitReference, GitRequest};

/// The fields of the object that are not served.
pub(super) fn unserved(context: &Context, key: &ObjectKey) -> Vec<UnservedField> {
    context
        .objects
        .get(key)
        .map(|object| unserved_fields(object.value()))
        .unwrap_or_default()
}

/// What to ask of the remote.
pub(super) async fn request(
    context: &Context,
    key: &ObjectKey,
    repository: &GitRepository,
) -> Result<GitRequest, Trouble> {
    let spec = &repository.spec;
    Ok(GitRequest {
        reference: reference(repository),
        credentials: credentials(context, key, repository).await?,
        timeout_ms: u64::try_from(spec.timeout_or_default().as_millis()).unwrap_or(u64::MAX),
        known: known(context, repository).await,
        ..GitRequest::new(&spec.url)
    })
}

fn reference(repository: &GitRepository) -> GitReference {
    let given = repository.spec.reference_or_default();
    let text = |text: Option<Text>| text.filter(|it| !it.is_empty()).map(String::from);
    GitReference {
        commit: text(given.commit),
        name: text(given.name),
        semver: text(given.semver),
        tag: text(given.tag),
        branch: text(given.branch),
        ..GitReference::default()
    }
}

/// The revision that need not be fetched again: it is stored, and what it
/// was made with has not changed.
async fn known(context: &Context, repository: &GitRepository) -> Option<trueup_artifact::Revision> {
    let status = &repository.status;
    let artifact = status.artifact.as_ref()?;
    if status.observed_ignore != repository.spec.ignore {
        return None;
    }
    let stored = context.storage.holds(&record(artifact)).await;
    stored.then(|| artifact.revision.parse().ok()).flatten()
}

/// The stored artifact that a status speaks of.
pub(crate) fn record(artifact: &Artifact) -> ArtifactRecord {
    let metadata = artifact.metadata.iter();
    ArtifactRecord {
        path: artifact.path.to_string(),
        url: artifact.url.to_string(),
        revision: artifact.revision.to_string(),
        digest: artifact.digest.to_string(),
        last_update_time: artifact.last_update_time,
        size_bytes: artifact.size.and_then(|size| u64::try_from(size).ok()),
        metadata: metadata
            .map(|(key, text)| (key.to_string(), text.to_string()))
            .collect(),
    }
}

/// The Secret that the repository refers to is watched, so that another
/// password is tried as soon as it is there.
pub(super) fn subjects(context: &Context, repository: &GitRepository) -> BTreeSet<Subject> {
    secret_of(repository)
        .map(|secret| Subject::named(&context.session, secret))
        .into_iter()
        .collect()
}

fn secret_of(repository: &GitRepository) -> Option<ObjectRef> {
    Some(ObjectRef {
        kind: GroupVersionKind::new("v1", "Secret"),
        namespace: repository.metadata.namespace.clone(),
        name: repository.spec.secret_ref.as_ref()?.name.clone(),
    })
}

async fn credentials(
    context: &Context,
    key: &ObjectKey,
    repository: &GitRepository,
) -> Result<Credentials, Trouble> {
    let Some(secret) = secret_of(repository) else {
        return Ok(Credentials::default());
    };
    let trouble = |cause: &dyn std::fmt::Display| {
        let place = format!("{}/{}", secret.namespace, secret.name);
        Trouble::fetch(
            reason::AUTHENTICATION_FAILED,
            format!("failed to get secret '{place}': {cause}"),
        )
    };
    let object = live::look_up(context, &context.session, key, &secret)
        .await
        .map_err(|error| trouble(&error.message()))?;
    let data = decoded_data(object.value()).ok_or_else(|| trouble(&"its data is not base64"))?;
    let pairs = data
        .iter()
        .map(|(key, bytes)| (key.as_str(), bytes.as_slice()));
    Ok(Credentials::from_secret(pairs)?)
}
