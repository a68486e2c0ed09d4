//! Pods and pod templates: defaults, and the first status.

use super::defaults::{default, each};
use super::write::Call;
use trueup_object::{Value, value};

const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Defaults of a pod's or template's spec at a path.
pub fn default_spec(object: &mut Value, path: &[&str]) {
    let Some(mut spec) = object.at(path).cloned() else {
        return;
    };
    if spec.as_map().is_none() {
        return;
    }
    default(&mut spec, &["dnsPolicy"], "ClusterFirst");
    default(&mut spec, &["restartPolicy"], "Always");
    default(&mut spec, &["terminationGracePeriodSeconds"], 30);
    default(&mut spec, &["securityContext"], Value::map());
    default(&mut spec, &["schedulerName"], "default-scheduler");
    service_account(&mut spec);
    for list in CONTAINER_LISTS {
        each(&mut spec, &[list], default_container);
    }
    each(&mut spec, &["volumes"], default_volume);
    object.set_at(path, spec);
}

/// The old name of the service account's field follows the new one.
fn service_account(spec: &mut Value) {
    let new = spec
        .str_at(&["serviceAccountName"])
        .unwrap_or("")
        .to_owned();
    let old = spec.str_at(&["serviceAccount"]).unwrap_or("").to_owned();
    if !new.is_empty() {
        spec.set_at(&["serviceAccount"], new.into());
    } else if !old.is_empty() {
        spec.set_at(&["serviceAccountName"], old.into());
    }
}

fn default_container(container: &mut Value) {
    default(
        container,
        &["terminationMessagePath"],
        "/dev/termination-log",
    );
    default(container, &["terminationMessagePolicy"], "File");
    let policy = pull_policy(container.str_at(&["image"]).unwrap_or(""));
    default(container, &["imagePullPolicy"], policy);
    each(container, &["ports"], |port| {
        default(port, &["protocol"], "TCP");
    });
    each(container, &["env"], |variable| {
        if variable.at(&["valueFrom", "fieldRef"]).is_some() {
            default(variable, &["valueFrom", "fieldRef", "apiVersion"], "v1");
        }
    });
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        default_probe(container, probe);
    }
    for hook in ["postStart", "preStop"] {
        default_handler(container, &["lifecycle", hook]);
    }
}

/// An image with the tag `latest` is always pulled, and so is one that names
/// neither tag nor digest. What is no name of an image has no tag either way.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    if !is_image(name) || !digest.is_none_or(is_digest) {
        return "IfNotPresent";
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    match (last.rsplit_once(':'), digest) {
        (None, None) | (Some((_, "latest")), _) => "Always",
        _ => "IfNotPresent",
    }
}

/// Whether a text names an image: a path in lower case behind a host, perhaps
/// with a port, and perhaps a tag.
fn is_image(image: &str) -> bool {
    const MAX_TAG: usize = 128;
    const MAX_NAME: usize = 255;
    let last = image.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match image[last..].split_once(':') {
        Some((stem, tag)) => (&image[..last + stem.len()], Some(tag)),
        None => (image, None),
    };
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let is_tag = |tag: &str| {
        (1..=MAX_TAG).contains(&tag.len())
            && word(tag.as_bytes()[0])
            && tag.bytes().all(|b| word(b) || b".-".contains(&b))
    };
    let mut parts: Vec<&str> = name.split('/').collect();
    let is_host = parts.len() > 1 && (parts[0].contains(['.', ':']) || parts[0] == "localhost");
    if is_host {
        parts.remove(0);
    }
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|b| edge(*b))
            && bytes.last().is_some_and(|b| edge(*b))
            && bytes.iter().all(|b| edge(*b) || b"._-".contains(b))
    };
    name.len() <= MAX_NAME && tag.is_none_or(is_tag) && parts.iter().all(|part| is_part(part))
}

