//! How many Pods a Job wants at a time, and which.

use super::backoff::{index_waits_until, waits_until};
use super::facts::{
    Facts, INDEX, INDEX_FAILURES, INDEX_IGNORED, TRACKING, as_i64, index_of, is_tracked, number,
};
use super::release;
use crate::action::Action;
use crate::cache::Kind;
use crate::decide::Setting;
use crate::note::{ERROR, NAME, Note};
use crate::pods::{is_active, is_ready, pod_of};
use crate::victims::in_order_of_deletion;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value, value};

pub(super) const COMPONENT: &str = "job-controller";
/// The most Pods made or deleted in one go.
const BURST: usize = 500;
/// The environment variable that holds the index.
const INDEX_VARIABLE: &str = "JOB_COMPLETION_INDEX";
/// How long the part of a name before the random characters may be.
const MAX_PREFIX: usize = 58;

/// What is done to the Pods, and what is then there.
#[derive(Debug, Default)]
pub(super) struct Balance {
    pub actions: Vec<Action>,
    pub active: i64,
    pub ready: i64,
    pub terminating: i64,
    pub wake_at: Option<Timestamp>,
}

impl Balance {
    /// The Pods as they are.
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let active: Vec<_> = facts.pods.iter().filter(|pod| is_active(pod)).collect();
        let ready = active.iter().filter(|pod| is_ready(pod.value())).count();
        let ending = |pod: &&&LiveObject| {
            pod.deletion_timestamp().is_some() && !crate::pods::is_ended(pod.value())
        };
        Self {
            active: as_i64(active.len()),
            ready: as_i64(ready),
            terminating: as_i64(facts.pods.iter().filter(ending).count()),
            ..Self::default()
        }
    }

    /// Deletes Pods; those still to be counted stay until they are.
    pub(super) fn delete(&mut self, facts: &Facts<'_>, pods: &[&LiveObject]) {
        for pod in pods {
            self.actions.push(told_deletion(facts.live, pod));
            self.leave(pod);
        }
    }

    /// Deletes Pods that are too many: they need not be counted.
    fn drop_surplus(&mut self, facts: &Facts<'_>, pods: &[&LiveObject]) {
        for pod in pods {
            let mut actions: Vec<Action> = release(pod).into_iter().collect();
            actions.push(told_deletion(facts.live, pod));
            self.actions.push(Action::InOrder(actions));
            self.leave(pod);
        }
    }

    fn leave(&mut self, pod: &LiveObject) {
        self.active -= 1;
        self.terminating += 1;
        self.ready -= i64::from(is_ready(pod.value()));
    }
}

/// The Pods of a Job that has ended: the active ones go.
pub(super) fn wind_down(facts: &Facts<'_>) -> Balance {
    let mut balance = Balance::of(facts);
    let active: Vec<&LiveObject> = facts
        .pods
        .iter()
        .copied()
        .filter(|pod| is_active(pod))
        .collect();
    balance.delete(facts, &active);
    balance
}

/// The Pods of a Job that goes on.
pub(super) fn balance(facts: &Facts<'_>, setting: &Setting) -> Balance {
    let mut balance = Balance::of(facts);
    let wanted = if facts.is_suspended() {
        0
    } else {
        wanted(facts, balance.active)
    };
    let surplus = usize::try_from(balance.active - wanted).unwrap_or(0);
    let removed = removals(facts, surplus);
    if !removed.is_empty() || facts.is_suspended() {
        balance.drop_surplus(facts, &removed[..removed.len().min(BURST)]);
        return balance;
    }
    let ending = if facts.replaces_failed_only() {
        balance.terminating
    } else {
        0
    };
    let missing = usize::try_from(wanted - ending - balance.active)
        .unwrap_or(0)
        .min(BURST);
    if missing > 0 {
        create(facts, setting, missing, &mut balance);
    }
    balance
}

/// How many Pods are to be active.
fn wanted(facts: &Facts<'_>, active: i64) -> i64 {
    let parallelism = facts.wanted("parallelism").unwrap_or(1);
    match facts.wanted("completions") {
        None if facts.successes() > 0 => active,
        None => parallelism,
        Some(completions) => (completions - facts.successes()).clamp(0, parallelism.max(0)),
    }
}

