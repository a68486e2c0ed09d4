//! Whether a live object is what was applied, and who changed it if not.

use crate::desired::is_secret;
use crate::ignore::without;
use crate::record::{uid_of, value_at};
use crate::{Desired, MASK, Record, take_over_patch};
use std::fmt;
use trueup_kinds::names;
use trueup_object::{FieldPath, ObjectRef, Text, Value, to_json};
use trueup_schema::{ManagedEntry, Operation, decode_managed};

/// The manager of a change that nobody owns up to.
pub const UNKNOWN_MANAGER: &str = "unknown";

/// The field of a drift that is the absence of the whole object.
pub const WHOLE_OBJECT: &str = "(object)";
/// The manager of an object that went by its own `ttlSecondsAfterFinished`.
/// It comes back at the interval only, as in Flux: made anew at once it would
/// run again and again.
pub const EXPIRED_MANAGER: &str = "ttl-after-finished";

/// One field of ours that was changed in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// The object.
    pub object: ObjectRef,
    /// The field, as conflicts print it: `.spec.replicas`.
    pub field: Text,
    /// What the source says; `None` if it is gone.
    pub from: Option<Text>,
    /// What it was changed to; `None` if it was removed.
    pub to: Option<Text>,
    /// Who changed it, by `managedFields`.
    pub manager: Text,
}

/// `.spec.replicas 2 → 5 by kubectl`; values of Secrets are masked.
impl fmt::Display for Drift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<Text>| value.clone().unwrap_or_else(|| "(none)".into());
        write!(
            formatter,
            "{} {} → {} by {}",
            self.field,
            text(&self.from),
            text(&self.to),
            self.manager
        )
    }
}

/// What a live object is, compared with what was applied.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// It is what was applied.
    Unchanged,
    /// The manifest is not the one that was applied last.
    NewManifest,
    /// Nothing is remembered.
    NoRecord,
    /// It is another object of the same name.
    Replaced,
    /// A manager that we take over from has written: the JSON patch, and what
    /// it changed of ours.
    TakeOver(Value, Vec<Drift>),
    /// Fields of ours were changed.
    Drifted(Vec<Drift>),
}

/// Compares a live object with what is remembered of it; asks no server. An
/// object marked `ssa: Merge`, in the manifest or in the cluster, is never
/// taken over.
#[must_use]
pub fn judge(desired: &Desired, live: &Value, record: Option<&Record>) -> Judgement {
    let drift = || {
        record
            .map(|record| find_drift(desired, live, record))
            .unwrap_or_default()
    };
    if let Some(patch) = wanted_take_over(desired, live) {
        return Judgement::TakeOver(patch, drift());
    }
    let Some(record) = record else {
        return Judgement::NoRecord;
    };
    if uid_of(live) != record.uid() {
        return Judgement::Replaced;
    }
    if record.desired() != desired.fingerprint() {
        return Judgement::NewManifest;
    }
    if record.holds_for(desired, live) {
        return Judgement::Unchanged;
    }
    Judgement::Drifted(find_drift(desired, live, record))
}

/// The drift of an object that was applied and is gone.
#[must_use]
pub(crate) fn vanished(desired: &Desired) -> Drift {
    let kind = desired.reference().kind.group_kind();
    let may_expire = desired
        .manifest()
        .at(&["spec", "ttlSecondsAfterFinished"])
        .is_some();
    let is_job = kind.group == "batch" && kind.kind == "Job";
    let (to, manager) = if is_job && may_expire {
        ("expired", EXPIRED_MANAGER)
    } else {
        ("deleted", UNKNOWN_MANAGER)
    };
    Drift {
        object: desired.reference().clone(),
        field: WHOLE_OBJECT.into(),
        from: Some("present".into()),
        to: Some(to.into()),
        manager: manager.into(),
    }
}

fn wanted_take_over(desired: &Desired, live: &Value) -> Option<Value> {
    let is_merged = |object| names::is_marked(object, names::APPLY_POLICY, "Merge");
    if is_merged(desired.manifest()) || is_merged(live) {
        return None;
    }
    take_over_patch(live, desired.overridden())
}

