//! What a DaemonSet wants: a Pod on each node that fits.

mod pods;
mod revisions;
mod rolling;
mod status;

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::claim::claim;
use crate::conditions::{changes, time_at};
use crate::decide::Setting;
use crate::interest::selector_of;
use crate::note::{ERROR, NAME, Note};
use crate::placement::{Fit, fit};
use crate::pods::{available_at, is_ended, is_ready, phase};
use jiff::{SignedDuration, Timestamp};
use pods::target_node;
use revisions::Revisions;
use std::collections::BTreeMap;
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value};

const COMPONENT: &str = "daemonset-controller";

/// The most Pods made or deleted in one go.
const BURST: usize = 250;

/// A failed Pod is left this long, so that one that fails at once is not made
/// anew without pause.
const FAILED_PAUSE_S: i64 = 1;

/// A DaemonSet with its Pods and all nodes, as observed.
struct View<'a> {
    live: &'a LiveObject,
    spec: &'a Value,
    /// The Pod's specification as nodes judge it.
    pod_spec: Value,
    min_ready_s: i64,
    revisions: Revisions<'a>,
    nodes: Vec<&'a LiveObject>,
    /// The Pods by the node that they are for, the oldest first.
    placed: BTreeMap<Text, Vec<&'a LiveObject>>,
    setting: &'a Setting,
}

/// What a node is to have.
#[derive(Default)]
struct Plan<'a> {
    create: Vec<Text>,
    delete: Vec<&'a LiveObject>,
    notes: Vec<Note>,
    wake_at: Option<Timestamp>,
}

/// Decides about one DaemonSet. Nothing is done for one that is being deleted:
/// what it owns may be gone or on its way.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let spec = live.value().get("spec");
    let (Some(spec), None) = (spec, live.deletion_timestamp()) else {
        return Decision::nothing();
    };
    let selector = selector_of(live);
    if selector.is_everything() {
        return Decision::nothing();
    }
    let first = |actions| Decision {
        actions,
        wake_at: None,
    };
    let owner = (live, Kind::DaemonSet);
    let matches = |pod: &LiveObject| selector.matches(pod.labels());
    let claim = claim(owner, Kind::Pod, cache, |_| true, matches);
    let revisions = match revisions::observe(live, &selector, &claim.owned, cache) {
        Ok(revisions) => revisions,
        Err(actions) => return first(actions),
    };
    if !claim.actions.is_empty() {
        return first(claim.actions);
    }
    View::observe(live, spec, revisions, claim.owned, (cache, setting)).decide()
}

impl<'a> View<'a> {
    fn observe(
        live: &'a LiveObject,
        spec: &'a Value,
        revisions: Revisions<'a>,
        owned: Vec<&'a LiveObject>,
        (cache, setting): (&'a Cache, &'a Setting),
    ) -> Self {
        let mut placed: BTreeMap<Text, Vec<&LiveObject>> = BTreeMap::new();
        for pod in owned {
            let gone = is_ended(pod.value()) && pod.deletion_timestamp().is_some();
            if let Some(node) = target_node(pod.value()).filter(|_| !gone) {
                placed.entry(node.into()).or_default().push(pod);
            }
        }
        for pods in placed.values_mut() {
            pods.sort_by_cached_key(|pod| {
                let waits = pod.value().str_at(&["spec", "nodeName"]).is_none();
                (waits, pod.creation_timestamp().clone(), pod.name().clone())
            });
        }
        Self {
            live,
            spec,
            pod_spec: pods::spec_of(spec),
            min_ready_s: spec.i64_at(&["minReadySeconds"]).unwrap_or(0),
            revisions,
            nodes: cache
                .of_kind(Kind::Node)
                .filter_map(|key| cache.get(key))
                .collect(),
            placed,
            setting,
        }
    }

    fn decide(&self) -> Decision {
        let mut decision = Decision::nothing();
        let mut plan = self.manage();
        if plan.create.is_empty() && plan.delete.is_empty() {
            self.roll(&mut plan);
        }
        decision.wake(plan.wake_at);
        decision.actions = self.actions(plan);
        decision.actions.extend(self.revisions_to_drop());
        let status = self.status(&mut decision);
        if let Some(status) = changes(self.live.value().get("status"), &status) {
            let write = Action::merge_status(self.live, status);
            decision.actions.push(write);
        }
        decision
    }

    fn actions(&self, plan: Plan<'_>) -> Vec<Action> {
        let mut actions: Vec<Action> = Vec::new();
        if !plan.create.is_empty() {
            let create = plan.create.iter().take(BURST);
            let create = create.map(|node| self.creation(node)).collect();
            actions.push(Action::SlowStart(create));
        }
        let delete = plan.delete.into_iter().take(BURST);
        actions.extend(delete.map(|pod| self.deletion(pod)));
        actions.extend(plan.notes.into_iter().map(Action::Tell));
        actions
    }

