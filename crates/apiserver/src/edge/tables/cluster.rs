//! Tables of kinds that belong to the whole cluster.

use super::Builtin;
use super::cells::{
    NONE, UNKNOWN, UNSET, access_modes, age, condition, joined, list, name, scalar, text, text_or,
};
use super::columns::{AGE, Column, NAME};
use super::core::storage_class;
use jiff::Timestamp;
use trueup_object::Value;

pub static PRINTERS: &[Builtin] = &[
    Builtin {
        group: "",
        resource: "namespaces",
        columns: &[NAME, Column::text("Status", "Phase of the namespace."), AGE],
        cells: namespace,
    },
    Builtin {
        group: "",
        resource: "nodes",
        columns: &[
            NAME,
            Column::text("Status", "State of the node."),
            Column::text("Roles", "Roles of the node."),
            AGE,
            Column::text("Version", "Version of its kubelet."),
            Column::wide("Internal-IP", "Address within the cluster."),
            Column::wide("External-IP", "Address outside the cluster."),
            Column::wide("OS-Image", "Operating system."),
            Column::wide("Kernel-Version", "Version of its kernel."),
            Column::wide("Container-Runtime", "What runs its containers."),
        ],
        cells: node,
    },
    Builtin {
        group: "",
        resource: "persistentvolumes",
        columns: &[
            NAME,
            Column::text("Capacity", "Size of the volume."),
            Column::text("Access Modes", "How it may be mounted."),
            Column::text("Reclaim Policy", "What happens to it when its claim goes."),
            Column::text("Status", "Phase of the volume."),
            Column::text("Claim", "The claim that it is bound to."),
            Column::text("StorageClass", "Class of the volume."),
            Column::text("VolumeAttributesClass", "Class of its attributes."),
            Column::text("Reason", "Why it is in this phase."),
            AGE,
            Column::wide(
                "VolumeMode",
                "Whether it is a file system or a block device.",
            ),
        ],
        cells: persistent_volume,
    },
    Builtin {
        group: "storage.k8s.io",
        resource: "storageclasses",
        columns: &[
            NAME,
            Column::text("Provisioner", "What makes volumes of this class."),
            Column::text(
                "ReclaimPolicy",
                "What happens to a volume when its claim goes.",
            ),
            Column::text("VolumeBindingMode", "When volumes are made and bound."),
            Column::text("AllowVolumeExpansion", "Whether volumes may grow."),
            AGE,
        ],
        cells: storage_class_cells,
    },
    Builtin {
        group: "apiregistration.k8s.io",
        resource: "apiservices",
        columns: &[
            NAME,
            Column::text("Service", "What serves the API."),
            Column::text("Available", "Whether it is available."),
            AGE,
        ],
        cells: api_service,
    },
    Builtin {
        group: "admissionregistration.k8s.io",
        resource: "mutatingwebhookconfigurations",
        columns: WEBHOOKS,
        cells: webhooks,
    },
    Builtin {
        group: "admissionregistration.k8s.io",
        resource: "validatingwebhookconfigurations",
        columns: WEBHOOKS,
        cells: webhooks,
    },
    Builtin {
        group: "admissionregistration.k8s.io",
        resource: "validatingadmissionpolicies",
        columns: &[
            NAME,
            Column::integer("Validations", "How many expressions are checked."),
            Column::text("ParamKind", "Kind of the parameters."),
            AGE,
        ],
        cells: admission_policy,
    },
    Builtin {
        group: "storage.k8s.io",
        resource: "csidrivers",
        columns: &[
            NAME,
            Column::boolean("AttachRequired", "Whether volumes are attached first."),
            Column::boolean("PodInfoOnMount", "Whether mounts are told of the Pod."),
            Column::boolean("StorageCapacity", "Whether it says how much it has left."),
            Column::text("TokenRequests", "Audiences of the tokens that it gets."),
            Column::boolean("RequiresRepublish", "Whether mounts are repeated."),
            Column::text("Modes", "How its volumes live."),
            AGE,
        ],
        cells: storage_driver,
    },
    Builtin {
        group: "node.k8s.io",
        resource: "runtimeclasses",
        columns: &[
            NAME,
            Column::text("Handler", "What runs the containers."),
            AGE,
        ],
        cells: runtime_class,
    },
];

const WEBHOOKS: &[Column] = &[
    NAME,
    Column::integer("Webhooks", "How many webhooks there are."),
    AGE,
];

fn namespace(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        text(object, &["status", "phase"]),
        age(object, now),
    ]
}

