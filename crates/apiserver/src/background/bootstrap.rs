//! What a cluster has from its first moment.

use super::actor::Actor;
use super::bootstrap_roles;
use crate::core::ApiError;
use trueup_object::{Value, value};

/// The first namespaces.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
/// The address of the Service `kubernetes`: the first of the range.
const SERVICE_IP: &str = "10.0.0.1";
/// The port that Service `kubernetes` leads to.
const SERVER_PORT: i64 = 6443;

/// Makes what is missing.
pub fn run(actor: &Actor<'_>) -> Result<(), ApiError> {
    for name in NAMESPACES {
        actor.create(
            &value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
        )?;
    }
    actor.create(&kubernetes_service())?;
    for (name, priority, description) in PRIORITY_CLASSES {
        actor.create(&priority_class(name, *priority, description))?;
    }
    for object in bootstrap_roles::objects() {
        actor.create(&object)?;
    }
    Ok(())
}

/// The Service by which Pods reach the API server.
pub fn kubernetes_service() -> Value {
    value!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"}
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": SERVICE_IP,
            "clusterIPs": [SERVICE_IP],
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": SERVER_PORT}]
        }
    })
}

const PRIORITY_CLASSES: &[(&str, i64, &str)] = &[
    (
        "system-cluster-critical",
        2_000_000_000,
        "For Pods that the cluster must have, on whatever node.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "For Pods that a node must have.",
    ),
];

fn priority_class(name: &str, priority: i64, description: &str) -> Value {
    value!({
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": priority,
        "description": description
    })
}
