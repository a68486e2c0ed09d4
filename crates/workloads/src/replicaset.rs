//! What a ReplicaSet wants of its Pods.

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::conditions::changes;
use crate::decide::Setting;
use crate::deployment::wanted;
use crate::pods::{in_order_of_deletion, is_active, is_ended, pod_of, tally};
use trueup_cluster::LiveObject;
use trueup_object::{Value, value};

/// The most Pods made or deleted in one go.
const BURST: usize = 500;

/// Decides about one ReplicaSet.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let pods: Vec<&LiveObject> = cache
        .controlled_by(live.uid(), Kind::Pod)
        .filter(|pod| is_active(pod))
        .collect();
    let mut decision = Decision::nothing();
    if live.deletion_timestamp().is_none() {
        decision.actions = balance(live, &pods, setting);
    }
    let min_ready_s = live
        .value()
        .i64_at(&["spec", "minReadySeconds"])
        .unwrap_or(0);
    let counts = tally(pods.iter().copied(), min_ready_s, setting.now);
    decision.wake(counts.next);
    let terminating = cache
        .controlled_by(live.uid(), Kind::Pod)
        .filter(|pod| pod.deletion_timestamp().is_some() && !is_ended(pod.value()))
        .count();
    let terminating = i64::try_from(terminating).unwrap_or(i64::MAX);
    let status = value!({
        "observedGeneration": (live.generation()),
        "replicas": (counts.total),
        "fullyLabeledReplicas": (counts.total),
        "readyReplicas": (counts.ready),
        "availableReplicas": (counts.available),
        "terminatingReplicas": terminating,
    });
    if let Some(status) = changes(live.value().get("status"), &status) {
        decision.actions.push(Action::MergeStatus {
            reference: live.reference().clone(),
            resource_version: live.resource_version().clone(),
            status,
        });
    }
    decision
}

fn balance(live: &LiveObject, pods: &[&LiveObject], setting: &Setting) -> Vec<Action> {
    let target = usize::try_from(wanted(live)).unwrap_or(0);
    if pods.len() > target {
        return in_order_of_deletion(pods.to_vec())
            .into_iter()
            .take((pods.len() - target).min(BURST))
            .map(|pod| Action::Delete {
                reference: pod.reference().clone(),
                uid: pod.uid().clone(),
            })
            .collect();
    }
    let template = live
        .value()
        .at(&["spec", "template"])
        .cloned()
        .unwrap_or_default();
    let mut pod = pod_of(
        live,
        Kind::ReplicaSet,
        &template,
        setting.node_for_new_pods(),
    );
    pod.set_at(
        &["metadata", "generateName"],
        Value::from(format!("{}-", live.name())),
    );
    vec![Action::Create(pod); (target - pods.len()).min(BURST)]
}
