//! Between two runs.

use super::request::RequestVerb;
use super::turn::{Flow, Turn, Wake};
use super::{Readiness, RoutesSeen, TargetSeen, announce, objects, rollback, routes, start};
use std::ops::ControlFlow;
use trueup_kinds::canary::{PendingStep, Phase, TOTAL_WEIGHT};

/// Keeps what was made as it should be, and starts a run of a new revision.
pub(super) fn rest(turn: &mut Turn<'_>) -> Flow {
    if turn.state.pending_step == Some(PendingStep::RollBack) {
        return rollback::roll_back(turn);
    }
    announce::announce(turn)?;
    if turn.target().is_some() {
        objects::ensure(turn);
    }
    complete_rollback(turn)?;
    leave_lost_canary(turn)?;
    if is_failed_promotion(turn) {
        replace_lost_primary(turn)?;
        leave_spare_canary(turn);
    }
    routes::correct(turn);
    if let TargetSeen::Missing(message) = &turn.seen.target {
        return ControlFlow::Break(turn.hold(message));
    }
    if let RoutesSeen::Unusable(message) = &turn.seen.routes {
        return ControlFlow::Break(turn.hold(message));
    }
    if turn.seen.routes == RoutesSeen::Missing && turn.live_routes().is_some() {
        // Whether they are taken over is to be seen before a run begins.
        return ControlFlow::Break(Wake::Now);
    }
    let is_asked = may_be_retried(turn) && turn.is_asked_to(RequestVerb::Retry);
    if turn.has_new_revision() || is_asked {
        return start::start(turn);
    }
    start::call_off(turn)?;
    if turn.state.phase == Phase::Waiting {
        return stop_waiting(turn);
    }
    turn.dismiss_request(&[]);
    ControlFlow::Continue(())
}

/// Whether the revision is one that has failed, or that waits to be tried once
/// more.
fn may_be_retried(turn: &Turn<'_>) -> bool {
    match turn.state.phase {
        Phase::Failed => true,
        Phase::Waiting => turn.state.last_applied_spec != turn.state.last_promoted_spec,
        _ => false,
    }
}

/// What was waited for is gone: the target is what it was before. If that is
/// not what the primary is a copy of, or if it has traffic or is kept for a
/// primary that did not get ready, it has failed.
fn stop_waiting(turn: &mut Turn<'_>) -> Flow {
    let is_promoted = turn.state.last_applied_spec == turn.state.last_promoted_spec;
    let is_kept = turn.routed_weight() > 0 || turn.state.canary_weight > 0;
    if is_promoted && !is_kept {
        rollback::scale_down(turn);
        turn.state.phase = Phase::Succeeded;
    } else {
        turn.state.phase = Phase::Failed;
    }
    ControlFlow::Break(Wake::Now)
}

/// A canary that serves in place of the primary and has lost its endpoints
/// goes, and its traffic to the primary, as soon as that has some.
fn leave_lost_canary(turn: &mut Turn<'_>) -> Flow {
    let is_lost = turn.routed_weight() > 0 && !turn.seen.canary.can_serve();
    if !is_lost || !turn.seen.primary.can_serve() {
        return ControlFlow::Continue(());
    }
    turn.warn(format!(
        "Canary {} has no ready endpoints, routing all traffic to primary",
        turn.name()
    ));
    turn.set_routing(0, false);
    rollback::scale_down(turn);
    turn.state.canary_weight = 0;
    ControlFlow::Break(Wake::Now)
}

/// Whether the canary's Pods are there still because the primary, a copy of it,
/// did not get ready.
fn is_failed_promotion(turn: &Turn<'_>) -> bool {
    let state = &turn.state;
    state.phase == Phase::Failed
        && state.last_promoted_spec == state.last_applied_spec
        && !turn.has_new_revision()
}

/// The canary gets all traffic if only the canary answers, with Pods of the
/// revision that was promoted.
fn replace_lost_primary(turn: &mut Turn<'_>) -> Flow {
    let canary = &turn.seen.canary;
    let is_whole = canary.readiness == Readiness::Ready && canary.can_serve();
    let is_lost = !turn.seen.primary.can_serve() && is_whole;
    if !is_lost || turn.routed_weight() == TOTAL_WEIGHT || turn.is_kubernetes() {
        return ControlFlow::Continue(());
    }
    turn.warn_of_lost_primary();
    turn.set_routing(TOTAL_WEIGHT, false);
    turn.state.canary_weight = TOTAL_WEIGHT;
    ControlFlow::Break(Wake::Now)
}

/// Without traffic the canary's Pods go when the primary is ready.
fn leave_spare_canary(turn: &mut Turn<'_>) {
    let primary = &turn.seen.primary;
    let is_ready = primary.readiness == Readiness::Ready && primary.can_serve();
    let has_pods = turn.seen.canary.ready_endpoints.is_some_and(|it| it > 0);
    let is_kept = has_pods || turn.state.canary_weight > 0;
    if turn.routed_weight() == 0 && is_ready && is_kept {
        rollback::scale_down(turn);
        turn.state.canary_weight = 0;
    }
}

/// A revision that has failed, and has its traffic still because the primary
/// could not take it, loses it as soon as the primary can.
fn complete_rollback(turn: &mut Turn<'_>) -> Flow {
    let state = &turn.state;
    let is_left = state.phase == Phase::Failed && turn.routed_weight() > 0;
    let is_promotion = state.last_promoted_spec == state.last_applied_spec;
    let can_be = turn.seen.primary.readiness == Readiness::Ready && turn.seen.primary.can_serve();
    if !is_left || is_promotion || !can_be {
        return ControlFlow::Continue(());
    }
    rollback::take_traffic(turn);
    turn.state.canary_weight = 0;
    ControlFlow::Break(Wake::Now)
}
