//! Sources of volumes that Pods and PersistentVolumes share, and old ones.

use crate::core::validate::at::{At, Causes};
use crate::core::validate::text_rules::{backstep_errors, descending_path_errors};
use trueup_object::names;

const MAX_DRIVER_BYTES: usize = 63;

/// A source that is neither of the Pod nor of the API.
pub(super) fn other(causes: &mut Causes, source: &str, at: &At<'_>) {
    match source {
        "hostPath" => host_path(causes, at),
        "nfs" => nfs(causes, at),
        "csi" => csi(causes, at),
        "gitRepo" => {
            at.get("repository").required_text(causes);
            let directory = at.get("directory");
            directory.rules(causes, descending_path_errors(directory.text()));
        }
        "cephfs" if at.get("monitors").is_empty() => at.get("monitors").required(causes, ""),
        "cinder" => {
            at.get("volumeID").required_text(causes);
            if at.get("secretRef").is_set() {
                at.at(&["secretRef", "name"]).required_text(causes);
            }
        }
        _ => common(causes, source, at),
    }
}

/// Sources with the same rules wherever they stand.
pub(in crate::core::validate) fn common(causes: &mut Causes, source: &str, at: &At<'_>) {
    let required: &[&str] = match source {
        "gcePersistentDisk" => &["pdName"],
        "awsElasticBlockStore" | "portworxVolume" => &["volumeID"],
        "glusterfs" => &["endpoints", "path"],
        "photonPersistentDisk" => &["pdID"],
        "vsphereVolume" => &["volumePath"],
        "quobyte" => &["registry", "volume"],
        "flexVolume" => &["driver"],
        "azureFile" => &["secretName", "shareName"],
        "azureDisk" => &["diskName", "diskURI"],
        "scaleIO" => &["gateway", "system", "volumeName"],
        "storageos" => &["volumeName"],
        "iscsi" => &["targetPortal", "iqn"],
        _ => &[],
    };
    for key in required {
        at.get(key).required_text(causes);
    }
    match source {
        "gcePersistentDisk" | "awsElasticBlockStore" => {
            let partition = at.get("partition");
            if partition
                .number()
                .is_some_and(|number| !(0..=255).contains(&number))
            {
                partition.invalid(causes, "must be between 1 and 255, inclusive");
            }
        }
        "iscsi" => {
            at.get("lun").within(causes, 0, 255);
            let authenticates = ["chapAuthDiscovery", "chapAuthSession"];
            if authenticates.iter().any(|key| at.get(key).is_true())
                && !at.get("secretRef").is_set()
            {
                at.get("secretRef").required(causes, "");
            }
        }
        "rbd" => {
            if at.get("monitors").is_empty() {
                at.get("monitors").required(causes, "");
            }
            at.get("image").required_text(causes);
        }
        "fc" => fibre_channel(causes, at),
        _ => {}
    }
}

fn fibre_channel(causes: &mut Causes, at: &At<'_>) {
    let (targets, ids, lun) = (at.get("targetWWNs"), at.get("wwids"), at.get("lun"));
    if targets.is_empty() && ids.is_empty() {
        let detail = "must specify either targetWWNs or wwids, but not both";
        targets.required(causes, detail);
    }
    if !targets.is_empty() && !ids.is_empty() {
        let detail = "targetWWNs and wwids can not be specified simultaneously";
        targets.invalid(causes, detail);
    }
    if !targets.is_empty() && !lun.is_set() {
        lun.required(causes, "lun is required if targetWWNs is specified");
    }
    lun.within(causes, 0, 255);
}

/// A path of the node.
pub(in crate::core::validate) fn host_path(causes: &mut Causes, at: &At<'_>) {
    const KINDS: [&str; 8] = [
        "",
        "BlockDevice",
        "CharDevice",
        "Directory",
        "DirectoryOrCreate",
        "File",
        "FileOrCreate",
        "Socket",
    ];
    let path = at.get("path");
    if path.text().is_empty() {
        return path.required(causes, "");
    }
    path.rules(causes, backstep_errors(path.text()));
    at.get("type").optional_one_of(causes, &KINDS);
}

pub(in crate::core::validate) fn nfs(causes: &mut Causes, at: &At<'_>) {
    at.get("server").required_text(causes);
    let path = at.get("path");
    path.required_text(causes);
    if !path.text().starts_with('/') {
        path.invalid(causes, "must be an absolute path");
    }
}

fn csi(causes: &mut Causes, at: &At<'_>) {
    csi_driver(causes, &at.get("driver"));
    let reference = at.get("nodePublishSecretRef");
    if !reference.is_set() {
        return;
    }
    let name = reference.get("name");
    if name.text().is_empty() {
        return name.required(causes, "");
    }
    name.called(at.child("name")).dns_subdomain(causes);
}

/// The name of a storage driver.
pub(in crate::core::validate) fn csi_driver(causes: &mut Causes, driver: &At<'_>) {
    let name = driver.text();
    if name.is_empty() {
        return driver.required(causes, "");
    }
    if name.len() > MAX_DRIVER_BYTES {
        driver.too_long(causes, MAX_DRIVER_BYTES);
    }
    driver.rules(causes, names::dns_subdomain_errors(&name.to_lowercase()));
}

/// A Secret in a namespace.
pub(in crate::core::validate) fn secret_reference(causes: &mut Causes, reference: &At<'_>) {
    if !reference.is_set() {
        return;
    }
    for key in ["name", "namespace"] {
        let part = reference.get(key);
        match (part.text(), key) {
            ("", _) => part.required(causes, ""),
            (_, "name") => part.dns_subdomain(causes),
            _ => part.dns_label(causes),
        }
    }
}
