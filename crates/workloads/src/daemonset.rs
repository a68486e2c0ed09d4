//! What a DaemonSet wants: one Pod on the simulated node.

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::conditions::changes;
use crate::decide::Setting;
use crate::pods::{hash_of, is_ended, pod_of, tally};
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value, value};

const REVISION_LABEL: &str = "controller-revision-hash";

/// Decides about one DaemonSet. A node selector that names anything but the
/// node's own labels fits no node.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let template = live
        .value()
        .at(&["spec", "template"])
        .cloned()
        .unwrap_or_default();
    let hash = hash_of(&template, 0);
    let wanted = fits(&template, setting);
    let pods: Vec<&LiveObject> = cache.controlled_by(live.uid(), Kind::Pod).collect();
    let mut decision = Decision::nothing();
    if live.deletion_timestamp().is_none() {
        decision.actions = next(live, &template, &hash, &pods, wanted, setting);
    }
    let status = status_of(
        live,
        &pods,
        &hash,
        i64::from(wanted),
        setting,
        &mut decision,
    );
    if let Some(status) = changes(live.value().get("status"), &status) {
        decision.actions.push(Action::MergeStatus {
            reference: live.reference().clone(),
            resource_version: live.resource_version().clone(),
            status,
        });
    }
    decision
}

fn fits(template: &Value, setting: &Setting) -> bool {
    let Some(selector) = template
        .at(&["spec", "nodeSelector"])
        .and_then(Value::as_map)
    else {
        return true;
    };
    let labels = crate::node::labels(&setting.node_name);
    selector
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}

fn next(
    live: &LiveObject,
    template: &Value,
    hash: &Text,
    pods: &[&LiveObject],
    wanted: bool,
    setting: &Setting,
) -> Vec<Action> {
    let keeps = |pod: &&&LiveObject| {
        wanted && pod.label(REVISION_LABEL) == Some(hash) && !is_ended(pod.value())
    };
    let kept = pods.iter().find(keeps).map(|pod| pod.uid());
    let going: Vec<Action> = pods
        .iter()
        .filter(|pod| Some(pod.uid()) != kept && pod.deletion_timestamp().is_none())
        .map(|pod| Action::Delete {
            reference: pod.reference().clone(),
            uid: pod.uid().clone(),
        })
        .collect();
    // The old Pod goes before the new one comes.
    if !going.is_empty() || !pods.is_empty() || !wanted {
        return going;
    }
    let mut pod = pod_of(live, Kind::DaemonSet, template, Some(&setting.node_name));
    pod.set_at(
        &["metadata", "generateName"],
        format!("{}-", live.name()).into(),
    );
    pod.set_at(&["metadata", "labels", REVISION_LABEL], hash.clone().into());
    vec![Action::Create(pod)]
}

fn status_of(
    live: &LiveObject,
    pods: &[&LiveObject],
    hash: &Text,
    desired: i64,
    setting: &Setting,
    decision: &mut Decision,
) -> Value {
    let min_ready_s = live
        .value()
        .i64_at(&["spec", "minReadySeconds"])
        .unwrap_or(0);
    let counts = tally(pods.iter().copied(), min_ready_s, setting.now);
    decision.wake(counts.next);
    let updated = pods
        .iter()
        .any(|pod| pod.label(REVISION_LABEL) == Some(hash));
    value!({
        "observedGeneration": (live.generation()),
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": (counts.total.min(desired)),
        "numberMisscheduled": ((counts.total - desired).max(0)),
        "numberReady": (counts.ready.min(desired)),
        "numberAvailable": (counts.available.min(desired)),
        "numberUnavailable": ((desired - counts.available).max(0)),
        "updatedNumberScheduled": (i64::from(updated).min(desired)),
    })
}
