//! The EndpointSlices of a Service with a selector.

use super::fit::{Fate, fit};
use super::order::sort_slice_ports;
use super::service::{
    HEADLESS, SERVICE_NAME, TRIGGER_TIME, addresses, families, hostname, is_headless, is_reachable,
    ports, publishes_not_ready, target,
};
use crate::action::Action;
use crate::cache::{Cache, Key, Kind};
use crate::conditions::text_of;
use crate::difference::merge_patch;
use crate::pods::{is_ready, owner_reference};
use jiff::Timestamp;
use trueup_cluster::LiveObject;
use trueup_object::{Map, Value, value};

/// The label by which a slice names who keeps it, and our value.
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpointslice-controller.k8s.io";
/// Longest Service name that a dash is put behind.
const MAX_PREFIX: usize = 252;
/// The label of a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

/// The slices with the same ports.
struct Group {
    ports: Vec<Value>,
    endpoints: Vec<Value>,
}

/// What is to be done about the slices of a Service.
pub(super) fn decide(
    service: &LiveObject,
    pods: &[&LiveObject],
    cache: &Cache,
    trigger: Option<Timestamp>,
) -> Vec<Action> {
    let existing: Vec<&LiveObject> = cache
        .slices_of(service.namespace(), service.name())
        .filter(|slice| slice.label(MANAGED_BY) == Some(CONTROLLER))
        .filter(|slice| slice.deletion_timestamp().is_none())
        .collect();
    let families = families(service.value());
    let mut actions = Vec::new();
    for family in &families {
        let of_family: Vec<&LiveObject> = existing
            .iter()
            .copied()
            .filter(|slice| slice.value().str_at(&["addressType"]) == Some(family))
            .collect();
        let groups = groups(service, pods, cache, family);
        actions.extend(reconcile(service, family, &of_family, groups, trigger));
    }
    let foreign = existing.iter().filter(|slice| {
        let family = slice.value().str_at(&["addressType"]).unwrap_or_default();
        !families.contains(&family)
    });
    actions.extend(foreign.map(|slice| removal(slice)));
    actions
}

/// The endpoints wanted, by the ports that their Pods offer.
fn groups(service: &LiveObject, pods: &[&LiveObject], cache: &Cache, family: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for pod in pods.iter().filter(|pod| is_reachable(pod.value())) {
        let mut ports = ports(service.value(), pod.value());
        sort_slice_ports(&mut ports);
        let group = match groups.iter().position(|group| group.ports == ports) {
            Some(index) => &mut groups[index],
            None => {
                let endpoints = Vec::new();
                groups.push(Group { ports, endpoints });
                let last = groups.len() - 1;
                &mut groups[last]
            }
        };
        group
            .endpoints
            .extend(endpoint(service, pod, cache, family));
    }
    groups
}

/// A Pod as an endpoint; `None` where it has no address of the family, or its
/// node is not known.
fn endpoint(service: &LiveObject, pod: &LiveObject, cache: &Cache, family: &str) -> Option<Value> {
    let value = pod.value();
    let node_name = value.str_at(&["spec", "nodeName"]).unwrap_or_default();
    let node = cache.get(&Key::cluster_scoped(Kind::Node, node_name));
    let published = publishes_not_ready(service.value());
    if node.is_none() && !published {
        return None;
    }
    let addresses = addresses(value, family);
    if addresses.is_empty() {
        return None;
    }
    let addresses: Value = addresses.into_iter().map(Value::from).collect();
    let (serving, terminating) = (is_ready(value), pod.deletion_timestamp().is_some());
    let ready = published || (serving && !terminating);
    let mut endpoint = value!({
        "addresses": addresses,
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": (target(pod)),
    });
    if !node_name.is_empty() {
        endpoint.set_at(&["nodeName"], node_name.into());
    }
    if let Some(zone) = node
        .and_then(|node| node.label(ZONE))
        .filter(|zone| !zone.is_empty())
    {
        endpoint.set_at(&["zone"], zone.into());
    }
    if let Some(hostname) = hostname(service, value) {
        endpoint.set_at(&["hostname"], hostname.into());
    }
    hint(service.value(), &mut endpoint, ready);
    Some(endpoint)
}