/// Whether a text is the digest of an image: an algorithm and hexadecimal digits.
fn is_digest(digest: &str) -> bool {
    const LEAST_DIGITS: usize = 32;
    const SHA256_DIGITS: usize = 64;
    let Some((algorithm, digits)) = digest.split_once(':') else {
        return false;
    };
    let is_long_enough = match algorithm {
        "sha256" => digits.len() == SHA256_DIGITS,
        _ => digits.len() >= LEAST_DIGITS,
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-_+.".contains(&b);
    algorithm.starts_with(|first: char| first.is_ascii_alphabetic())
        && algorithm.bytes().all(is_name)
        && is_long_enough
        && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

fn default_probe(container: &mut Value, probe: &str) {
    if container.at(&[probe]).is_none() {
        return;
    }
    let zero = |container: &Value, key: &str| {
        matches!(container.at(&[probe, key]), None | Some(Value::Integer(0)))
    };
    for (key, amount) in [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ] {
        if zero(container, key) {
            container.set_at(&[probe, key], amount.into());
        }
    }
    default_handler(container, &[probe]);
    let service = container.at(&[probe, "grpc", "service"]);
    if container.at(&[probe, "grpc"]).is_some() && service.is_none_or(Value::is_null) {
        container.set_at(&[probe, "grpc", "service"], "".into());
    }
}

fn default_handler(container: &mut Value, path: &[&str]) {
    let at = |tail: &'static [&'static str]| -> Vec<&str> {
        path.iter().copied().chain(tail.iter().copied()).collect()
    };
    if container.at(&at(&["httpGet"])).is_some() {
        default(container, &at(&["httpGet", "path"]), "/");
        default(container, &at(&["httpGet", "scheme"]), "HTTP");
    }
}

/// Files of secrets and the like are readable by all (0644).
const DEFAULT_MODE: i64 = 420;

fn default_volume(volume: &mut Value) {
    let sources = volume.as_map().map_or(0, |map| {
        map.keys().filter(|key| key.as_str() != "name").count()
    });
    if sources == 0 {
        volume.set_at(&["emptyDir"], Value::map());
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if volume.get(source).is_some() {
            default(volume, &[source, "defaultMode"], DEFAULT_MODE);
        }
    }
    default_source(volume, &[]);
    if let Some(reference) = volume.get("image") {
        let policy = pull_policy(reference.str_at(&["reference"]).unwrap_or(""));
        default(volume, &["image", "pullPolicy"], policy);
    }
    each(volume, &["projected", "sources"], |source| {
        if source.get("serviceAccountToken").is_some() {
            default(source, &["serviceAccountToken", "expirationSeconds"], 3600);
        }
        each(source, &["downwardAPI", "items"], |item| {
            if item.get("fieldRef").is_some() {
                default(item, &["fieldRef", "apiVersion"], "v1");
            }
        });
    });
    each(volume, &["downwardAPI", "items"], |item| {
        if item.get("fieldRef").is_some() {
            default(item, &["fieldRef", "apiVersion"], "v1");
        }
    });
    if volume.at(&["ephemeral", "volumeClaimTemplate"]).is_some() {
        default(
            volume,
            &["ephemeral", "volumeClaimTemplate", "spec", "volumeMode"],
            "Filesystem",
        );
    }
}

/// Defaults of the sources that Pods and PersistentVolumes share.
pub fn default_source(object: &mut Value, path: &[&str]) {
    if object.at(&object_path(path, "hostPath")).is_some() {
        let kind = [path, &["hostPath", "type"]].concat();
        if object.at(&kind).is_none() {
            object.set_at(&kind, "".into());
        }
    }
    let fields: [(&str, &[(&str, &str)]); 4] = [
        ("iscsi", &[("iscsiInterface", "default")]),
        (
            "rbd",
            &[
                ("pool", "rbd"),
                ("user", "admin"),
                ("keyring", "/etc/ceph/keyring"),
            ],
        ),
        (
            "azureDisk",
            &[
                ("cachingMode", "ReadWrite"),
                ("fsType", "ext4"),
                ("kind", "Shared"),
            ],
        ),
        (
            "scaleIO",
            &[("storageMode", "ThinProvisioned"), ("fsType", "xfs")],
        ),
    ];
    for (source, texts) in fields {
        if object.at(&object_path(path, source)).is_none() {
            continue;
        }
        for (key, text) in texts {
            default(object, &[path, &[source, *key]].concat(), *text);
        }
        if source == "azureDisk" {
            default(object, &[path, &[source, "readOnly"]].concat(), false);
        }
    }
}

fn object_path<'a>(path: &[&'a str], source: &'a str) -> Vec<&'a str> {
    [path, &[source]].concat()
}

/// Defaults that pods have and templates do not.
pub fn default_pod(object: &mut Value) {
    default(object, &["spec", "enableServiceLinks"], true);
    if let Some(address) = object
        .str_at(&["status", "podIP"])
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        && object.at(&["status", "podIPs"]).is_none()
    {
        object.set_at(&["status", "podIPs"], vec![value!({"ip": address})].into());
    }
    let host_network = object.at(&["spec", "hostNetwork"]).and_then(Value::as_bool) == Some(true);
    for list in ["containers", "initContainers"] {
        each(object, &["spec", list], |container| {
            if host_network {
                each(container, &["ports"], host_port);
            }
            let Some(Value::Map(limits)) = container.at(&["resources", "limits"]).cloned() else {
                return;
            };
            for (resource, amount) in &limits {
                default(
                    container,
                    &["resources", "requests", resource],
                    amount.clone(),
                );
            }
        });
    }
}

