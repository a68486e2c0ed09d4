//! Deployments and their like, Jobs, autoscalers.

use super::pod;
use super::{list, not_negative, quoted, shown, text};
use crate::core::status::Cause;
use trueup_object::{Map, Selector, Value};

const SELECTOR_MISMATCH: &str = "`selector` does not match template `labels`";

pub(super) fn apps(kind: &str, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if !["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"].contains(&kind) {
        return causes;
    }
    not_negative(
        &mut causes,
        "spec.replicas",
        object.i64_at(&["spec", "replicas"]),
    );
    selector(&mut causes, object, kind);
    causes.extend(pod::template_with_claims(
        object,
        "spec.template",
        &["spec", "template"],
        list(object, &["spec", "volumeClaimTemplates"]),
    ));
    let policy = text(object, &["spec", "template", "spec", "restartPolicy"]);
    if policy != "Always" && !policy.is_empty() {
        causes.push(Cause::unsupported(
            "spec.template.spec.restartPolicy",
            quoted(policy),
            &["Always"],
        ));
    }
    not_negative(
        &mut causes,
        "spec.minReadySeconds",
        object.i64_at(&["spec", "minReadySeconds"]),
    );
    not_negative(
        &mut causes,
        "spec.revisionHistoryLimit",
        object.i64_at(&["spec", "revisionHistoryLimit"]),
    );
    if kind == "Deployment" {
        strategy(&mut causes, object);
    }
    causes
}

fn selector(causes: &mut Vec<Cause>, object: &Value, kind: &str) {
    let selector = object
        .at(&["spec", "selector"])
        .filter(|selector| !selector.is_null());
    let Some(selector) = selector else {
        causes.push(Cause::required("spec.selector", ""));
        if kind != "Deployment" || labels(object).is_some() {
            causes.push(Cause::invalid(
                "spec.template.metadata.labels",
                shown(labels(object)),
                SELECTOR_MISMATCH,
            ));
        }
        return;
    };
    if selector.as_map().is_none_or(Map::is_empty) {
        let kind = kind.to_lowercase();
        causes.push(Cause::invalid(
            "spec.selector",
            "{}",
            &format!("empty selector is invalid for {kind}"),
        ));
    }
    matches_template(causes, object);
}

fn labels(object: &Value) -> Option<&Value> {
    object.at(&["spec", "template", "metadata", "labels"])
}

fn matches_template(causes: &mut Vec<Cause>, object: &Value) {
    let empty = Map::new();
    let labels = labels(object);
    let map = labels.and_then(Value::as_map).unwrap_or(&empty);
    if let Ok(selector) = Selector::from_label_selector(object.at(&["spec", "selector"]))
        && !selector.matches(map)
    {
        causes.push(Cause::invalid(
            "spec.template.metadata.labels",
            shown(labels),
            SELECTOR_MISMATCH,
        ));
    }
}

fn strategy(causes: &mut Vec<Cause>, object: &Value) {
    let kind = text(object, &["spec", "strategy", "type"]);
    match kind {
        "Recreate" if object.at(&["spec", "strategy", "rollingUpdate"]).is_some() => {
            causes.push(Cause::forbidden(
                "spec.strategy.rollingUpdate",
                "may not be specified when strategy `type` is 'Recreate'",
            ))
        }
        "Recreate" | "RollingUpdate" | "" => {}
        other => causes.push(Cause::unsupported(
            "spec.strategy.type",
            quoted(other),
            &["Recreate", "RollingUpdate"],
        )),
    }
}

pub(super) fn job(object: &Value, live: Option<&Value>) -> Vec<Cause> {
    let mut causes = Vec::new();
    for key in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
    ] {
        not_negative(
            &mut causes,
            &format!("spec.{key}"),
            object.i64_at(&["spec", key]),
        );
    }
    let manual = object
        .at(&["spec", "manualSelector"])
        .and_then(Value::as_bool)
        == Some(true);
    if !manual && live.is_some() {
        let selector = object.at(&["spec", "selector"]);
        let labels = selector
            .and_then(|selector| selector.get("matchLabels"))
            .and_then(Value::as_map);
        if labels.is_none_or(|labels| labels.len() != 1) {
            causes.push(Cause::invalid(
                "spec.selector",
                shown(selector),
                "`selector` not auto-generated",
            ));
        }
    }
    matches_template(&mut causes, object);
    causes.extend(pod::template(
        object,
        "spec.template",
        &["spec", "template"],
    ));
    restart_policy(
        &mut causes,
        object,
        &["spec", "template", "spec", "restartPolicy"],
        "spec.template.spec.restartPolicy",
    );
    causes
}

fn restart_policy(causes: &mut Vec<Cause>, object: &Value, path: &[&str], field: &str) {
    let policy = text(object, path);
    if policy == "Always" || policy.is_empty() {
        let message = "Required value: valid values: \"OnFailure\", \"Never\"";
        causes.push(Cause::new("FieldValueRequired", field, message));
    }
}

pub(super) fn cron_job(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = text(object, &["metadata", "name"]);
    if name.len() > 52 {
        causes.push(Cause::invalid(
            "metadata.name",
            quoted(name),
            "must be no more than 52 characters",
        ));
    }
    let schedule = text(object, &["spec", "schedule"]);
    if schedule.is_empty() {
        causes.push(Cause::required("spec.schedule", ""));
    } else if !schedule.starts_with('@')
        && schedule
            .split_whitespace()
            .filter(|word| !word.starts_with("TZ="))
            .count()
            != 5
    {
        let count = schedule.split_whitespace().count();
        let detail = format!(
            "expected exactly 5 fields, found {count}: [{}]",
            schedule.split_whitespace().collect::<Vec<_>>().join(" ")
        );
        causes.push(Cause::invalid("spec.schedule", quoted(schedule), &detail));
    }
    let policy = text(object, &["spec", "concurrencyPolicy"]);
    super::one_of(
        &mut causes,
        "spec.concurrencyPolicy",
        policy,
        &["Allow", "Forbid", "Replace"],
    );
    let path = ["spec", "jobTemplate", "spec", "template"];
    causes.extend(pod::template(
        object,
        "spec.jobTemplate.spec.template",
        &path,
    ));
    let restart = [
        "spec",
        "jobTemplate",
        "spec",
        "template",
        "spec",
        "restartPolicy",
    ];
    restart_policy(
        &mut causes,
        object,
        &restart,
        "spec.jobTemplate.spec.template.spec.restartPolicy",
    );
    causes
}

pub(super) fn autoscaler(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (min, max) = (
        object.i64_at(&["spec", "minReplicas"]).unwrap_or(1),
        object.i64_at(&["spec", "maxReplicas"]).unwrap_or(0),
    );
    if min < 1 {
        causes.push(Cause::invalid(
            "spec.minReplicas",
            min,
            "must be greater than or equal to 1",
        ));
    }
    if max < 1 {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            max,
            "must be greater than 0",
        ));
    }
    if max < min {
        causes.push(Cause::invalid(
            "spec.maxReplicas",
            max,
            "must be greater than or equal to `minReplicas`",
        ));
    }
    for key in ["kind", "name"] {
        if text(object, &["spec", "scaleTargetRef", key]).is_empty() {
            causes.push(Cause::required(format!("spec.scaleTargetRef.{key}"), ""));
        }
    }
    let _ = list(object, &["spec", "metrics"]);
    causes
}
