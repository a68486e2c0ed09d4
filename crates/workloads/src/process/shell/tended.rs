//! One Pod that the node tends.

use super::status;
use super::tasks::{Posts, Start};
use crate::conditions::changes;
use crate::process::child::Control;
use crate::process::dial::Dial;
use crate::process::machine::{Observation, PodSpec, PodState, ProbeKind, What};
use crate::process::probing::Surroundings;
use crate::process::{ImageMap, LogKey, ProcessOptions};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use trueup_cluster::{ApiError, LiveObject};
use trueup_object::Value;

/// Shortest and longest pause after a failed write.
const PAUSE_MS: (i64, i64) = (100, 30_000);

/// Controls that wait for their process; more than two are never sent.
const MAX_CONTROLS: usize = 4;

/// The present run of a container.
#[derive(Default)]
struct Run {
    controls: Option<mpsc::Sender<Control>>,
    environment: Arc<BTreeMap<String, String>>,
}

/// A Pod, its machine's state, and what is under way for it.
pub(super) struct Tended {
    pub live: LiveObject,
    pub spec: Arc<PodSpec>,
    pub state: PodState,
    pub dial: Arc<Dial>,
    /// All that is under way; ends with the Pod.
    pub tasks: JoinSet<()>,
    pub announced: bool,
    pub announcing: bool,
    /// The status that was written last.
    pub written: Option<Value>,
    pub writing: bool,
    pub finishing: bool,
    /// When the machine wants to go on.
    pub wake_at: Option<Timestamp>,
    /// When a write that failed is tried again.
    pub retry_at: Option<Timestamp>,
    failures: u32,
    runs: Vec<Run>,
}

impl Tended {
    pub(super) fn new(live: LiveObject, images: &ImageMap, dial: Dial, now: Timestamp) -> Self {
        let spec = PodSpec::of(live.value(), images);
        let state = PodState::new(live.value(), &spec.names(), now);
        let announced = live.deletion_timestamp().is_some();
        Self {
            runs: spec.containers.iter().map(|_| Run::default()).collect(),
            live,
            spec: Arc::new(spec),
            state,
            dial: Arc::new(dial),
            tasks: JoinSet::new(),
            announced,
            announcing: false,
            written: None,
            writing: false,
            finishing: false,
            wake_at: None,
            retry_at: None,
            failures: 0,
        }
    }

    /// When there is something to do without news.
    pub(super) fn next(&self) -> Option<Timestamp> {
        [self.wake_at, self.retry_at].into_iter().flatten().min()
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.dial.ports.iter().map(|(_, address)| address.ip())
    }

    pub(super) fn running(&self) -> usize {
        self.runs
            .iter()
            .filter(|run| run.controls.is_some())
            .count()
    }

    /// The time to end of a Pod that is being deleted.
    pub(super) fn deletion_grace(&self) -> Option<SignedDuration> {
        self.live.deletion_timestamp()?;
        let seconds = self
            .live
            .value()
            .i64_at(&["metadata", "deletionGracePeriodSeconds"]);
        Some(SignedDuration::from_secs(
            seconds.unwrap_or(0).clamp(0, i64::from(i32::MAX)),
        ))
    }

    /// Notes the end of a process.
    pub(super) fn note_end(&mut self, observation: &Observation) {
        let ended = matches!(
            observation.what,
            What::Exited(_) | What::NotExecuted(_) | What::Refused { .. }
        );
        if let (true, Some(run)) = (ended, self.runs.get_mut(observation.container)) {
            run.controls = None;
        }
    }

    pub(super) fn set_environment(
        &mut self,
        container: usize,
        environment: Arc<BTreeMap<String, String>>,
    ) {
        if let Some(run) = self.runs.get_mut(container) {
            run.environment = environment;
        }
    }

    /// Takes in the answer to a write, or when to try again.
    pub(super) fn written_by_us(&mut self, outcome: Result<LiveObject, ApiError>, now: Timestamp) {
        match outcome {
            Ok(live) => {
                self.failures = 0;
                if is_newer(&live, &self.live) {
                    self.live = live;
                }
            }
            Err(error) => self.retry_after(&error, now),
        }
    }

    pub(super) fn retry_after(&mut self, error: &ApiError, now: Timestamp) {
        tracing::debug!(%error, "process node write");
        let pause_ms = (PAUSE_MS.0 << self.failures.min(16)).min(PAUSE_MS.1);
        self.failures = self.failures.saturating_add(1);
        let pause = SignedDuration::from_millis(pause_ms);
        self.retry_at = Some(now.checked_add(pause).unwrap_or(Timestamp::MAX));
    }

