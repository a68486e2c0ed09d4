//! ClusterRoles whose rules are gathered from others by label.

use super::actor::Actor;
use crate::core::{GroupResource, Stored};
use std::sync::Arc;
use trueup_object::{Map, Value, value};

const GROUP: &str = "rbac.authorization.k8s.io";
const MANAGER: &str = "clusterrole-aggregation-controller";

/// Brings the rules of all aggregated roles up to date.
pub fn run(actor: &Actor<'_>) {
    let resource = GroupResource {
        group: GROUP.into(),
        plural: "clusterroles".into(),
    };
    let roles = actor.core.store().list(&resource, "").objects;
    for role in &roles {
        let Some(selectors) = role
            .value()
            .at(&["aggregationRule", "clusterRoleSelectors"])
        else {
            continue;
        };
        let rules = gather(&roles, role, selectors.as_list().unwrap_or_default());
        let before = role
            .value()
            .get("rules")
            .and_then(Value::as_list)
            .unwrap_or_default();
        if before != rules {
            apply(actor, role, rules);
        }
    }
}

fn gather(roles: &[Arc<Stored>], of: &Stored, selectors: &[Value]) -> Vec<Value> {
    let mut rules: Vec<Value> = Vec::new();
    for selector in selectors {
        let chosen = roles
            .iter()
            .filter(|role| role.key != of.key && matches(role, selector));
        for rule in chosen.flat_map(|role| {
            role.value()
                .get("rules")
                .and_then(Value::as_list)
                .unwrap_or_default()
        }) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    rules
}

fn matches(role: &Stored, selector: &Value) -> bool {
    let labels = role
        .value()
        .at(&["metadata", "labels"])
        .and_then(Value::as_map)
        .cloned()
        .unwrap_or_else(Map::new);
    trueup_object::Selector::from_label_selector(Some(selector))
        .is_ok_and(|selector| selector.matches(&labels))
}

fn apply(actor: &Actor<'_>, role: &Stored, rules: Vec<Value>) {
    let name = role.key.name.as_str();
    let object = value!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules
    });
    let target = format!("/apis/{GROUP}/v1/clusterroles/{name}?fieldManager={MANAGER}&force=true");
    actor.done(
        "apply",
        &target,
        actor.send(
            "PATCH",
            &target,
            Some(("application/apply-patch+yaml", &object)),
        ),
    );
}