/// The active Pods that go: those without a place of their own, then as many
/// as are too many.
fn removals<'a>(facts: &Facts<'a>, surplus: usize) -> Vec<&'a LiveObject> {
    let active: Vec<&LiveObject> = facts
        .pods
        .iter()
        .copied()
        .filter(|pod| is_active(pod))
        .collect();
    let order = |pods: Vec<&'a LiveObject>| in_order_of_deletion(&pods, &facts.pods, facts.now);
    if !facts.is_indexed() {
        let mut removed = order(active);
        removed.truncate(surplus);
        return removed;
    }
    let mut by_index: BTreeMap<Option<i64>, Vec<&LiveObject>> = BTreeMap::new();
    for pod in active {
        by_index
            .entry(facts.valid_index(pod))
            .or_default()
            .push(pod);
    }
    let (mut removed, mut left) = (Vec::new(), Vec::new());
    for (index, pods) in by_index {
        let mut pods = order(pods);
        left.extend(index.and_then(|_| pods.pop()));
        removed.extend(pods);
    }
    if removed.len() < surplus {
        removed.extend(order(left).into_iter().take(surplus - removed.len()));
    }
    removed
}

fn create(facts: &Facts<'_>, setting: &Setting, missing: usize, balance: &mut Balance) {
    if facts.index_limit().is_none()
        && let Some(until) = waits_until(facts)
    {
        balance.wake_at = Some(until);
        return;
    }
    let pods: Vec<Value> = if facts.is_indexed() {
        let failed = last_failed(facts);
        let pending = pending_indexes(facts, missing);
        let wait = |index: &i64| index_waits_until(facts, failed.get(index)?);
        let (waiting, ready): (Vec<i64>, Vec<i64>) =
            pending.into_iter().partition(|index| wait(index).is_some());
        if ready.is_empty() {
            balance.wake_at = waiting.iter().filter_map(wait).min();
        }
        ready
            .into_iter()
            .map(|index| indexed_pod(facts, setting, index, failed.get(&index).copied()))
            .collect()
    } else {
        vec![pod(facts, setting); missing]
    };
    if pods.is_empty() {
        return;
    }
    balance.active += as_i64(pods.len());
    let creations = pods.into_iter().map(|pod| told_creation(facts.live, pod));
    balance.actions.push(Action::SlowStart(creations.collect()));
}

/// The lowest indexes that nobody works on.
fn pending_indexes(facts: &Facts<'_>, count: usize) -> Vec<i64> {
    let succeeded = facts.succeeded_indexes();
    let failed = facts.failed_indexes().unwrap_or_default();
    let waits = facts.replaces_failed_only();
    let taken: BTreeSet<i64> = facts
        .pods
        .iter()
        .filter(|pod| {
            let ending = pod.deletion_timestamp().is_some() && !crate::pods::is_ended(pod.value());
            is_active(pod) || (waits && ending)
        })
        .filter_map(|pod| index_of(pod))
        .collect();
    (0..facts.completions())
        .filter(|index| !succeeded.has(*index) && !failed.has(*index) && !taken.contains(index))
        .take(count)
        .collect()
}

/// By index, the failed Pod that its successor takes the count of failures
/// from: it is kept until then. None where indexes have no limit.
pub(super) fn last_failed<'a>(facts: &Facts<'a>) -> BTreeMap<i64, &'a LiveObject> {
    let mut last: BTreeMap<i64, &LiveObject> = BTreeMap::new();
    if facts.index_limit().is_none() {
        return last;
    }
    let succeeded = facts.succeeded_indexes();
    let failed = facts.failed_indexes().unwrap_or_default();
    let active: BTreeSet<i64> = facts
        .pods
        .iter()
        .filter(|pod| is_active(pod))
        .filter_map(|pod| index_of(pod))
        .collect();
    for pod in facts
        .pods
        .iter()
        .filter(|pod| is_tracked(pod) && facts.is_failed(pod))
    {
        let Some(index) = facts.valid_index(pod) else {
            continue;
        };
        if succeeded.has(index) || failed.has(index) || active.contains(&index) {
            continue;
        }
        let failures = |pod: &LiveObject| number(pod, INDEX_FAILURES) + number(pod, INDEX_IGNORED);
        let known = last.entry(index).or_insert(pod);
        if failures(known) <= failures(pod) {
            *known = pod;
        }
    }
    last
}

