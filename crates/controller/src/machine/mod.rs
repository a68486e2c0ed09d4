//! The machine: what is worked on, when, in which order, how many at once.
//!
//! No I/O and no clock: `handle(event, now) → commands`. The runtime drives
//! it in real time; the simulation in virtual time, from a seed.

mod backoff;
mod edges;
mod event;
mod key;
mod lanes;
mod queue;
mod starting;
#[cfg(test)]
mod tests;
mod timers;
mod waking;

pub use backoff::Backoff;
pub use event::{Command, Event, Facts, Next, Start};
pub use key::{Cause, Causes, Kind, ObjectKey, Shell};

use backoff::scatter_ms;
use edges::Edges;
use lanes::Lanes;
use queue::Queue;
use std::collections::{BTreeMap, BTreeSet};
use timers::Timers;
use trueup_object::Text;

/// How far an interval is scattered, in percent; Flux's
/// `--interval-jitter-percentage` as its install manifests set it.
pub const INTERVAL_JITTER_PERCENT: u8 = 10;

/// How many objects of a kind are worked on at once where nothing else is
/// said. More than Flux's two sources and four Kustomizations: work is mostly
/// waiting for others, and a few hosts that never answer hold up nobody else.
pub const CONCURRENCY: usize = 16;

/// What a machine is made with.
#[derive(Clone, Debug)]
pub struct MachineOptions {
    /// Seed of all jitter.
    pub seed: u64,
    /// How many objects of each kind are worked on at once; 1 where missing.
    pub concurrency: BTreeMap<Kind, usize>,
    /// Pauses after failures.
    pub backoff: Backoff,
    /// Scatter of intervals in percent.
    pub jitter_percent: u8,
}

impl Default for MachineOptions {
    /// [`CONCURRENCY`] objects of each kind at once.
    fn default() -> Self {
        Self {
            seed: 0,
            concurrency: Kind::RECONCILED.map(|kind| (kind, CONCURRENCY)).into(),
            backoff: Backoff::default(),
            jitter_percent: INTERVAL_JITTER_PERCENT,
        }
    }
}

/// Queue, wake-ups and indexes of all objects that have a shell.
///
/// Guarantees: an object is never worked on twice at once; what happens to it
/// meanwhile is worked on afterwards; an object waits while one that it
/// depends on is queued or worked on (unless they stand in a circle), so that
/// a push reaches a chain of dependencies in order.
#[derive(Debug)]
pub struct Machine {
    options: MachineOptions,
    rng: fastrand::Rng,
    entries: BTreeMap<ObjectKey, Entry>,
    queue: Queue,
    timers: Timers,
    dependencies: Edges,
    sources: Edges,
    urls: BTreeMap<Text, BTreeSet<ObjectKey>>,
    running: BTreeMap<Kind, usize>,
    lanes: Lanes,
    acting: BTreeSet<Kind>,
    runs: u64,
    /// Counts the changes of discovery.
    discovery: u64,
}

/// What is known of one object.
#[derive(Debug, Default)]
struct Entry {
    facts: Facts,
    run: Option<Run>,
    failures: u32,
    waits_for_dependency: bool,
    waits_for_kind: bool,
    in_circle: bool,
    gone: bool,
}

/// A run under way.
#[derive(Debug)]
struct Run {
    number: u64,
    /// The other cluster that it works on.
    lane: Option<Text>,
    /// What happened since it began.
    since: Causes,
    cancelled: bool,
    /// Which changes of discovery it may have seen.
    discovery: u64,
}

