//! The roles that charts and people rely on.

use trueup_object::{Value, value};

const API_VERSION: &str = "rbac.authorization.k8s.io/v1";
const API_GROUP: &str = "rbac.authorization.k8s.io";

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
const ALL: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// One rule: groups, resources, verbs.
type Rule = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

/// What may be read with `view`.
const VIEW: &[Rule] = &[
    (
        &[""],
        &[
            "configmaps",
            "endpoints",
            "persistentvolumeclaims",
            "persistentvolumeclaims/status",
            "pods",
            "replicationcontrollers",
            "replicationcontrollers/scale",
            "serviceaccounts",
            "services",
            "services/status",
        ],
        READ,
    ),
    (
        &[""],
        &[
            "bindings",
            "events",
            "limitranges",
            "namespaces/status",
            "pods/log",
            "pods/status",
            "replicationcontrollers/status",
            "resourcequotas",
            "resourcequotas/status",
        ],
        READ,
    ),
    (&[""], &["namespaces"], READ),
    (&["discovery.k8s.io"], &["endpointslices"], READ),
    (
        &["apps"],
        &[
            "controllerrevisions",
            "daemonsets",
            "daemonsets/status",
            "deployments",
            "deployments/scale",
            "deployments/status",
            "replicasets",
            "replicasets/scale",
            "replicasets/status",
            "statefulsets",
            "statefulsets/scale",
            "statefulsets/status",
        ],
        READ,
    ),
    (
        &["autoscaling"],
        &[
            "horizontalpodautoscalers",
            "horizontalpodautoscalers/status",
        ],
        READ,
    ),
    (
        &["batch"],
        &["cronjobs", "cronjobs/status", "jobs", "jobs/status"],
        READ,
    ),
    (
        &["policy"],
        &["poddisruptionbudgets", "poddisruptionbudgets/status"],
        READ,
    ),
    (
        &["networking.k8s.io"],
        &["ingresses", "ingresses/status", "networkpolicies"],
        READ,
    ),
];

/// What `edit` adds to `view`.
const EDIT: &[Rule] = &[
    (
        &[""],
        &[
            "pods/attach",
            "pods/exec",
            "pods/portforward",
            "pods/proxy",
            "secrets",
            "services/proxy",
        ],
        READ,
    ),
    (&[""], &["serviceaccounts"], &["impersonate"]),
    (
        &[""],
        &[
            "pods",
            "pods/attach",
            "pods/exec",
            "pods/portforward",
            "pods/proxy",
        ],
        WRITE,
    ),
    (&[""], &["pods/eviction"], &["create"]),
    (
        &[""],
        &[
            "configmaps",
            "events",
            "persistentvolumeclaims",
            "replicationcontrollers",
            "replicationcontrollers/scale",
            "secrets",
            "serviceaccounts",
            "services",
            "services/proxy",
        ],
        WRITE,
    ),
    (&[""], &["serviceaccounts/token"], &["create"]),
    (
        &["apps"],
        &[
            "daemonsets",
            "deployments",
            "deployments/rollback",
            "deployments/scale",
            "replicasets",
            "replicasets/scale",
            "statefulsets",
            "statefulsets/scale",
        ],
        WRITE,
    ),
    (&["autoscaling"], &["horizontalpodautoscalers"], WRITE),
    (&["batch"], &["cronjobs", "jobs"], WRITE),
    (&["policy"], &["poddisruptionbudgets"], WRITE),
    (
        &["networking.k8s.io"],
        &["ingresses", "networkpolicies"],
        WRITE,
    ),
    (&["coordination.k8s.io"], &["leases"], ALL),
];

/// What `admin` adds to `edit`.
const ADMIN: &[Rule] = &[
    (
        &["authorization.k8s.io"],
        &["localsubjectaccessreviews"],
        &["create"],
    ),
    (
        &["rbac.authorization.k8s.io"],
        &["rolebindings", "roles"],
        ALL,
    ),
];

const BASIC_USER: &[Rule] = &[
    (
        &["authorization.k8s.io"],
        &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        &["create"],
    ),
    (
        &["authentication.k8s.io"],
        &["selfsubjectreviews"],
        &["create"],
    ),
];

