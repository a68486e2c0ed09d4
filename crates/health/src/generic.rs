//! What every object can say of itself.

use crate::rules::{self, condition};
use crate::{Health, HealthStatus};
use trueup_object::{GroupVersionKind, Value};

/// The whole judgement; `age_seconds` is the object's age where it is known.
pub(crate) fn assess(object: &Value, age_seconds: Option<i64>) -> Health {
    if let Some(health) = common(object) {
        return health;
    }
    let kind = GroupVersionKind::of(object);
    let by_kind =
        kind.and_then(|kind| rules::by_kind(&kind.group, &kind.kind, object, age_seconds));
    by_kind.unwrap_or_else(|| by_ready(object))
}

/// Deletion, observed generation, and the two conditions that decide alone.
fn common(object: &Value) -> Option<Health> {
    of_every_kind(object).or_else(|| deciding_condition(object))
}

/// Deletion and observed generation, which hold whatever a kind says of
/// itself.
pub(crate) fn of_every_kind(object: &Value) -> Option<Health> {
    if object
        .str_at(&["metadata", "deletionTimestamp"])
        .is_some_and(|at| !at.is_empty())
    {
        return Some(Health::new(
            HealthStatus::Terminating,
            "Resource scheduled for deletion",
        ));
    }
    unobserved(object)
}

fn deciding_condition(object: &Value) -> Option<Health> {
    // The first of the two in the list decides, as in kstatus.
    let conditions = object
        .at(&["status", "conditions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    conditions
        .iter()
        .filter(|it| it.str_at(&["status"]) == Some("True"))
        .find_map(|it| {
            let status = match it.str_at(&["type"])? {
                "Reconciling" => HealthStatus::InProgress,
                "Stalled" => HealthStatus::Failed,
                _ => return None,
            };
            Some(Health::new(status, it.str_at(&["message"]).unwrap_or("")))
        })
}

fn unobserved(object: &Value) -> Option<Health> {
    let generation = object.i64_at(&["metadata", "generation"])?;
    let observed = object.i64_at(&["status", "observedGeneration"])?;
    if observed == generation {
        return None;
    }
    let kind = object.str_at(&["kind"]).unwrap_or("");
    let message =
        format!("{kind} generation is {generation}, but latest observed generation is {observed}");
    Some(Health::new(HealthStatus::InProgress, message))
}

/// Objects of kinds without a rule: by `Ready` if they have it, else they
/// count as they should be.
fn by_ready(object: &Value) -> Health {
    let Some(ready) = condition(object, "Ready") else {
        return Health::new(HealthStatus::Current, "Resource is current");
    };
    match ready.str_at(&["status"]) {
        Some("True") => Health::new(HealthStatus::Current, "Resource is Ready"),
        _ => Health::new(
            HealthStatus::InProgress,
            ready.str_at(&["message"]).unwrap_or(""),
        ),
    }
}
