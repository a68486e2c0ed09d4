//! What the controllers may do, and what people may do with our kinds.

use super::{CanarySupport, ControllerRights, INSTALL_NAME, InstallOptions, canary_rights};
use crate::names;
use trueup_object::{Value, value};

pub(super) const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// All roles and bindings. The role of the controllers is enough for serving
/// tenants who bring service accounts; what makes them able to apply anything
/// is a binding of its own, which can be left out or deleted later.
pub(super) fn manifests(options: &InstallOptions) -> Vec<Value> {
    let namespace = options.namespace.as_str();
    let edits = ["create", "delete", "deletecollection", "patch", "update"];
    let mut manifests = vec![
        controller_role(namespace),
        people_role(options, "view", &["get", "list", "watch"]),
        people_role(options, "edit", &edits),
        cluster_binding(
            namespace,
            "controller",
            &cluster_name("controller", namespace),
        ),
        lease_role(namespace),
        lease_binding(namespace),
    ];
    if options.canaries == CanarySupport::Included {
        let word = canary_rights::WORD;
        manifests.push(canary_rights::role(&cluster_name(word, namespace)));
        let role = cluster_name(word, namespace);
        manifests.push(cluster_binding(namespace, word, &role));
    }
    if options.rights == ControllerRights::ClusterAdmin {
        manifests.push(cluster_binding(namespace, "cluster-admin", "cluster-admin"));
    }
    manifests
}

/// Cluster-wide names carry the namespace: two installations never share one.
fn cluster_name(word: &str, namespace: &str) -> String {
    format!("{INSTALL_NAME}-{word}-{namespace}")
}

/// What serving our kinds takes, in all namespaces. Each rule says what it is
/// for; a test asks for every verb of them, and for no other.
fn controller_role(namespace: &str) -> Value {
    let definitions = "apiextensions.k8s.io";
    let services = "apiregistration.k8s.io";
    let reads = ["get", "list", "watch"];
    value!({
        "apiVersion": RBAC,
        "kind": "ClusterRole",
        "metadata": {"name": (cluster_name("controller", namespace))},
        "rules": [
            // Others write these; looked at where Flux's gate for them is open.
            (rule(names::SOURCE_GROUP, &["externalartifacts"], &["list", "watch"])),
            // What these write is left alone, whoever serves them.
            (rule(names::FLAGGER_GROUP, &["canaries"], &["list", "watch"])),
            // Our kinds, their finalizers and annotations; read anew after a
            // conflict.
            (rule(names::SOURCE_GROUP, &["gitrepositories"], &["get", "list", "patch", "watch"])),
            (rule(names::SOURCE_GROUP, &["gitrepositories/status"], &["patch"])),
            (rule(names::KUSTOMIZE_GROUP, &["kustomizations"], &["get", "list", "patch", "watch"])),
            (rule(names::KUSTOMIZE_GROUP, &["kustomizations/status"], &["patch"])),
            // Logins, kubeconfigs and variables: a change of them makes work.
            (rule("", &["configmaps", "secrets"], &reads)),
            // Events are told, and counted up when they happen again.
            (rule("", &["events"], &["create", "get", "patch"])),
            // Acting as the accounts that tenants bring, and saying when one
            // does not exist.
            (rule("", &["serviceaccounts"], &["get", "impersonate"])),
            // Tokens for clusters that trust the accounts of this one.
            (rule("", &["serviceaccounts/token"], &["create"])),
            // Whether a Kustomization ends because its namespace does.
            (rule("", &["namespaces"], &["get"])),
            // Which kinds are served, as soon as that changes.
            (rule(definitions, &["customresourcedefinitions"], &["list", "watch"])),
            (rule(services, &["apiservices"], &["list", "watch"])),
        ],
    })
}

/// Rights on our kinds for people, added to the roles that clusters have for
/// them.
fn people_role(options: &InstallOptions, word: &str, verbs: &[&str]) -> Value {
    let mut groups = vec![names::KUSTOMIZE_GROUP, names::SOURCE_GROUP];
    if options.canaries == CanarySupport::Included {
        groups.push(names::FLAGGER_GROUP);
    }
    let rules = groups.into_iter().map(|group| rule(group, &["*"], verbs));
    let mut role = value!({
        "apiVersion": RBAC,
        "kind": "ClusterRole",
        "metadata": {"name": (cluster_name(word, &options.namespace))},
        "rules": (rules.collect::<Value>()),
    });
    let roles: &[&str] = match word {
        "view" => &["admin", "edit", "view"],
        _ => &["admin", "edit"],
    };
    for aggregate in roles {
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{aggregate}");
        role.set_at(&["metadata", "labels", &label], "true".into());
    }
    role
}

/// Leases lie in the namespace of the installation only.
fn lease_role(namespace: &str) -> Value {
    value!({
        "apiVersion": RBAC,
        "kind": "Role",
        "metadata": {"name": (format!("{INSTALL_NAME}-leader-election")), "namespace": namespace},
        "rules": [(rule("coordination.k8s.io", &["leases"], &["create", "get", "update"]))],
    })
}

fn lease_binding(namespace: &str) -> Value {
    let name = format!("{INSTALL_NAME}-leader-election");
    value!({
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": {"name": (name.clone()), "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": (name)},
        "subjects": [(account(namespace))],
    })
}

fn cluster_binding(namespace: &str, word: &str, role: &str) -> Value {
    value!({
        "apiVersion": RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": (cluster_name(word, namespace))},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [(account(namespace))],
    })
}

fn account(namespace: &str) -> Value {
    value!({"kind": "ServiceAccount", "name": INSTALL_NAME, "namespace": namespace})
}

pub(super) fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    let list = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| Value::string(*text))
            .collect::<Value>()
    };
    value!({"apiGroups": [group], "resources": (list(resources)), "verbs": (list(verbs))})
}
