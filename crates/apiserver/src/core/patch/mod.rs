//! The four kinds of patches.

mod json_patch_body;

use super::body;
use super::decode::{self, Decoded};
use super::key_count::has_duplicates;
use super::options::FieldValidation;
use super::reset_fields::reset_fields;
use super::status::{ApiError, Cause};
use super::versions::ResourceVersions;
use super::write::Call;
use trueup_object::{GroupVersionKind, Value, from_json};
use trueup_schema::{
    ApplyError, ApplyInput, Conflict, Force, JsonPatchError, StrategicError, apply, json_patch,
    merge_patch, strategic_merge,
};

/// A patch, read.
pub(super) struct Patch {
    form: Form,
    /// What strict decoding says of the text of the patch.
    complaints: Vec<String>,
}

enum Form {
    Json(Value),
    Merge(Value),
    Strategic(Value),
    Apply(Value),
}

impl Patch {
    pub(super) fn read(call: &Call<'_>) -> Result<Self, ApiError> {
        match call.operation.content_type.as_str() {
            "application/json-patch+json" => json_patch_body::read(call),
            "application/merge-patch+json" => read_merge(call),
            "application/strategic-merge-patch+json" if call.resource.custom.is_none() => {
                read_strategic(call)
            }
            "application/apply-patch+yaml" => read_apply(call),
            _ => Err(unsupported(call)),
        }
    }

    /// What is applied, if the patch is an apply.
    pub(super) fn applied(&self) -> Option<&Value> {
        match &self.form {
            Form::Apply(applied) => Some(applied),
            _ => None,
        }
    }

    /// The live object with the patch, decoded as the kind.
    pub(super) fn onto(&self, call: &mut Call<'_>, live: &Value) -> Result<Value, ApiError> {
        match &self.form {
            Form::Apply(applied) => {
                let object = apply_to(call, Some(live), applied)?;
                self.complain_of_apply(call)?;
                check_identity(call, object)
            }
            Form::Merge(patch) => self.decode(call, merge_patch(live, patch)),
            Form::Json(patch) => {
                let patched = json_patch(live, patch).map_err(|error| json_patch_error(&error))?;
                self.decode(call, patched)
            }
            Form::Strategic(patch) => {
                let typ = call
                    .resource
                    .typ
                    .as_ref()
                    .ok_or_else(|| unsupported(call))?;
                let mut patched =
                    strategic_merge(live, patch, typ).map_err(|error| strategic_error(&error))?;
                // What the object is the reader knows beforehand.
                patched.set_at(&["apiVersion"], call.api_version().into());
                patched.set_at(&["kind"], call.resource.kind.clone().into());
                self.decode(call, patched)
            }
        }
    }

    /// Applies to nothing: the object to be made.
    pub(super) fn onto_nothing(&self, call: &mut Call<'_>) -> Result<Value, ApiError> {
        let Form::Apply(applied) = &self.form else {
            return Err(call.not_found());
        };
        let object = apply_to(call, None, applied)?;
        self.complain_of_apply(call)?;
        if let Some(uid) = applied
            .str_at(&["metadata", "uid"])
            .filter(|uid| !uid.is_empty())
        {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            return Err(call.conflict(&call.operation.name, &why));
        }
        check_identity(call, object)
    }

