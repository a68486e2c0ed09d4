//! One row per rule: what an object says, and what that makes it.

use crate::{HealthStatus, assess, assess_at};
use trueup_object::{Value, from_json};

use HealthStatus::{Current, Failed, InProgress, Terminating, Unknown};

fn object(kind: &str, body: &str) -> Value {
    let (api_version, kind) = kind.rsplit_once(' ').unwrap();
    let text = format!(r#"{{"apiVersion":"{api_version}","kind":"{kind}",{body}}}"#);
    from_json(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn check(rows: &[(&str, &str, HealthStatus, &str)]) {
    for (kind, body, status, message) in rows {
        let health = assess(&object(kind, body));
        assert_eq!(
            (health.status, health.message.as_str()),
            (*status, *message),
            "{kind} {body}"
        );
    }
}

#[test]
fn what_every_object_can_say_decides_first() {
    check(&[
        (
            "apps/v1 Deployment",
            r#""metadata":{"generation":2,"deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"observedGeneration":1}"#,
            Terminating,
            "Resource scheduled for deletion",
        ),
        (
            "example.com/v1 Thing",
            r#""metadata":{"generation":1},"status":{"observedGeneration":-1}"#,
            InProgress,
            "Thing generation is 1, but latest observed generation is -1",
        ),
        (
            "example.com/v1 Thing",
            r#""metadata":{"generation":1},"status":{"observedGeneration":1,"conditions":[
                {"type":"Ready","status":"True"},{"type":"Reconciling","status":"True","message":"working"}]}"#,
            InProgress,
            "working",
        ),
        (
            "example.com/v1 Thing",
            r#""status":{"conditions":[{"type":"Stalled","status":"True","message":"stuck"},
                {"type":"Reconciling","status":"False","message":"no"}]}"#,
            Failed,
            "stuck",
        ),
        (
            "example.com/v1 Thing",
            r#""status":{"conditions":[{"type":"Ready","status":"True"}]}"#,
            Current,
            "Resource is Ready",
        ),
        (
            "example.com/v1 Thing",
            r#""status":{"conditions":[{"type":"Ready","status":"False","message":"not yet"}]}"#,
            InProgress,
            "not yet",
        ),
        (
            "example.com/v1 Thing",
            r#""status":{"conditions":[{"type":"Ready","status":"Unknown"}]}"#,
            InProgress,
            "",
        ),
        (
            "example.com/v1 Thing",
            r#""spec":{}"#,
            Current,
            "Resource is current",
        ),
        (
            "v1 ConfigMap",
            r#""data":{}"#,
            Current,
            "Resource is always ready",
        ),
        (
            "v1 Namespace",
            r#""status":{"phase":"Terminating"}"#,
            Terminating,
            "Resource scheduled for deletion",
        ),
        (
            "v1 Namespace",
            r#""status":{"phase":"Active"}"#,
            Current,
            "Resource is current",
        ),
    ]);
}

#[test]
fn a_deployment_counts_its_replicas_then_its_conditions() {
    let kind = "apps/v1 Deployment";
    let available = r#"{"type":"Available","status":"True"}"#;
    let full = r#""replicas":2,"updatedReplicas":2,"readyReplicas":2,"availableReplicas":2"#;
    check(&[
        (kind, r#""spec":{}"#, InProgress, "Replicas: 0/1"),
        (
            kind,
            r#""spec":{"replicas":2},"status":{"replicas":2,"updatedReplicas":1}"#,
            InProgress,
            "Updated: 1/2",
        ),
        (
            kind,
            r#""spec":{"replicas":1},"status":{"replicas":2,"updatedReplicas":1}"#,
            InProgress,
            "Pending termination: 1",
        ),
        (
            kind,
            r#""spec":{"replicas":2},"status":{"replicas":2,"updatedReplicas":2,"availableReplicas":1}"#,
            InProgress,
            "Available: 1/2",
        ),
        (
            kind,
            &format!(r#""spec":{{"replicas":2}},"status":{{{full}}}"#),
            InProgress,
            "Deployment not Available",
        ),
        (
            kind,
            &format!(r#""spec":{{"replicas":2}},"status":{{{full},"conditions":[{available}]}}"#),
            Current,
            "Deployment is available. Replicas: 2",
        ),
        (
            kind,
            &format!(
                r#""spec":{{"replicas":2,"progressDeadlineSeconds":600}},"status":{{{full},"conditions":[{available}]}}"#
            ),
            InProgress,
            "ReplicaSet not Available",
        ),
        (
            kind,
            &format!(
                r#""spec":{{"replicas":2,"progressDeadlineSeconds":600}},"status":{{{full},"conditions":[{available},
                {{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}}]}}"#
            ),
            Current,
            "Deployment is available. Replicas: 2",
        ),
        (
            kind,
            r#""status":{"conditions":[{"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded"}]}"#,
            Failed,
            "Progress deadline exceeded",
        ),
    ]);
}

