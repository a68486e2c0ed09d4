//! Tables of the core group's namespaced kinds.

use super::age::since;
use super::cells::{
    NONE, UNKNOWN, UNSET, access_modes, age, joined, labels, list, name, number, scalar, text,
    text_or,
};
use super::columns::{AGE, Column, NAME};
use super::{Builtin, pods};
use jiff::Timestamp;
use trueup_object::Value;

const POD_LABELS: Column = Column::text("Pod Labels", "Labels of the template.");

pub static PRINTERS: &[Builtin] = &[
    Builtin {
        group: "",
        resource: "pods",
        columns: &[
            NAME,
            Column::text("Ready", "How many of the containers are ready."),
            Column::text("Status", "What the Pod is doing, in one word."),
            Column::text("Restarts", "How often containers were started again."),
            AGE,
            Column::wide("IP", "Address of the Pod."),
            Column::wide("Node", "Node that runs the Pod."),
            Column::wide("Nominated Node", "Node that is being cleared for the Pod."),
            Column::wide(
                "Readiness Gates",
                "How many of the readiness gates are open.",
            ),
        ],
        cells: pods::pod,
    },
    Builtin {
        group: "",
        resource: "podtemplates",
        columns: &[NAME, CONTAINERS_SHOWN, IMAGES_SHOWN, POD_LABELS],
        cells: pod_template,
    },
    Builtin {
        group: "",
        resource: "configmaps",
        columns: &[
            NAME,
            Column::text("Data", "How many entries there are."),
            AGE,
        ],
        cells: config_map,
    },
    Builtin {
        group: "",
        resource: "secrets",
        columns: &[
            NAME,
            Column::text("Type", "What the Secret is for."),
            Column::text("Data", "How many entries there are."),
            AGE,
        ],
        cells: secret,
    },
    Builtin {
        group: "",
        resource: "serviceaccounts",
        columns: &[NAME, AGE],
        cells: name_and_age,
    },
    Builtin {
        group: "",
        resource: "services",
        columns: &[
            NAME,
            Column::text("Type", "How the Service is exposed."),
            Column::text("Cluster-IP", "Address within the cluster."),
            Column::text("External-IP", "Addresses outside the cluster."),
            Column::text("Port(s)", "Ports of the Service."),
            AGE,
            Column::wide("Selector", "Labels of the Pods behind the Service."),
        ],
        cells: service,
    },
    Builtin {
        group: "",
        resource: "endpoints",
        columns: &[
            NAME,
            Column::text("Endpoints", "Addresses with their ports."),
            AGE,
        ],
        cells: endpoints,
    },
    Builtin {
        group: "",
        resource: "events",
        columns: EVENT_COLUMNS,
        cells: event,
    },
    Builtin {
        group: "events.k8s.io",
        resource: "events",
        columns: EVENT_COLUMNS,
        cells: event,
    },
    Builtin {
        group: "",
        resource: "persistentvolumeclaims",
        columns: &[
            NAME,
            Column::text("Status", "Phase of the claim."),
            Column::text("Volume", "Volume that is bound to the claim."),
            Column::text("Capacity", "Size of the volume."),
            Column::text("Access Modes", "How the volume may be mounted."),
            Column::text("StorageClass", "Class of the claim."),
            Column::text("VolumeAttributesClass", "Class of the volume's attributes."),
            AGE,
            Column::wide(
                "VolumeMode",
                "Whether it is a file system or a block device.",
            ),
        ],
        cells: persistent_volume_claim,
    },
    Builtin {
        group: "",
        resource: "resourcequotas",
        columns: &[
            NAME,
            Column::text("Request", "Use of requests against their limits."),
            Column::text("Limit", "Use of limits against their limits."),
            AGE,
        ],
        cells: resource_quota,
    },
];

const CONTAINERS_SHOWN: Column =
    Column::text("Containers", "Names of the containers of the template.");
const IMAGES_SHOWN: Column = Column::text("Images", "Images of the containers of the template.");

const EVENT_COLUMNS: &[Column] = &[
    Column::text("Last Seen", "Time since the event last happened."),
    Column::text("Type", "Normal or Warning."),
    Column::text("Reason", "Why it happened, in one word."),
    Column::text("Object", "The object that it is about."),
    Column::wide("Subobject", "The part of the object that it is about."),
    Column::wide("Source", "Who reported it."),
    Column::text("Message", "What happened."),
    Column::wide("First Seen", "Time since the event first happened."),
    Column::wide("Count", "How often it happened."),
    NAME.only_wide(),
];

