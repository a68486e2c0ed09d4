//! Horizontal autoscalers.

use super::at::{At, Causes};
use super::pod::resources::container_resource_name;
use crate::core::status::Cause;
use trueup_object::Value;

const MAX_PERIOD_SECONDS: i64 = 1800;
const MAX_WINDOW_SECONDS: i64 = 3600;

pub(super) fn autoscaler(object: &Value) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    let (least, most) = (spec.get("minReplicas"), spec.get("maxReplicas"));
    let (min, max) = (least.number(), most.number().unwrap_or(0));
    if min.is_some_and(|min| min < 1) {
        least.invalid(&mut causes, "must be greater than or equal to 1");
    }
    if max == 0 {
        most.required(&mut causes, "must be set and greater than 0");
    } else if max < 0 {
        most.invalid(&mut causes, "must be greater than or equal to 1");
    }
    if min.is_some_and(|min| max < min) {
        let detail = "must be greater than or equal to `minReplicas`";
        causes.push(Cause::invalid(most.path(), max, detail));
    }
    let target = spec.get("scaleTargetRef");
    let group = if target.get("kind").text() == "ReplicationController" {
        Group::Any
    } else {
        Group::Named
    };
    reference(&mut causes, &target, group);
    let counted = |metric: &At<'_>| ["Object", "External"].contains(&metric.get("type").text());
    if min == Some(0) && !spec.get("metrics").items().any(|metric| counted(&metric)) {
        let detail = "must specify at least one Object or External metric to support scaling to zero replicas";
        spec.get("metrics").forbidden(&mut causes, detail);
    }
    for metric in spec.get("metrics").items() {
        one_metric(&mut causes, &metric);
    }
    for direction in ["scaleUp", "scaleDown"] {
        let rules = spec.at(&["behavior", direction]);
        if rules.is_set() {
            scaling_rules(&mut causes, &rules);
        }
    }
    causes
}

/// Whether a reference must name an API group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Any,
    Named,
}

fn reference(causes: &mut Causes, at: &At<'_>, group: Group) {
    for key in ["kind", "name"] {
        let part = at.get(key);
        if part.text().is_empty() {
            part.required(causes, "");
        } else {
            part.path_segment(causes);
        }
    }
    let version = at.get("apiVersion");
    let slashes = version.text().matches('/').count();
    if slashes > 1 {
        let detail = format!("unexpected GroupVersion string: {}", version.text());
        version.invalid(causes, &detail);
    } else if slashes == 0 && group == Group::Named {
        version.invalid(causes, "apiVersion must specify API group");
    }
}

/// Kinds of metrics, and the fields that describe them, in the order of the
/// messages.
const METRICS: [(&str, &str); 5] = [
    ("Object", "object"),
    ("External", "external"),
    ("Pods", "pods"),
    ("Resource", "resource"),
    ("ContainerResource", "containerResource"),
];

fn one_metric(causes: &mut Causes, metric: &At<'_>) {
    let mut kinds = METRICS.map(|(kind, _)| kind);
    kinds.sort_unstable();
    let kind = metric.get("type");
    if kind.text().is_empty() {
        kind.required(causes, "must specify a metric source type");
    }
    kind.one_of(causes, &kinds);
    let given: Vec<&str> = METRICS
        .iter()
        .map(|(_, field)| *field)
        .filter(|field| metric.get(field).is_set())
        .collect();
    if let Some(first) = given.first() {
        source(causes, first, &metric.get(first));
    }
    let expected = METRICS.iter().find(|(name, _)| *name == kind.text());
    match expected {
        None => kind.one_of(causes, &kinds),
        Some((_, field)) if !metric.get(field).is_set() => {
            let detail = "must populate information for the given metric source";
            metric.get(field).required(causes, detail);
        }
        Some(_) => {}
    }
    if given.len() != 1 {
        let expected = expected.map_or("", |(_, field)| *field);
        for field in given.iter().filter(|field| **field != expected) {
            let detail = "must populate the given metric source only";
            metric.get(field).forbidden(causes, detail);
        }
    }
}

