//! A primary that loses its endpoints while the canary has live traffic: the
//! canary stands in for it. How far the run, or the promotion, was stays in
//! `status.canaryWeight`, and it goes on from there.
//!
//! A canary that has had no live traffic yet gets none by this, nor does a
//! revision that has failed: nobody has judged the one, and the other was
//! refused. Routes of an A/B test have no weight for those who don't match.

use super::turn::{Flow, Standing, Turn, Wake};
use super::{Command, routes};
use jiff::{SignedDuration, Timestamp};
use std::ops::ControlFlow;
use trueup_kinds::ApiDuration;
use trueup_kinds::canary::{PendingStep, Phase, Strategy, TOTAL_WEIGHT};

/// Sends all traffic to the canary while only the canary answers. That is no
/// step of the run: the primary gets no more time by it. What is left to it is
/// written down before: routes alone don't tell it from a step to all traffic.
pub(super) fn begin(turn: &mut Turn<'_>) {
    if !is_needed(turn) {
        return;
    }
    turn.warn_of_lost_primary();
    keep_weight(turn);
    turn.state.pending_step = Some(PendingStep::StandIn);
    write(turn);
    turn.state.pending_step = None;
    if turn.has_autoscaler() {
        turn.commands.push(Command::HoldPrimaryScaler);
    }
    turn.set_routing(TOTAL_WEIGHT, false);
}

fn is_needed(turn: &Turn<'_>) -> bool {
    let seen = turn.seen;
    let weight = turn.routed_weight();
    let is_lost = !seen.primary.can_serve() && seen.canary.can_serve();
    if !is_lost || weight == TOTAL_WEIGHT || turn.is_kubernetes() {
        return false;
    }
    match turn.state.phase {
        // The canary was watched with live traffic, whatever it has now.
        Phase::Promoting | Phase::Finalising => true,
        _ => weight > 0 && turn.strategy() != Strategy::AbTesting,
    }
}

fn keep_weight(turn: &mut Turn<'_>) {
    let weight = turn.routed_weight();
    if is_told(turn) {
        return;
    }
    if turn.state.phase == Phase::Promoting && weight == 0 {
        // Nothing is left to shift but what the canary gets now.
        turn.state.phase = Phase::Finalising;
        turn.state.iterations = 0;
    }
    turn.state.canary_weight = weight;
}

/// Whether the status tells how far the run is: 0 for a revision that has come
/// while another had traffic.
fn is_told(turn: &Turn<'_>) -> bool {
    turn.state.phase == Phase::Progressing && turn.strategy() == Strategy::Canary
}

/// Writes the status without an end to what is waited for.
fn write(turn: &mut Turn<'_>) {
    if let Some(message) = turn.awaited().map(|it| it.message.to_string()) {
        turn.standing = Standing::Waiting;
        turn.say(message);
    }
    turn.write();
    turn.standing = Standing::Phase;
    turn.detail = None;
}

/// Goes on where a controller was killed after it had set the routes, and before
/// the status could tell so.
pub(super) fn resume(turn: &mut Turn<'_>) -> Flow {
    let was_begun = turn.state.pending_step == Some(PendingStep::StandIn);
    if was_begun {
        turn.state.pending_step = None;
    }
    let live = turn.live_routes().map(|live| live.canary_weight);
    match left_weight(turn) {
        None if was_begun && live == Some(TOTAL_WEIGHT) => turn.set_routing(TOTAL_WEIGHT, false),
        Some(weight) if live == Some(weight) => {
            record_end(turn, weight);
            return ControlFlow::Break(Wake::Now);
        }
        _ => {}
    }
    ControlFlow::Continue(())
}

/// The weight that the canary had before it stood in for the primary; `None`
/// where it doesn't.
pub(super) fn left_weight(turn: &Turn<'_>) -> Option<i64> {
    let (left, routed) = (turn.state.canary_weight, turn.routed_weight());
    let is_whole = routed == TOTAL_WEIGHT;
    // It is 0 while approval is waited for, and in a promotion until the first
    // step back.
    let is_kept = is_whole && (1..routed).contains(&left);
    let is_run = matches!(
        turn.state.phase,
        Phase::Progressing | Phase::WaitingPromotion
    );
    match turn.strategy() {
        _ if turn.state.phase == Phase::Finalising => (is_whole && left < routed).then_some(left),
        _ if is_told(turn) => (left < routed && (is_whole || left == 0)).then_some(left),
        Strategy::AbTesting if is_run => None,
        // It knows no shares: that was somebody else's.
        Strategy::BlueGreen if is_run => is_kept.then_some(0),
        _ => is_kept.then_some(left),
    }
}

/// Gives the primary back what it had.
pub(super) fn end(turn: &mut Turn<'_>) {
    let Some(weight) = left_weight(turn) else {
        return;
    };
    turn.info(format!(
        "Primary of {} serves again, setting canary weight back to {weight}",
        turn.name()
    ));
    record_end(turn, weight);
}

fn record_end(turn: &mut Turn<'_>, weight: i64) {
    turn.set_routing(weight, false);
    let state = &mut turn.state;
    match state.phase {
        Phase::Progressing => state.canary_weight = weight,
        Phase::WaitingPromotion => state.canary_weight = 0,
        _ => return,
    }
    // Nothing was looked at meanwhile: the step is watched for a whole interval.
    state.last_step_time = (weight > 0).then_some(turn.now);
}

/// Gives the primary back what it had in a run, which goes on from there.
pub(super) fn go_on(turn: &mut Turn<'_>) -> Flow {
    if left_weight(turn).is_none() {
        return ControlFlow::Continue(());
    }
    end(turn);
    ControlFlow::Break(Wake::Now)
}

/// A revision that nobody has watched loses what another has left to it as soon
/// as anybody else answers.
pub(super) fn leave_unwatched(turn: &mut Turn<'_>) -> Flow {
    if left_weight(turn) == Some(0) && turn.seen.primary.can_serve() {
        return go_on(turn);
    }
    ControlFlow::Continue(())
}

/// Waits until a primary that was lost has been ready for as long as the
/// shortest interval: one that comes and goes moves no traffic each time.
pub(super) fn await_calm(turn: &mut Turn<'_>) -> Flow {
    if left_weight(turn).is_none() {
        return ControlFlow::Continue(());
    }
    let calm = turn.seen.settings.least_interval;
    let message = format!(
        "Primary of {} is ready again, the canary keeps all traffic for {}",
        turn.name(),
        ApiDuration(calm)
    );
    let said = turn.awaited().filter(|it| it.message == message);
    let since = said.map_or(turn.now, |it| it.last_transition_time);
    let calm = SignedDuration::try_from(calm).unwrap_or(SignedDuration::MAX);
    let end = since.saturating_add(calm).unwrap_or(Timestamp::MAX);
    if end <= turn.now {
        return ControlFlow::Continue(());
    }
    routes::correct(turn);
    turn.hold(&message);
    ControlFlow::Break(Wake::At(end))
}
