//! One report, many readers: feed, log, and the cluster's events.

use crate::machine::{Kind, ObjectKey};
use crate::model::Model;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use trueup_cluster::{ErrorClass, Form, Patch, Session, WriteOptions};
use trueup_kinds::{Canary, GitRepository, Kustomization, Report, Reporter, Resource};
use trueup_object::{GroupVersionKind, ObjectRef, to_json, value};

/// How many reports may wait to become events before the newest are dropped.
const MAX_WAITING_EVENTS: usize = 4096;
/// How often creating an event is tried.
const EVENT_ATTEMPTS: u32 = 4;
/// The pause before the second attempt; doubles each time.
const EVENT_PAUSE_MS: u64 = 500;

/// Where log lines go, each a whole line of JSON without its newline.
pub trait LogSink: Send + Sync {
    /// Takes one line.
    fn line(&self, line: &str);
}

/// Writes no log.
#[derive(Debug, Default)]
pub struct NoLog;

impl LogSink for NoLog {
    fn line(&self, _: &str) {}
}

/// Writes log lines to standard error, where Flux's controllers write them.
#[derive(Debug, Default)]
pub struct StandardErrorLog;

impl LogSink for StandardErrorLog {
    fn line(&self, line: &str) {
        use std::io::Write;
        // A closed standard error must not stop the work.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

/// Sends reports to all their readers.
pub(crate) struct Reports {
    log: Arc<dyn LogSink>,
    events: mpsc::Sender<Arc<Report>>,
    instance: trueup_object::Text,
}

impl Reports {
    /// Also gives the worker that writes the events; it ends with the last
    /// clone of the sender.
    pub(crate) fn new(
        session: Session,
        log: Arc<dyn LogSink>,
        instance: &str,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (events, waiting) = mpsc::channel(MAX_WAITING_EVENTS);
        let reports = Self {
            log,
            events,
            instance: instance.into(),
        };
        let worker = write_events(session, waiting, instance.into());
        (reports, worker)
    }

    /// Whether every report has become an event, or is about to.
    pub(crate) fn are_delivered(&self) -> bool {
        self.events.capacity() == self.events.max_capacity()
    }

    /// Writes a report to the log, and nowhere else.
    pub(crate) fn log(&self, key: &ObjectKey, report: &Report) {
        self.log
            .line(&report.log_line(&reporter(key.kind, &self.instance)));
    }

    /// Writes a line about the process rather than an object to the log.
    pub(crate) fn say(&self, kind: Kind, message: &str, at: jiff::Timestamp) {
        let controller = reporter(kind, &self.instance).controller;
        let line = value!({
            "level": "info",
            "ts": (trueup_kinds::format_time(at)),
            "logger": "runtime",
            "msg": message,
            "controller": controller,
        });
        self.log.line(&String::from_utf8_lossy(&to_json(&line)));
    }

    pub(crate) fn publish(&self, model: &Model, key: &ObjectKey, report: Report) {
        let report = Arc::new(report);
        self.log(key, &report);
        model.publish(key, &report);
        // Events are the least of the readers: when thousands wait, the
        // cluster is in trouble that more of them won't help.
        let _ = self.events.try_send(report);
    }
}

fn reporter(kind: Kind, instance: &str) -> Reporter {
    let controller = match kind {
        Kind::GitRepository | Kind::ExternalArtifact => GitRepository::CONTROLLER,
        Kind::Kustomization => Kustomization::CONTROLLER,
        Kind::Canary => Canary::CONTROLLER,
    };
    Reporter {
        controller: controller.into(),
        instance: instance.into(),
    }
}

async fn write_events(
    session: Session,
    mut waiting: mpsc::Receiver<Arc<Report>>,
    instance: trueup_object::Text,
) {
    while let Some(report) = waiting.recv().await {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == report.object.kind.kind);
        let reporter = reporter(kind.unwrap_or(Kind::Kustomization), &instance);
        write_event(&session, &report, &reporter).await;
    }
}

/// Creates the event, or counts it up where it exists.
async fn write_event(session: &Session, report: &Report, reporter: &Reporter) {
    let event = report.event(reporter);
    for attempt in 0..EVENT_ATTEMPTS {
        match session.create_event(&event, &reporter.controller).await {
            Ok(()) => return,
            Err(error) if error.class() == ErrorClass::AlreadyExists => {
                return count_up(session, report, reporter, &event).await;
            }
            Err(error) if error.is_transient() => {
                tokio::time::sleep(Duration::from_millis(EVENT_PAUSE_MS << attempt)).await;
            }
            Err(error) => return tracing::debug!(%error, "event not written"),
        }
    }
}

async fn count_up(
    session: &Session,
    report: &Report,
    reporter: &Reporter,
    event: &trueup_object::Value,
) {
    let reference = ObjectRef {
        kind: GroupVersionKind::new("v1", "Event"),
        namespace: event
            .str_at(&["metadata", "namespace"])
            .unwrap_or_default()
            .into(),
        name: report.event_name(reporter),
    };
    let Ok(existing) = session.get(&reference, Form::Full).await else {
        return;
    };
    let patch = Patch::Merge(report.event_count_patch(existing.value()));
    if let Err(error) = session
        .patch(&reference, &patch, &WriteOptions::new(&reporter.controller))
        .await
    {
        tracing::debug!(%error, "event not counted");
    }
}