/// Marks for whom an endpoint is, where the Service wants its traffic kept
/// near.
fn hint(service: &Value, endpoint: &mut Value, ready: bool) {
    let wanted = service.str_at(&["spec", "trafficDistribution"]);
    let near = matches!(
        wanted,
        Some("PreferClose" | "PreferSameZone" | "PreferSameNode")
    );
    if !near || !ready {
        return;
    }
    if let Some(zone) = endpoint.get("zone").cloned() {
        endpoint.set_at(&["hints", "forZones"], value!([{"name": zone}]));
    }
    if wanted == Some("PreferSameNode")
        && let Some(node) = endpoint.get("nodeName").cloned()
    {
        endpoint.set_at(&["hints", "forNodes"], value!([{"name": node}]));
    }
}

/// Brings the slices of one family to what is wanted.
fn reconcile(
    service: &LiveObject,
    family: &str,
    existing: &[&LiveObject],
    groups: Vec<Group>,
    trigger: Option<Timestamp>,
) -> Vec<Action> {
    let (ours, mut leaving): (Vec<&LiveObject>, Vec<&LiveObject>) =
        existing.iter().partition(|slice| is_owned(slice, service));
    let mut actions = Vec::new();
    let mut new = Vec::new();
    let mut used: Vec<&LiveObject> = Vec::new();
    for group in groups {
        let same: Vec<&LiveObject> = ours
            .iter()
            .copied()
            .filter(|slice| list(slice.value(), "ports") == group.ports)
            .collect();
        used.extend(&same);
        let contents: Vec<Vec<Value>> = same
            .iter()
            .map(|slice| list(slice.value(), "endpoints").to_vec())
            .collect();
        let fitted = fit(&contents, group.endpoints);
        for (slice, fate) in same.into_iter().zip(fitted.fates) {
            let endpoints = match fate {
                Fate::Emptied => {
                    leaving.push(slice);
                    continue;
                }
                Fate::Kept if labels_hold(service, slice) => continue,
                Fate::Kept => list(slice.value(), "endpoints").to_vec(),
                Fate::Changed(endpoints) => endpoints,
            };
            actions.extend(change(service, slice, &group.ports, endpoints, trigger));
        }
        new.extend(
            fitted
                .further
                .into_iter()
                .map(|endpoints| (group.ports.clone(), endpoints)),
        );
    }
    leaving.extend(
        ours.iter()
            .filter(|slice| !used.iter().any(|used| used == *slice)),
    );
    if existing.len() == leaving.len() && new.is_empty() {
        // A Service without endpoints has one slice that says so.
        match leaving.as_slice() {
            [slice] if is_placeholder(service, slice) => leaving.clear(),
            _ => new.push((Vec::new(), Vec::new())),
        }
    }
    actions.extend(exchange(service, family, leaving, new, trigger));
    actions
}

/// A slice that would go becomes one that is wanted, as far as both last.
fn exchange(
    service: &LiveObject,
    family: &str,
    leaving: Vec<&LiveObject>,
    mut new: Vec<(Vec<Value>, Vec<Value>)>,
    trigger: Option<Timestamp>,
) -> Vec<Action> {
    let mut actions = Vec::new();
    for slice in leaving {
        if is_owned(slice, service)
            && let Some((ports, endpoints)) = new.pop()
        {
            actions.extend(change(service, slice, &ports, endpoints, trigger));
        } else {
            actions.push(removal(slice));
        }
    }
    if service.deletion_timestamp().is_none() {
        let made = new.into_iter().map(|(ports, endpoints)| {
            Action::Create(new_slice(service, family, ports, endpoints, trigger))
        });
        actions.extend(made);
    }
    actions
}