fn source(causes: &mut Causes, kind: &str, at: &At<'_>) {
    let target = at.get("target");
    let (value, average, utilization) = (
        target.get("value").is_set(),
        target.get("averageValue").is_set(),
        target.get("averageUtilization").is_set(),
    );
    match kind {
        "object" => {
            reference(causes, &at.get("describedObject"), Group::Any);
            metric_name(causes, at);
            metric_target(causes, &target);
            if !value && !average {
                let detail = "must set either a target value or averageValue";
                target.get("averageValue").required(causes, detail);
            }
        }
        "external" => {
            metric_name(causes, at);
            metric_target(causes, &target);
            if !value && !average {
                let detail = "must set either a target value for metric or a per-pod target";
                target.get("averageValue").required(causes, detail);
            }
            if value && average {
                let detail = "may not set both a target value for metric and a per-pod target";
                target.get("value").forbidden(causes, detail);
            }
        }
        "pods" => {
            metric_name(causes, at);
            metric_target(causes, &target);
            if !average {
                let detail = "must specify a positive target averageValue";
                target.get("averageValue").required(causes, detail);
            }
        }
        _ => {
            resource_name(causes, kind, at);
            metric_target(causes, &target);
            if !utilization && !average {
                let detail = "must set either a target raw value or a target utilization";
                target.get("averageUtilization").required(causes, detail);
            }
            if utilization && average {
                let detail = "may not set both a target raw value and a target utilization";
                target.get("averageValue").forbidden(causes, detail);
            }
        }
    }
}

fn resource_name(causes: &mut Causes, kind: &str, at: &At<'_>) {
    let name = at.get("name");
    if name.text().is_empty() {
        name.required(causes, "must specify a resource name");
    } else if kind == "containerResource" {
        container_resource_name(causes, name.text(), name.path());
    }
    if kind == "containerResource" {
        let container = at.get("container");
        if container.text().is_empty() {
            container.required(causes, "must specify a container");
        } else {
            container.dns_label(causes);
        }
    }
}

fn metric_name(causes: &mut Causes, at: &At<'_>) {
    let name = at.at(&["metric", "name"]);
    if name.text().is_empty() {
        name.required(causes, "must specify a metric name");
    } else {
        name.path_segment(causes);
    }
}

fn metric_target(causes: &mut Causes, target: &At<'_>) {
    let kind = target.get("type");
    if kind.text().is_empty() {
        kind.required(causes, "must specify a metric target type");
    }
    if !["Utilization", "Value", "AverageValue"].contains(&kind.text()) {
        kind.invalid(causes, "must be either Utilization, Value, or AverageValue");
    }
    for key in ["value", "averageValue"] {
        let amount = target.get(key);
        if amount.quantity().is_some_and(|amount| amount.nanos() <= 0) {
            amount.invalid(causes, "must be positive");
        }
    }
    let utilization = target.get("averageUtilization");
    if utilization.number().is_some_and(|percent| percent < 1) {
        utilization.invalid(causes, "must be greater than 0");
    }
}

fn scaling_rules(causes: &mut Causes, rules: &At<'_>) {
    let window = rules.get("stabilizationWindowSeconds");
    if window.number().is_some_and(|seconds| seconds < 0) {
        window.invalid(causes, "must be greater than or equal to zero");
    }
    if window
        .number()
        .is_some_and(|seconds| seconds > MAX_WINDOW_SECONDS)
    {
        let detail = format!("must be less than or equal to {MAX_WINDOW_SECONDS}");
        window.invalid(causes, &detail);
    }
    rules
        .get("selectPolicy")
        .optional_one_of(causes, &["Disabled", "Max", "Min"]);
    let policies = rules.get("policies");
    if policies.is_empty() {
        policies.required(causes, "must specify at least one Policy");
    }
    for policy in policies.items() {
        policy.get("type").one_of(causes, &["Percent", "Pods"]);
        for key in ["value", "periodSeconds"] {
            let number = policy.get(key).number().unwrap_or(0);
            if number <= 0 {
                let path = policy.child(key);
                causes.push(Cause::invalid(path, number, "must be greater than zero"));
            }
        }
        let period = policy.get("periodSeconds");
        if period
            .number()
            .is_some_and(|seconds| seconds > MAX_PERIOD_SECONDS)
        {
            let detail = format!("must be less than or equal to {MAX_PERIOD_SECONDS}");
            period.invalid(causes, &detail);
        }
    }
    let tolerance = rules.get("tolerance");
    if tolerance
        .quantity()
        .is_some_and(|amount| amount.nanos() < 0)
    {
        tolerance.invalid(causes, "must be greater than or equal to 0");
    }
}
