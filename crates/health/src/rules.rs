//! Rules of built-in kinds.

use crate::{Health, HealthStatus, SCHEDULE_WINDOW_SECONDS};
use trueup_object::Value;

/// What Kubernetes takes for "no deadline".
const NO_DEADLINE: i64 = i32::MAX as i64;

/// The rule of a kind; `None` if it has none.
pub(crate) fn by_kind(
    group: &str,
    kind: &str,
    object: &Value,
    age_seconds: Option<i64>,
) -> Option<Health> {
    Some(match (group, kind) {
        ("apps" | "extensions", "Deployment") => deployment(object),
        ("apps" | "extensions", "ReplicaSet") => replica_set(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps" | "extensions", "DaemonSet") => daemon_set(object),
        ("", "Pod") => pod(object, age_seconds),
        ("batch", "Job") => job(object),
        ("", "PersistentVolumeClaim") => volume_claim(object),
        ("", "Service") => service(object),
        ("policy", "PodDisruptionBudget") => current("AllowedDisruptions has been computed."),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("", "Namespace") => namespace(object),
        ("", "ConfigMap" | "Secret") | ("batch", "CronJob") => current("Resource is always ready"),
        _ => return None,
    })
}

fn current(message: impl AsRef<str>) -> Health {
    Health::new(HealthStatus::Current, message.as_ref())
}

fn in_progress(message: impl AsRef<str>) -> Health {
    Health::new(HealthStatus::InProgress, message.as_ref())
}

fn failed(message: impl AsRef<str>) -> Health {
    Health::new(HealthStatus::Failed, message.as_ref())
}

/// The condition of a type.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object.at(&["status", "conditions"])?.as_list()?;
    conditions
        .iter()
        .find(|it| it.str_at(&["type"]) == Some(kind))
}

fn has_condition(object: &Value, kind: &str, status: &str) -> bool {
    condition(object, kind).is_some_and(|it| it.str_at(&["status"]) == Some(status))
}

fn reason_of<'a>(object: &'a Value, kind: &str) -> &'a str {
    condition(object, kind)
        .and_then(|it| it.str_at(&["reason"]))
        .unwrap_or("")
}

fn message_of<'a>(object: &'a Value, kind: &str) -> &'a str {
    condition(object, kind)
        .and_then(|it| it.str_at(&["message"]))
        .unwrap_or("")
}

fn spec(object: &Value, field: &str, default: i64) -> i64 {
    object.i64_at(&["spec", field]).unwrap_or(default)
}

fn status(object: &Value, field: &str) -> i64 {
    object.i64_at(&["status", field]).unwrap_or(0)
}

/// `message: have/wanted` while there is less than wanted.
fn too_few(checks: &[(&str, i64, i64)]) -> Option<Health> {
    checks
        .iter()
        .find(|(_, have, wanted)| wanted > have)
        .map(|(what, have, wanted)| in_progress(format!("{what}: {have}/{wanted}")))
}

fn too_many(have: i64, wanted: i64) -> Option<Health> {
    (have > wanted).then(|| in_progress(format!("Pending termination: {}", have - wanted)))
}

fn deployment(object: &Value) -> Health {
    if reason_of(object, "Progressing") == "ProgressDeadlineExceeded" {
        return failed("Progress deadline exceeded");
    }
    let (wanted, replicas) = (spec(object, "replicas", 1), status(object, "replicas"));
    let updated = status(object, "updatedReplicas");
    let counted = too_few(&[("Replicas", replicas, wanted), ("Updated", updated, wanted)])
        .or_else(|| too_many(replicas, wanted))
        .or_else(|| too_few(&[("Available", status(object, "availableReplicas"), updated)]))
        .or_else(|| too_few(&[("Ready", status(object, "readyReplicas"), wanted)]));
    if let Some(health) = counted {
        return health;
    }
    // Without a deadline the controller never writes `Progressing`.
    let no_deadline = spec(object, "progressDeadlineSeconds", NO_DEADLINE) == NO_DEADLINE;
    let rolled_out = has_condition(object, "Progressing", "True")
        && reason_of(object, "Progressing") == "NewReplicaSetAvailable";
    if !no_deadline && !rolled_out {
        return in_progress("ReplicaSet not Available");
    }
    if !has_condition(object, "Available", "True") {
        return in_progress("Deployment not Available");
    }
    current(format!("Deployment is available. Replicas: {replicas}"))
}

fn replica_set(object: &Value) -> Health {
    if has_condition(object, "ReplicaFailure", "True") {
        return in_progress("Replica Failure condition. Check Pods");
    }
    let (wanted, replicas) = (spec(object, "replicas", 1), status(object, "replicas"));
    too_few(&[
        ("Labelled", status(object, "fullyLabeledReplicas"), wanted),
        ("Available", status(object, "availableReplicas"), wanted),
        ("Ready", status(object, "readyReplicas"), wanted),
    ])
    .or_else(|| too_many(replicas, wanted))
    .unwrap_or_else(|| current(format!("ReplicaSet is available. Replicas: {replicas}")))
}

