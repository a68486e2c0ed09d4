//! What serving Canaries takes beside the rights that serving Flux's kinds
//! takes.

use super::rights::{RBAC, rule};
use crate::names;
use trueup_object::{Value, value};

/// What role and binding are called after.
pub(super) const WORD: &str = "canaries";

/// The kinds of routes by group, of every provider that is registered; a test
/// of the providers asks for each of them, and for no other.
const ROUTES: [(&str, &[&str]); 9] = [
    ("gateway.networking.k8s.io", &["httproutes"]),
    (
        "networking.istio.io",
        &["destinationrules", "virtualservices"],
    ),
    ("networking.k8s.io", &["ingresses"]),
    ("projectcontour.io", &["httpproxies"]),
    ("traefik.io", &["traefikservices"]),
    ("gloo.solo.io", &["upstreams"]),
    ("gateway.solo.io", &["routetables"]),
    (
        "appmesh.k8s.aws",
        &["virtualnodes", "virtualrouters", "virtualservices"],
    ),
    ("split.smi-spec.io", &["trafficsplits"]),
];

/// The role, in all namespaces. It can be left without its binding where
/// Canaries are not wanted.
pub(super) fn role(name: &str) -> Value {
    let group = names::FLAGGER_GROUP;
    let made = ["create", "get", "list", "update", "watch"];
    let scaled = ["create", "get", "list", "patch", "update", "watch"];
    let mut rules = vec![
        // Their finalizers and annotations; read anew after a conflict.
        rule(group, &["canaries"], &["get", "list", "patch", "watch"]),
        rule(group, &["canaries/status"], &["patch"]),
        // Some clusters want it of who makes what keeps its owner.
        rule(group, &["canaries/finalizers"], &["update"]),
        rule(
            group,
            &["alertproviders", "metrictemplates"],
            &["get", "list", "watch"],
        ),
        // The workload and its copy.
        rule("apps", &["daemonsets", "deployments"], &scaled),
        rule("", &["services"], &made),
        // Copies of its configuration; reading is a right that all have.
        rule(
            "",
            &["configmaps", "secrets"],
            &["create", "delete", "update"],
        ),
        // Its autoscaler and the copy of that.
        rule("autoscaling", &["horizontalpodautoscalers"], &made),
        rule("keda.sh", &["scaledobjects"], &scaled),
        // Whether anybody answers, and how Pods tell of themselves.
        rule("discovery.k8s.io", &["endpointslices"], &["list", "watch"]),
        rule("", &["pods"], &["list"]),
    ];
    let routes = ROUTES.iter();
    rules.extend(routes.map(|(group, resources)| rule(group, resources, &made)));
    value!({
        "apiVersion": RBAC,
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    })
}
