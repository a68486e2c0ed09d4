//! One leader among several processes, by a Lease object.

mod decision;
mod record;

pub use decision::{LeaseDecision, LeaseView, decide_lease};
pub use record::LeaseRecord;

use crate::tenure::TenureKeeper;
use crate::{ApiError, ErrorClass, Form, LiveObject, Precedence, Session, Tenure, WriteOptions};
use jiff::Timestamp;
use record::{read_record, write_record};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use trueup_object::{GroupVersionKind, ObjectRef, Text, value};

/// The three times of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTimes {
    /// How long others must see the lease unchanged before they take it.
    pub lease_duration: Duration,
    /// How long a leader goes on without a successful renewal.
    pub renew_deadline: Duration,
    /// How often it is renewed, or tried for.
    pub retry_period: Duration,
}

impl LeaseTimes {
    /// Flux's: 35 s, 30 s, 5 s.
    pub const FLUX: Self = Self {
        lease_duration: Duration::from_secs(35),
        renew_deadline: Duration::from_secs(30),
        retry_period: Duration::from_secs(5),
    };

    /// Whether a leader gives up before others may take over, and tries more
    /// than once before it gives up: the rules of client-go. The duration is
    /// written in whole seconds.
    #[must_use]
    pub fn are_consistent(&self) -> bool {
        self.lease_duration.as_secs() >= 1
            && self.lease_duration.subsec_nanos() == 0
            && !self.retry_period.is_zero()
            && self.lease_duration > self.renew_deadline
            && self.renew_deadline > self.retry_period.mul_f64(JITTER)
    }
}

/// By how much client-go stretches the pauses between attempts at most.
const JITTER: f64 = 1.2;

/// Whether we lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// Somebody else does, or nobody yet; the holder as far as known.
    Standby {
        /// Identity of the leader; empty when unknown.
        holder: Text,
        /// What else the leader wants to lead.
        reach: Reach,
    },
    /// We do.
    Leading,
}

/// What the leader of one election wants of those that follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nothing, as far as it says: a program that knows only this one.
    #[default]
    ThisOne,
    /// To lead there as well, as programs of ours do.
    TheNextToo,
}

impl Leadership {
    /// Somebody leads of whom nothing is known, or nobody does.
    #[must_use]
    pub fn unknown() -> Self {
        Self::Standby {
            holder: Text::new(),
            reach: Reach::default(),
        }
    }
}

/// The wall clock, for the times written into the Lease.
pub type WallClock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Takes part in one election.
pub struct LeaseElection {
    session: Session,
    reference: ObjectRef,
    identity: Text,
    times: LeaseTimes,
    wall_clock: WallClock,
    started: Instant,
    seen: Option<(LiveObject, LeaseView)>,
    renewed_at: Option<Instant>,
    keeper: TenureKeeper,
    after: Option<Precedence>,
    /// What we want of the elections that follow.
    reach: Reach,
    /// Since when nobody else has held the lease, as far as was seen.
    open_since: Option<Instant>,
}

impl LeaseElection {
    /// An election for `name` (for Flux's kinds
    /// `kustomize-controller-leader-election` and so on) in `namespace`, in
    /// which we are `identity`: unique for each process.
    #[must_use]
    pub fn new(
        session: Session,
        namespace: &str,
        name: &str,
        identity: &str,
        times: LeaseTimes,
        wall_clock: WallClock,
    ) -> Self {
        Self {
            session,
            reference: ObjectRef {
                kind: GroupVersionKind::new("coordination.k8s.io/v1", "Lease"),
                namespace: namespace.into(),
                name: name.into(),
            },
            identity: identity.into(),
            times,
            wall_clock,
            started: Instant::now(),
            seen: None,
            renewed_at: None,
            keeper: TenureKeeper::new(),
            after: None,
            reach: Reach::default(),
            open_since: None,
        }
    }

