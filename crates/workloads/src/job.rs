//! What a Job wants of its Pods.

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::conditions::{Condition, changes, get, set_probed, text_of, time_at};
use crate::decide::Setting;
use crate::pods::{is_active, is_ready, phase, pod_of};
use jiff::SignedDuration;
use trueup_cluster::LiveObject;
use trueup_object::{Value, value};

/// Keeps a Pod until its Job has counted it.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";

/// How a Job has ended.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Complete,
    Failed,
}

struct Counts {
    active: i64,
    ready: i64,
    succeeded: i64,
    failed: i64,
}

/// Decides about one Job. Pods that have ended stay, as those of genuine Jobs
/// do; indexed completion is not simulated.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let job = live.value();
    let pods: Vec<&LiveObject> = cache.controlled_by(live.uid(), Kind::Pod).collect();
    let ending = live.deletion_timestamp().is_some();
    if is_finished(job) || ending {
        let mut decision = Decision::nothing();
        decision.actions = pods.iter().filter_map(|pod| release(pod)).collect();
        if !ending && decision.actions.is_empty() {
            expire(live, setting, &mut decision);
        }
        return decision;
    }
    let counts = count(&pods);
    let end = end_of(job, &counts);
    let suspended = job.at(&["spec", "suspend"]).and_then(Value::as_bool) == Some(true);
    let mut actions = match end {
        None if !suspended => vec![Action::Create(pod(live, setting)); missing(job, &counts)],
        _ => pods
            .iter()
            .filter(|pod| is_active(pod))
            .map(|pod| Action::Delete {
                reference: pod.reference().clone(),
                uid: pod.uid().clone(),
            })
            .collect(),
    };
    // Pods that are being deleted need not be kept for counting.
    let leaving = pods.iter().filter(|pod| pod.deletion_timestamp().is_some());
    actions.extend(leaving.filter_map(|pod| release(pod)));
    let status = status_of(job, &counts, end, suspended, setting);
    if let Some(status) = changes(job.get("status"), &status) {
        actions.push(Action::MergeStatus {
            reference: live.reference().clone(),
            resource_version: live.resource_version().clone(),
            status,
        });
    }
    Decision {
        actions,
        wake_at: None,
    }
}

/// Removes a Job whose time after its end has passed.
fn expire(live: &LiveObject, setting: &Setting, decision: &mut Decision) {
    let job = live.value();
    let Some(ttl_s) = job.i64_at(&["spec", "ttlSecondsAfterFinished"]) else {
        return;
    };
    let conditions = job
        .at(&["status", "conditions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let ended = ["Complete", "Failed"]
        .iter()
        .find_map(|kind| time_at(get(conditions, kind)?, &["lastTransitionTime"]));
    let due = ended.and_then(|at| at.checked_add(SignedDuration::from_secs(ttl_s)).ok());
    match due {
        Some(due) if due <= setting.now => decision.actions.push(Action::Delete {
            reference: live.reference().clone(),
            uid: live.uid().clone(),
        }),
        due => decision.wake(due),
    }
}

/// Lets go of a Pod that was kept until its Job has counted it.
pub(crate) fn release(pod: &LiveObject) -> Option<Action> {
    let finalizers = pod
        .value()
        .at(&["metadata", "finalizers"])
        .and_then(Value::as_list)?;
    let left: Vec<Value> = finalizers
        .iter()
        .filter(|name| name.as_str() != Some(TRACKING))
        .cloned()
        .collect();
    (left.len() < finalizers.len()).then(|| Action::Merge {
        reference: pod.reference().clone(),
        resource_version: pod.resource_version().clone(),
        patch: value!({"metadata": {"finalizers": left}}),
    })
}

fn is_finished(job: &Value) -> bool {
    let conditions = job
        .at(&["status", "conditions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    ["Complete", "Failed"].iter().any(|kind| {
        get(conditions, kind).is_some_and(|condition| condition.str_at(&["status"]) == Some("True"))
    })
}

fn count(pods: &[&LiveObject]) -> Counts {
    let number = |keep: &dyn Fn(&LiveObject) -> bool| {
        i64::try_from(pods.iter().filter(|pod| keep(pod)).count()).unwrap_or(i64::MAX)
    };
    Counts {
        active: number(&|pod| is_active(pod)),
        ready: number(&|pod| is_active(pod) && is_ready(pod.value())),
        succeeded: number(&|pod| phase(pod.value()) == "Succeeded"),
        failed: number(&|pod| phase(pod.value()) == "Failed"),
    }
}

fn completions(job: &Value) -> i64 {
    job.i64_at(&["spec", "completions"]).unwrap_or(1)
}

fn end_of(job: &Value, counts: &Counts) -> Option<End> {
    if counts.succeeded >= completions(job) {
        return Some(End::Complete);
    }
    let limit = job.i64_at(&["spec", "backoffLimit"]).unwrap_or(6);
    (counts.failed > limit).then_some(End::Failed)
}

fn missing(job: &Value, counts: &Counts) -> usize {
    let parallelism = job.i64_at(&["spec", "parallelism"]).unwrap_or(1);
    let open = completions(job) - counts.succeeded;
    usize::try_from(parallelism.min(open) - counts.active).unwrap_or(0)
}

fn pod(live: &LiveObject, setting: &Setting) -> Value {
    let template = live
        .value()
        .at(&["spec", "template"])
        .cloned()
        .unwrap_or_default();
    let mut pod = pod_of(live, Kind::Job, &template, setting.node_for_new_pods());
    pod.set_at(
        &["metadata", "generateName"],
        format!("{}-", live.name()).into(),
    );
    let kept = pod.at(&["metadata", "finalizers"]).and_then(Value::as_list);
    let mut finalizers = kept.unwrap_or_default().to_vec();
    finalizers.push(TRACKING.into());
    pod.set_at(&["metadata", "finalizers"], finalizers.into());
    pod
}

fn status_of(
    job: &Value,
    counts: &Counts,
    end: Option<End>,
    suspended: bool,
    setting: &Setting,
) -> Value {
    let now = text_of(setting.now);
    let old = job.at(&["status", "conditions"]).and_then(Value::as_list);
    let mut conditions = old.map(<[Value]>::to_vec).unwrap_or_default();
    let mut say = |kind: &str, reason: &str, message: &str| {
        set_probed(
            &mut conditions,
            &Condition {
                kind,
                status: "True",
                reason,
                message,
            },
            setting.now,
        );
    };
    match end {
        Some(End::Complete) => {
            let message = "Reached expected number of succeeded pods";
            say("SuccessCriteriaMet", "CompletionsReached", message);
            say("Complete", "CompletionsReached", message);
        }
        Some(End::Failed) => {
            let message = "Job has reached the specified backoff limit";
            say("FailureTarget", "BackoffLimitExceeded", message);
            say("Failed", "BackoffLimitExceeded", message);
        }
        None if suspended => say("Suspended", "JobSuspended", "Job suspended"),
        None => {}
    }
    let active = if end.is_some() { 0 } else { counts.active };
    let mut status = value!({
        "active": active,
        "ready": (if end.is_some() { 0 } else { counts.ready }),
        "succeeded": (counts.succeeded),
        "failed": (counts.failed),
        "terminating": 0,
    });
    status.set_at(&["conditions"], conditions.into());
    if !suspended {
        let started = job
            .str_at(&["status", "startTime"])
            .map_or_else(|| now.clone(), Into::into);
        status.set_at(&["startTime"], started.into());
    }
    if end == Some(End::Complete) {
        status.set_at(&["completionTime"], now.into());
    }
    status.set_at(&["uncountedTerminatedPods"], Value::map());
    status
}
