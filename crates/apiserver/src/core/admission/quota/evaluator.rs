//! What an object counts for.

use crate::core::GroupResource;
use crate::core::admission::amounts::{self, Amounts, Side, containers};
use crate::core::pods::qos_class;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use trueup_object::{Quantity, QuantityFormat, Text, Value};

/// Names that stand for the state of a Pod rather than for an object.
const OF_PODS: [&str; 10] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
];
/// Names that every container has to state where a quota counts them.
const STATED: [&str; 6] = [
    "cpu",
    "memory",
    "requests.cpu",
    "requests.memory",
    "limits.cpu",
    "limits.memory",
];
const OF_SERVICES: [&str; 3] = ["services", "services.loadbalancers", "services.nodeports"];
const OF_CLAIMS: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];
/// Stands between the name of a storage class and what is counted of it.
const OF_CLASS: &str = ".storageclass.storage.k8s.io/";
/// Kinds whose plain name is counted beside `count/…`.
const PLAIN: [&str; 4] = [
    "configmaps",
    "resourcequotas",
    "replicationcontrollers",
    "secrets",
];

/// How the objects of one resource are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Evaluator {
    Pods,
    Services,
    Claims,
    /// By number, under `count/RESOURCE.GROUP` and sometimes a plain name.
    Objects(GroupResource),
}

impl Evaluator {
    pub(super) fn of(resource: &GroupResource) -> Self {
        match (resource.group.as_str(), resource.plural.as_str()) {
            ("", "pods") => Self::Pods,
            ("", "services") => Self::Services,
            ("", "persistentvolumeclaims") => Self::Claims,
            _ => Self::Objects(resource.clone()),
        }
    }

    /// Whether it counts under a name.
    pub(super) fn counts(&self, name: &str) -> bool {
        match self {
            Self::Pods => {
                name == "count/pods"
                    || OF_PODS.contains(&name)
                    || name.starts_with("hugepages-")
                    || name.starts_with("requests.hugepages-")
                    || is_extended(name)
            }
            Self::Services => name == "count/services" || OF_SERVICES.contains(&name),
            Self::Claims => {
                let of_class = name.split_once(OF_CLASS).map(|(_, counted)| counted);
                name == "count/persistentvolumeclaims"
                    || OF_CLAIMS.contains(&name)
                    || of_class.is_some_and(|counted| OF_CLAIMS.contains(&counted))
            }
            Self::Objects(resource) => {
                name == count_name(resource)
                    || (resource.group.is_empty()
                        && resource.plural == name
                        && PLAIN.contains(&name))
            }
        }
    }

    /// Whether a change of an object may change what it counts for.
    pub(super) fn follows_updates(&self) -> bool {
        matches!(self, Self::Services | Self::Claims)
    }

    /// Whether a change moves a Pod from one scope into another.
    pub(super) fn is_scoped_anew(&self, before: &Value, after: &Value) -> bool {
        *self == Self::Pods && is_terminating(before) != is_terminating(after)
    }

    /// What an object counts for at a time.
    pub(super) fn usage(&self, object: &Value, now: Timestamp) -> Amounts {
        match self {
            Self::Pods => pod_usage(object, now),
            Self::Services => service_usage(object),
            Self::Claims => claim_usage(object),
            Self::Objects(resource) => {
                let mut usage = Amounts::from([(count_name(resource).into(), number(1))]);
                if resource.group.is_empty() && PLAIN.contains(&resource.plural.as_str()) {
                    usage.insert(resource.plural.clone(), number(1));
                }
                usage
            }
        }
    }