    /// The same, after another election.
    #[must_use]
    pub fn after(self, first: Precedence) -> Self {
        Self {
            after: Some(first),
            ..self
        }
    }

    /// The same, by a process that takes part in elections after this one: it
    /// says so to the others, who then leave those to it while it leads here.
    #[must_use]
    pub fn with_others_to_follow(self) -> Self {
        Self {
            reach: Reach::TheNextToo,
            ..self
        }
    }

    /// Until when we lead, readable by whoever acts.
    #[must_use]
    pub fn tenure(&self) -> Tenure {
        self.keeper.tenure()
    }

    /// Takes part until `stop`; tells every change to `tell`. At the end a
    /// held lease is given up, so that the next one need not wait.
    pub async fn run(mut self, tell: watch::Sender<Leadership>, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let is_our_turn = match &mut self.after {
                None => true,
                Some(first) => first.allows(Instant::now(), self.open_since),
            };
            let (leadership, turn) = if is_our_turn {
                (self.try_once().await, None)
            } else {
                (self.stand_back().await, self.after.clone())
            };
            tell.send_if_modified(|told| {
                let changed = *told != leadership;
                *told = leadership;
                changed
            });
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = sleep(self.times.retry_period) => {}
                () = begun(turn) => {}
            }
        }
        self.release().await;
        tell.send_replace(Leadership::unknown());
    }

    /// One attempt to take or renew the lease, bounded by the retry period.
    pub async fn try_once(&mut self) -> Leadership {
        let limit = self.times.retry_period;
        let outcome = timeout(limit, self.attempt()).await.unwrap_or_else(|_| {
            Err(ApiError::local(
                crate::Verb::Update,
                &self.reference.to_string(),
                ErrorClass::AnswerLost,
                "too slow",
            ))
        });
        if let Err(error) = outcome {
            tracing::warn!(%error, "leader election");
            // What we know may be outdated; look anew next time.
            if error.class() != ErrorClass::Unreachable {
                self.forget_version();
            }
        }
        self.leadership()
    }

    /// Gives the lease up, and looks who else takes it.
    async fn stand_back(&mut self) -> Leadership {
        self.release().await;
        match timeout(self.times.retry_period, self.look()).await {
            Ok(Ok(())) => self.note_who_holds(),
            Ok(Err(error)) => tracing::warn!(%error, "leader election"),
            Err(_) => {}
        }
        self.leadership()
    }

    fn note_who_holds(&mut self) {
        let view = self.seen.as_ref().map(|(_, view)| view);
        let decision = decide_lease(view, &self.identity, self.now_ms());
        self.open_since = match decision {
            LeaseDecision::Wait { .. } => None,
            LeaseDecision::Create | LeaseDecision::Take | LeaseDecision::Renew => {
                self.open_since.or_else(|| Some(Instant::now()))
            }
        };
    }

    /// Whether the last successful renewal still counts.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        if self
            .renewed_at
            .is_some_and(|at| at.elapsed() < self.times.renew_deadline)
        {
            return Leadership::Leading;
        }
        let record = self.seen.as_ref().map(|(_, view)| &view.record);
        match record.filter(|record| record.holder != self.identity) {
            Some(record) => Leadership::Standby {
                holder: record.holder.clone(),
                reach: record.reach(),
            },
            None => Leadership::unknown(),
        }
    }

    /// Gives up a held lease.
    pub async fn release(&mut self) {
        if self.renewed_at.take().is_none() {
            return;
        }
        // Nothing of ours is done once others may take it.
        self.keeper.end();
        let Some((object, view)) = self.seen.take() else {
            return;
        };
        let record = LeaseRecord {
            holder: Text::new(),
            leads_next: Text::new(),
            duration_s: 1,
            renewed: self.now_text(),
            ..view.record
        };
        if let Err(error) = self.write(Some(&object), &record).await {
            tracing::warn!(%error, "giving up the lease");
        }
    }

    async fn attempt(&mut self) -> Result<(), ApiError> {
        if self.renewed_at.is_none() || self.seen.is_none() {
            self.look().await?;
        }
        self.note_who_holds();
        let view = self.seen.as_ref().map(|(_, view)| view);
        match decide_lease(view, &self.identity, self.now_ms()) {
            LeaseDecision::Wait { .. } => {
                self.renewed_at = None;
                self.keeper.end();
                Ok(())
            }
            LeaseDecision::Create => self.hold(LeaseRecord::default(), 0).await,
            LeaseDecision::Take => {
                let record = view.map(|view| view.record.clone()).unwrap_or_default();
                let transitions = record.transitions + 1;
                self.hold(
                    LeaseRecord {
                        acquired: Text::new(),
                        ..record
                    },
                    transitions,
                )
                .await
            }
            LeaseDecision::Renew => {
                let record = view.map(|view| view.record.clone()).unwrap_or_default();
                let transitions = record.transitions;
                self.hold(record, transitions).await
            }
        }
    }

    /// Reads the lease; a changed record restarts its time.
    async fn look(&mut self) -> Result<(), ApiError> {
        let found = self.session.find(&self.reference, Form::Full).await?;
        let now_ms = self.now_ms();
        self.seen = found.map(|object| {
            let record = read_record(object.value());
            let unchanged = self
                .seen
                .take()
                .filter(|(_, before)| before.record == record);
            let unchanged_since_ms =
                unchanged.map_or(now_ms, |(_, before)| before.unchanged_since_ms);
            (
                object,
                LeaseView {
                    record,
                    unchanged_since_ms,
                },
            )
        });
        Ok(())
    }

    async fn hold(&mut self, before: LeaseRecord, transitions: i64) -> Result<(), ApiError> {
        let now = self.now_text();
        let record = LeaseRecord {
            holder: self.identity.clone(),
            duration_s: i64::try_from(self.times.lease_duration.as_secs()).unwrap_or(i64::MAX),
            transitions,
            acquired: if before.acquired.is_empty() {
                now.clone()
            } else {
                before.acquired
            },
            renewed: now,
            leads_next: match self.reach {
                Reach::ThisOne => Text::new(),
                Reach::TheNextToo => self.identity.clone(),
            },
        };
        // The time counts from before the request: others may see it earlier than we.
        let (began, now_ms) = (Instant::now(), self.now_ms());
        let live = self.seen.as_ref().map(|(object, _)| object.clone());
        let object = self.write(live.as_ref(), &record).await?;
        self.renewed_at = Some(began);
        self.keeper.extend(began + self.times.renew_deadline);
        self.seen = Some((
            object,
            LeaseView {
                record,
                unchanged_since_ms: now_ms,
            },
        ));
        Ok(())
    }

    async fn write(
        &self,
        live: Option<&LiveObject>,
        record: &LeaseRecord,
    ) -> Result<LiveObject, ApiError> {
        let options = WriteOptions::new("trueup");
        let mut object = match live {
            Some(live) => live.value().clone(),
            None => value!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"namespace": self.reference.namespace.clone(), "name": self.reference.name.clone()},
            }),
        };
        write_record(&mut object, record);
        match live {
            Some(_) => self.session.update(&object, &options).await,
            None => self.session.create(&object, &options).await,
        }
    }

    /// Makes the next attempt read the lease, keeping since when it is unchanged.
    fn forget_version(&mut self) {
        if self.leadership() != Leadership::Leading {
            self.renewed_at = None;
        }
        if let Some((_, view)) = &self.seen
            && view.record.holder == self.identity
        {
            self.seen = None;
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn now_text(&self) -> Text {
        format!("{:.6}", (self.wall_clock)()).into()
    }
}

/// Waits until it is our turn; for ever where it is already.
async fn begun(first: Option<Precedence>) {
    match first {
        Some(mut first) => first.begun().await,
        None => std::future::pending().await,
    }
}
