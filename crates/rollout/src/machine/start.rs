//! The beginning of a run.

use super::gate::Gate;
use super::request::RequestVerb;
use super::turn::{Flow, Turn, Wake};
use super::wait::Wait;
use super::{AlertDetail, Command, Readiness, rollback, stand_in};
use std::ops::ControlFlow;
use trueup_kinds::EventType;
use trueup_kinds::canary::{AlertSeverity, PendingStep, Phase, TOTAL_WEIGHT, WebhookType};

/// Starts a run of the target's revision, if it may.
pub(super) fn start(turn: &mut Turn<'_>) -> Flow {
    if turn.state.phase == Phase::Waiting {
        rollback::abort(turn)?;
        if !turn.is_approved() {
            turn.pace()?;
        }
    }
    await_primary(turn)?;
    if turn.state.phase == Phase::Waiting {
        rollback::ask_hooks(turn)?;
    }
    let phase = turn.state.phase;
    match turn.confirm(WebhookType::ConfirmRollout, phase)? {
        Gate::Open => begin(turn),
        Gate::Closed { hook, .. } => wait_for_approval(turn, &hook),
    }
}

/// A primary that is on its way is waited for. One that will not get there is
/// no reason to refuse what may be its repair.
fn await_primary(turn: &mut Turn<'_>) -> Flow {
    if turn.seen.spec.skip_analysis {
        return ControlFlow::Continue(());
    }
    if let Readiness::Waiting(message) = &turn.seen.primary.readiness
        && let Wait::Patient(wake) = turn.wait_for(message)
    {
        return ControlFlow::Break(wake);
    }
    ControlFlow::Continue(())
}

fn wait_for_approval(turn: &mut Turn<'_>, hook: &str) -> Flow {
    if turn.state.phase != Phase::Waiting {
        let name = turn.name();
        turn.warn(format!(
            "Halt {name} advancement waiting for approval {hook}"
        ));
        if !turn.is_muted(WebhookType::ConfirmRollout, hook) {
            let message = "Canary is waiting for approval.".to_owned();
            turn.alert(AlertSeverity::Warn, message, AlertDetail::None);
        }
        turn.state.phase = Phase::Waiting;
    }
    turn.step_taken()
}

fn begin(turn: &mut Turn<'_>) -> Flow {
    turn.state.pending_step = Some(PendingStep::ScaleUp);
    turn.write();
    let target = turn.target_name();
    turn.event(
        EventType::Normal,
        format!("New revision detected! Scaling up {target}"),
        Phase::Progressing,
    );
    turn.state.phase = Phase::Progressing;
    turn.alert(
        AlertSeverity::Info,
        "New revision detected, progressing canary analysis.".to_owned(),
        AlertDetail::Settings,
    );
    let was_alone = serves_alone(turn);
    scale_up(turn);
    reset(turn);
    if turn.can_route(0) && !was_alone {
        turn.set_routing(0, false);
    } else {
        keep_traffic(turn);
    }
    if turn.is_asked_to(RequestVerb::Retry) {
        turn.request_is_done();
    }
    ControlFlow::Break(Wake::Now)
}

/// The primary can't take the traffic that the target has: the new revision is
/// watched with it for an interval. A share of it is none of its own steps: the
/// primary gets it back.
fn keep_traffic(turn: &mut Turn<'_>) {
    if turn.routed_weight() == TOTAL_WEIGHT {
        turn.state.canary_weight = TOTAL_WEIGHT;
        turn.state.last_step_time = Some(turn.now);
    }
}

fn scale_up(turn: &mut Turn<'_>) {
    if turn.has_autoscaler() {
        turn.commands.push(Command::ResumeTargetScaler);
        turn.commands.push(Command::HoldPrimaryScaler);
    }
    turn.commands.push(Command::ScaleFromZero);
}

/// Undoes what a controller that was killed has begun for a run that is not
/// wanted any more.
pub(super) fn call_off(turn: &mut Turn<'_>) -> Flow {
    if turn.state.pending_step != Some(PendingStep::ScaleUp) {
        return ControlFlow::Continue(());
    }
    if turn.has_autoscaler() {
        turn.commands.push(Command::ReleasePrimaryScaler);
    }
    if turn.routed_weight() == 0 {
        rollback::scale_down(turn);
    }
    turn.state.pending_step = None;
    ControlFlow::Break(Wake::Now)
}

/// Whether the target has all the traffic because the primary can't have any.
fn serves_alone(turn: &Turn<'_>) -> bool {
    turn.routed_weight() == TOTAL_WEIGHT && turn.seen.primary.readiness != Readiness::Ready
}

/// Sets everything in the status that belongs to a run to its beginning.
pub(super) fn reset(turn: &mut Turn<'_>) {
    turn.state.last_promoted_spec = turn.copied_revision();
    turn.track_target();
    let now = turn.now;
    let state = &mut turn.state;
    state.phase = Phase::Progressing;
    state.canary_weight = 0;
    state.failed_checks = 0;
    state.no_data_checks = 0;
    state.errored_checks = 0;
    state.iterations = 0;
    state.pending_step = None;
    state.run_started_time = Some(now);
    state.last_step_time = None;
    state.checks.clear();
    turn.say("A new revision is scaled up.");
}

/// Starts the run again if the target is of another revision than the one that
/// is watched.
pub(super) fn restart(turn: &mut Turn<'_>) -> Flow {
    if !turn.has_new_revision() {
        return ControlFlow::Continue(());
    }
    let target = turn.target_name();
    turn.info(format!(
        "New revision detected! Restarting analysis for {target}"
    ));
    let stands_in = stand_in::left_weight(turn).is_some();
    reset(turn);
    if turn.seen.primary.can_serve() {
        turn.set_routing(0, false);
    } else if !stands_in {
        keep_traffic(turn);
    }
    ControlFlow::Break(Wake::Now)
}
