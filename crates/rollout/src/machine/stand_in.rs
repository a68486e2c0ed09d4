//! A primary that loses its endpoints while it gets its traffic back: the
//! canary, which was watched, stands in for it. How far the promotion was stays
//! in `status.canaryWeight`, and it goes on from there.

use super::Command;
use super::turn::{Flow, Turn, Wake};
use jiff::{SignedDuration, Timestamp};
use std::ops::ControlFlow;
use trueup_kinds::ApiDuration;
use trueup_kinds::canary::{Phase, TOTAL_WEIGHT};

/// Sends all traffic to the canary while only the canary answers. That is no
/// step of the promotion: the primary gets no more time by it.
pub(super) fn begin(turn: &mut Turn<'_>) {
    let seen = turn.seen;
    let weight = turn.routed_weight();
    let is_lost = !seen.primary.can_serve() && seen.canary.can_serve();
    if !is_lost || weight == TOTAL_WEIGHT || turn.is_kubernetes() {
        return;
    }
    turn.warn_of_lost_primary();
    if weight == 0 {
        // Nothing is left to shift but what the canary gets now.
        turn.state.phase = Phase::Finalising;
        turn.state.iterations = 0;
    }
    turn.state.canary_weight = weight;
    if turn.has_autoscaler() {
        turn.commands.push(Command::HoldPrimaryScaler);
    }
    turn.set_routing(TOTAL_WEIGHT, false);
}

/// The weight that the canary had before it stood in for the primary; `None`
/// where it doesn't.
pub(super) fn left_weight(turn: &Turn<'_>) -> Option<i64> {
    let left = turn.state.canary_weight;
    let least = match turn.state.phase {
        Phase::Finalising => 0,
        // Without steps of weight it is 0 until the first step back.
        _ => 1,
    };
    let is_whole = turn.routed_weight() == TOTAL_WEIGHT;
    (is_whole && (least..TOTAL_WEIGHT).contains(&left)).then_some(left)
}

/// Gives the primary back what it had, before the next step of the promotion
/// is due.
pub(super) fn end(turn: &mut Turn<'_>) {
    let Some(weight) = left_weight(turn) else {
        return;
    };
    turn.info(format!(
        "Primary of {} serves again, setting canary weight back to {weight}",
        turn.name()
    ));
    turn.set_routing(weight, false);
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
    turn.hold(&message);
    ControlFlow::Break(Wake::At(end))
}