    /// What is to be written of the status; it counts as written.
    pub(super) fn status_to_write(&mut self, now: Timestamp) -> Option<Value> {
        let status = status(self, now);
        if self.written.as_ref() == Some(&status) {
            return None;
        }
        let patch = changes(self.live.value().get("status"), &status);
        self.written = Some(status);
        patch
    }

    pub(super) fn start(
        &mut self,
        container: usize,
        run: u32,
        posts: Posts,
        options: &ProcessOptions,
    ) {
        let (controls, controlled) = mpsc::channel(MAX_CONTROLS);
        let Some(slot) = self.runs.get_mut(container) else {
            return;
        };
        slot.controls = Some(controls);
        slot.environment = Arc::default();
        let start = Start {
            posts,
            pod: self.live.clone(),
            spec: Arc::clone(&self.spec),
            dial: Arc::clone(&self.dial),
            supervisor: options.supervisor.clone(),
            logs: options.logs.clone(),
            log: LogKey {
                namespace: self.live.namespace().clone(),
                pod: self.live.name().clone(),
                container: self
                    .spec
                    .names()
                    .get(container)
                    .cloned()
                    .unwrap_or_default(),
            },
            container,
            run,
        };
        self.spawn(start.run(controlled));
    }

    pub(super) fn probe(
        &mut self,
        container: usize,
        run: u32,
        kind: ProbeKind,
        posts: Posts,
        options: &ProcessOptions,
    ) {
        let runnable = self
            .spec
            .containers
            .get(container)
            .and_then(|it| it.runnable.as_ref().ok());
        let probe = runnable.and_then(|it| it.probe(kind)).cloned();
        let surroundings = self.surroundings(container, options);
        self.spawn(async move {
            if let (Some(probe), Some(surroundings)) = (probe, surroundings) {
                let limit = Duration::try_from(probe.timeout).unwrap_or(Duration::MAX);
                let outcome = surroundings.check(&probe.check, limit).await;
                posts
                    .observed(container, run, What::Probed(kind, outcome))
                    .await;
            }
        });
    }

    pub(super) fn run_hook(
        &mut self,
        container: usize,
        run: u32,
        posts: Posts,
        options: &ProcessOptions,
    ) {
        let runnable = self
            .spec
            .containers
            .get(container)
            .and_then(|it| it.runnable.as_ref().ok());
        let hook = runnable.and_then(|it| it.pre_stop.clone());
        let surroundings = self.surroundings(container, options);
        self.spawn(async move {
            if let (Some(hook), Some(surroundings)) = (hook, surroundings) {
                let outcome = surroundings.run_hook(&hook).await;
                posts
                    .observed(container, run, What::HookDone(outcome))
                    .await;
            }
        });
    }

    pub(super) fn terminate(&self, container: usize) {
        self.control(container, Control::Terminate);
    }

    pub(super) fn kill(&self, container: usize) {
        self.control(container, Control::Kill);
    }

    fn control(&self, container: usize, control: Control) {
        let controls = self
            .runs
            .get(container)
            .and_then(|run| run.controls.as_ref());
        // A process that has ended meanwhile takes none.
        if let Some(Err(error)) = controls.map(|controls| controls.try_send(control)) {
            tracing::debug!(%error, ?control, "a process that has ended is controlled");
        }
    }

    fn surroundings(&self, container: usize, options: &ProcessOptions) -> Option<Surroundings> {
        Some(Surroundings {
            dial: Arc::clone(&self.dial),
            supervisor: options.supervisor.clone(),
            environment: Arc::clone(&self.runs.get(container)?.environment),
        })
    }

    /// Begins a task, and puts those away that are done.
    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        while let Some(done) = self.tasks.try_join_next() {
            if let Err(error) = done {
                tracing::error!(%error, pod = %self.live.name(), "a task of the process node failed");
            }
        }
        self.tasks.spawn(task);
    }
}

/// Whether a version is later than another. Versions of one server are
/// ordered numbers; where they are none, what comes later is later.
pub(super) fn is_newer(object: &LiveObject, known: &LiveObject) -> bool {
    let number = |object: &LiveObject| object.resource_version().parse::<u64>().ok();
    match (number(object), number(known)) {
        (Some(version), Some(known)) => version > known,
        _ => true,
    }
}
