//! Deployments and their like.

use super::at::{At, Causes};
use super::pod;
use super::selectors::{label_selector, matches};
use super::text_rules::percent_errors;
use crate::core::status::Cause;
use trueup_object::Value;

const MISMATCH: &str = "`selector` does not match template `labels`";
const SET_RULE: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const IMMUTABLE: &str = "field is immutable";

pub(super) fn deployment(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    spec.get("replicas").not_negative(&mut causes);
    required_selector(&mut causes, &spec, "deployment");
    selected_template(&mut causes, &spec, "ReplicaSet");
    deployment_strategy(&mut causes, &spec.get("strategy"));
    spec.get("minReadySeconds").not_negative(&mut causes);
    spec.get("revisionHistoryLimit").not_negative(&mut causes);
    let deadline = spec.get("progressDeadlineSeconds");
    deadline.not_negative(&mut causes);
    let ready = spec.get("minReadySeconds").number().unwrap_or(0);
    if deadline.number().is_some_and(|seconds| seconds <= ready) {
        deadline.invalid(&mut causes, "must be greater than minReadySeconds");
    }
    immutable_selector(&mut causes, &spec, live);
    causes
}

pub(super) fn replica_set(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    spec.get("replicas").not_negative(&mut causes);
    spec.get("minReadySeconds").not_negative(&mut causes);
    // The API server says so of ReplicaSets too.
    required_selector(&mut causes, &spec, "deployment");
    selected_template(&mut causes, &spec, "ReplicaSet");
    immutable_selector(&mut causes, &spec, live);
    causes
}

fn immutable_selector(causes: &mut Causes, spec: &At<'_>, live: Option<&Value>) {
    let selector = spec.get("selector");
    if live.is_some_and(|live| live.at(&["spec", "selector"]) != selector.value()) {
        selector.invalid(causes, IMMUTABLE);
    }
}

fn required_selector(causes: &mut Causes, spec: &At<'_>, kind: &str) {
    let selector = spec.get("selector");
    if !selector.is_set() {
        return selector.required(causes, "");
    }
    label_selector(causes, &selector);
    if chooses_all(&selector) {
        selector.invalid(causes, &format!("empty selector is invalid for {kind}"));
    }
}

fn chooses_all(selector: &At<'_>) -> bool {
    selector.get("matchLabels").is_empty() && selector.get("matchExpressions").is_empty()
}

/// A template whose labels the selector chooses.
fn selected_template(causes: &mut Causes, spec: &At<'_>, called: &str) {
    let (selector, template) = (spec.get("selector"), spec.get("template"));
    let Some(chosen) = matches(&selector, &template) else {
        return selector.invalid(causes, "invalid label selector");
    };
    let chooses_everything = selector.is_set() && chooses_all(&selector);
    if !chosen && !chooses_everything {
        mismatch(causes, &template);
    }
    pod::template(causes, &template);
    always_running(causes, &template, called);
}

/// Labels of a template that its selector does not choose.
pub(super) fn mismatch(causes: &mut Causes, template: &At<'_>) {
    let labels = template.at(&["metadata", "labels"]);
    let shown = if labels.is_set() {
        labels.shown()
    } else {
        "null".to_owned()
    };
    causes.push(Cause::invalid(labels.path(), shown, MISMATCH));
}

fn always_running(causes: &mut Causes, template: &At<'_>, called: &str) {
    let policy = template.at(&["spec", "restartPolicy"]);
    policy.one_of(causes, &["Always"]);
    let deadline = template.at(&["spec", "activeDeadlineSeconds"]);
    if deadline.is_set() {
        let detail = format!("activeDeadlineSeconds in {called} is not Supported");
        deadline.forbidden(causes, &detail);
    }
}

fn deployment_strategy(causes: &mut Causes, strategy: &At<'_>) {
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "Recreate" if rolling.is_set() => rolling.forbidden(
            causes,
            "may not be specified when strategy `type` is 'Recreate'",
        ),
        "Recreate" => {}
        "RollingUpdate" if !rolling.is_set() => {
            rolling.required(causes, "this should be defaulted and never be nil");
        }
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.get("maxUnavailable"), rolling.get("maxSurge"));
            count_or_percent(causes, &unavailable);
            count_or_percent(causes, &surge);
            if share(&unavailable) == 0 && share(&surge) == 0 {
                unavailable.invalid(causes, "may not be 0 when `maxSurge` is 0");
            }
            at_most_all(causes, &unavailable);
        }
        _ => strategy.unsupported(causes, &["Recreate", "RollingUpdate"]),
    }
}

