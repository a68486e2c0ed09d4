//! The `ConfigMap`s and Secrets that `spec.postBuild.substituteFrom` names.

use super::failure::{Cure, Failure};
use super::memory::{Memory, lock};
use crate::context::Context;
use crate::live::{self, Subject};
use crate::machine::ObjectKey;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use trueup_cluster::Session;
use trueup_kinds::{Kustomization, SubstituteReference, reason};
use trueup_object::{GroupVersionKind, ObjectRef};
use trueup_render::{ReferenceError, ReferencedVariables, Substitution};

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
    let found = live::look_up(context, reader(context), key, &wanted).await;
    let version = found.as_ref().map(|it| it.resource_version().clone());
    lock(memory).reads_input(&wanted, version.ok());
    match found {
        Ok(object) => ReferencedVariables::of(reference, object.value())
            .map(Some)
            .map_err(|error| failed(&error, Cure::Retry)),
        Err(error) if error.is_not_found() && reference.optional => Ok(None),
        Err(error) => {
            let cause = ReferenceError::new(reference, &error.message());
            Err(failed(&cause, Cure::of(&error)))
        }
    }
}

fn failed(error: &ReferenceError, cure: Cure) -> Failure {
    Failure::new(reason::BUILD_FAILED, error.to_string(), cure)
}
