//! What is accepted, but said to be likely a mistake.

mod addresses;
mod pods;
mod volumes;

use super::registry::Resource;
use super::validate::at::At;
use trueup_object::{Value, names};
use trueup_schema::Structural;

/// Labels of nodes that have new names, and what is said of the old ones.
const OLD_LABELS: [(&str, &str); 8] = [
    (
        "beta.kubernetes.io/arch",
        "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
    ),
    (
        "beta.kubernetes.io/os",
        "deprecated since v1.14; use \"kubernetes.io/os\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    (
        "scheduler.alpha.kubernetes.io/preferAvoidPods",
        "deprecated since v1.22; use Taints and Tolerations instead",
    ),
    (
        "node-role.kubernetes.io/master",
        "use \"node-role.kubernetes.io/control-plane\" instead",
    ),
];

/// What is said of an old label of nodes.
fn old_label(key: &str) -> Option<&'static str> {
    let found = OLD_LABELS.iter().find(|(label, _)| *label == key);
    found.map(|(_, message)| *message)
}

/// The warnings for a created object, or for one that was changed from
/// `live`.
#[must_use]
pub fn of(resource: &Resource, object: &Value, live: Option<&Value>) -> Vec<String> {
    if resource.custom.is_some() {
        return Vec::new();
    }
    let root = At::root(object);
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod" | "PodTemplate" | "ReplicationController") | ("apps" | "batch", _) => {
            workload(&resource.kind, &root, live)
        }
        ("", "Service") => addresses::service(&root),
        ("", "Endpoints") => addresses::endpoints(&root),
        ("discovery.k8s.io", "EndpointSlice") => addresses::endpoint_slice(&root, live),
        ("networking.k8s.io", "NetworkPolicy") => addresses::network_policy(&root),
        ("", "PersistentVolume") => volumes::volume(&root),
        ("", "PersistentVolumeClaim") => volumes::claim(&root),
        ("storage.k8s.io", "StorageClass") => volumes::storage_class(&root),
        ("storage.k8s.io", "CSIDriver") => volumes::storage_driver(&root, live),
        ("networking.k8s.io", "Ingress") if live.is_none() => ingress(&root),
        ("", "Secret") => secret(&root),
        ("", "ServiceAccount") => account(&root, live),
        ("", "ResourceQuota") if live.is_none() => quota(&root),
        ("", "Node") => node(&root),
        ("node.k8s.io", "RuntimeClass") => runtime_class(&root),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => formats(object),
        _ => Vec::new(),
    }
}

