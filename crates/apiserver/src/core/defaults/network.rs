//! Defaults of Services and NetworkPolicies.

use super::{default, default_missing, each};
use trueup_object::{Value, value};

pub(super) fn service(object: &mut Value) {
    default(object, &["spec", "sessionAffinity"], "None");
    let timeout = [
        "spec",
        "sessionAffinityConfig",
        "clientIP",
        "timeoutSeconds",
    ];
    match object.str_at(&["spec", "sessionAffinity"]) {
        Some("None") => {
            object.remove_at(&["spec", "sessionAffinityConfig"]);
        }
        Some("ClientIP") => default(object, &timeout, 10800),
        _ => {}
    }
    default(object, &["spec", "type"], "ClusterIP");
    each(object, &["spec", "ports"], |port| {
        default(port, &["protocol"], "TCP");
        let unset = matches!(
            port.get("targetPort"),
            None | Some(Value::Null | Value::Integer(0))
        ) || port.str_at(&["targetPort"]) == Some("");
        if unset && let Some(number) = port.get("port").cloned() {
            port.set_at(&["targetPort"], number);
        }
    });
    traffic(object);
}

/// Where the traffic of a Service goes, by its type.
fn traffic(object: &mut Value) {
    let kind = object.str_at(&["spec", "type"]).unwrap_or("").to_owned();
    let external = object
        .at(&["spec", "externalIPs"])
        .and_then(Value::as_list)
        .is_some_and(|list| !list.is_empty());
    let balanced = kind == "LoadBalancer";
    if balanced || kind == "NodePort" || (kind == "ClusterIP" && external) {
        default(object, &["spec", "externalTrafficPolicy"], "Cluster");
    }
    if ["NodePort", "LoadBalancer", "ClusterIP"].contains(&kind.as_str()) {
        default_missing(object, &["spec", "internalTrafficPolicy"], "Cluster");
    }
    if balanced {
        default(object, &["spec", "allocateLoadBalancerNodePorts"], true);
        each(object, &["status", "loadBalancer", "ingress"], |ingress| {
            if ingress.get("ip").is_some() {
                default(ingress, &["ipMode"], "VIP");
            }
        });
    }
}

pub(super) fn network_policy(object: &mut Value) {
    for rules in ["ingress", "egress"] {
        each(object, &["spec", rules], |rule| {
            each(rule, &["ports"], |port| {
                default_missing(port, &["protocol"], "TCP");
            });
        });
    }
    let named = object
        .at(&["spec", "policyTypes"])
        .and_then(Value::as_list)
        .is_some_and(|list| !list.is_empty());
    if !named {
        let egress = object
            .at(&["spec", "egress"])
            .and_then(Value::as_list)
            .is_some_and(|list| !list.is_empty());
        let types = if egress {
            value!(["Ingress", "Egress"])
        } else {
            value!(["Ingress"])
        };
        object.set_at(&["spec", "policyTypes"], types);
    }
}
