//! Where a Pod may run: gates, tolerations, spread, classes.

use super::affinity;
use crate::core::status::Cause;
use crate::core::validate::at::{At, Causes};
use std::collections::HashSet;
use trueup_object::{Value, names};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Gates of readiness and of scheduling.
pub(super) fn gates(causes: &mut Causes, spec: &At<'_>) {
    for gate in spec.get("readinessGates").items() {
        gate.get("conditionType").qualified_name(causes);
    }
    let mut seen = HashSet::new();
    for gate in spec.get("schedulingGates").items() {
        let name = gate.get("name").called(gate.path().to_owned());
        name.qualified_name(causes);
        if !seen.insert(name.text()) {
            name.duplicate(causes);
        }
    }
}

pub(in crate::core::validate) fn tolerations(causes: &mut Causes, tolerations: &At<'_>) {
    for toleration in tolerations.items() {
        one_toleration(causes, &toleration);
    }
}

fn one_toleration(causes: &mut Causes, toleration: &At<'_>) {
    let key = toleration.get("key");
    let (operator, effect) = (toleration.get("operator"), toleration.get("effect"));
    if !key.text().is_empty() {
        key.qualified_name(causes);
    } else if operator.text() != "Exists" {
        let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        operator.invalid(causes, detail);
    }
    if toleration.get("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        effect.invalid(causes, detail);
    }
    toleration_operator(causes, &operator, toleration.get("value").text());
    if !effect.text().is_empty() {
        effect.one_of(causes, &EFFECTS);
    }
}

fn toleration_operator(causes: &mut Causes, operator: &At<'_>, value: &str) {
    match operator.text() {
        "" | "Equal" => {
            let errors = names::label_value_errors(value);
            if !errors.is_empty() {
                super::invalid(causes, operator.path(), value, &errors.join(";"));
            }
        }
        "Exists" if value.is_empty() => {}
        "Exists" => {
            let detail = "value must be empty when `operator` is 'Exists'";
            super::invalid(causes, operator.path(), value, detail);
        }
        "Lt" | "Gt" => operator.unsupported(causes, &["Equal", "Exists", "Lt", "Gt"]),
        _ => operator.unsupported(causes, &["Equal", "Exists"]),
    }
}

/// The effect of a taint, which must be one.
pub(in crate::core::validate) fn taint_effect(causes: &mut Causes, effect: &At<'_>) {
    effect.required_one_of(causes, &EFFECTS);
}

/// Constraints on how Pods are spread.
pub(super) fn spread(causes: &mut Causes, constraints: &At<'_>) {
    let all: Vec<At<'_>> = constraints.items().collect();
    for (index, constraint) in all.iter().enumerate() {
        one_spread(causes, constraint, &all[index + 1..]);
    }
}

fn one_spread(causes: &mut Causes, constraint: &At<'_>, later: &[At<'_>]) {
    let skew = constraint.get("maxSkew").number().unwrap_or(0);
    if skew <= 0 {
        let path = constraint.child("maxSkew");
        causes.push(Cause::invalid(path, skew, "must be greater than zero"));
    }
    let topology = constraint.get("topologyKey");
    if topology.text().is_empty() {
        topology.required(causes, "can not be empty");
    }
    let action = constraint.get("whenUnsatisfiable");
    action.one_of(causes, &["DoNotSchedule", "ScheduleAnyway"]);
    let same = |other: &At<'_>| {
        other.get("topologyKey").text() == topology.text()
            && other.get("whenUnsatisfiable").text() == action.text()
    };
    if later.iter().any(same) {
        let shown = format!("\"{{{}, {}}}\"", topology.text(), action.text());
        let path = constraint.child("{topologyKey, whenUnsatisfiable}");
        causes.push(Cause::duplicate(path, shown));
    }
    min_domains(causes, &constraint.get("minDomains"), action.text());
    for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
        let policy = constraint.get(policy);
        policy.optional_one_of(causes, &["Honor", "Ignore"]);
    }
    affinity::label_keys(causes, constraint);
    affinity::label_selector(causes, &constraint.get("labelSelector"));
}

fn min_domains(causes: &mut Causes, domains: &At<'_>, action: &str) {
    let Some(number) = domains.number() else {
        return;
    };
    if number <= 0 {
        domains.invalid(causes, "must be greater than zero");
    }
    if action != "DoNotSchedule" {
        let detail =
            format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
        domains.invalid(causes, &detail);
    }
}

/// Classes of priority and runtime.
pub(super) fn classes(causes: &mut Causes, spec: &At<'_>) {
    spec.get("priorityClassName").optional_subdomain(causes);
    let runtime = spec.get("runtimeClassName");
    if runtime.value().is_some_and(|value| *value != Value::Null) {
        runtime.dns_subdomain(causes);
    }
    let policy = spec.get("preemptionPolicy");
    if policy.is_set() {
        policy.required_one_of(causes, &["PreemptLowerPriority", "Never"]);
    }
}
