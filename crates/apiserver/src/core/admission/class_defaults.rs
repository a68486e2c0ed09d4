//! The class of a claim or an Ingress that names none.

use super::Context;
use crate::core::status::ApiError;
use crate::core::store::Stored;
use std::sync::Arc;
use trueup_object::Value;

const STORAGE: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];
const INGRESS: &str = "ingressclass.kubernetes.io/is-default-class";

/// The default StorageClass; of several the youngest, then the first by name.
pub(super) fn storage_class(context: &Context<'_>, claim: &mut Value) -> Result<(), ApiError> {
    let named = claim.at(&["spec", "storageClassName"]).is_some()
        || annotation(claim, "volume.beta.kubernetes.io/storage-class").is_some();
    if !context.creates("", "persistentvolumeclaims") || named {
        return Ok(());
    }
    let mut classes = context.list("storage.k8s.io", "storageclasses", "");
    classes.retain(|class| {
        STORAGE
            .iter()
            .any(|key| annotation(class.value(), key) == Some("true"))
    });
    classes.sort_by(|a, b| creation(b).cmp(creation(a)).then_with(|| a.key.cmp(&b.key)));
    if let Some(class) = classes.first() {
        claim.set_at(&["spec", "storageClassName"], class.key.name.clone().into());
    }
    Ok(())
}

/// The default IngressClass; of several the youngest, then the first by name.
pub(super) fn ingress_class(context: &Context<'_>, ingress: &mut Value) -> Result<(), ApiError> {
    let named = ingress.at(&["spec", "ingressClassName"]).is_some()
        || annotation(ingress, "kubernetes.io/ingress.class").is_some();
    if !context.creates("networking.k8s.io", "ingresses") || named {
        return Ok(());
    }
    let mut classes = context.list("networking.k8s.io", "ingressclasses", "");
    classes.retain(|class| annotation(class.value(), INGRESS) == Some("true"));
    classes.sort_by(|a, b| creation(b).cmp(creation(a)).then_with(|| a.key.cmp(&b.key)));
    if let Some(class) = classes.first() {
        ingress.set_at(&["spec", "ingressClassName"], class.key.name.clone().into());
    }
    Ok(())
}

fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.str_at(&["metadata", "annotations", key])
}

fn creation(class: &Arc<Stored>) -> &str {
    class
        .value()
        .str_at(&["metadata", "creationTimestamp"])
        .unwrap_or_default()
}
