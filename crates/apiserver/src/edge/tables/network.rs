//! Tables of networking, discovery and autoscaling.

use super::Builtin;
use super::cells::{
    NONE, UNKNOWN, UNSET, age, joined, label_selector, list, name, number, scalar, text,
};
use super::columns::{AGE, Column, NAME};
use super::core::{ingress_point, listed};
use jiff::Timestamp;
use trueup_object::Value;

pub static PRINTERS: &[Builtin] = &[
    Builtin {
        group: "autoscaling",
        resource: "scales",
        columns: &[
            NAME,
            Column::integer("Desired", "How many are wanted."),
            Column::integer("Available", "How many there are."),
            AGE,
        ],
        cells: scale,
    },
    Builtin {
        group: "networking.k8s.io",
        resource: "ingresses",
        columns: &[
            NAME,
            Column::text("Class", "Class of the Ingress."),
            Column::text("Hosts", "Hosts that requests are matched with."),
            Column::text("Address", "Where the Ingress is reached."),
            Column::text("Ports", "Ports that are open."),
            AGE,
        ],
        cells: ingress,
    },
    Builtin {
        group: "networking.k8s.io",
        resource: "ingressclasses",
        columns: &[
            NAME,
            Column::text("Controller", "Controller of this class."),
            Column::text("Parameters", "Object with further parameters."),
            AGE,
        ],
        cells: ingress_class,
    },
    Builtin {
        group: "networking.k8s.io",
        resource: "networkpolicies",
        columns: &[
            NAME,
            Column::text("Pod-Selector", "Pods that the policy is for."),
            AGE,
        ],
        cells: network_policy,
    },
    Builtin {
        group: "networking.k8s.io",
        resource: "servicecidrs",
        columns: &[
            NAME,
            Column::text("CIDRs", "Ranges of addresses of Services."),
            AGE,
        ],
        cells: service_cidr,
    },
    Builtin {
        group: "networking.k8s.io",
        resource: "ipaddresses",
        columns: &[
            NAME,
            Column::text("ParentRef", "The object that uses the address."),
            AGE,
        ],
        cells: ip_address,
    },
    Builtin {
        group: "discovery.k8s.io",
        resource: "endpointslices",
        columns: &[
            NAME,
            Column::text("AddressType", "Kind of the addresses."),
            Column::text("Ports", "Ports of all addresses."),
            Column::text("Endpoints", "Addresses."),
            AGE,
        ],
        cells: endpoint_slice,
    },
    Builtin {
        group: "autoscaling",
        resource: "horizontalpodautoscalers",
        columns: &[
            NAME,
            Column::text("Reference", "The object that is scaled."),
            Column::text("Targets", "Measured and wanted values."),
            Column::text("MinPods", "Fewest Pods."),
            Column::text("MaxPods", "Most Pods."),
            Column::text("Replicas", "Pods now."),
            AGE,
        ],
        cells: horizontal_pod_autoscaler,
    },
];

fn ingress(object: &Value, now: Timestamp) -> Vec<Value> {
    let class = object.str_at(&["spec", "ingressClassName"]);
    let class = class
        .or_else(|| object.str_at(&["metadata", "annotations", "kubernetes.io/ingress.class"]));
    let rules = list(object, &["spec", "rules"]);
    let hosts: Vec<&str> = rules
        .iter()
        .filter_map(|it| it.str_at(&["host"]))
        .filter(|it| !it.is_empty())
        .collect();
    let hosts = match hosts.len() {
        0 => "*".to_owned(),
        1..=3 => hosts.join(","),
        more => format!("{} + {} more...", hosts[..3].join(","), more - 3),
    };
    let addresses: Vec<String> = list(object, &["status", "loadBalancer", "ingress"])
        .iter()
        .map(ingress_point)
        .collect();
    let ports = if list(object, &["spec", "tls"]).is_empty() {
        "80"
    } else {
        "80, 443"
    };
    vec![
        name(object),
        class.unwrap_or(NONE).into(),
        hosts.into(),
        addresses.join(",").into(),
        ports.into(),
        age(object, now),
    ]
}

fn ingress_class(object: &Value, now: Timestamp) -> Vec<Value> {
    let parameters = object
        .at(&["spec", "parameters"])
        .map_or(NONE.to_owned(), |it| {
            let part = |key| it.str_at(&[key]).unwrap_or_default();
            match it.str_at(&["apiGroup"]) {
                Some(group) => format!("{}.{group}/{}", part("kind"), part("name")),
                None => format!("{}/{}", part("kind"), part("name")),
            }
        });
    vec![
        name(object),
        text(object, &["spec", "controller"]),
        parameters.into(),
        age(object, now),
    ]
}

fn network_policy(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        label_selector(object.at(&["spec", "podSelector"])).into(),
        age(object, now),
    ]
}

