//! Which Pods of a ReplicaSet go first when there are too many.

use crate::conditions::time_at;
use crate::pods::{is_active, is_ready, phase, ready_since};
use jiff::Timestamp;
use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value};

const COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// What is compared, in this order.
struct Rank<'a> {
    placed: bool,
    phase: u8,
    ready: bool,
    cost: i32,
    /// Pods of the same owner on the same node.
    crowd: Reverse<usize>,
    ready_since: Option<Timestamp>,
    restarts: Reverse<(i64, i64)>,
    created: Option<Timestamp>,
    uid: &'a Text,
}

/// Pods in the order in which they go: without a node first, not running,
/// not ready, of less cost, on a crowded node, ready for less time, with more
/// restarts, the younger. Times are compared by their order of magnitude, and
/// what is equal then by uid. `related` are all Pods of the same application.
pub(crate) fn in_order_of_deletion<'a>(
    pods: &[&'a LiveObject],
    related: &[&LiveObject],
    now: Timestamp,
) -> Vec<&'a LiveObject> {
    let mut crowds: HashMap<&str, usize> = HashMap::new();
    for pod in related.iter().filter(|pod| is_active(pod)) {
        *crowds.entry(node_of(pod)).or_default() += 1;
    }
    let crowd = |pod: &LiveObject| crowds.get(node_of(pod)).copied().unwrap_or(0);
    let mut ranked: Vec<(Rank<'_>, &LiveObject)> = pods
        .iter()
        .map(|pod| (Rank::of(pod, crowd(pod)), *pod))
        .collect();
    ranked.sort_by(|(one, _), (other, _)| one.compare(other, now));
    ranked.into_iter().map(|(_, pod)| pod).collect()
}

impl<'a> Rank<'a> {
    fn of(pod: &'a LiveObject, crowd: usize) -> Self {
        let value = pod.value();
        Self {
            placed: !node_of(pod).is_empty(),
            phase: match phase(value) {
                "Pending" => 0,
                "Unknown" => 1,
                _ => 2,
            },
            ready: is_ready(value),
            cost: cost(pod),
            crowd: Reverse(crowd),
            ready_since: ready_since(value),
            restarts: Reverse(restarts(value)),
            created: time_at(value, &["metadata", "creationTimestamp"]),
            uid: pod.uid(),
        }
    }

    fn compare(&self, other: &Self, now: Timestamp) -> Ordering {
        (self.placed, self.phase, self.ready, self.cost, self.crowd)
            .cmp(&(
                other.placed,
                other.phase,
                other.ready,
                other.cost,
                other.crowd,
            ))
            .then_with(|| later_first(self.ready_since, other.ready_since, now))
            .then_with(|| self.restarts.cmp(&other.restarts))
            .then_with(|| later_first(self.created, other.created, now))
            .then_with(|| self.uid.cmp(other.uid))
    }
}

/// The later time first, none before all; times of the same order of magnitude
/// are as good as equal.
fn later_first(one: Option<Timestamp>, other: Option<Timestamp>, now: Timestamp) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => magnitude(one, now).cmp(&magnitude(other, now)),
        (one, other) => one.is_some().cmp(&other.is_some()),
    }
}

/// The order of magnitude of an age, to the base of two.
fn magnitude(time: Timestamp, now: Timestamp) -> Option<u32> {
    let age_ns = now.as_nanosecond() - time.as_nanosecond();
    u128::try_from(age_ns).ok()?.checked_ilog2()
}

fn node_of(pod: &LiveObject) -> &str {
    pod.value()
        .str_at(&["spec", "nodeName"])
        .unwrap_or_default()
}

fn cost(pod: &LiveObject) -> i32 {
    let text = pod.annotation(COST).unwrap_or_default();
    // A number must have the one form that the API accepts.
    let plain = !text.starts_with('+') && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).unwrap_or(0)
}

/// The most restarts of a container, and of one that starts before them and
/// stays.
fn restarts(pod: &Value) -> (i64, i64) {
    let most = |key, counts: &dyn Fn(&Value) -> bool| {
        let statuses = pod.at(&["status", key]).and_then(Value::as_list);
        let counted = statuses.unwrap_or_default().iter().filter(|it| counts(it));
        let numbers = counted.filter_map(|status| status.i64_at(&["restartCount"]));
        numbers.max().unwrap_or(0)
    };
    let starters = pod.at(&["spec", "initContainers"]).and_then(Value::as_list);
    let stays = |status: &Value| {
        starters.unwrap_or_default().iter().any(|container| {
            container.get("name") == status.get("name")
                && container.str_at(&["restartPolicy"]) == Some("Always")
        })
    };
    (
        most("containerStatuses", &|_| true),
        most("initContainerStatuses", &stays),
    )
}
