//! How many Pods a Service leads to, and of which revision.

use super::metadata::owners;
use super::snapshot::DEPLOYMENT_REVISION;
use std::collections::{BTreeMap, BTreeSet};
use trueup_object::{Text, Value};

/// The labels by which controllers tell the revisions of a workload's Pods.
const REVISION_LABELS: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];

/// The label of an `EndpointSlice` that names its Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// Ready endpoints of a Service. A Pod with several addresses counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadyEndpoints {
    /// All of them.
    pub total: usize,
    /// How many there are of each revision of a workload
    /// (`pod-template-hash`; `controller-revision-hash` for a DaemonSet).
    pub by_revision: BTreeMap<Text, usize>,
    /// Those that belong to no Pod that is known.
    pub unknown: usize,
}

impl ReadyEndpoints {
    /// Whether all are of one revision.
    #[must_use]
    pub fn are_all_of(&self, revision: &str) -> bool {
        self.by_revision.get(revision).copied() == Some(self.total)
    }
}

/// Counts what is ready behind a Service. `slices` are `EndpointSlice`s of its
/// namespace, of which those of other Services are passed over; `pods` are the
/// Pods, of which only names and labels are looked at.
#[must_use]
pub fn ready_endpoints(service: &str, slices: &[Value], pods: &[Value]) -> ReadyEndpoints {
    let revisions: BTreeMap<&str, &str> = pods.iter().filter_map(revision_of).collect();
    let own = slices
        .iter()
        .filter(|slice| slice.str_at(&["metadata", "labels", SERVICE_LABEL]) == Some(service));
    let backends: BTreeSet<Backend<'_>> = own
        .flat_map(|slice| {
            slice
                .get("endpoints")
                .and_then(Value::as_list)
                .unwrap_or_default()
        })
        .filter(|endpoint| is_ready(endpoint))
        .filter_map(backend)
        .collect();
    let mut found = ReadyEndpoints {
        total: backends.len(),
        ..ReadyEndpoints::default()
    };
    for backend in backends {
        let revision = match backend {
            Backend::Pod(name) => revisions.get(name),
            Backend::Address(_) => None,
        };
        match revision {
            Some(revision) => *found.by_revision.entry((*revision).into()).or_default() += 1,
            None => found.unknown += 1,
        }
    }
    found
}

/// What an endpoint leads to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Backend<'a> {
    Pod(&'a str),
    Address(&'a str),
}

fn backend(endpoint: &Value) -> Option<Backend<'_>> {
    if endpoint.str_at(&["targetRef", "kind"]) == Some("Pod") {
        return Some(Backend::Pod(endpoint.str_at(&["targetRef", "name"])?));
    }
    let addresses = endpoint.get("addresses").and_then(Value::as_list)?;
    Some(Backend::Address(addresses.first()?.as_str()?))
}

/// An endpoint that says nothing of it is ready.
fn is_ready(endpoint: &Value) -> bool {
    endpoint
        .at(&["conditions", "ready"])
        .and_then(Value::as_bool)
        .unwrap_or(true)
}

fn revision_of(pod: &Value) -> Option<(&str, &str)> {
    let name = pod.str_at(&["metadata", "name"])?;
    let revision = REVISION_LABELS
        .iter()
        .find_map(|label| pod.str_at(&["metadata", "labels", label]))?;
    Some((name, revision))
}

/// The revision of the Pods that a workload makes now: that of its newest
/// `ReplicaSet` or `ControllerRevision` among `revisions`. `None` while its
/// controller has not seen the template that was read.
#[must_use]
pub fn current_revision(workload: &Value, revisions: &[Value]) -> Option<Text> {
    let observed = workload.i64_at(&["status", "observedGeneration"])?;
    if observed != workload.i64_at(&["metadata", "generation"])? {
        return None;
    }
    let uid = workload.str_at(&["metadata", "uid"])?;
    let newest = revisions
        .iter()
        .filter(|revision| {
            owners(revision)
                .iter()
                .any(|it| it.str_at(&["uid"]) == Some(uid))
        })
        .max_by_key(|revision| rollout_number(revision))?;
    let label = REVISION_LABELS
        .iter()
        .find_map(|label| newest.str_at(&["metadata", "labels", label]))?;
    Some(label.into())
}

/// Which rollout a revision belongs to; a rollback to an old revision makes it
/// the newest.
fn rollout_number(revision: &Value) -> i64 {
    let annotated = revision.str_at(&["metadata", "annotations", DEPLOYMENT_REVISION]);
    annotated
        .and_then(|text| text.parse().ok())
        .or_else(|| revision.i64_at(&["revision"]))
        .unwrap_or_default()
}
