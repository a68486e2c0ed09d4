//! The target's autoscaler and its copy for the primary.

mod horizontal;
mod scaled_object;

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

/// An autoscaler with its copy, as they were read.
struct Scaler<'a> {
    kind: ScalerKind,
    reference: &'a AutoscalerReference,
    source: &'a Value,
    source_ref: ObjectRef,
    copy_ref: ObjectRef,
}

/// Makes or updates the primary's autoscaler; nothing for a `Canary` without
/// one. Fails if the target's autoscaler is not there.
pub fn reconcile_primary_scaler(
    view: &View<'_>,
    pass: ScalerPass,
) -> Result<Vec<Write>, TargetError> {
    let Some(scaler) = scaler_of(view)? else {
        return Ok(Vec::new());
    };
    let wanted = wanted_copy(view, &scaler)?;
    let Some(existing) = view.observed.optional(&scaler.copy_ref)? else {
        return Ok(vec![Write::Create(wanted)]);
    };
    if pass == ScalerPass::Ensure {
        return Ok(Vec::new());
    }
    let mut next = existing.clone();
    let spec = wanted.get("spec").cloned().unwrap_or_default();
    match scaler.kind {
        ScalerKind::Horizontal => horizontal::put_spec(&mut next, &spec),
        ScalerKind::ScaledObject => next.set_at(&["spec"], spec),
    }
    if next == *existing {
        return Ok(Vec::new());
    }
    Ok(vec![Write::Replace(next)])
}

/// Keeps the primary's autoscaler from going below the replicas that the
/// primary has now, for as long as a run takes traffic from it; the next
/// [`ScalerPass::Update`] ends this. Only for a HorizontalPodAutoscaler that
/// allows as many.
pub fn hold_primary_replicas(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    let Some(scaler) = scaler_of(view)? else {
        return Ok(Vec::new());
    };
    if scaler.kind != ScalerKind::Horizontal {
        return Ok(Vec::new());
    }
    let replicas = view.primary()?.i64_at(&["spec", "replicas"]).unwrap_or(1);
    let copy = view.observed.required(&scaler.copy_ref)?;
    let bound = |key: &str| copy.i64_at(&["spec", key]);
    let most = bound("maxReplicas").unwrap_or(replicas);
    let least = replicas.min(most);
    if bound("minReplicas").unwrap_or(1) >= least {
        return Ok(Vec::new());
    }
    Ok(patch(
        scaler.copy_ref,
        value!({"spec": {"minReplicas": least}}),
    ))
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

fn set_pause(view: &View<'_>, value: Value) -> Result<Vec<Write>, TargetError> {
    const PATH: [&str; 3] = ["metadata", "annotations", scaled_object::PAUSED_REPLICAS];
    let Some(scaler) = scaler_of(view)? else {
        return Ok(Vec::new());
    };
    let current = scaler.source.at(&PATH).unwrap_or(&Value::Null);
    if scaler.kind != ScalerKind::ScaledObject || *current == value {
        return Ok(Vec::new());
    }
    let mut change = Value::map();
    change.set_at(&PATH, value);
    Ok(patch(scaler.source_ref, change))
}

fn scaler_of<'a>(view: &View<'a>) -> Result<Option<Scaler<'a>>, TargetError> {
    let Some(reference) = &view.canary.spec.autoscaler_ref else {
        return Ok(None);
    };
    let (source_ref, copy_ref) = view.scaler_refs(reference)?;
    view.observed.all_read([&source_ref, &copy_ref])?;
    Ok(Some(Scaler {
        kind: match reference.kind.as_str() {
            "ScaledObject" => ScalerKind::ScaledObject,
            _ => ScalerKind::Horizontal,
        },
        reference,
        source: view.observed.required(&source_ref)?,
        source_ref,
        copy_ref,
    }))
}

fn wanted_copy(view: &View<'_>, scaler: &Scaler<'_>) -> Result<Value, TargetError> {
    if scaler.source.at(&["spec", "scaleTargetRef"]).is_none() {
        return Err(TargetError::refused(format!(
            "{} {}.{} has no spec.scaleTargetRef",
            scaler.source_ref.kind.kind, scaler.source_ref.name, scaler.source_ref.namespace
        )));
    }
    let mut copy = match scaler.kind {
        ScalerKind::Horizontal => horizontal::copy_of(view, scaler),
        ScalerKind::ScaledObject => scaled_object::copy_of(view, scaler),
    };
    let (least, most) = match scaler.kind {
        ScalerKind::Horizontal => ("minReplicas", "maxReplicas"),
        ScalerKind::ScaledObject => ("minReplicaCount", "maxReplicaCount"),
    };
    let bounds = scaler.reference.primary_scaler_replicas.unwrap_or_default();
    for (key, bound) in [(least, bounds.min_replicas), (most, bounds.max_replicas)] {
        if let Some(bound) = bound {
            copy.set_at(&["spec", key], bound.into());
        }
    }
    Ok(copy)
}

/// An empty copy with its names, owner and scale target. The target's own
/// reference says in which version it is scaled.
fn frame(view: &View<'_>, scaler: &Scaler<'_>, kept: &[&str]) -> Value {
    let mut copy = value!({
        "apiVersion": (scaler.copy_ref.kind.api_version()),
        "kind": (scaler.copy_ref.kind.kind.clone()),
        "metadata": (super::metadata::owned_metadata(view.canary, &scaler.copy_ref.name)),
    });
    for key in kept {
        if let Some(member) = scaler.source.at(&["spec", "scaleTargetRef", key]) {
            copy.set_at(&["spec", "scaleTargetRef", key], member.clone());
        }
    }
    let primary = view.canary.spec.primary_name();
    copy.set_at(&["spec", "scaleTargetRef", "name"], primary.into());
    copy
}
