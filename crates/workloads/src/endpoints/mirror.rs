//! EndpointSlices that mirror Endpoints which somebody else writes for a
//! Service without a selector.

use super::order::sort_slice_ports;
use super::service::{SERVICE_NAME, TRIGGER_TIME, selector};
use super::slices::{MANAGED_BY, prefix, removal};
use super::subsets::{Address, Offer, pack};
use crate::action::{Action, Decision};
use crate::cache::{Cache, Key, Kind};
use crate::difference::merge_patch;
use crate::pods::owner_reference;
use std::net::IpAddr;
use trueup_cluster::LiveObject;
use trueup_object::{Map, Value, value};

const CONTROLLER: &str = "endpointslicemirroring-controller.k8s.io";
/// Says that Endpoints are not to be mirrored.
const SKIP: &str = "endpointslice.kubernetes.io/skip-mirror";
/// Endpoints with this annotation are a lock, not places.
const LEADER: &str = "control-plane.alpha.kubernetes.io/leader";
/// What `kubectl apply` remembers is not copied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Addresses mirrored of one subset.
const MAX_ADDRESSES: usize = 1000;

/// A slice as it should be.
struct Wanted {
    family: &'static str,
    ports: Vec<Value>,
    endpoints: Vec<Value>,
}

/// Decides about the mirror of the Endpoints of a name, which may be gone.
pub(crate) fn decide(key: &Key, cache: &Cache) -> Decision {
    let existing: Vec<&LiveObject> = cache
        .slices_of(&key.namespace, &key.name)
        .filter(|slice| slice.label(MANAGED_BY) == Some(CONTROLLER))
        .collect();
    let service = cache.get(&key.renamed(Kind::Service, &key.name));
    let mirrored = cache.get(key).filter(|endpoints| {
        is_mirrored(endpoints) && service.is_some_and(|service| selector(service.value()).is_none())
    });
    let actions = match mirrored {
        None => existing.into_iter().map(removal).collect(),
        Some(endpoints) => reconcile(endpoints, existing),
    };
    Decision {
        actions,
        wake_at: None,
    }
}

fn is_mirrored(endpoints: &LiveObject) -> bool {
    endpoints.label(SKIP) != Some("true") && endpoints.annotation(LEADER).is_none()
}

fn reconcile(endpoints: &LiveObject, mut existing: Vec<&LiveObject>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut missing = Vec::new();
    for wanted in wanted(endpoints) {
        let there = existing.iter().position(|slice| {
            let value = slice.value();
            value.str_at(&["addressType"]) == Some(wanted.family)
                && value
                    .get("ports")
                    .and_then(Value::as_list)
                    .unwrap_or_default()
                    == wanted.ports
        });
        match there {
            Some(index) => actions.extend(change(endpoints, existing.remove(index), &wanted)),
            None => missing.push(wanted),
        }
    }
    for wanted in missing {
        let reusable = existing
            .iter()
            .position(|slice| slice.value().str_at(&["addressType"]) == Some(wanted.family));
        match reusable {
            Some(index) => actions.extend(change(endpoints, existing.remove(index), &wanted)),
            None if endpoints.deletion_timestamp().is_none() => {
                actions.push(Action::Create(new_slice(endpoints, &wanted)));
            }
            None => {}
        }
    }
    actions.extend(existing.into_iter().map(removal));
    actions
}