fn workload(kind: &str, root: &At<'_>, live: Option<&Value>) -> Vec<String> {
    let path: &[&str] = match kind {
        "Pod" => &[],
        "PodTemplate" => &["template"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template"],
        "ControllerRevision" => return Vec::new(),
        _ => &["spec", "template"],
    };
    let mut warnings = if live.is_none() {
        surprising_name(kind, root.at(&["metadata", "name"]).text())
    } else {
        Vec::new()
    };
    let generation = root.at(&["metadata", "generation"]);
    let same = live.is_some_and(|live| live.at(&["metadata", "generation"]) == generation.value());
    let silent = live.is_some() && (kind == "Pod" || same);
    if !silent {
        warnings.extend(pods::template(&root.at(path)));
    }
    if kind == "StatefulSet" {
        set(&mut warnings, root, live);
    }
    let schedule = root.at(&["spec", "schedule"]);
    if kind == "CronJob" && live.is_some() && schedule.text().contains("TZ") {
        warnings.push("cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details".to_owned());
    }
    warnings
}

/// A name from which hostnames are made had better be one.
fn surprising_name(kind: &str, name: &str) -> Vec<String> {
    let errors = names::dns_label_errors(name);
    let used = match kind {
        "Pod" => "the Pod's hostname",
        "Deployment" | "ReplicaSet" | "ReplicationController" | "Job" | "CronJob" => {
            "Pod names and hostnames"
        }
        _ => return Vec::new(),
    };
    if errors.is_empty() {
        return Vec::new();
    }
    let errors = errors.join(" ");
    vec![format!(
        "metadata.name: this is used in {used}, which can result in surprising behavior; a DNS label is recommended: [{errors}]"
    )]
}

fn set(warnings: &mut Vec<String>, root: &At<'_>, live: Option<&Value>) {
    for claim in root.at(&["spec", "volumeClaimTemplates"]).items() {
        let path = if live.is_some() {
            claim.child("Spec")
        } else {
            claim.path().to_owned()
        };
        volumes::claim_spec(warnings, &claim.get("spec").called(path));
    }
    let history = root.at(&["spec", "revisionHistoryLimit"]);
    if history.number().is_some_and(|limit| limit < 0) {
        warnings.push("spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended".to_owned());
    }
}

fn ingress(root: &At<'_>) -> Vec<String> {
    let annotations = root.at(&["metadata", "annotations"]);
    let old = annotations.get("kubernetes.io/ingress.class");
    if !old.is_set() || root.at(&["spec", "ingressClassName"]).is_set() {
        return Vec::new();
    }
    vec![
        "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"
            .to_owned(),
    ]
}

/// The certificate and the key of a TLS Secret are PEM.
fn secret(root: &At<'_>) -> Vec<String> {
    use base64::Engine as _;
    if root.get("type").text() != "kubernetes.io/tls" {
        return Vec::new();
    }
    let holds = |key: &str, marks: [&str; 2]| {
        let data = root.get("data").get(key);
        let bytes = base64::engine::general_purpose::STANDARD.decode(data.text());
        let bytes = bytes.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        text.contains("-----BEGIN ") && marks.iter().all(|mark| text.contains(mark))
    };
    let missing = if !holds("tls.crt", ["CERTIFICATE-----", "-----END "]) {
        "certificate"
    } else if !holds("tls.key", ["PRIVATE KEY-----", "-----END "]) {
        "key"
    } else {
        return Vec::new();
    };
    vec![format!(
        "tls: failed to find any PEM data in {missing} input"
    )]
}

fn account(root: &At<'_>, live: Option<&Value>) -> Vec<String> {
    const MOUNTABLE: &str = "kubernetes.io/enforce-mountable-secrets";
    let had = live.is_some_and(|live| live.at(&["metadata", "annotations", MOUNTABLE]).is_some());
    if had || !root.at(&["metadata", "annotations", MOUNTABLE]).is_set() {
        return Vec::new();
    }
    vec![format!(
        "metadata.annotations[{MOUNTABLE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    )]
}

fn quota(root: &At<'_>) -> Vec<String> {
    let hard = root.at(&["spec", "hard"]);
    let mut warnings = Vec::new();
    for resource in ["cpu", "memory", "storage", "ephemeral-storage"] {
        let mut requested = format!("requests.{resource}");
        let plain = ["cpu", "memory"].contains(&resource);
        if plain && !hard.get(&requested).is_set() {
            requested = resource.to_owned();
        }
        let limited = format!("limits.{resource}");
        let amounts = (
            hard.get(&requested).quantity(),
            hard.get(&limited).quantity(),
        );
        if let (Some(request), Some(limit)) = amounts
            && request > limit
        {
            warnings.push(format!(
                "ResourceQuota {requested} ({request}) should be less than {limited} ({limit})"
            ));
        }
    }
    warnings
}

fn node(root: &At<'_>) -> Vec<String> {
    let spec = root.get("spec");
    let mut warnings = Vec::new();
    if spec.get("configSource").is_set() {
        warnings.push("spec.configSource: the feature is removed".to_owned());
    }
    if !spec.get("externalID").text().is_empty() {
        let text = "spec.externalID: this field is deprecated, and is unused by Kubernetes";
        warnings.push(text.to_owned());
    }
    warnings
}

fn runtime_class(root: &At<'_>) -> Vec<String> {
    let labels = root.at(&["scheduling", "nodeSelector"]);
    let old = labels.entries().filter_map(|(key, _)| old_label(key));
    old.map(|message| format!("scheduling.nodeSelector: {message}"))
        .collect()
}

fn formats(definition: &Value) -> Vec<String> {
    let versions = definition
        .at(&["spec", "versions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let schemas = versions
        .iter()
        .filter_map(|version| version.at(&["schema", "openAPIV3Schema"]));
    let unknown = schemas.flat_map(|schema| Structural::parse_accepted(schema).unknown_formats());
    unknown
        .map(|format| format!("unrecognized format {format:?}"))
        .collect()
}
