//! The shell of `Canary`: observe → step (pure) → act → report.
//!
//! A run takes steps until the machine waits: for a time, for something that
//! happens, or for an answer. Questions to hooks and metrics are asked beside
//! the runs, so that nobody who doesn't answer holds one up; the answer wakes
//! the Canary.

mod act;
mod ask;
mod checks;
mod claims;
mod hooks;
mod look;
mod memory;
mod metrics;
mod observe;
mod options;
mod pods;
mod query;
mod references;
mod routing;
mod secrets;
mod sights;
mod status;
mod tell;

pub(crate) use claims::{left_fields, seen};
pub(crate) use metrics::CanaryMetrics;
pub use options::{CanaryOptions, CanaryService, DEFAULT_METRICS_SERVER, DefaultAlerts};

use crate::context::Context;
use crate::machine::{Next, ObjectKey, Start};
use crate::outcome::Ended;
use crate::status::{self as stored, News, StatusError};
use crate::suspension;
use claims::ClaimRegister;
use jiff::{Timestamp, Unit};
use look::{Look, Trouble};
use memory::{Memories, Memory, lock};
use sights::Sights;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use trueup_kinds::{Canary, KindError, Severity};
use trueup_rollout::machine::{Command, Round, Step, step};

/// How many steps one run takes at most before others get their turn.
const MAX_STEPS_AT_ONCE: u32 = 60;
/// How many questions are asked at once.
pub(super) const MAX_QUESTIONS_AT_ONCE: usize = 256;

/// What all Canaries share.
pub(crate) struct Canaries {
    pub(crate) options: CanaryOptions,
    sights: Sights,
    claims: ClaimRegister,
    memories: Memories,
    questions: Semaphore,
}

impl Canaries {
    pub(crate) fn new(options: CanaryOptions) -> Self {
        Self {
            options,
            sights: Sights::default(),
            claims: ClaimRegister::default(),
            memories: Memories::default(),
            questions: Semaphore::new(MAX_QUESTIONS_AT_ONCE),
        }
    }

    /// Forgets answers and what is being asked: it is asked anew.
    pub(crate) fn forget_answers(&self, key: &ObjectKey) {
        self.memories.forget(key);
    }

    /// Forgets what is remembered of all: others have acted since.
    pub(crate) fn forget_all_answers(&self) {
        self.memories.forget_all();
    }

    /// Forgets a Canary that is gone.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.memories.forget(key);
        self.sights.keep(key, Default::default());
    }
}

/// Works on one Canary once.
pub(crate) async fn reconcile(
    context: &Arc<Context>,
    start: &Start,
    cancel: &CancellationToken,
) -> Ended {
    let memory = context.canaries.memories.of(&start.key);
    let run = Run {
        context,
        key: &start.key,
        memory: &memory,
    };
    let began_ms = context.clock.now_ms();
    let ended = run.take_steps(cancel).await;
    let took_ms = context.clock.now_ms().saturating_sub(began_ms);
    run.measure(std::time::Duration::from_millis(took_ms));
    ended
}

/// Why a run can't go on.
enum Stop {
    Status(StatusError),
    Trouble(Trouble),
}

impl From<StatusError> for Stop {
    fn from(error: StatusError) -> Self {
        Self::Status(error)
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<trueup_cluster::ApiError> for Stop {
    fn from(error: trueup_cluster::ApiError) -> Self {
        Self::Trouble(error.into())
    }
}

struct Run<'a> {
    context: &'a Arc<Context>,
    key: &'a ObjectKey,
    memory: &'a Arc<Mutex<Memory>>,
}

impl Run<'_> {
    /// Takes steps until nothing is left to do now.
    async fn take_steps(&self, cancel: &CancellationToken) -> Ended {
        for _ in 0..MAX_STEPS_AT_ONCE {
            match self.take_step().await {
                Ok(Some(ended)) => return ended,
                Ok(None) => {}
                Err(stop) => return self.stopped(stop).await,
            }
            if cancel.is_cancelled() {
                return Ended::success(Next::Again);
            }
        }
        Ended::failed(Next::Backoff, "the Canary does not come to rest")
    }

