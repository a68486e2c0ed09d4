//! Containers are stopped: the hook, SIGTERM, and SIGKILL when the time to end
//! is over.

use super::{Command, Deciding};
use crate::note::Severity;
use crate::process::machine::probe::ProbeKind;
use crate::process::machine::state::{ContainerState, Phase, StopStep, Stopping};
use jiff::{SignedDuration, Timestamp};

/// The least time to end that a process has after its hook has used up all.
const LEAST_GRACE: SignedDuration = SignedDuration::from_secs(2);

impl Deciding<'_> {
    /// Begins to stop a container that is to end; tells whether it is.
    pub(super) fn begins_to_stop(&mut self, place: usize) -> bool {
        let name = self.name(place);
        let failed = [ProbeKind::Startup, ProbeKind::Liveness]
            .into_iter()
            .find(|kind| {
                let container = self.step.state.containers.get(place);
                container.is_some_and(|it| it.probe(*kind).verdict() == Some(false))
            });
        let (grace, message) = if self.is_going() {
            let grace = self.deletion.unwrap_or(self.spec.grace);
            (grace, format!("Stopping container {name}"))
        } else if let Some(kind) = failed {
            let probe = kind.name().to_lowercase();
            let grace = self.probe_spec(place, kind).and_then(|probe| probe.grace);
            let message = format!("Container {name} failed {probe} probe, will be restarted");
            (grace.unwrap_or(self.spec.grace), message)
        } else {
            return false;
        };
        self.tell(Severity::Normal, "Killing", message);
        self.begin_stop(place, grace);
        true
    }

    fn begin_stop(&mut self, place: usize, grace: SignedDuration) {
        let until = self.after(grace);
        let hook = self.runnable(place).is_some_and(|it| it.pre_stop.is_some());
        self.set_stopping(place, StopStep::Hook, until);
        if !hook {
            self.terminate(place);
            return;
        }
        self.wake(until);
        if let Some(run) = self.container(place).map(|it| it.run) {
            self.command(Command::Hook {
                container: place,
                run,
            });
        }
    }

    fn set_stopping(&mut self, place: usize, step: StopStep, until: Timestamp) {
        if let Some(Phase::Running { stopping, .. }) = self.container(place).map(|it| &mut it.phase)
        {
            *stopping = Some(Stopping { step, until });
        }
    }

    /// Asks a process to end whose hook is over. The time that is left is at
    /// least a moment if the hook took any.
    pub(super) fn terminate(&mut self, place: usize) {
        let hook = self.runnable(place).is_some_and(|it| it.pre_stop.is_some());
        let least = if hook {
            LEAST_GRACE
        } else {
            SignedDuration::ZERO
        };
        let Some(stopping) = self.container(place).and_then(stopping_of) else {
            return;
        };
        let until = stopping.until.max(self.after(least));
        self.command(Command::Terminate { container: place });
        self.set_stopping(place, StopStep::Terminating, until);
        self.go_on_stopping(
            place,
            Stopping {
                step: StopStep::Terminating,
                until,
            },
        );
    }

    pub(super) fn go_on_stopping(&mut self, place: usize, stopping: Stopping) {
        // Who deletes a Pod again may leave it less time.
        let asked = self.deletion.map(|grace| self.after(grace));
        let until = asked.map_or(stopping.until, |asked| asked.min(stopping.until));
        match stopping.step {
            StopStep::Killed => {}
            _ if until > self.now => {
                self.set_stopping(place, stopping.step, until);
                self.wake(until);
            }
            StopStep::Hook => self.terminate(place),
            StopStep::Terminating => {
                self.set_stopping(place, StopStep::Killed, until);
                self.command(Command::Kill { container: place });
            }
        }
    }
}

/// How far the stop of a container is that is stopped.
pub(super) fn stopping_of(container: &mut ContainerState) -> Option<Stopping> {
    match container.phase {
        Phase::Running { stopping, .. } => stopping,
        _ => None,
    }
}
