//! Routes that say something else than what was set last.

use super::turn::{Flow, Turn, say_the_same};
use super::wait::Wait;
use super::{LiveRoutes, RoutesSeen};
use std::ops::ControlFlow;
use trueup_kinds::canary::{Phase, TOTAL_WEIGHT};

/// Makes the routes say what was set last, if that can be: a run neither
/// starts again because somebody has changed them by hand, nor goes on with
/// other weights.
pub(super) fn correct(turn: &mut Turn<'_>) {
    let wanted = LiveRoutes {
        canary_weight: turn.routed_weight(),
        mirrored: Some(turn.state.mirrored),
    };
    if !turn.can_route(wanted.canary_weight) && !is_no_loss(turn, wanted.canary_weight) {
        return;
    }
    match (turn.live_routes(), &turn.seen.routes) {
        (Some(live), _) if !say_the_same(live, wanted) => {
            turn.warn(format!(
                "Routes of {} were changed from outside, setting canary weight {} back to {}",
                turn.name(),
                live.canary_weight,
                wanted.canary_weight
            ));
        }
        (None, RoutesSeen::Missing) => {}
        _ => return,
    }
    turn.set_routing(wanted.canary_weight, turn.state.mirrored);
}

/// Whether nobody is worse off with a weight although not all of its traffic
/// arrives: it takes traffic from a side that does not answer.
fn is_no_loss(turn: &Turn<'_>, weight: i64) -> bool {
    let live = turn.live_routes().map_or(0, |live| live.canary_weight);
    if turn.seen.canary.can_serve() {
        live < weight && weight == TOTAL_WEIGHT
    } else {
        live > weight
    }
}

/// Ends the step while routes are not in force. [`Wait::Overdue`] is for the
/// caller.
pub(super) fn await_usable(turn: &mut Turn<'_>) -> Flow<Option<String>> {
    let RoutesSeen::Unusable(message) = &turn.seen.routes else {
        return ControlFlow::Continue(None);
    };
    match turn.wait_for(message) {
        Wait::Patient(wake) => ControlFlow::Break(wake),
        Wait::Overdue => ControlFlow::Continue(Some(message.to_string())),
    }
}

/// Whether the routes say already what the next step would set: a controller
/// was killed before it could write that down. (Who sets them so by hand is
/// taken by the word, and only one window of the analysis is lost.)
pub(super) fn has_interrupted_step(turn: &Turn<'_>, next: LiveRoutes) -> bool {
    let last = LiveRoutes {
        canary_weight: turn.routed_weight(),
        mirrored: Some(turn.state.mirrored),
    };
    let is_known = turn.state.routed_weight.is_some();
    let next_differs = next.canary_weight != last.canary_weight;
    let live = turn.live_routes();
    is_known && next_differs && live.is_some_and(|live| say_the_same(live, next))
}

/// Sends all traffic to the primary while the canary has no ready endpoints,
/// and starts the run again. It counts as a failed check, so that this ends.
pub(super) fn withdraw(turn: &mut Turn<'_>) -> Flow {
    let is_lost = turn.routed_weight() > 0 && !turn.seen.canary.can_serve();
    if !is_lost || !turn.seen.primary.can_serve() {
        return ControlFlow::Continue(());
    }
    let message = format!(
        "Halt {} advancement canary has no ready endpoints, routing all traffic to primary",
        turn.name()
    );
    turn.warn(message.clone());
    turn.set_routing(0, false);
    turn.state.phase = Phase::Progressing;
    turn.state.canary_weight = 0;
    turn.state.iterations = 0;
    turn.state.failed_checks += 1;
    turn.say(message);
    turn.step_taken()
}