/// A number that is not negative, or a percentage.
pub(super) fn count_or_percent(causes: &mut Causes, at: &At<'_>) {
    match at.value() {
        Some(Value::String(text)) => at.rules(causes, percent_errors(text)),
        _ => at.not_negative(causes),
    }
}

/// The number, or the number before the percent sign.
fn share(at: &At<'_>) -> i64 {
    let text = at.text().trim_end_matches('%');
    at.number().or_else(|| text.parse().ok()).unwrap_or(0)
}

pub(super) fn at_most_all(causes: &mut Causes, at: &At<'_>) {
    let percent = at.text().strip_suffix('%');
    if percent.is_some_and(|text| text.parse::<i64>().is_ok_and(|number| number > 100)) {
        at.invalid(causes, "must not be greater than 100%");
    }
}

pub(super) fn daemon_set(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    immutable_selector(&mut causes, &spec, live);
    let (selector, template) = (spec.get("selector"), spec.get("template"));
    label_selector(&mut causes, &selector);
    if matches(&selector, &template) == Some(false) {
        mismatch(&mut causes, &template);
    }
    if selector.is_set() && chooses_all(&selector) {
        selector.invalid(&mut causes, "empty selector is invalid for daemonset");
    }
    pod::template(&mut causes, &template);
    always_running(&mut causes, &template, "DaemonSet");
    spec.get("minReadySeconds").not_negative(&mut causes);
    daemon_strategy(&mut causes, &spec.get("updateStrategy"));
    spec.get("revisionHistoryLimit").not_negative(&mut causes);
    causes
}

fn daemon_strategy(causes: &mut Causes, strategy: &At<'_>) {
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "OnDelete" => {}
        "RollingUpdate" if !rolling.is_set() => rolling.required(causes, ""),
        "RollingUpdate" => {
            let (unavailable, surge) = (rolling.get("maxUnavailable"), rolling.get("maxSurge"));
            count_or_percent(causes, &unavailable);
            count_or_percent(causes, &surge);
            at_most_all(causes, &unavailable);
            at_most_all(causes, &surge);
            match (share(&unavailable) != 0, share(&surge) != 0) {
                (true, true) => {
                    surge.invalid(causes, "may not be set when maxUnavailable is non-zero");
                }
                (false, false) => {
                    unavailable.required(causes, "cannot be 0 when maxSurge is 0");
                }
                _ => {}
            }
        }
        _ => strategy.unsupported(causes, &["RollingUpdate", "OnDelete"]),
    }
}

pub(super) fn stateful_set(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    let policy = spec.get("podManagementPolicy");
    match policy.text() {
        "" => policy.required(&mut causes, ""),
        "OrderedReady" | "Parallel" => {}
        _ => policy.invalid(&mut causes, "must be 'OrderedReady' or 'Parallel'"),
    }
    set_strategy(&mut causes, &spec.get("updateStrategy"));
    let retention = spec.get("persistentVolumeClaimRetentionPolicy");
    for when in ["whenDeleted", "whenScaled"] {
        if retention.is_set() {
            retention
                .get(when)
                .one_of(&mut causes, &["Retain", "Delete"]);
        }
    }
    if live.is_none() {
        for claim in spec.get("volumeClaimTemplates").items() {
            super::volumes::claim_spec(&mut causes, &claim.get("spec"));
        }
    }
    spec.get("replicas").not_negative(&mut causes);
    spec.get("minReadySeconds").not_negative(&mut causes);
    let start = spec.at(&["ordinals", "start"]);
    start.not_negative(&mut causes);
    if live.is_none() && !spec.get("serviceName").text().is_empty() {
        spec.get("serviceName").dns_label(&mut causes);
    }
    required_selector(&mut causes, &spec, "statefulset");
    set_template(&mut causes, &spec);
    if live.is_some_and(|live| !keeps_the_rest(object, live)) {
        spec.forbidden(&mut causes, SET_RULE);
    }
    causes
}

fn set_template(causes: &mut Causes, spec: &At<'_>) {
    let (selector, template) = (spec.get("selector"), spec.get("template"));
    let Some(chosen) = matches(&selector, &template) else {
        return selector.invalid(causes, "");
    };
    let chooses_everything = selector.is_set() && chooses_all(&selector);
    if !chosen && !chooses_everything {
        mismatch(causes, &template);
    }
    // Names of hosts are those that the set gives.
    let mut unnamed = template.value().cloned().unwrap_or_default();
    unnamed.remove_at(&["spec", "hostname"]);
    unnamed.remove_at(&["spec", "subdomain"]);
    let claims = spec.get("volumeClaimTemplates");
    let unnamed = At::root(&unnamed).called(template.path().to_owned());
    pod::template_with_claims(causes, &unnamed, &claims);
    let labels = template.at(&["metadata", "labels"]);
    labels.called(template.child("labels")).labels(causes);
    let annotations = template.at(&["metadata", "annotations"]);
    annotations
        .called(template.child("annotations"))
        .annotations(causes);
    always_running(causes, &template, "StatefulSet");
}

