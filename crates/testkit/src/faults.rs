//! Which requests go wrong, and how: drawn from a seed.

use crate::record::{WriteFate, WriteRecord};
use crate::service::Faulty;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::Method;
use http::request::Parts;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use trueup_cluster::{ChangeCount, Changes};

/// What happens to one request on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection fails; the server never sees the request.
    NotSent,
    /// The server does it, and the answer is lost.
    AnswerLost,
    /// The server never sees it and no answer ever comes: the client's
    /// time-out must end it.
    Silence,
    /// The server does it, and no answer ever comes.
    SilenceAfter,
    /// An answer of this status in place of the server's, which never sees
    /// the request: 409, 429, 500, 503.
    Refused(u16),
}

impl Fault {
    /// What it is called in a summary.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotSent => "not sent",
            Self::AnswerLost => "answer lost",
            Self::Silence => "silence",
            Self::SilenceAfter => "silence after it was done",
            Self::Refused(409) => "conflict",
            Self::Refused(_) => "refused",
        }
    }
}

/// What an API says, time and again, of writes to some path: the answer of a
/// webhook that refuses them, or of one that can't be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What the path of the request holds: `/configmaps/`.
    pub path: String,
    /// The status of the answer.
    pub code: u16,
    /// Its reason: `Forbidden`.
    pub reason: &'static str,
    /// What it says.
    pub message: String,
}

/// What somebody else does just before a write reaches the server: a race, made
/// certain.
pub struct Interjection {
    /// The method of the write.
    pub method: Method,
    /// What its path ends with: `/configmaps/a`.
    pub path: String,
    /// What is done, once.
    pub act: BoxFuture<'static, ()>,
}

impl std::fmt::Debug for Interjection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { method, path, .. } = self;
        write!(formatter, "before {method} …{path}")
    }
}

/// How often each fault happens, in thousandths of all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// [`Fault::NotSent`]
    pub not_sent: u32,
    /// [`Fault::AnswerLost`]
    pub answer_lost: u32,
    /// [`Fault::Silence`] and [`Fault::SilenceAfter`], half each.
    pub silence: u32,
    /// [`Fault::Refused`] with 409, for writes only.
    pub conflict: u32,
    /// [`Fault::Refused`] with 429, 500 or 503.
    pub refused: u32,
    /// A watch breaks at this piece of its stream.
    pub watch_drop: u32,
    /// Every request waits for a time up to this before it is sent, so that
    /// requests overtake each other.
    pub delay_up_to: Duration,
}

impl FaultRates {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        not_sent: 0,
        answer_lost: 0,
        silence: 0,
        conflict: 0,
        refused: 0,
        watch_drop: 0,
        delay_up_to: Duration::ZERO,
    };

    /// The network is gone: nothing reaches the server.
    pub const CUT_OFF: Self = Self {
        not_sent: 1_000,
        ..Self::NONE
    };

    /// A bad day: about one request in ten fails.
    pub const ROUGH: Self = Self {
        not_sent: 20,
        answer_lost: 25,
        silence: 5,
        conflict: 20,
        refused: 30,
        watch_drop: 30,
        delay_up_to: Duration::from_millis(20),
    };
}

/// When the client is cut off for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// Before the write of this number reaches the server.
    BeforeWrite(u64),
    /// After the server has done the write of this number; the answer is lost.
    AfterWrite(u64),
}

/// Steers the faults of one client, and keeps a record of its writes. Cheap
/// to clone; clones are the same.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Counts up when all open watches are to break.
    drops: ChangeCount,
    /// The generation that was cut off last; those up to it hang for ever.
    killed: watch::Sender<u64>,
    /// What the paths of watches hold that are kept away.
    away: watch::Sender<Option<String>>,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    rates: FaultRates,
    kill: Option<Kill>,
    next: Vec<Fault>,
    denials: Vec<Denial>,
    interjections: Vec<Interjection>,
    generation: u64,
    writes: Vec<WriteRecord>,
    requests: u64,
    injected: BTreeMap<&'static str, u64>,
}

/// What was decided about one request.
pub(crate) struct Plan {
    pub fault: Option<Fault>,
    pub denial: Option<Denial>,
    pub delay: Duration,
    /// Index of its record, for a write.
    pub write: Option<usize>,
    pub kill: Option<Kill>,
}