impl Machine {
    /// A machine that knows of nothing and stands by for every kind.
    #[must_use]
    pub fn new(options: MachineOptions) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(options.seed),
            options,
            entries: BTreeMap::new(),
            queue: Queue::default(),
            timers: Timers::default(),
            dependencies: Edges::default(),
            sources: Edges::default(),
            urls: BTreeMap::new(),
            running: BTreeMap::new(),
            lanes: Lanes::default(),
            acting: BTreeSet::new(),
            runs: 0,
            discovery: 0,
        }
    }

    /// Takes in an event and answers what is to be done now.
    pub fn handle(&mut self, event: Event, now_ms: u64) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Acting(kind) => {
                self.acting.insert(kind);
            }
            Event::StandingBy(kind) => {
                self.acting.remove(&kind);
                self.begin_anew(kind, &mut commands);
            }
            Event::Observed { key, facts } => self.observe(&key, *facts, &mut commands),
            Event::Vanished(key) => self.vanish(&key, &mut commands),
            Event::Pushed { url } => self.push_arrived(&url, &mut commands),
            Event::LiveChanged(key) => self.add(&key, Cause::Live, &mut commands),
            Event::SourceArrived(key) => self.add(&key, Cause::Source, &mut commands),
            Event::DiscoveryChanged => self.discovery_changed(&mut commands),
            Event::Finished { key, run, next } => self.finish(&key, run, &next, now_ms),
            Event::Tick => {}
        }
        while let Some((key, cause)) = self.timers.pop_due(now_ms) {
            self.add(&key, cause, &mut commands);
        }
        self.dispatch(&mut commands);
        commands
    }

    /// When [`Event::Tick`] is due next.
    #[must_use]
    pub fn next_wake_ms(&self) -> Option<u64> {
        self.timers.next_ms()
    }

    /// Whether nothing is worked on and nothing waits to be.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        Kind::RECONCILED
            .iter()
            .all(|kind| self.running(*kind) == 0 && self.depth(*kind) == 0)
    }

    /// How many objects of a kind wait to be worked on.
    #[must_use]
    pub fn depth(&self, kind: Kind) -> usize {
        self.queue.depth(kind)
    }

    /// How many objects of a kind are worked on.
    #[must_use]
    pub fn running(&self, kind: Kind) -> usize {
        self.running.get(&kind).copied().unwrap_or(0)
    }

    fn observe(&mut self, key: &ObjectKey, facts: Facts, commands: &mut Vec<Command>) {
        let old = self
            .entries
            .get(key)
            .filter(|entry| !entry.gone)
            .map(|entry| entry.facts.clone());
        let entry = self.entries.entry(key.clone()).or_default();
        entry.gone = false;
        entry.facts = facts.clone();
        self.index(key, old.as_ref(), &facts);
        for cause in own_causes(old.as_ref(), &facts) {
            self.add(key, cause, commands);
        }
        let old = old.unwrap_or_default();
        if old.artifact != facts.artifact {
            self.wake_users(key, commands);
        }
        if facts.ready_at.is_some() && old.ready_at != facts.ready_at {
            self.wake_dependents(key, commands);
        }
        self.wake_askers(key, commands);
        if old.depends_on != facts.depends_on {
            self.wake_circles(key, commands);
        }
    }

    fn index(&mut self, key: &ObjectKey, old: Option<&Facts>, facts: &Facts) {
        self.dependencies
            .set(key, facts.depends_on.iter().cloned().collect());
        self.sources
            .set(key, facts.source.iter().cloned().collect());
        if let Some(url) = old.and_then(|old| old.url.as_ref()) {
            self.forget_url(url, key);
        }
        if let Some(url) = &facts.url {
            self.urls
                .entry(url.clone())
                .or_default()
                .insert(key.clone());
        }
    }

    fn forget_url(&mut self, url: &Text, key: &ObjectKey) {
        if let Some(users) = self.urls.get_mut(url) {
            users.remove(key);
            if users.is_empty() {
                self.urls.remove(url);
            }
        }
    }

    fn vanish(&mut self, key: &ObjectKey, commands: &mut Vec<Command>) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let facts = std::mem::take(&mut entry.facts);
        entry.gone = true;
        if let Some(run) = &mut entry.run {
            run.since.clear();
            cancel(key, run, commands);
        } else {
            self.entries.remove(key);
        }
        self.queue.remove(key);
        self.timers.clear(key);
        self.index(key, Some(&facts), &Facts::default());
        if facts.artifact.is_some() {
            self.wake_users(key, commands);
        }
        self.wake_circles(key, commands);
    }

    /// Adds a cause for work on an object, where its kind is worked on. A
    /// suspended object is only worked on when it is deleted, to take note of
    /// the suspension, or when that may be over.
    fn add(&mut self, key: &ObjectKey, cause: Cause, commands: &mut Vec<Command>) {
        if !key.kind.is_reconciled() {
            return;
        }
        let Some(entry) = self.entries.get_mut(key).filter(|entry| !entry.gone) else {
            return;
        };
        let facts = &entry.facts;
        if facts.suspended && !facts.deleting && !may_end_suspension(cause) {
            return;
        }
        let Some(run) = &mut entry.run else {
            self.queue.push(key, cause);
            return;
        };
        run.since.insert(cause);
        if cause.outdates_a_run() {
            cancel(key, run, commands);
        }
    }

    /// While others act, what is known of a kind gets old: when it may be
    /// acted on again, every object is worked on as if seen for the first time.
    fn begin_anew(&mut self, kind: Kind, commands: &mut Vec<Command>) {
        for (key, entry) in self.entries.iter_mut().filter(|(key, _)| key.kind == kind) {
            match &mut entry.run {
                Some(run) => {
                    run.since.insert(Cause::Start);
                    cancel(key, run, commands);
                }
                None if !entry.gone => self.queue.push(key, Cause::Start),
                None => {}
            }
        }
    }

    fn finish(&mut self, key: &ObjectKey, number: u64, next: &Next, now_ms: u64) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let Some(run) = entry.run.take_if(|run| run.number == number) else {
            return;
        };
        *self.running.entry(key.kind).or_default() -= 1;
        if let Some(lane) = &run.lane {
            self.lanes.leave(lane);
        }
        if entry.gone {
            self.entries.remove(key);
            return;
        }
        entry.waits_for_dependency = matches!(next, Next::Dependency { .. });
        entry.waits_for_kind = matches!(next, Next::Kind { .. });
        let has_missed = entry.waits_for_kind && run.discovery != self.discovery;
        entry.failures = if matches!(next, Next::Backoff) {
            entry.failures.saturating_add(1)
        } else {
            0
        };
        let (failures, interval_ms) = (entry.failures, entry.facts.interval_ms);
        self.schedule(key, next, failures, interval_ms, now_ms);
        if has_missed {
            self.queue.push(key, Cause::Discovery);
        }
        for cause in run.since {
            self.queue.push(key, cause);
        }
    }

    fn schedule(
        &mut self,
        key: &ObjectKey,
        next: &Next,
        failures: u32,
        interval_ms: u64,
        now_ms: u64,
    ) {
        let (delay_ms, cause) = match next {
            Next::Interval => (
                scatter_ms(interval_ms, self.options.jitter_percent, &mut self.rng),
                Cause::Interval,
            ),
            Next::After { delay_ms } => (*delay_ms, Cause::Retry),
            Next::Backoff => (
                self.options.backoff.pause_ms(failures, &mut self.rng),
                Cause::Retry,
            ),
            Next::Deadline { delay_ms } => (*delay_ms, Cause::Deadline),
            Next::Dependency { delay_ms } | Next::Kind { delay_ms } => (*delay_ms, Cause::Retry),
            Next::Again => return self.queue.push(key, Cause::Retry),
            Next::Trailing => return self.queue.push(key, Cause::Trailing),
            Next::Never => return,
        };
        self.timers.set(key, now_ms.saturating_add(delay_ms), cause);
    }
}

fn may_end_suspension(cause: Cause) -> bool {
    matches!(cause, Cause::Spec | Cause::Start | Cause::Deadline)
}

fn cancel(key: &ObjectKey, run: &mut Run, commands: &mut Vec<Command>) {
    if !run.cancelled {
        run.cancelled = true;
        commands.push(Command::Cancel {
            key: key.clone(),
            run: run.number,
        });
    }
}

/// Why an object's own change makes work for it.
fn own_causes(old: Option<&Facts>, new: &Facts) -> Vec<Cause> {
    let Some(old) = old else {
        return vec![Cause::Start];
    };
    let mut causes = Vec::new();
    if new.deleting && !old.deleting {
        causes.push(Cause::Deletion);
    }
    if new.generation != old.generation || new.settings != old.settings {
        causes.push(Cause::Spec);
    }
    if new.request.is_some() && new.request != old.request {
        causes.push(Cause::Request);
    }
    causes
}