fn is_owned(slice: &LiveObject, service: &LiveObject) -> bool {
    list(slice.value(), "metadata.ownerReferences")
        .iter()
        .any(|owner| {
            owner.str_at(&["uid"]) == Some(service.uid())
                && owner.str_at(&["kind"]) == Some("Service")
                && owner.str_at(&["apiVersion"]) == Some("v1")
        })
}

fn is_placeholder(service: &LiveObject, slice: &LiveObject) -> bool {
    is_owned(slice, service)
        && list(slice.value(), "endpoints").is_empty()
        && list(slice.value(), "ports").is_empty()
        && *slice.labels() == labels(service)
}

/// A list at a dotted path; empty where there is none.
fn list<'a>(object: &'a Value, path: &str) -> &'a [Value] {
    let path: Vec<&str> = path.split('.').collect();
    object
        .at(&path)
        .and_then(Value::as_list)
        .unwrap_or_default()
}

/// The labels of a Service's slices: its own, and three that are ours.
fn labels(service: &LiveObject) -> Map {
    let mut labels = own_labels(service);
    if is_headless(service.value()) {
        labels.insert(HEADLESS, "");
    }
    labels.insert(SERVICE_NAME, service.name().clone());
    labels.insert(MANAGED_BY, CONTROLLER);
    labels
}

fn own_labels(object: &LiveObject) -> Map {
    let mut labels = object.labels().clone();
    labels.retain(|key, _| ![HEADLESS, SERVICE_NAME, MANAGED_BY].contains(&key));
    labels
}

/// Whether a slice has its Service's labels; ours don't count.
fn labels_hold(service: &LiveObject, slice: &LiveObject) -> bool {
    own_labels(service) == own_labels(slice)
}

fn change(
    service: &LiveObject,
    slice: &LiveObject,
    ports: &[Value],
    endpoints: Vec<Value>,
    trigger: Option<Timestamp>,
) -> Option<Action> {
    let mut new = slice.value().clone();
    new.set_at(&["metadata", "labels"], labels(service).into());
    set_trigger(&mut new, trigger);
    new.set_at(&["ports"], some_or_null(ports.to_vec()));
    new.set_at(&["endpoints"], some_or_null(endpoints));
    let patch = merge_patch(slice.value(), &new)?;
    Some(Action::Merge {
        reference: slice.reference().clone(),
        resource_version: slice.resource_version().clone(),
        patch,
    })
}

pub(super) fn set_trigger(object: &mut Value, trigger: Option<Timestamp>) {
    match trigger {
        Some(time) => {
            object.set_at(
                &["metadata", "annotations", TRIGGER_TIME],
                text_of(time).into(),
            );
        }
        None => {
            object.remove_at(&["metadata", "annotations", TRIGGER_TIME]);
        }
    }
}

fn new_slice(
    service: &LiveObject,
    family: &str,
    ports: Vec<Value>,
    endpoints: Vec<Value>,
    trigger: Option<Timestamp>,
) -> Value {
    let mut slice = value!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "namespace": (service.namespace().clone()),
            "generateName": (prefix(service.name())),
            "labels": (labels(service)),
            "ownerReferences": [(owner_reference(service, Kind::Service))],
        },
        "addressType": family, "ports": (some_or_null(ports)), "endpoints": (some_or_null(endpoints)),
    });
    set_trigger(&mut slice, trigger);
    slice
}

/// Nobody owns an empty list: it is null, as the API shows it.
fn some_or_null(list: Vec<Value>) -> Value {
    if list.is_empty() {
        Value::Null
    } else {
        list.into()
    }
}

/// What the names of slices begin with.
pub(super) fn prefix(name: &str) -> String {
    if name.len() > MAX_PREFIX {
        name.to_owned()
    } else {
        format!("{name}-")
    }
}

pub(super) fn removal(object: &LiveObject) -> Action {
    Action::Delete {
        reference: object.reference().clone(),
        uid: object.uid().clone(),
    }
}