#[test]
fn a_deployment_without_replicas_is_current_once_it_is_available() {
    let body = r#""metadata":{"generation":1},"spec":{"replicas":0,"progressDeadlineSeconds":600},
        "status":{"observedGeneration":1,"conditions":[{"type":"Available","status":"True"},
        {"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}]}"#;
    check(&[(
        "apps/v1 Deployment",
        body,
        Current,
        "Deployment is available. Replicas: 0",
    )]);
}

#[test]
fn sets_count_their_replicas() {
    check(&[
        (
            "apps/v1 ReplicaSet",
            r#""spec":{"replicas":1},"status":{}"#,
            InProgress,
            "Labelled: 0/1",
        ),
        (
            "apps/v1 ReplicaSet",
            r#""status":{"conditions":[{"type":"ReplicaFailure","status":"True"}]}"#,
            InProgress,
            "Replica Failure condition. Check Pods",
        ),
        (
            "apps/v1 ReplicaSet",
            r#""spec":{"replicas":1},"status":{"replicas":1,"fullyLabeledReplicas":1,"availableReplicas":1,"readyReplicas":1}"#,
            Current,
            "ReplicaSet is available. Replicas: 1",
        ),
        (
            "apps/v1 StatefulSet",
            r#""spec":{"updateStrategy":{"type":"OnDelete"}}"#,
            Current,
            "StatefulSet is using the ondelete update strategy",
        ),
        (
            "apps/v1 StatefulSet",
            r#""spec":{"replicas":3},"status":{"replicas":3,"readyReplicas":2}"#,
            InProgress,
            "Ready: 2/3",
        ),
        (
            "apps/v1 StatefulSet",
            r#""spec":{"replicas":3,"updateStrategy":{"rollingUpdate":{"partition":1}}},
            "status":{"replicas":3,"readyReplicas":3,"updatedReplicas":1}"#,
            InProgress,
            "updated: 1/2",
        ),
        (
            "apps/v1 StatefulSet",
            r#""spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"currentReplicas":1,"currentRevision":"a","updateRevision":"b"}"#,
            InProgress,
            "Waiting for updated revision to match current",
        ),
        (
            "apps/v1 StatefulSet",
            r#""spec":{"replicas":1},"status":{"replicas":1,"readyReplicas":1,"currentReplicas":1,"currentRevision":"a","updateRevision":"a"}"#,
            Current,
            "All replicas scheduled as expected. Replicas: 1",
        ),
        (
            "apps/v1 DaemonSet",
            r#""spec":{}"#,
            InProgress,
            "DaemonSet metadata.generation not found",
        ),
        (
            "apps/v1 DaemonSet",
            r#""metadata":{"generation":1},"status":{}"#,
            InProgress,
            "DaemonSet status.observedGeneration not found",
        ),
        (
            "apps/v1 DaemonSet",
            r#""metadata":{"generation":1},"status":{"observedGeneration":1}"#,
            InProgress,
            "Missing .status.desiredNumberScheduled",
        ),
        (
            "apps/v1 DaemonSet",
            r#""metadata":{"generation":1},"status":{"observedGeneration":1,"desiredNumberScheduled":2,"currentNumberScheduled":2,
            "updatedNumberScheduled":2,"numberAvailable":1}"#,
            InProgress,
            "Available: 1/2",
        ),
        (
            "apps/v1 DaemonSet",
            r#""metadata":{"generation":1},"status":{"observedGeneration":1,"desiredNumberScheduled":0}"#,
            Current,
            "All replicas scheduled as expected. Replicas: 0",
        ),
    ]);
}

#[test]
fn pods_go_by_phase_and_readiness() {
    check(&[
        (
            "v1 Pod",
            r#""spec":{}"#,
            InProgress,
            "Pod phase not available",
        ),
        (
            "v1 Pod",
            r#""status":{"phase":"Succeeded"}"#,
            Current,
            "Pod has completed successfully",
        ),
        (
            "v1 Pod",
            r#""status":{"phase":"Failed"}"#,
            Current,
            "Pod has completed, but not successfully",
        ),
        (
            "v1 Pod",
            r#""status":{"phase":"Pending"}"#,
            InProgress,
            "Pod is in the Pending phase",
        ),
        (
            "v1 Pod",
            r#""status":{"phase":"Odd"}"#,
            Unknown,
            "unknown phase Odd",
        ),
        (
            "v1 Pod",
            r#""status":{"phase":"Running"}"#,
            InProgress,
            "Pod is running but is not Ready",
        ),
        (
            "v1 Pod",
            r#""status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}"#,
            Current,
            "Pod is Ready",
        ),
        (
            "v1 Pod",
            r#""status":{"phase":"Running","containerStatuses":[{"name":"a","state":{"running":{}}},
            {"name":"b","state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}"#,
            Failed,
            "Containers in CrashLoop state: b",
        ),
    ]);
    let body = r#""status":{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable"}]}"#;
    let pod = object("v1 Pod", body);
    assert_eq!(assess(&pod).status, Failed);
    assert_eq!(
        assess_at(&pod, 100, 114).message,
        "Pod has not been scheduled"
    );
    assert_eq!(
        assess_at(&pod, 100, 115).message,
        "Pod could not be scheduled"
    );
}

#[test]
fn jobs_count_when_complete_or_suspended() {
    check(&[
        (
            "batch/v1 Job",
            r#""spec":{}"#,
            InProgress,
            "Job not started",
        ),
        (
            "batch/v1 Job",
            r#""spec":{"suspend":true}"#,
            Current,
            "Job is suspended",
        ),
        (
            "batch/v1 Job",
            r#""status":{"startTime":"2026-01-01T00:00:00Z","active":1}"#,
            InProgress,
            "Job in progress. success:0, active: 1, failed: 0",
        ),
        (
            "batch/v1 Job",
            r#""spec":{"completions":3},"status":{"succeeded":3,"conditions":[{"type":"Complete","status":"True"}]}"#,
            Current,
            "Job Completed. succeeded: 3/3",
        ),
        (
            "batch/v1 Job",
            r#""spec":{"completions":3},"status":{"failed":4,"conditions":[{"type":"Failed","status":"True"}]}"#,
            Failed,
            "Job Failed. failed: 4/3",
        ),
        (
            "batch/v1 CronJob",
            r#""spec":{}"#,
            Current,
            "Resource is always ready",
        ),
    ]);
}

#[test]
fn claims_services_budgets_and_definitions_have_rules() {
    let definition = "apiextensions.k8s.io/v1 CustomResourceDefinition";
    check(&[
        (
            "v1 PersistentVolumeClaim",
            r#""status":{"phase":"Pending"}"#,
            InProgress,
            "PVC is not Bound. phase: Pending",
        ),
        (
            "v1 PersistentVolumeClaim",
            r#""status":{"phase":"Bound"}"#,
            Current,
            "PVC is Bound",
        ),
        (
            "v1 Service",
            r#""spec":{"type":"LoadBalancer"}"#,
            InProgress,
            "ClusterIP not set. Service type: LoadBalancer",
        ),
        (
            "v1 Service",
            r#""spec":{"type":"ClusterIP"}"#,
            Current,
            "Service is ready",
        ),
        (
            "policy/v1 PodDisruptionBudget",
            r#""spec":{}"#,
            Current,
            "AllowedDisruptions has been computed.",
        ),
        (
            definition,
            r#""spec":{}"#,
            InProgress,
            "Install in progress",
        ),
        (
            definition,
            r#""status":{"conditions":[{"type":"Established","status":"False","reason":"Installing"}]}"#,
            InProgress,
            "Install in progress",
        ),
        (
            definition,
            r#""status":{"conditions":[{"type":"Established","status":"True"}]}"#,
            Current,
            "CRD is established",
        ),
        (
            definition,
            r#""status":{"conditions":[{"type":"NamesAccepted","status":"False","message":"taken"},{"type":"Established","status":"True"}]}"#,
            Failed,
            "taken",
        ),
    ]);
}
