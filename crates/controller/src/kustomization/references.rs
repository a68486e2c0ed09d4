//! The `ConfigMap`s and Secrets that `spec.postBuild.substituteFrom` names.

use super::failure::{Cure, Failure};
use super::memory::{Memory, lock};
use crate::context::Context;
use crate::live::{self, Sight, Subject, Viewer};
use crate::machine::ObjectKey;
use crate::objects::decoded_data;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use trueup_cluster::{ApiError, Form, LiveObject, Session};
use trueup_kinds::{Kustomization, SubstituteReference, reason};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value};
use trueup_render::{ReferencedVariables, Substitution, VariableSource};

/// The variables of a Kustomization, read. What they are read from is watched
/// from now on, so that a change of it makes work at once.
pub(super) async fn substitution(
    context: &Arc<Context>,
    key: &ObjectKey,
    kustomization: &Kustomization,
    memory: &Mutex<Memory>,
) -> Result<Option<Substitution>, Failure> {
    for reference in referenced(kustomization) {
        let subject = Subject::named(reader(context), reference);
        live::track_also(context, key, &subject).await;
    }
    let Some(post_build) = &kustomization.spec.post_build else {
        return Ok(None);
    };
    let mut variables = Vec::new();
    for reference in &post_build.substitute_from {
        variables.extend(read(context, key, kustomization, reference, memory).await?);
    }
    let strictness = context.settings.substitutions;
    Substitution::of(post_build, &variables, strictness)
        .map(Some)
        .map_err(|error| Failure::new(reason::BUILD_FAILED, error.to_string(), Cure::Retry))
}

/// The watches that the references of a Kustomization need.
pub(super) fn subjects(context: &Context, kustomization: &Kustomization) -> BTreeSet<Subject> {
    let references = referenced(kustomization).into_iter();
    references
        .map(|reference| Subject::named(reader(context), reference))
        .collect()
}

fn referenced(kustomization: &Kustomization) -> BTreeSet<ObjectRef> {
    let post_build = kustomization.spec.post_build.iter();
    post_build
        .flat_map(|it| &it.substitute_from)
        .map(|reference| object_of(kustomization, reference))
        .collect()
}

/// References never leave the Kustomization's namespace.
fn object_of(kustomization: &Kustomization, reference: &SubstituteReference) -> ObjectRef {
    ObjectRef {
        kind: GroupVersionKind::new("v1", &reference.kind),
        namespace: kustomization.metadata.namespace.clone(),
        name: reference.name.clone(),
    }
}

/// As whom references are read: the controller, as in Flux, whoever the
/// objects are applied as.
fn reader(context: &Context) -> &Session {
    &context.session
}

/// The variables of one reference; none where it is optional and missing.
async fn read(
    context: &Context,
    key: &ObjectKey,
    kustomization: &Kustomization,
    reference: &SubstituteReference,
    memory: &Mutex<Memory>,
) -> Result<Option<ReferencedVariables>, Failure> {
    let wanted = object_of(kustomization, reference);
    let found = find(context, key, &wanted)
        .await
        .map_err(|error| unreadable(reference, error.message(), cure_of(&error)))?;
    let version = found.as_ref().map(|it| it.resource_version().clone());
    lock(memory).reads_input(&wanted, version);
    match found {
        Some(object) => variables(reference, object.value()).map(Some),
        None if reference.optional => Ok(None),
        None => {
            let cause = format!(
                "{}s {:?} not found",
                reference.kind.to_lowercase(),
                reference.name
            );
            Err(unreadable(reference, &cause, Cure::Retry))
        }
    }
}

/// What the watch has shown, else what the cluster says.
async fn find(
    context: &Context,
    key: &ObjectKey,
    wanted: &ObjectRef,
) -> Result<Option<LiveObject>, ApiError> {
    let session = reader(context);
    let viewer = Viewer::new(session, key);
    if let Sight::Seen(object) = context.live.find(&viewer, wanted) {
        return Ok(Some(object));
    }
    let found = session.find(wanted, Form::Full).await?;
    if let Some(object) = &found {
        live::answered(context, &viewer, object);
    }
    Ok(found)
}

fn cure_of(error: &ApiError) -> Cure {
    if error.is_transient() {
        Cure::Soon
    } else {
        Cure::Retry
    }
}

fn unreadable(reference: &SubstituteReference, cause: &str, cure: Cure) -> Failure {
    let SubstituteReference { kind, name, .. } = reference;
    let text = format!("post build failed: substitute from '{kind}/{name}' error: {cause}");
    Failure::new(reason::BUILD_FAILED, text, cure)
}

fn variables(
    reference: &SubstituteReference,
    object: &Value,
) -> Result<ReferencedVariables, Failure> {
    let name = reference.name.clone();
    if reference.kind == "Secret" {
        let pairs = decoded_data(object)
            .ok_or_else(|| unreadable(reference, "its data is not base64", Cure::Retry))?;
        return Ok(ReferencedVariables {
            source: VariableSource::Secret(name),
            pairs,
        });
    }
    let texts = object
        .get("data")
        .and_then(Value::as_map)
        .into_iter()
        .flatten();
    let pairs = texts.map(|(key, text)| {
        let text: Text = text.as_str().unwrap_or_default().into();
        (key.clone(), text.as_bytes().to_vec())
    });
    Ok(ReferencedVariables {
        source: VariableSource::ConfigMap(name),
        pairs: pairs.collect(),
    })
}
