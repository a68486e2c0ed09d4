//! Writing: create, update, patch, apply. One path for all: read what is
//! there, make what shall be, track owners, prepare, validate, allocate,
//! store.

use super::body::{self, Body};
use super::change::change;
use super::conditions::{check_uid, check_version};
use super::options::{FieldValidation, Keep, WriteOptions};
use super::outcome::{Answer, ObjectBody, Outcome};
use super::prepare::{self, Target};
use super::read;
use super::registry::Resource;
use super::request::{Identity, Operation, Verb};
use super::reset_fields::reset_fields;
use super::status::{ApiError, Cause};
use super::store::{ObjectKey, Refusal, Stored, Write};
use super::versions::{self, ResourceVersions};
use super::{Core, admission, decode, no_op, patch, validate};
use jiff::Timestamp;
use std::sync::Arc;
use trueup_object::{Text, Value};
use trueup_schema::{UpdateInput, create as track_create, update as track_update};

/// What is said to those who wrote on an older version.
pub(super) const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// One write in progress.
pub(super) struct Call<'a> {
    pub(super) core: &'a Core,
    pub(super) operation: &'a Operation,
    pub(super) resource: &'a Arc<Resource>,
    pub(super) identity: &'a Identity,
    pub(super) target: Target,
    pub(super) options: WriteOptions,
    pub(super) now: Timestamp,
    pub(super) warnings: Vec<String>,
    /// Whether a new Job took its labels from its template.
    pub(super) labels_of_template: bool,
    /// Set for an apply whose outcome is to be remembered if it is nothing.
    pub(super) request: Option<no_op::Request>,
    /// Looks at the result before it is kept.
    pub(super) guard: Option<Guard<'a>>,
}

/// Looks at what a write comes to, with the object before it, and may refuse
/// it.
pub type Guard<'a> = &'a dyn Fn(Option<&Value>, &Value) -> Result<(), ApiError>;

impl<'a> Call<'a> {
    pub(super) fn new(
        core: &'a Core,
        operation: &'a Operation,
        identity: &'a Identity,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let options = WriteOptions::read(operation)?;
        let target = Target::of(operation.subresource_name());
        Ok(Self {
            core,
            operation,
            resource: &operation.resource,
            identity,
            target,
            options,
            now,
            warnings: Vec::new(),
            labels_of_template: false,
            request: None,
            guard: None,
        })
    }

    /// Asks the guard, if there is one.
    pub(super) fn ask_guard(&self, live: Option<&Value>, new: &Value) -> Result<(), ApiError> {
        self.guard.map_or(Ok(()), |guard| guard(live, new))
    }

    /// The time as objects hold it.
    pub(super) fn time(&self) -> Text {
        time_text(self.now)
    }

    pub(super) fn api_version(&self) -> Text {
        self.resource.api_version()
    }

    pub(super) fn find(&self, namespace: &str, name: &str) -> Option<Arc<Stored>> {
        self.core
            .store()
            .get(&self.resource.group_resource(), namespace, name)
    }

    pub(super) fn not_found(&self) -> ApiError {
        ApiError::not_found(
            &self.resource.group,
            &self.resource.plural,
            &self.operation.name,
        )
    }

    pub(super) fn conflict(&self, name: &str, why: &str) -> ApiError {
        ApiError::conflict(&self.resource.group, &self.resource.plural, name, why)
            .with_warnings(&self.warnings)
    }

    pub(super) fn invalid(&self, object: &Value, causes: Vec<Cause>) -> ApiError {
        let name = object.str_at(&["metadata", "name"]).unwrap_or("");
        ApiError::invalid(&self.resource.group, &self.resource.kind, name, causes)
            .with_warnings(&self.warnings)
    }

    /// A stored object in the version of the request.
    pub(super) fn seen(&self, stored: &Stored) -> Value {
        versions::convert(
            stored.value(),
            &self.api_version(),
            self.resource.custom.as_deref(),
        )
    }
}

/// A time in RFC 3339, whole seconds, UTC.
#[must_use]
pub fn time_text(now: Timestamp) -> Text {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into()
}

/// POST to a collection.
pub(super) fn create(mut call: Call<'_>) -> Result<Answer, ApiError> {
    let body = body::read_object(call.operation, &call.resource.kind)?;
    let mut object = decode_body(&mut call, body)?;
    body::check_place(&mut object, call.resource, &call.operation.namespace, "")?;
    validate::admit_place(&call, object.str_at(&["metadata", "name"]).unwrap_or(""))?;
    insert(call, object)
}

