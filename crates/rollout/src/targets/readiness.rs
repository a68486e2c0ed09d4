//! Whether a workload is ready.

use super::{TargetError, TargetKind, View};
use jiff::{SignedDuration, Timestamp};
use trueup_kinds::canary::{DEFAULT_PROGRESS_DEADLINE_SECONDS, PROMOTED, Phase};
use trueup_kinds::parse_time;
use trueup_object::{Text, Value};

/// Whether a workload is ready; texts are Flagger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is.
    Ready,
    /// Not yet; the text says what is waited for.
    Waiting(Text),
    /// It has not become ready in time, and the run is lost; the text says why.
    Failed(Text),
}

impl Readiness {
    fn described(self, describe: impl Fn(&str, bool) -> String) -> Self {
        match self {
            Self::Ready => Self::Ready,
            Self::Waiting(message) => Self::Waiting(describe(&message, true).into()),
            Self::Failed(message) => Self::Failed(describe(&message, false).into()),
        }
    }

    fn waiting(is_late: bool, message: String) -> Self {
        if is_late {
            Self::Failed(message.into())
        } else {
            Self::Waiting(message.into())
        }
    }
}

/// When a workload counts as ready.
#[derive(Clone, Copy)]
struct Rules {
    /// How long it may make no progress, in seconds.
    deadline_seconds: i64,
    /// How many percent of its Pods must be available.
    threshold_percent: i64,
    /// The time now.
    now: Timestamp,
    /// Since when the Pods of a DaemonSet are waited for.
    since: Option<Timestamp>,
    /// Since when there is a new revision that may get a Deployment going
    /// which had too few Pods before.
    renewed: Option<Timestamp>,
}

impl Rules {
    fn new(view: &View<'_>, threshold_percent: i64, now: Timestamp) -> Self {
        let deadline = view.canary.spec.progress_deadline_seconds;
        Self {
            deadline_seconds: deadline.unwrap_or(DEFAULT_PROGRESS_DEADLINE_SECONDS),
            threshold_percent,
            now,
            since: view.canary.status.last_transition_time,
            renewed: None,
        }
    }

    /// A primary that was broken before its promotion gets the whole deadline
    /// for its repair.
    fn of_primary(view: &View<'_>, threshold_percent: i64, now: Timestamp) -> Self {
        let status = &view.canary.status;
        let promoted = status.conditions.get(PROMOTED);
        let promoted = promoted.filter(|_| status.phase == Phase::Promoting);
        Self {
            renewed: promoted.and_then(|it| it.last_update_time),
            ..Self::new(view, threshold_percent, now)
        }
    }

    fn is_over(&self, since: Option<Timestamp>) -> bool {
        let deadline = SignedDuration::from_secs(self.deadline_seconds);
        since.is_some_and(|since| {
            since
                .checked_add(deadline)
                .is_ok_and(|deadline| deadline < self.now)
        })
    }

    /// The share of Pods that must be available, rounded down.
    fn needed(&self, pods: i64) -> i64 {
        pods.saturating_mul(self.threshold_percent) / 100
    }
}

/// Whether the primary is ready. One without replicas is waited for, unless an
/// autoscaler decides on them.
pub fn primary_readiness(view: &View<'_>, now: Timestamp) -> Result<Readiness, TargetError> {
    let percent = view
        .canary
        .spec
        .analysis
        .primary_ready_threshold_or_default();
    let rules = Rules::of_primary(view, percent, now);
    let namespace = view.namespace();
    let name = view.canary.spec.primary_name();
    Ok(match view.kind()? {
        TargetKind::Service => Readiness::Ready,
        TargetKind::DaemonSet => daemon_set(view.primary()?, &rules)
            .described(|text, _| format!("primary daemonset {name}.{namespace} not ready: {text}")),
        TargetKind::Deployment => {
            let primary = view.primary()?;
            let readiness = deployment(primary, &rules)
                .described(|text, _| format!("{name}.{namespace} not ready: {text}"));
            match readiness {
                Readiness::Ready if is_without_replicas(view, primary) => Readiness::Waiting(
                    format!(
                        "halt {}.{namespace} advancement: primary deployment is scaled to zero",
                        view.canary.metadata.name
                    )
                    .into(),
                ),
                other => other,
            }
        }
    })
}

fn is_without_replicas(view: &View<'_>, primary: &Value) -> bool {
    view.canary.spec.autoscaler_ref.is_none() && primary.i64_at(&["spec", "replicas"]) == Some(0)
}

