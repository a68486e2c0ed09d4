//! The machine that decides the next step of a run.
//!
//! [`step`] looks at the status, at what the shell saw and at the time, and
//! says what is to be done, and when to look again. It remembers nothing: what
//! a run has to know is in the status of the `Canary` and in the routes. So it
//! doesn't matter whether a step is taken once or twice, by which controller,
//! or whether one was killed between two commands of the last.
//!
//! How a step is built:
//!
//! 1. What can't wait comes first: deletion, suspension, a canary without
//!    endpoints, a new revision, a run that has failed.
//! 2. What is waited for ends the step: a workload that is not ready, the
//!    analysis interval. The shell is told the latest time of the next look and
//!    comes earlier if something happens.
//! 3. What isn't known is asked for ([`Command::Ask`]): the next step begins
//!    anew with the same status and gets as far as the next question. Events
//!    that were told with a question are not told again with its answer.
//! 4. Outer writes come before the write of the status that tells of them. A
//!    decision that takes several writes is written down first
//!    ([`PendingStep`]).
//!
//! Phases, messages, and the order of weights, hooks and checks are Flagger's;
//! where it waits for its next tick only to look again, we go on at once.
//!
//! [`PendingStep`]: trueup_kinds::canary::PendingStep

mod analysis;
mod announce;
mod answer;
mod command;
mod gate;
mod initialize;
mod objects;
mod observation;
mod progress;
mod promote;
mod request;
mod rest;
mod rollback;
mod routes;
mod stand_in;
mod standing;
mod start;
mod strategy;
mod takeover;
mod terminate;
mod turn;
mod wait;

#[cfg(test)]
mod tests;

pub use crate::targets::{Readiness, Tracking};
pub use answer::{Answer, HookOutcome, Outcome, Question, Round, Verdict};
pub use command::{Alert, AlertDetail, AnalysisDone, Command, Event, Part, Routing, RunResult};
pub use observation::{
    Fit, LiveRoutes, ObjectsSeen, Observation, References, RoutesSeen, Settings, TargetChange,
    TargetRevision, TargetSeen, WorkloadSeen,
};
pub use request::{Request, RequestVerb};
pub use strategy::DEFAULT_ITERATIONS;
pub use wait::PATIENCE_IN_DEADLINES;

use jiff::Timestamp;
use std::ops::ControlFlow;
use trueup_kinds::canary::{CanaryStatus, Phase};
use turn::{Flow, Turn, Wake};

/// What is to be done, and when to look again.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The status when all commands are done.
    pub state: CanaryStatus,
    /// What is to be done, in this order.
    pub commands: Vec<Command>,
    /// When to look again, if nothing happens before; `None` if only something
    /// that happens can make a difference. A time that is not in the future
    /// asks for another step at once.
    pub wake_at: Option<Timestamp>,
}

/// Decides the next step from the status, what was seen, and the time.
#[must_use]
pub fn step(state: &CanaryStatus, seen: &Observation, now: Timestamp) -> Step {
    let mut turn = Turn::new(state, seen, now);
    let wake = match advance(&mut turn) {
        ControlFlow::Continue(()) => Wake::OnEvent,
        ControlFlow::Break(wake) => wake,
    };
    turn.finish(wake)
}

fn advance(turn: &mut Turn<'_>) -> Flow {
    if turn.seen.metadata.is_deleting() {
        return terminate::terminate(turn);
    }
    terminate::keep_finalizer(turn);
    standing::refuse_invalid(turn)?;
    standing::stand_still(turn)?;
    takeover::take_over(turn);
    match turn.state.phase {
        Phase::Unset | Phase::Initializing => initialize::initialize(turn),
        Phase::Initialized | Phase::Waiting | Phase::Succeeded | Phase::Failed => rest::rest(turn),
        Phase::Progressing | Phase::WaitingPromotion => progress::progress(turn),
        Phase::Promoting => promote::promote(turn),
        Phase::Finalising => promote::finalise(turn),
        // Somebody wrote that by hand: nobody is deleting it.
        Phase::Terminating | Phase::Terminated => {
            turn.state.phase = Phase::Initializing;
            ControlFlow::Break(Wake::Now)
        }
    }
}
