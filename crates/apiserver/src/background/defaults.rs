//! What every living namespace has.

use super::actor::{Actor, is_deleting};
use crate::core::GroupResource;
use trueup_object::value;

/// The service account that Pods get without asking.
pub const ACCOUNT: &str = "default";
/// The ConfigMap with the certificate authority of the cluster.
pub const AUTHORITY: &str = "kube-root-ca.crt";
const FILE: &str = "ca.crt";

/// Makes what is missing and puts right what was changed.
pub fn ensure(actor: &Actor<'_>, namespace: &str, certificate_authority_pem: &str) {
    let living = actor
        .get("", "namespaces", "", namespace)
        .is_some_and(|it| !is_deleting(&it));
    if !living {
        return;
    }
    let account = value!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": ACCOUNT, "namespace": namespace}
    });
    let authority = value!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": AUTHORITY,
            "namespace": namespace,
            "annotations": {
                "kubernetes.io/description": "Certificate authority of the API server, for clients in the cluster."
            }
        },
        "data": {FILE: certificate_authority_pem}
    });
    for object in [account, authority] {
        if let Err(error) = actor.create(&object) {
            tracing::debug!(%error, namespace, "a default object could not be made");
        }
    }
    restore_authority(actor, namespace, certificate_authority_pem);
    if namespace == "default"
        && let Err(error) = actor.create(&super::bootstrap::kubernetes_service())
    {
        tracing::debug!(%error, "the Service of the API server could not be made");
    }
}

fn restore_authority(actor: &Actor<'_>, namespace: &str, certificate_authority_pem: &str) {
    let Some(found) = actor.get("", "configmaps", namespace, AUTHORITY) else {
        return;
    };
    if found.value().str_at(&["data", FILE]) != Some(certificate_authority_pem) {
        let maps = GroupResource {
            group: "".into(),
            plural: "configmaps".into(),
        };
        actor.patch(
            &maps,
            &found,
            &value!({"data": {FILE: certificate_authority_pem}}),
        );
    }
}
