//! What an installation consists of, apart from the workload that runs it.

use crate::definitions::labelled_definitions;
use crate::names;
use trueup_object::{Text, Value, value};

/// Where and as which version to install.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallOptions {
    /// Namespace of the controllers; Flux's is `flux-system`.
    pub namespace: Text,
    /// Written to `app.kubernetes.io/version`.
    pub version: Text,
}

/// The name of the account that the controllers run as.
const ACCOUNT: &str = "trueup";

/// Namespace, definitions, service account and the rights of the controllers,
/// in the order in which they can be applied. The rights are those that Flux
/// installs for its source and kustomize controllers: reading its own kinds,
/// configuration and events, and `cluster-admin` for applying whatever the
/// sources hold.
#[must_use]
pub fn install_manifests(options: &InstallOptions) -> Vec<Value> {
    let labels: [(&str, Text); 3] = [
        (names::PART_OF, names::PART_OF_VALUE.into()),
        ("app.kubernetes.io/instance", options.namespace.clone()),
        ("app.kubernetes.io/version", options.version.clone()),
    ];
    let mut manifests = vec![namespace(&options.namespace)];
    manifests.extend(labelled_definitions(&labels));
    manifests.push(service_account(&options.namespace));
    manifests.push(controller_role(&options.namespace));
    manifests.push(binding(
        &options.namespace,
        "crd-controller",
        &format!("crd-controller-{}", options.namespace),
    ));
    manifests.push(binding(
        &options.namespace,
        "cluster-reconciler",
        "cluster-admin",
    ));
    for manifest in &mut manifests {
        for (key, text) in &labels {
            manifest.set_at(&["metadata", "labels", key], text.clone().into());
        }
    }
    manifests
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

fn service_account(namespace: &str) -> Value {
    value!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": namespace}})
}

fn controller_role(namespace: &str) -> Value {
    value!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": (format!("crd-controller-{namespace}"))},
        "rules": [
            (rule(&[names::SOURCE_GROUP, names::KUSTOMIZE_GROUP], &["*"], &["*"])),
            (rule(&[""], &["namespaces", "secrets", "configmaps", "serviceaccounts"], &["get", "list", "watch"])),
            (rule(&[""], &["events"], &["create", "patch"])),
            (rule(&[""], &["configmaps", "configmaps/status"], &["get", "list", "watch", "create", "update", "patch", "delete"])),
            (rule(&["coordination.k8s.io"], &["leases"], &["get", "list", "watch", "create", "update", "patch", "delete"])),
            (rule(&[""], &["serviceaccounts/token"], &["create"])),
        ],
    })
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    let list = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| Value::string(*text))
            .collect::<Value>()
    };
    value!({"apiGroups": (list(groups)), "resources": (list(resources)), "verbs": (list(verbs))})
}

fn binding(namespace: &str, name: &str, role: &str) -> Value {
    value!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": (format!("{name}-{namespace}"))},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::ObjectRef;

    #[test]
    fn an_installation_is_complete_labelled_and_in_order() {
        let options = InstallOptions {
            namespace: "flux-system".into(),
            version: "v0.1.0".into(),
        };
        let manifests = install_manifests(&options);
        let names: Vec<String> = manifests
            .iter()
            .map(|it| ObjectRef::of(it).unwrap().to_string())
            .collect();
        assert_eq!(
            names,
            [
                "Namespace/flux-system",
                "CustomResourceDefinition/kustomizations.kustomize.toolkit.fluxcd.io",
                "CustomResourceDefinition/gitrepositories.source.toolkit.fluxcd.io",
                "ServiceAccount/flux-system/trueup",
                "ClusterRole/crd-controller-flux-system",
                "ClusterRoleBinding/crd-controller-flux-system",
                "ClusterRoleBinding/cluster-reconciler-flux-system",
            ]
        );
        for manifest in &manifests {
            assert_eq!(
                names::mark(manifest, names::PART_OF),
                Some("flux"),
                "{manifest:?}"
            );
        }
        let role = &manifests[4].get("rules").unwrap().as_list().unwrap()[0];
        assert_eq!(role.get("resources"), Some(&value!(["*"])));
    }
}
