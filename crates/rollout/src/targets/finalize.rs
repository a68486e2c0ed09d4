//! What was there before a `Canary`, put back (`revertOnDeletion`).

use super::discovery::{Discovery, discover};
use super::metadata::controlling_canary;
use super::scale::{scale_from_zero, set_replicas};
use super::services::release_apex;
use super::{TargetError, TargetKind, View, Write};
use trueup_kinds::names::LAST_APPLIED;
use trueup_object::{Map, Value, from_json};

/// Gives the target its Pods back: as many as the primary has, and without a
/// primary as for a run.
pub fn restore_target(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    if view.kind()? != TargetKind::Deployment {
        return scale_from_zero(view);
    }
    view.observed
        .all_read([&view.target_ref()?, &view.primary_ref()?])?;
    match view.observed.optional(&view.primary_ref()?)? {
        Some(primary) => {
            let replicas = primary.i64_at(&["spec", "replicas"]).unwrap_or(1);
            set_replicas(view, replicas)
        }
        None => scale_from_zero(view),
    }
}

/// Makes an apex Service that was there before lead to the target's Pods: by
/// the selector that was last applied with kubectl, else by the target's
/// label. One that was made for a `Canary` goes with it; one that is not there
/// is nothing to wait for.
pub fn restore_apex_service(view: &View<'_>) -> Result<Vec<Write>, TargetError> {
    let Some(discovery) = discover(view)? else {
        return Ok(Vec::new());
    };
    let apex = view.service_ref(&view.canary.spec.service_names().apex);
    let Some(existing) = view.observed.optional(&apex)? else {
        return Ok(Vec::new());
    };
    if controlling_canary(existing).is_some() {
        return Ok(Vec::new());
    }
    Ok(match applied_selector(existing, &discovery) {
        Some(selector) => with_selector(existing, selector),
        None => release_apex(view, &discovery, existing),
    })
}

/// The selector of the last `kubectl apply`; `None` if there was none, it can't
/// be read, or it would select the primary's Pods, which are about to go.
fn applied_selector(existing: &Value, discovery: &Discovery) -> Option<Map> {
    let applied = existing.str_at(&["metadata", "annotations", LAST_APPLIED])?;
    let applied = from_json(applied.as_bytes()).ok()?;
    let selector = applied.at(&["spec", "selector"])?.as_map()?.clone();
    let primary = Value::from(discovery.primary_value.clone());
    let selects_primary = selector.get(&discovery.label) == Some(&primary);
    (!selects_primary).then_some(selector)
}

fn with_selector(existing: &Value, selector: Map) -> Vec<Write> {
    let mut next = existing.clone();
    next.set_at(&["spec", "selector"], selector.into());
    if next == *existing {
        return Vec::new();
    }
    vec![Write::Replace(next)]
}
