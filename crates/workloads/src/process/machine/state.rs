//! What is known of a Pod's containers.

use super::backoff::Backoff;
use super::probe::{Outcome, ProbeKind, ProbeState};
use crate::conditions::time_at;
use jiff::Timestamp;
use trueup_object::{Text, Value};

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub code: i32,
    pub reason: Text,
    pub message: Text,
    pub started: Timestamp,
    pub finished: Timestamp,
}

/// Why a container waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// To be started for the first time.
    Creating,
    /// For its pause to end.
    BackOff,
    /// For something that its start needs.
    Refused,
}

/// How far stopping has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopStep {
    /// The hook runs.
    Hook,
    /// It was asked to end.
    Terminating,
    /// It was killed.
    Killed,
}

/// A container that is being stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopping {
    pub step: StopStep,
    /// Its time is over then.
    pub until: Timestamp,
}

/// Where a container stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Not running.
    Waiting {
        why: Wait,
        reason: Text,
        message: Text,
        /// When to start it; `None` for never.
        until: Option<Timestamp>,
    },
    /// Ordered to start.
    Starting,
    /// Its process runs.
    Running {
        since: Timestamp,
        stopping: Option<Stopping>,
    },
    /// Its process has ended.
    Ended(Ended),
}

/// One container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerState {
    pub phase: Phase,
    /// The number of the present or last run.
    pub run: u32,
    pub restarts: i64,
    /// The run before the present one.
    pub last: Option<Ended>,
    pub backoff: Backoff,
    pub probes: [ProbeState; 3],
}

impl ContainerState {
    pub(crate) fn probe(&self, kind: ProbeKind) -> &ProbeState {
        let [startup, readiness, liveness] = &self.probes;
        match kind {
            ProbeKind::Startup => startup,
            ProbeKind::Readiness => readiness,
            ProbeKind::Liveness => liveness,
        }
    }

    pub(crate) fn probe_mut(&mut self, kind: ProbeKind) -> &mut ProbeState {
        let [startup, readiness, liveness] = &mut self.probes;
        match kind {
            ProbeKind::Startup => startup,
            ProbeKind::Readiness => readiness,
            ProbeKind::Liveness => liveness,
        }
    }

    /// Whether there is, or soon will be, a process.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Running { .. })
    }
}

/// All that is known of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PodState {
    pub containers: Vec<ContainerState>,
    /// When the node took the Pod.
    pub started: Timestamp,
    /// Whether it ran for longer than it may.
    pub overdue: bool,
    /// Whether its end was ordered.
    pub finished: bool,
}

/// Something that happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observation {
    /// Its place in the Pod.
    pub container: usize,
    /// During which run.
    pub run: u32,
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Its process runs.
    Started,
    /// It can't be started as things are.
    Refused { reason: Text, message: String },
    /// Its program can't be executed.
    NotExecuted(String),
    /// Its process has ended.
    Exited(i32),
    /// A probe was answered.
    Probed(ProbeKind, Outcome),
    /// The hook before the stop is over.
    HookDone(Outcome),
}

/// The exit code of a process of which nothing is known but that it is gone.
const LOST_CODE: i32 = 137;

impl PodState {
    /// A Pod as the node first sees it. What its status tells of processes
    /// is of a node that is gone: they are gone too.
    pub(crate) fn new(pod: &Value, containers: &[Text], now: Timestamp) -> Self {
        let statuses = pod
            .at(&["status", "containerStatuses"])
            .and_then(Value::as_list);
        let of = |name: &Text| {
            let mut statuses = statuses.unwrap_or_default().iter();
            statuses.find(|status| status.str_at(&["name"]) == Some(name))
        };
        Self {
            containers: containers
                .iter()
                .map(|name| first_seen(of(name), now))
                .collect(),
            started: time_at(pod, &["status", "startTime"]).unwrap_or(now),
            overdue: false,
            finished: false,
        }
    }
}

fn first_seen(status: Option<&Value>, now: Timestamp) -> ContainerState {
    let at = |path: &[&str]| status.and_then(|status| status.at(path));
    let ended = at(&["state", "terminated"]).map(|it| ended_of(it, now));
    let lost = at(&["state", "running"]).map(|running| Ended {
        code: LOST_CODE,
        reason: "ContainerStatusUnknown".into(),
        message: "the process ended together with the node that ran it".into(),
        started: time_at(running, &["startedAt"]).unwrap_or(now),
        finished: now,
    });
    let creating = Phase::Waiting {
        why: Wait::Creating,
        reason: "ContainerCreating".into(),
        message: Text::new(),
        until: Some(now),
    };
    ContainerState {
        phase: ended.or(lost).map_or(creating, Phase::Ended),
        run: 0,
        restarts: at(&["restartCount"]).and_then(Value::as_i64).unwrap_or(0),
        last: at(&["lastState", "terminated"]).map(|it| ended_of(it, now)),
        backoff: Backoff::default(),
        probes: Default::default(),
    }
}

fn ended_of(terminated: &Value, now: Timestamp) -> Ended {
    let text = |key| Text::from(terminated.str_at(&[key]).unwrap_or_default());
    let code = terminated.i64_at(&["exitCode"]).unwrap_or_default();
    Ended {
        code: i32::try_from(code).unwrap_or(LOST_CODE),
        reason: text("reason"),
        message: text("message"),
        started: time_at(terminated, &["startedAt"]).unwrap_or(now),
        finished: time_at(terminated, &["finishedAt"]).unwrap_or(now),
    }
}
