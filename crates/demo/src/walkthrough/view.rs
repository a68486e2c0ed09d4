//! What a person would look up in the cluster, as answers to questions.

use trueup_cluster::{Form, LiveObject, Scope, Session};
use trueup_object::{GroupVersionKind, ObjectRef, Value};

/// A Kustomization in `flux-system`.
pub fn kustomization(name: &str) -> ObjectRef {
    object(
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        "flux-system",
        name,
    )
}

/// A Deployment.
pub fn deployment(namespace: &str, name: &str) -> ObjectRef {
    object("apps/v1", "Deployment", namespace, name)
}

/// A Service.
pub fn service(namespace: &str, name: &str) -> ObjectRef {
    object("v1", "Service", namespace, name)
}

/// A ConfigMap.
pub fn config_map(namespace: &str, name: &str) -> ObjectRef {
    object("v1", "ConfigMap", namespace, name)
}

/// Any object.
pub fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        kind: GroupVersionKind::new(api_version, kind),
        namespace: namespace.into(),
        name: name.into(),
    }
}

/// The object, which must be there.
pub async fn live(session: &Session, object: &ObjectRef) -> Result<LiveObject, String> {
    session
        .get(object, Form::Full)
        .await
        .map_err(|error| error.to_string())
}

/// The object must not be there.
pub async fn gone(session: &Session, object: &ObjectRef) -> Result<(), String> {
    match session.find(object, Form::Metadata).await {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(format!("{object} is still there")),
        Err(error) => Err(error.to_string()),
    }
}

/// The status and message of an object's Ready condition for its newest generation.
pub async fn ready(session: &Session, object: &ObjectRef) -> Result<(String, String), String> {
    let live = live(session, object).await?;
    let value = live.value();
    if value.i64_at(&["status", "observedGeneration"]) != Some(live.generation()) {
        return Err(format!("{object} has not been looked at yet"));
    }
    let condition = value
        .at(&["status", "conditions"])
        .and_then(Value::as_list)
        .and_then(|list| {
            list.iter()
                .find(|condition| condition.str_at(&["type"]) == Some("Ready"))
        })
        .ok_or_else(|| format!("{object} has no Ready condition yet"))?;
    let text = |key: &str| condition.str_at(&[key]).unwrap_or_default().to_owned();
    Ok((text("status"), text("message")))
}

/// A Kustomization must be Ready at a commit.
pub async fn applied(session: &Session, name: &str, commit: &str) -> Result<(), String> {
    let reference = kustomization(name);
    let (status, message) = ready(session, &reference).await?;
    let live = live(session, &reference).await?;
    let revision = live
        .value()
        .str_at(&["status", "lastAppliedRevision"])
        .unwrap_or("none")
        .to_owned();
    if status == "True" && revision.ends_with(commit) {
        return Ok(());
    }
    Err(format!(
        "Kustomization {name} is at {revision}, Ready={status}: {message}"
    ))
}

/// A Deployment must want and have this many ready replicas.
pub async fn replicas(
    session: &Session,
    object: &ObjectRef,
    count: i64,
) -> Result<LiveObject, String> {
    let live = live(session, object).await?;
    let number = |path: &[&str]| live.value().i64_at(path).unwrap_or(0);
    let (wanted, available) = (
        number(&["spec", "replicas"]),
        number(&["status", "readyReplicas"]),
    );
    if (wanted, available) == (count, count) {
        return Ok(live);
    }
    Err(format!(
        "{object} wants {wanted} replicas and has {available} ready, not {count}"
    ))
}

/// The message of an event of a Kustomization that holds every word.
pub async fn event(session: &Session, name: &str, words: &[&str]) -> Result<String, String> {
    let kind = GroupVersionKind::new("v1", "Event");
    let events = session
        .list(&kind, &Scope::namespace("flux-system"), Form::Full)
        .await
        .map_err(|error| error.to_string())?;
    let messages = events
        .objects
        .iter()
        .filter(|event| event.value().str_at(&["involvedObject", "name"]) == Some(name));
    messages
        .filter_map(|event| event.value().str_at(&["message"]).map(str::to_owned))
        .find(|message| words.iter().all(|word| message.contains(word)))
        .ok_or_else(|| format!("no event of {name} says {}", words.join(", ")))
}
