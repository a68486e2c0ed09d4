//! What a ReplicaSet wants of its Pods.

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::claim::claim;
use crate::conditions::{Condition, changes, drop_kind, get, set_plain};
use crate::decide::Setting;
use crate::deployment::wanted;
use crate::interest::selector_of;
use crate::note::{ERROR, NAME, Note};
use crate::pods::{is_active, is_ended, pod_of, tally};
use crate::victims::in_order_of_deletion;
use trueup_cluster::LiveObject;
use trueup_object::{Map, Value, value};

const COMPONENT: &str = "replicaset-controller";

/// The most Pods made or deleted in one go.
const BURST: usize = 500;

const REPLICA_FAILURE: &str = "ReplicaFailure";

/// Decides about one ReplicaSet.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let selector = selector_of(live);
    let matches = |pod: &LiveObject| selector.matches(pod.labels());
    let owner = (live, Kind::ReplicaSet);
    let claim = claim(owner, Kind::Pod, cache, is_active, matches);
    if !claim.actions.is_empty() {
        return Decision {
            actions: claim.actions,
            wake_at: None,
        };
    }
    let pods = claim.owned;
    let mut decision = Decision::nothing();
    if live.deletion_timestamp().is_none() {
        decision.actions = balance(live, &pods, cache, setting);
    }
    let terminating = cache
        .controlled_by(live.uid(), Kind::Pod)
        .filter(|pod| pod.deletion_timestamp().is_some() && !is_ended(pod.value()))
        .filter(|pod| matches(pod))
        .count();
    let status = match failure_of(live, counted(&pods), setting) {
        Some(conditions) => conditions,
        None => status_of(live, &pods, terminating, setting, &mut decision),
    };
    if let Some(status) = changes(live.value().get("status"), &status) {
        decision.actions.push(Action::merge_status(live, status));
    }
    decision
}

fn status_of(
    live: &LiveObject,
    pods: &[&LiveObject],
    terminating: usize,
    setting: &Setting,
    decision: &mut Decision,
) -> Value {
    let min_ready_s = live.value().i64_at(&["spec", "minReadySeconds"]);
    let counts = tally(pods.iter().copied(), min_ready_s.unwrap_or(0), setting.now);
    decision.wake(counts.next);
    let labels = live.value().at(&["spec", "template", "metadata", "labels"]);
    let labels = labels.and_then(Value::as_map).cloned().unwrap_or_default();
    let labelled = pods.iter().filter(|pod| has_labels(pod, &labels)).count();
    let mut status = value!({
        "observedGeneration": (live.generation()),
        "replicas": (counts.total),
        "fullyLabeledReplicas": (i64::try_from(labelled).unwrap_or(i64::MAX)),
        "readyReplicas": (counts.ready),
        "availableReplicas": (counts.available),
        "terminatingReplicas": (i64::try_from(terminating).unwrap_or(i64::MAX)),
    });
    let mut conditions = conditions_of(live);
    if setting.failure.is_none() && get(&conditions, REPLICA_FAILURE).is_some() {
        drop_kind(&mut conditions, REPLICA_FAILURE);
        let empty = conditions.is_empty();
        let conditions = if empty {
            Value::Null
        } else {
            conditions.into()
        };
        status.set_at(&["conditions"], conditions);
    }
    status
}

fn counted(pods: &[&LiveObject]) -> i64 {
    i64::try_from(pods.len()).unwrap_or(i64::MAX)
}

fn has_labels(pod: &LiveObject, labels: &Map) -> bool {
    labels
        .iter()
        .all(|(key, value)| pod.labels().get(key) == Some(value))
}

fn conditions_of(live: &LiveObject) -> Vec<Value> {
    let conditions = live.value().at(&["status", "conditions"]);
    let conditions = conditions.and_then(Value::as_list);
    conditions.map(<[Value]>::to_vec).unwrap_or_default()
}

/// The status that tells, before anything is counted anew, that Pods can't be
/// made or deleted; `None` when that is told or not so.
fn failure_of(live: &LiveObject, total: i64, setting: &Setting) -> Option<Value> {
    let error = setting.failure.as_ref()?;
    let mut conditions = conditions_of(live);
    if get(&conditions, REPLICA_FAILURE).is_some() || total == wanted(live) {
        return None;
    }
    let few = total < wanted(live);
    let failure = Condition {
        kind: REPLICA_FAILURE,
        status: "True",
        reason: if few { "FailedCreate" } else { "FailedDelete" },
        message: error,
    };
    set_plain(&mut conditions, &failure, setting.now);
    Some(value!({"observedGeneration": (live.generation()), "conditions": conditions}))
}

fn balance(
    live: &LiveObject,
    pods: &[&LiveObject],
    cache: &Cache,
    setting: &Setting,
) -> Vec<Action> {
    let target = usize::try_from(wanted(live)).unwrap_or(0);
    if pods.len() > target {
        let related = related_pods(live, cache);
        return in_order_of_deletion(pods, &related, setting.now)
            .into_iter()
            .take((pods.len() - target).min(BURST))
            .map(|pod| deletion(live, pod))
            .collect();
    }
    let missing = (target - pods.len()).min(BURST);
    if missing == 0 {
        return Vec::new();
    }
    vec![Action::SlowStart(vec![creation(live); missing])]
}

/// The Pods of all ReplicaSets that the same controller has.
fn related_pods<'a>(live: &LiveObject, cache: &'a Cache) -> Vec<&'a LiveObject> {
    let owner = cache.controller_of(live).and_then(|key| cache.get(key));
    let siblings: Vec<&LiveObject> = match owner {
        Some(owner) => cache.controlled_by(owner.uid(), Kind::ReplicaSet).collect(),
        None => Vec::new(),
    };
    let own = cache.controlled_by(live.uid(), Kind::Pod);
    let others = siblings
        .into_iter()
        .filter(|set| set.uid() != live.uid())
        .flat_map(|set| cache.controlled_by(set.uid(), Kind::Pod));
    own.chain(others).collect()
}

fn creation(live: &LiveObject) -> Action {
    let template = live.value().at(&["spec", "template"]);
    let template = template.cloned().unwrap_or_default();
    let mut pod = pod_of(live, Kind::ReplicaSet, &template, None);
    pod.set_at(
        &["metadata", "generateName"],
        Value::from(format!("{}-", live.name())),
    );
    let done = format!("Created pod: {NAME}");
    let failed = format!("Error creating: {ERROR}");
    Action::Create(pod).told_either(
        Note::normal(COMPONENT, live, "SuccessfulCreate", done),
        Note::warning(COMPONENT, live, "FailedCreate", failed),
    )
}

fn deletion(live: &LiveObject, pod: &LiveObject) -> Action {
    let done = format!("Deleted pod: {}", pod.name());
    let failed = format!("Error deleting: {ERROR}");
    Action::delete(pod).told_either(
        Note::normal(COMPONENT, live, "SuccessfulDelete", done),
        Note::warning(COMPONENT, live, "FailedDelete", failed),
    )
}
