//! The four kinds of patches.

use super::decode;
use super::key_count::has_duplicates;
use super::options::FieldValidation;
use super::prepare;
use super::status::{ApiError, Cause};
use super::versions::ResourceVersions;
use super::write::Call;
use trueup_object::{Value, from_json, from_yaml};
use trueup_schema::{
    ApplyError, ApplyInput, Conflict, Force, JsonPatchError, StrategicError, apply, json_patch,
    merge_patch, strategic_merge,
};

/// A patch, read.
pub(super) enum Patch {
    Json(Value),
    Merge(Value),
    Strategic(Value),
    Apply { applied: Value },
}

impl Patch {
    pub(super) fn read(call: &Call<'_>) -> Result<Self, ApiError> {
        let body = &call.operation.body;
        match call.operation.content_type.as_str() {
            "application/json-patch+json" => read_json_patch(body),
            "application/merge-patch+json" => {
                let patch = read_json(body)?;
                if patch.as_map().is_none() && !patch.is_null() {
                    return Err(ApiError::bad_request(not_a_map(&patch)));
                }
                Ok(Self::Merge(patch))
            }
            "application/strategic-merge-patch+json" if call.resource.custom.is_none() => {
                let patch = read_json(body)?;
                if patch.as_map().is_none() && !patch.is_null() {
                    return Err(ApiError::bad_request(not_a_map(&patch)));
                }
                Ok(Self::Strategic(patch))
            }
            "application/apply-patch+yaml" => read_apply(call),
            _ => Err(unsupported(call)),
        }
    }

    /// The live object with the patch, decoded as the kind.
    pub(super) fn onto(&self, call: &mut Call<'_>, live: &Value) -> Result<Value, ApiError> {
        let patched = match self {
            Self::Apply { applied } => return apply_to(call, Some(live), applied),
            Self::Merge(patch) => merge_patch(live, patch),
            Self::Json(patch) => {
                json_patch(live, patch).map_err(|error| json_patch_error(&error))?
            }
            Self::Strategic(patch) => {
                let typ = call
                    .resource
                    .typ
                    .as_ref()
                    .ok_or_else(|| unsupported(call))?;
                strategic_merge(live, patch, typ).map_err(|error| strategic_error(&error))?
            }
        };
        self.decode(call, patched)
    }

    fn decode(&self, call: &mut Call<'_>, patched: Value) -> Result<Value, ApiError> {
        let refused = |why: String| {
            let shown = match self {
                Self::Strategic(patch) => go_map(patch),
                Self::Apply { .. } | Self::Json(_) | Self::Merge(_) => {
                    super::go_text::object(&patched)
                }
            };
            let why = if matches!(self, Self::Strategic(_)) {
                unrestorable(&why)
            } else {
                why
            };
            ApiError::invalid(
                "",
                "",
                "",
                vec![Cause::invalid("patch", format!("{shown:?}"), &why)],
            )
        };
        let decoded = decode::decode(call.resource, patched.clone()).map_err(&refused)?;
        match call.options.field_validation {
            FieldValidation::Strict if !decoded.unknown.is_empty() => {
                return Err(refused(format!(
                    "strict decoding error: {}",
                    decoded.unknown.join(", ")
                )));
            }
            FieldValidation::Warn => call.warnings.extend(decoded.unknown),
            _ => {}
        }
        check_identity(call, &decoded.object)?;
        Ok(decoded.object)
    }
}

/// What the converter from trees says where the decoder from text says that
/// it can't unmarshal.
fn unrestorable(why: &str) -> String {
    let parts = why
        .strip_prefix("json: cannot unmarshal ")
        .and_then(|rest| rest.split_once(" into Go "))
        .and_then(|(found, rest)| Some((found, rest.rsplit_once(" of type ")?.1)));
    match parts {
        Some((found, wanted)) if wanted.starts_with("[]") => {
            format!(
                "cannot restore slice from {}",
                if found == "object" { "map" } else { found }
            )
        }
        Some((found, wanted)) if wanted.starts_with("v1.") => {
            format!("cannot restore struct from: {found}")
        }
        _ => why.to_owned(),
    }
}

