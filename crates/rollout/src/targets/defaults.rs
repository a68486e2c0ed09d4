//! Defaults that an API server fills into Pod templates and Services.
//!
//! A digest is taken of the template with its defaults, so that it is the same
//! whether a server has filled them in or not. The rows are those of
//! Kubernetes 1.36 (`SetDefaults_*` of core/v1).

use super::tidy::tidy;
use trueup_object::{Map, Value};

/// What a field is when nothing is said.
#[derive(Clone, Copy)]
enum Fill {
    /// A text where none or an empty one is given.
    Text(&'static str),
    /// A text, empty or not, where none is given.
    TextIfAbsent(&'static str),
    /// A number where none is given.
    Number(i64),
    /// A number where none or 0 is given.
    Count(i64),
    /// A truth value where none is given.
    Flag(bool),
    /// An empty map where none is given.
    Map,
}

use Fill::{Count, Flag, Number, Text, TextIfAbsent};

/// Every item of a list.
const EACH: &str = "*";

/// Files of Secrets and the like are readable by all.
const FILE_MODE: i64 = 0o644;

/// Fields of a Pod's spec. A row applies where the parent of its field is.
const POD_ROWS: &[(&str, Fill)] = &[
    ("dnsPolicy", Text("ClusterFirst")),
    ("restartPolicy", Text("Always")),
    ("schedulerName", Text("default-scheduler")),
    ("securityContext", Fill::Map),
    ("terminationGracePeriodSeconds", Number(30)),
    ("volumes.*.configMap.defaultMode", Number(FILE_MODE)),
    ("volumes.*.downwardAPI.defaultMode", Number(FILE_MODE)),
    ("volumes.*.projected.defaultMode", Number(FILE_MODE)),
    ("volumes.*.secret.defaultMode", Number(FILE_MODE)),
    ("volumes.*.hostPath.type", TextIfAbsent("")),
    (
        "volumes.*.downwardAPI.items.*.fieldRef.apiVersion",
        Text("v1"),
    ),
    (
        "volumes.*.projected.sources.*.downwardAPI.items.*.fieldRef.apiVersion",
        Text("v1"),
    ),
    (
        "volumes.*.projected.sources.*.serviceAccountToken.expirationSeconds",
        Number(3600),
    ),
    (
        "volumes.*.ephemeral.volumeClaimTemplate.spec.volumeMode",
        Text("Filesystem"),
    ),
    (
        "volumes.*.ephemeral.volumeClaimTemplate.spec.resources",
        Fill::Map,
    ),
    (
        "volumes.*.ephemeral.volumeClaimTemplate.metadata",
        Fill::Map,
    ),
    ("volumes.*.iscsi.iscsiInterface", Text("default")),
    ("volumes.*.rbd.pool", Text("rbd")),
    ("volumes.*.rbd.user", Text("admin")),
    ("volumes.*.rbd.keyring", Text("/etc/ceph/keyring")),
    ("volumes.*.azureDisk.cachingMode", Text("ReadWrite")),
    ("volumes.*.azureDisk.fsType", Text("ext4")),
    ("volumes.*.azureDisk.kind", Text("Shared")),
    ("volumes.*.azureDisk.readOnly", Flag(false)),
    ("volumes.*.scaleIO.storageMode", Text("ThinProvisioned")),
    ("volumes.*.scaleIO.fsType", Text("xfs")),
];

/// Fields of a container.
const CONTAINER_ROWS: &[(&str, Fill)] = &[
    ("resources", Fill::Map),
    ("terminationMessagePath", Text("/dev/termination-log")),
    ("terminationMessagePolicy", Text("File")),
    ("ports.*.protocol", Text("TCP")),
    ("env.*.valueFrom.fieldRef.apiVersion", Text("v1")),
    ("env.*.valueFrom.fileKeyRef.optional", Flag(false)),
];

/// Fields of a probe.
const PROBE_ROWS: &[(&str, Fill)] = &[
    ("timeoutSeconds", Count(1)),
    ("periodSeconds", Count(10)),
    ("successThreshold", Count(1)),
    ("failureThreshold", Count(3)),
    ("grpc.service", TextIfAbsent("")),
    ("httpGet.path", Text("/")),
    ("httpGet.scheme", Text("HTTP")),
];

/// Fields of what is done at the start or end of a container.
const HOOK_ROWS: &[(&str, Fill)] = &[
    ("httpGet.path", Text("/")),
    ("httpGet.scheme", Text("HTTP")),
];

/// Fields of a Service's spec.
const SERVICE_ROWS: &[(&str, Fill)] = &[
    ("sessionAffinity", Text("None")),
    ("type", Text("ClusterIP")),
    ("ports.*.protocol", Text("TCP")),
];

const CONTAINER_LISTS: [&str; 2] = ["containers", "initContainers"];
const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];
const HOOKS: [&str; 2] = ["lifecycle.postStart", "lifecycle.preStop"];

/// A Pod template in one form: defaults filled in, and nothing that an API
/// server would not keep.
pub(super) fn normal_template(template: &Value) -> Value {
    let mut template = tidy(template);
    if template.get("metadata").is_none() {
        template.set_at(&["metadata"], Value::map());
    }
    let Some(mut spec) = template.get("spec").cloned() else {
        return template;
    };
    fill(&mut spec, POD_ROWS);
    service_account(&mut spec);
    for list in CONTAINER_LISTS {
        at_each(&mut spec, &[list, EACH], &mut container);
    }
    at_each(&mut spec, &["volumes", EACH], &mut volume);
    template.set_at(&["spec"], spec);
    template
}

/// The spec of a Service in one form.
pub(super) fn normal_service_spec(spec: &Value) -> Value {
    let mut spec = tidy(spec);
    fill(&mut spec, SERVICE_ROWS);
    at_each(&mut spec, &["ports", EACH], &mut service_port);
    session_affinity(&mut spec);
    traffic_policies(&mut spec);
    spec
}

/// How long a client stays with a Pod, in seconds, where nothing is said.
const CLIENT_SECONDS: i64 = 10_800;

fn session_affinity(spec: &mut Value) {
    const TIMEOUT: [&str; 3] = ["sessionAffinityConfig", "clientIP", "timeoutSeconds"];
    match spec.str_at(&["sessionAffinity"]) {
        Some("None") => {
            spec.remove_at(&["sessionAffinityConfig"]);
        }
        Some("ClientIP") if spec.at(&TIMEOUT).is_none() => {
            spec.set_at(&TIMEOUT, CLIENT_SECONDS.into());
        }
        _ => {}
    }
}

/// Where traffic goes, by the type of the Service.
fn traffic_policies(spec: &mut Value) {
    let kind = spec.str_at(&["type"]).unwrap_or_default();
    let (is_balanced, has_address) = (kind == "LoadBalancer", kind == "ClusterIP");
    let has_node_ports = is_balanced || kind == "NodePort";
    let has_external = spec.get("externalIPs").is_some();
    if has_node_ports || (has_address && has_external) {
        set_default(spec, "externalTrafficPolicy", Text("Cluster"));
    }
    if has_node_ports || has_address {
        set_default(spec, "internalTrafficPolicy", Text("Cluster"));
    }
    if is_balanced {
        set_default(spec, "allocateLoadBalancerNodePorts", Flag(true));
    }
}

/// Where a Service's port leads to is the port itself, unless it says so.
pub(super) fn service_port(port: &mut Value) {
    let unset = match port.get("targetPort") {
        None | Some(Value::Null | Value::Integer(0)) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    };
    if let (true, Some(number)) = (unset, port.get("port").cloned()) {
        port.set_at(&["targetPort"], number);
    }
}

fn container(container: &mut Value) {
    fill(container, CONTAINER_ROWS);
    let policy = pull_policy(container.str_at(&["image"]).unwrap_or_default());
    set_default(container, "imagePullPolicy", Text(policy));
    for (places, rows) in [(&PROBES[..], PROBE_ROWS), (&HOOKS[..], HOOK_ROWS)] {
        for place in places {
            let path: Vec<&str> = place.split('.').collect();
            at_each(container, &path, &mut |it| fill(it, rows));
        }
    }
}

/// An image with the tag `latest`, or without tag and digest, is pulled always.
/// What is no name of an image has no tag.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let (repository, tag) = match name[last..].split_once(':') {
        Some((stem, tag)) => (&name[..last + stem.len()], Some(tag)),
        None => (name, None),
    };
    let is_latest = match tag {
        Some(tag) => tag == "latest",
        None => digest.is_none(),
    };
    if is_latest && is_repository(repository) {
        "Always"
    } else {
        "IfNotPresent"
    }
}

