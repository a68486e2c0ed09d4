//! The simulated node as an object.

use crate::conditions::text_of;
use crate::options::NODE_LABEL;
use jiff::Timestamp;
use trueup_object::{Map, Value, value};

/// The node's labels.
pub(crate) fn labels(name: &str) -> Map {
    [
        ("kubernetes.io/hostname", name),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        (NODE_LABEL, "true"),
    ]
    .map(|(key, text)| (key, Value::from(text)))
    .into_iter()
    .collect()
}

/// The Node to be created.
pub(crate) fn node(name: &str) -> Value {
    value!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": (labels(name))},
    })
}

/// Its status: ready, with room for everything.
pub(crate) fn status(now: Timestamp) -> Value {
    let now = text_of(now);
    let room =
        value!({"cpu": "64", "memory": "256Gi", "pods": "10000", "ephemeral-storage": "1Ti"});
    value!({
        "capacity": (room.clone()),
        "allocatable": room,
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "SimulatedNode",
            "message": "the node is simulated: Pods run nothing",
            "lastHeartbeatTime": (now.clone()), "lastTransitionTime": now,
        }],
        "nodeInfo": {
            "kubeletVersion": "v1.36.0-trueup", "osImage": "simulated", "operatingSystem": "linux",
            "architecture": "amd64", "containerRuntimeVersion": "simulated://1", "kernelVersion": "",
            "machineID": "", "systemUUID": "", "bootID": "", "kubeProxyVersion": "",
        },
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
    })
}

/// The Lease by which a node shows that it is alive.
pub(crate) fn lease(name: &str, now: Timestamp) -> Value {
    value!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": (format!("{now:.6}"))},
    })
}
