//! The target's autoscaler and its copy for the primary.

mod hold;
mod horizontal;
mod scaled_object;

pub use hold::{hold_primary_replicas, release_primary_replicas};

use super::scale::patch;
use super::{TargetError, View, Write};
use trueup_kinds::canary::AutoscalerReference;
use trueup_object::{ObjectRef, Value, value};

/// When the copy is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalerPass {
    /// At every look: it is made if there is none, and left alone otherwise.
    Ensure,
    /// When a revision is promoted: it becomes what the target's is.
    Update,
}

/// The kinds of autoscalers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ScalerKind {
    Horizontal,
    ScaledObject,
}

impl ScalerKind {
    /// The fields of the least and the most replicas.
    const fn bounds(self) -> (&'static str, &'static str) {
        match self {
            Self::Horizontal => ("minReplicas", "maxReplicas"),
            Self::ScaledObject => ("minReplicaCount", "maxReplicaCount"),
        }
    }
}

/// The names of an autoscaler and its copy, both of which were looked for.
struct ScalerNames<'a> {
    kind: ScalerKind,
    reference: &'a AutoscalerReference,
    source: ObjectRef,
    copy: ObjectRef,
}

impl<'a> ScalerNames<'a> {
    fn of(view: &View<'a>) -> Result<Option<Self>, TargetError> {
        let Some(reference) = &view.canary.spec.autoscaler_ref else {
            return Ok(None);
        };
        let (source, copy) = view.scaler_refs(reference)?;
        view.observed.all_read([&source, &copy])?;
        let kind = match reference.kind.as_str() {
            "ScaledObject" => ScalerKind::ScaledObject,
            _ => ScalerKind::Horizontal,
        };
        Ok(Some(Self {
            kind,
            reference,
            source,
            copy,
        }))
    }
}

/// Makes or updates the primary's autoscaler; nothing for a `Canary` without
/// one. Fails if it is to be a copy of one that is not there.
pub fn reconcile_primary_scaler(
    view: &View<'_>,
    pass: ScalerPass,
) -> Result<Vec<Write>, TargetError> {
    let Some(names) = ScalerNames::of(view)? else {
        return Ok(Vec::new());
    };
    let existing = view.observed.optional(&names.copy)?;
    if existing.is_some() && pass == ScalerPass::Ensure {
        return Ok(Vec::new());
    }
    let wanted = wanted_copy(view, &names)?;
    let Some(existing) = existing else {
        return Ok(vec![Write::Create(wanted)]);
    };
    let mut next = existing.clone();
    let spec = wanted.get("spec").cloned().unwrap_or_default();
    match names.kind {
        ScalerKind::Horizontal => horizontal::put_spec(&mut next, &spec),
        ScalerKind::ScaledObject => next.set_at(&["spec"], spec),
    }
    hold::keep_hold(names.kind, existing, &mut next);
    if next == *existing {
        return Ok(Vec::new());
    }
    Ok(vec![Write::Replace(next)])
}

/// Keeps a target without Pods from being scaled up by its `ScaledObject`. A
/// HorizontalPodAutoscaler rests by itself while there are no replicas.
pub fn pause_target_scaler(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    set_pause(view, "0".into())
}

/// Lets the target's `ScaledObject` scale again.
pub fn resume_target_scaler(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    set_pause(view, Value::Null)
}

/// An autoscaler that is not there scales nothing.
fn set_pause(view: &View<'_>, value: Value) -> Result<Vec<Write>, TargetError> {
    const PATH: [&str; 3] = ["metadata", "annotations", scaled_object::PAUSED_REPLICAS];
    let Some(names) = ScalerNames::of(view)? else {
        return Ok(Vec::new());
    };
    let Some(source) = view.observed.optional(&names.source)? else {
        return Ok(Vec::new());
    };
    let current = source.at(&PATH).unwrap_or(&Value::Null);
    if names.kind != ScalerKind::ScaledObject || *current == value {
        return Ok(Vec::new());
    }
    let mut change = Value::map();
    change.set_at(&PATH, value);
    Ok(patch(names.source, change))
}

fn wanted_copy(view: &View<'_>, names: &ScalerNames<'_>) -> Result<Value, TargetError> {
    let source = view.observed.required(&names.source)?;
    if source.at(&["spec", "scaleTargetRef"]).is_none() {
        return Err(TargetError::refused(format!(
            "{} {}.{} has no spec.scaleTargetRef",
            names.source.kind.kind, names.source.name, names.source.namespace
        )));
    }
    let mut copy = match names.kind {
        ScalerKind::Horizontal => horizontal::copy_of(view, names, source),
        ScalerKind::ScaledObject => scaled_object::copy_of(view, names, source),
    };
    let (least, most) = names.kind.bounds();
    let bounds = names.reference.primary_scaler_replicas.unwrap_or_default();
    for (key, bound) in [(least, bounds.min_replicas), (most, bounds.max_replicas)] {
        if let Some(bound) = bound {
            copy.set_at(&["spec", key], bound.into());
        }
    }
    Ok(copy)
}

/// An empty copy with its names, owner and scale target. The target's own
/// reference says in which version it is scaled.
fn frame(view: &View<'_>, names: &ScalerNames<'_>, source: &Value, kept: &[&str]) -> Value {
    let mut copy = value!({
        "apiVersion": (names.copy.kind.api_version()),
        "kind": (names.copy.kind.kind.clone()),
        "metadata": (super::metadata::owned_metadata(view.canary, &names.copy.name)),
    });
    for key in kept {
        if let Some(member) = source.at(&["spec", "scaleTargetRef", key]) {
            copy.set_at(&["spec", "scaleTargetRef", key], member.clone());
        }
    }
    let primary = view.canary.spec.primary_name();
    copy.set_at(&["spec", "scaleTargetRef", "name"], primary.into());
    copy
}
