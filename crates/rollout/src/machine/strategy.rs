//! The next step of each way to shift traffic.

use super::gate::Gate;
use super::turn::{Flow, Turn};
use super::wait::Wait;
use super::{AlertDetail, promote, rollback};
use std::ops::ControlFlow;
use trueup_kinds::canary::{AlertSeverity, Phase, Strategy, TOTAL_WEIGHT, WebhookType};

/// How many iterations a run with Services alone has where none are given.
pub const DEFAULT_ITERATIONS: i64 = 10;

/// The next step of a canary that has passed a look.
pub(super) fn advance(turn: &mut Turn<'_>) -> Flow {
    warn_of_kubernetes(turn);
    match turn.strategy() {
        Strategy::Canary => shift(turn),
        Strategy::AbTesting => test_matching(turn),
        Strategy::BlueGreen => test_unseen(turn),
    }
}

/// What can't be had without a provider that shifts traffic is told at each
/// step, as Flagger does.
fn warn_of_kubernetes(turn: &mut Turn<'_>) {
    if !turn.is_kubernetes() {
        return;
    }
    if !turn.analysis().matches.is_empty() {
        turn.warn("A/B testing is not supported when using the kubernetes provider".to_owned());
    }
    if turn.analysis().iterations < 1 {
        let message = "Progressive traffic is not supported when using the kubernetes provider";
        turn.warn(message.to_owned());
        turn.warn(format!(
            "Setting canaryAnalysis.iterations: {DEFAULT_ITERATIONS}"
        ));
    }
}

impl Turn<'_> {
    /// How many iterations the run has.
    pub(super) fn iterations(&self) -> i64 {
        match self.analysis().iterations {
            given if given > 0 => given,
            _ if self.is_kubernetes() => DEFAULT_ITERATIONS,
            given => given,
        }
    }
}

/// The weight that the routes get next, for who finds them ahead of the
/// status; `None` where the next step does not touch them.
pub(super) fn next_weight(turn: &Turn<'_>) -> Option<i64> {
    let analysis = turn.analysis();
    let weight = turn.routed_weight();
    match turn.strategy() {
        Strategy::Canary if weight >= analysis.max_weight_or_default() => None,
        Strategy::Canary if begins_to_mirror(turn) => None,
        Strategy::Canary => Some(analysis.next_weight(weight)),
        Strategy::AbTesting => (turn.state.iterations == 0).then_some(TOTAL_WEIGHT),
        Strategy::BlueGreen => (turn.state.iterations == turn.iterations()).then_some(TOTAL_WEIGHT),
    }
}

/// Whether the canary gets copies of requests before it gets any.
fn begins_to_mirror(turn: &Turn<'_>) -> bool {
    let mirrors = turn.analysis().mirror && turn.strategy() != Strategy::AbTesting;
    mirrors && turn.routed_weight() == 0 && !turn.state.mirrored
}

/// Writes down that the routes have a weight.
pub(super) fn record_shift(turn: &mut Turn<'_>, weight: i64) -> Flow {
    match turn.strategy() {
        Strategy::Canary => weigh(turn, weight),
        Strategy::AbTesting => {
            turn.set_routing(weight, false);
            turn.state.canary_weight = 0;
            count_iteration(turn)
        }
        Strategy::BlueGreen => switch(turn),
    }
}

/// More traffic, or promotion.
fn shift(turn: &mut Turn<'_>) -> Flow {
    let analysis = turn.analysis();
    let weight = turn.routed_weight();
    if !turn.state.mirrored && turn.state.phase != Phase::WaitingPromotion {
        confirm_increase(turn)?;
    }
    if weight >= analysis.max_weight_or_default() {
        confirm_promotion(turn)?;
        return promote::begin(turn);
    }
    if begins_to_mirror(turn) {
        turn.set_routing(0, true);
        return tell_weight(turn, 0);
    }
    let next = analysis.next_weight(weight);
    weigh(turn, next)
}

fn weigh(turn: &mut Turn<'_>, weight: i64) -> Flow {
    turn.set_routing(weight, false);
    tell_weight(turn, weight)
}

fn tell_weight(turn: &mut Turn<'_>, weight: i64) -> Flow {
    let name = turn.name();
    turn.state.canary_weight = weight;
    turn.info(format!("Advance {name} canary weight {weight}"));
    turn.say(format!("Canary weight {weight}."));
    turn.step_taken()
}

