//! What is remembered of a Canary between its steps: answers to questions and
//! what waits to be sent. All of it may be lost.

use super::tell::Notice;
use crate::machine::ObjectKey;
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use trueup_kinds::canary::CanaryStatus;
use trueup_rollout::machine::{Answer, Question, Round};
use trueup_rollout::metrics::pods::PodScrape;

/// How many notices of one Canary may wait before the newest are dropped.
pub(super) const MAX_WAITING_NOTICES: usize = 256;

/// What is remembered of all Canaries.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    by_key: Mutex<BTreeMap<ObjectKey, Arc<Mutex<Memory>>>>,
}

/// What is remembered of one.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Answers to questions of this round.
    pub(super) answers: Vec<Answer>,
    /// The question that is being asked.
    pending: Option<Pending>,
    /// What the Pods told when they were looked at last.
    pub(super) scrapes: Option<Scrapes>,
    /// The last status that was written, where the cluster has not kept all of
    /// it.
    pub(super) pruned: Option<Pruned>,
    /// The last trouble that was told, lest it be told at every attempt.
    pub(super) told: Option<String>,
    /// What waits to be sent, in order.
    pub(super) notices: VecDeque<Notice>,
    /// Whether somebody is sending.
    pub(super) is_sending: bool,
}

/// A status of which the cluster keeps less than was written: its definition
/// of `Canary` is Flagger's, which lacks our own fields.
#[derive(Debug)]
pub(super) struct Pruned {
    /// What was written.
    written: CanaryStatus,
    /// What was kept of it.
    kept: CanaryStatus,
}

#[derive(Debug)]
struct Pending {
    question: Question,
    round: Round,
    stop: CancellationToken,
}

/// What the Pods of both sides told at one look.
#[derive(Clone, Debug, Default)]
pub(super) struct Scrapes {
    /// When the run began that they were asked for: what was before it is no
    /// part of it.
    pub(super) run: Option<Timestamp>,
    pub(super) canary: Vec<PodScrape>,
    pub(super) primary: Vec<PodScrape>,
}

impl Memories {
    pub(super) fn of(&self, key: &ObjectKey) -> Arc<Mutex<Memory>> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_key.entry(key.clone()).or_default())
    }

    /// Forgets everything, as a restart would: others have acted since.
    pub(crate) fn forget_all(&self) {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        for memory in std::mem::take(&mut *by_key).into_values() {
            lock(&memory).stop_asking();
        }
    }

    /// Forgets a Canary; what is being asked for it is asked no more.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(memory) = by_key.remove(key) {
            lock(&memory).stop_asking();
        }
    }
}

/// A panic elsewhere can't leave it half changed: each change is one value.
pub(super) fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Whether this is being asked already.
    pub(super) fn is_asked(&self, question: Question, round: &Round) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|it| it.question == question && it.round == *round)
    }

    /// Begins to ask, in place of whatever was asked before; how it ends.
    pub(super) fn begin_asking(&mut self, question: Question, round: Round) -> CancellationToken {
        self.stop_asking();
        // An answer that was given and did not do is no answer.
        self.answers.retain(|it| it.question != question);
        let stop = CancellationToken::new();
        self.pending = Some(Pending {
            question,
            round,
            stop: stop.clone(),
        });
        stop
    }

    /// Takes an answer in; false if nobody waits for it any more.
    pub(super) fn answered(&mut self, answer: Answer) -> bool {
        if !self.is_asked(answer.question, &answer.round) {
            return false;
        }
        self.pending = None;
        self.answers.push(answer);
        true
    }

    /// Forgets answers to earlier rounds.
    pub(super) fn keep_round(&mut self, round: &Round) {
        self.answers.retain(|answer| answer.round == *round);
    }

    /// Remembers a status that was written, if less of it was kept.
    pub(super) fn wrote(&mut self, written: &CanaryStatus, kept: &CanaryStatus) {
        self.pruned = (written != kept).then(|| Pruned {
            written: written.clone(),
            kept: kept.clone(),
        });
    }

    /// The status as it was written, as long as what is stored is what was
    /// kept of that.
    pub(super) fn whole(&self, stored: &CanaryStatus) -> CanaryStatus {
        match &self.pruned {
            Some(pruned) if pruned.kept == *stored => pruned.written.clone(),
            _ => stored.clone(),
        }
    }

    fn stop_asking(&mut self) {
        if let Some(pending) = self.pending.take() {
            pending.stop.cancel();
        }
    }
}