/// On the network of the node, a port is the node's.
fn host_port(port: &mut Value) {
    let unset = port.i64_at(&["hostPort"]).unwrap_or(0) == 0;
    if unset && let Some(number) = port.get("containerPort").cloned() {
        port.set_at(&["hostPort"], number);
    }
}

/// The first status of a new Pod, and what follows from its own labels.
pub fn created(call: &Call<'_>, object: &mut Value) {
    let grace = ["spec", "terminationGracePeriodSeconds"];
    if object.i64_at(&grace).is_some_and(|seconds| seconds < 0) {
        object.set_at(&grace, 1.into());
    }
    object.set_at(
        &["status"],
        value!({"phase": "Pending", "qosClass": (qos_class(object))}),
    );
    gated(call, object);
    own_labels(object);
}

/// A Pod behind a gate says that it is not scheduled.
fn gated(call: &Call<'_>, object: &mut Value) {
    let open = object
        .at(&["spec", "schedulingGates"])
        .and_then(Value::as_list)
        .is_none_or(<[Value]>::is_empty);
    if open {
        return;
    }
    let condition = value!({
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": null,
        "lastTransitionTime": (call.time()),
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    });
    object.set_at(&["status", "conditions"], vec![condition].into());
}

/// Keys whose values are those of the Pod's own labels become requirements of
/// the selectors beside them.
fn own_labels(object: &mut Value) {
    let labels = object.at(&["metadata", "labels"]).cloned();
    let labels = labels.unwrap_or_default();
    each(object, &["spec", "topologySpreadConstraints"], |term| {
        require_own(term, &labels);
    });
    for kind in ["podAffinity", "podAntiAffinity"] {
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        each(object, &["spec", "affinity", kind, required], |term| {
            require_own(term, &labels);
        });
        let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
        each(object, &["spec", "affinity", kind, preferred], |term| {
            let Some(mut inner) = term.get("podAffinityTerm").cloned() else {
                return;
            };
            require_own(&mut inner, &labels);
            term.set_at(&["podAffinityTerm"], inner);
        });
    }
}

fn require_own(term: &mut Value, labels: &Value) {
    if term.get("labelSelector").is_none_or(Value::is_null) {
        return;
    }
    for (list, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        let keys = term.get(list).and_then(Value::as_list).unwrap_or_default();
        let wanted: Vec<Value> = keys
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|key| Some((key, labels.get(key)?.as_str()?)))
            .map(|(key, value)| value!({"key": key, "operator": operator, "values": [value]}))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let path = ["labelSelector", "matchExpressions"];
        let mut all = term
            .at(&path)
            .and_then(Value::as_list)
            .unwrap_or_default()
            .to_vec();
        all.extend(wanted);
        term.set_at(&path, all.into());
    }
}

/// `Guaranteed` where every container's limits equal its requests for CPU and
/// memory, `BestEffort` where there are none, else `Burstable`.
#[must_use]
pub fn qos_class(pod: &Value) -> &'static str {
    let containers = ["containers", "initContainers"].iter().flat_map(|list| {
        pod.at(&["spec", list])
            .and_then(Value::as_list)
            .unwrap_or_default()
    });
    let (mut any, mut guaranteed) = (false, true);
    for container in containers {
        for resource in ["cpu", "memory"] {
            let request = container.at(&["resources", "requests", resource]);
            let limit = container.at(&["resources", "limits", resource]);
            any |= request.is_some() || limit.is_some();
            guaranteed &= limit.is_some() && (request.is_none() || request == limit);
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use super::pull_policy;

    #[test]
    fn the_tag_decides_whether_an_image_is_pulled_also_before_a_digest() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        for (image, policy) in [
            ("app".to_owned(), "Always"),
            ("app:latest".to_owned(), "Always"),
            ("example.com:5000/app".to_owned(), "Always"),
            ("app:1.0".to_owned(), "IfNotPresent"),
            (format!("app@{digest}"), "IfNotPresent"),
            (format!("app:1.0@{digest}"), "IfNotPresent"),
            (format!("app:latest@{digest}"), "Always"),
            ("app:latest@sha256:0f".to_owned(), "IfNotPresent"),
            ("App".to_owned(), "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(&image), policy, "{image}");
        }
    }
}
