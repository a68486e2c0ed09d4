//! Which objects a quota is about, by its scopes.

use super::evaluator::{Evaluator, is_best_effort, is_terminating};
use trueup_object::Value;

/// Whether an object is in all scopes of a quota.
pub(super) fn hold(evaluator: &Evaluator, quota: &Value, object: &Value) -> bool {
    let scopes = quota
        .at(&["spec", "scopes"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let selected = quota
        .at(&["spec", "scopeSelector", "matchExpressions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let in_scope = |scope: Option<&str>, expression: Option<&Value>| match evaluator {
        Evaluator::Pods => pod_is_in(scope.unwrap_or_default(), expression, object),
        Evaluator::Claims => claim_is_in(scope.unwrap_or_default(), expression, object),
        Evaluator::Services | Evaluator::Objects(_) => false,
    };
    scopes.iter().all(|scope| in_scope(scope.as_str(), None))
        && selected
            .iter()
            .all(|expression| in_scope(expression.str_at(&["scopeName"]), Some(expression)))
}

fn pod_is_in(scope: &str, expression: Option<&Value>, pod: &Value) -> bool {
    match scope {
        "Terminating" => is_terminating(pod),
        "NotTerminating" => !is_terminating(pod),
        "BestEffort" => is_best_effort(pod),
        "NotBestEffort" => !is_best_effort(pod),
        "PriorityClass" => {
            let class = pod
                .str_at(&["spec", "priorityClassName"])
                .filter(|it| !it.is_empty());
            is_selected(expression, class.as_slice())
        }
        "CrossNamespacePodAffinity" => looks_across(pod),
        _ => false,
    }
}

fn claim_is_in(scope: &str, expression: Option<&Value>, claim: &Value) -> bool {
    let paths: [&[&str]; 3] = [
        &["spec", "volumeAttributesClassName"],
        &["status", "currentVolumeAttributesClassName"],
        &[
            "status",
            "modifyVolumeStatus",
            "targetVolumeAttributesClassName",
        ],
    ];
    let names: Vec<&str> = paths
        .iter()
        .filter_map(|path| claim.str_at(path))
        .filter(|name| !name.is_empty())
        .collect();
    scope == "VolumeAttributesClass" && is_selected(expression, &names)
}

/// Whether one of the names, or that there is none, satisfies an expression.
fn is_selected(expression: Option<&Value>, names: &[&str]) -> bool {
    let operator = expression
        .and_then(|it| it.str_at(&["operator"]))
        .unwrap_or("Exists");
    let values = expression
        .and_then(|it| it.get("values")?.as_list())
        .unwrap_or_default();
    let listed = |name: &str| values.iter().any(|value| value.as_str() == Some(name));
    match operator {
        "In" => names.iter().any(|name| listed(name)),
        "NotIn" => names.is_empty() || names.iter().any(|name| !listed(name)),
        "DoesNotExist" => names.is_empty(),
        _ => !names.is_empty(),
    }
}

/// Whether a Pod's affinity looks into other namespaces.
fn looks_across(pod: &Value) -> bool {
    let looks = |term: &Value| {
        let named = term.get("namespaces").and_then(Value::as_list);
        named.is_some_and(|names| !names.is_empty()) || term.get("namespaceSelector").is_some()
    };
    ["podAffinity", "podAntiAffinity"].iter().any(|affinity| {
        let terms = |key| {
            pod.at(&["spec", "affinity", affinity, key])
                .and_then(Value::as_list)
                .unwrap_or_default()
        };
        terms("requiredDuringSchedulingIgnoredDuringExecution")
            .iter()
            .any(looks)
            || terms("preferredDuringSchedulingIgnoredDuringExecution")
                .iter()
                .filter_map(|weighted| weighted.get("podAffinityTerm"))
                .any(looks)
    })
}
