//! The shell of the process node: watches the Pods, runs what their machines
//! command, tells them what happens, and writes their statuses.

mod tasks;
mod tended;

use crate::cache::Kind;
use crate::note::{Involved, Note, Severity};
use crate::options::{Parts, WorkloadsOptions};
use crate::pods::is_ended;
use crate::process::machine::{Command, Observation, Telling, What, status_of, step};
use crate::process::{ProcessOptions, addresses};
use crate::run::Recorder;
use futures::StreamExt;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tasks::Posts;
use tended::{Tended, is_newer};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use trueup_cluster::{ApiError, Form, LiveObject, Scope, Session, WatchEvent, WatchSpec};
use trueup_object::{Text, Value};

/// News of tasks that wait to be heard.
const MAX_NEWS: usize = 1_024;

/// Runs the Pods of the node that are processes until it is dropped; at once
/// done where there are none.
pub(crate) async fn run(session: Session, options: WorkloadsOptions, recorder: Recorder) {
    let Some(processes) = options.processes.clone() else {
        return;
    };
    if options.parts == Parts::ControllersOnly {
        return;
    }
    let (news, heard) = mpsc::channel(MAX_NEWS);
    let shell = Shell {
        session,
        options,
        processes,
        recorder,
        tended: HashMap::new(),
        news,
    };
    shell.run(heard).await;
}

/// Something that a task has to tell of a Pod.
struct News {
    uid: Text,
    what: Happened,
}

enum Happened {
    /// Something happened to a container.
    Observed(Observation),
    /// The environment of a container that is being started.
    Environment(usize, Arc<BTreeMap<String, String>>),
    /// The annotations were written.
    Announced(Result<LiveObject, ApiError>),
    /// The status was written.
    Written(Result<LiveObject, ApiError>),
    /// The Pod was deleted for good.
    Finished(Result<(), ApiError>),
}

struct Shell {
    session: Session,
    options: WorkloadsOptions,
    processes: Arc<ProcessOptions>,
    recorder: Recorder,
    /// By uid.
    tended: HashMap<Text, Tended>,
    news: mpsc::Sender<News>,
}

impl Shell {
    async fn run(mut self, mut heard: mpsc::Receiver<News>) {
        let mut events = self.session.watch(WatchSpec {
            kind: Kind::Pod.gvk(),
            scope: Scope::all(),
            form: Form::Full,
        });
        loop {
            let wake = self.next_wake();
            tokio::select! {
                Some(news) = heard.recv() => self.hear(news),
                Some(event) = events.next() => self.take(event),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.wake(),
            }
        }
    }

    fn now(&self) -> Timestamp {
        (self.options.wall_clock)()
    }

    /// A little later than exact, so that it is due by the wall clock too.
    fn next_wake(&self) -> Option<Instant> {
        let next = self.tended.values().filter_map(Tended::next).min()?;
        let left = Duration::try_from(next.duration_since(self.now())).unwrap_or(Duration::ZERO);
        Some(Instant::now() + left + Duration::from_millis(1))
    }

    fn wake(&mut self) {
        let now = self.now();
        let due = self
            .tended
            .iter()
            .filter(|(_, it)| it.next().is_some_and(|at| at <= now));
        let due: Vec<Text> = due.map(|(uid, _)| uid.clone()).collect();
        for uid in due {
            if let Some(tended) = self.tended.get_mut(&uid) {
                tended.retry_at = tended.retry_at.filter(|at| *at > now);
            }
            self.go(&uid, None);
        }
    }

