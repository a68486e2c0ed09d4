//! The sample repository and the objects that make the cluster follow it.

use trueup_gateway::CONTROLLER_NAME;
use trueup_object::{Value, value};

/// Name of the repository, and of its `GitRepository`.
pub const REPOSITORY: &str = "fleet";

/// The branch that is followed.
pub const BRANCH: &str = "main";

/// Namespace of the Flux objects.
pub const NAMESPACE: &str = "flux-system";

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../fleet/", $path)))),*]
    };
}

/// The files of the first commit, by path.
pub const FILES: &[(&str, &str)] = files![
    "README.md",
    "clusters/demo/dev.yaml",
    "clusters/demo/production.yaml",
    "clusters/demo/shop.yaml",
    "clusters/demo/staging.yaml",
    "dev/api.yaml",
    "dev/namespace.yaml",
    "dev/web.yaml",
    "production/api.yaml",
    "production/kustomization.yaml",
    "production/namespace.yaml",
    "production/web.yaml",
    "shop/canary.yaml",
    "shop/namespace.yaml",
    "shop/shop.yaml",
    "staging/api.yaml",
    "staging/namespace.yaml",
    "staging/web.yaml",
];

/// The `GitRepository` of the sample at an address.
#[must_use]
pub fn git_repository(url: &str) -> Value {
    value!({
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": REPOSITORY, "namespace": NAMESPACE},
        "spec": {"interval": "1m", "url": url, "ref": {"branch": BRANCH}},
    })
}

/// The `Kustomization` that applies `clusters/demo`, from which all others come.
#[must_use]
pub fn apps() -> Value {
    value!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": NAMESPACE},
        "spec": {
            "interval": "10m",
            "retryInterval": "1m",
            "timeout": "2m",
            "path": "./clusters/demo",
            "prune": true,
            "wait": true,
            "sourceRef": {"kind": "GitRepository", "name": REPOSITORY},
        },
    })
}

/// The image of the sample's web application.
pub const SHOP_IMAGE: &str = "trueup.dev/demo-app";

/// Namespace and name of the web application, and of its `Canary`.
pub const SHOP: &str = "shop";

/// Namespace of the `Gateway`.
pub const GATEWAY_NAMESPACE: &str = "gateway";

/// Name of the `Gateway`.
pub const GATEWAY: &str = "demo";

/// The class of the gateway that the demo runs.
#[must_use]
pub fn gateway_class() -> Value {
    value!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": "trueup"},
        "spec": {
            "controllerName": CONTROLLER_NAME,
            "description": "The gateway in the demo",
        },
    })
}

/// The `Gateway` at a port of this machine, open to routes of all namespaces.
#[must_use]
pub fn gateway(port: u16) -> Value {
    value!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": GATEWAY, "namespace": GATEWAY_NAMESPACE},
        "spec": {"gatewayClassName": "trueup", "listeners": (listeners(port))},
    })
}

/// The only listener of the `Gateway`.
#[must_use]
pub fn listeners(port: u16) -> Value {
    value!([{
        "name": "http",
        "port": (i64::from(port)),
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_file_of_the_sample_is_in_the_first_commit() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet");
        let mut found = BTreeSet::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.strip_prefix(&root).unwrap().display().to_string());
                }
            }
        }
        let listed: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(found, listed);
    }
}