/// Whether the target is ready.
pub fn canary_readiness(view: &View<'_>, now: Timestamp) -> Result<Readiness, TargetError> {
    let percent = view
        .canary
        .spec
        .analysis
        .canary_ready_threshold_or_default();
    let rules = Rules::new(view, percent, now);
    let namespace = view.namespace();
    let name = &view.canary.spec.target_ref.name;
    Ok(match view.kind()? {
        TargetKind::Service => Readiness::Ready,
        TargetKind::Deployment => deployment(view.target()?, &rules)
            .described(|text, _| format!("canary deployment {name}.{namespace} not ready: {text}")),
        // The spelling is Flagger's.
        TargetKind::DaemonSet => daemon_set(view.target()?, &rules).described(|text, retriable| {
            format!(
                "canary damonset {name}.{namespace} not ready with retryable {retriable}: {text}"
            )
        }),
    })
}

fn number(workload: &Value, path: &[&str]) -> i64 {
    workload.i64_at(path).unwrap_or_default()
}

fn is_unobserved(workload: &Value) -> bool {
    number(workload, &["metadata", "generation"])
        > number(workload, &["status", "observedGeneration"])
}

fn deployment(workload: &Value, rules: &Rules) -> Readiness {
    let status = |key: &str| number(workload, &["status", key]);
    if is_unobserved(workload) {
        return Readiness::Waiting("waiting for rollout to finish: observed deployment generation less than desired generation".into());
    }
    if condition(workload, "Progressing").and_then(|it| it.str_at(&["reason"]))
        == Some("ProgressDeadlineExceeded")
    {
        let name = workload.str_at(&["metadata", "name"]).unwrap_or_default();
        return Readiness::Failed(
            format!("deployment {name:?} exceeded its progress deadline").into(),
        );
    }
    let (all, updated, available) = (
        status("replicas"),
        status("updatedReplicas"),
        status("availableReplicas"),
    );
    let needed = rules.needed(updated);
    let waits_for = match workload.i64_at(&["spec", "replicas"]) {
        Some(wanted) if updated < wanted => {
            format!("{updated} out of {wanted} new replicas have been updated")
        }
        _ if all > updated => format!(
            "{} old replicas are pending termination",
            all.saturating_sub(updated)
        ),
        _ if available < needed => format!(
            "{available} of {needed} (readyThreshold {}%) updated replicas are available",
            rules.threshold_percent
        ),
        _ => return Readiness::Ready,
    };
    let renewed = rules.renewed.unwrap_or(Timestamp::MIN);
    Readiness::waiting(
        rules.is_over(unavailable_since(workload).map(|since| since.max(renewed))),
        format!("waiting for rollout to finish: {waits_for}"),
    )
}

/// Since when a Deployment has too few available Pods.
fn unavailable_since(workload: &Value) -> Option<Timestamp> {
    let available = condition(workload, "Available")?;
    let is_short = available.str_at(&["status"]) == Some("False")
        && available.str_at(&["reason"]) == Some("MinimumReplicasUnavailable");
    if !is_short {
        return None;
    }
    parse_time(available.str_at(&["lastUpdateTime"])?)
}

fn condition<'a>(workload: &'a Value, kind: &str) -> Option<&'a Value> {
    workload
        .at(&["status", "conditions"])
        .and_then(Value::as_list)?
        .iter()
        .find(|condition| condition.str_at(&["type"]) == Some(kind))
}

fn daemon_set(workload: &Value, rules: &Rules) -> Readiness {
    let status = |key: &str| number(workload, &["status", key]);
    if is_unobserved(workload) {
        return Readiness::Waiting("waiting for rollout to finish: observed daemonset generation less than desired generation".into());
    }
    let (wanted, updated, available) = (
        status("desiredNumberScheduled"),
        status("updatedNumberScheduled"),
        status("numberAvailable"),
    );
    let needed = rules.needed(wanted);
    let waits_for = if updated < wanted {
        format!("{updated} out of {wanted} new pods have been updated")
    } else if available < needed {
        format!(
            "{available} of {needed} (readyThreshold {}%) updated pods are available",
            rules.threshold_percent
        )
    } else {
        return Readiness::Ready;
    };
    if rules.is_over(rules.since) {
        return Readiness::Failed(
            format!(
                "exceeded its progressDeadlineSeconds: {}",
                rules.deadline_seconds
            )
            .into(),
        );
    }
    Readiness::Waiting(format!("waiting for rollout to finish: {waits_for}").into())
}
