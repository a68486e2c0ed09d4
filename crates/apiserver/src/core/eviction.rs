//! Evicting a Pod: a deletion that a disruption budget may hold up.

use super::change::change;
use super::options::{DeleteOptions, Keep, WriteOptions};
use super::outcome::{Answer, Outcome};
use super::prepare::Target;
use super::request::{Identity, Operation};
use super::status::{ApiError, Cause, Details};
use super::store::Stored;
use super::write::Call;
use super::{Core, GroupResource, admission, body, delete, read};
use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;
use trueup_object::{Map, Selector, Text, Value, to_json, value};

const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";
const SEVERAL: &str = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
/// When to ask again, where only time is missing.
const RETRY_S: i64 = 10;
/// Evictions that a budget's controller has not confirmed.
const MAX_DISRUPTED: usize = 2000;
/// How often a budget is read again when another write came between.
const MAX_ATTEMPTS: usize = 20;

/// What is asked.
struct Eviction<'a> {
    core: &'a Core,
    operation: &'a Operation,
    identity: &'a Identity,
    now: Timestamp,
    /// Options of the deletion, as they were sent.
    options: Value,
    keep: Keep,
}

/// POST of an eviction.
pub(super) fn evict(
    core: &Core,
    operation: &Operation,
    identity: &Identity,
    now: Timestamp,
) -> Result<Answer, ApiError> {
    let sent = body::read_object(operation, "Eviction")?.value;
    if sent.str_at(&["metadata", "name"]).unwrap_or_default() != operation.name {
        return Err(ApiError::bad_request(
            "name in URL does not match name in Eviction object",
        ));
    }
    let options = sent
        .get("deleteOptions")
        .cloned()
        .unwrap_or_else(Value::map);
    let inner = options.get("dryRun").and_then(Value::as_list);
    let dry = WriteOptions::read(operation)?.keep == Keep::DryRun
        || inner.is_some_and(|list| !list.is_empty());
    let keep = if dry { Keep::DryRun } else { Keep::Yes };
    let eviction = Eviction {
        core,
        operation,
        identity,
        now,
        options,
        keep,
    };
    let pod = read::find(core.store(), operation)?;
    if is_disrupted_already(pod.value()) {
        let counts = pod.value().str_at(&["status", "phase"]) == Some("Pending");
        eviction.delete(counts.then_some(&pod))?;
        return Ok(success(operation));
    }
    match eviction.budgets(&pod).as_slice() {
        [] => eviction.delete(None)?,
        [budget] if stands_unhealthy(budget.value(), pod.value()) => {
            eviction
                .delete(Some(&pod))
                .map_err(|error| match error.code {
                    409 if eviction.sent_version().is_none() => still_processed(&budget.key.name),
                    _ => error,
                })?;
        }
        [budget] => {
            eviction.count(&budget.key.name)?;
            eviction.delete(None)?;
        }
        _ => return Ok(several(operation)),
    }
    Ok(success(operation))
}

/// A Pod that has ended, has not begun, or is going anyway is guarded by no
/// budget.
fn is_disrupted_already(pod: &Value) -> bool {
    let phase = pod.str_at(&["status", "phase"]).unwrap_or_default();
    matches!(phase, "Succeeded" | "Failed" | "Pending")
        || pod.at(&["metadata", "deletionTimestamp"]).is_some()
}

/// Whether a Pod that is not ready may go without being counted.
fn stands_unhealthy(budget: &Value, pod: &Value) -> bool {
    let listed = pod.at(&["status", "conditions"]).and_then(Value::as_list);
    let ready = listed.unwrap_or_default().iter().any(|condition| {
        condition.str_at(&["type"]) == Some("Ready")
            && condition.str_at(&["status"]) == Some("True")
    });
    let always = budget.str_at(&["spec", "unhealthyPodEvictionPolicy"]) == Some("AlwaysAllow");
    let (current, desired) = (
        status(budget, "currentHealthy"),
        status(budget, "desiredHealthy"),
    );
    !ready && (always || (current >= desired && desired > 0))
}

fn status(budget: &Value, key: &str) -> i64 {
    budget.i64_at(&["status", key]).unwrap_or_default()
}