    fn measure(&self, took: std::time::Duration) {
        if let Ok(canary) = stored::read::<Canary>(self.context, self.key) {
            self.context
                .metrics
                .canaries()
                .took(self.key, &canary, took);
        }
    }

    /// Takes one step; the end if there is nothing more to do now.
    async fn take_step(&self) -> Result<Option<Ended>, Stop> {
        let canary: Canary = stored::read(self.context, self.key)?;
        let now = whole_milliseconds(self.context.clock.now());
        let (status, answers) = {
            let mut memory = lock(self.memory);
            let status = memory.whole(&canary.status);
            memory.keep_round(&Round::of(&status));
            (status, memory.answers.clone())
        };
        let mut look = Look::new(self.context, self.key, canary, status);
        let seen = observe::observe(&mut look, answers, now).await?;
        self.context
            .metrics
            .canaries()
            .observed(self.key, &look.canary, &seen);
        let taken = step(&look.canary.status, &seen, now);
        if self.rests(&taken) {
            look.settle();
            lock(self.memory).told = None;
            return self.rest(&look.canary, next(taken.wake_at, now)).await;
        }
        look.source_revision = taken.state.source_revision;
        let done = self.execute(&mut look, taken.commands).await;
        look.settle();
        done.map(|()| None)
    }

    /// Nothing is to be done until something happens; a suspension may end by
    /// itself.
    async fn rest(&self, canary: &Canary, next: Next) -> Result<Option<Ended>, Stop> {
        if canary.spec.suspend {
            return Ok(Some(suspension::rest(self.context, self.key, canary).await));
        }
        suspension::clear(self.context, self.key, canary).await?;
        Ok(Some(Ended::success(next)))
    }

    /// Whether nothing is to be done, or only what waits for an answer that is
    /// on its way: what came before the question has been done then.
    fn rests(&self, taken: &Step) -> bool {
        match taken.commands.last() {
            None => true,
            Some(Command::Ask { question, round }) => lock(self.memory).is_asked(*question, round),
            Some(_) => false,
        }
    }

    async fn execute(&self, look: &mut Look<'_>, commands: Vec<Command>) -> Result<(), Stop> {
        for command in commands {
            act::execute(look, self.memory, command).await?;
        }
        Ok(())
    }

    async fn stopped(&self, stop: Stop) -> Ended {
        match stop {
            Stop::Status(StatusError::Gone(_)) => Ended::success(Next::Never),
            Stop::Status(StatusError::Kind(error)) => self.unreadable(&error).await,
            Stop::Status(StatusError::Api(error)) => {
                Ended::failed(Next::Backoff, error.to_string())
            }
            Stop::Trouble(Trouble::Outdated(_)) | Stop::Status(StatusError::Overtaken(_)) => {
                Ended::success(Next::Again)
            }
            Stop::Trouble(trouble) => self.troubled(&trouble),
        }
    }

    /// What failed is told once; the next attempt follows.
    fn troubled(&self, trouble: &Trouble) -> Ended {
        let text = trouble.to_string();
        let is_passing = matches!(trouble, Trouble::Api(error) if error.is_transient());
        let told = lock(self.memory).told.replace(text.clone());
        if !is_passing && told.as_deref() != Some(text.as_str()) {
            tell::warn(self.context, self.key, &text);
        }
        Ended::failed(Next::Backoff, text)
    }

    /// The object can't be read as a Canary: its condition says it, and an
    /// event where that is new.
    async fn unreadable(&self, error: &KindError) -> Ended {
        let text = error.to_string();
        let marked = stored::mark_unreadable::<Canary>(self.context, self.key, error).await;
        if !matches!(marked, Ok(News::Known)) {
            tell::publish(self.context, self.key, Severity::Error, &text);
        }
        Ended::failed(stored::next_of_unreadable(&marked), text)
    }
}

/// The status keeps milliseconds, and what is decided should be what is kept.
fn whole_milliseconds(at: Timestamp) -> Timestamp {
    at.round(Unit::Millisecond).unwrap_or(at)
}

fn next(wake_at: Option<Timestamp>, now: Timestamp) -> Next {
    let Some(wake_at) = wake_at else {
        return Next::Never;
    };
    let left = wake_at.duration_since(now).as_millis();
    Next::Deadline {
        delay_ms: u64::try_from(left).unwrap_or(0).max(1),
    }
}
