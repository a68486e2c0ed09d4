//! Defaults that an API server fills into Pod templates and Services.
//!
//! A digest is taken of the template with its defaults, so that it is the same
//! whether a server has filled them in or not. The rows are those of
//! Kubernetes 1.36 (`SetDefaults_*` of core/v1).

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
    /// An empty map where none is given.
    Map,
}

use Fill::{Count, Number, Text, TextIfAbsent};

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
    ("volumes.*.iscsi.iscsiInterface", Text("default")),
    ("volumes.*.rbd.pool", Text("rbd")),
    ("volumes.*.rbd.user", Text("admin")),
    ("volumes.*.rbd.keyring", Text("/etc/ceph/keyring")),
    ("volumes.*.azureDisk.cachingMode", Text("ReadWrite")),
    ("volumes.*.azureDisk.fsType", Text("ext4")),
    ("volumes.*.azureDisk.kind", Text("Shared")),
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

/// Maps of texts, which are the same empty and absent.
const TEXT_MAPS: [&str; 6] = [
    "annotations",
    "labels",
    "limits",
    "matchLabels",
    "nodeSelector",
    "requests",
];

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
    spec
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

/// An image without a tag or digest, or with the tag `latest`, is pulled
/// always.
fn pull_policy(image: &str) -> &'static str {
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.rsplit_once(':') {
        _ if image.contains('@') => "IfNotPresent",
        None | Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
    }
}

/// A volume that says nothing else is an empty folder.
fn volume(volume: &mut Value) {
    let says_more = |map: &Map| map.keys().any(|key| key != "name");
    if volume.as_map().is_some_and(|map| !says_more(map)) {
        volume.set_at(&["emptyDir"], Value::map());
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

/// Without what an API server does not keep: nulls, empty lists, and empty
/// maps of texts. Whole floats are whole numbers.
fn tidy(value: &Value) -> Value {
    match value {
        Value::Map(map) => map
            .iter()
            .map(|(key, member)| (key.clone(), tidy(member)))
            .filter(|(key, member)| !is_nothing(key, member))
            .collect::<Map>()
            .into(),
        Value::List(items) => items.iter().map(tidy).collect(),
        Value::Float(float) => whole(*float).map_or_else(|| value.clone(), Value::from),
        other => other.clone(),
    }
}

fn is_nothing(key: &str, member: &Value) -> bool {
    match member {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.is_empty() && TEXT_MAPS.contains(&key),
        _ => false,
    }
}

/// Beyond this not every whole number is a float.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

fn whole(float: f64) -> Option<i64> {
    if float.fract() != 0.0 || float.abs() > LARGEST_EXACT {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole, and within what a float counts exactly"
    )]
    Some(float as i64)
}