    /// Makes the Pods that are missing, deletes those that should not be
    /// there.
    fn manage(&self) -> Plan<'a> {
        let mut plan = Plan::default();
        for node in &self.nodes {
            let fit = fit(&self.pod_spec, node);
            match self.placed.get(node.name()) {
                None if fit == Fit::Runs => plan.create.push(node.name().clone()),
                None => {}
                Some(pods) if fit == Fit::Leaves => {
                    let there = pods.iter().filter(|pod| pod.deletion_timestamp().is_none());
                    plan.delete.extend(there.copied());
                }
                Some(pods) => self.tidy(node.name(), pods, fit, &mut plan),
            }
        }
        // Nobody else deletes Pods that wait for a node that does not exist.
        for (node, pods) in &self.placed {
            if !self.nodes.iter().any(|known| known.name() == node) {
                let waiting = |pod: &&&LiveObject| {
                    let node = pod.value().str_at(&["spec", "nodeName"]);
                    node.is_none_or(str::is_empty)
                };
                plan.delete.extend(pods.iter().filter(waiting).copied());
            }
        }
        plan
    }

    /// Deletes Pods that have ended and those that are too many on a node
    /// that keeps them.
    fn tidy(&self, node: &Text, pods: &[&'a LiveObject], fit: Fit, plan: &mut Plan<'a>) {
        let mut running = Vec::new();
        for pod in pods.iter().filter(|pod| pod.deletion_timestamp().is_none()) {
            match phase(pod.value()) {
                "Failed" => self.drop_failed(node, pod, plan),
                "Succeeded" => self.drop_succeeded(node, pod, plan),
                _ => running.push(*pod),
            }
        }
        if !self.allows_surge() {
            plan.delete.extend(running.into_iter().skip(1));
        } else if running.is_empty() && fit == Fit::Runs {
            plan.create.push(node.clone());
        } else if running.len() > 1 {
            self.tidy_surge(&running, plan);
        }
    }

    fn drop_failed(&self, node: &Text, pod: &'a LiveObject, plan: &mut Plan<'a>) {
        let created = time_at(pod.value(), &["metadata", "creationTimestamp"]);
        let due = created.and_then(|at| {
            at.checked_add(SignedDuration::from_secs(FAILED_PAUSE_S))
                .ok()
        });
        if let Some(due) = due.filter(|due| *due > self.setting.now) {
            plan.wake_at = Some(plan.wake_at.map_or(due, |at| at.min(due)));
            return;
        }
        let name = format!("{}/{}", pod.namespace(), pod.name());
        let message = format!("Found failed daemon pod {name} on node {node}, will try to kill it");
        plan.notes.push(Note::warning(
            COMPONENT,
            self.live,
            "FailedDaemonPod",
            message,
        ));
        plan.delete.push(pod);
    }

    fn drop_succeeded(&self, node: &Text, pod: &'a LiveObject, plan: &mut Plan<'a>) {
        let name = format!("{}/{}", pod.namespace(), pod.name());
        let message =
            format!("Found succeeded daemon pod {name} on node {node}, will try to delete it");
        plan.notes.push(Note::normal(
            COMPONENT,
            self.live,
            "SucceededDaemonPod",
            message,
        ));
        plan.delete.push(pod);
    }

    /// While a node surges it keeps one old and one new Pod, until the new one
    /// is available or the old one is not ready.
    fn tidy_surge(&self, running: &[&'a LiveObject], plan: &mut Plan<'a>) {
        let (mut new, mut old) = (None, None);
        for pod in running {
            let place = if self.revisions.has_hash(pod) {
                &mut new
            } else {
                &mut old
            };
            match place {
                None => *place = Some(*pod),
                Some(_) => plan.delete.push(*pod),
            }
        }
        if let (Some(new), Some(old)) = (new, old)
            && (!is_ready(old.value()) || self.is_available(new))
        {
            plan.delete.push(old);
        }
    }

    fn is_available(&self, pod: &LiveObject) -> bool {
        available_at(pod.value(), self.min_ready_s).is_some_and(|at| at <= self.setting.now)
    }

    fn creation(&self, node: &Text) -> Action {
        let pod = self.new_pod(node);
        let done = format!("Created pod: {NAME}");
        let failed = format!("Error creating: {ERROR}");
        Action::Create(pod).told_either(
            Note::normal(COMPONENT, self.live, "SuccessfulCreate", done),
            Note::warning(COMPONENT, self.live, "FailedCreate", failed),
        )
    }

    fn deletion(&self, pod: &LiveObject) -> Action {
        let done = format!("Deleted pod: {}", pod.name());
        let failed = format!("Error deleting: {ERROR}");
        Action::delete(pod).told_either(
            Note::normal(COMPONENT, self.live, "SuccessfulDelete", done),
            Note::warning(COMPONENT, self.live, "FailedDelete", failed),
        )
    }
}
