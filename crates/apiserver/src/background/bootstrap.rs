//! What a cluster has from its first moment.

use super::actor::Actor;
use super::bootstrap_roles;
use crate::core::store::Write;
use crate::core::{ApiError, GroupResource, ObjectKey, time_text};
use std::sync::OnceLock;
use trueup_object::{Text, Value, value};

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
    make_roles(actor)
}

/// Stores the roles and bindings that are missing.
fn make_roles(actor: &Actor<'_>) -> Result<(), ApiError> {
    static ROLES: OnceLock<Vec<Value>> = OnceLock::new();
    let time = time_text(actor.now);
    for role in ROLES.get_or_init(bootstrap_roles::tracked) {
        let text = |path: &[&str]| Text::from(role.str_at(path).unwrap_or_default());
        let resource = GroupResource {
            group: "rbac.authorization.k8s.io".into(),
            plural: ecow::eco_format!("{}s", text(&["kind"]).to_lowercase()),
        };
        let key = ObjectKey {
            namespace: text(&["metadata", "namespace"]),
            name: text(&["metadata", "name"]),
        };
        let store = actor.core.store();
        if store.get(&resource, &key.namespace, &key.name).is_some() {
            continue;
        }
        let object = born(role, &actor.core.random_uid(), &time);
        store
            .write(&resource, &key, None, Write::Put(object))
            .map_err(|refusal| ApiError::internal(format!("{refusal:?}")))?;
    }
    Ok(())
}

/// A copy with the uid and times of this cluster.
fn born(role: &Value, uid: &str, time: &Text) -> Value {
    let mut object = role.clone();
    object.set_at(&["metadata", "uid"], uid.into());
    object.set_at(&["metadata", "creationTimestamp"], time.clone().into());
    let entries = role
        .at(&["metadata", "managedFields"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let entries = entries.iter().cloned().map(|mut entry| {
        entry.set_at(&["time"], time.clone().into());
        entry
    });
    object.set_at(&["metadata", "managedFields"], entries.collect());
    object
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
