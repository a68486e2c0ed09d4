//! The `scale` subresource: an object's replicas as a body of their own. Who
//! owns the replicas is the same seen through either.

use super::Core;
use super::body;
use super::change::change;
use super::conditions;
use super::outcome::{Answer, Outcome};
use super::patch::Patch;
use super::read;
use super::registry::Resource;
use super::request::{Identity, Operation, Verb};
use super::status::{ApiError, Cause};
use super::store::Stored;
use super::subresources::other;
use super::versions;
use super::write::{self, Call};
use jiff::Timestamp;
use std::sync::{Arc, LazyLock};
use trueup_object::{FieldPath, GroupVersionKind, Map, Selector, Text, Value, value};
use trueup_schema::{Schemas, decode_managed, encode_managed, parent_owners, scale_owners};

const GROUP: &str = "autoscaling";
const API_VERSION: &str = "autoscaling/v1";
const KIND: &str = "Scale";
const DEFINITION: &str = "io.k8s.api.autoscaling.v1.Scale";
/// What stands for replicas that an object does not have, so that a patch
/// which does not set them is told from one that sets 0.
const ABSENT_REPLICAS: i64 = i32::MIN as i64;

/// Where a kind keeps what its scale shows.
struct ScalePaths {
    replicas: Vec<String>,
    current: Vec<String>,
    selector: Option<Vec<String>>,
}

fn scale_paths(resource: &Resource) -> ScalePaths {
    let owned = |path: Vec<&str>| path.into_iter().map(str::to_owned).collect::<Vec<_>>();
    match &resource.custom {
        Some(custom) => ScalePaths {
            replicas: owned(custom.scale_path("specReplicasPath").unwrap_or_default()),
            current: owned(custom.scale_path("statusReplicasPath").unwrap_or_default()),
            selector: custom.scale_path("labelSelectorPath").map(owned),
        },
        None => ScalePaths {
            replicas: owned(vec!["spec", "replicas"]),
            current: owned(vec!["status", "replicas"]),
            selector: None,
        },
    }
}

fn at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    object.at(&path.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The scale of an object.
fn scale_of(resource: &Resource, object: &Value) -> Result<Value, ApiError> {
    let paths = scale_paths(resource);
    let replicas = at(object, &paths.replicas).and_then(Value::as_i64);
    if resource.custom.is_some() && replicas.is_none() {
        let message = format!(
            "Internal error occurred: the spec replicas field \".{}\" does not exist",
            paths.replicas.join(".")
        );
        let mut error = ApiError::new(500, "InternalError", message);
        let cause = format!(
            "the spec replicas field \".{}\" does not exist",
            paths.replicas.join(".")
        );
        error.details = Some(Box::new(super::status::Details {
            causes: vec![Cause::new("", "", cause)],
            ..Default::default()
        }));
        return Err(error);
    }
    let mut metadata = Map::new();
    for key in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(value) = object.at(&["metadata", key]) {
            metadata.insert(key, value.clone());
        }
    }
    let mut spec = Map::new();
    if let Some(replicas) = replicas.filter(|replicas| *replicas != 0) {
        spec.insert("replicas", replicas);
    }
    let current = at(object, &paths.current)
        .and_then(Value::as_i64)
        .unwrap_or(0);
    let mut scale = value!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": {"replicas": current},
    });
    let selector = match &paths.selector {
        Some(path) => at(object, path).and_then(Value::as_str).map(str::to_owned),
        None if resource.custom.is_none() => builtin_selector(object),
        None => None,
    };
    if let Some(selector) = selector.filter(|text| !text.is_empty()) {
        scale.set_at(&["status", "selector"], selector.into());
    }
    Ok(scale)
}

fn builtin_selector(object: &Value) -> Option<String> {
    let selector = object.at(&["spec", "selector"])?;
    if object.str_at(&["kind"]) == Some("ReplicationController") {
        let pairs = selector
            .as_map()?
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")));
        return Some(pairs.collect::<Vec<_>>().join(","));
    }
    Selector::from_label_selector(Some(selector))
        .ok()
        .map(|selector| selector.to_string())
}

