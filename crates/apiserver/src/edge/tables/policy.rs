//! Tables of policy, access control and leases.

use super::Builtin;
use super::cells::{NONE, age, list, name, number, scalar, text, text_or};
use super::columns::{AGE, Column, NAME};
use jiff::Timestamp;
use trueup_object::Value;

pub static PRINTERS: &[Builtin] = &[
    Builtin {
        group: "policy",
        resource: "poddisruptionbudgets",
        columns: &[
            NAME,
            Column::text("Min Available", "Pods that must stay available."),
            Column::text("Max Unavailable", "Pods that may be unavailable."),
            Column::integer("Allowed Disruptions", "Pods that may be disrupted now."),
            AGE,
        ],
        cells: pod_disruption_budget,
    },
    Builtin {
        group: "rbac.authorization.k8s.io",
        resource: "rolebindings",
        columns: BINDING_COLUMNS,
        cells: role_binding,
    },
    Builtin {
        group: "rbac.authorization.k8s.io",
        resource: "clusterrolebindings",
        columns: BINDING_COLUMNS,
        cells: role_binding,
    },
    Builtin {
        group: "coordination.k8s.io",
        resource: "leases",
        columns: &[NAME, Column::text("Holder", "Who holds the Lease."), AGE],
        cells: lease,
    },
    Builtin {
        group: "certificates.k8s.io",
        resource: "certificatesigningrequests",
        columns: &[
            NAME,
            AGE,
            Column::text("SignerName", "Who is asked to sign."),
            Column::text("Requestor", "Who asks."),
            Column::text(
                "RequestedDuration",
                "How long the certificate should be valid.",
            ),
            Column::text("Condition", "State of the request."),
        ],
        cells: certificate_signing_request,
    },
    Builtin {
        group: "scheduling.k8s.io",
        resource: "priorityclasses",
        columns: &[
            NAME,
            Column::integer("Value", "Priority of Pods of this class."),
            Column::boolean(
                "Global-Default",
                "Whether it is the class of Pods without one.",
            ),
            AGE,
            Column::text("PreemptionPolicy", "Whether such Pods push others out."),
        ],
        cells: priority_class,
    },
];

const BINDING_COLUMNS: &[Column] = &[
    NAME,
    Column::text("Role", "The role that is granted."),
    AGE,
    Column::wide("Users", "Users that it is granted to."),
    Column::wide("Groups", "Groups that it is granted to."),
    Column::wide("ServiceAccounts", "Service accounts that it is granted to."),
];

/// What a budget shows for the bound that it does not set.
const NOT_SET: &str = "N/A";

fn pod_disruption_budget(object: &Value, now: Timestamp) -> Vec<Value> {
    let bound = |key| object.at(&["spec", key]).map_or(NOT_SET.to_owned(), scalar);
    vec![
        name(object),
        bound("minAvailable").into(),
        bound("maxUnavailable").into(),
        number(object, &["status", "disruptionsAllowed"]).into(),
        age(object, now),
    ]
}

fn role_binding(object: &Value, now: Timestamp) -> Vec<Value> {
    let part = |key| object.str_at(&["roleRef", key]).unwrap_or_default();
    let of_kind = |kind: &str| {
        let subjects = list(object, &["subjects"])
            .iter()
            .filter(|it| it.str_at(&["kind"]) == Some(kind));
        let names: Vec<String> = subjects.map(subject_name).collect();
        Value::from(names.join(", "))
    };
    vec![
        name(object),
        format!("{}/{}", part("kind"), part("name")).into(),
        age(object, now),
        of_kind("User"),
        of_kind("Group"),
        of_kind("ServiceAccount"),
    ]
}

fn subject_name(subject: &Value) -> String {
    let own = subject.str_at(&["name"]).unwrap_or_default();
    match (subject.str_at(&["kind"]), subject.str_at(&["namespace"])) {
        (Some("ServiceAccount"), Some(namespace)) => format!("{namespace}/{own}"),
        (Some("ServiceAccount"), None) => format!("/{own}"),
        _ => own.to_owned(),
    }
}

fn lease(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        text(object, &["spec", "holderIdentity"]),
        age(object, now),
    ]
}

fn certificate_signing_request(object: &Value, now: Timestamp) -> Vec<Value> {
    let duration = object.i64_at(&["spec", "expirationSeconds"]);
    let conditions = list(object, &["status", "conditions"]);
    let has = |kind: &str| {
        conditions
            .iter()
            .any(|it| it.str_at(&["type"]) == Some(kind))
    };
    let mut state = vec![match () {
        () if has("Denied") => "Denied",
        () if has("Approved") => "Approved",
        () => "Pending",
    }];
    if has("Failed") {
        state.push("Failed");
    }
    if object
        .str_at(&["status", "certificate"])
        .is_some_and(|it| !it.is_empty())
    {
        state.push("Issued");
    }
    vec![
        name(object),
        age(object, now),
        text_or(object, &["spec", "signerName"], NONE),
        text(object, &["spec", "username"]),
        duration
            .map_or(NONE.to_owned(), super::human_duration)
            .into(),
        state.join(",").into(),
    ]
}

fn priority_class(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        number(object, &["value"]).into(),
        object
            .get("globalDefault")
            .and_then(Value::as_bool)
            .unwrap_or(false)
            .into(),
        age(object, now),
        text(object, &["preemptionPolicy"]),
    ]
}