fn confirm_increase(turn: &mut Turn<'_>) -> Flow {
    let kind = WebhookType::ConfirmTrafficIncrease;
    let Gate::Closed { hook, .. } = turn.confirm(kind, Phase::Progressing)? else {
        return ControlFlow::Continue(());
    };
    let name = turn.name();
    turn.warn(format!(
        "Halt {name} advancement waiting for traffic increase approval {hook}"
    ));
    if !turn.is_muted(kind, &hook) {
        let message = "Canary traffic increase is waiting for approval.".to_owned();
        turn.alert(AlertSeverity::Warn, message, AlertDetail::None);
    }
    turn.step_taken()
}

/// All requests that match, one iteration after the other.
fn test_matching(turn: &mut Turn<'_>) -> Flow {
    if turn.state.iterations < turn.iterations() {
        turn.set_routing(TOTAL_WEIGHT, false);
        turn.state.canary_weight = 0;
        return count_iteration(turn);
    }
    confirm_promotion(turn)?;
    promote::begin(turn)
}

/// No traffic but copies, one iteration after the other; then all of it for one
/// more.
fn test_unseen(turn: &mut Turn<'_>) -> Flow {
    let iterations = turn.iterations();
    if turn.state.iterations < iterations {
        if begins_to_mirror(turn) && !turn.is_kubernetes() {
            turn.set_routing(0, true);
        }
        return count_iteration(turn);
    }
    confirm_promotion(turn)?;
    if turn.state.iterations > iterations {
        return promote::begin(turn);
    }
    switch(turn)
}

fn switch(turn: &mut Turn<'_>) -> Flow {
    if !turn.is_kubernetes() {
        turn.info(if turn.analysis().mirror {
            "Stop traffic mirroring and route all traffic to canary".to_owned()
        } else {
            "Routing all traffic to canary".to_owned()
        });
        turn.set_routing(TOTAL_WEIGHT, false);
        turn.state.canary_weight = 0;
    }
    turn.state.iterations = turn.iterations() + 1;
    turn.say("The canary is watched with all traffic.");
    turn.step_taken()
}

fn count_iteration(turn: &mut Turn<'_>) -> Flow {
    let (name, all) = (turn.name(), turn.iterations());
    turn.state.iterations += 1;
    let count = turn.state.iterations;
    turn.info(format!("Advance {name} canary iteration {count}/{all}"));
    turn.say(format!("Iteration {count} of {all}."));
    turn.step_taken()
}

fn confirm_promotion(turn: &mut Turn<'_>) -> Flow {
    let kind = WebhookType::ConfirmPromotion;
    let Gate::Closed { hook, .. } = turn.confirm(kind, Phase::Progressing)? else {
        return ControlFlow::Continue(());
    };
    if turn.state.phase != Phase::WaitingPromotion {
        let name = turn.name();
        turn.state.canary_weight = 0;
        turn.warn(format!(
            "Halt {name} advancement waiting for promotion approval {hook}"
        ));
        if !turn.is_muted(kind, &hook) {
            let message = "Canary promotion is waiting for approval.".to_owned();
            turn.alert(AlertSeverity::Warn, message, AlertDetail::None);
        }
        turn.state.phase = Phase::WaitingPromotion;
    }
    turn.state.iterations = turn.iterations() - 1;
    turn.say("Waiting for approval.");
    turn.step_taken()
}

/// Nobody is sent where nobody answers: a step that would do so is not taken.
pub(super) fn await_room(turn: &mut Turn<'_>) -> Flow {
    let mirrored = begins_to_mirror(turn).then_some(0);
    let next = next_weight(turn).or(mirrored);
    let next = next.filter(|_| !turn.is_kubernetes());
    let Some(weight) = next.filter(|weight| !turn.can_route(*weight)) else {
        return ControlFlow::Continue(());
    };
    let message = format!(
        "Halt {} advancement canary weight {weight} would lead to no ready endpoints",
        turn.name()
    );
    match turn.wait_for(&message) {
        Wait::Patient(wake) => ControlFlow::Break(wake),
        Wait::Overdue => rollback::decide(turn, rollback::Cause::NotReady(message)),
    }
}