fn node(object: &Value, now: Timestamp) -> Vec<Value> {
    let info = |key| text_or(object, &["status", "nodeInfo", key], UNKNOWN);
    vec![
        name(object),
        node_status(object).into(),
        node_roles(object).into(),
        age(object, now),
        text(object, &["status", "nodeInfo", "kubeletVersion"]),
        node_address(object, "InternalIP").into(),
        node_address(object, "ExternalIP").into(),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn node_status(object: &Value) -> String {
    let ready = condition(object, "Ready").map(|it| it.str_at(&["status"]) == Some("True"));
    let mut state = vec![match ready {
        Some(true) => "Ready",
        Some(false) => "NotReady",
        None => "Unknown",
    }];
    if object
        .at(&["spec", "unschedulable"])
        .and_then(Value::as_bool)
        == Some(true)
    {
        state.push("SchedulingDisabled");
    }
    state.join(",")
}

fn node_roles(object: &Value) -> String {
    let labels = object.at(&["metadata", "labels"]).and_then(Value::as_map);
    let mut roles: Vec<String> = labels
        .into_iter()
        .flat_map(|labels| labels.iter())
        .filter_map(
            |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                Some(role) => Some(role.to_owned()),
                None => (key == "kubernetes.io/role").then(|| scalar(value)),
            },
        )
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort();
    roles.dedup();
    joined(roles.into_iter())
}

fn node_address(object: &Value, kind: &str) -> String {
    let found = list(object, &["status", "addresses"])
        .iter()
        .find(|it| it.str_at(&["type"]) == Some(kind));
    found
        .and_then(|it| it.str_at(&["address"]))
        .unwrap_or(NONE)
        .to_owned()
}

fn persistent_volume(object: &Value, now: Timestamp) -> Vec<Value> {
    let claim = object
        .at(&["spec", "claimRef"])
        .map_or(String::new(), |it| {
            let part = |key| it.str_at(&[key]).unwrap_or_default();
            format!("{}/{}", part("namespace"), part("name"))
        });
    let phase = match object.at(&["metadata", "deletionTimestamp"]) {
        Some(_) => "Terminating".into(),
        None => text(object, &["status", "phase"]),
    };
    vec![
        name(object),
        object
            .at(&["spec", "capacity", "storage"])
            .map_or(String::new(), scalar)
            .into(),
        access_modes(list(object, &["spec", "accessModes"])).into(),
        text(object, &["spec", "persistentVolumeReclaimPolicy"]),
        phase,
        claim.into(),
        storage_class(object).into(),
        text_or(object, &["spec", "volumeAttributesClassName"], UNSET),
        text(object, &["status", "reason"]),
        age(object, now),
        text_or(object, &["spec", "volumeMode"], UNSET),
    ]
}

fn storage_class_cells(object: &Value, now: Timestamp) -> Vec<Value> {
    let default = object.str_at(&[
        "metadata",
        "annotations",
        "storageclass.kubernetes.io/is-default-class",
    ]);
    let own = object.str_at(&["metadata", "name"]).unwrap_or_default();
    let own = if default == Some("true") {
        format!("{own} (default)")
    } else {
        own.to_owned()
    };
    vec![
        own.into(),
        text(object, &["provisioner"]),
        text_or(object, &["reclaimPolicy"], "Delete"),
        text_or(object, &["volumeBindingMode"], "Immediate"),
        object
            .get("allowVolumeExpansion")
            .and_then(Value::as_bool)
            .unwrap_or(false)
            .into(),
        age(object, now),
    ]
}

fn api_service(object: &Value, now: Timestamp) -> Vec<Value> {
    let service = object
        .at(&["spec", "service"])
        .filter(|it| !it.is_null())
        .map_or("Local".to_owned(), |it| {
            let part = |key| it.str_at(&[key]).unwrap_or_default();
            format!("{}/{}", part("namespace"), part("name"))
        });
    let available = condition(object, "Available").map_or("Unknown".to_owned(), |it| {
        match (it.str_at(&["status"]), it.str_at(&["reason"])) {
            (Some("True"), _) => "True".to_owned(),
            (status, reason) => format!(
                "{} ({})",
                status.unwrap_or("Unknown"),
                reason.unwrap_or_default()
            ),
        }
    });
    vec![
        name(object),
        service.into(),
        available.into(),
        age(object, now),
    ]
}

fn webhooks(object: &Value, now: Timestamp) -> Vec<Value> {
    let count = i64::try_from(list(object, &["webhooks"]).len()).unwrap_or(i64::MAX);
    vec![name(object), count.into(), age(object, now)]
}

fn runtime_class(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![name(object), text(object, &["handler"]), age(object, now)]
}

fn admission_policy(object: &Value, now: Timestamp) -> Vec<Value> {
    let count = i64::try_from(list(object, &["spec", "validations"]).len()).unwrap_or(i64::MAX);
    let parameters = object
        .at(&["spec", "paramKind"])
        .filter(|it| !it.is_null())
        .map_or(UNSET.to_owned(), |it| {
            let part = |key| it.str_at(&[key]).unwrap_or_default();
            format!("{}/{}", part("apiVersion"), part("kind"))
        });
    vec![
        name(object),
        count.into(),
        parameters.into(),
        age(object, now),
    ]
}

fn storage_driver(object: &Value, now: Timestamp) -> Vec<Value> {
    let switch = |key: &str, otherwise: bool| {
        let own = object.at(&["spec", key]).and_then(Value::as_bool);
        Value::from(own.unwrap_or(otherwise))
    };
    let tokens = list(object, &["spec", "tokenRequests"]);
    let audiences = tokens
        .iter()
        .map(|it| it.str_at(&["audience"]).unwrap_or_default())
        .collect::<Vec<_>>();
    let audiences = if tokens.is_empty() {
        UNSET.to_owned()
    } else {
        audiences.join(",")
    };
    let modes = list(object, &["spec", "volumeLifecycleModes"]);
    vec![
        name(object),
        switch("attachRequired", true),
        switch("podInfoOnMount", false),
        switch("storageCapacity", false),
        audiences.into(),
        switch("requiresRepublish", false),
        joined(modes.iter().map(scalar)).into(),
        age(object, now),
    ]
}
