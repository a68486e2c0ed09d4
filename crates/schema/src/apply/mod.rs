//! Server-side apply, and tracking of owners through every other write.

mod last_applied;
mod owners;

use crate::field_set::FieldSet;
use crate::managed::{ManagedEntry, ManagedError, Operation, decode_managed, encode_managed};

use crate::typed::{Duplicates, TypedError, check};
use crate::types::Type;
use crate::zero::zero_object;
use owners::{Context, Merged};
use std::fmt;
use trueup_object::{FieldPath, GroupVersionKind, Text, Value};

/// The owner of what was there before an object was first applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
/// The owner of writers without a name.
const UNKNOWN_MANAGER: &str = "unknown";

/// Whether an apply takes fields from other managers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Force {
    /// A field of another manager with another value is a conflict.
    #[default]
    No,
    /// Such fields are taken.
    Yes,
}

/// The versions in which an object can be seen. Owners name fields in the
/// version that they wrote.
pub trait Versions {
    /// The object in another `apiVersion`, with its type; `None` where that
    /// version is not served (its owners are then forgotten).
    fn convert(&self, object: &Value, api_version: &str) -> Option<(Value, Type)>;
}

/// Versions that differ in nothing but their name.
#[derive(Clone, Debug)]
pub struct SameShape<'a>(pub &'a Type);

impl Versions for SameShape<'_> {
    fn convert(&self, object: &Value, _: &str) -> Option<(Value, Type)> {
        Some((object.clone(), self.0.clone()))
    }
}

/// Everything that an apply depends on.
#[derive(Clone, Copy)]
pub struct ApplyInput<'a> {
    /// The stored object with its `managedFields`; `None` to create it.
    pub live: Option<&'a Value>,
    /// The configuration, as sent.
    pub applied: &'a Value,
    /// The type of both.
    pub typ: &'a Type,
    /// Name of the field manager.
    pub manager: &'a str,
    /// The `apiVersion` of the request; `live` is in this version.
    pub api_version: &'a str,
    /// The subresource written to; empty for the main resource.
    pub subresource: &'a str,
    /// Whether conflicts are overridden.
    pub force: Force,
    /// Fields that a write to this path never changes and so never owns, such
    /// as `status` on the main resource. The caller restores their values.
    pub reset: &'a FieldSet,
    /// The time of the request, RFC 3339 in UTC, whole seconds.
    pub now: &'a str,
    /// The other versions of the object.
    pub versions: &'a dyn Versions,
}

/// Everything that tracking a create, update or patch depends on.
#[derive(Clone, Copy)]
pub struct UpdateInput<'a> {
    /// The stored object with its `managedFields`; `None` on creation.
    pub live: Option<&'a Value>,
    /// The object to be stored, defaulted, with the `managedFields` that the
    /// client sent.
    pub new: &'a Value,
    /// The type of both.
    pub typ: &'a Type,
    /// Name of the field manager.
    pub manager: &'a str,
    /// The `apiVersion` of the request; both objects are in this version.
    pub api_version: &'a str,
    /// The subresource written to; empty for the main resource.
    pub subresource: &'a str,
    /// Fields that a write to this path never changes and so never owns.
    pub reset: &'a FieldSet,
    /// The time of the request, RFC 3339 in UTC, whole seconds.
    pub now: &'a str,
    /// The other versions of the object.
    pub versions: &'a dyn Versions,
}

/// The result of an apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The merged object with its new `managedFields`; not defaulted.
    pub object: Value,
    /// Whether anything but `managedFields` differs from the live object.
    pub changed: bool,
}

/// A field that another manager owns with another value.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// Name of the other manager.
    pub manager: Text,
    /// How it came to own the field.
    pub operation: Operation,
    /// The version in which it wrote.
    pub api_version: Text,
    /// The subresource through which it wrote; empty for the main resource.
    pub subresource: Text,
    /// The field, in the other manager's version.
    pub path: FieldPath,
    /// The manager as messages print it: `"kubectl-edit" using v1`.
    pub printed_manager: String,
}

impl Conflict {
    /// The message of the status cause: `conflict with "alice"`.
    #[must_use]
    pub fn message(&self) -> String {
        format!("conflict with {}", self.printed_manager)
    }
}

