//! Putting everything back before a `Canary` goes.

use super::turn::{Flow, Turn, Wake};
use super::{Command, Readiness, TargetSeen};
use std::ops::ControlFlow;
use trueup_kinds::canary::Phase;
use trueup_kinds::names;

/// Puts Flagger's finalizer on a `Canary` that wants to be put back, and off
/// one that doesn't any more.
pub(super) fn keep_finalizer(turn: &mut Turn<'_>) {
    match (turn.seen.spec.revert_on_deletion, has_finalizer(turn)) {
        (true, false) => turn.commands.push(Command::AddFinalizer),
        (false, true) => turn.commands.push(Command::RemoveFinalizer),
        _ => {}
    }
}

fn has_finalizer(turn: &Turn<'_>) -> bool {
    let mut finalizers = turn.seen.metadata.finalizers.iter();
    finalizers.any(|finalizer| finalizer == names::FLAGGER_FINALIZER)
}

/// Puts everything back: the target serves before the primary goes with the
/// `Canary`. One that doesn't want that is left to the garbage collector.
pub(super) fn terminate(turn: &mut Turn<'_>) -> Flow {
    if !has_finalizer(turn) {
        return ControlFlow::Break(Wake::Silent);
    }
    if !turn.seen.spec.revert_on_deletion {
        turn.commands.push(Command::RemoveFinalizer);
        return ControlFlow::Break(Wake::Silent);
    }
    begin(turn)?;
    if let TargetSeen::Found(_) = turn.seen.target {
        await_target(turn)?;
    }
    let name = turn.name();
    turn.commands.push(Command::RestoreServices);
    turn.commands.push(Command::RestoreRoutes);
    turn.info(format!("Terminated canary {name}"));
    turn.commands.push(Command::RemoveFinalizer);
    // What follows the last finalizer has no object to be written to.
    ControlFlow::Break(Wake::Silent)
}

fn begin(turn: &mut Turn<'_>) -> Flow {
    if turn.state.phase == Phase::Terminating {
        return ControlFlow::Continue(());
    }
    let name = turn.name();
    turn.state.phase = Phase::Terminating;
    turn.state.canary_weight = 0;
    turn.state.iterations = 0;
    turn.info(format!("Terminating canary {name}"));
    restore_target(turn);
    ControlFlow::Break(Wake::Now)
}

fn restore_target(turn: &mut Turn<'_>) {
    if let TargetSeen::Missing(_) = turn.seen.target {
        return;
    }
    if turn.has_autoscaler() {
        turn.commands.push(Command::ResumeTargetScaler);
    }
    turn.commands.push(Command::RestoreTarget);
}

/// The target has to be ready, however long that takes: the primary serves.
fn await_target(turn: &mut Turn<'_>) -> Flow {
    let canary = &turn.seen.canary;
    match &canary.readiness {
        Readiness::Ready if canary.can_serve() => ControlFlow::Continue(()),
        Readiness::Ready => {
            let message = format!(
                "canary {} not ready: no ready endpoints",
                turn.target_name()
            );
            if !turn.is_awaited(&message) {
                // Somebody may have scaled it down again.
                restore_target(turn);
            }
            ControlFlow::Break(turn.hold(&message))
        }
        Readiness::Waiting(message) | Readiness::Failed(message) => {
            ControlFlow::Break(turn.hold(message))
        }
    }
}