const DISCOVERY_PATHS: &[&str] = &[
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
];
const PUBLIC_PATHS: &[&str] = &["/healthz", "/livez", "/readyz", "/version", "/version/"];
const MONITORING_PATHS: &[&str] = &[
    "/healthz",
    "/healthz/*",
    "/livez",
    "/livez/*",
    "/metrics",
    "/readyz",
    "/readyz/*",
];
const ISSUER_PATHS: &[&str] = &[
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/",
    "/openid/v1/jwks",
    "/openid/v1/jwks/",
];

/// All roles and bindings, bindings last.
pub fn objects() -> Vec<Value> {
    let all = value!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]}
    ]);
    let basic: Value = BASIC_USER.iter().map(rule).collect();
    let mut objects = vec![
        role("cluster-admin", &[], all),
        aggregated("admin", &[], "admin"),
        aggregated("edit", &["admin"], "edit"),
        aggregated("view", &["edit"], "view"),
        role(
            "system:aggregate-to-admin",
            &["admin"],
            ADMIN.iter().map(rule).collect(),
        ),
        role(
            "system:aggregate-to-edit",
            &["edit"],
            EDIT.iter().map(rule).collect(),
        ),
        role(
            "system:aggregate-to-view",
            &["view"],
            VIEW.iter().map(rule).collect(),
        ),
        role("system:basic-user", &[], basic),
        role("system:discovery", &[], paths(DISCOVERY_PATHS)),
        role("system:public-info-viewer", &[], paths(PUBLIC_PATHS)),
        role("system:monitoring", &[], paths(MONITORING_PATHS)),
        role(
            "system:service-account-issuer-discovery",
            &[],
            paths(ISSUER_PATHS),
        ),
    ];
    objects.extend([
        binding("cluster-admin", &["system:masters"]),
        binding("system:basic-user", &["system:authenticated"]),
        binding("system:discovery", &["system:authenticated"]),
        binding(
            "system:public-info-viewer",
            &["system:authenticated", "system:unauthenticated"],
        ),
        binding("system:monitoring", &["system:monitoring"]),
        binding(
            "system:service-account-issuer-discovery",
            &["system:serviceaccounts"],
        ),
    ]);
    objects
}

fn metadata(name: &str, aggregate_to: &[&str]) -> Value {
    let mut metadata = value!({
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}
    });
    for role in aggregate_to {
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{role}");
        metadata.set_at(&["labels", &label], "true".into());
    }
    metadata
}

fn role(name: &str, aggregate_to: &[&str], rules: Value) -> Value {
    value!({
        "apiVersion": API_VERSION,
        "kind": "ClusterRole",
        "metadata": (metadata(name, aggregate_to)),
        "rules": rules
    })
}

fn aggregated(name: &str, aggregate_to: &[&str], from: &str) -> Value {
    let label = format!("rbac.authorization.k8s.io/aggregate-to-{from}");
    let mut labels = Value::map();
    labels.set_at(&[&label], "true".into());
    let mut role = role(name, aggregate_to, value!([]));
    role.set_at(
        &["aggregationRule"],
        value!({"clusterRoleSelectors": [{"matchLabels": labels}]}),
    );
    role
}

fn rule((groups, resources, verbs): &Rule) -> Value {
    value!({"apiGroups": (texts(groups)), "resources": (texts(resources)), "verbs": (texts(verbs))})
}

fn paths(urls: &[&str]) -> Value {
    value!([{"nonResourceURLs": (texts(urls)), "verbs": ["get"]}])
}

fn texts(list: &[&str]) -> Value {
    list.iter().map(|text| Value::from(*text)).collect()
}

fn binding(name: &str, groups: &[&str]) -> Value {
    let subjects: Value = groups
        .iter()
        .map(|group| value!({"kind": "Group", "apiGroup": API_GROUP, "name": (*group)}))
        .collect();
    value!({
        "apiVersion": API_VERSION,
        "kind": "ClusterRoleBinding",
        "metadata": (metadata(name, &[])),
        "roleRef": {"apiGroup": API_GROUP, "kind": "ClusterRole", "name": name},
        "subjects": subjects
    })
}
