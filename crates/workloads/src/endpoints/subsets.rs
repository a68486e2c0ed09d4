//! The Endpoints of a Service with a selector: the same places, sorted into
//! subsets by the ports that they offer.

use super::order::{sort_subset_ports, sort_subsets};
use super::service::{
    HEADLESS, addresses, families, hostname, is_headless, is_reachable, ports, publishes_not_ready,
    target,
};
pub(super) use super::slices::removal;
use super::slices::set_trigger;
use crate::action::Action;
use crate::cache::{Cache, Key, Kind};
use crate::difference::merge_patch;
use crate::pods::is_ready;
use jiff::Timestamp;
use std::collections::BTreeMap;
use trueup_cluster::LiveObject;
use trueup_object::{Map, Text, Value, value};

const MANAGED_BY: &str = "endpoints.kubernetes.io/managed-by";
const CONTROLLER: &str = "endpoint-controller";

/// An address, ordered as Endpoints order them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    ip: Text,
    uid: Text,
    value: Value,
}

impl Address {
    /// The address of an entry in Endpoints.
    pub(super) fn of(value: &Value) -> Self {
        Self {
            ip: value.str_at(&["ip"]).unwrap_or_default().into(),
            uid: value
                .str_at(&["targetRef", "uid"])
                .unwrap_or_default()
                .into(),
            value: value.clone(),
        }
    }
}

/// One address on one port; `None` where the Service has no ports.
pub(super) struct Offer {
    pub address: Address,
    pub port: Option<Value>,
    pub ready: bool,
}

/// What is to be done about the Endpoints of a Service.
pub(super) fn decide(
    service: &LiveObject,
    pods: &[&LiveObject],
    cache: &Cache,
    trigger: Option<Timestamp>,
) -> Option<Action> {
    let offers: Vec<Offer> = pods.iter().flat_map(|pod| offers(service, pod)).collect();
    // The API takes no address without a node: such a write is refused.
    if offers
        .iter()
        .any(|offer| offer.address.value.str_at(&["nodeName"]) == Some(""))
    {
        return None;
    }
    let subsets = pack(offers);
    let key = Key {
        kind: Kind::Endpoints,
        namespace: service.namespace().clone(),
        name: service.name().clone(),
    };
    let Some(known) = cache.get(&key) else {
        let mut new = value!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": (service.name().clone()), "namespace": (service.namespace().clone())},
        });
        write_down(&mut new, service, subsets, trigger);
        return service
            .deletion_timestamp()
            .is_none()
            .then_some(Action::Create(new));
    };
    let there = known
        .value()
        .get("subsets")
        .and_then(Value::as_list)
        .unwrap_or_default();
    if there == subsets && labels_hold(service, known) {
        return None;
    }
    let mut new = known.value().clone();
    write_down(&mut new, service, subsets, trigger);
    Some(Action::Merge {
        reference: known.reference().clone(),
        resource_version: known.resource_version().clone(),
        patch: merge_patch(known.value(), &new)?,
    })
}

fn write_down(
    endpoints: &mut Value,
    service: &LiveObject,
    subsets: Vec<Value>,
    trigger: Option<Timestamp>,
) {
    let mut labels = service.labels().clone();
    labels.remove(HEADLESS);
    if is_headless(service.value()) {
        labels.insert(HEADLESS, "");
    }
    labels.insert(MANAGED_BY, CONTROLLER);
    endpoints.set_at(&["metadata", "labels"], labels.into());
    set_trigger(endpoints, trigger);
    if subsets.is_empty() {
        endpoints.remove_at(&["subsets"]);
    } else {
        endpoints.set_at(&["subsets"], subsets.into());
    }
}

fn labels_hold(service: &LiveObject, endpoints: &LiveObject) -> bool {
    let own = |labels: &Map| {
        let mut labels = labels.clone();
        labels.retain(|key, _| ![HEADLESS, MANAGED_BY].contains(&key));
        labels
    };
    endpoints.label(MANAGED_BY) == Some(CONTROLLER)
        && own(endpoints.labels()) == own(service.labels())
}

/// What a Pod offers under a Service.
fn offers(service: &LiveObject, pod: &LiveObject) -> Vec<Offer> {
    let (wanted, value) = (service.value(), pod.value());
    let published = publishes_not_ready(wanted);
    if !is_reachable(value) || (pod.deletion_timestamp().is_some() && !published) {
        return Vec::new();
    }
    let family = families(wanted)[0].to_owned();
    let Some(ip) = addresses(value, &family).into_iter().next() else {
        return Vec::new();
    };
    let node = value.str_at(&["spec", "nodeName"]).unwrap_or_default();
    let mut address = value!({"ip": ip, "nodeName": node, "targetRef": (target(pod))});
    if let Some(hostname) = hostname(service, value) {
        address.set_at(&["hostname"], hostname.into());
    }
    let offer = |port| Offer {
        address: Address::of(&address),
        port,
        ready: published || is_ready(value),
    };
    let has_ports = wanted
        .at(&["spec", "ports"])
        .and_then(Value::as_list)
        .is_some_and(|ports| !ports.is_empty());
    match (has_ports, wanted.str_at(&["spec", "clusterIP"])) {
        (true, _) => ports(wanted, value)
            .into_iter()
            .map(bare)
            .map(|port| offer(Some(port)))
            .collect(),
        (false, Some("None")) => vec![offer(None)],
        (false, _) => Vec::new(),
    }
}

/// A port without a name has none here.
fn bare(mut port: Value) -> Value {
    if port.str_at(&["name"]) == Some("") {
        port.remove_at(&["name"]);
    }
    port
}

/// Sorts offers into as few subsets as possible: ports with the same
/// addresses share one.
pub(super) fn pack(offers: Vec<Offer>) -> Vec<Value> {
    let mut by_port: BTreeMap<Option<Value>, BTreeMap<Address, bool>> = BTreeMap::new();
    for offer in offers {
        let addresses = by_port.entry(offer.port).or_default();
        // Not ready once is not ready.
        let ready = addresses.entry(offer.address).or_insert(true);
        *ready &= offer.ready;
    }
    let mut by_addresses: BTreeMap<Vec<(Address, bool)>, Vec<Value>> = BTreeMap::new();
    for (port, addresses) in by_port {
        let ports = by_addresses
            .entry(addresses.into_iter().collect())
            .or_default();
        ports.extend(port);
    }
    let mut subsets: Vec<Value> = by_addresses
        .into_iter()
        .map(|(addresses, ports)| subset(&addresses, ports))
        .collect();
    sort_subsets(&mut subsets);
    subsets
}

fn subset(addresses: &[(Address, bool)], mut ports: Vec<Value>) -> Value {
    sort_subset_ports(&mut ports);
    let of_state = |wanted: bool| -> Vec<Value> {
        addresses
            .iter()
            .filter(|(_, ready)| *ready == wanted)
            .map(|(address, _)| address.value.clone())
            .collect()
    };
    let mut subset = value!({});
    for (key, list) in [
        ("addresses", of_state(true)),
        ("notReadyAddresses", of_state(false)),
        ("ports", ports),
    ] {
        if !list.is_empty() {
            subset.set_at(&[key], list.into());
        }
    }
    subset
}
