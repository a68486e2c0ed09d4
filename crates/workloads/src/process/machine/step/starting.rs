//! Containers are started, and started again.

use super::{Command, Deciding};
use crate::note::Severity;
use crate::process::machine::state::{Ended, Phase, Wait};
use jiff::SignedDuration;

impl Deciding<'_> {
    pub(super) fn start(&mut self, place: usize, why: Wait) {
        if let Err(refusal) = self
            .spec
            .containers
            .get(place)
            .map_or(Ok(()), |it| it.runnable.as_ref().map(drop))
        {
            let (reason, message) = (refusal.reason, refusal.message.clone());
            self.refuse_for_good(place, reason, &message);
            return;
        }
        let (now, limits) = (self.now, self.backoff);
        let Some(container) = self.container(place) else {
            return;
        };
        if why == Wait::BackOff
            && let Some(last) = &container.last
        {
            container.backoff.restarted(last.finished, now, limits);
        }
        container.phase = Phase::Starting;
        container.run += 1;
        let run = container.run;
        self.tell_ignored(place, run);
        self.command(Command::Start {
            container: place,
            run,
        });
    }

    /// Tells once of what the Pod asks for and does not get.
    fn tell_ignored(&mut self, place: usize, run: u32) {
        if place == 0 && run == 1 && !self.spec.ignored.is_empty() {
            let message = format!("The process node passes over: {}", self.spec.ignored);
            self.tell(Severity::Warning, "NotSupported", message);
        }
    }

    fn refuse_for_good(&mut self, place: usize, reason: &'static str, message: &str) {
        if let Some(container) = self.container(place) {
            container.phase = Phase::Waiting {
                why: Wait::Refused,
                reason: reason.into(),
                message: message.into(),
                until: None,
            };
        }
        let message = format!("Error: {reason}: {message}");
        self.tell(Severity::Warning, "Failed", message);
    }

    /// Starts a container that ended, at once or after its pause.
    pub(super) fn restart(&mut self, place: usize, ended: Ended) {
        let (now, limits) = (self.now, self.backoff);
        let (name, pod) = (self.name(place), self.spec.full_name.clone());
        let Some(container) = self.container(place) else {
            return;
        };
        let pause = container
            .backoff
            .until(ended.finished, limits)
            .filter(|(until, _)| *until > now);
        container.last = Some(ended);
        let Some((until, pause)) = pause else {
            self.start(place, Wait::BackOff);
            return;
        };
        container.phase = Phase::Waiting {
            why: Wait::BackOff,
            reason: "CrashLoopBackOff".into(),
            message: format!(
                "back-off {} restarting failed container={name} pod={pod}",
                words(pause)
            )
            .into(),
            until: Some(until),
        };
        self.wake(until);
        let message = format!("Back-off restarting failed container {name} in pod {pod}");
        self.tell(Severity::Warning, "BackOff", message);
    }
}

/// A pause as Go writes it: `10s`, `2m40s`, `5m0s`.
fn words(pause: SignedDuration) -> String {
    match pause.as_secs() {
        0 => format!("{}ms", pause.as_millis()),
        seconds @ 1..60 => format!("{seconds}s"),
        seconds => format!("{}m{}s", seconds / 60, seconds % 60),
    }
}
