//! Defaults that the server fills into built-in objects when it reads them: a
//! table from kinds to their defaults, with a short function for each kind.

mod admission;
mod network;
mod workloads;

pub(super) use workloads::TEMPLATE_GENERATION;

use super::pods;
use trueup_object::{EcoVec, Value, value};

/// Whether anything was filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Something was.
    Yes,
    /// The kind has no defaults.
    No,
}

/// Fills the defaults of a kind into an object that is in form.
pub fn apply(group: &str, kind: &str, object: &mut Value) -> Changed {
    match (group, kind) {
        ("", "Pod") => {
            pods::default_spec(object, &["spec"]);
            pods::default_pod(object);
        }
        ("", "PodTemplate") => pods::default_spec(object, &["template", "spec"]),
        ("", "Service") => network::service(object),
        ("", "Secret") => secret(object),
        ("", "Namespace") => namespace(object),
        ("", "PersistentVolumeClaim") => {
            default_missing(object, &["spec", "volumeMode"], "Filesystem")
        }
        ("", "PersistentVolume") => {
            default_missing(object, &["spec", "volumeMode"], "Filesystem");
            default(object, &["spec", "persistentVolumeReclaimPolicy"], "Retain");
            pods::default_source(object, &["spec"]);
        }
        ("", "Node") => allocatable(object),
        ("", "Endpoints") => each(object, &["subsets"], |subset| {
            each(subset, &["ports"], |port| {
                default(port, &["protocol"], "TCP")
            })
        }),
        ("", "LimitRange") => each(object, &["spec", "limits"], limit),
        ("", "ReplicationController") => workloads::replication_controller(object),
        ("apps", "Deployment") => workloads::deployment(object),
        ("apps", "ReplicaSet") => {
            default(object, &["spec", "replicas"], 1);
            pods::default_spec(object, &["spec", "template", "spec"]);
        }
        ("apps", "StatefulSet") => workloads::stateful_set(object),
        ("apps", "DaemonSet") => workloads::daemon_set(object),
        ("batch", "Job") => workloads::job(object),
        ("batch", "CronJob") => workloads::cron_job(object),
        ("autoscaling", "HorizontalPodAutoscaler") => workloads::autoscaler(object),
        ("networking.k8s.io", "NetworkPolicy") => network::network_policy(object),
        ("networking.k8s.io", "IngressClass") if object.at(&["spec", "parameters"]).is_some() => {
            default_missing(object, &["spec", "parameters", "scope"], "Cluster");
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => binding(object),
        ("discovery.k8s.io", "EndpointSlice") => each(object, &["ports"], |port| {
            default_missing(port, &["protocol"], "TCP");
            default(port, &["name"], "");
        }),
        ("storage.k8s.io", "StorageClass") => {
            default_missing(object, &["reclaimPolicy"], "Delete");
            default_missing(object, &["volumeBindingMode"], "Immediate");
        }
        ("storage.k8s.io", "CSIDriver") => storage_driver(object),
        ("apiregistration.k8s.io", "APIService") if object.at(&["spec", "service"]).is_some() => {
            default_missing(object, &["spec", "service", "port"], 443);
        }
        ("flowcontrol.apiserver.k8s.io", "FlowSchema") => {
            if object.i64_at(&["spec", "matchingPrecedence"]).unwrap_or(0) == 0 {
                object.set_at(&["spec", "matchingPrecedence"], 1000.into());
            }
        }
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration") => priority_level(object),
        (
            "admissionregistration.k8s.io",
            "ValidatingAdmissionPolicy" | "MutatingAdmissionPolicy",
        ) => {
            default_missing(object, &["spec", "failurePolicy"], "Fail");
            admission::match_resources(object, "matchConstraints");
        }
        (
            "admissionregistration.k8s.io",
            "ValidatingAdmissionPolicyBinding" | "MutatingAdmissionPolicyBinding",
        ) => admission::match_resources(object, "matchResources"),
        ("scheduling.k8s.io", "PriorityClass") => {
            default_missing(object, &["preemptionPolicy"], "PreemptLowerPriority")
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            super::definitions::default_names(object)
        }
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
        ) => {
            each(object, &["webhooks"], |webhook| {
                admission::default_webhook(webhook, kind)
            });
        }
        _ => return Changed::No,
    }
    Changed::Yes
}

/// Sets a field that is missing, null or empty text.
pub(super) fn default(object: &mut Value, path: &[&str], new: impl Into<Value>) {
    let missing = match object.at(path) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    };
    if missing {
        object.set_at(path, new.into());
    }
}

/// Sets a field that is missing or null: for fields in which an empty text
/// means something else.
pub(super) fn default_missing(object: &mut Value, path: &[&str], new: impl Into<Value>) {
    if object.at(path).is_none_or(Value::is_null) {
        object.set_at(path, new.into());
    }
}

