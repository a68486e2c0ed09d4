//! Making the primary, and giving it the traffic.

use super::turn::{Flow, Turn, Wake};
use super::{
    AlertDetail, Command, Fit, Outcome, Part, Question, Readiness, RoutesSeen, TargetSeen,
};
use std::ops::ControlFlow;
use trueup_kinds::canary::{AlertSeverity, PendingStep, Phase};
use trueup_object::Text;

/// What the names of App Mesh's providers begin with: its Pods get their
/// sidecar only if the mesh knows them before.
const APP_MESH: &str = "appmesh";

/// Makes the primary, waits for it, and only then leads the traffic to it and
/// takes the target's Pods away.
pub(super) fn initialize(turn: &mut Turn<'_>) -> Flow {
    if turn.state.phase == Phase::Unset {
        turn.state.phase = Phase::Initializing;
        turn.write();
    }
    let target = match &turn.seen.target {
        TargetSeen::Found(target) => target,
        TargetSeen::Missing(message) => return ControlFlow::Break(turn.hold(message)),
    };
    let objects = turn.seen.objects;
    if objects.services != Fit::Fits {
        turn.commands.push(Command::Ensure(Part::Services));
    }
    make_routes_for_sidecars(turn);
    if objects.primary == Fit::Missing {
        ask_providers(turn)?;
        turn.track_target();
        turn.commands.push(Command::Ensure(Part::Primary));
        return ControlFlow::Break(Wake::OnEvent);
    }
    let is_outdated = turn.state.last_applied_spec != target.revision || turn.has_new_configs();
    if is_outdated || turn.state.pending_step == Some(PendingStep::Promote) {
        // It may be the repair of what keeps the primary from getting ready.
        copy_again(turn, target.revision.clone());
        return ControlFlow::Break(Wake::OnEvent);
    }
    await_primary(turn)?;
    ask_providers(turn)?;
    cut_over(turn);
    initialized(turn)
}

/// Makes the primary a copy of the target as it is now. That is written down
/// before: whoever goes on does not know otherwise which one it is a copy of.
fn copy_again(turn: &mut Turn<'_>, revision: Text) {
    turn.state.pending_step = Some(PendingStep::Promote);
    turn.write();
    turn.commands.push(Command::CopyToPrimary { revision });
    turn.track_target();
    turn.state.pending_step = None;
}

fn ask_providers(turn: &mut Turn<'_>) -> Flow {
    if turn.seen.spec.skip_analysis {
        return ControlFlow::Continue(());
    }
    let trouble = turn.ask(Question::Providers, |outcome| match outcome {
        Outcome::Providers(trouble) => Some(trouble),
        _ => None,
    })?;
    match trouble {
        None => turn.info("all the metrics providers are available!".to_owned()),
        Some(trouble) => turn.warn(format!("Error checking metric providers: {trouble}")),
    }
    ControlFlow::Continue(())
}

fn make_routes_for_sidecars(turn: &mut Turn<'_>) {
    let provider = turn
        .seen
        .spec
        .provider_or(&turn.seen.settings.default_provider);
    if provider.starts_with(APP_MESH) && turn.seen.routes == RoutesSeen::Missing {
        turn.set_routing(0, false);
    }
}

/// The target serves as long as the primary can't, whether the analysis is
/// skipped or not.
fn await_primary(turn: &mut Turn<'_>) -> Flow {
    let primary = &turn.seen.primary;
    match &primary.readiness {
        Readiness::Ready if primary.can_serve() => ControlFlow::Continue(()),
        Readiness::Ready => {
            let message = turn.primary_without_endpoints();
            ControlFlow::Break(turn.hold(&message))
        }
        Readiness::Waiting(message) | Readiness::Failed(message) => {
            ControlFlow::Break(turn.hold(message))
        }
    }
}

fn cut_over(turn: &mut Turn<'_>) {
    let objects = turn.seen.objects;
    if turn.has_autoscaler() {
        if objects.primary_scaler != Fit::Fits {
            turn.commands.push(Command::Ensure(Part::PrimaryScaler));
        }
        turn.commands.push(Command::PauseTargetScaler);
    }
    if objects.apex != Fit::Fits {
        turn.commands.push(Command::Ensure(Part::Apex));
    }
    if objects.routes == Fit::Differs {
        turn.commands.push(Command::Ensure(Part::Routes));
    }
    turn.set_routing(0, false);
    turn.commands.push(Command::ScaleToZero);
}

fn initialized(turn: &mut Turn<'_>) -> Flow {
    turn.state.phase = Phase::Initialized;
    turn.state.canary_weight = 0;
    turn.state.failed_checks = 0;
    turn.state.iterations = 0;
    turn.track_target();
    turn.state.last_promoted_spec = turn.state.last_applied_spec.clone();
    turn.info(format!("Initialization done! {}", turn.name()));
    let kind = &turn.seen.spec.target_ref.kind;
    turn.alert(
        AlertSeverity::Info,
        format!("New {kind} detected, initialization completed."),
        AlertDetail::Settings,
    );
    ControlFlow::Break(Wake::Now)
}