/// A patch can't move an object.
fn check_identity(call: &Call<'_>, object: &Value) -> Result<(), ApiError> {
    let name = object.str_at(&["metadata", "name"]).unwrap_or("");
    if name != call.operation.name {
        let message = if name.is_empty() {
            "name must be provided".to_owned()
        } else {
            format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                call.operation.name
            )
        };
        return Err(ApiError::bad_request(message));
    }
    let namespace = object.str_at(&["metadata", "namespace"]).unwrap_or("");
    if namespace != call.operation.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

fn unsupported(call: &Call<'_>) -> ApiError {
    let _ = call;
    ApiError::unsupported_media_type("415: Unsupported Media Type")
        .with_details(super::status::Details::default())
}

fn read_json(body: &[u8]) -> Result<Value, ApiError> {
    from_json(body)
        .map_err(|error| ApiError::bad_request(super::body::syntax(body, &error.message)))
}

fn not_a_map(patch: &Value) -> String {
    let found = match patch {
        Value::List(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        _ => "number",
    };
    format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")
}

fn read_json_patch(body: &[u8]) -> Result<Patch, ApiError> {
    let patch = from_json(body).map_err(|error| {
        ApiError::bad_request(format!(
            "error decoding patch: {}",
            super::body::syntax(body, &error.message)
        ))
    })?;
    if patch.as_list().is_none() {
        let found = if patch.as_map().is_some() {
            "object"
        } else {
            "value"
        };
        let message = format!(
            "error decoding patch: json: cannot unmarshal {found} into Go value of type []handlers.jsonPatchOp"
        );
        return Err(ApiError::bad_request(message));
    }
    Ok(Patch::Json(patch))
}

fn json_patch_error(error: &JsonPatchError) -> ApiError {
    match error {
        JsonPatchError::Malformed(_) => ApiError::bad_request(error.to_string()),
        JsonPatchError::TooMany(_) => {
            ApiError::new(413, "RequestEntityTooLarge", error.to_string())
        }
        JsonPatchError::Failed { .. } => ApiError::new(
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
        )
        .with_details(super::status::Details::default()),
    }
}

fn strategic_error(error: &StrategicError) -> ApiError {
    match error {
        StrategicError::BadRequest(message) => ApiError::bad_request(*message),
        StrategicError::Unprocessable(message) => ApiError::new(422, "Invalid", *message),
        StrategicError::Internal(message) => ApiError::internal(message.clone()),
    }
}

fn read_apply(call: &Call<'_>) -> Result<Patch, ApiError> {
    let mut applied = read_configuration(&call.operation.body)?;
    if applied.as_map().is_none() {
        return Err(ApiError::bad_request(
            "error decoding YAML: the patch is no object",
        ));
    }
    match applied.str_at(&["metadata", "name"]) {
        None | Some("") => {
            let message = format!(
                "the name of the object ({} based on URL) was undeterminable: name must be provided",
                call.operation.name
            );
            return Err(ApiError::bad_request(message));
        }
        Some(name) if name != call.operation.name => {
            let message = format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                call.operation.name
            );
            return Err(ApiError::bad_request(message));
        }
        Some(_) => {}
    }
    if !call.resource.namespaced {
        applied.remove_at(&["metadata", "namespace"]);
    }
    let given = applied.str_at(&["metadata", "namespace"]).unwrap_or("");
    if !given.is_empty() && given != call.operation.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if given.is_empty() {
        applied.remove_at(&["metadata", "namespace"]);
    }
    Ok(Patch::Apply { applied })
}