/// One slice for each subset and family.
fn wanted(endpoints: &LiveObject) -> Vec<Wanted> {
    let mut all = Vec::new();
    for subset in repacked(endpoints.value()) {
        let mut ports: Vec<Value> = list(&subset, "ports").iter().map(slice_port).collect();
        sort_slice_ports(&mut ports);
        let states = [("addresses", true), ("notReadyAddresses", false)];
        let addresses: Vec<(IpAddr, Value)> = states
            .iter()
            .flat_map(|(key, ready)| list(&subset, key).iter().map(|it| (it, *ready)))
            .filter_map(|(address, ready)| endpoint(address, ready))
            .take(MAX_ADDRESSES)
            .collect();
        for family in ["IPv4", "IPv6"] {
            let endpoints: Vec<Value> = addresses
                .iter()
                .filter(|(ip, _)| ip.is_ipv6() == (family == "IPv6"))
                .map(|(_, endpoint)| endpoint.clone())
                .collect();
            if !endpoints.is_empty() {
                all.push(Wanted {
                    family,
                    ports: ports.clone(),
                    endpoints,
                });
            }
        }
    }
    all
}

/// The subsets in their canonical form.
fn repacked(endpoints: &Value) -> Vec<Value> {
    let mut offers = Vec::new();
    for subset in list(endpoints, "subsets") {
        let ports = list(subset, "ports");
        for (key, ready) in [("addresses", true), ("notReadyAddresses", false)] {
            for address in list(subset, key).iter().map(Address::of) {
                let offer = |port| Offer {
                    address: address.clone(),
                    port,
                    ready,
                };
                if ports.is_empty() {
                    offers.push(offer(None));
                }
                offers.extend(ports.iter().map(|port| offer(Some(port.clone()))));
            }
        }
    }
    pack(offers)
}

fn list<'a>(object: &'a Value, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_list).unwrap_or_default()
}

fn slice_port(port: &Value) -> Value {
    let mut port = port.clone();
    if port.get("name").is_none() {
        port.set_at(&["name"], "".into());
    }
    port
}

/// An address as an endpoint; `None` where it is no address.
fn endpoint(address: &Value, ready: bool) -> Option<(IpAddr, Value)> {
    let ip: IpAddr = address.str_at(&["ip"])?.parse().ok()?;
    let mut endpoint = value!({"addresses": [(ip.to_string())], "conditions": {"ready": ready}});
    for key in ["nodeName", "hostname", "targetRef"] {
        if let Some(part) = address.get(key) {
            endpoint.set_at(&[key], part.clone());
        }
    }
    Some((ip, endpoint))
}

fn labels(endpoints: &LiveObject) -> Map {
    let mut labels = endpoints.labels().clone();
    labels.insert(SERVICE_NAME, endpoints.name().clone());
    labels.insert(MANAGED_BY, CONTROLLER);
    labels
}

fn annotations(endpoints: &LiveObject) -> Map {
    let mut annotations = endpoints.annotations().clone();
    annotations.retain(|key, _| ![TRIGGER_TIME, LAST_APPLIED].contains(&key));
    annotations
}

fn write_down(slice: &mut Value, endpoints: &LiveObject, wanted: &Wanted) {
    slice.set_at(&["metadata", "labels"], labels(endpoints).into());
    let annotations = annotations(endpoints);
    if annotations.is_empty() {
        slice.remove_at(&["metadata", "annotations"]);
    } else {
        slice.set_at(&["metadata", "annotations"], annotations.into());
    }
    slice.set_at(&["ports"], wanted.ports.clone().into());
    slice.set_at(&["endpoints"], wanted.endpoints.clone().into());
}

fn change(endpoints: &LiveObject, slice: &LiveObject, wanted: &Wanted) -> Option<Action> {
    let mut new = slice.value().clone();
    write_down(&mut new, endpoints, wanted);
    Some(Action::Merge {
        reference: slice.reference().clone(),
        resource_version: slice.resource_version().clone(),
        patch: merge_patch(slice.value(), &new)?,
    })
}

fn new_slice(endpoints: &LiveObject, wanted: &Wanted) -> Value {
    let mut slice = value!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "namespace": (endpoints.namespace().clone()),
            "generateName": (prefix(endpoints.name())),
            "ownerReferences": [(owner_reference(endpoints, Kind::Endpoints))],
        },
        "addressType": (wanted.family),
    });
    write_down(&mut slice, endpoints, wanted);
    slice
}