/// GET, PUT and PATCH of a scale.
pub(super) fn scale(
    core: &Core,
    operation: &Operation,
    identity: &Identity,
    now: Timestamp,
) -> Result<Answer, ApiError> {
    let resource = &operation.resource;
    if operation.verb == Verb::Get {
        let stored = read::find(core.store(), operation)?;
        let object = versions::convert(
            stored.value(),
            &resource.api_version(),
            resource.custom.as_deref(),
        );
        let scale = scale_of(resource, &object)?;
        return Ok(other(operation, scale, stored.revision));
    }
    let row = Arc::new(scale_row(resource));
    let mut of_scale = Call::new(core, operation, identity, now)?;
    of_scale.resource = &row;
    let sent = Sent::read(&mut of_scale)?;
    let mut call = Call::new(core, operation, identity, now)?;
    call.warnings = std::mem::take(&mut of_scale.warnings);
    let answer = write_scale(call, of_scale, &sent)?;
    let Outcome::Object { object, .. } = &answer.outcome else {
        return Ok(answer);
    };
    let scale = scale_of(resource, object.value())?;
    Ok(Answer {
        warnings: answer.warnings,
        ..other(operation, scale, answer.revision)
    })
}

/// The row of the kind of the body.
fn scale_row(resource: &Resource) -> Resource {
    static TYPE: LazyLock<Option<trueup_schema::Type>> =
        LazyLock::new(|| Schemas::builtin().type_for(&GroupVersionKind::new(API_VERSION, KIND)));
    Resource {
        group: GROUP.into(),
        version: "v1".into(),
        kind: KIND.into(),
        typ: TYPE.clone(),
        definition: DEFINITION,
        storage_version: "v1".into(),
        custom: None,
        ..resource.clone()
    }
}

/// A body of a write.
enum Sent {
    Whole(Value),
    Patch(Patch),
}

impl Sent {
    fn read(call: &mut Call<'_>) -> Result<Self, ApiError> {
        if call.operation.verb != Verb::Update {
            return Ok(Self::Patch(Patch::read(call)?));
        }
        let body = body::read_object(call.operation, KIND)?;
        let mut sent = write::decode_body(call, body)?;
        let operation = call.operation;
        body::check_place(
            &mut sent,
            call.resource,
            &operation.namespace,
            &operation.name,
        )?;
        Ok(Self::Whole(sent))
    }

    /// The new scale, with its owners.
    fn onto(&self, call: &mut Call<'_>, live: &Value) -> Result<Value, ApiError> {
        match self {
            Self::Whole(sent) => Ok(write::track(call, Some(live), sent)),
            Self::Patch(patch) => {
                let new = patch.onto(call, live)?;
                Ok(if patch.applied().is_some() {
                    new
                } else {
                    write::track(call, Some(live), &new)
                })
            }
        }
    }
}

fn write_scale(call: Call<'_>, of_scale: Call<'_>, sent: &Sent) -> Result<Answer, ApiError> {
    let of_scale = std::cell::RefCell::new(of_scale);
    change(call, |call, live, seen| {
        let mut of_scale = of_scale.borrow_mut();
        of_scale.warnings.clear();
        let old = old_scale(call.resource, seen)?;
        let new = sent.onto(&mut of_scale, &old)?;
        call.warnings.extend(of_scale.warnings.iter().cloned());
        refuse_conversion(call, sent, &old, &new)?;
        check_preconditions(call, &new, live, seen)?;
        let replicas = new.i64_at(&["spec", "replicas"]).unwrap_or(0);
        check_replicas(call, replicas)?;
        let mut object = seen.clone();
        let path = scale_paths(call.resource).replicas;
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        object.set_at(&keys, replicas.into());
        give_owners(call.resource, &mut object, seen, &new);
        Ok(object)
    })
}

