//! Defaults of what runs Pods, and of what scales it.

use super::super::pods;
use super::{default, default_missing, each};
use trueup_object::{Value, value};

pub(super) fn replication_controller(object: &mut Value) {
    default(object, &["spec", "replicas"], 1);
    if let Some(labels) = object
        .at(&["spec", "template", "metadata", "labels"])
        .cloned()
    {
        default(object, &["spec", "selector"], labels.clone());
        default(object, &["metadata", "labels"], labels);
    }
    pods::default_spec(object, &["spec", "template", "spec"]);
}

pub(super) fn deployment(object: &mut Value) {
    default(object, &["spec", "replicas"], 1);
    default(object, &["spec", "strategy", "type"], "RollingUpdate");
    if object.str_at(&["spec", "strategy", "type"]) == Some("RollingUpdate") {
        default_missing(
            object,
            &["spec", "strategy", "rollingUpdate", "maxUnavailable"],
            "25%",
        );
        default_missing(
            object,
            &["spec", "strategy", "rollingUpdate", "maxSurge"],
            "25%",
        );
    }
    default(object, &["spec", "revisionHistoryLimit"], 10);
    default(object, &["spec", "progressDeadlineSeconds"], 600);
    pods::default_spec(object, &["spec", "template", "spec"]);
}

pub(super) fn stateful_set(object: &mut Value) {
    default(object, &["spec", "podManagementPolicy"], "OrderedReady");
    let strategy = ["spec", "updateStrategy", "type"];
    let rolling = ["spec", "updateStrategy", "rollingUpdate"];
    let untyped = object.str_at(&strategy).unwrap_or("").is_empty();
    default(object, &strategy, "RollingUpdate");
    // A type that is named gets no parameters that are not.
    if object.str_at(&strategy) == Some("RollingUpdate")
        && (untyped || object.at(&rolling).is_some())
    {
        let partition = ["spec", "updateStrategy", "rollingUpdate", "partition"];
        default(object, &partition, 0);
    }
    default(
        object,
        &[
            "spec",
            "persistentVolumeClaimRetentionPolicy",
            "whenDeleted",
        ],
        "Retain",
    );
    default(
        object,
        &["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"],
        "Retain",
    );
    default(object, &["spec", "replicas"], 1);
    default(object, &["spec", "revisionHistoryLimit"], 10);
    each(object, &["spec", "volumeClaimTemplates"], |claim| {
        default(claim, &["apiVersion"], "v1");
        default(claim, &["kind"], "PersistentVolumeClaim");
        default_missing(claim, &["spec", "volumeMode"], "Filesystem");
        default(claim, &["status", "phase"], "Pending");
    });
    pods::default_spec(object, &["spec", "template", "spec"]);
}

pub(super) fn daemon_set(object: &mut Value) {
    default(object, &["spec", "updateStrategy", "type"], "RollingUpdate");
    if object.str_at(&["spec", "updateStrategy", "type"]) == Some("RollingUpdate") {
        default_missing(
            object,
            &["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"],
            1,
        );
        default_missing(
            object,
            &["spec", "updateStrategy", "rollingUpdate", "maxSurge"],
            0,
        );
    }
    default(object, &["spec", "revisionHistoryLimit"], 10);
    default(
        object,
        &["metadata", "annotations", TEMPLATE_GENERATION],
        "1",
    );
    pods::default_spec(object, &["spec", "template", "spec"]);
}

/// An old counter of a DaemonSet's templates, kept as an annotation.
pub(in crate::core) const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

pub(super) fn job(object: &mut Value) {
    let is_unset = |object: &Value, key| object.at(&["spec", key]).is_none();
    default_missing(object, &["spec", "manualSelector"], false);
    if is_unset(object, "completions") && is_unset(object, "parallelism") {
        default_missing(object, &["spec", "completions"], 1);
    }
    default_missing(object, &["spec", "parallelism"], 1);
    let retries = match is_unset(object, "backoffLimitPerIndex") {
        true => 6,
        false => i64::from(i32::MAX),
    };
    default_missing(object, &["spec", "backoffLimit"], retries);
    if is_unset(object, "completionMode") {
        default_missing(object, &["spec", "completionMode"], "NonIndexed");
    }
    default_missing(object, &["spec", "suspend"], false);
    let replaced_when = match is_unset(object, "podFailurePolicy") {
        true => "TerminatingOrFailed",
        false => "Failed",
    };
    default_missing(object, &["spec", "podReplacementPolicy"], replaced_when);
    pods::default_spec(object, &["spec", "template", "spec"]);
    failure_conditions(object, &["spec", "podFailurePolicy", "rules"]);
}

/// A condition of a Pod counts where it is true, if it does not say.
fn failure_conditions(object: &mut Value, path: &[&str]) {
    each(object, path, |rule| {
        each(rule, &["onPodConditions"], |condition| {
            default(condition, &["status"], "True");
        });
    });
}

pub(super) fn cron_job(object: &mut Value) {
    default(object, &["spec", "concurrencyPolicy"], "Allow");
    default(object, &["spec", "suspend"], false);
    default(object, &["spec", "successfulJobsHistoryLimit"], 3);
    default(object, &["spec", "failedJobsHistoryLimit"], 1);
    pods::default_spec(object, &["spec", "jobTemplate", "spec", "template", "spec"]);
    let rules = ["spec", "jobTemplate", "spec", "podFailurePolicy", "rules"];
    failure_conditions(object, &rules);
}

pub(super) fn autoscaler(object: &mut Value) {
    default(object, &["spec", "minReplicas"], 1);
    if object.str_at(&["apiVersion"]) == Some("autoscaling/v1") {
        return;
    }
    let measured = object
        .at(&["spec", "metrics"])
        .and_then(Value::as_list)
        .is_some_and(|list| !list.is_empty());
    if !measured {
        let metric = value!({
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
        });
        object.set_at(&["spec", "metrics"], vec![metric].into());
    }
    if object.at(&["spec", "behavior"]).is_some() {
        scaling_rules(object);
    }
}

fn scaling_rules(object: &mut Value) {
    let percent = value!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let pods = value!({"type": "Pods", "value": 4, "periodSeconds": 15});
    default(
        object,
        &["spec", "behavior", "scaleUp", "stabilizationWindowSeconds"],
        0,
    );
    default_missing(
        object,
        &["spec", "behavior", "scaleUp", "selectPolicy"],
        "Max",
    );
    default(
        object,
        &["spec", "behavior", "scaleUp", "policies"],
        vec![pods, percent.clone()],
    );
    default_missing(
        object,
        &["spec", "behavior", "scaleDown", "selectPolicy"],
        "Max",
    );
    default(
        object,
        &["spec", "behavior", "scaleDown", "policies"],
        vec![percent],
    );
}