fn set_strategy(causes: &mut Causes, strategy: &At<'_>) {
    let rolling = strategy.get("rollingUpdate");
    match strategy.get("type").text() {
        "" => strategy.required(causes, ""),
        "OnDelete" if rolling.is_set() => {
            rolling.invalid(causes, "only allowed for updateStrategy 'RollingUpdate'");
        }
        "OnDelete" => {}
        "RollingUpdate" => rolling.get("partition").not_negative(causes),
        _ => strategy.invalid(causes, "must be 'RollingUpdate' or 'OnDelete'"),
    }
}

/// Whether a StatefulSet changes only what it may.
fn keeps_the_rest(new: &Value, live: &Value) -> bool {
    const FREE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let fixed = |object: &Value| {
        let mut spec = object.get("spec").cloned().unwrap_or_default();
        for key in FREE {
            spec.remove_at(&[key]);
        }
        // Claims that are templates have no status that a client could set.
        crate::core::defaults::each(&mut spec, &["volumeClaimTemplates"], |claim| {
            claim.remove_at(&["status"]);
        });
        spec
    };
    fixed(new) == fixed(live)
}

pub(super) fn replication_controller(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    spec.get("minReadySeconds").not_negative(&mut causes);
    let selector = spec.get("selector");
    if selector.is_empty() {
        selector.required(&mut causes, "");
    }
    spec.get("replicas").not_negative(&mut causes);
    let template = spec.get("template");
    if !template.is_set() {
        template.required(&mut causes, "");
        return causes;
    }
    let labels = template.at(&["metadata", "labels"]);
    let chosen = selector
        .entries()
        .all(|(key, value)| labels.get(key).value() == value.value());
    if !chosen {
        mismatch(&mut causes, &template);
    }
    pod::template(&mut causes, &template);
    always_running(&mut causes, &template, "ReplicationController");
    causes
}

/// Counts of a status, which must fit each other.
pub(super) fn status_counts(object: &Value, kind: &str) -> Causes {
    let mut causes = Vec::new();
    let status = At::root(object).get("status");
    let (counts, bounded): (&[&str], &[&str]) = match kind {
        "Deployment" => (
            &[
                "observedGeneration",
                "replicas",
                "updatedReplicas",
                "readyReplicas",
                "availableReplicas",
                "unavailableReplicas",
                "terminatingReplicas",
                "collisionCount",
            ],
            &["updatedReplicas", "readyReplicas", "availableReplicas"],
        ),
        "ReplicaSet" | "ReplicationController" => (
            &[
                "replicas",
                "fullyLabeledReplicas",
                "readyReplicas",
                "availableReplicas",
                "observedGeneration",
                "terminatingReplicas",
            ],
            &["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
        ),
        "StatefulSet" => (
            &[
                "replicas",
                "readyReplicas",
                "currentReplicas",
                "updatedReplicas",
                "availableReplicas",
                "observedGeneration",
                "collisionCount",
            ],
            &[
                "readyReplicas",
                "currentReplicas",
                "updatedReplicas",
                "availableReplicas",
            ],
        ),
        "DaemonSet" => (
            &[
                "currentNumberScheduled",
                "numberMisscheduled",
                "desiredNumberScheduled",
                "numberReady",
                "observedGeneration",
                "updatedNumberScheduled",
                "numberAvailable",
                "numberUnavailable",
                "collisionCount",
            ],
            &[],
        ),
        _ => return causes,
    };
    for count in counts {
        status.get(count).not_negative(&mut causes);
    }
    let number = |key: &str| status.get(key).number().unwrap_or(0);
    for count in bounded {
        if number(count) > number("replicas") {
            let detail = "cannot be greater than status.replicas";
            status.get(count).invalid(&mut causes, detail);
        }
    }
    if !bounded.is_empty() && number("availableReplicas") > number("readyReplicas") {
        let of = if kind == "StatefulSet" { "status." } else { "" };
        let detail = format!("cannot be greater than {of}readyReplicas");
        status
            .get("availableReplicas")
            .invalid(&mut causes, &detail);
    }
    causes
}
