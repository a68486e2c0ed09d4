//! The shell: watches, decides, does.

mod act;
mod record;

use crate::cache::{Cache, Key, Kind};
use crate::conditions::text_of;
use crate::decide::{Setting, decide};
use crate::endpoints::{self, TriggerTimes};
use crate::interest::interested;
use crate::node;
use crate::options::{Parts, WorkloadsOptions};
use crate::process;
use act::{Done, act, is_terminating};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, select_all};
use jiff::{SignedDuration, Timestamp};
pub(crate) use record::Recorder;
use record::{channel, record};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};
use trueup_cluster::{
    ApiError, ApplyOptions, ErrorClass, Form, LiveObject, Patch, Scope, Session, Verb, WatchEvent,
    WatchSpec, WriteOptions,
};
use trueup_object::{GroupVersionKind, ObjectRef, Text, value};

/// Objects worked on at once.
const MAX_WORKING: usize = 16;

/// Events taken in before the next decision.
const MAX_EVENTS: usize = 512;

/// Shortest and longest pause after a failed write.
const PAUSE_MS: (u64, u64) = (100, 30_000);

/// Runs the workloads until it is dropped. Event-driven: at rest it asks for
/// nothing but its watches.
pub async fn run(session: Session, options: WorkloadsOptions) {
    let node = keep_node(session.clone(), options.clone());
    let (recorder, notes) = channel();
    let events = record(session.clone(), notes, options.wall_clock.clone());
    let processes = process::run(session.clone(), options.clone(), recorder.clone());
    let controllers = Runner::new(session, options, recorder).run();
    futures::join!(node, controllers, Box::pin(processes), events);
}

struct Runner {
    session: Session,
    options: WorkloadsOptions,
    recorder: Recorder,
    cache: Cache,
    synced: HashSet<Kind>,
    dirty: BTreeSet<Key>,
    working: HashSet<Key>,
    failures: HashMap<Key, Failures>,
    wakes: Wakes,
    first_seen: HashMap<Text, Timestamp>,
    triggers: HashMap<Key, TriggerTimes>,
}

/// Attempts that failed, one after the other.
#[derive(Default)]
struct Failures {
    count: u32,
    /// What the server said of the last creation or deletion that failed.
    said: Option<Text>,
}

/// When to look at which key again.
#[derive(Default)]
struct Wakes {
    by_time: BTreeSet<(Timestamp, Key)>,
    by_key: HashMap<Key, Timestamp>,
}

