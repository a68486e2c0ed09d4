//! One step of a Pod's machine.

use super::probe::{Outcome, ProbeKind};
use super::spec::{PodSpec, Probe, RestartPolicy, Runnable};
use super::state::{
    ContainerState, Ended, Observation, Phase, PodState, StopStep, Stopping, Wait, What,
};
use crate::note::Severity;
use crate::process::RestartBackoff;
use jiff::{SignedDuration, Timestamp};
use trueup_object::Text;

/// How soon a start that was refused is tried again.
const REFUSED_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// The least time to end that a process has after its hook has used up all.
const LEAST_GRACE: SignedDuration = SignedDuration::from_secs(2);

/// The exit code of a program that can't be executed.
const NOT_EXECUTED_CODE: i32 = 128;

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

    /// Takes in what happened; news of another run are old.
    fn observe(&mut self, observation: Observation) {
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

    fn start(&mut self, place: usize, why: Wait) {
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
    fn restart(&mut self, place: usize, ended: Ended) {
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

    /// Begins to stop a container that is to end; tells whether it is.
    fn begins_to_stop(&mut self, place: usize) -> bool {
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
    fn terminate(&mut self, place: usize) {
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

    fn go_on_stopping(&mut self, place: usize, stopping: Stopping) {
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

fn stopping_of(container: &mut ContainerState) -> Option<Stopping> {
    match container.phase {
        Phase::Running { stopping, .. } => stopping,
        _ => None,
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

/// A pause as Go writes it: `10s`, `2m40s`, `5m0s`.
fn words(pause: SignedDuration) -> String {
    match pause.as_secs() {
        0 => format!("{}ms", pause.as_millis()),
        seconds @ 1..60 => format!("{seconds}s"),
        seconds => format!("{}m{}s", seconds / 60, seconds % 60),
    }
}