    /// Of a configuration strict decoding is told only when it was applied.
    fn complain_of_apply(&self, call: &mut Call<'_>) -> Result<(), ApiError> {
        match call.options.field_validation {
            FieldValidation::Strict if !self.complaints.is_empty() => {
                Err(ApiError::bad_request(format!(
                    "error strict decoding YAML: error converting YAML to JSON: {}",
                    body::yaml_complaint(&self.complaints)
                )))
            }
            FieldValidation::Warn => {
                call.warnings.extend(self.complaints.iter().cloned());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A patched object as the kind.
    fn decode(&self, call: &mut Call<'_>, patched: Value) -> Result<Value, ApiError> {
        let decoded = self
            .read_patched(call, patched.clone())
            .map_err(|why| self.refusal(&patched, &why))?;
        let complaints: Vec<String> = self
            .complaints
            .iter()
            .cloned()
            .chain(decoded.unknown)
            .collect();
        match call.options.field_validation {
            FieldValidation::Strict if !complaints.is_empty() => {
                let why = format!("strict decoding error: {}", complaints.join(", "));
                return Err(self.refusal(&patched, &why));
            }
            FieldValidation::Warn => call.warnings.extend(complaints),
            _ => {}
        }
        check_identity(call, decoded.object)
    }

    fn read_patched(&self, call: &Call<'_>, mut patched: Value) -> Result<Decoded, String> {
        if matches!(self.form, Form::Strategic(_)) {
            return decode::decode_restored(call.resource, patched);
        }
        body::check_shape(&patched)?;
        body::check_patched_kind(&mut patched, call.resource)?;
        decode::decode(call.resource, patched)
    }

    /// The answer to a patch whose result can't be read.
    fn refusal(&self, patched: &Value, why: &str) -> ApiError {
        let shown = match &self.form {
            Form::Strategic(patch) => go_map(patch),
            _ => super::go_text::object(patched),
        };
        let cause = Cause::invalid("patch", format!("{shown:?}"), why);
        ApiError::invalid("", "", "", vec![cause])
    }
}

/// A patch can't move an object.
fn check_identity(call: &Call<'_>, mut object: Value) -> Result<Value, ApiError> {
    let operation = call.operation;
    body::check_namespace(&mut object, call.resource, &operation.namespace)?;
    body::check_name(&object, &operation.name)?;
    Ok(object)
}

fn unsupported(call: &Call<'_>) -> ApiError {
    if call.resource.custom.is_some() {
        return ApiError::unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        );
    }
    ApiError::unsupported_media_type("415: Unsupported Media Type")
        .with_details(super::status::Details::default())
}

fn read_merge(call: &Call<'_>) -> Result<Patch, ApiError> {
    const BAD: &str = "Invalid JSON Patch";
    let text = &call.operation.body;
    let is_strict = call.options.field_validation != FieldValidation::Ignore;
    let decoding = |why: String| {
        if is_strict {
            ApiError::bad_request(format!("error decoding patch: {why}"))
        } else {
            ApiError::bad_request(BAD)
        }
    };
    let patch = read_json(text).map_err(decoding)?;
    if patch.is_null() {
        return Err(ApiError::bad_request(BAD));
    }
    if patch.as_map().is_none() && is_strict {
        return Err(decoding(not_a_map(&patch)));
    }
    Ok(Patch {
        complaints: duplicates(text, &patch),
        form: Form::Merge(patch),
    })
}

fn read_strategic(call: &Call<'_>) -> Result<Patch, ApiError> {
    let text = &call.operation.body;
    let patch = read_json(text).map_err(ApiError::bad_request)?;
    let patch = match patch {
        Value::Null => Value::map(),
        Value::Map(_) => patch,
        other => return Err(ApiError::bad_request(not_a_map(&other))),
    };
    Ok(Patch {
        complaints: duplicates(text, &patch),
        form: Form::Strategic(patch),
    })
}

fn duplicates(text: &[u8], patch: &Value) -> Vec<String> {
    if has_duplicates(text, patch) {
        super::strict::duplicates(text)
    } else {
        Vec::new()
    }
}

fn read_json(text: &[u8]) -> Result<Value, String> {
    from_json(text).map_err(|error| body::syntax(text, &error.message))
}

fn not_a_map(patch: &Value) -> String {
    format!(
        "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
        body::json_kind(patch)
    )
}

fn json_patch_error(error: &JsonPatchError) -> ApiError {
    match error {
        JsonPatchError::Malformed(_) => ApiError::bad_request(error.to_string()),
        JsonPatchError::TooMany(_) => ApiError::new(
            413,
            "RequestEntityTooLarge",
            format!("Request entity too large: {error}"),
        ),
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

/// Reads a configuration: YAML, in which whole numbers are floats of 64 bits.
fn read_apply(call: &Call<'_>) -> Result<Patch, ApiError> {
    let (mut applied, complaints) = read_configuration(&call.operation.body)?;
    body::round_numbers(&mut applied);
    let given = GroupVersionKind::new(
        applied.str_at(&["apiVersion"]).unwrap_or(""),
        applied.str_at(&["kind"]).unwrap_or(""),
    );
    check_applied_kind(call, &given)?;
    if applied
        .at(&["metadata", "managedFields"])
        .is_some_and(Value::is_null)
    {
        applied.remove_at(&["metadata", "managedFields"]);
    }
    Ok(Patch {
        form: Form::Apply(applied),
        complaints,
    })
}

/// What is applied must say that it is what the path holds.
fn check_applied_kind(call: &Call<'_>, given: &GroupVersionKind) -> Result<(), ApiError> {
    let wanted = GroupVersionKind::new(&call.api_version(), &call.resource.kind);
    if *given == wanted {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "invalid object type: {}/{}, Kind={}",
        given.group, given.version, given.kind
    )))
}

/// Reads a configuration and what strict decoding says of it. Most are JSON,
/// which is the same read faster.
fn read_configuration(text: &[u8]) -> Result<(Value, Vec<String>), ApiError> {
    if text.first() == Some(&b'{')
        && let Ok(value) = from_json(text)
        && !has_duplicates(text, &value)
    {
        return Ok((value, Vec::new()));
    }
    let refuse = |why: String| ApiError::bad_request(format!("error decoding YAML: {why}"));
    let (value, complaints) = body::read_yaml(&String::from_utf8_lossy(text))
        .map_err(|why| refuse(format!("error converting YAML to JSON: {why}")))?;
    match value {
        Value::Map(_) => Ok((value, complaints)),
        Value::Null => Ok((Value::map(), complaints)),
        other => Err(refuse(format!(
            "error unmarshaling JSON: while decoding JSON: {}",
            not_a_map(&other)
        ))),
    }
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
        reset: reset_fields(
            call.resource,
            call.target,
            call.operation.subresource_name(),
        ),
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
    let gvk = GroupVersionKind::of(applied);
    let kind = gvk
        .map(|gvk| format!("{}/{}, Kind={}", gvk.group, gvk.version, gvk.kind))
        .unwrap_or_default();
    let place = |key| applied.str_at(&["metadata", key]).unwrap_or("");
    let (namespace, name) = (place("namespace"), place("name"));
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