/// Whether all parts but a host are in lower case.
fn is_repository(name: &str) -> bool {
    let is_part = |part: &str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        !part.is_empty() && part.bytes().all(fits)
    };
    match name.split_once('/') {
        Some((host, path)) => !host.is_empty() && path.split('/').all(is_part),
        None => is_part(name),
    }
}

/// A volume that says nothing else is an empty folder.
fn volume(volume: &mut Value) {
    let says_more = |map: &Map| map.keys().any(|key| key != "name");
    if volume.as_map().is_some_and(|map| !says_more(map)) {
        volume.set_at(&["emptyDir"], Value::map());
    }
    if let Some(image) = volume.get("image") {
        let policy = pull_policy(image.str_at(&["reference"]).unwrap_or_default());
        at_each(volume, &["image"], &mut |it| {
            set_default(it, "pullPolicy", Text(policy));
        });
    }
}

/// The old name of this field follows the new one.
fn service_account(spec: &mut Value) {
    let text = |key: &str| spec.str_at(&[key]).filter(|text| !text.is_empty());
    let name = text("serviceAccountName").or_else(|| text("serviceAccount"));
    if let Some(name) = name.map(Value::from) {
        spec.set_at(&["serviceAccountName"], name.clone());
        spec.set_at(&["serviceAccount"], name);
    }
}

