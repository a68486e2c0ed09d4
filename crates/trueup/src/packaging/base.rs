//! The kustomize base.

use super::{Files, HEAD, RIGHTS, WORKLOAD, documents, is_kind, options};
use trueup_kinds::install_manifests;

const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\n\
                             kind: Kustomization\n\
                             resources:\n\
                             - namespace.yaml\n\
                             - definitions.yaml\n\
                             - rights.yaml\n\
                             - workload.yaml\n";

/// The files of `install/kustomize`, together what `trueup install --export`
/// prints.
pub(super) fn files() -> Files {
    let manifests = install_manifests(&options());
    let of = |kinds: &[&str]| {
        let chosen = manifests.iter().filter(|it| is_kind(it, kinds));
        format!("{HEAD}{}", documents(chosen))
    };
    [
        ("kustomization.yaml", format!("{HEAD}{KUSTOMIZATION}")),
        ("namespace.yaml", of(&["Namespace"])),
        ("definitions.yaml", of(&["CustomResourceDefinition"])),
        ("rights.yaml", of(&RIGHTS)),
        ("workload.yaml", of(&WORKLOAD)),
    ]
    .map(|(name, text)| (format!("kustomize/{name}"), text))
    .into()
}
