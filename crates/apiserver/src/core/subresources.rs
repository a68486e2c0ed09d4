//! Scale and binding: bodies of another kind that read or write an
//! object.

use super::Core;
use super::body;
use super::change::change;
use super::outcome::{Answer, Outcome};
use super::patch;
use super::prepare;
use super::read;
use super::registry::Resource;
use super::request::{Identity, Operation, Verb};
use super::status::{ApiError, Cause};
use super::versions;
use super::write::{self, Call};
use jiff::Timestamp;
use trueup_object::{Map, Selector, Value, from_json, value};
use trueup_schema::{json_patch, merge_patch, strategic_merge};

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
    let call = Call::new(core, operation, identity, now)?;
    let answer = if operation.content_type == "application/apply-patch+yaml" {
        apply_scale(call)?
    } else {
        write_scale(call)?
    };
    let Outcome::Object { object, .. } = &answer.outcome else {
        return Ok(answer);
    };
    let scale = scale_of(resource, object.value())?;
    Ok(Answer {
        warnings: answer.warnings,
        ..other(operation, scale, answer.revision)
    })
}

fn other(operation: &Operation, value: Value, revision: u64) -> Answer {
    let outcome = Outcome::Other {
        subresource: operation.subresource.clone(),
        value,
    };
    Answer {
        code: 200,
        warnings: Vec::new(),
        outcome,
        revision,
    }
}

fn write_scale(call: Call<'_>) -> Result<Answer, ApiError> {
    let operation = call.operation;
    let sent = if operation.verb == Verb::Update {
        let mut sent = body::read_object(operation, "Scale")?.value;
        if sent.get("apiVersion").is_none() {
            sent.set_at(&["apiVersion"], "autoscaling/v1".into());
        }
        if sent.get("kind").is_none() {
            sent.set_at(&["kind"], "Scale".into());
        }
        body::check_place(
            &mut sent,
            &operation.resource,
            &operation.namespace,
            &operation.name,
        )?;
        Some(sent)
    } else {
        None
    };
    change(call, |call, live, seen| {
        let scale = match &sent {
            Some(sent) => sent.clone(),
            None => patched_scale(call, &scale_of(call.resource, seen)?)?,
        };
        let version = scale.str_at(&["metadata", "resourceVersion"]).unwrap_or("");
        if !version.is_empty() && version.parse() != Ok(live.revision) {
            let why = "the object has been modified; please apply your changes to the latest version and try again";
            return Err(call.conflict(&call.operation.name, why));
        }
        let replicas = scale.i64_at(&["spec", "replicas"]).unwrap_or(0);
        check_replicas(call, replicas)?;
        let mut new = seen.clone();
        let path = scale_paths(call.resource).replicas;
        new.set_at(
            &path.iter().map(String::as_str).collect::<Vec<_>>(),
            replicas.into(),
        );
        Ok(write::track(call, Some(seen), &new))
    })
}

fn check_replicas(call: &Call<'_>, replicas: i64) -> Result<(), ApiError> {
    if replicas >= 0 {
        return Ok(());
    }
    let name = &call.operation.name;
    Err(match &call.resource.custom {
        Some(custom) => {
            let field = custom
                .version
                .str_at(&["subresources", "scale", "specReplicasPath"])
                .unwrap_or("");
            let cause = Cause::invalid(field, replicas, "should be a non-negative integer");
            ApiError::invalid(&call.resource.group, &call.resource.kind, name, vec![cause])
        }
        None => {
            let cause = Cause::invalid(
                "spec.replicas",
                replicas,
                "must be greater than or equal to 0",
            );
            ApiError::invalid("autoscaling", "Scale", name, vec![cause])
        }
    })
}