fn fill(value: &mut Value, rows: &[(&str, Fill)]) {
    for (path, default) in rows {
        let segments: Vec<&str> = path.split('.').collect();
        if let Some((field, parents)) = segments.split_last() {
            at_each(value, parents, &mut |it| set_default(it, field, *default));
        }
    }
}

fn set_default(parent: &mut Value, field: &str, default: Fill) {
    if parent.as_map().is_none() {
        return;
    }
    let is_set = match (parent.get(field), default) {
        (None | Some(Value::Null), _) => false,
        (Some(Value::String(text)), Text(_)) => !text.is_empty(),
        (Some(Value::Integer(number)), Count(_)) => *number != 0,
        (Some(_), _) => true,
    };
    if is_set {
        return;
    }
    let new = match default {
        Text(text) | TextIfAbsent(text) => text.into(),
        Number(number) | Count(number) => number.into(),
        Flag(truth) => truth.into(),
        Fill::Map => Value::map(),
    };
    parent.set_at(&[field], new);
}

/// Does something at every place that a path leads to, where it leads
/// anywhere.
fn at_each(value: &mut Value, path: &[&str], change: &mut dyn FnMut(&mut Value)) {
    match path.split_first() {
        None => change(value),
        Some((&EACH, rest)) => {
            if let Some(items) = value.as_list_mut() {
                for item in items.make_mut() {
                    at_each(item, rest, change);
                }
            }
        }
        Some((key, rest)) => {
            if let Some(member) = value.as_map_mut().and_then(|map| map.get_mut(key)) {
                at_each(member, rest, change);
            }
        }
    }
}
