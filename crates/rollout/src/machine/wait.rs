//! Waiting for something that may never come.

use super::Readiness;
use super::turn::{Standing, Turn, Wake};
use jiff::{SignedDuration, Timestamp};

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
pub(super) enum Prospect<'a> {
    /// It is.
    Ready,
    /// Not yet.
    Later(Wake),
    /// It will not be.
    Never(&'a str),
}

impl<'a> Turn<'a> {
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
        let is_said = self.awaited().is_some_and(|it| it.message == message);
        if !is_said {
            self.warn(message.to_owned());
        }
        self.standing = Standing::Waiting;
        self.say(message);
        Wake::OnEvent
    }

    /// What becomes of waiting for a workload.
    pub(super) fn readiness(&mut self, readiness: &'a Readiness) -> Prospect<'a> {
        match readiness {
            Readiness::Ready => Prospect::Ready,
            Readiness::Failed(message) => Prospect::Never(message),
            Readiness::Waiting(message) => match self.wait_for(message) {
                Wait::Patient(wake) => Prospect::Later(wake),
                Wait::Overdue => Prospect::Never(message),
            },
        }
    }

    fn end_of_patience(&self, message: &str) -> Option<Timestamp> {
        let deadline = self.progress_deadline();
        let awaited = self.awaited()?;
        let said = Some(awaited).filter(|it| it.message == message);
        let unchanged = said.map(|said| after(said.last_transition_time, deadline));
        let last = self.state.last_step_time.or(self.state.run_started_time);
        let patience = deadline.saturating_mul(PATIENCE_IN_DEADLINES);
        let is_under_way = self.state.phase.is_under_way();
        let last = last.filter(|_| is_under_way);
        let standstill = last.map(|last| after(last, patience));
        unchanged.into_iter().chain(standstill).min()
    }

    fn progress_deadline(&self) -> SignedDuration {
        let deadline = self.seen.spec.progress_deadline_or_default();
        SignedDuration::try_from(deadline).unwrap_or(SignedDuration::MAX)
    }
}

fn after(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}
