//! The order in which objects are applied, and its reverse.

use crate::StageKind;
use std::cmp::Ordering;
use trueup_object::{GroupKind, ObjectRef};

/// Kinds that go first, in this order.
const FIRST: [&str; 23] = [
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that go last, in this order.
const LAST: [&str; 2] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// The order in which Flux applies: known kinds first or last, the others
/// between them by group and kind, equal kinds by namespace and name.
#[must_use]
pub fn apply_order(a: &ObjectRef, b: &ObjectRef) -> Ordering {
    let key = |object: &ObjectRef| place(&object.kind.kind);
    key(a)
        .cmp(&key(b))
        .then_with(|| a.kind.group.cmp(&b.kind.group))
        .then_with(|| a.kind.kind.cmp(&b.kind.kind))
        .then_with(|| a.namespace.cmp(&b.namespace))
        .then_with(|| a.name.cmp(&b.name))
}

/// The reverse of [`apply_order`].
#[must_use]
pub fn deletion_order(a: &ObjectRef, b: &ObjectRef) -> Ordering {
    apply_order(b, a)
}

fn place(kind: &str) -> usize {
    let between = FIRST.len();
    FIRST
        .iter()
        .position(|first| *first == kind)
        .or_else(|| {
            LAST.iter()
                .position(|last| *last == kind)
                .map(|index| between + 1 + index)
        })
        .unwrap_or(between)
}

/// The stage that a kind belongs to, as in Flux: definitions, namespaces and
/// cluster roles before classes before everything else.
#[must_use]
pub fn stage_kind(kind: &GroupKind) -> StageKind {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("apiextensions.k8s.io", "CustomResourceDefinition")
        | ("", "Namespace")
        | ("rbac.authorization.k8s.io", "ClusterRole") => StageKind::ClusterDefinitions,
        (_, name) if name.ends_with("Class") => StageKind::Classes,
        _ => StageKind::Rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::GroupVersionKind;

    fn object(api_version: &str, kind: &str, name: &str) -> ObjectRef {
        ObjectRef {
            kind: GroupVersionKind::new(api_version, kind),
            namespace: "a".into(),
            name: name.into(),
        }
    }

    #[test]
    fn the_order_is_flux_s() {
        let ordered = [
            object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "x"),
            object("v1", "Namespace", "a"),
            object("rbac.authorization.k8s.io/v1", "ClusterRole", "x"),
            object("v1", "ServiceAccount", "x"),
            object("v1", "ConfigMap", "a"),
            object("v1", "ConfigMap", "b"),
            object("apps/v1", "Deployment", "x"),
            object("policy/v1", "PodDisruptionBudget", "x"),
            object("apps/v1", "DaemonSet", "x"),
            object("batch/v1", "Job", "x"),
            object("networking.k8s.io/v1", "Ingress", "x"),
            object(
                "admissionregistration.k8s.io/v1",
                "MutatingWebhookConfiguration",
                "x",
            ),
            object(
                "admissionregistration.k8s.io/v1",
                "ValidatingWebhookConfiguration",
                "x",
            ),
        ];
        let mut mixed: Vec<ObjectRef> = ordered.iter().rev().cloned().collect();
        mixed.sort_by(apply_order);
        assert_eq!(mixed, ordered);
        mixed.sort_by(deletion_order);
        assert_eq!(mixed.first(), ordered.last());
    }

    #[test]
    fn stages_go_by_kind_and_group() {
        let stage =
            |api_version, kind| stage_kind(&GroupVersionKind::new(api_version, kind).group_kind());
        assert_eq!(stage("v1", "Namespace"), StageKind::ClusterDefinitions);
        assert_eq!(stage("example.com/v1", "Namespace"), StageKind::Rest);
        assert_eq!(
            stage("gateway.networking.k8s.io/v1", "GatewayClass"),
            StageKind::Classes
        );
        assert_eq!(stage("apps/v1", "Deployment"), StageKind::Rest);
    }
}
