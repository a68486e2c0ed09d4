//! Between two runs.

use super::request::RequestVerb;
use super::turn::{Flow, Turn, Wake};
use super::{Readiness, RoutesSeen, TargetSeen, announce, objects, rollback, routes, start};
use std::ops::ControlFlow;
use trueup_kinds::canary::{PendingStep, Phase};

/// Keeps what was made as it should be, and starts a run of a new revision.
pub(super) fn rest(turn: &mut Turn<'_>) -> Flow {
    if turn.state.pending_step == Some(PendingStep::RollBack) {
        return rollback::roll_back(turn);
    }
    announce::announce(turn)?;
    if let TargetSeen::Missing(message) = &turn.seen.target {
        return ControlFlow::Break(turn.hold(message));
    }
    objects::ensure(turn);
    complete_rollback(turn)?;
    routes::correct(turn);
    if let RoutesSeen::Unusable(message) = &turn.seen.routes {
        return ControlFlow::Break(turn.hold(message));
    }
    let is_asked = turn.state.phase == Phase::Failed && turn.is_asked_to(RequestVerb::Retry);
    if turn.has_new_revision() || is_asked {
        return start::start(turn);
    }
    if turn.state.phase == Phase::Waiting {
        return stop_waiting(turn);
    }
    turn.dismiss_request(&[]);
    ControlFlow::Continue(())
}

/// What was waited for is gone: the target is what the primary is a copy of.
fn stop_waiting(turn: &mut Turn<'_>) -> Flow {
    turn.state.phase = Phase::Succeeded;
    ControlFlow::Break(Wake::Now)
}

/// A revision that has failed, and has its traffic still because the primary
/// could not take it, loses it as soon as the primary can.
fn complete_rollback(turn: &mut Turn<'_>) -> Flow {
    let state = &turn.state;
    let is_left = state.phase == Phase::Failed && turn.routed_weight() > 0;
    // After a failed promotion both are of the same revision.
    let is_promotion = state.last_promoted_spec == state.last_applied_spec;
    let can_be = turn.seen.primary.readiness == Readiness::Ready && turn.seen.primary.can_serve();
    if !is_left || is_promotion || !can_be {
        return ControlFlow::Continue(());
    }
    rollback::take_traffic(turn);
    turn.state.canary_weight = 0;
    ControlFlow::Break(Wake::Now)
}
