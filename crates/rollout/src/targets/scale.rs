//! The target without Pods, and with them again.

use super::{TargetError, TargetKind, View, Write};
use trueup_object::{ObjectRef, Value, value};

/// The node selector that no node satisfies, by which a DaemonSet has no Pods.
pub(super) const SCALE_TO_ZERO: &str = "flagger.app/scale-to-zero";

/// Takes the target's Pods away. A Service has none.
pub fn scale_to_zero(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    match view.kind()? {
        TargetKind::Deployment => set_replicas(view, 0),
        TargetKind::DaemonSet => set_node_selector(view, "true".into()),
        TargetKind::Service => Ok(Vec::new()),
    }
}

/// Gives the target its Pods back. A Deployment that has replicas keeps them;
/// one without gets as many as the primary, or with an autoscaler the least
/// that this allows, at least 1.
pub fn scale_from_zero(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    match view.kind()? {
        TargetKind::Deployment => {
            let target = view.target()?;
            match target.i64_at(&["spec", "replicas"]) {
                Some(replicas) if replicas > 0 => Ok(Vec::new()),
                _ => set_replicas(view, replicas_for_start(view)?),
            }
        }
        TargetKind::DaemonSet => set_node_selector(view, Value::Null),
        TargetKind::Service => Ok(Vec::new()),
    }
}

fn replicas_for_start(view: &View<'_>) -> Result<i64, TargetError> {
    let Some(reference) = &view.canary.spec.autoscaler_ref else {
        let replicas = view.primary()?.i64_at(&["spec", "replicas"]);
        return Ok(replicas.unwrap_or(1).max(1));
    };
    let field = match reference.kind.as_str() {
        "HorizontalPodAutoscaler" => "minReplicas",
        "ScaledObject" => "minReplicaCount",
        _ => return Ok(1),
    };
    let (scaler, _) = view.scaler_refs(reference)?;
    let least = view
        .observed
        .optional(&scaler)?
        .and_then(|scaler| scaler.i64_at(&["spec", field]));
    Ok(least.unwrap_or(1).max(1))
}

/// Sets the replicas of a Deployment, if it has others.
pub(super) fn set_replicas(view: &View<'_>, replicas: i64) -> Result<Vec<Write>, TargetError> {
    let target = view.target()?;
    if target.i64_at(&["spec", "replicas"]) == Some(replicas) {
        return Ok(Vec::new());
    }
    Ok(patch(
        view.target_ref()?,
        value!({"spec": {"replicas": replicas}}),
    ))
}

/// Sets or, with null, removes the node selector of a DaemonSet.
fn set_node_selector(view: &View<'_>, value: Value) -> Result<Vec<Write>, TargetError> {
    const PATH: [&str; 5] = ["spec", "template", "spec", "nodeSelector", SCALE_TO_ZERO];
    let current = view.target()?.at(&PATH);
    if current.unwrap_or(&Value::Null) == &value {
        return Ok(Vec::new());
    }
    let mut change = Value::map();
    change.set_at(&PATH, value);
    Ok(patch(view.target_ref()?, change))
}

pub(super) fn patch(object: ObjectRef, patch: Value) -> Vec<Write> {
    vec![Write::MergePatch { object, patch }]
}