/// Reads a configuration as YAML. Most are JSON, which is the same read
/// faster; what is wrong with one the reader of YAML says.
fn read_configuration(body: &[u8]) -> Result<Value, ApiError> {
    if body.first() == Some(&b'{')
        && let Ok(value) = from_json(body)
        && !has_duplicates(body, &value)
    {
        return Ok(value);
    }
    from_yaml(&String::from_utf8_lossy(body))
        .map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}")))
}

/// Applies to nothing: the object to be made.
pub(super) fn apply_new(call: &mut Call<'_>, applied: &Value) -> Result<Value, ApiError> {
    if let Some(uid) = applied
        .str_at(&["metadata", "uid"])
        .filter(|uid| !uid.is_empty())
    {
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        return Err(call.conflict(&call.operation.name, &why));
    }
    let mut object = apply_to(call, None, applied)?;
    if !call.operation.namespace.is_empty() {
        object.set_at(
            &["metadata", "namespace"],
            call.operation.namespace.clone().into(),
        );
    }
    Ok(object)
}

fn apply_to(call: &mut Call<'_>, live: Option<&Value>, applied: &Value) -> Result<Value, ApiError> {
    let typ = call.resource.typ.clone().ok_or_else(|| unsupported(call))?;
    let result = apply(&ApplyInput {
        live,
        applied,
        typ: &typ,
        manager: &call.options.manager,
        api_version: &call.api_version(),
        subresource: call.operation.subresource_name(),
        force: if call.options.force {
            Force::Yes
        } else {
            Force::No
        },
        reset: prepare::reset_fields(call.resource, call.target),
        now: &call.time(),
        versions: &ResourceVersions(call.resource),
    })
    .map_err(|error| apply_error(&error))?;
    let mut object = result.object;
    let managed = object.remove_at(&["metadata", "managedFields"]);
    let mut decoded = decode::decode_applied(call.resource, object)
        .map_err(|why| ApiError::internal(not_convertible(applied, &why)))?;
    if let Some(managed) = managed {
        decoded.set_at(&["metadata", "managedFields"], managed);
    }
    Ok(decoded)
}

/// What is said of an applied object whose values don't fit the kind.
fn not_convertible(applied: &Value, why: &str) -> String {
    let gvk = trueup_object::GroupVersionKind::of(applied);
    let kind = gvk
        .map(|gvk| format!("{}/{}, Kind={}", gvk.group, gvk.version, gvk.kind))
        .unwrap_or_default();
    let place = |key| applied.str_at(&["metadata", key]).unwrap_or("");
    let (namespace, name) = (place("namespace"), place("name"));
    let why = if why.starts_with("illegal base64") {
        format!("error decoding from json: {why}")
    } else {
        why.to_owned()
    };
    format!(
        "failed to convert new object ({namespace}/{name}; {kind}) to proper version: unable to convert unstructured object to {kind}: {why}"
    )
}

/// The answer to an apply that fails.
pub(super) fn apply_error(error: &ApplyError) -> ApiError {
    match error {
        ApplyError::Conflicts(conflicts) => {
            let causes = conflicts.iter().map(conflict_cause).collect();
            ApiError::new(409, "Conflict", error.to_string()).with_details(super::status::Details {
                causes,
                ..Default::default()
            })
        }
        ApplyError::BadRequest(message) => ApiError::bad_request(message.clone()),
        ApplyError::Internal(message) => ApiError::internal(message.clone()),
    }
}

fn conflict_cause(conflict: &Conflict) -> Cause {
    Cause::new(
        "FieldManagerConflict",
        conflict.path.to_string(),
        conflict.message(),
    )
}

/// A tree as Go prints a `map[string]interface{}`.
fn go_map(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::String(text) => text.to_string(),
        Value::List(list) => format!(
            "[{}]",
            list.iter().map(go_map).collect::<Vec<_>>().join(" ")
        ),
        Value::Map(map) => {
            let entries: Vec<_> = map
                .iter()
                .map(|(key, value)| format!("{key}:{}", go_map(value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}
