//! Drives the machine: events in, commands out, runs as tasks.

use crate::context::Context;
use crate::machine::{Command, Event, Kind, Machine, Next, ObjectKey, Shell, Start};
use crate::model::Activity;
use crate::outcome::Ended;
use crate::{canary, git_repository, kustomization};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use trueup_kinds::{Severity, reason};

/// How much there is to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Objects that are worked on.
    pub running: usize,
    /// Objects that wait to be.
    pub waiting: usize,
    /// Events that the machine has not taken in yet.
    pub events: usize,
}

impl Load {
    /// What is said before the first event.
    pub(crate) const STARTING: Self = Self {
        running: 0,
        waiting: 0,
        events: 1,
    };

    /// Whether everything rests until the next event or wake-up.
    #[must_use]
    pub fn is_quiet(self) -> bool {
        self.running == 0 && self.waiting == 0 && self.events == 0
    }
}

/// The task that owns the machine.
pub(crate) struct Driver {
    pub context: Arc<Context>,
    pub machine: Machine,
    pub events: mpsc::UnboundedReceiver<Event>,
    pub load: watch::Sender<Load>,
    pub runs: BTreeMap<ObjectKey, CancellationToken>,
}

impl Driver {
    /// Works until the controller stops.
    pub(crate) async fn run(mut self) {
        loop {
            self.publish_numbers();
            let Some(event) = self.next_event().await else {
                return;
            };
            let now_ms = self.context.clock.now_ms();
            if let Event::Finished { key, .. } = &event {
                self.runs.remove(key);
            }
            for command in self.machine.handle(event, now_ms) {
                self.execute(command);
            }
        }
    }

    async fn next_event(&mut self) -> Option<Event> {
        let wake = self
            .machine
            .next_wake_ms()
            .map(|at_ms| self.context.clock.instant_of(at_ms));
        let timer = async {
            match wake {
                Some(instant) => tokio::time::sleep_until(instant).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            event = self.events.recv() => event,
            () = timer => Some(Event::Tick),
        }
    }

    fn publish_numbers(&self) {
        for kind in Kind::RECONCILED {
            let limit = self.machine.limit(kind);
            self.context.metrics.queue(
                kind,
                self.machine.depth(kind),
                self.machine.running(kind),
                limit,
            );
        }
        let sum = |count: fn(&Machine, Kind) -> usize| {
            Kind::RECONCILED
                .iter()
                .map(|kind| count(&self.machine, *kind))
                .sum()
        };
        let load = Load {
            running: sum(Machine::running),
            waiting: sum(Machine::depth),
            events: self.events.len(),
        };
        self.load
            .send_if_modified(|told| std::mem::replace(told, load) != load);
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Start(start) => {
                let cancel = CancellationToken::new();
                self.runs.insert(start.key.clone(), cancel.clone());
                self.context
                    .spawn(work(Arc::clone(&self.context), start, cancel));
            }
            Command::Cancel { key, .. } => {
                if let Some(cancel) = self.runs.get(&key) {
                    cancel.cancel();
                }
            }
        }
    }
}

/// One run, whatever happens in it: always tells the machine that it ended.
async fn work(context: Arc<Context>, start: Start, cancel: CancellationToken) {
    let began_ms = context.clock.now_ms();
    context.metrics.started(start.key.kind);
    context
        .model
        .set_activity(&start.key, Activity::Working { run: start.run });
    let run = AssertUnwindSafe(reconcile(&context, &start, &cancel)).catch_unwind();
    let run = match context.elections.tenure(start.key.kind) {
        None => Some(run.await),
        Some(tenure) => tenure.while_it_lasts(run).await,
    };
    let ended = match run {
        Some(Ok(ended)) => ended,
        Some(Err(_)) => panicked(&context, &start),
        None => overtaken(&context, &start),
    };
    context.model.set_activity(&start.key, Activity::Resting);
    let took = std::time::Duration::from_millis(context.clock.now_ms() - began_ms);
    context.metrics.finished(&start.key, took, ended.result);
    context.forget_if_gone(&start.key);
    if let Some(error) = &ended.error {
        tracing::debug!(object = %start.key, %error, "run failed");
    }
    context.tell(Event::Finished {
        key: start.key,
        run: start.run,
        next: ended.next,
    });
}

/// Boxed: the compiler can't see through the closures inside that the whole
/// is `Send` for every lifetime.
fn reconcile<'a>(
    context: &'a Arc<Context>,
    start: &'a Start,
    cancel: &'a CancellationToken,
) -> BoxFuture<'a, Ended> {
    match start.shell {
        Shell::GitRepository => git_repository::reconcile(context, start, cancel).boxed(),
        Shell::Kustomization => kustomization::reconcile(context, start, cancel).boxed(),
        Shell::Canary => canary::reconcile(context, start, cancel).boxed(),
    }
}

/// The lease was lost in the middle of the run, which was dropped where it
/// stood: what was remembered of the object is doubtful and forgotten.
fn overtaken(context: &Context, start: &Start) -> Ended {
    context.memories.forget(&start.key);
    context.canaries.forget_answers(&start.key);
    Ended::failed(Next::Again, "the lease was lost")
}

/// A panic stays with its object: what was remembered of it is doubtful and
/// forgotten, and the object is tried again later.
fn panicked(context: &Context, start: &Start) -> Ended {
    context.metrics.panicked(start.key.kind);
    context.memories.forget(&start.key);
    context.canaries.forget_answers(&start.key);
    let text =
        "internal error: the work on this object panicked and was contained; it is tried again";
    let report = context.report_about(&start.key, Severity::Error, reason::FAILED, text);
    context.publish(&start.key, report);
    Ended::failed(Next::Backoff, text)
}