pub fn name_and_age(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![name(object), age(object, now)]
}

fn pod_template(object: &Value, _: Timestamp) -> Vec<Value> {
    let [containers, images] = super::cells::containers_and_images(object, &["template"]);
    vec![
        name(object),
        containers,
        images,
        labels(object.at(&["template", "metadata", "labels"])).into(),
    ]
}

fn entries(object: &Value, key: &str) -> i64 {
    let count = object
        .get(key)
        .and_then(Value::as_map)
        .map_or(0, trueup_object::Map::len);
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn config_map(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        (entries(object, "data") + entries(object, "binaryData")).into(),
        age(object, now),
    ]
}

fn secret(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        text(object, &["type"]),
        entries(object, "data").into(),
        age(object, now),
    ]
}

fn service(object: &Value, now: Timestamp) -> Vec<Value> {
    let cluster_ip = list(object, &["spec", "clusterIPs"])
        .first()
        .and_then(Value::as_str);
    let cluster_ip = cluster_ip
        .or_else(|| object.str_at(&["spec", "clusterIP"]))
        .filter(|ip| !ip.is_empty());
    let ports = joined(list(object, &["spec", "ports"]).iter().map(service_port));
    vec![
        name(object),
        text(object, &["spec", "type"]),
        cluster_ip.unwrap_or(NONE).into(),
        external_ip(object).into(),
        ports.into(),
        age(object, now),
        labels(object.at(&["spec", "selector"])).into(),
    ]
}

fn service_port(port: &Value) -> String {
    let protocol = port.str_at(&["protocol"]).unwrap_or("TCP");
    match number(port, &["nodePort"]) {
        0 => format!("{}/{protocol}", number(port, &["port"])),
        node_port => format!("{}:{node_port}/{protocol}", number(port, &["port"])),
    }
}

fn external_ip(service: &Value) -> String {
    let given = || list(service, &["spec", "externalIPs"]).iter().map(scalar);
    match service.str_at(&["spec", "type"]) {
        Some("ExternalName") => service
            .str_at(&["spec", "externalName"])
            .unwrap_or_default()
            .to_owned(),
        Some("LoadBalancer") => {
            let balanced = list(service, &["status", "loadBalancer", "ingress"])
                .iter()
                .map(ingress_point);
            let all: Vec<String> = balanced
                .chain(given())
                .filter(|it| !it.is_empty())
                .collect();
            if all.is_empty() {
                "<pending>".to_owned()
            } else {
                all.join(",")
            }
        }
        _ => joined(given()),
    }
}

/// The address of a load balancer: number before name.
pub fn ingress_point(point: &Value) -> String {
    let ip = point.str_at(&["ip"]).filter(|ip| !ip.is_empty());
    ip.or_else(|| point.str_at(&["hostname"]))
        .unwrap_or_default()
        .to_owned()
}

/// How many addresses a cell lists before it only counts the rest.
const MAX_LISTED_ENDPOINTS: usize = 3;

fn endpoints(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut all = Vec::new();
    for subset in list(object, &["subsets"]) {
        let ports = list(subset, &["ports"]);
        for address in list(subset, &["addresses"]) {
            let ip = address.str_at(&["ip"]).unwrap_or_default();
            if ports.is_empty() {
                all.push(ip.to_owned());
            }
            all.extend(
                ports
                    .iter()
                    .map(|port| format!("{ip}:{}", number(port, &["port"]))),
            );
        }
    }
    vec![name(object), listed(&all).into(), age(object, now)]
}

/// The first few of a list and how many more there are.
pub fn listed(all: &[String]) -> String {
    if all.len() <= MAX_LISTED_ENDPOINTS {
        return joined(all.iter().cloned());
    }
    format!(
        "{} + {} more...",
        all[..MAX_LISTED_ENDPOINTS].join(","),
        all.len() - MAX_LISTED_ENDPOINTS
    )
}

/// An event of either API: `events.k8s.io` names some fields differently.
fn event(object: &Value, now: Timestamp) -> Vec<Value> {
    let (first, last) = event_times(object, now);
    let about = object
        .get("involvedObject")
        .or_else(|| object.get("regarding"));
    let about = about.cloned().unwrap_or_default();
    let kind = about.str_at(&["kind"]).unwrap_or_default().to_lowercase();
    let about_name = about.str_at(&["name"]).unwrap_or_default();
    let message = object
        .str_at(&["message"])
        .or_else(|| object.str_at(&["note"]))
        .unwrap_or_default();
    vec![
        last.into(),
        text(object, &["type"]),
        text(object, &["reason"]),
        if kind.is_empty() {
            about_name.to_owned()
        } else {
            format!("{kind}/{about_name}")
        }
        .into(),
        text(&about, &["fieldPath"]),
        event_source(object).into(),
        message.trim().into(),
        first.into(),
        event_count(object).into(),
        name(object),
    ]
}