/// Does something to every item of a list.
pub(super) fn each(object: &mut Value, path: &[&str], mut change: impl FnMut(&mut Value)) {
    let Some(list) = object.at(path).and_then(Value::as_list) else {
        return;
    };
    let changed: EcoVec<Value> = list
        .iter()
        .map(|item| {
            let mut item = item.clone();
            change(&mut item);
            item
        })
        .collect();
    object.set_at(path, Value::List(changed));
}

/// All that a Node has can be given away, if it does not say otherwise.
fn allocatable(object: &mut Value) {
    networks_of_pods(object);
    if let Some(capacity) = object.at(&["status", "capacity"]).cloned() {
        default(object, &["status", "allocatable"], capacity);
    }
}

/// The first of a Node's networks stands in a field of its own too.
fn networks_of_pods(object: &mut Value) {
    let one = object.str_at(&["spec", "podCIDR"]).unwrap_or("").to_owned();
    let mut all = object
        .at(&["spec", "podCIDRs"])
        .and_then(Value::as_list)
        .unwrap_or_default()
        .to_vec();
    match (one.is_empty(), all.first_mut()) {
        (true, Some(first)) => {
            let first = first.clone();
            object.set_at(&["spec", "podCIDR"], first);
            return;
        }
        (true, None) => return,
        (false, Some(first)) => *first = one.into(),
        (false, None) => all.push(one.into()),
    }
    object.set_at(&["spec", "podCIDRs"], all.into());
}

fn storage_driver(object: &mut Value) {
    default(object, &["spec", "attachRequired"], true);
    for key in [
        "podInfoOnMount",
        "storageCapacity",
        "requiresRepublish",
        "seLinuxMount",
    ] {
        default(object, &["spec", key], false);
    }
    default_missing(
        object,
        &["spec", "fsGroupPolicy"],
        "ReadWriteOnceWithFSType",
    );
    default_list(
        object,
        &["spec", "volumeLifecycleModes"],
        value!(["Persistent"]),
    );
}

/// Sets a list that is missing or empty.
fn default_list(object: &mut Value, path: &[&str], new: Value) {
    let empty = object
        .at(path)
        .and_then(Value::as_list)
        .is_none_or(<[Value]>::is_empty);
    if empty {
        object.set_at(path, new);
    }
}

fn priority_level(object: &mut Value) {
    for (kind, shares) in [("exempt", 0), ("limited", 30)] {
        if object.at(&["spec", kind]).is_some() {
            default(object, &["spec", kind, "nominalConcurrencyShares"], shares);
            default(object, &["spec", kind, "lendablePercent"], 0);
        }
    }
    let queuing = ["spec", "limited", "limitResponse", "queuing"];
    if object.at(&queuing).is_some() {
        for (key, amount) in [("handSize", 8), ("queues", 64), ("queueLengthLimit", 50)] {
            let path = ["spec", "limited", "limitResponse", "queuing", key];
            default(object, &path, amount);
        }
    }
}

fn secret(object: &mut Value) {
    use base64::Engine as _;
    if let Some(Value::Map(texts)) = object.remove_at(&["stringData"]) {
        for (key, text) in &texts {
            let text = text.as_str().unwrap_or("");
            let encoded = base64::engine::general_purpose::STANDARD.encode(text);
            object.set_at(&["data", key], encoded.into());
        }
    }
    default(object, &["type"], "Opaque");
}

fn namespace(object: &mut Value) {
    if let Some(name) = object
        .str_at(&["metadata", "name"])
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
    {
        object.set_at(
            &["metadata", "labels", "kubernetes.io/metadata.name"],
            name.into(),
        );
    }
}

/// A limit's default is its maximum, and its default request its default or
/// minimum.
fn limit(item: &mut Value) {
    if item.str_at(&["type"]) != Some("Container") {
        return;
    }
    let fill = |item: &mut Value, to: &str, from: &str| {
        let Some(Value::Map(values)) = item.get(from).cloned() else {
            return;
        };
        for (resource, amount) in &values {
            default(item, &[to, resource], amount.clone());
        }
    };
    fill(item, "default", "max");
    fill(item, "defaultRequest", "default");
    fill(item, "defaultRequest", "min");
}

const RBAC: &str = "rbac.authorization.k8s.io";

fn binding(object: &mut Value) {
    default(object, &["roleRef", "apiGroup"], RBAC);
    each(object, &["subjects"], |subject| {
        if matches!(subject.str_at(&["kind"]), Some("User" | "Group")) {
            default(subject, &["apiGroup"], RBAC);
        }
    });
}
