//! Pods and pod templates: defaults, and the first status.

use super::defaults::{default, each};
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
    let host_network = spec.at(&["hostNetwork"]).and_then(Value::as_bool) == Some(true);
    for list in CONTAINER_LISTS {
        each(&mut spec, &[list], |container| {
            default_container(container, host_network)
        });
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

fn default_container(container: &mut Value, host_network: bool) {
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
        if host_network && let Some(number) = port.get("containerPort").cloned() {
            default(port, &["hostPort"], number);
        }
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

/// An image without a tag, or with `latest`, is always pulled.
fn pull_policy(image: &str) -> &'static str {
    if image.contains('@') {
        return "IfNotPresent";
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.rsplit_once(':') {
        None | Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
    }
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
    if container.at(&[probe, "grpc"]).is_some()
        && container.at(&[probe, "grpc", "service"]).is_none()
    {
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
    if volume.get("hostPath").is_some() && volume.at(&["hostPath", "type"]).is_none() {
        volume.set_at(&["hostPath", "type"], "".into());
    }
    if volume.get("iscsi").is_some() {
        default(volume, &["iscsi", "iscsiInterface"], "default");
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
    for list in ["containers", "initContainers"] {
        each(object, &["spec", list], |container| {
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

/// The first status of a new pod.
pub fn created(object: &mut Value) {
    object.set_at(
        &["status"],
        value!({"phase": "Pending", "qosClass": (qos_class(object))}),
    );
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
