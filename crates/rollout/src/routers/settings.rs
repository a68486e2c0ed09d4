//! What is configured for all routers.

use trueup_object::Text;

/// The provider of a `Canary` that names none.
pub const DEFAULT_PROVIDER: &str = "istio";
/// The prefix of annotations that ingress-nginx reads.
pub const DEFAULT_INGRESS_ANNOTATIONS_PREFIX: &str = "nginx.ingress.kubernetes.io";
/// The labels by which the Pods of a target may be selected, the first first.
pub const DEFAULT_SELECTOR_LABELS: [&str; 3] = ["app", "name", "app.kubernetes.io/name"];

/// What is configured for all routers; the defaults are Flagger's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterSettings {
    /// The provider of a `Canary` that names none (`-mesh-provider`).
    pub default_provider: Text,
    /// Prefix of the annotations of an Ingress
    /// (`-ingress-annotations-prefix`).
    pub ingress_annotations_prefix: Text,
    /// Class of an `HTTPProxy` (`-ingress-class`); the cluster's without it.
    pub ingress_class: Option<Text>,
    /// Prefixes of the labels that are copied to generated objects
    /// (`-include-label-prefix`); `*` is all.
    pub include_label_prefixes: Vec<Text>,
    /// The labels by which the Pods of a target may be selected, the first
    /// first (`-selector-labels`).
    pub selector_labels: Vec<Text>,
    /// Whether generated objects go with their `Canary`.
    pub ownership: Ownership,
}

/// Whether generated objects go with their `Canary`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The `Canary` owns them.
    Owned,
    /// The `Canary` is in another cluster and can't own them
    /// (`-kubeconfig-service-mesh`).
    Apart,
}

impl Default for RouterSettings {
    fn default() -> Self {
        Self {
            default_provider: DEFAULT_PROVIDER.into(),
            ingress_annotations_prefix: DEFAULT_INGRESS_ANNOTATIONS_PREFIX.into(),
            ingress_class: None,
            include_label_prefixes: Vec::new(),
            selector_labels: DEFAULT_SELECTOR_LABELS.map(Text::from).to_vec(),
            ownership: Ownership::Owned,
        }
    }
}