impl Wakes {
    fn set(&mut self, key: &Key, at: Option<Timestamp>) {
        if let Some(before) = self.by_key.remove(key) {
            self.by_time.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.by_key.insert(key.clone(), at);
            self.by_time.insert((at, key.clone()));
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    fn take_due(&mut self, now: Timestamp) -> Vec<Key> {
        let mut due = Vec::new();
        while let Some((at, key)) = self.by_time.first().cloned() {
            if at > now {
                break;
            }
            self.set(&key, None);
            due.push(key);
        }
        due
    }
}

type Work = BoxFuture<'static, (Key, Option<Timestamp>, Vec<Done>)>;

impl Runner {
    fn new(session: Session, options: WorkloadsOptions, recorder: Recorder) -> Self {
        Self {
            session,
            options,
            recorder,
            cache: Cache::default(),
            synced: HashSet::new(),
            dirty: BTreeSet::new(),
            working: HashSet::new(),
            failures: HashMap::new(),
            wakes: Wakes::default(),
            first_seen: HashMap::new(),
            triggers: HashMap::new(),
        }
    }

    async fn run(mut self) {
        let watch = |kind: Kind| {
            let spec = WatchSpec {
                kind: kind.gvk(),
                scope: Scope::all(),
                form: Form::Full,
            };
            self.session
                .watch(spec)
                .map(move |event| (kind, event))
                .boxed()
        };
        let mut events = select_all(Kind::ALL.map(watch)).ready_chunks(MAX_EVENTS);
        let mut work: FuturesUnordered<Work> = FuturesUnordered::new();
        loop {
            self.start(&mut work);
            let wake = self.next_wake();
            tokio::select! {
                biased;
                Some((key, wake_at, done)) = work.next(), if !work.is_empty() => {
                    self.finish(&key, wake_at, done);
                }
                Some(events) = events.next() => {
                    events.into_iter().for_each(|(kind, event)| self.take(kind, event));
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    let due = self.wakes.take_due(self.now());
                    self.dirty.extend(due);
                }
            }
        }
    }

    fn now(&self) -> Timestamp {
        (self.options.wall_clock)()
    }

    /// When the next wake is due on tokio's clock; a little later than exact,
    /// so that it is due by the wall clock too.
    fn next_wake(&self) -> Option<Instant> {
        let left = self.wakes.next()?.duration_since(self.now());
        let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
        Some(Instant::now() + left + Duration::from_millis(1))
    }

    fn take(&mut self, kind: Kind, event: WatchEvent) {
        match event {
            WatchEvent::Applied(object) => {
                self.absorb(object);
            }
            WatchEvent::Deleted(deleted) => self.forget(&deleted.reference, &deleted.uid),
            WatchEvent::Synced { .. } => {
                self.synced.insert(kind);
            }
            WatchEvent::Error(error) => {
                // A kind that is not served holds up none of the others.
                if error.class() == ErrorClass::KindMissing {
                    self.synced.insert(kind);
                }
                tracing::debug!(%error, "workloads watch");
            }
            WatchEvent::Restarted { .. } => {}
        }
    }

    /// Takes in an object; it and those who care for it are looked at again.
    /// Tells whether it was news.
    fn absorb(&mut self, object: LiveObject) -> bool {
        let Some(key) = Key::of(object.reference()) else {
            return false;
        };
        if key.kind == Kind::Pod && !self.first_seen.contains_key(object.uid()) {
            self.first_seen.insert(object.uid().clone(), self.now());
        }
        // Who cared for it as it was cares that it has changed.
        self.mark_interested(&key);
        let news = self.cache.put(object);
        if news {
            self.mark_interested(&key);
            self.dirty.insert(key);
        }
        news
    }

    fn forget(&mut self, reference: &ObjectRef, uid: &str) {
        let Some(key) = Key::of(reference) else {
            return;
        };
        self.mark_interested(&key);
        self.first_seen.remove(uid);
        self.cache.remove(&key, uid);
        self.wakes.set(&key, None);
        // A new object of the same name may be there already.
        self.dirty.insert(key);
    }

    fn mark_interested(&mut self, key: &Key) {
        if let Some(object) = self.cache.get(key) {
            self.dirty.extend(interested(object, key, &self.cache));
        }
    }

    /// Begins work on what is to be looked at, once everything has been seen.
    fn start(&mut self, work: &mut FuturesUnordered<Work>) {
        if self.synced.len() < Kind::ALL.len() {
            return;
        }
        // More may become free by decisions without work.
        loop {
            let ready = self.ready();
            if ready.is_empty() {
                return;
            }
            for key in ready {
                self.start_one(key, work);
            }
        }
    }

    /// As many of those to be looked at as may be worked on now.
    fn ready(&self) -> Vec<Key> {
        let free = self.dirty.iter().filter(|key| !self.working.contains(*key));
        let room = MAX_WORKING.saturating_sub(self.working.len());
        free.take(room).cloned().collect()
    }

    fn start_one(&mut self, key: Key, work: &mut FuturesUnordered<Work>) {
        self.dirty.remove(&key);
        let setting = self.setting(&key);
        let decision = decide(&key, &self.cache, &setting);
        self.note_triggers(&key);
        if decision.actions.is_empty() {
            self.failures.remove(&key);
            self.wakes.set(&key, decision.wake_at);
            return;
        }
        self.working.insert(key.clone());
        let session = self.session.clone();
        work.push(Box::pin(async move {
            let done = act(&session, decision.actions).await;
            (key, decision.wake_at, done)
        }));
    }

    /// Remembers what the endpoints of a Service were decided on.
    fn note_triggers(&mut self, key: &Key) {
        if key.kind != Kind::Service {
            return;
        }
        match self.cache.get(key) {
            Some(service) => {
                let times = endpoints::trigger_times(service, &self.cache);
                self.triggers.insert(key.clone(), times);
            }
            None => drop(self.triggers.remove(key)),
        }
    }

    fn setting(&self, key: &Key) -> Setting {
        let uid = self.cache.get(key).map(|object| object.uid().clone());
        Setting {
            node_name: self.options.node_name.clone(),
            parts: self.options.parts,
            ready_delay: self.options.ready_delay,
            now: self.now(),
            first_seen: uid.and_then(|uid| self.first_seen.get(&uid).copied()),
            failure: self
                .failures
                .get(key)
                .and_then(|failed| failed.said.clone()),
            triggers: self.triggers.get(key).cloned(),
            processes: self.options.processes.clone(),
        }
    }

    fn finish(&mut self, key: &Key, wake_at: Option<Timestamp>, done: Vec<Done>) {
        self.working.remove(key);
        let (mut moved, mut failed) = (false, Vec::new());
        for outcome in done {
            match outcome {
                Done::Written(object) => moved |= self.absorb(*object),
                Done::Deleted(reference, uid) => {
                    if let Some(gone) = Key::of(&reference) {
                        self.mark_interested(&gone);
                        self.cache.deleted(&gone, &uid);
                        moved = true;
                    }
                }
                Done::Tell(note) => self.recorder.tell(note),
                Done::Nothing => {}
                Done::Failed(error) => {
                    tracing::debug!(%error, "workloads write");
                    failed.push(error);
                }
            }
        }
        if failed.is_empty() {
            self.failures.remove(key);
            self.wakes.set(key, wake_at);
            // What was written may make more to be done.
            self.dirty.extend(moved.then(|| key.clone()));
        } else {
            let at = self.retry_at(key, &failed);
            self.wakes.set(key, Some(at));
        }
    }

    fn retry_at(&mut self, key: &Key, failed: &[ApiError]) -> Timestamp {
        let failures = self.failures.entry(key.clone()).or_default();
        let pause_ms = (PAUSE_MS.0 << failures.count.min(16)).min(PAUSE_MS.1);
        failures.count += 1;
        let told = failed
            .iter()
            .find(|error| matches!(error.verb(), Verb::Create | Verb::Delete));
        failures.said = told
            .filter(|error| !is_terminating(error))
            .map(|error| error.message().into());
        let pause = SignedDuration::from_millis(i64::try_from(pause_ms).unwrap_or(i64::MAX));
        self.now().checked_add(pause).unwrap_or(Timestamp::MAX)
    }
}

/// Registers the node, and renews its Lease where that is wanted.
async fn keep_node(session: Session, options: WorkloadsOptions) {
    if options.parts == Parts::ControllersOnly {
        return;
    }
    let mut pause_ms = PAUSE_MS.0;
    while let Err(error) = register(&session, &options).await {
        tracing::debug!(%error, "registering the simulated node");
        sleep(Duration::from_millis(pause_ms)).await;
        pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
    }
    let Some(period) = options.heartbeat else {
        return;
    };
    loop {
        let lease = node::lease(&options.node_name, (options.wall_clock)());
        if let Err(error) = session
            .apply(&lease, &ApplyOptions::new("kubelet").taking_over())
            .await
        {
            tracing::debug!(%error, "renewing the node's lease");
        }
        sleep(period).await;
    }
}

async fn register(session: &Session, options: &WorkloadsOptions) -> Result<(), ApiError> {
    let manager = WriteOptions::new("kubelet");
    let reference = ObjectRef {
        kind: GroupVersionKind::new("v1", "Node"),
        namespace: Text::new(),
        name: options.node_name.clone(),
    };
    let live = match session.find(&reference, Form::Full).await? {
        Some(live) => live,
        None => {
            session
                .create(&node::node(&options.node_name), &manager)
                .await?
        }
    };
    if live.value().at(&["status", "capacity"]).is_some() {
        return Ok(());
    }
    let status = node::status((options.wall_clock)());
    session
        .patch_status(&reference, &status, None, "kubelet")
        .await?;
    // The genuine controllers taint a node that they do not know yet.
    if live.value().at(&["spec", "taints"]).is_some() {
        let untaint = Patch::Merge(value!({"spec": {"taints": null}}));
        session.patch(&reference, &untaint, &manager).await?;
    }
    tracing::debug!(node = %options.node_name, at = %text_of((options.wall_clock)()), "node registered");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_testkit::TestCluster;

    /// More than a stack holds if each took a call of its own.
    const MANY: usize = 200_000;

    #[tokio::test]
    async fn any_number_of_objects_is_looked_at_that_need_nothing() {
        let cluster = TestCluster::embedded(1);
        let (recorder, _notes) = channel();
        let mut runner = Runner::new(cluster.session(), WorkloadsOptions::default(), recorder);
        runner.synced.extend(Kind::ALL);
        let gone = |number: usize| Key::cluster_scoped(Kind::Service, &number.to_string());
        runner.dirty.extend((0..MANY).map(gone));
        let mut work = FuturesUnordered::new();
        runner.start(&mut work);
        assert!(runner.dirty.is_empty() && runner.working.is_empty() && work.is_empty());
    }
}
