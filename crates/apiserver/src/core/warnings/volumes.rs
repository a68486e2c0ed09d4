//! Volumes, claims and storage classes.

use super::super::validate::at::At;
use super::old_label;
use trueup_object::Value;

const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const OLD_OPTIONS: &str = "volume.beta.kubernetes.io/mount-options";

pub(super) fn volume(root: &At<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let annotations = root.at(&["metadata", "annotations"]);
    for (key, since, field) in [
        (OLD_CLASS, "v1.8", "storageClassName"),
        (OLD_OPTIONS, "v1.31", "mountOptions"),
    ] {
        if annotations.get(key).is_set() {
            warnings.push(format!(
                "metadata.annotations[{key}]: deprecated since {since}; use {field:?} attribute instead"
            ));
        }
    }
    let spec = root.get("spec");
    if spec.get("persistentVolumeReclaimPolicy").text() == "Recycle" {
        warnings.push("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.".to_owned());
    }
    let terms = spec.at(&["nodeAffinity", "required", "nodeSelectorTerms"]);
    for term in terms.items() {
        node_term(&mut warnings, &term);
    }
    for (source, called, since, gone) in [
        ("cephfs", "cephfs", "v1.28", "v1.31"),
        (
            "photonPersistentDisk",
            "photonPersistentDisk",
            "v1.11",
            "v1.16",
        ),
        ("scaleIO", "scaleIO", "v1.16", "v1.22"),
        ("storageos", "storageOS", "v1.22", "v1.25"),
        ("glusterfs", "glusterfs", "v1.25", "v1.26"),
        ("rbd", "rbd", "v1.28", "v1.31"),
    ] {
        if spec.get(source).is_set() {
            warnings.push(format!(
                "spec.{called}: deprecated in {since}, non-functional in {gone}+"
            ));
        }
    }
    warnings
}

/// Old labels in a term of a node selector.
pub(super) fn node_term(warnings: &mut Vec<String>, term: &At<'_>) {
    for expression in term.get("matchExpressions").items() {
        let key = expression.get("key");
        if let Some(message) = old_label(key.text()) {
            warnings.push(format!("{}: {} is {message}", key.path(), key.text()));
        }
    }
}

pub(super) fn claim(root: &At<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if root.at(&["metadata", "annotations", OLD_CLASS]).is_set() {
        warnings.push(format!(
            "metadata.annotations[{OLD_CLASS}]: deprecated since v1.8; use \"storageClassName\" attribute instead"
        ));
    }
    claim_spec(&mut warnings, &root.get("spec"));
    warnings
}

/// Amounts of storage are whole bytes.
pub(super) fn claim_spec(warnings: &mut Vec<String>, spec: &At<'_>) {
    for kind in ["requests", "limits"] {
        let amount = spec.at(&["resources", kind, "storage"]);
        let path = format!("{}.resources.{kind}[storage]", spec.path());
        whole_bytes(warnings, &amount, &path);
    }
}

/// An amount of bytes that is no whole number.
pub(super) fn whole_bytes(warnings: &mut Vec<String>, amount: &At<'_>, path: &str) {
    if let Some(quantity) = amount.quantity()
        && quantity.milli_units() % 1000 != 0
    {
        warnings.push(format!(
            "{path}: fractional byte value \"{quantity}\" is invalid, must be an integer"
        ));
    }
}

pub(super) fn storage_class(root: &At<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    for term in root.get("allowedTopologies").items() {
        for expression in term.get("matchLabelExpressions").items() {
            let key = expression.get("key");
            if let Some(message) = old_label(key.text()) {
                warnings.push(format!("{}: {message}", key.path()));
            }
        }
    }
    warnings
}

pub(super) fn storage_driver(root: &At<'_>, live: Option<&Value>) -> Vec<String> {
    let requests = root.at(&["spec", "tokenRequests"]);
    let same = live.is_some_and(|live| live.at(&["spec", "tokenRequests"]) == requests.value());
    let told = root.at(&["spec", "serviceAccountTokenInSecrets"]).is_set();
    if requests.is_empty() || same || told {
        return Vec::new();
    }
    vec![
        "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes"
            .to_owned(),
    ]
}
