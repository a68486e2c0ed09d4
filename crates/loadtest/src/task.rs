//! Tasks, from being asked for to their end.

use crate::generate::{GenerateError, generate};
use crate::load::Load;
use crate::metrics::TaskResult;
use crate::permission::Work;
use crate::program::{self, Ended};
use crate::running::{Admission, Place};
use crate::server::Server;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use trueup_rollout::webhooks::loadtest::{LoadtestReply, Task};

/// Starts a task, and answers when it was taken or has ended, as its kind
/// wants it.
pub(crate) async fn start(server: &Arc<Server>, task: Task) -> LoadtestReply {
    let canary = task.canary.as_str();
    let work = match server.options.permissions.work(&task) {
        Ok(work) => work,
        Err(refusal) => {
            server.metrics.task(TaskResult::Refused);
            tracing::error!(canary, %refusal, "task refused");
            return LoadtestReply {
                status: refusal.status(),
                body: refusal.to_string(),
            };
        }
    };
    let place = match server.running.begin(&task) {
        Admission::Begun(place) => place,
        Admission::UnderWay => {
            server.metrics.task(TaskResult::UnderWay);
            tracing::info!(canary, "task skipped, it is running already");
            return task.accepted();
        }
        Admission::Full => {
            server.metrics.task(TaskResult::Full);
            let body = format!("{} tasks are running already", server.options.max_tasks);
            tracing::error!(canary, reason = body, "task refused");
            return LoadtestReply { status: 429, body };
        }
    };
    if task.is_awaited() {
        let ended = run(server, &task, work, place).await;
        return task.finished(&ended.output, ended.failure.as_deref());
    }
    let accepted = task.accepted();
    let server = Arc::clone(server);
    tokio::spawn(async move { run(&server, &task, work, place).await });
    accepted
}

/// Keeps the count of what is under way right even when nobody waits for a
/// task any more.
struct Counted<'a> {
    server: &'a Server,
    result: TaskResult,
}

impl<'a> Counted<'a> {
    fn begin(server: &'a Server) -> Self {
        server.metrics.begun();
        let result = TaskResult::Failed;
        Self { server, result }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.server.metrics.ended(self.result);
    }
}

/// Runs a task to its end; `_place` is held for as long.
async fn run(server: &Server, task: &Task, work: Work, _place: Place) -> Ended {
    let mut counted = Counted::begin(server);
    let canary = task.canary.as_str();
    tracing::info!(canary, work = shown(&work), "task starting");
    let timeout_ms = server.options.task_timeout_ms;
    let ended = match work {
        Work::Load(load) => play(server, *load, timeout_ms).await,
        Work::Program(words) => program::run(&words, Duration::from_millis(timeout_ms)).await,
    };
    if let Some(failure) = &ended.failure {
        tracing::error!(canary, failure, output = ended.output, "task failed");
    } else {
        counted.result = TaskResult::Succeeded;
        let output = task.logs_output.then_some(ended.output.as_str());
        tracing::info!(canary, output, "task finished");
    }
    ended
}

/// Plays a load, no longer than a task may take.
async fn play(server: &Server, mut load: Load, timeout_ms: u64) -> Ended {
    let wanted_ms = load.duration_ms.unwrap_or(timeout_ms);
    load.duration_ms = Some(wanted_ms.min(timeout_ms));
    match generate(&load, pending()).await {
        Ok(summary) => {
            server.metrics.load(&summary);
            Ended {
                output: summary.to_string(),
                failure: None,
            }
        }
        Err(error) => Ended {
            output: String::new(),
            failure: Some(unplayed(&error)),
        },
    }
}

fn unplayed(error: &GenerateError) -> String {
    format!("no load was made: {error}")
}

/// What a log tells of some work: words may hold secrets.
fn shown(work: &Work) -> String {
    match work {
        Work::Load(load) => format!("{load:?}"),
        Work::Program(words) => words.first().cloned().unwrap_or_default(),
    }
}