/// Every field of ours whose value or owner changed, in order.
fn find_drift(desired: &Desired, live: &Value, record: &Record) -> Vec<Drift> {
    let left = desired.ignored();
    let mut paths = record.changed_paths(&without(live, left));
    let lost = record.lost_paths(live, left);
    paths.extend(
        lost.into_iter()
            .filter(|path| value_at(desired.manifest(), path) != value_at(live, path)),
    );
    paths.sort_by_cached_key(ToString::to_string);
    paths.dedup();
    let managers = decode_managed(live).unwrap_or_default();
    paths
        .iter()
        .map(|path| drift_at(path, desired, live, &managers))
        .collect()
}

fn drift_at(path: &FieldPath, desired: &Desired, live: &Value, managers: &[ManagedEntry]) -> Drift {
    let masked = is_secret(desired.reference()) && is_secret_value(path);
    let text =
        |value: Option<&Value>| value.map(|value| if masked { MASK.into() } else { shown(value) });
    Drift {
        object: desired.reference().clone(),
        field: path.to_string().into(),
        from: text(value_at(desired.manifest(), path)),
        to: text(value_at(live, path)),
        manager: who_changed(path, managers, rival(desired, live)),
    }
}

/// Another Kustomization that has applied the object: it writes as the same
/// manager as we do, only the labels tell.
pub(crate) fn rival(desired: &Desired, live: &Value) -> Option<Text> {
    let label = |object: &Value, key| {
        let text = object.str_at(&["metadata", "labels", key]);
        text.unwrap_or_default().to_owned()
    };
    let owner = |object: &Value| {
        (
            label(object, names::OWNER_NAMESPACE),
            label(object, names::OWNER_NAME),
        )
    };
    let (namespace, name) = owner(live);
    let is_other = owner(desired.manifest()) != (namespace.clone(), name.clone());
    (is_other && !name.is_empty()).then(|| format!("Kustomization/{namespace}/{name}").into())
}

/// Everything of a Secret but its metadata and type is secret.
fn is_secret_value(path: &FieldPath) -> bool {
    !matches!(
        path.to_string().split('.').nth(1),
        Some("metadata" | "type" | "immutable")
    )
}

/// How long a shown value may be.
const MAX_SHOWN_BYTES: usize = 120;

/// A value as compact JSON, cut where it is long.
pub(crate) fn shown(value: &Value) -> Text {
    let text = String::from_utf8_lossy(&to_json(value)).into_owned();
    if text.len() <= MAX_SHOWN_BYTES {
        return text.into();
    }
    let end = text.floor_char_boundary(MAX_SHOWN_BYTES);
    format!("{}…", &text[..end]).into()
}

/// The latest other manager that owns the field, something in it, or
/// something that holds it; of a field that nobody owns, the other
/// Kustomization that has the object, else the latest other manager at all.
fn who_changed(path: &FieldPath, managers: &[ManagedEntry], rival: Option<Text>) -> Text {
    let others = || {
        managers
            .iter()
            .filter(|entry| !is_ours(entry) && entry.subresource != "status")
    };
    let latest = |entries: &mut dyn Iterator<Item = &ManagedEntry>| {
        entries
            .max_by(|a, b| a.time.cmp(&b.time))
            .map(|entry| entry.manager.clone())
    };
    latest(&mut others().filter(|entry| touches(entry, path)))
        .or(rival)
        .or_else(|| latest(&mut others()))
        .unwrap_or_else(|| UNKNOWN_MANAGER.into())
}

fn is_ours(entry: &ManagedEntry) -> bool {
    entry.manager == names::APPLY_MANAGER && entry.operation == Operation::Apply
}

fn touches(entry: &ManagedEntry, path: &FieldPath) -> bool {
    entry
        .fields
        .leaves()
        .paths()
        .iter()
        .any(|owned| owned.contains(path) || path.contains(owned))
}