/// Why an object can't be applied.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApplyError {
    /// Other managers own fields that would change; answered with 409. Sorted
    /// by manager, then field.
    #[error("{}", conflict_message(.0))]
    Conflicts(Vec<Conflict>),
    /// The request itself is wrong; answered with 400.
    #[error("{0}")]
    BadRequest(String),
    /// The applied or the live object does not fit its type, or could not be
    /// merged; answered with 500, as Kubernetes does.
    #[error("{0}")]
    Internal(String),
}

impl From<ManagedError> for ApplyError {
    fn from(error: ManagedError) -> Self {
        Self::Internal(format!("failed to decode managed fields: {error}"))
    }
}

fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [only] = conflicts {
        return format!(
            "Apply failed with 1 conflict: {}: {}",
            only.message(),
            only.path
        );
    }
    let mut lines = Vec::with_capacity(conflicts.len() + 4);
    let mut last = None;
    for conflict in conflicts {
        if last != Some(&conflict.printed_manager) {
            lines.push(format!("conflicts with {}:", conflict.printed_manager));
            last = Some(&conflict.printed_manager);
        }
        lines.push(format!("- {}", conflict.path));
    }
    format!(
        "Apply failed with {} conflicts: {}",
        conflicts.len(),
        lines.join("\n")
    )
}

/// Merges an applied configuration into the live object, as Kubernetes'
/// server-side apply: what the manager applied before and now leaves out goes
/// (unless another manager owns it), what another manager owns with another
/// value is a conflict, and `managedFields` say who owns what.
pub fn apply(input: &ApplyInput<'_>) -> Result<Applied, ApplyError> {
    check_request(input)?;
    let context = Context::of_apply(input);
    let (live, managed) = live_of_apply(input, &context)?;
    check(input.applied, input.typ, Duplicates::Refused).map_err(|error| {
        ApplyError::Internal(format!(
            "failed to create typed patch object ({}): {error}",
            identity(input.applied)
        ))
    })?;
    check(&live, input.typ, Duplicates::Allowed).map_err(|error| {
        ApplyError::Internal(format!(
            "failed to create typed live object ({}): {error}",
            identity(&live)
        ))
    })?;
    let mut merged =
        match owners::apply(&context, &live, input.applied, managed.clone(), input.force) {
            Err(ApplyError::Conflicts(conflicts)) if input.manager == last_applied::MANAGER => {
                last_applied::settle(&context, &live, conflicts)?;
                owners::apply(&context, &live, input.applied, managed, Force::Yes)?
            }
            other => other?,
        };
    if input.manager == last_applied::MANAGER {
        last_applied::refresh(&mut merged.object, input.applied);
    }
    let Merged {
        mut object,
        managed,
        changed,
    } = merged;
    encode_managed(&mut object, managed);
    Ok(Applied { object, changed })
}

fn check_request(input: &ApplyInput<'_>) -> Result<(), ApplyError> {
    let version = input.applied.str_at(&["apiVersion"]).unwrap_or("");
    if version != input.api_version {
        return Err(ApplyError::BadRequest(format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {}",
            input.api_version
        )));
    }
    match input.applied.at(&["metadata", "managedFields"]) {
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(ApplyError::BadRequest(
            "metadata.managedFields must be nil".into(),
        )),
    }
}

/// The live object without `managedFields`, and these; where there are none
/// yet, what is there belongs to [`BEFORE_FIRST_APPLY`].
fn live_of_apply(
    input: &ApplyInput<'_>,
    context: &Context<'_>,
) -> Result<(Value, Vec<ManagedEntry>), ApplyError> {
    let Some(live) = input.live else {
        return Ok((empty_like(input.applied, input.typ), Vec::new()));
    };
    let managed = decode_managed(live)?;
    let live = without_managed(live);
    if !managed.is_empty() {
        return Ok((live, managed));
    }
    let before = Context {
        manager: BEFORE_FIRST_APPLY,
        operation: Operation::Update,
        ..*context
    };
    let managed = owners::update(&before, &empty_like(&live, input.typ), &live, Vec::new())
        .map_err(|error| {
            ApplyError::Internal(format!(
                "failed to create manager for existing fields: {error}"
            ))
        })?;
    Ok((live, managed))
}

/// Tracks who owns what through a create, update or patch; returns the new
/// object with its `managedFields`. It never fails: where owners can't be told
/// (an object that does not fit its type) they are forgotten.
#[must_use]
pub fn update(input: &UpdateInput<'_>) -> Value {
    let managed = managed_of_update(input);
    let mut new = without_managed(input.new);
    if managed.is_empty() && input.live.is_some() {
        return new;
    }
    let live = input
        .live
        .map_or_else(|| empty_like(&new, input.typ), without_managed);
    if let Ok(managed) = track(input, &live, &new, managed) {
        encode_managed(&mut new, managed);
    }
    new
}

