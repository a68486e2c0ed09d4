//! One step of a Pod's machine.

mod news;
mod starting;
mod stopping;

use super::probe::ProbeKind;
use super::spec::{PodSpec, Probe, RestartPolicy, Runnable};
use super::state::{ContainerState, Observation, Phase, PodState};
use crate::note::Severity;
use crate::process::RestartBackoff;
use jiff::{SignedDuration, Timestamp};
use trueup_object::Text;

/// An Event about the Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Telling {
    pub severity: Severity,
    pub reason: &'static str,
    pub message: String,
}

/// Something for the shell to do. Each concerns a container and a run of it,
/// and is answered by an [`Observation`] of that run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Start its process.
    Start { container: usize, run: u32 },
    /// Ask a probe.
    Probe {
        container: usize,
        run: u32,
        kind: ProbeKind,
    },
    /// Run the hook before the stop.
    Hook { container: usize, run: u32 },
    /// Ask its process to end: SIGTERM.
    Terminate { container: usize },
    /// End its process, and all that it started: SIGKILL.
    Kill { container: usize },
    /// Tell of something.
    Tell(Telling),
    /// Delete the Pod for good.
    Finish,
}

/// What a step comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub state: PodState,
    pub commands: Vec<Command>,
    /// The next time that matters, if nothing happens before.
    pub wake_at: Option<Timestamp>,
}

/// Takes in what was observed and decides what is to be done. `deletion` is
/// the time to end of a Pod that is being deleted.
pub(crate) fn step(
    spec: &PodSpec,
    state: PodState,
    observation: Option<Observation>,
    deletion: Option<SignedDuration>,
    backoff: RestartBackoff,
    now: Timestamp,
) -> Step {
    let mut deciding = Deciding {
        spec,
        deletion,
        backoff,
        now,
        step: Step {
            state,
            commands: Vec::new(),
            wake_at: None,
        },
    };
    if let Some(observation) = observation {
        deciding.observe(observation);
    }
    deciding.check_deadline();
    for place in 0..spec.containers.len() {
        deciding.advance(place);
    }
    deciding.finish();
    deciding.step
}

struct Deciding<'a> {
    spec: &'a PodSpec,
    deletion: Option<SignedDuration>,
    backoff: RestartBackoff,
    now: Timestamp,
    step: Step,
}

impl Deciding<'_> {
    fn container(&mut self, place: usize) -> Option<&mut ContainerState> {
        self.step.state.containers.get_mut(place)
    }

    fn command(&mut self, command: Command) {
        self.step.commands.push(command);
    }

    fn tell(&mut self, severity: Severity, reason: &'static str, message: impl Into<String>) {
        self.command(Command::Tell(Telling {
            severity,
            reason,
            message: message.into(),
        }));
    }

    fn wake(&mut self, at: Timestamp) {
        self.step.wake_at = Some(self.step.wake_at.map_or(at, |before| before.min(at)));
    }

    fn after(&self, pause: SignedDuration) -> Timestamp {
        self.now.checked_add(pause).unwrap_or(Timestamp::MAX)
    }

    fn name(&self, place: usize) -> Text {
        self.spec
            .containers
            .get(place)
            .map(|it| it.name.clone())
            .unwrap_or_default()
    }

    fn runnable(&self, place: usize) -> Option<&Runnable> {
        self.spec.containers.get(place)?.runnable.as_ref().ok()
    }

    fn probe_spec(&self, place: usize, kind: ProbeKind) -> Option<Probe> {
        self.runnable(place)?.probe(kind).cloned()
    }

    /// Whether the Pod is to end.
    fn is_going(&self) -> bool {
        self.deletion.is_some() || self.step.state.overdue
    }

    /// `spec.activeDeadlineSeconds`
    fn check_deadline(&mut self) {
        let Some(deadline) = self.spec.active_deadline else {
            return;
        };
        let at = self
            .step
            .state
            .started
            .checked_add(deadline)
            .unwrap_or(Timestamp::MAX);
        if at > self.now {
            self.wake(at);
        } else if !self.step.state.overdue && !self.has_ended() {
            self.step.state.overdue = true;
            let message = "Pod was active on the node longer than the specified deadline";
            self.tell(Severity::Normal, "DeadlineExceeded", message);
        }
    }

    /// Whether all containers have ended and none is started again.
    fn has_ended(&self) -> bool {
        let policy = self.spec.restart_policy;
        self.step
            .state
            .containers
            .iter()
            .all(|container| match &container.phase {
                Phase::Ended(ended) => !is_restarted(policy, ended.code),
                _ => false,
            })
    }

    /// Moves a container on as far as it goes without news.
    fn advance(&mut self, place: usize) {
        let going = self.is_going();
        let policy = self.spec.restart_policy;
        let now = self.now;
        let Some(container) = self.container(place) else {
            return;
        };
        match container.phase.clone() {
            Phase::Waiting {
                until: Some(until),
                why,
                ..
            } if !going => {
                if until > now {
                    self.wake(until);
                } else {
                    self.start(place, why);
                }
            }
            Phase::Running { since, stopping } => match stopping {
                Some(stopping) => self.go_on_stopping(place, stopping),
                None if self.begins_to_stop(place) => {}
                None => self.ask_probes(place, since),
            },
            Phase::Ended(ended) if !going && is_restarted(policy, ended.code) => {
                self.restart(place, ended);
            }
            _ => {}
        }
    }

    /// Asks the probes that are due: the startup probe first, the others once
    /// it has passed.
    fn ask_probes(&mut self, place: usize, since: Timestamp) {
        let started = is_started(self.runnable(place), self.step.state.containers.get(place));
        let kinds: &[ProbeKind] = match started {
            true => &[ProbeKind::Readiness, ProbeKind::Liveness],
            false => &[ProbeKind::Startup],
        };
        for kind in kinds {
            if let Some(probe) = self.probe_spec(place, *kind) {
                self.ask(place, *kind, &probe, since);
            }
        }
    }

    fn ask(&mut self, place: usize, kind: ProbeKind, probe: &Probe, since: Timestamp) {
        let now = self.now;
        let Some(container) = self.container(place) else {
            return;
        };
        let run = container.run;
        let first = since
            .checked_add(probe.initial_delay)
            .unwrap_or(Timestamp::MAX);
        let state = container.probe_mut(kind);
        state.begin(first.max(now));
        match state.due() {
            Some(due) if due <= now => {
                state.ask();
                self.command(Command::Probe {
                    container: place,
                    run,
                    kind,
                });
            }
            Some(due) => self.wake(due),
            None => {}
        }
    }

    /// Orders the end of a Pod being deleted that has no process any more.
    fn finish(&mut self) {
        let state = &mut self.step.state;
        let live = state.containers.iter().any(ContainerState::is_live);
        if self.deletion.is_some() && !live && !state.finished {
            state.finished = true;
            self.command(Command::Finish);
        }
    }
}

/// Whether a container's startup is over.
pub(super) fn is_started(runnable: Option<&Runnable>, container: Option<&ContainerState>) -> bool {
    let has_probe = runnable.is_some_and(|it| it.probe(ProbeKind::Startup).is_some());
    let passed = container.is_some_and(|it| it.probe(ProbeKind::Startup).verdict() == Some(true));
    !has_probe || passed
}

/// Whether a container that ended with this code is started again.
pub(super) fn is_restarted(policy: RestartPolicy, code: i32) -> bool {
    match policy {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => code != 0,
        RestartPolicy::Never => false,
    }
}
