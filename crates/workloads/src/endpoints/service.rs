//! What a Service selects and offers.

use super::TriggerTimes;
pub(super) use crate::cache::SERVICE_NAME;
use crate::cache::{Cache, Kind};
use crate::conditions::{get, time_at};
use crate::pods::is_ended;
use jiff::Timestamp;
use std::net::IpAddr;
use trueup_cluster::LiveObject;
use trueup_object::{Map, Text, Value, value};

/// The label of whatever leads to the Pods of a Service without cluster IP.
pub(super) const HEADLESS: &str = "service.kubernetes.io/headless";
/// When what an endpoint shows has last changed.
pub(super) const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";

/// The Service that a slice belongs to.
pub(super) fn service_name(slice: &LiveObject) -> Option<&str> {
    slice.label(SERVICE_NAME).filter(|name| !name.is_empty())
}

/// The labels that a Service selects Pods by; `None` when it selects none.
pub(super) fn selector(service: &Value) -> Option<&Map> {
    let selector = service.at(&["spec", "selector"])?.as_map()?;
    (!selector.is_empty()).then_some(selector)
}

/// Whether a Service's endpoints follow its selector.
pub(super) fn is_managed(service: &Value) -> bool {
    service.str_at(&["spec", "type"]) != Some("ExternalName") && selector(service).is_some()
}

/// Whether a Service selects Pods with these labels.
pub(super) fn selects(service: &Value, labels: &Map) -> bool {
    selector(service).is_some_and(|selector| {
        selector
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    })
}

/// The Pods that a Service selects, by name.
pub(super) fn pods<'a>(service: &LiveObject, cache: &'a Cache) -> Vec<&'a LiveObject> {
    cache
        .in_namespace(Kind::Pod, service.namespace())
        .map(|(_, object)| object)
        .filter(|pod| selects(service.value(), pod.labels()))
        .collect()
}

/// Whether a Pod has an address and has not ended.
pub(super) fn is_reachable(pod: &Value) -> bool {
    let listed = pod.at(&["status", "podIPs"]).and_then(Value::as_list);
    let single = pod.str_at(&["status", "podIP"]).unwrap_or_default();
    !is_ended(pod) && (!single.is_empty() || listed.is_some_and(|list| !list.is_empty()))
}

/// `spec.publishNotReadyAddresses`.
pub(super) fn publishes_not_ready(service: &Value) -> bool {
    service
        .at(&["spec", "publishNotReadyAddresses"])
        .and_then(Value::as_bool)
        == Some(true)
}

/// Whether a Service has no address of its own.
pub(super) fn is_headless(service: &Value) -> bool {
    matches!(
        service.str_at(&["spec", "clusterIP"]),
        None | Some("" | "None")
    )
}

/// Its address families, in its order.
pub(super) fn families(service: &Value) -> Vec<&str> {
    let families = service.at(&["spec", "ipFamilies"]).and_then(Value::as_list);
    let families: Vec<&str> = families
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    if families.is_empty() {
        vec!["IPv4"]
    } else {
        families
    }
}

/// The addresses of a Pod in a family.
pub(super) fn addresses(pod: &Value, family: &str) -> Vec<Text> {
    let listed = pod.at(&["status", "podIPs"]).and_then(Value::as_list);
    listed
        .unwrap_or_default()
        .iter()
        .filter_map(|entry| entry.str_at(&["ip"])?.parse().ok())
        .filter(|address: &IpAddr| address.is_ipv6() == (family == "IPv6"))
        .map(|address| address.to_string().into())
        .collect()
}

/// The ports of a Service as a Pod offers them, under the Service's names. A
/// port that the Pod does not have by that name is left out.
pub(super) fn ports(service: &Value, pod: &Value) -> Vec<Value> {
    let ports = service.at(&["spec", "ports"]).and_then(Value::as_list);
    ports
        .unwrap_or_default()
        .iter()
        .filter_map(|port| {
            let number = target_port(port, pod)?;
            let protocol = protocol_of(port);
            let name = port.str_at(&["name"]).unwrap_or_default();
            let mut endpoint = value!({"name": name, "port": number, "protocol": protocol});
            if let Some(protocol) = port.get("appProtocol") {
                endpoint.set_at(&["appProtocol"], protocol.clone());
            }
            Some(endpoint)
        })
        .collect()
}

fn protocol_of(port: &Value) -> &str {
    port.str_at(&["protocol"]).unwrap_or("TCP")
}

/// The number behind `targetPort`: a name is looked for in the containers,
/// and in those that stay beside them.
fn target_port(port: &Value, pod: &Value) -> Option<i64> {
    let target = port.get("targetPort")?;
    let Some(name) = target.as_str() else {
        return target.as_i64();
    };
    let containers = |list: &'static str| {
        pod.at(&["spec", list])
            .and_then(Value::as_list)
            .unwrap_or_default()
    };
    let stays = |container: &&Value| container.str_at(&["restartPolicy"]) == Some("Always");
    containers("containers")
        .iter()
        .chain(containers("initContainers").iter().filter(stays))
        .filter_map(|container| container.get("ports")?.as_list())
        .flatten()
        .find(|offered| {
            offered.str_at(&["name"]) == Some(name) && protocol_of(offered) == protocol_of(port)
        })?
        .i64_at(&["containerPort"])
}

/// The host name under which a headless Service knows a Pod.
pub(super) fn hostname<'a>(service: &LiveObject, pod: &'a Value) -> Option<&'a str> {
    let subdomain = pod.str_at(&["spec", "subdomain"]).unwrap_or_default();
    pod.str_at(&["spec", "hostname"])
        .filter(|hostname| !hostname.is_empty() && subdomain == service.name().as_str())
}

/// A reference to a Pod.
pub(super) fn target(pod: &LiveObject) -> Value {
    value!({
        "kind": "Pod", "namespace": (pod.namespace().clone()),
        "name": (pod.name().clone()), "uid": (pod.uid().clone()),
    })
}

/// Since when each Pod is ready or not ready.
pub(super) fn trigger_times(pods: &[&LiveObject]) -> TriggerTimes {
    pods.iter()
        .filter_map(|pod| {
            let conditions = pod.value().at(&["status", "conditions"])?.as_list()?;
            let time = time_at(get(conditions, "Ready")?, &["lastTransitionTime"])?;
            Some((pod.name().clone(), time))
        })
        .collect()
}

/// The moment of the first change that was not known yet; a Service that is
/// looked at for the first time counts from its creation. `None` when no
/// Pod tells.
pub(super) fn trigger(
    service: &LiveObject,
    pods: &[&LiveObject],
    known: Option<&TriggerTimes>,
) -> Option<Timestamp> {
    let Some(known) = known else {
        return service.creation_timestamp().parse().ok();
    };
    trigger_times(pods)
        .into_iter()
        .filter(|(pod, time)| known.get(pod).is_none_or(|before| before < time))
        .map(|(_, time)| time)
        .min()
}