    fn take(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::Applied(pod) => self.see(pod),
            WatchEvent::Deleted(deleted) => self.forget(&deleted.uid),
            WatchEvent::Error(error) => tracing::debug!(%error, "process node watch"),
            WatchEvent::Synced { .. } | WatchEvent::Restarted { .. } => {}
        }
    }

    /// A version of a Pod: one that is tended, or one that is new here.
    fn see(&mut self, pod: LiveObject) {
        let uid = pod.uid().clone();
        if let Some(tended) = self.tended.get_mut(&uid) {
            if is_newer(&pod, &tended.live) {
                tended.live = pod;
                self.go(&uid, None);
            }
            return;
        }
        let value = pod.value();
        let ours = value.str_at(&["spec", "nodeName"]) == Some(self.options.node_name.as_str())
            && self.processes.takes(value);
        let over = is_ended(value) && pod.deletion_timestamp().is_none();
        if ours && !over {
            self.admit(&uid, pod);
        }
    }

    fn admit(&mut self, uid: &Text, pod: LiveObject) {
        let now = self.now();
        let taken: HashSet<IpAddr> = self.tended.values().flat_map(Tended::addresses).collect();
        match addresses::find(pod.value(), uid, &taken) {
            Ok(dial) => {
                let tended = Tended::new(pod, &self.processes.images, dial, now);
                self.tended.insert(uid.clone(), tended);
                self.go(uid, None);
            }
            Err(error) => {
                let telling = Telling {
                    severity: Severity::Warning,
                    reason: "FailedCreatePodSandBox",
                    message: format!("no port of this machine can be had for the Pod: {error}"),
                };
                self.recorder.tell(note(&pod, telling));
            }
        }
    }

    /// A Pod that is gone; its tasks go with it, and so its processes.
    fn forget(&mut self, uid: &str) {
        if let Some(gone) = self.tended.remove(uid) {
            let (namespace, name) = (gone.live.namespace(), gone.live.name());
            let again = self
                .tended
                .values()
                .any(|it| it.live.reference() == gone.live.reference());
            if !again {
                self.processes.logs.forget(namespace, name);
            }
        }
    }

    fn hear(&mut self, News { uid, what }: News) {
        let now = self.now();
        let Some(tended) = self.tended.get_mut(&uid) else {
            return;
        };
        match what {
            Happened::Observed(observation) => {
                tended.note_end(&observation);
                self.go(&uid, Some(observation));
                return;
            }
            Happened::Environment(container, environment) => {
                tended.set_environment(container, environment);
                return;
            }
            Happened::Announced(outcome) => {
                tended.announcing = false;
                tended.announced = outcome.is_ok();
                tended.written_by_us(outcome, now);
            }
            Happened::Written(outcome) => {
                tended.writing = false;
                if outcome.is_err() {
                    tended.written = None;
                }
                tended.written_by_us(outcome, now);
            }
            Happened::Finished(outcome) => {
                tended.finishing = false;
                if let Err(error) = outcome {
                    tended.state.finished = false;
                    tended.retry_after(&error, now);
                }
            }
        }
        self.go(&uid, None);
    }

    /// Takes a Pod's machine on by a step, and does what it commands.
    fn go(&mut self, uid: &Text, observation: Option<Observation>) {
        let mut observations = VecDeque::from([observation]);
        while let Some(observation) = observations.pop_front() {
            let now = self.now();
            let backoff = self.processes.restart_backoff;
            let Some(tended) = self.tended.get_mut(uid) else {
                return;
            };
            if !tended.announced {
                self.announce(uid);
                return;
            }
            let deletion = tended.deletion_grace();
            let state = tended.state.clone();
            let next = step(&tended.spec, state, observation, deletion, backoff, now);
            tended.state = next.state;
            tended.wake_at = next.wake_at;
            for command in next.commands {
                observations.extend(self.obey(uid, command).map(Some));
            }
        }
        self.write_status(uid);
    }

    /// Does a command; what is known of its outcome at once is returned.
    fn obey(&mut self, uid: &Text, command: Command) -> Option<Observation> {
        let room = self.running() < self.processes.max_processes;
        let posts = self.posts(uid);
        let processes = Arc::clone(&self.processes);
        let tended = self.tended.get_mut(uid)?;
        match command {
            Command::Start { container, run } if !room => {
                return Some(Observation {
                    container,
                    run,
                    what: What::Refused {
                        reason: "TooManyProcesses".into(),
                        message: format!(
                            "{} processes run on this node already (MAX_PROCESSES)",
                            self.processes.max_processes
                        ),
                    },
                });
            }
            Command::Start { container, run } => tended.start(container, run, posts, &processes),
            Command::Probe {
                container,
                run,
                kind,
            } => tended.probe(container, run, kind, posts, &processes),
            Command::Hook { container, run } => tended.run_hook(container, run, posts, &processes),
            Command::Terminate { container } => tended.terminate(container),
            Command::Kill { container } => tended.kill(container),
            Command::Tell(telling) => {
                let note = note(&tended.live, telling);
                self.recorder.tell(note);
            }
            Command::Finish => self.finish(uid),
        }
        None
    }

    /// Processes of all containers.
    fn running(&self) -> usize {
        self.tended.values().map(Tended::running).sum()
    }

    fn posts(&self, uid: &Text) -> Posts {
        Posts {
            session: self.session.clone(),
            uid: uid.clone(),
            news: self.news.clone(),
        }
    }

    /// Tells in the Pod's annotations where it can be dialled, before anything
    /// of it runs.
    fn announce(&mut self, uid: &Text) {
        let posts = self.posts(uid);
        if let Some(tended) = self.tended.get_mut(uid)
            && !tended.announcing
            && tended.retry_at.is_none()
        {
            tended.announcing = true;
            let (reference, annotations) =
                (tended.live.reference().clone(), tended.dial.annotations());
            tended.tasks.spawn(posts.announce(reference, annotations));
        }
    }

    fn write_status(&mut self, uid: &Text) {
        let (posts, now) = (self.posts(uid), self.now());
        let Some(tended) = self.tended.get_mut(uid) else {
            return;
        };
        if tended.writing || tended.finishing || tended.retry_at.is_some() {
            return;
        }
        if let Some(status) = tended.status_to_write(now) {
            tended.writing = true;
            let (reference, version) = (
                tended.live.reference().clone(),
                tended.live.resource_version().clone(),
            );
            tended
                .tasks
                .spawn(posts.write_status(reference, version, status));
        }
    }

    fn finish(&mut self, uid: &Text) {
        let (posts, now) = (self.posts(uid), self.now());
        if let Some(tended) = self.tended.get_mut(uid) {
            tended.finishing = true;
            let status = tended.status_to_write(now);
            tended
                .tasks
                .spawn(posts.finish(tended.live.reference().clone(), uid.clone(), status));
        }
    }
}

fn note(pod: &LiveObject, telling: Telling) -> Note {
    Note {
        about: Involved {
            reference: pod.reference().clone(),
            uid: pod.uid().clone(),
            resource_version: pod.resource_version().clone(),
        },
        component: "kubelet",
        severity: telling.severity,
        reason: telling.reason.into(),
        message: telling.message.into(),
    }
}

/// The status of a tended Pod as it should be.
fn status(tended: &Tended, now: Timestamp) -> Value {
    let live = &tended.live;
    status_of(
        &tended.spec,
        &tended.state,
        live.value(),
        live.generation(),
        now,
    )
}
