//! Telling the end of a run.

use super::turn::{Flow, Turn, Wake};
use super::{AlertDetail, AnalysisDone, Command, RunResult};
use std::ops::ControlFlow;
use trueup_kinds::canary::{AlertSeverity, PendingStep, Phase, WebhookType};

/// Tells the end of a run to hooks, people and metrics, once the status says
/// so: at least once, whoever is killed in between.
pub(super) fn announce(turn: &mut Turn<'_>) -> Flow {
    if turn.state.pending_step != Some(PendingStep::Announce) {
        return ControlFlow::Continue(());
    }
    let phase = turn.state.phase;
    for outcome in turn.hooks(WebhookType::PostRollout, phase)? {
        let name = &outcome.name;
        match &outcome.refusal {
            None => turn.info(format!("Post-rollout check {name} passed")),
            Some(refusal) => turn.warn(format!("Post-rollout hook {name} failed {refusal}")),
        }
    }
    let skipped = turn.seen.spec.skip_analysis && phase == Phase::Succeeded;
    if phase == Phase::Succeeded {
        tell_success(turn, skipped);
    }
    turn.commands.push(Command::Count(RunResult {
        phase,
        strategy: turn.seen.spec.strategy(),
        analysis: if skipped {
            AnalysisDone::Skipped
        } else {
            AnalysisDone::Completed
        },
    }));
    turn.state.pending_step = None;
    ControlFlow::Break(Wake::Now)
}

fn tell_success(turn: &mut Turn<'_>, skipped: bool) {
    let target = turn.target_name();
    let (event, alert) = if skipped {
        (
            format!("Promotion completed! Canary analysis was skipped for {target}"),
            "Canary analysis was skipped, promotion finished.",
        )
    } else {
        (
            format!("Promotion completed! Scaling down {target}"),
            "Canary analysis completed successfully, promotion finished.",
        )
    };
    turn.info(event);
    turn.alert(AlertSeverity::Info, alert.to_owned(), AlertDetail::None);
}
