//! The variables of `spec.postBuild`, read from the cluster.

use super::{Failure, said};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::collections::BTreeMap;
use trueup_cluster::{Form, Session};
use trueup_object::{GroupVersionKind, ObjectRef, Value};

/// Where a variable comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The specification, or a `ConfigMap`.
    Open,
    /// A Secret: its value is shown to nobody who has not asked.
    Secret,
}

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its bytes, without newlines, as the controllers put it in.
    pub value: Vec<u8>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Variables by name; what is written in the specification wins, then what
/// comes later in `substituteFrom`.
pub async fn of(
    session: &Session,
    kustomization: &Value,
) -> Result<BTreeMap<String, Variable>, Failure> {
    let mut found = BTreeMap::new();
    let references = kustomization.at(&["spec", "postBuild", "substituteFrom"]);
    for reference in references.and_then(Value::as_list).unwrap_or_default() {
        found.extend(referenced(session, kustomization, reference).await?);
    }
    let inline = kustomization.at(&["spec", "postBuild", "substitute"]);
    found.extend(pairs(inline).map(|(name, text)| (name, variable(text.into(), Origin::Open))));
    Ok(found)
}

async fn referenced(
    session: &Session,
    kustomization: &Value,
    reference: &Value,
) -> Result<Vec<(String, Variable)>, Failure> {
    let text = |key: &str| reference.str_at(&[key]).unwrap_or_default();
    let namespace = kustomization.str_at(&["metadata", "namespace"]);
    let object = ObjectRef {
        kind: GroupVersionKind::new("v1", text("kind")),
        namespace: namespace.unwrap_or_default().into(),
        name: text("name").into(),
    };
    let is_optional = reference.get("optional").and_then(Value::as_bool) == Some(true);
    let live = match session.find(&object, Form::Full).await? {
        Some(live) => live,
        None if is_optional => return Ok(Vec::new()),
        None => return Err(said(format!("substituteFrom: {object} not found"))),
    };
    pairs(live.value().get("data"))
        .map(|(name, text)| match text_of(&object, &name, text) {
            Ok((bytes, origin)) => Ok((name, variable(bytes, origin))),
            Err(failure) => Err(failure),
        })
        .collect()
}

fn text_of(object: &ObjectRef, name: &str, text: &str) -> Result<(Vec<u8>, Origin), Failure> {
    if object.kind.kind != "Secret" {
        return Ok((text.into(), Origin::Open));
    }
    BASE64_STANDARD
        .decode(text)
        .map(|bytes| (bytes, Origin::Secret))
        .map_err(|_| {
            said(format!(
                "substituteFrom: {object}: data of {name} is no base64"
            ))
        })
}

fn variable(mut value: Vec<u8>, origin: Origin) -> Variable {
    value.retain(|byte| *byte != b'\n');
    Variable { value, origin }
}

fn pairs(map: Option<&Value>) -> impl Iterator<Item = (String, &str)> {
    let entries = map
        .and_then(Value::as_map)
        .into_iter()
        .flat_map(|map| map.iter());
    entries.filter_map(|(name, value)| Some((name.to_string(), value.as_str()?)))
}
