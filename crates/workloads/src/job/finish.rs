//! Whether a Job has come to its end, and how.

use super::facts::Facts;
use super::policy::success;
use crate::conditions::{get, time_at};
use crate::pods::phase;
use jiff::{SignedDuration, Timestamp};
use trueup_object::{Text, Value};

/// How a Job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    Failed,
}

impl End {
    /// The condition while its Pods are being counted, and the last one.
    pub(super) fn conditions(self) -> (&'static str, &'static str) {
        match self {
            Self::Complete => ("SuccessCriteriaMet", "Complete"),
            Self::Failed => ("FailureTarget", "Failed"),
        }
    }
}

/// The end of a Job and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finish {
    pub end: End,
    pub reason: Text,
    pub message: Text,
}

impl Finish {
    fn new(end: End, reason: &str, message: impl Into<Text>) -> Self {
        Self {
            end,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// All successes that were wanted are there.
    pub(super) fn completed() -> Self {
        let message = "Reached expected number of succeeded pods";
        Self::new(End::Complete, "CompletionsReached", message)
    }
}

/// The conditions of a Job.
pub(super) fn conditions(job: &Value) -> &[Value] {
    let conditions = job.at(&["status", "conditions"]).and_then(Value::as_list);
    conditions.unwrap_or_default()
}

/// A condition that holds.
pub(super) fn holding<'a>(job: &'a Value, kind: &str) -> Option<&'a Value> {
    get(conditions(job), kind).filter(|it| it.str_at(&["status"]) == Some("True"))
}

/// Whether a Job's end was already decided, or is to be, before its Pods are
/// seen to.
pub(super) fn finish(facts: &Facts<'_>) -> Option<Finish> {
    decided(facts, End::Complete)
        .or_else(|| decided(facts, End::Failed))
        .or_else(|| by_failure_rules(facts))
        .or_else(|| by_limits(facts))
        .or_else(|| by_indexes(facts))
}

fn decided(facts: &Facts<'_>, end: End) -> Option<Finish> {
    let condition = holding(facts.job(), end.conditions().0)?;
    let text = |key| condition.str_at(&[key]).unwrap_or_default();
    Some(Finish::new(end, text("reason"), text("message")))
}

fn by_failure_rules(facts: &Facts<'_>) -> Option<Finish> {
    facts.job().at(&["spec", "podFailurePolicy"])?;
    let failed = facts.pods.iter().filter(|pod| facts.is_failed(pod));
    let why = failed
        .filter_map(|pod| facts.failure(pod).fails_job)
        .next()?;
    Some(Finish::new(End::Failed, "PodFailurePolicy", why))
}

fn by_limits(facts: &Facts<'_>) -> Option<Finish> {
    let limit = facts.wanted("backoffLimit").unwrap_or(6);
    if facts.failures() > limit || restarts_exceed(facts, limit) {
        let message = "Job has reached the specified backoff limit";
        return Some(Finish::new(End::Failed, "BackoffLimitExceeded", message));
    }
    let due = deadline(facts)?;
    let message = "Job was active longer than specified deadline";
    (due <= facts.now).then(|| Finish::new(End::Failed, "DeadlineExceeded", message))
}

/// When a Job that runs has run for too long.
pub(super) fn deadline(facts: &Facts<'_>) -> Option<Timestamp> {
    if facts.is_suspended() {
        return None;
    }
    let limit_s = facts.wanted("activeDeadlineSeconds")?;
    let started = time_at(facts.job(), &["status", "startTime"]).unwrap_or(facts.now);
    started.checked_add(SignedDuration::from_secs(limit_s)).ok()
}

/// Whether containers that restart in place have done so too often.
fn restarts_exceed(facts: &Facts<'_>, limit: i64) -> bool {
    let policy = facts
        .job()
        .str_at(&["spec", "template", "spec", "restartPolicy"]);
    if policy != Some("OnFailure") {
        return false;
    }
    let running = |value: &&Value| matches!(phase(value), "Running" | "Pending");
    let restarts: i64 = facts
        .pods
        .iter()
        .map(|pod| pod.value())
        .filter(running)
        .flat_map(|pod| {
            ["initContainerStatuses", "containerStatuses"]
                .iter()
                .filter_map(|list| pod.at(&["status", list])?.as_list())
                .flatten()
        })
        .filter_map(|status| status.i64_at(&["restartCount"]))
        .sum();
    if limit == 0 {
        restarts > 0
    } else {
        restarts >= limit
    }
}

fn by_indexes(facts: &Facts<'_>) -> Option<Finish> {
    if !facts.is_indexed() {
        return None;
    }
    let (succeeded, completions) = (facts.succeeded_indexes(), facts.completions());
    if let Some(failed) = facts.failed_indexes() {
        let most = facts.wanted("maxFailedIndexes");
        if most.is_some_and(|most| failed.total() > most) {
            let message = "Job has exceeded the specified maximal number of failed indexes";
            return Some(Finish::new(
                End::Failed,
                "MaxFailedIndexesExceeded",
                message,
            ));
        }
        if failed.total() > 0 && failed.total() + succeeded.total() >= completions {
            let message = "Job has failed indexes";
            return Some(Finish::new(End::Failed, "FailedIndexes", message));
        }
    }
    let policy = facts.job().at(&["spec", "successPolicy"]);
    let why = success(policy, completions, &succeeded)?;
    Some(Finish::new(End::Complete, "SuccessPolicy", why))
}