/// The scale of an object as writes see it: with the owners of the replicas.
fn old_scale(resource: &Resource, object: &Value) -> Result<Value, ApiError> {
    let paths = scale_paths(resource);
    let mut object = object.clone();
    if resource.custom.is_some()
        && at(&object, &paths.replicas)
            .and_then(Value::as_i64)
            .is_none()
    {
        let keys: Vec<&str> = paths.replicas.iter().map(String::as_str).collect();
        object.set_at(&keys, ABSENT_REPLICAS.into());
    }
    let mut scale = scale_of(resource, &object)?;
    let owners = decode_managed(&object).unwrap_or_default();
    encode_managed(&mut scale, scale_owners(&owners, &replicas_paths(resource)));
    Ok(scale)
}

/// Where each served version keeps the replicas.
fn replicas_paths(resource: &Resource) -> Vec<(Text, Option<FieldPath>)> {
    let path: FieldPath = scale_paths(resource)
        .replicas
        .iter()
        .map(|key| trueup_object::Segment::Key(key.as_str().into()))
        .collect();
    match &resource.custom {
        None => vec![(resource.api_version(), Some(path))],
        Some(custom) => custom
            .types
            .iter()
            .map(|(version, _)| {
                let version = body::api_version(&resource.group, version);
                (version, Some(path.clone()))
            })
            .collect(),
    }
}

fn give_owners(resource: &Resource, object: &mut Value, seen: &Value, scale: &Value) {
    let (Ok(parent), Ok(of_scale)) = (decode_managed(seen), decode_managed(scale)) else {
        return;
    };
    let owners = parent_owners(
        &parent,
        &of_scale,
        &resource.api_version(),
        &replicas_paths(resource),
    );
    encode_managed(object, owners);
}

/// The genuine server can't apply to the scale of a custom resource: it has
/// no way to make a scale of the merged object.
fn refuse_conversion(
    call: &Call<'_>,
    sent: &Sent,
    old: &Value,
    new: &Value,
) -> Result<(), ApiError> {
    let is_apply = matches!(sent, Sent::Patch(patch) if patch.applied().is_some());
    if call.resource.custom.is_none() || !is_apply || without_owners(old) == without_owners(new) {
        return Ok(());
    }
    let name = &call.operation.name;
    Err(ApiError::internal(format!(
        "failed to convert new object (/{name}; {API_VERSION}, Kind={KIND}) to proper version: request to convert CR to an invalid group/version: {API_VERSION}"
    )))
}

fn without_owners(scale: &Value) -> Value {
    let mut scale = scale.clone();
    scale.remove_at(&["metadata", "managedFields"]);
    scale
}

/// The version and the uid that a scale names must be those of the object;
/// it need not name any.
fn check_preconditions(
    call: &Call<'_>,
    scale: &Value,
    live: &Stored,
    seen: &Value,
) -> Result<(), ApiError> {
    let version = scale.str_at(&["metadata", "resourceVersion"]).unwrap_or("");
    if !version.is_empty() {
        conditions::check_version(call, scale, live)?;
    }
    conditions::check_uid(call, scale, seen)
}

fn check_replicas(call: &Call<'_>, replicas: i64) -> Result<(), ApiError> {
    if replicas >= 0 {
        return Ok(());
    }
    let name = &call.operation.name;
    let Some(custom) = &call.resource.custom else {
        let detail = "must be greater than or equal to 0";
        let cause = Cause::invalid("spec.replicas", replicas, detail);
        return Err(ApiError::invalid(GROUP, KIND, name, vec![cause]));
    };
    let field = custom
        .version
        .str_at(&["subresources", "scale", "specReplicasPath"])
        .unwrap_or("");
    if replicas == ABSENT_REPLICAS {
        return Err(ApiError::bad_request(format!(
            "the spec replicas field {field:?} cannot be empty"
        )));
    }
    let cause = Cause::invalid(field, replicas, "should be a non-negative integer");
    Err(ApiError::invalid(
        &call.resource.group,
        &call.resource.kind,
        name,
        vec![cause],
    ))
}
