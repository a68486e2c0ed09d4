//! The variables of `spec.postBuild`, read from the cluster.

use super::{Failure, said};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use trueup_cluster::{Form, Session};
use trueup_kinds::{Kustomization, SubstituteReference};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value};
use trueup_render::{ReferencedVariables, Strictness, Substitution, VariableSource, Variables};

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
    let live = match session.find(&object, Form::Full).await? {
        Some(live) => live,
        None if reference.optional => return Ok(None),
        None => return Err(said(format!("substituteFrom: {object} not found"))),
    };
    let data = live.value().get("data").and_then(Value::as_map);
    let texts = data.into_iter().flat_map(|map| map.iter());
    let pairs = texts.filter_map(|(name, text)| Some((name.clone(), text.as_str()?)));
    if reference.kind == "Secret" {
        let pairs: Result<Vec<(Text, Vec<u8>)>, Failure> = pairs
            .map(|(name, text)| decoded(&object, name, text))
            .collect();
        return Ok(Some(ReferencedVariables {
            source: VariableSource::Secret(reference.name.clone()),
            pairs: pairs?,
        }));
    }
    Ok(Some(ReferencedVariables {
        source: VariableSource::ConfigMap(reference.name.clone()),
        pairs: pairs.map(|(name, text)| (name, text.into())).collect(),
    }))
}

fn decoded(object: &ObjectRef, name: Text, text: &str) -> Result<(Text, Vec<u8>), Failure> {
    match BASE64_STANDARD.decode(text) {
        Ok(bytes) => Ok((name, bytes)),
        Err(_) => Err(said(format!(
            "substituteFrom: {object}: data of {name} is no base64"
        ))),
    }
}