/// Reads a body as the kind of the resource: defaults filled in, unknown
/// fields dropped, warned of or refused.
pub(super) fn decode_body(call: &mut Call<'_>, body: Body) -> Result<Value, ApiError> {
    let Body {
        mut value,
        duplicates,
        is_yaml,
    } = body;
    let resource = call.resource.clone();
    if resource.custom.is_some() {
        decode::check_type_meta(&value, &call.operation.body, &resource)?;
    }
    body::check_kind(
        &mut value,
        (&resource.group, &resource.version, &resource.kind),
        &resource,
    )?;
    let decoded = decode::decode(&resource, value).map_err(|why| {
        ApiError::bad_request(format!(
            "{} in version {:?} cannot be handled as a {}: {why}",
            resource.kind, resource.version, resource.kind
        ))
    })?;
    let text = &call.operation.body;
    // YAML is looked at as such first, and then the JSON that is made of it.
    let complaints = |of_yaml: Vec<String>| {
        if is_yaml {
            let mut unknown = decoded.unknown.clone();
            super::strict::sort_by_place(text, &mut unknown);
            [of_yaml, unknown].concat()
        } else {
            super::strict::joined(text, duplicates.clone(), decoded.unknown.clone())
        }
    };
    if decoded.unknown.is_empty() && duplicates.is_empty() {
        return Ok(decoded.object);
    }
    match call.options.field_validation {
        FieldValidation::Ignore => {}
        FieldValidation::Warn => {
            let complaints = complaints(duplicates.clone());
            call.warnings.extend(complaints);
        }
        FieldValidation::Strict => {
            let of_yaml = match duplicates.as_slice() {
                [] => Vec::new(),
                lines => vec![body::yaml_complaint(lines)],
            };
            return Err(ApiError::bad_request(format!(
                "{} in version {:?} cannot be handled as a {}: strict decoding error: {}",
                resource.kind,
                resource.version,
                resource.kind,
                complaints(of_yaml).join(", ")
            )));
        }
    }
    Ok(decoded.object)
}