fn stateful_set(object: &Value) -> Health {
    if object.str_at(&["spec", "updateStrategy", "type"]) == Some("OnDelete") {
        return current("StatefulSet is using the ondelete update strategy");
    }
    let (wanted, replicas) = (spec(object, "replicas", 1), status(object, "replicas"));
    let counted = too_few(&[
        ("Replicas", replicas, wanted),
        ("Ready", status(object, "readyReplicas"), wanted),
    ])
    .or_else(|| too_many(replicas, wanted));
    if let Some(health) = counted {
        return health;
    }
    if let Some(partition) =
        object.i64_at(&["spec", "updateStrategy", "rollingUpdate", "partition"])
    {
        let updated = status(object, "updatedReplicas");
        return too_few(&[("updated", updated, wanted - partition)])
            .unwrap_or_else(|| current(format!("Partition rollout complete. updated: {updated}")));
    }
    if let Some(health) = too_few(&[("current", status(object, "currentReplicas"), wanted)]) {
        return health;
    }
    if object.str_at(&["status", "currentRevision"]) != object.str_at(&["status", "updateRevision"])
    {
        return in_progress("Waiting for updated revision to match current");
    }
    current(format!(
        "All replicas scheduled as expected. Replicas: {replicas}"
    ))
}

fn daemon_set(object: &Value) -> Health {
    for (path, name) in [
        (["metadata", "generation"], "metadata.generation"),
        (
            ["status", "observedGeneration"],
            "status.observedGeneration",
        ),
    ] {
        if object.i64_at(&path).is_none() {
            return in_progress(format!("DaemonSet {name} not found"));
        }
    }
    let Some(wanted) = object.i64_at(&["status", "desiredNumberScheduled"]) else {
        return in_progress("Missing .status.desiredNumberScheduled");
    };
    too_few(&[
        ("Current", status(object, "currentNumberScheduled"), wanted),
        ("Updated", status(object, "updatedNumberScheduled"), wanted),
        ("Available", status(object, "numberAvailable"), wanted),
        ("Ready", status(object, "numberReady"), wanted),
    ])
    .unwrap_or_else(|| {
        current(format!(
            "All replicas scheduled as expected. Replicas: {wanted}"
        ))
    })
}

fn pod(object: &Value, age_seconds: Option<i64>) -> Health {
    match object.str_at(&["status", "phase"]).unwrap_or("") {
        "Succeeded" => current("Pod has completed successfully"),
        "Failed" => current("Pod has completed, but not successfully"),
        "Running" => running_pod(object),
        "Pending" => pending_pod(object, age_seconds),
        "" => in_progress("Pod phase not available"),
        other => Health::new(HealthStatus::Unknown, format!("unknown phase {other}")),
    }
}

fn running_pod(object: &Value) -> Health {
    if has_condition(object, "Ready", "True") {
        return current("Pod is Ready");
    }
    let containers = object
        .at(&["status", "containerStatuses"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let crashing: Vec<&str> = containers
        .iter()
        .filter(|it| it.str_at(&["state", "waiting", "reason"]) == Some("CrashLoopBackOff"))
        .filter_map(|it| it.str_at(&["name"]))
        .collect();
    if crashing.is_empty() {
        return in_progress("Pod is running but is not Ready");
    }
    failed(format!(
        "Containers in CrashLoop state: {}",
        crashing.join(",")
    ))
}

fn pending_pod(object: &Value, age_seconds: Option<i64>) -> Health {
    let unschedulable = has_condition(object, "PodScheduled", "False")
        && reason_of(object, "PodScheduled") == "Unschedulable";
    if !unschedulable {
        return in_progress("Pod is in the Pending phase");
    }
    if age_seconds.is_some_and(|age| age < SCHEDULE_WINDOW_SECONDS) {
        return in_progress("Pod has not been scheduled");
    }
    failed("Pod could not be scheduled")
}

/// A Job counts only when it has completed, as Flux reads Jobs; kstatus
/// itself is content with one that runs.
fn job(object: &Value) -> Health {
    let completions = spec(object, "completions", spec(object, "parallelism", 1));
    let (succeeded, failures) = (status(object, "succeeded"), status(object, "failed"));
    if has_condition(object, "Complete", "True") {
        return current(format!(
            "Job Completed. succeeded: {succeeded}/{completions}"
        ));
    }
    if has_condition(object, "Failed", "True") {
        return failed(format!("Job Failed. failed: {failures}/{completions}"));
    }
    if has_condition(object, "Suspended", "True")
        || object.at(&["spec", "suspend"]) == Some(&Value::Bool(true))
    {
        return current("Job is suspended");
    }
    if object
        .str_at(&["status", "startTime"])
        .unwrap_or("")
        .is_empty()
    {
        return in_progress("Job not started");
    }
    let active = status(object, "active");
    in_progress(format!(
        "Job in progress. success:{succeeded}, active: {active}, failed: {failures}"
    ))
}

fn volume_claim(object: &Value) -> Health {
    match object.str_at(&["status", "phase"]).unwrap_or("unknown") {
        "Bound" => current("PVC is Bound"),
        phase => in_progress(format!("PVC is not Bound. phase: {phase}")),
    }
}

fn service(object: &Value) -> Health {
    let is_balancer = object.str_at(&["spec", "type"]) == Some("LoadBalancer");
    if is_balancer
        && object
            .str_at(&["spec", "clusterIP"])
            .unwrap_or("")
            .is_empty()
    {
        return in_progress("ClusterIP not set. Service type: LoadBalancer");
    }
    current("Service is ready")
}

fn definition(object: &Value) -> Health {
    if has_condition(object, "NamesAccepted", "False") {
        return failed(message_of(object, "NamesAccepted"));
    }
    if has_condition(object, "Established", "True") {
        return current("CRD is established");
    }
    if has_condition(object, "Established", "False")
        && reason_of(object, "Established") != "Installing"
    {
        return failed(message_of(object, "Established"));
    }
    in_progress("Install in progress")
}

fn namespace(object: &Value) -> Health {
    if object.str_at(&["status", "phase"]) == Some("Terminating") {
        return Health::new(HealthStatus::Terminating, "Resource scheduled for deletion");
    }
    current("Resource is current")
}