    /// What containers have to state and do not, such as
    /// `requests.cpu for: app`.
    pub(super) fn missing(&self, names: &[Text], pod: &Value) -> Option<String> {
        if *self != Self::Pods || amounts::has_own(pod) {
            return None;
        }
        let required: Vec<&Text> = names
            .iter()
            .filter(|name| STATED.contains(&name.as_str()))
            .collect();
        let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for container in ["containers", "initContainers"]
            .iter()
            .flat_map(|list| containers(pod, list))
        {
            let requests = Side::Requests.of_container(container);
            let stated = compute(&requests, &Side::Limits.of_container(container));
            for name in required.iter().filter(|name| !stated.contains_key(**name)) {
                let container = container.str_at(&["name"]).unwrap_or_default();
                missing.entry(name).or_default().push(container);
            }
        }
        let parts: Vec<String> = missing
            .into_iter()
            .map(|(name, mut containers)| {
                containers.sort_unstable();
                containers.dedup();
                format!("{name} for: {}", containers.join(","))
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

fn number(count: usize) -> Quantity {
    Quantity::whole(
        i64::try_from(count).unwrap_or(i64::MAX),
        QuantityFormat::Decimal,
    )
}

fn count_name(resource: &GroupResource) -> String {
    match resource.group.as_str() {
        "" => format!("count/{}", resource.plural),
        group => format!("count/{}.{group}", resource.plural),
    }
}

/// `requests.NAME` of a resource that is not Kubernetes' own.
fn is_extended(name: &str) -> bool {
    name.strip_prefix("requests.").is_some_and(|resource| {
        resource.contains('/')
            && (!resource.contains("kubernetes.io/")
                || resource.starts_with("deviceclass.resource.kubernetes.io/"))
    })
}

fn pod_usage(pod: &Value, now: Timestamp) -> Amounts {
    let mut usage = Amounts::from([("count/pods".into(), number(1))]);
    if !is_charged(pod, now) {
        return usage;
    }
    let (mut requests, mut limits) = (Side::Requests.of_pod(pod), Side::Limits.of_pod(pod));
    let overhead = amounts::read(pod.at(&["spec", "overhead"]));
    amounts::add(&mut requests, &overhead);
    for (name, amount) in &overhead {
        if let Some(limit) = limits.get_mut(name) {
            *limit = limit.plus(*amount);
        }
    }
    amounts::add(&mut usage, &compute(&requests, &limits));
    usage
}

/// Whether a Pod still takes resources: one that has ended, or that should
/// have gone long ago, does not.
fn is_charged(pod: &Value, now: Timestamp) -> bool {
    if matches!(
        pod.str_at(&["status", "phase"]),
        Some("Succeeded" | "Failed")
    ) {
        return false;
    }
    let metadata = |key| pod.at(&["metadata", key]);
    let due = metadata("deletionTimestamp")
        .and_then(Value::as_str)
        .and_then(|it| it.parse::<Timestamp>().ok());
    let grace = metadata("deletionGracePeriodSeconds").and_then(Value::as_i64);
    match (due, grace) {
        (Some(due), Some(grace)) => due
            .checked_add(SignedDuration::from_secs(grace))
            .is_ok_and(|last| now <= last),
        _ => true,
    }
}

/// The names under which requests and limits are counted.
fn compute(requests: &Amounts, limits: &Amounts) -> Amounts {
    let mut usage = Amounts::from([("pods".into(), number(1))]);
    for (name, amount) in requests {
        let (plain, extended) = match name.as_str() {
            "cpu" | "memory" | "ephemeral-storage" => (true, true),
            name if name.starts_with("hugepages-") => (true, true),
            name => (false, name.contains('/')),
        };
        if plain {
            usage.insert(name.clone(), *amount);
        }
        if extended {
            usage.insert(format!("requests.{name}").into(), *amount);
        }
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(amount) = limits.get(name) {
            usage.insert(format!("limits.{name}").into(), *amount);
        }
    }
    usage
}

fn service_usage(service: &Value) -> Amounts {
    let ports = service
        .at(&["spec", "ports"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let given = ports
        .iter()
        .filter(|port| port.i64_at(&["nodePort"]).unwrap_or(0) != 0)
        .count();
    let allocates = service
        .at(&["spec", "allocateLoadBalancerNodePorts"])
        .and_then(Value::as_bool)
        != Some(false);
    let (node_ports, balancers) = match service.str_at(&["spec", "type"]) {
        Some("NodePort") => (ports.len(), 0),
        Some("LoadBalancer") if allocates => (ports.len(), 1),
        Some("LoadBalancer") => (given, 1),
        _ => (0, 0),
    };
    Amounts::from([
        ("count/services".into(), number(1)),
        ("services".into(), number(1)),
        ("services.loadbalancers".into(), number(balancers)),
        ("services.nodeports".into(), number(node_ports)),
    ])
}

fn claim_usage(claim: &Value) -> Amounts {
    let mut usage = Amounts::from([
        ("count/persistentvolumeclaims".into(), number(1)),
        ("persistentvolumeclaims".into(), number(1)),
    ]);
    let requested = amounts::read(claim.at(&["spec", "resources", "requests"]));
    let allocated = amounts::read(claim.at(&["status", "allocatedResources"]));
    let storage = requested.get("storage").map(|requested| {
        let most = allocated
            .get("storage")
            .map_or(*requested, |it| (*it).max(*requested));
        whole(most)
    });
    if let Some(storage) = storage {
        usage.insert("requests.storage".into(), storage);
    }
    let class = claim
        .str_at(&[
            "metadata",
            "annotations",
            "volume.beta.kubernetes.io/storage-class",
        ])
        .or_else(|| claim.str_at(&["spec", "storageClassName"]));
    if let Some(class) = class.filter(|class| !class.is_empty()) {
        let name = |counted: &str| Text::from(format!("{class}{OF_CLASS}{counted}"));
        usage.insert(name("persistentvolumeclaims"), number(1));
        usage.extend(storage.map(|storage| (name("requests.storage"), storage)));
    }
    usage
}

/// Whole bytes.
fn whole(storage: Quantity) -> Quantity {
    if storage.nanos() % 1_000_000_000 == 0 {
        return storage;
    }
    i64::try_from(storage.units()).map_or(storage, |units| {
        Quantity::whole(units, QuantityFormat::Decimal)
    })
}

/// Whether a Pod ends by itself at a time.
pub(super) fn is_terminating(pod: &Value) -> bool {
    pod.i64_at(&["spec", "activeDeadlineSeconds"])
        .is_some_and(|it| it >= 0)
}

/// Whether a Pod states nothing.
pub(super) fn is_best_effort(pod: &Value) -> bool {
    qos_class(pod) == "BestEffort"
}