fn service_cidr(object: &Value, now: Timestamp) -> Vec<Value> {
    let ranges: Vec<String> = list(object, &["spec", "cidrs"])
        .iter()
        .map(scalar)
        .collect();
    vec![name(object), ranges.join(",").into(), age(object, now)]
}

fn ip_address(object: &Value, now: Timestamp) -> Vec<Value> {
    let part = |key| {
        object
            .str_at(&["spec", "parentRef", key])
            .unwrap_or_default()
    };
    let parts = ["group", "resource", "namespace", "name"].map(part);
    let parent = parts
        .iter()
        .filter(|it| !it.is_empty())
        .copied()
        .collect::<Vec<_>>()
        .join("/");
    vec![name(object), parent.into(), age(object, now)]
}

fn endpoint_slice(object: &Value, now: Timestamp) -> Vec<Value> {
    let ports = list(object, &["ports"]);
    let ports = match object.get("ports") {
        None | Some(Value::Null) => UNSET.to_owned(),
        Some(_) => joined(
            ports
                .iter()
                .map(|port| port.get("port").map_or("*".to_owned(), scalar)),
        ),
    };
    let addresses: Vec<String> = list(object, &["endpoints"])
        .iter()
        .flat_map(|endpoint| list(endpoint, &["addresses"]).iter().map(scalar))
        .collect();
    let endpoints = if addresses.is_empty() {
        UNSET.to_owned()
    } else {
        listed(&addresses)
    };
    vec![
        name(object),
        text(object, &["addressType"]),
        ports.into(),
        endpoints.into(),
        age(object, now),
    ]
}

fn scale(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        number(object, &["spec", "replicas"]).into(),
        number(object, &["status", "replicas"]).into(),
        age(object, now),
    ]
}

fn horizontal_pod_autoscaler(object: &Value, now: Timestamp) -> Vec<Value> {
    let target = |key| {
        object
            .str_at(&["spec", "scaleTargetRef", key])
            .unwrap_or_default()
    };
    let minimum = object
        .i64_at(&["spec", "minReplicas"])
        .map_or(UNSET.to_owned(), |it| it.to_string());
    vec![
        name(object),
        format!("{}/{}", target("kind"), target("name")).into(),
        metrics(object).into(),
        minimum.into(),
        number(object, &["spec", "maxReplicas"]).into(),
        number(object, &["status", "currentReplicas"]).into(),
        age(object, now),
    ]
}

/// How many metrics a cell lists before it only counts the rest.
const MAX_LISTED_METRICS: usize = 2;

fn metrics(object: &Value) -> String {
    if let Some(wanted) = object.i64_at(&["spec", "targetCPUUtilizationPercentage"]) {
        let current = object.i64_at(&["status", "currentCPUUtilizationPercentage"]);
        let current = current.map_or(UNKNOWN.to_owned(), |it| format!("{it}%"));
        return format!("cpu: {current}/{wanted}%");
    }
    let wanted = list(object, &["spec", "metrics"]);
    if wanted.is_empty() {
        return NONE.to_owned();
    }
    let current = list(object, &["status", "currentMetrics"]);
    let all: Vec<String> = wanted
        .iter()
        .enumerate()
        .map(|(index, it)| metric(it, current.get(index)))
        .collect();
    match all.len() {
        0..=MAX_LISTED_METRICS => all.join(", "),
        count => format!(
            "{} + {} more...",
            all[..MAX_LISTED_METRICS].join(", "),
            count - MAX_LISTED_METRICS
        ),
    }
}

fn metric(wanted: &Value, current: Option<&Value>) -> String {
    let (part, named) = match wanted.str_at(&["type"]) {
        Some("Resource") => ("resource", true),
        Some("ContainerResource") => ("containerResource", true),
        Some("Pods") => ("pods", false),
        Some("Object") => ("object", false),
        Some("External") => ("external", false),
        _ => return "<unknown type>".to_owned(),
    };
    let value = |of: Option<&Value>, side: &str| {
        let side = of?.at(&[part, side])?;
        let average = side
            .get("averageUtilization")
            .map(|it| format!("{}%", scalar(it)));
        let amount =
            |key: &str, suffix: &str| side.get(key).map(|it| format!("{}{suffix}", scalar(it)));
        average
            .or_else(|| amount("averageValue", if named { "" } else { " (avg)" }))
            .or_else(|| amount("value", ""))
    };
    let now = value(current, "current")
        .map(|it| it.replace(" (avg)", ""))
        .unwrap_or_else(|| UNKNOWN.to_owned());
    let text = format!(
        "{now}/{}",
        value(Some(wanted), "target").unwrap_or_else(|| "<auto>".to_owned())
    );
    if named {
        format!(
            "{}: {text}",
            wanted.str_at(&[part, "name"]).unwrap_or_default()
        )
    } else {
        text
    }
}