impl Eviction<'_> {
    /// The budgets that select a Pod.
    fn budgets(&self, pod: &Stored) -> Vec<Arc<Stored>> {
        let labels = pod
            .value()
            .at(&["metadata", "labels"])
            .and_then(Value::as_map);
        let labels = labels.cloned().unwrap_or_else(Map::new);
        let all = self
            .core
            .store()
            .list(&budgets(), &self.operation.namespace)
            .objects;
        let selects = |budget: &Arc<Stored>| {
            Selector::from_label_selector(budget.value().at(&["spec", "selector"]))
                .is_ok_and(|selector| selector.matches(&labels))
        };
        all.into_iter().filter(selects).collect()
    }

    fn sent_version(&self) -> Option<&str> {
        self.options.str_at(&["preconditions", "resourceVersion"])
    }

    /// Counts the eviction against a budget, or says why it may not be.
    fn count(&self, name: &str) -> Result<(), ApiError> {
        for _ in 0..MAX_ATTEMPTS {
            let budget = self
                .core
                .store()
                .get(&budgets(), &self.operation.namespace, name)
                .ok_or_else(|| ApiError::not_found("policy", "poddisruptionbudgets", name))?;
            refuse(budget.value())?;
            if self.keep == Keep::DryRun {
                return Ok(());
            }
            match self.decrement(&budget) {
                Err(error) if error.code == 409 => {}
                outcome => return outcome,
            }
        }
        let message = format!("couldn't update PodDisruptionBudget {name:?} due to conflicts");
        Err(
            ApiError::new(504, "Timeout", format!("Timeout: {message}")).with_details(Details {
                retry_after_seconds: Some(RETRY_S),
                ..Details::default()
            }),
        )
    }

    fn decrement(&self, budget: &Stored) -> Result<(), ApiError> {
        let object = budget.value();
        let allowed = status(object, "disruptionsAllowed") - 1;
        let mut patch = value!({"metadata": {"resourceVersion": (budget.revision.to_string())}});
        patch.set_at(&["status", "disruptionsAllowed"], allowed.into());
        let time = super::time_text(self.now);
        patch.set_at(
            &["status", "disruptedPods", &self.operation.name],
            time.clone().into(),
        );
        if allowed == 0 {
            patch.set_at(&["status", "conditions"], insufficient(object, time).into());
        }
        let key = &budget.key;
        let target = format!(
            "/apis/policy/v1/namespaces/{}/poddisruptionbudgets/{}/status",
            key.namespace, key.name
        );
        let call = Call::new(self.core, self.operation, self.identity, self.now)?;
        admission::write_status(&call, &target, &patch).map(drop)
    }

    /// Marks the Pod and deletes it, only as it was seen if that matters.
    fn delete(&self, seen: Option<&Arc<Stored>>) -> Result<(), ApiError> {
        let mut options = self.options.clone();
        if let Some(seen) = seen.filter(|_| self.sent_version().is_none()) {
            let version = seen.revision.to_string();
            options.set_at(&["preconditions", "resourceVersion"], version.into());
        }
        if self.keep == Keep::Yes {
            let marked = self.mark(&options)?;
            if options.at(&["preconditions", "resourceVersion"]).is_some() {
                options.set_at(&["preconditions", "resourceVersion"], marked.into());
            }
        } else {
            options.set_at(&["dryRun"], value!(["All"]));
        }
        if options.get("kind").is_none() {
            options.set_at(&["kind"], "DeleteOptions".into());
            options.set_at(&["apiVersion"], "v1".into());
        }
        let mut operation = self.operation.clone();
        operation.subresource = None;
        operation.body = Bytes::from(to_json(&options));
        operation.content_type = "application/json".into();
        delete::delete(self.core, &operation, self.identity, self.now).map(drop)
    }

    /// Says on the Pod why it goes; returns its version afterwards.
    fn mark(&self, options: &Value) -> Result<String, ApiError> {
        let wanted = |key| options.str_at(&["preconditions", key]).map(Text::from);
        let mut preconditions = DeleteOptions::plain();
        preconditions.uid = wanted("uid");
        preconditions.resource_version = wanted("resourceVersion");
        let call = Call {
            target: Target::Status,
            ..Call::new(self.core, self.operation, self.identity, self.now)?
        };
        let answer = change(call, |call, live, seen| {
            delete::check_preconditions(call, live, &preconditions)?;
            let mut new = seen.clone();
            mark_disrupted(&mut new, &call.time());
            Ok(new)
        })?;
        Ok(match answer.outcome {
            Outcome::Object { object, .. } => object
                .value()
                .str_at(&["metadata", "resourceVersion"])
                .unwrap_or_default()
                .to_owned(),
            _ => String::new(),
        })
    }
}

/// Sets the condition that tells of the eviction.
fn mark_disrupted(pod: &mut Value, time: &Text) {
    let listed = pod.at(&["status", "conditions"]).and_then(Value::as_list);
    let mut conditions = listed.unwrap_or_default().to_vec();
    let mut condition = value!({
        "type": "DisruptionTarget", "status": "True", "lastProbeTime": null,
        "lastTransitionTime": (time.clone()),
        "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
    });
    let place = conditions
        .iter_mut()
        .find(|it| it.str_at(&["type"]) == Some("DisruptionTarget"));
    match place {
        Some(place) => {
            if place.str_at(&["status"]) == Some("True")
                && let Some(since) = place.get("lastTransitionTime").cloned()
            {
                condition.set_at(&["lastTransitionTime"], since);
            }
            *place = condition;
        }
        None => conditions.push(condition),
    }
    pod.set_at(&["status", "conditions"], conditions.into());
}

