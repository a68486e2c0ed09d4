//! A run under way: what comes before the next step of it.

use super::request::RequestVerb;
use super::rollback::Cause;
use super::turn::{Flow, Turn};
use super::wait::{Prospect, Wait};
use super::{
    LiveRoutes, Readiness, TargetSeen, Verdict, analysis, objects, promote, rollback, routes,
    stand_in, standing, start, strategy,
};
use jiff::SignedDuration;
use std::ops::ControlFlow;
use trueup_kinds::canary::{PendingStep, Phase, Strategy, TOTAL_WEIGHT, WebhookType};
use trueup_kinds::{ApiDuration, names};

/// Takes the next step of a run, if it is due and nothing stands against it.
pub(super) fn progress(turn: &mut Turn<'_>) -> Flow {
    if turn.state.pending_step == Some(PendingStep::RollBack) {
        return rollback::roll_back(turn);
    }
    stand_in::resume(turn)?;
    objects::ensure(turn);
    if turn.state.pending_step.is_none() {
        rollback::abort(turn)?;
        end_in_time(turn)?;
    }
    routes::withdraw(turn)?;
    start::restart(turn)?;
    match turn.state.pending_step {
        Some(PendingStep::Promote) => return promote::copy(turn),
        Some(PendingStep::AwaitPrimary) => return promote::await_primary(turn),
        _ => {}
    }
    end_when_failed(turn)?;
    finish_interrupted(turn)?;
    stand_in::begin(turn);
    stand_in::leave_unwatched(turn)?;
    await_primary(turn)?;
    routes::correct(turn);
    await_canary(turn)?;
    if turn.seen.spec.skip_analysis {
        return promote::begin(turn);
    }
    if turn.is_asked_to(RequestVerb::Promote) {
        turn.request_is_done();
        return promote::begin(turn);
    }
    look(turn)
}

/// One look at the canary, and what follows from it.
fn look(turn: &mut Turn<'_>) -> Flow {
    if !turn.may_promote_early() {
        turn.pace()?;
    }
    strategy::await_room(turn)?;
    turn.dismiss_request(&[
        RequestVerb::Approve,
        RequestVerb::Promote,
        RequestVerb::Abort,
    ]);
    rollback::ask_hooks(turn)?;
    analysis::analyse(turn)?;
    let flow = strategy::advance(turn);
    if turn.state.last_step_time == Some(turn.now) {
        warn_of_primary(turn);
    }
    flow
}

/// Tells at each step that nobody waits for the primary any more.
fn warn_of_primary(turn: &mut Turn<'_>) {
    match &turn.seen.primary.readiness {
        Readiness::Waiting(message) | Readiness::Failed(message) => turn.warn(message.to_string()),
        Readiness::Ready => {}
    }
}

impl Turn<'_> {
    /// Whether a person has opened the gate that is all that was waited for.
    fn may_promote_early(&self) -> bool {
        let mut gates = self.analysis().webhooks_of(WebhookType::ConfirmPromotion);
        let passed = Verdict::Passed.word();
        // What has just got all traffic is watched for an interval.
        let is_switched = self.state.iterations > self.iterations();
        self.state.phase == Phase::WaitingPromotion
            && !is_switched
            && gates.next().is_some()
            && self
                .state
                .checks
                .last()
                .is_some_and(|it| it.verdict == passed)
            && self.is_approved()
    }
}

/// Ends a run that takes longer than a person wants.
fn end_in_time(turn: &mut Turn<'_>) -> Flow {
    let annotations = &turn.seen.metadata.annotations;
    let most = annotations.get(names::CANARY_MAX_DURATION);
    let most = most.and_then(|text| ApiDuration::parse(text).ok());
    let (Some(most), Some(began)) = (most, turn.state.run_started_time) else {
        return ControlFlow::Continue(());
    };
    let most_span = SignedDuration::try_from(most.0).unwrap_or(SignedDuration::MAX);
    if turn.now.duration_since(began) < most_span {
        return ControlFlow::Continue(());
    }
    rollback::decide(turn, Cause::TooLong(most))
}

/// Ends a run that has failed often enough.
fn end_when_failed(turn: &mut Turn<'_>) -> Flow {
    match failure(turn) {
        Some(cause) => rollback::decide(turn, cause),
        None => ControlFlow::Continue(()),
    }
}

/// Why a run has failed, if it has.
pub(super) fn failure(turn: &Turn<'_>) -> Option<Cause> {
    let state = &turn.state;
    let reached = |key, count| turn.limit(key).is_some_and(|limit| count >= limit);
    if state.failed_checks >= turn.analysis().threshold_or_default() {
        Some(Cause::FailedChecks)
    } else if reached(names::CANARY_NO_DATA_LIMIT, state.no_data_checks) {
        Some(Cause::NoData)
    } else if reached(names::CANARY_ERROR_LIMIT, state.errored_checks) {
        Some(Cause::Errors)
    } else {
        None
    }
}

