//! What an installation consists of: definitions, namespace, rights, workload.

mod canary_rights;
mod rights;
mod workload;

use crate::definitions::{gitops_definitions, progressive_delivery_definitions};
use crate::names;
use trueup_object::{Text, Value, value};

pub use workload::{ARTIFACTS_PORT, CONTAINER, HEALTH_PORT, KUSTOMIZE_COMPONENT, SOURCE_COMPONENT};

/// The name of Deployment, Service and ServiceAccount, and the first word of
/// the names of everything else.
pub const INSTALL_NAME: &str = "trueup";

/// The namespace that Flux lives in, and we unless told otherwise.
pub const DEFAULT_NAMESPACE: &str = "flux-system";

/// The oldest Kubernetes that is served, as a range; Flux's own.
pub const KUBERNETES_RANGE: &str = ">=1.33.0-0";

/// What the controllers may do by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControllerRights {
    /// Everything, as Flux's appliers: a source can hold any kind of object.
    ClusterAdmin,
    /// Only what serving our own kinds takes: every object is applied as the
    /// service account that its Kustomization names.
    Tenants,
}

/// Whose custom resources are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchedNamespaces {
    /// Those of all namespaces.
    All,
    /// Those of the namespace of the installation.
    Own,
}

/// Whether Pods of other namespaces are kept away from the controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// A NetworkPolicy lets in its own namespace, and everybody to the metrics.
    NetworkPolicy,
    /// Nothing is said about the network.
    None,
}

/// Whether Canaries are part of an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanarySupport {
    /// Flagger's kinds are defined, and the controllers may write what serving
    /// them takes.
    Included,
    /// Somebody else serves them, or nobody: no definitions, no rights.
    LeftOut,
}

/// Where, as which version and how to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallOptions {
    /// Namespace of the controllers.
    pub namespace: Text,
    /// Written to `app.kubernetes.io/version`, such as `v0.1.0`.
    pub version: Text,
    /// Image of the controllers.
    pub image: Text,
    /// Secret to pull the image with, in the same namespace.
    pub image_pull_secret: Option<Text>,
    /// What the controllers may do.
    pub rights: ControllerRights,
    /// Whose objects they serve.
    pub watch: WatchedNamespaces,
    /// Whether they serve Canaries.
    pub canaries: CanarySupport,
    /// Who may reach them.
    pub isolation: Isolation,
    /// Least severe log lines: `debug`, `info`, `error`.
    pub log_level: Text,
    /// DNS domain of the cluster.
    pub cluster_domain: Text,
    /// Keys of taints that the Pods tolerate.
    pub toleration_keys: Vec<Text>,
}

impl InstallOptions {
    /// Defaults, for a version such as `v0.1.0`. The image is named without a
    /// registry, so that whoever installs decides where it comes from.
    #[must_use]
    pub fn new(version: &str) -> Self {
        Self {
            namespace: DEFAULT_NAMESPACE.into(),
            version: version.into(),
            image: format!("{INSTALL_NAME}:{version}").into(),
            image_pull_secret: None,
            rights: ControllerRights::ClusterAdmin,
            watch: WatchedNamespaces::All,
            canaries: CanarySupport::Included,
            isolation: Isolation::NetworkPolicy,
            log_level: "info".into(),
            cluster_domain: "cluster.local".into(),
            toleration_keys: Vec::new(),
        }
    }
}

/// An installation in the two stages in which it can be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct InstallManifests {
    /// Namespace and definitions; what follows needs them established.
    pub ground: Vec<Value>,
    /// Account, rights and workload.
    pub workload: Vec<Value>,
}

impl InstallManifests {
    /// All of them in the order in which they can be applied.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.ground.iter().chain(&self.workload)
    }
}

/// Everything that an installation consists of. Names and labels are such
/// that it stands beside a genuine Flux in the same namespace: nothing but the
/// definitions and the namespace is shared with it.
#[must_use]
pub fn install_manifests(options: &InstallOptions) -> InstallManifests {
    let labels = labels(options);
    let mut ground = vec![namespace(&options.namespace)];
    if options.canaries == CanarySupport::Included {
        ground.extend(progressive_delivery_definitions());
    }
    ground.extend(gitops_definitions());
    let mut workload = vec![workload::service_account(options)];
    workload.extend(rights::manifests(options));
    workload.extend(workload::manifests(options));
    for manifest in ground.iter_mut().chain(&mut workload) {
        for (key, text) in &labels {
            manifest.set_at(&["metadata", "labels", key], text.clone().into());
        }
    }
    InstallManifests { ground, workload }
}

/// The labels of every object of an installation: Flux's, by which its CLI
/// finds it, and one that says that it is ours.
fn labels(options: &InstallOptions) -> [(&'static str, Text); 4] {
    [
        (names::INSTANCE, options.namespace.clone()),
        (names::MANAGED_BY, names::MANAGED_BY_VALUE.into()),
        (names::PART_OF, names::PART_OF_VALUE.into()),
        (names::VERSION, options.version.clone()),
    ]
}

fn namespace(name: &str) -> Value {
    value!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {
                "pod-security.kubernetes.io/warn": "restricted",
                "pod-security.kubernetes.io/warn-version": "latest",
            },
        },
    })
}

#[cfg(test)]
mod tests;