fn event_times(object: &Value, now: Timestamp) -> (String, String) {
    let time = |keys: [&str; 2]| {
        keys.iter()
            .find_map(|key| object.get(key))
            .filter(|it| !it.is_null())
    };
    let micro = object.get("eventTime").filter(|it| !it.is_null());
    let mut first =
        time(["firstTimestamp", "deprecatedFirstTimestamp"]).map(|it| since(Some(it), now));
    if first.is_none() {
        first = micro.map(|it| since(Some(it), now));
    }
    let mut last =
        time(["lastTimestamp", "deprecatedLastTimestamp"]).map(|it| since(Some(it), now));
    if last.is_none() {
        last = first.clone();
    }
    if let Some(observed) = object.at(&["series", "lastObservedTime"]) {
        last = Some(since(Some(observed), now));
    }
    (
        first.unwrap_or_else(|| UNKNOWN.to_owned()),
        last.unwrap_or_else(|| UNKNOWN.to_owned()),
    )
}

fn event_count(object: &Value) -> i64 {
    let counts = [&["series", "count"][..], &["count"], &["deprecatedCount"]];
    let count = counts
        .iter()
        .find_map(|path| object.i64_at(path))
        .unwrap_or(0);
    // An event of the newer API that happened once has no count at all.
    if count == 0 && object.get("eventTime").is_some_and(|it| !it.is_null()) {
        1
    } else {
        count
    }
}

fn event_source(object: &Value) -> String {
    let source = object
        .get("source")
        .or_else(|| object.get("deprecatedSource"));
    let component = source
        .and_then(|it| it.str_at(&["component"]))
        .filter(|it| !it.is_empty());
    let component = component
        .or_else(|| object.str_at(&["reportingComponent"]))
        .unwrap_or_default();
    let component = if component.is_empty() {
        object.str_at(&["reportingController"]).unwrap_or_default()
    } else {
        component
    };
    let host = source
        .and_then(|it| it.str_at(&["host"]))
        .filter(|it| !it.is_empty());
    let host = host.or_else(|| object.str_at(&["reportingInstance"]));
    [component, host.unwrap_or_default()]
        .into_iter()
        .filter(|it| !it.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

fn persistent_volume_claim(object: &Value, now: Timestamp) -> Vec<Value> {
    let phase = match object.at(&["metadata", "deletionTimestamp"]) {
        Some(_) => "Terminating".into(),
        None => text(object, &["status", "phase"]),
    };
    let volume = text(object, &["spec", "volumeName"]);
    let bound = volume != Value::from("");
    let modes = if bound {
        access_modes(list(object, &["status", "accessModes"]))
    } else {
        String::new()
    };
    let capacity = object
        .at(&["status", "capacity", "storage"])
        .map(scalar)
        .filter(|_| bound)
        .unwrap_or_default();
    vec![
        name(object),
        phase,
        volume,
        capacity.into(),
        modes.into(),
        storage_class(object).into(),
        text_or(object, &["spec", "volumeAttributesClassName"], UNSET),
        age(object, now),
        text_or(object, &["spec", "volumeMode"], UNSET),
    ]
}

/// The class of a volume or claim; the annotation is older than the field.
pub fn storage_class(object: &Value) -> String {
    let old = object.str_at(&[
        "metadata",
        "annotations",
        "volume.beta.kubernetes.io/storage-class",
    ]);
    old.or_else(|| object.str_at(&["spec", "storageClassName"]))
        .unwrap_or_default()
        .to_owned()
}

fn resource_quota(object: &Value, now: Timestamp) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (key, hard) in object
        .at(&["status", "hard"])
        .and_then(Value::as_map)
        .into_iter()
        .flat_map(|map| map.iter())
    {
        let used = object
            .at(&["status", "used", key])
            .map_or("0".to_owned(), scalar);
        let text = format!("{key}: {used}/{}", scalar(hard));
        if key.starts_with("limits") {
            limits.push(text)
        } else {
            requests.push(text)
        }
    }
    vec![
        name(object),
        requests.join(", ").into(),
        limits.join(", ").into(),
        age(object, now),
    ]
}