fn budgets() -> GroupResource {
    GroupResource {
        group: "policy".into(),
        plural: "poddisruptionbudgets".into(),
    }
}

/// Refuses where a budget allows no disruption.
fn refuse(budget: &Value) -> Result<(), ApiError> {
    let name = budget.str_at(&["metadata", "name"]).unwrap_or_default();
    let generation = budget
        .i64_at(&["metadata", "generation"])
        .unwrap_or_default();
    if status(budget, "observedGeneration") < generation {
        return Err(still_processed(name));
    }
    let forbidden = |why| ApiError::forbidden("policy", "poddisruptionbudget", name, why);
    let allowed = status(budget, "disruptionsAllowed");
    if allowed < 0 {
        return Err(forbidden("pdb disruptions allowed is negative"));
    }
    let disrupted = budget
        .at(&["status", "disruptedPods"])
        .and_then(Value::as_map);
    if disrupted.is_some_and(|map| map.len() > MAX_DISRUPTED) {
        return Err(forbidden(
            "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
        ));
    }
    if allowed == 0 {
        return Err(too_many(why_none(budget, name), None));
    }
    Ok(())
}

/// Why a budget allows nothing.
fn why_none(budget: &Value, name: &str) -> String {
    let listed = budget
        .at(&["status", "conditions"])
        .and_then(Value::as_list);
    let told = listed.unwrap_or_default().iter().find(|condition| {
        condition.str_at(&["type"]) == Some("DisruptionAllowed")
            && condition.str_at(&["status"]) == Some("False")
            && !condition
                .str_at(&["message"])
                .unwrap_or_default()
                .is_empty()
    });
    let text = |key| told.and_then(|it| it.str_at(&[key])).unwrap_or_default();
    let (desired, current) = (
        status(budget, "desiredHealthy"),
        status(budget, "currentHealthy"),
    );
    if told.is_some() && text("reason") == "SyncFailed" {
        format!(
            "The disruption budget {name} does not allow evicting pods currently because it failed sync: {}",
            text("message")
        )
    } else if current <= desired {
        format!(
            "The disruption budget {name} needs {desired} healthy pods and has {current} currently"
        )
    } else if told.is_some() {
        format!(
            "The disruption budget {name} does not allow evicting pods currently ({}): {}",
            text("reason"),
            text("message")
        )
    } else {
        format!("The disruption budget {name} does not allow evicting pods currently")
    }
}

fn still_processed(name: &str) -> ApiError {
    let why = format!("The disruption budget {name} is still being processed by the server.");
    too_many(why, Some(RETRY_S))
}

fn too_many(why: String, retry_after_seconds: Option<i64>) -> ApiError {
    ApiError::new(429, "TooManyRequests", REFUSED).with_details(Details {
        causes: vec![Cause::new("DisruptionBudget", "", why)],
        retry_after_seconds,
        ..Details::default()
    })
}

/// The conditions of a budget that has just run out.
fn insufficient(budget: &Value, time: Text) -> Vec<Value> {
    let listed = budget
        .at(&["status", "conditions"])
        .and_then(Value::as_list);
    let mut conditions = listed.unwrap_or_default().to_vec();
    let generation = budget
        .i64_at(&["metadata", "generation"])
        .unwrap_or_default();
    let condition = value!({
        "type": "DisruptionAllowed", "status": "False", "observedGeneration": generation,
        "lastTransitionTime": time, "reason": "InsufficientPods", "message": "",
    });
    match conditions
        .iter_mut()
        .find(|it| it.str_at(&["type"]) == Some("DisruptionAllowed"))
    {
        Some(place) => *place = condition,
        None => conditions.push(condition),
    }
    conditions
}

fn success(operation: &Operation) -> Answer {
    told(
        operation,
        value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
    )
}

/// An error, but one that names no reason.
fn several(operation: &Operation) -> Answer {
    let value = value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": SEVERAL, "code": 500});
    Answer {
        code: 500,
        ..told(operation, value)
    }
}

fn told(operation: &Operation, value: Value) -> Answer {
    let outcome = Outcome::Other {
        subresource: operation.subresource.clone(),
        value,
    };
    Answer {
        code: 201,
        warnings: Vec::new(),
        outcome,
        revision: 0,
    }
}