/// Tracks a creation as [`update`] does without a live object, where `unset`
/// is what an object of the kind holds before anything is set: fields that are
/// there even when they are empty, which nobody comes to own.
#[must_use]
pub fn create(input: &UpdateInput<'_>, unset: &Value) -> Value {
    let mut new = without_managed(input.new);
    let mut live = unset.clone();
    for key in ["apiVersion", "kind"] {
        if let Some(said) = new.get(key) {
            live.set_at(&[key], said.clone());
        }
    }
    if let Ok(managed) = track(input, &live, &new, managed_of_update(input)) {
        encode_managed(&mut new, managed);
    }
    new
}

fn track(
    input: &UpdateInput<'_>,
    live: &Value,
    new: &Value,
    managed: Vec<ManagedEntry>,
) -> Result<Vec<ManagedEntry>, TypedError> {
    check(new, input.typ, Duplicates::Allowed)?;
    check(live, input.typ, Duplicates::Allowed)?;
    owners::update(&Context::of_update(input), live, new, managed)
}

/// The owners to go on from: those that the client sent, unless it sent none
/// or broken ones; a client clears them with `[]` or `[{}]`.
fn managed_of_update(input: &UpdateInput<'_>) -> Vec<ManagedEntry> {
    let of_live = || {
        input
            .live
            .and_then(|live| decode_managed(live).ok())
            .unwrap_or_default()
    };
    if !input.subresource.is_empty() {
        return of_live();
    }
    if is_reset(input.new.at(&["metadata", "managedFields"])) {
        return Vec::new();
    }
    decode_managed(input.new)
        .ok()
        .filter(|sent| !sent.is_empty())
        .unwrap_or_else(of_live)
}

fn is_reset(sent: Option<&Value>) -> bool {
    match sent.and_then(Value::as_list) {
        Some([]) => true,
        Some([only]) => only
            .as_map()
            .is_some_and(|map| map.values().all(|value| value.is_null())),
        _ => false,
    }
}

/// Gives an object the live object's `managedFields` if the two differ in
/// nothing but times there, so that a write of nothing stays unseen.
pub fn keep_timestamps(live: &Value, new: &mut Value) {
    const FIELDS: [&str; 2] = ["metadata", "managedFields"];
    let (Some(old_fields), Some(new_fields)) = (live.at(&FIELDS), new.at(&FIELDS)) else {
        return;
    };
    if old_fields == new_fields || !same_but_times(old_fields, new_fields) {
        return;
    }
    if without_managed(live).same_number(&without_managed(new)) {
        let kept = old_fields.clone();
        new.set_at(&FIELDS, kept);
    }
}

fn same_but_times(old: &Value, new: &Value) -> bool {
    let (Some(old), Some(new)) = (old.as_list(), new.as_list()) else {
        return false;
    };
    let untimed = |entry: &Value| {
        let mut entry = entry.clone();
        entry.remove_at(&["time"]);
        entry
    };
    old.len() == new.len() && old.iter().zip(new).all(|(a, b)| untimed(a) == untimed(b))
}

fn without_managed(object: &Value) -> Value {
    let mut object = object.clone();
    if object.at(&["metadata", "managedFields"]).is_some() {
        object.remove_at(&["metadata", "managedFields"]);
    }
    object
}

/// A new object of the same kind, as the server makes it before anything is
/// set: what is in it already nobody comes to own by creating it.
fn empty_like(object: &Value, typ: &Type) -> Value {
    let mut empty = zero_object(typ);
    for key in ["apiVersion", "kind"] {
        if let Some(said) = object.get(key) {
            empty.set_at(&[key], said.clone());
        }
    }
    empty
}

/// `namespace/name; group/version, Kind=kind`, as messages name objects.
fn identity(object: &Value) -> impl fmt::Display {
    let namespace = object.str_at(&["metadata", "namespace"]).unwrap_or("");
    let name = object.str_at(&["metadata", "name"]).unwrap_or("");
    let gvk = GroupVersionKind::of(object);
    let (group, version, kind) = gvk.as_ref().map_or(("", "", ""), |gvk| {
        (gvk.group.as_str(), gvk.version.as_str(), gvk.kind.as_str())
    });
    format!("{namespace}/{name}; {group}/{version}, Kind={kind}")
}

#[cfg(test)]
mod tests;
