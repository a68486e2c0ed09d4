//! The variables of `spec.postBuild`, read from the cluster.

use super::{Failure, said};
use trueup_cluster::{Form, Session};
use trueup_kinds::{Kustomization, SubstituteReference};
use trueup_object::{GroupVersionKind, ObjectRef};
use trueup_render::{ReferenceError, ReferencedVariables, Strictness, Substitution, Variables};

/// All variables of a Kustomization, as the controllers put them in.
pub async fn of(session: &Session, kustomization: &Kustomization) -> Result<Variables, Failure> {
    let Some(post_build) = &kustomization.spec.post_build else {
        return Ok(Variables::new());
    };
    let referenced = referenced(session, kustomization).await?;
    Substitution::of(post_build, &referenced, Strictness::default())
        .map(|substitution| substitution.variables)
        .map_err(said)
}

/// What `substituteFrom` leads to, in order.
pub async fn referenced(
    session: &Session,
    kustomization: &Kustomization,
) -> Result<Vec<ReferencedVariables>, Failure> {
    let post_build = kustomization.spec.post_build.iter();
    let mut found = Vec::new();
    for reference in post_build.flat_map(|it| &it.substitute_from) {
        found.extend(read(session, kustomization, reference).await?);
    }
    Ok(found)
}

async fn read(
    session: &Session,
    kustomization: &Kustomization,
    reference: &SubstituteReference,
) -> Result<Option<ReferencedVariables>, Failure> {
    let object = ObjectRef {
        kind: GroupVersionKind::new("v1", &reference.kind),
        namespace: kustomization.metadata.namespace.clone(),
        name: reference.name.clone(),
    };
    match session.get(&object, Form::Full).await {
        Ok(live) => ReferencedVariables::of(reference, live.value())
            .map(Some)
            .map_err(said),
        Err(error) if error.is_not_found() && reference.optional => Ok(None),
        Err(error) => Err(said(ReferenceError::new(reference, &error.message()))),
    }
}