fn patched_scale(call: &Call<'_>, scale: &Value) -> Result<Value, ApiError> {
    let text = &call.operation.body;
    let patch = from_json(text)
        .map_err(|error| ApiError::bad_request(body::syntax(text, &error.message)))?;
    let patched = match call.operation.content_type.as_str() {
        "application/json-patch+json" => json_patch(scale, &patch).map_err(|_| {
            ApiError::new(
                422,
                "Invalid",
                "the server rejected our request due to an error in our request",
            )
            .with_details(super::status::Details::default())
        })?,
        "application/strategic-merge-patch+json" => {
            let kind = trueup_object::GroupVersionKind::new("autoscaling/v1", "Scale");
            match trueup_schema::Schemas::builtin().type_for(&kind) {
                Some(typ) => strategic_merge(scale, &patch, &typ)
                    .map_err(|error| ApiError::internal(error.to_string()))?,
                None => merge_patch(scale, &patch),
            }
        }
        _ => merge_patch(scale, &patch),
    };
    match patched.at(&["spec", "replicas"]) {
        None | Some(Value::Null | Value::Integer(_)) => Ok(patched),
        Some(_) => {
            let shown = super::go_text::object(&patched);
            let detail = "json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32";
            Err(ApiError::invalid(
                "",
                "",
                "",
                vec![Cause::invalid("patch", format!("{shown:?}"), detail)],
            ))
        }
    }
}

/// An apply to a scale is an apply of the replicas to the object.
fn apply_scale(call: Call<'_>) -> Result<Answer, ApiError> {
    let patch::Patch::Apply { applied } = patch::Patch::read(&call)? else {
        return Err(ApiError::unsupported_media_type(
            "415: Unsupported Media Type",
        ));
    };
    let path = scale_paths(call.resource).replicas;
    let mut object = value!({
        "apiVersion": (call.api_version()), "kind": (call.resource.kind.clone()), "metadata": {"name": (call.operation.name.clone())},
    });
    if let Some(replicas) = applied.at(&["spec", "replicas"]) {
        object.set_at(
            &path.iter().map(String::as_str).collect::<Vec<_>>(),
            replicas.clone(),
        );
    }
    let patch = patch::Patch::Apply { applied: object };
    change(call, |call, _, seen| {
        // A Scale of none shows no replicas: to apply none is a change.
        let mut without = seen.clone();
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        if without.i64_at(&keys) == Some(0) {
            without.remove_at(&keys);
        }
        let mut new = patch.onto(call, &without)?;
        if call.resource.custom.is_some() {
            let name = &call.operation.name;
            return Err(ApiError::internal(format!(
                "failed to convert new object (/{name}; autoscaling/v1, Kind=Scale) to proper version: request to convert CR to an invalid group/version: autoscaling/v1"
            )));
        }
        prepare::for_update(call, &mut new, seen);
        Ok(write::without_scale_times(new))
    })
}

/// POST of a binding: the pod gets its node.
pub(super) fn bind(
    core: &Core,
    operation: &Operation,
    identity: &Identity,
    now: Timestamp,
) -> Result<Answer, ApiError> {
    let binding = body::read_object(operation, "Binding")?.value;
    let node = binding.str_at(&["target", "name"]).unwrap_or("").to_owned();
    let call = Call {
        target: prepare::Target::Other,
        ..plain(core, operation, identity, now)?
    };
    change(call, |call, _, seen| {
        if let Some(bound) = seen
            .str_at(&["spec", "nodeName"])
            .filter(|name| !name.is_empty())
        {
            let why = format!(
                "pod {} is already assigned to node {bound:?}",
                call.operation.name
            );
            return Err(call.conflict(&call.operation.name, &why));
        }
        let mut new = seen.clone();
        new.set_at(&["spec", "nodeName"], node.as_str().into());
        let mut conditions = new
            .at(&["status", "conditions"])
            .and_then(Value::as_list)
            .unwrap_or_default()
            .to_vec();
        conditions.retain(|condition| condition.str_at(&["type"]) != Some("PodScheduled"));
        conditions.push(value!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": (call.time())}));
        new.set_at(&["status", "conditions"], conditions.into());
        Ok(write::track(call, Some(seen), &new))
    })?;
    let mut answer = other(
        operation,
        value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
        0,
    );
    answer.code = 201;
    Ok(answer)
}

fn plain<'a>(
    core: &'a Core,
    operation: &'a Operation,
    identity: &'a Identity,
    now: Timestamp,
) -> Result<Call<'a>, ApiError> {
    Call::new(core, operation, identity, now)
}
