//! Defaults that the server fills into built-in objects when it reads them.
//!
//! Longer than other files: a table from kinds to their defaults, with a short
//! function for each kind. They share nothing but the ways to fill a field in,
//! and are compared with the genuine server's kind by kind.

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
        ("", "Service") => service(object),
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
        ("", "ReplicationController") => replication_controller(object),
        ("apps", "Deployment") => deployment(object),
        ("apps", "ReplicaSet") => {
            default(object, &["spec", "replicas"], 1);
            pods::default_spec(object, &["spec", "template", "spec"]);
        }
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("batch", "Job") => job(object, &[]),
        ("batch", "CronJob") => cron_job(object),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(object),
        ("networking.k8s.io", "NetworkPolicy") => network_policy(object),
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
            match_resources(object, "matchConstraints");
        }
        (
            "admissionregistration.k8s.io",
            "ValidatingAdmissionPolicyBinding" | "MutatingAdmissionPolicyBinding",
        ) => match_resources(object, "matchResources"),
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
                default_webhook(webhook, kind)
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

fn service(object: &mut Value) {
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

fn match_resources(object: &mut Value, key: &str) {
    if object.at(&["spec", key]).is_none() {
        return;
    }
    default_missing(object, &["spec", key, "matchPolicy"], "Equivalent");
    default(object, &["spec", key, "namespaceSelector"], Value::map());
    default(object, &["spec", key, "objectSelector"], Value::map());
    for rules in ["resourceRules", "excludeResourceRules"] {
        each(object, &["spec", key, rules], |rule| {
            default_missing(rule, &["scope"], "*");
        });
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

fn replication_controller(object: &mut Value) {
    default(object, &["spec", "replicas"], 1);
    if let Some(labels) = object
        .at(&["spec", "template", "metadata", "labels"])
        .cloned()
    {
        default(object, &["spec", "selector"], labels.clone());
        default(object, &["metadata", "labels"], labels);
    }
    pods::default_spec(object, &["spec", "template", "spec"]);
}

fn deployment(object: &mut Value) {
    default(object, &["spec", "replicas"], 1);
    default(object, &["spec", "strategy", "type"], "RollingUpdate");
    if object.str_at(&["spec", "strategy", "type"]) == Some("RollingUpdate") {
        default_missing(
            object,
            &["spec", "strategy", "rollingUpdate", "maxUnavailable"],
            "25%",
        );
        default_missing(
            object,
            &["spec", "strategy", "rollingUpdate", "maxSurge"],
            "25%",
        );
    }
    default(object, &["spec", "revisionHistoryLimit"], 10);
    default(object, &["spec", "progressDeadlineSeconds"], 600);
    pods::default_spec(object, &["spec", "template", "spec"]);
}

fn stateful_set(object: &mut Value) {
    default(object, &["spec", "podManagementPolicy"], "OrderedReady");
    let strategy = ["spec", "updateStrategy", "type"];
    let rolling = ["spec", "updateStrategy", "rollingUpdate"];
    let untyped = object.str_at(&strategy).unwrap_or("").is_empty();
    default(object, &strategy, "RollingUpdate");
    // A type that is named gets no parameters that are not.
    if object.str_at(&strategy) == Some("RollingUpdate")
        && (untyped || object.at(&rolling).is_some())
    {
        let partition = ["spec", "updateStrategy", "rollingUpdate", "partition"];
        default(object, &partition, 0);
    }
    default(
        object,
        &[
            "spec",
            "persistentVolumeClaimRetentionPolicy",
            "whenDeleted",
        ],
        "Retain",
    );
    default(
        object,
        &["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"],
        "Retain",
    );
    default(object, &["spec", "replicas"], 1);
    default(object, &["spec", "revisionHistoryLimit"], 10);
    each(object, &["spec", "volumeClaimTemplates"], |claim| {
        default(claim, &["apiVersion"], "v1");
        default(claim, &["kind"], "PersistentVolumeClaim");
        default_missing(claim, &["spec", "volumeMode"], "Filesystem");
        default(claim, &["status", "phase"], "Pending");
    });
    pods::default_spec(object, &["spec", "template", "spec"]);
}

fn daemon_set(object: &mut Value) {
    default(object, &["spec", "updateStrategy", "type"], "RollingUpdate");
    if object.str_at(&["spec", "updateStrategy", "type"]) == Some("RollingUpdate") {
        default_missing(
            object,
            &["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"],
            1,
        );
        default_missing(
            object,
            &["spec", "updateStrategy", "rollingUpdate", "maxSurge"],
            0,
        );
    }
    default(object, &["spec", "revisionHistoryLimit"], 10);
    default(
        object,
        &["metadata", "annotations", TEMPLATE_GENERATION],
        "1",
    );
    pods::default_spec(object, &["spec", "template", "spec"]);
}

/// An old counter of a DaemonSet's templates, kept as an annotation.
pub(super) const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn job(object: &mut Value, at: &[&str]) {
    let path = |tail: &[&'static str]| -> Vec<String> {
        at.iter().chain(tail).map(|key| (*key).to_owned()).collect()
    };
    let set = |object: &mut Value, tail: &[&'static str], value: Value| {
        let path = path(tail);
        default_missing(
            object,
            &path.iter().map(String::as_str).collect::<Vec<_>>(),
            value,
        );
    };
    if at.is_empty() {
        set(object, &["spec", "manualSelector"], false.into());
    }
    let unset = |object: &Value, key: &'static str| {
        let path = path(&["spec", key]);
        object
            .at(&path.iter().map(String::as_str).collect::<Vec<_>>())
            .is_none()
    };
    if unset(object, "completions") && unset(object, "parallelism") {
        set(object, &["spec", "completions"], 1.into());
    }
    set(object, &["spec", "parallelism"], 1.into());
    let retries = if unset(object, "backoffLimitPerIndex") {
        6
    } else {
        i64::from(i32::MAX)
    };
    set(object, &["spec", "backoffLimit"], retries.into());
    if unset(object, "completionMode") {
        set(object, &["spec", "completionMode"], "NonIndexed".into());
    }
    set(object, &["spec", "suspend"], false.into());
    let fails = object
        .at(&path(&["spec", "podFailurePolicy"])
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>())
        .is_some();
    set(
        object,
        &["spec", "podReplacementPolicy"],
        if fails {
            "Failed"
        } else {
            "TerminatingOrFailed"
        }
        .into(),
    );
    let template = path(&["spec", "template", "spec"]);
    pods::default_spec(
        object,
        &template.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    failure_conditions(object, &["spec", "podFailurePolicy", "rules"]);
}

/// A condition of a Pod counts where it is true, if it does not say.
fn failure_conditions(object: &mut Value, path: &[&str]) {
    each(object, path, |rule| {
        each(rule, &["onPodConditions"], |condition| {
            default(condition, &["status"], "True");
        });
    });
}

fn cron_job(object: &mut Value) {
    default(object, &["spec", "concurrencyPolicy"], "Allow");
    default(object, &["spec", "suspend"], false);
    default(object, &["spec", "successfulJobsHistoryLimit"], 3);
    default(object, &["spec", "failedJobsHistoryLimit"], 1);
    pods::default_spec(object, &["spec", "jobTemplate", "spec", "template", "spec"]);
    let rules = ["spec", "jobTemplate", "spec", "podFailurePolicy", "rules"];
    failure_conditions(object, &rules);
}

fn autoscaler(object: &mut Value) {
    default(object, &["spec", "minReplicas"], 1);
    if object.str_at(&["apiVersion"]) == Some("autoscaling/v1") {
        return;
    }
    let measured = object
        .at(&["spec", "metrics"])
        .and_then(Value::as_list)
        .is_some_and(|list| !list.is_empty());
    if !measured {
        let metric = value!({
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
        });
        object.set_at(&["spec", "metrics"], vec![metric].into());
    }
    if object.at(&["spec", "behavior"]).is_some() {
        scaling_rules(object);
    }
}

fn scaling_rules(object: &mut Value) {
    let percent = value!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let pods = value!({"type": "Pods", "value": 4, "periodSeconds": 15});
    default(
        object,
        &["spec", "behavior", "scaleUp", "stabilizationWindowSeconds"],
        0,
    );
    default_missing(
        object,
        &["spec", "behavior", "scaleUp", "selectPolicy"],
        "Max",
    );
    default(
        object,
        &["spec", "behavior", "scaleUp", "policies"],
        vec![pods, percent.clone()],
    );
    default_missing(
        object,
        &["spec", "behavior", "scaleDown", "selectPolicy"],
        "Max",
    );
    default(
        object,
        &["spec", "behavior", "scaleDown", "policies"],
        vec![percent],
    );
}

fn network_policy(object: &mut Value) {
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

const RBAC: &str = "rbac.authorization.k8s.io";

fn binding(object: &mut Value) {
    default(object, &["roleRef", "apiGroup"], RBAC);
    each(object, &["subjects"], |subject| {
        if matches!(subject.str_at(&["kind"]), Some("User" | "Group")) {
            default(subject, &["apiGroup"], RBAC);
        }
    });
}

fn default_webhook(webhook: &mut Value, kind: &str) {
    default_missing(webhook, &["failurePolicy"], "Fail");
    default_missing(webhook, &["matchPolicy"], "Equivalent");
    default(webhook, &["namespaceSelector"], Value::map());
    default(webhook, &["objectSelector"], Value::map());
    default(webhook, &["timeoutSeconds"], 10);
    if kind == "MutatingWebhookConfiguration" {
        default_missing(webhook, &["reinvocationPolicy"], "Never");
    }
    if webhook.at(&["clientConfig", "service"]).is_some() {
        default(webhook, &["clientConfig", "service", "port"], 443);
    }
    each(webhook, &["rules"], |rule| {
        default_missing(rule, &["scope"], "*")
    });
}
