//! What has happened to a container is taken in.

use super::Deciding;
use super::stopping::stopping_of;
use crate::note::Severity;
use crate::process::machine::probe::{Outcome, ProbeKind};
use crate::process::machine::state::{Ended, Observation, Phase, StopStep, Wait, What};
use jiff::SignedDuration;
use trueup_object::Text;

/// How soon a start that was refused is tried again.
const REFUSED_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// The exit code of a program that can't be executed.
const NOT_EXECUTED_CODE: i32 = 128;

impl Deciding<'_> {
    /// Takes in what happened; news of another run are old.
    pub(super) fn observe(&mut self, observation: Observation) {
        let Observation {
            container: place,
            run,
            what,
        } = observation;
        let Some(container) = self
            .container(place)
            .filter(|it| it.run == run && it.is_live())
        else {
            return;
        };
        let starting = container.phase == Phase::Starting;
        match what {
            What::Started if starting => self.started(place),
            What::Refused { reason, message } if starting => self.refused(place, reason, message),
            What::NotExecuted(why) => self.not_executed(place, &why),
            What::Exited(code) => {
                let reason = if code == 0 { "Completed" } else { "Error" };
                self.ended(place, code, reason, "");
            }
            What::Probed(kind, outcome) => self.probed(place, kind, outcome),
            What::HookDone(outcome) => self.hook_done(place, outcome),
            What::Started | What::Refused { .. } => {}
        }
    }

    fn started(&mut self, place: usize) {
        let now = self.now;
        if let Some(container) = self.container(place) {
            container.restarts += i64::from(container.last.is_some());
            container.probes = Default::default();
            container.phase = Phase::Running {
                since: now,
                stopping: None,
            };
        }
        let message = format!("Started container {}", self.name(place));
        self.tell(Severity::Normal, "Started", message);
    }

    fn refused(&mut self, place: usize, reason: Text, message: String) {
        let until = self.after(REFUSED_PAUSE);
        if let Some(container) = self.container(place) {
            container.phase = Phase::Waiting {
                why: Wait::Refused,
                reason,
                message: message.as_str().into(),
                until: Some(until),
            };
        }
        self.tell(Severity::Warning, "Failed", format!("Error: {message}"));
    }

    fn not_executed(&mut self, place: usize, why: &str) {
        if let Some(container) = self.container(place) {
            container.restarts += i64::from(container.last.is_some());
        }
        let message = format!(
            "Error: container {} can't be started: {why}",
            self.name(place)
        );
        self.tell(Severity::Warning, "Failed", message);
        self.ended(place, NOT_EXECUTED_CODE, "StartError", why);
    }

    fn ended(&mut self, place: usize, code: i32, reason: &str, message: &str) {
        let now = self.now;
        let Some(container) = self.container(place) else {
            return;
        };
        let started = match container.phase {
            Phase::Running { since, .. } => since,
            _ => now,
        };
        container.phase = Phase::Ended(Ended {
            code,
            reason: reason.into(),
            message: message.into(),
            started,
            finished: now,
        });
    }

    fn probed(&mut self, place: usize, kind: ProbeKind, outcome: Outcome) {
        let now = self.now;
        let Some(probe) = self.probe_spec(place, kind) else {
            return;
        };
        let Some(container) = self.container(place) else {
            return;
        };
        let passed = outcome == Outcome::Passed;
        let worth_telling = container.probe_mut(kind).answer(&probe, kind, passed, now);
        if let (true, Outcome::Failed(why)) = (worth_telling, outcome) {
            let message = format!("{} probe failed: {why}", kind.name());
            self.tell(Severity::Warning, "Unhealthy", message);
        }
    }

    fn hook_done(&mut self, place: usize, outcome: Outcome) {
        let stopping = self.container(place).and_then(stopping_of);
        if stopping.is_none_or(|it| it.step != StopStep::Hook) {
            return;
        }
        if let Outcome::Failed(why) = outcome {
            let message = format!("PreStopHook failed: {why}");
            self.tell(Severity::Warning, "FailedPreStopHook", message);
        }
        self.terminate(place);
    }
}
