//! How a build names a resource.

use crate::node::Node;
use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;
use trueup_object::Text;

/// The namespace that stands for having none.
pub(crate) const NOT_A_NAMESPACE: &str = "_non_namespaceable_";
const DEFAULT_NAMESPACE: &str = "default";

/// Kinds that come before all others, in order.
pub(crate) const FIRST_KINDS: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
/// Kinds that come after all others, in order.
pub(crate) const LAST_KINDS: [&str; 2] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Where a kind stands: negative before most, positive after most.
fn rank(kind: &str) -> isize {
    let place = |list: &[&str]| list.iter().position(|it| *it == kind);
    match (place(&FIRST_KINDS), place(&LAST_KINDS)) {
        (Some(place), _) => place.cast_signed() - FIRST_KINDS.len().cast_signed(),
        (_, Some(place)) => place.cast_signed() + 1,
        _ => 0,
    }
}

/// Group, version and kind; parts can be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Gvk {
    pub group: Text,
    pub version: Text,
    pub kind: Text,
}

/// Group, version, kind, name and namespace as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ResourceId {
    pub gvk: Gvk,
    pub name: Text,
    pub namespace: Text,
}

impl Gvk {
    pub fn of(object: &Node) -> Self {
        let (group, version) = match object.shared_text_at(&["apiVersion"]) {
            whole if whole.contains('/') => match whole.split_once('/') {
                Some((group, version)) => (group.into(), version.into()),
                None => (Text::new(), whole),
            },
            version => (Text::new(), version),
        };
        Self {
            group,
            version,
            kind: object.shared_text_at(&["kind"]),
        }
    }

    pub fn parse(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            return self.version.to_string();
        }
        format!("{}/{}", self.group, self.version)
    }

    /// Whether the kind is one that kustomize knows to have no namespace:
    /// those of Kubernetes 1.21. All others are taken to have one.
    pub fn is_cluster_scoped(&self) -> bool {
        static KNOWN: OnceLock<HashMap<&str, Vec<(&str, &str)>>> = OnceLock::new();
        let known = KNOWN.get_or_init(|| {
            let mut known: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
            let rows = include_str!("../data/cluster-scoped.txt").lines();
            for (api_version, kind) in rows.filter_map(|row| row.split_once(' ')) {
                let parts = api_version.split_once('/').unwrap_or(("", api_version));
                known.entry(kind).or_default().push(parts);
            }
            known
        });
        let of_kind = known.get(self.kind.as_str());
        of_kind.is_some_and(|rows| rows.contains(&(self.group.as_str(), self.version.as_str())))
    }

    /// The order of kustomize's output: what others need first, webhooks last,
    /// all other kinds by group, version and kind.
    pub fn sort_key(&self) -> (isize, String) {
        (rank(&self.kind), self.sort_text())
    }

    pub fn sort_text(&self) -> String {
        format!(
            "{}_{}_{}",
            or(&self.group, "~G"),
            or(&self.version, "~V"),
            or(&self.kind, "~K")
        )
    }

    /// Whether every part that the selector names is equal.
    pub fn is_selected_by(&self, selector: &Gvk) -> bool {
        let fits = |wanted: &str, actual: &str| wanted.is_empty() || wanted == actual;
        // Kinds differ most often.
        fits(&selector.kind, &self.kind)
            && fits(&selector.group, &self.group)
            && fits(&selector.version, &self.version)
    }
}

impl ResourceId {
    pub fn of(object: &Node) -> Self {
        #[cfg(test)]
        counted::count();
        Self {
            gvk: Gvk::of(object),
            name: object.shared_text_at(&["metadata", "name"]),
            namespace: object.shared_text_at(&["metadata", "namespace"]),
        }
    }

    /// The namespace as far as sameness goes: kinds without one share a name
    /// for it, and none is `default`.
    pub fn effective_namespace(&self) -> &str {
        if self.gvk.is_cluster_scoped() {
            NOT_A_NAMESPACE
        } else if self.namespace.is_empty() {
            DEFAULT_NAMESPACE
        } else {
            &self.namespace
        }
    }

    /// Whether both name the same resource.
    pub fn is_same(&self, other: &ResourceId) -> bool {
        self.name == other.name
            && self.gvk == other.gvk
            && self.effective_namespace() == other.effective_namespace()
    }

    /// Whether every part that the selector names is equal.
    pub fn is_selected_by(&self, selector: &ResourceId) -> bool {
        (selector.name.is_empty() || selector.name == self.name)
            && (selector.namespace.is_empty()
                || selector.effective_namespace() == self.effective_namespace())
            && self.gvk.is_selected_by(&selector.gvk)
    }

    /// The id by which tables know the resource: that of the same resource is
    /// equal, however it is written.
    pub fn key(&self) -> Self {
        let namespace = match (self.gvk.is_cluster_scoped(), self.namespace.is_empty()) {
            (true, _) => Text::new(),
            (false, true) => DEFAULT_NAMESPACE.into(),
            (false, false) => self.namespace.clone(),
        };
        Self {
            gvk: self.gvk.clone(),
            name: self.name.clone(),
            namespace,
        }
    }
}

fn or<'a>(text: &'a str, absent: &'a str) -> &'a str {
    if text.is_empty() { absent } else { text }
}

impl fmt::Display for Gvk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}.{}.{}",
            or(&self.kind, "[noKind]"),
            or(&self.version, "[noVer]"),
            or(&self.group, "[noGrp]")
        )
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}/{}.{}",
            self.gvk,
            or(&self.name, "[noName]"),
            or(&self.namespace, "[noNs]")
        )
    }
}

/// How many ids a thread has worked out, for tests of how work grows.
#[cfg(test)]
pub(crate) mod counted {
    use std::cell::Cell;

    thread_local! {
        static IDS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count() {
        IDS.set(IDS.get() + 1);
    }

    /// The number so far.
    pub(crate) fn ids() -> usize {
        IDS.get()
    }
}