fn pod(facts: &Facts<'_>, setting: &Setting) -> Value {
    let live = facts.live;
    let template = facts
        .job()
        .at(&["spec", "template"])
        .cloned()
        .unwrap_or_default();
    let mut pod = pod_of(live, Kind::Job, &template, setting.node_for_new_pods());
    pod.set_at(
        &["metadata", "generateName"],
        format!("{}-", live.name()).into(),
    );
    let kept = pod.at(&["metadata", "finalizers"]).and_then(Value::as_list);
    let mut finalizers = kept.unwrap_or_default().to_vec();
    if !finalizers
        .iter()
        .any(|name| name.as_str() == Some(TRACKING))
    {
        finalizers.push(TRACKING.into());
    }
    pod.set_at(&["metadata", "finalizers"], finalizers.into());
    pod
}

/// The Pod of an index, after one that has failed if there was one.
fn indexed_pod(
    facts: &Facts<'_>,
    setting: &Setting,
    index: i64,
    failed: Option<&LiveObject>,
) -> Value {
    let mut pod = pod(facts, setting);
    let name = facts.live.name();
    for list in ["initContainers", "containers"] {
        if let Some(containers) = pod.at(&["spec", list]).and_then(Value::as_list) {
            let containers: Value = containers.iter().map(with_index).collect();
            pod.set_at(&["spec", list], containers);
        }
    }
    let text = Text::from(index.to_string());
    pod.set_at(&["metadata", "annotations", INDEX], text.clone().into());
    pod.set_at(&["metadata", "labels", INDEX], text.into());
    pod.set_at(&["spec", "hostname"], format!("{name}-{index}").into());
    let tail = format!("-{index}-");
    let kept: String = name.chars().take(MAX_PREFIX - tail.len()).collect();
    pod.set_at(
        &["metadata", "generateName"],
        format!("{kept}{tail}").into(),
    );
    if facts.index_limit().is_some() {
        count_failures(facts, &mut pod, failed);
    }
    pod
}

/// A container that is told its index.
fn with_index(container: &Value) -> Value {
    let listed = container.get("env").and_then(Value::as_list);
    let mut variables = listed.unwrap_or_default().to_vec();
    if variables
        .iter()
        .any(|it| it.str_at(&["name"]) == Some(INDEX_VARIABLE))
    {
        return container.clone();
    }
    let path = format!("metadata.labels['{INDEX}']");
    variables
        .push(value!({"name": INDEX_VARIABLE, "valueFrom": {"fieldRef": {"fieldPath": path}}}));
    let mut container = container.clone();
    container.set_at(&["env"], variables.into());
    container
}

fn count_failures(facts: &Facts<'_>, pod: &mut Value, failed: Option<&LiveObject>) {
    let counts = failed.is_some_and(|failed| facts.failure(failed).counts);
    let before = |annotation| failed.map_or(0, |failed| number(failed, annotation));
    let failures = before(INDEX_FAILURES) + i64::from(counts);
    let ignored = before(INDEX_IGNORED) + i64::from(failed.is_some() && !counts);
    pod.set_at(
        &["metadata", "annotations", INDEX_FAILURES],
        failures.to_string().into(),
    );
    if ignored > 0 {
        pod.set_at(
            &["metadata", "annotations", INDEX_IGNORED],
            ignored.to_string().into(),
        );
    }
}

fn told_creation(job: &LiveObject, pod: Value) -> Action {
    let done = format!("Created pod: {NAME}");
    let failed = format!("Error creating: {ERROR}");
    Action::Create(pod).told_either(
        Note::normal(COMPONENT, job, "SuccessfulCreate", done),
        Note::warning(COMPONENT, job, "FailedCreate", failed),
    )
}

fn told_deletion(job: &LiveObject, pod: &LiveObject) -> Action {
    let done = format!("Deleted pod: {}", pod.name());
    let failed = format!("Error deleting: {ERROR}");
    Action::delete(pod).told_either(
        Note::normal(COMPONENT, job, "SuccessfulDelete", done),
        Note::warning(COMPONENT, job, "FailedDelete", failed),
    )
}
