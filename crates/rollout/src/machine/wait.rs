//! Waiting for something that may never come.

use super::Readiness;
use super::turn::{Standing, Turn, Wake};
use jiff::{SignedDuration, Timestamp};
use trueup_kinds::canary::PROMOTED;

/// How many progress deadlines a run waits at most between two of its steps,
/// although what it waits for keeps changing.
pub const PATIENCE_IN_DEADLINES: i32 = 10;

/// What becomes of waiting.
pub(super) enum Wait {
    /// The step ends, and the next one looks again.
    Patient(Wake),
    /// It was waited long enough.
    Overdue,
}

/// Whether a workload is ready, when waiting has an end.
pub(super) enum Prospect {
    /// It is.
    Ready,
    /// Not yet.
    Later(Wake),
    /// It will not be; the text says why.
    Never(String),
}

impl Turn<'_> {
    /// Waits for what a message tells. It is told once, not at every look. It
    /// was waited long enough if the message has been the same for
    /// `progressDeadlineSeconds`, or if the run has not gone on for
    /// [`PATIENCE_IN_DEADLINES`] as long.
    pub(super) fn wait_for(&mut self, message: &str) -> Wait {
        let end = self.end_of_patience(message);
        if end.is_some_and(|end| end <= self.now) {
            return Wait::Overdue;
        }
        self.hold(message);
        let fresh = after(self.now, self.progress_deadline());
        Wait::Patient(Wake::At(end.map_or(fresh, |end| end.min(fresh))))
    }

    /// Waits without an end.
    pub(super) fn hold(&mut self, message: &str) -> Wake {
        if !self.is_awaited(message) {
            self.warn(message.to_owned());
        }
        self.standing = Standing::Waiting;
        self.say(message);
        Wake::OnEvent
    }

    /// Whether what a message tells is waited for already.
    pub(super) fn is_awaited(&self, message: &str) -> bool {
        self.awaited().is_some_and(|it| it.message == message)
    }

    /// What becomes of waiting for a workload.
    pub(super) fn readiness(&mut self, readiness: &Readiness) -> Prospect {
        match readiness {
            Readiness::Ready => Prospect::Ready,
            Readiness::Failed(message) => Prospect::Never(message.to_string()),
            Readiness::Waiting(message) => self.prospect(message),
        }
    }

    /// What becomes of waiting for what a message tells.
    pub(super) fn prospect(&mut self, message: &str) -> Prospect {
        match self.wait_for(message) {
            Wait::Patient(wake) => Prospect::Later(wake),
            Wait::Overdue => Prospect::Never(message.to_owned()),
        }
    }

    /// What becomes of waiting for a primary that is to have traffic. It may be
    /// ready before its endpoints are known.
    pub(super) fn primary(&mut self) -> Prospect {
        let primary = &self.seen.primary;
        match self.readiness(&primary.readiness) {
            Prospect::Ready if !primary.can_serve() => {
                let message = self.primary_without_endpoints();
                self.prospect(&message)
            }
            prospect => prospect,
        }
    }

    /// What is said of a primary that is ready and has no endpoints.
    pub(super) fn primary_without_endpoints(&self) -> String {
        let name = self.seen.spec.primary_name();
        let namespace = &self.seen.metadata.namespace;
        format!("{name}.{namespace} not ready: no ready endpoints")
    }

    fn end_of_patience(&self, message: &str) -> Option<Timestamp> {
        let deadline = self.progress_deadline();
        let awaited = self.awaited()?;
        let said = Some(awaited).filter(|it| it.message == message);
        let unchanged = said.map(|said| after(said.last_transition_time, deadline));
        let patience = deadline.saturating_mul(PATIENCE_IN_DEADLINES);
        let standstill = self.last_advance().map(|last| after(last, patience));
        unchanged.into_iter().chain(standstill).min()
    }

    /// When the run has gone on last: with a step, or with another phase.
    fn last_advance(&self) -> Option<Timestamp> {
        let state = &self.state;
        let promoted = state.conditions.get(PROMOTED);
        let promoted = promoted.filter(|it| it.reason == state.phase.as_str());
        let phase_began = promoted.and_then(|it| it.last_update_time);
        [state.run_started_time, state.last_step_time, phase_began]
            .into_iter()
            .flatten()
            .max()
            .filter(|_| state.phase.is_under_way())
    }

    fn progress_deadline(&self) -> SignedDuration {
        let deadline = self.seen.spec.progress_deadline_or_default();
        SignedDuration::try_from(deadline).unwrap_or(SignedDuration::MAX)
    }
}

fn after(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}