impl Turn<'_> {
    /// A limit that an annotation sets.
    pub(super) fn limit(&self, key: &str) -> Option<i64> {
        let text = self.seen.metadata.annotations.get(key)?;
        standing::limit_of(text)
    }
}

/// Waits for the primary. One that will not get ready is no reason to refuse
/// what may be its repair: if nobody answers there the canary gets everything.
fn await_primary(turn: &mut Turn<'_>) -> Flow {
    if turn.seen.spec.skip_analysis {
        return ControlFlow::Continue(());
    }
    let primary = &turn.seen.primary;
    let is_whole = primary.readiness == Readiness::Ready && primary.can_serve();
    if serves_alone(turn) && !is_whole {
        return ControlFlow::Continue(());
    }
    match primary_of_run(turn) {
        Prospect::Later(wake) => {
            routes::correct(turn);
            return ControlFlow::Break(wake);
        }
        Prospect::Never(_) if !primary.can_serve() => {
            if can_serve_alone(turn) {
                return serve_alone(turn);
            }
            return ControlFlow::Continue(());
        }
        Prospect::Never(_) => {}
        Prospect::Ready => stand_in::await_calm(turn)?,
    }
    stand_in::go_on(turn)
}

/// With Services alone nobody can be led anywhere else.
fn primary_of_run(turn: &mut Turn<'_>) -> Prospect {
    if turn.is_kubernetes() {
        return turn.readiness(&turn.seen.primary.readiness);
    }
    turn.primary()
}

/// Whether the canary has all traffic for good.
fn serves_alone(turn: &Turn<'_>) -> bool {
    turn.routed_weight() == TOTAL_WEIGHT
        && turn.strategy() != Strategy::AbTesting
        && stand_in::left_weight(turn).is_none()
}

fn can_serve_alone(turn: &Turn<'_>) -> bool {
    let can_shift = turn.live_routes().is_some() && turn.strategy() != Strategy::AbTesting;
    can_shift && turn.seen.canary.can_serve() && turn.seen.canary.readiness == Readiness::Ready
}

/// Sends everything to the canary, since nothing else answers, and goes on
/// watching it.
fn serve_alone(turn: &mut Turn<'_>) -> Flow {
    if turn.routed_weight() == TOTAL_WEIGHT {
        turn.warn(format!(
            "Primary of {} is not waited for any longer, going on with all traffic at the canary",
            turn.name()
        ));
    } else {
        turn.warn_of_lost_primary();
    }
    turn.set_routing(TOTAL_WEIGHT, false);
    match turn.strategy() {
        Strategy::Canary => turn.state.canary_weight = TOTAL_WEIGHT,
        _ => {
            turn.state.canary_weight = 0;
            turn.state.iterations = turn.analysis().iterations + 1;
        }
    }
    turn.say("The canary has all traffic: the primary can't serve.");
    turn.step_taken()
}

/// Writes down the step that the routes are ahead by: the canary has that
/// traffic. It goes on where only the canary answers.
fn finish_interrupted(turn: &mut Turn<'_>) -> Flow {
    let Some(next) = strategy::next_weight(turn) else {
        return ControlFlow::Continue(());
    };
    let routes = LiveRoutes {
        canary_weight: next,
        mirrored: Some(false),
    };
    if !routes::has_interrupted_step(turn, routes) || !turn.seen.canary.can_serve() {
        return ControlFlow::Continue(());
    }
    if turn.strategy() == Strategy::Canary {
        turn.use_up_approval(WebhookType::ConfirmTrafficIncrease);
    }
    let taken = strategy::record_shift(turn, next);
    if turn.seen.primary.can_serve() {
        return taken;
    }
    ControlFlow::Continue(())
}

/// Waits for the canary and the routes. If they don't get ready the run has
/// failed.
fn await_canary(turn: &mut Turn<'_>) -> Flow {
    let prospect = match &turn.seen.target {
        TargetSeen::Missing(message) => turn.prospect(message),
        TargetSeen::Found(_) => turn.readiness(&turn.seen.canary.readiness),
    };
    let message = match prospect {
        Prospect::Later(wake) => return ControlFlow::Break(wake),
        Prospect::Never(message) => message,
        Prospect::Ready => match routes::await_usable(turn)? {
            Some(message) => message,
            None => return await_endpoints(turn),
        },
    };
    turn.warn(message.clone());
    rollback::decide(turn, Cause::NotReady(message))
}

/// A workload may be ready before its endpoints are known.
fn await_endpoints(turn: &mut Turn<'_>) -> Flow {
    if turn.seen.canary.can_serve() {
        return ControlFlow::Continue(());
    }
    let message = format!(
        "canary {} not ready: no ready endpoints",
        turn.target_name()
    );
    match turn.wait_for(&message) {
        Wait::Patient(wake) => ControlFlow::Break(wake),
        Wait::Overdue => {
            turn.warn(message.clone());
            rollback::decide(turn, Cause::NotReady(message))
        }
    }
}
