//! The taints that show a node's conditions, so that Pods keep away.

use crate::action::{Action, Decision};
use crate::conditions::text_of;
use jiff::Timestamp;
use trueup_cluster::LiveObject;
use trueup_object::{Value, value};

/// Condition, its status, and the taint that shows it.
const SHOWN: [(&str, &str, &str); 6] = [
    ("Ready", "False", "node.kubernetes.io/not-ready"),
    ("Ready", "Unknown", "node.kubernetes.io/unreachable"),
    (
        "MemoryPressure",
        "True",
        "node.kubernetes.io/memory-pressure",
    ),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    (
        "NetworkUnavailable",
        "True",
        "node.kubernetes.io/network-unavailable",
    ),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];

const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

const NO_SCHEDULE: &str = "NoSchedule";

/// Decides about one node: its taints without execution follow its
/// conditions. A node that says nothing has none.
pub(crate) fn decide(live: &LiveObject, now: Timestamp) -> Decision {
    let due = due_taints(live.value());
    let taints = live.value().at(&["spec", "taints"]);
    let taints = taints.and_then(Value::as_list).unwrap_or_default();
    let is_due = |taint: &Value| due.iter().any(|key| taint.str_at(&["key"]) == Some(key));
    let mut next: Vec<Value> = taints
        .iter()
        .filter(|taint| !is_ours(taint) || is_due(taint))
        .cloned()
        .collect();
    let missing: Vec<&str> = due
        .iter()
        .copied()
        .filter(|key| {
            let known = |taint: &Value| is_ours(taint) && taint.str_at(&["key"]) == Some(key);
            !next.iter().any(known)
        })
        .collect();
    if missing.is_empty() && next.len() == taints.len() {
        return Decision::nothing();
    }
    let added = text_of(now);
    next.extend(
        missing
            .into_iter()
            .map(|key| value!({"key": key, "effect": NO_SCHEDULE, "timeAdded": (added.clone())})),
    );
    let next = if next.is_empty() {
        Value::Null
    } else {
        next.into()
    };
    Decision {
        actions: vec![Action::merge(live, value!({"spec": {"taints": next}}))],
        wake_at: None,
    }
}

/// Whether a taint is one of those that are kept here.
fn is_ours(taint: &Value) -> bool {
    let key = taint.str_at(&["key"]).unwrap_or_default();
    taint.str_at(&["effect"]) == Some(NO_SCHEDULE)
        && (key == UNSCHEDULABLE || SHOWN.iter().any(|(_, _, known)| *known == key))
}

fn due_taints(node: &Value) -> Vec<&'static str> {
    let conditions = node.at(&["status", "conditions"]).and_then(Value::as_list);
    let shown = |condition: &Value| {
        let text = |key| condition.str_at(&[key]).unwrap_or_default();
        let (kind, status) = (text("type"), text("status"));
        SHOWN
            .iter()
            .find(|(known, when, _)| *known == kind && *when == status)
            .map(|(_, _, key)| *key)
    };
    let mut due: Vec<&str> = conditions
        .unwrap_or_default()
        .iter()
        .filter_map(shown)
        .collect();
    if node.at(&["spec", "unschedulable"]).and_then(Value::as_bool) == Some(true) {
        due.push(UNSCHEDULABLE);
    }
    due
}
