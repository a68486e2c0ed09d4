//! The primary becomes the new revision, and gets its traffic back.

use super::rollback::Cause;
use super::turn::{Flow, Turn, Wake};
use super::wait::Prospect;
use super::{Command, LiveRoutes, TargetSeen, objects, rollback, routes, stand_in};
use std::ops::ControlFlow;
use trueup_kinds::canary::{PendingStep, Phase, TOTAL_WEIGHT};

/// Decides that the run has succeeded. What was watched is what is copied,
/// whatever is decided after a controller was killed in between.
pub(super) fn begin(turn: &mut Turn<'_>) -> Flow {
    if turn.seen.spec.skip_analysis && turn.seen.primary.can_serve() {
        turn.set_routing(0, false);
    }
    let namespace = &turn.seen.metadata.namespace;
    let (target, primary) = (turn.target_name(), turn.seen.spec.primary_name());
    turn.info(format!(
        "Copying {target} template spec to {primary}.{namespace}"
    ));
    turn.state.pending_step = Some(PendingStep::Promote);
    turn.write();
    copy(turn)
}

/// Copies the target's revision to the primary.
pub(super) fn copy(turn: &mut Turn<'_>) -> Flow {
    if let TargetSeen::Missing(message) = &turn.seen.target {
        routes::correct(turn);
        return match turn.prospect(message) {
            Prospect::Later(wake) => ControlFlow::Break(wake),
            _ => rollback::decide(turn, Cause::NotReady(message.to_string())),
        };
    }
    let revision = turn.state.last_applied_spec.clone();
    turn.commands.push(Command::CopyToPrimary { revision });
    if turn.seen.spec.skip_analysis {
        turn.state.pending_step = Some(PendingStep::AwaitPrimary);
        turn.say("The primary is updated.");
    } else {
        turn.state.pending_step = None;
        turn.state.phase = Phase::Promoting;
        turn.state.last_step_time = None;
    }
    ControlFlow::Break(Wake::Now)
}

/// Waits for a primary that was updated without an analysis, and kept its
/// traffic.
pub(super) fn await_primary(turn: &mut Turn<'_>) -> Flow {
    routes::correct(turn);
    await_ready(turn)?;
    succeed(turn)
}

/// Waits for a primary that was updated. One that doesn't get ready ends the
/// promotion.
fn await_ready(turn: &mut Turn<'_>) -> Flow {
    match turn.primary() {
        Prospect::Ready => stand_in::await_calm(turn),
        Prospect::Later(wake) => {
            routes::correct(turn);
            ControlFlow::Break(wake)
        }
        Prospect::Never(message) => rollback::fail_promotion(turn, &message),
    }
}

/// Leads the traffic back to the primary as soon as it is ready.
pub(super) fn promote(turn: &mut Turn<'_>) -> Flow {
    stand_in::resume(turn)?;
    objects::ensure(turn);
    turn.dismiss_request(&[]);
    escape(turn)?;
    stand_in::begin(turn);
    await_ready(turn)?;
    if turn.is_kubernetes() {
        return finalising(turn);
    }
    shift_back(turn)
}

/// The canary may no longer have traffic: its Pods are gone, or they are of a
/// revision that nobody has watched.
fn escape(turn: &mut Turn<'_>) -> Flow {
    let is_stale = turn.has_new_revision() || !turn.seen.canary.can_serve();
    if !is_stale || turn.is_kubernetes() || !turn.seen.primary.can_serve() {
        return ControlFlow::Continue(());
    }
    route_to_primary(turn)
}

fn route_to_primary(turn: &mut Turn<'_>) -> Flow {
    turn.info("Routing all traffic to primary".to_owned());
    turn.set_routing(0, false);
    finalising(turn)
}

fn finalising(turn: &mut Turn<'_>) -> Flow {
    turn.state.phase = Phase::Finalising;
    turn.state.canary_weight = 0;
    turn.state.iterations = 0;
    ControlFlow::Break(Wake::Now)
}

fn shift_back(turn: &mut Turn<'_>) -> Flow {
    let step = turn.analysis().step_weight_promotion;
    let weight = stand_in::left_weight(turn).unwrap_or_else(|| turn.routed_weight());
    if step <= 0 {
        return route_to_primary(turn);
    }
    if weight == 0 {
        return finalising(turn);
    }
    let next = weight.saturating_sub(step).max(0);
    let routes = LiveRoutes {
        canary_weight: next,
        mirrored: Some(false),
    };
    if !routes::has_interrupted_step(turn, routes) {
        routes::correct(turn);
        if let ControlFlow::Break(wake) = turn.pace() {
            stand_in::end(turn);
            return ControlFlow::Break(wake);
        }
    }
    advance_primary(turn, next)
}

fn advance_primary(turn: &mut Turn<'_>, canary_weight: i64) -> Flow {
    turn.set_routing(canary_weight, false);
    let name = turn.name();
    let weight = TOTAL_WEIGHT - canary_weight;
    turn.info(format!("Advance {name} primary weight {weight}"));
    if canary_weight == 0 {
        return finalising(turn);
    }
    turn.state.canary_weight = canary_weight;
    turn.say(format!("Primary weight {weight}."));
    turn.step_taken()
}

/// Takes the canary's Pods away, once the primary is ready.
pub(super) fn finalise(turn: &mut Turn<'_>) -> Flow {
    stand_in::resume(turn)?;
    objects::ensure(turn);
    if stand_in::left_weight(turn).is_some() {
        escape(turn)?;
    }
    stand_in::begin(turn);
    await_ready(turn)?;
    if stand_in::left_weight(turn).is_some() {
        return route_to_primary(turn);
    }
    routes::correct(turn);
    // A gateway that has not taken the routes over may still send the canary
    // what is meant for the primary.
    routes::await_usable(turn)?;
    succeed(turn)
}

fn succeed(turn: &mut Turn<'_>) -> Flow {
    turn.set_routing(0, false);
    if turn.has_autoscaler() {
        turn.commands.push(Command::PauseTargetScaler);
    }
    turn.commands.push(Command::ScaleToZero);
    if turn.has_autoscaler() {
        // The canary may have had to stand in for the primary until now.
        turn.commands.push(Command::ReleasePrimaryScaler);
    }
    turn.state.phase = Phase::Succeeded;
    turn.state.canary_weight = 0;
    turn.state.iterations = 0;
    turn.state.last_promoted_spec = turn.state.last_applied_spec.clone();
    turn.state.pending_step = Some(PendingStep::Announce);
    ControlFlow::Break(Wake::Now)
}