/// Makes a new object of a decoded one.
pub(super) fn insert(mut call: Call<'_>, mut object: Value) -> Result<Answer, ApiError> {
    prepare::name(call.core, &mut object);
    let given_version = object.remove_at(&["metadata", "resourceVersion"]);
    prepare::created(&mut call, &mut object);
    prepare::drop_repeated_owners(&mut call, &mut object);
    prepare::reset_on_create(call.resource, &mut object);
    if call.operation.verb != Verb::Patch {
        object = track(&call, None, &object);
    }
    admission::admit(&call, &mut object, None)?;
    call.ask_guard(None, &object)?;
    prepare::for_create(&mut call, &mut object)?;
    let causes = validate::created(&call, &object);
    if !causes.is_empty() {
        return Err(call.invalid(&object, causes));
    }
    call.warnings
        .extend(super::warnings::of(call.resource, &object, None));
    if call.operation.verb != Verb::Patch
        && given_version.is_some_and(|version| {
            version
                .as_str()
                .is_some_and(|text| !text.is_empty() && text != "0")
        })
    {
        return Err(ApiError::internal(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    admission::validate(&call, &object, None)?;
    store_new(call, object)
}

fn store_new(mut call: Call<'_>, mut object: Value) -> Result<Answer, ApiError> {
    let key = key_of(&object);
    let taken = |call: &Call<'_>| {
        ApiError::already_exists(&call.resource.group, &call.resource.plural, &key.name)
    };
    if call.find(&key.namespace, &key.name).is_some() {
        return Err(taken(&call));
    }
    prepare::allocate(&call, None, &mut object)?;
    let mut object = stored_form(call.resource, object);
    if call.options.keep == Keep::DryRun {
        return Ok(made(call, 201, object));
    }
    admission::charge(&call, &object, None)?;
    prepare::finish(&call, None, &mut object);
    let stored = write(&call, &key, None, Write::Put(object)).map_err(|refusal| match refusal {
        Refusal::Changed => taken(&call),
        Refusal::Broken => broken(),
        Refusal::TooLarge(bytes) => too_large(bytes),
    })?;
    call.core.written(&call, None, Some(&stored));
    let warnings = std::mem::take(&mut call.warnings);
    Ok(Answer {
        warnings,
        ..read::answer_with(201, call.resource, stored)
    })
}

/// What is left of an object once it was stored: required lists that are
/// empty are null.
pub(super) fn stored_form(resource: &Resource, object: Value) -> Value {
    if resource.custom.is_some() {
        object
    } else {
        super::normal::stored(&object, resource.definition)
    }
}

/// An answer with an object that is not stored.
fn made(call: Call<'_>, code: u16, object: Value) -> Answer {
    let object = versions::convert(&object, &call.api_version(), None);
    let outcome = Outcome::Object {
        resource: call.resource.clone(),
        object: ObjectBody::Made(object),
    };
    Answer {
        code,
        warnings: call.warnings,
        outcome,
        revision: 0,
    }
}

/// The largest object that is kept, as JSON: 1.5 MiB less what etcd's request
/// has around it.
pub const MAX_OBJECT_BYTES: usize = 1536 * 1024 - 100;
/// From this size on, the genuine server's client of etcd refuses by itself.
const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// The error of an object that is larger than etcd takes, in the words that
/// the genuine server passes on.
pub(super) fn too_large(bytes: usize) -> ApiError {
    if bytes > MAX_MESSAGE_BYTES {
        return ApiError::internal(format!(
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max ({bytes} vs. {MAX_MESSAGE_BYTES})"
        ));
    }
    ApiError::internal("etcdserver: request is too large")
}

/// The error of a store that lost a write.
pub(super) fn broken() -> ApiError {
    ApiError::new(
        500,
        "InternalError",
        "the storage has failed; the server takes no writes until it is started again",
    )
}

/// Stores an object in its storage version.
pub(super) fn write(
    call: &Call<'_>,
    key: &ObjectKey,
    expected: Option<u64>,
    write: Write,
) -> Result<Arc<Stored>, Refusal> {
    let storage = storage_api_version(call.resource);
    let convert = |value: Value| versions::convert(&value, &storage, None);
    let write = match write {
        Write::Put(value) => {
            check_size(call, key, &value)?;
            Write::Put(convert(value))
        }
        Write::Remove(value) => Write::Remove(convert(value)),
    };
    call.core
        .store()
        .write(&call.resource.group_resource(), key, expected, write)
}

/// Refuses an object that is larger than etcd takes by default. It is measured
/// only where the one before and the request together could make it so.
fn check_size(call: &Call<'_>, key: &ObjectKey, value: &Value) -> Result<(), Refusal> {
    let before = call.find(&key.namespace, &key.name);
    let likely = call.operation.body.len() + before.map_or(0, |it| it.known_bytes());
    if likely < MAX_OBJECT_BYTES / 2 {
        return Ok(());
    }
    let bytes = trueup_object::to_json(value).len();
    if bytes > MAX_OBJECT_BYTES {
        return Err(Refusal::TooLarge(bytes));
    }
    Ok(())
}

fn storage_api_version(resource: &Resource) -> Text {
    if resource.group == "events.k8s.io" {
        "v1".into()
    } else {
        body::api_version(&resource.group, &resource.storage_version)
    }
}

pub(super) fn key_of(object: &Value) -> ObjectKey {
    ObjectKey {
        namespace: object
            .str_at(&["metadata", "namespace"])
            .unwrap_or("")
            .into(),
        name: object.str_at(&["metadata", "name"]).unwrap_or("").into(),
    }
}

/// Writes down who owns what after a create, update or patch.
pub(super) fn track(call: &Call<'_>, live: Option<&Value>, new: &Value) -> Value {
    let Some(typ) = &call.resource.typ else {
        return new.clone();
    };
    let subresource = call.operation.subresource_name();
    let (now, api_version) = (call.time(), call.api_version());
    let versions = ResourceVersions(call.resource);
    let input = UpdateInput {
        live,
        new,
        typ,
        manager: &call.options.manager,
        api_version: &api_version,
        subresource,
        reset: reset_fields(call.resource, call.target, subresource),
        now: &now,
        versions: &versions,
    };
    if live.is_none() && call.resource.custom.is_none() {
        let unset = super::normal::normalise(&Value::map(), call.resource.definition);
        track_create(&input, &unset)
    } else {
        track_update(&input)
    }
}

/// PUT.
pub(super) fn update(mut call: Call<'_>) -> Result<Answer, ApiError> {
    let body = body::read_object(call.operation, &call.resource.kind)?;
    let mut sent = decode_body(&mut call, body)?;
    body::check_place(
        &mut sent,
        call.resource,
        &call.operation.namespace,
        &call.operation.name,
    )?;
    let missing = call
        .find(&call.operation.namespace, &call.operation.name)
        .is_none();
    if missing && call.target == Target::Main && prepare::creates_on_update(call.resource) {
        validate::admit_place(&call, &call.operation.name)?;
        return insert(call, sent);
    }
    change(call, |call, live, seen| {
        check_uid(call, &sent, seen)?;
        check_version(call, &sent, live)?;
        let mut new = sent.clone();
        prepare::for_update(call, &mut new, seen);
        Ok(track(call, Some(seen), &new))
    })
}

/// PATCH of every kind.
pub(super) fn patch(mut call: Call<'_>) -> Result<Answer, ApiError> {
    call.request = no_op::request(&call);
    if let Some(answer) = call
        .request
        .and_then(|request| no_op::known(&call, &request))
    {
        return Ok(answer);
    }
    let patch = patch::Patch::read(&call)?;
    if patch.applied().is_some()
        && call
            .find(&call.operation.namespace, &call.operation.name)
            .is_none()
    {
        if call.target != Target::Main {
            return Err(call.not_found());
        }
        let object = patch.onto_nothing(&mut call)?;
        validate::admit_place(&call, &call.operation.name)?;
        return insert(call, object);
    }
    change(call, |call, live, seen| {
        let mut new = patch.onto(call, seen)?;
        check_version(call, &new, live)?;
        prepare::for_update(call, &mut new, seen);
        Ok(if patch.applied().is_some() {
            new
        } else {
            track(call, Some(seen), &new)
        })
    })
}