impl Faults {
    /// No faults yet; all that follows is drawn from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            random: fastrand::Rng::with_seed(seed),
            rates: FaultRates::NONE,
            kill: None,
            next: Vec::new(),
            denials: Vec::new(),
            interjections: Vec::new(),
            generation: 1,
            writes: Vec::new(),
            requests: 0,
            injected: BTreeMap::new(),
        };
        let inner = Inner {
            state: Mutex::new(state),
            drops: ChangeCount::default(),
            killed: watch::Sender::new(0),
            away: watch::Sender::new(None),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Puts the faults between a client and `service`. What is wrapped after
    /// [`Faults::revive`] belongs to a new life of the client.
    pub fn wrap<S>(&self, service: S) -> Faulty<S> {
        Faulty::new(self.clone(), service, self.lock().generation)
    }

    /// Sets how often things go wrong from now on.
    pub fn set_rates(&self, rates: FaultRates) {
        self.lock().rates = rates;
    }

    /// Ends all faults: what follows works.
    pub fn calm(&self) {
        let mut state = self.lock();
        state.rates = FaultRates::NONE;
        state.kill = None;
        state.next.clear();
        state.denials.clear();
        state.interjections.clear();
    }

    /// The next write goes wrong like this; further calls queue up.
    pub fn fail_next_write(&self, fault: Fault) {
        self.lock().next.push(fault);
    }

    /// Denies writes from now on, until [`Faults::calm`].
    pub fn deny(&self, denial: Denial) {
        self.lock().denials.push(denial);
    }

    /// Lets somebody else act just before the next write of this kind; of
    /// several those given first come first.
    pub fn interject(&self, interjection: Interjection) {
        self.lock().interjections.push(interjection);
    }

    /// Breaks all open watches.
    pub fn drop_watches(&self) {
        self.inner.drops.raise();
    }

    /// Breaks all open watches, and keeps those away whose path holds this:
    /// `/configmaps`.
    pub fn keep_watches_away(&self, path: &str) {
        self.inner.away.send_replace(Some(path.to_owned()));
        self.drop_watches();
    }

    /// Lets watches back that are kept away; the server has forgotten where they
    /// were, so that they list anew.
    pub fn let_watches_back(&self) {
        self.inner.away.send_replace(None);
    }

    /// Arms a cut-off; write numbers count from the beginning.
    pub fn set_kill(&self, kill: Kill) {
        self.lock().kill = Some(kill);
    }

    /// Cuts the client off now: no request is answered any more.
    pub fn kill_now(&self) {
        let generation = self.lock().generation;
        self.inner.killed.send_replace(generation);
    }

    /// Waits until the client of the present life is cut off. Its tasks hang
    /// at their next request; end them, then [`Faults::revive`].
    pub async fn killed(&self) {
        let generation = self.lock().generation;
        let mut killed = self.inner.killed.subscribe();
        // The sender lives as long as self.
        let _ = killed.wait_for(|upto| *upto >= generation).await;
    }

    /// Begins a new life: clients wrapped from now on work again, those
    /// before never will.
    pub fn revive(&self) {
        let mut state = self.lock();
        let generation = state.generation;
        state.kill = None;
        state.generation += 1;
        drop(state);
        self.inner.killed.send_replace(generation);
    }

    /// All writes so far.
    #[must_use]
    pub fn writes(&self) -> Vec<WriteRecord> {
        self.lock().writes.clone()
    }

    /// How many writes there were.
    #[must_use]
    pub fn write_count(&self) -> u64 {
        u64::try_from(self.lock().writes.len()).unwrap_or(u64::MAX)
    }

    /// How many requests there were, reads too.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.lock().requests
    }

    /// How often each fault was injected so far, by [`Fault::name`]; watches
    /// that broke count as `watch dropped`.
    #[must_use]
    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        self.lock().injected.clone()
    }

    pub(crate) fn plan(&self, head: &Parts, body: &Bytes) -> Plan {
        let mut state = self.lock();
        state.requests += 1;
        let is_write = head.method != Method::GET;
        let fault = if is_write && !state.next.is_empty() {
            Some(state.next.remove(0))
        } else {
            state.draw(is_write)
        };
        if let Some(fault) = fault {
            state.count(fault.name());
        }
        let denied = |denial: &&Denial| is_write && head.uri.path().contains(&denial.path);
        let denial = state.denials.iter().find(denied).cloned();
        let delay = state.draw_delay();
        let write = is_write.then(|| state.record(head, body, fault));
        let number = u64::try_from(state.writes.len()).unwrap_or(u64::MAX);
        let kill = state.kill.filter(|kill| {
            is_write
                && match kill {
                    Kill::BeforeWrite(at) | Kill::AfterWrite(at) => *at == number,
                }
        });
        Plan {
            fault,
            denial,
            delay,
            write,
            kill,
        }
    }

    /// What somebody else does before a write, if anything.
    pub(crate) fn interjection(&self, head: &Parts) -> Option<BoxFuture<'static, ()>> {
        let interjections = &mut self.lock().interjections;
        let is_meant = |it: &Interjection| {
            it.method == head.method && head.uri.path().ends_with(it.path.as_str())
        };
        let place = interjections.iter().position(is_meant)?;
        Some(interjections.remove(place).act)
    }

    pub(crate) fn settle(&self, write: Option<usize>, fate: WriteFate) {
        let mut state = self.lock();
        if let Some(record) = write.and_then(|index| state.writes.get_mut(index)) {
            record.fate = fate;
        }
    }

    /// Whether a watch breaks at this piece.
    pub(crate) fn drops_piece(&self) -> bool {
        let mut state = self.lock();
        let rate = state.rates.watch_drop;
        let drops = rate > 0 && state.random.u32(0..1_000) < rate;
        if drops {
            state.count("watch dropped");
        }
        drops
    }

    /// Whether a watch was kept away until now.
    pub(crate) async fn was_kept_away(&self, path: &str) -> bool {
        let is_kept = |away: &Option<String>| away.as_ref().is_some_and(|it| path.contains(it));
        let mut away = self.inner.away.subscribe();
        let was_kept = is_kept(&away.borrow());
        // The sender lives as long as self.
        let _ = away.wait_for(|away| !is_kept(away)).await;
        was_kept
    }

    pub(crate) fn drops(&self) -> Changes {
        self.inner.drops.changes()
    }

    /// Returns when the client of this generation is cut off.
    pub(crate) async fn cut_off(&self, generation: u64) {
        let mut killed = self.inner.killed.subscribe();
        let _ = killed.wait_for(|upto| *upto >= generation).await;
    }

    pub(crate) fn is_cut_off(&self, generation: u64) -> bool {
        *self.inner.killed.borrow() >= generation
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, fault: &'static str) {
        *self.injected.entry(fault).or_default() += 1;
    }

    fn draw(&mut self, is_write: bool) -> Option<Fault> {
        let rates = self.rates;
        let mut point = self.random.u32(0..1_000);
        let coin = self.random.bool();
        let refusal = *self.random.choice(&[429, 500, 503]).unwrap_or(&500);
        let silence = if coin {
            Fault::Silence
        } else {
            Fault::SilenceAfter
        };
        let conflict = if is_write { rates.conflict } else { 0 };
        for (rate, fault) in [
            (rates.not_sent, Fault::NotSent),
            (rates.answer_lost, Fault::AnswerLost),
            (rates.silence, silence),
            (conflict, Fault::Refused(409)),
            (rates.refused, Fault::Refused(refusal)),
        ] {
            if point < rate {
                return Some(fault);
            }
            point -= rate;
        }
        None
    }

    fn draw_delay(&mut self) -> Duration {
        let longest = u64::try_from(self.rates.delay_up_to.as_micros()).unwrap_or(u64::MAX);
        if longest == 0 {
            Duration::ZERO
        } else {
            Duration::from_micros(self.random.u64(0..=longest))
        }
    }

    fn record(&mut self, head: &Parts, body: &Bytes, fault: Option<Fault>) -> usize {
        let header = |name| {
            head.headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(String::from)
        };
        let index = self.writes.len();
        self.writes.push(WriteRecord {
            number: u64::try_from(index).unwrap_or(u64::MAX) + 1,
            method: head.method.clone(),
            path: head.uri.path().into(),
            query: head.uri.query().unwrap_or_default().into(),
            impersonated: header("impersonate-user"),
            body: body.clone(),
            fault,
            fate: WriteFate::Pending,
        });
        index
    }
}
