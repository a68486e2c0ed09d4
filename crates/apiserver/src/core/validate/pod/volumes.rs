//! The volumes of a Pod, and where containers mount them.

use super::{Holder, projected, sources};
use crate::core::status::Cause;
use crate::core::validate::at::{At, Causes};
use crate::core::validate::text_rules::{backstep_errors, descending_path_errors};
use std::collections::{HashMap, HashSet};

/// The volumes that are in order, by name.
#[derive(Debug, Default)]
pub(super) struct Volumes<'a> {
    by_name: HashMap<&'a str, Backing>,
}

/// What backs a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backing {
    /// A claim, which may be a block device.
    Claim,
    Other,
}

impl<'a> Volumes<'a> {
    /// Checks volumes; those of claim templates stand in for others of their
    /// name.
    pub(super) fn check(
        causes: &mut Causes,
        volumes: &At<'a>,
        holder: Holder<'_>,
        claimed: Vec<&'a str>,
    ) -> Self {
        let mut known = Self::default();
        let made = claims_made(volumes, holder);
        known.claims(causes, volumes, &claimed);
        let own = volumes
            .items()
            .filter(|volume| !claimed.contains(&volume.get("name").text()));
        for (index, volume) in own.enumerate() {
            // The volumes of claims come first.
            let place = index + claimed.len();
            let volume = volume.called(format!("{}[{place}]", volumes.path()));
            let name = volume.get("name");
            let before = causes.len();
            source(causes, &volume, holder);
            name.required_label(causes);
            if known.by_name.contains_key(name.text()) {
                name.duplicate(causes);
            }
            if causes.len() == before {
                known.by_name.insert(name.text(), backing(&volume));
            }
            let claim = volume.at(&["persistentVolumeClaim", "claimName"]);
            if made.contains(claim.text()) {
                let detail = "must not reference a PVC that gets created for an ephemeral volume";
                claim.invalid(causes, detail);
            }
        }
        known
    }

    /// The volumes of claim templates are called as the templates are.
    fn claims(&mut self, causes: &mut Causes, volumes: &At<'a>, claimed: &[&'a str]) {
        for (index, name) in claimed.iter().enumerate() {
            let place = format!("{}[{index}]", volumes.path());
            let before = causes.len();
            if name.is_empty() {
                let claim = format!("{place}.persistentVolumeClaim.claimName");
                causes.push(Cause::required(claim, ""));
                causes.push(Cause::required(format!("{place}.name"), ""));
            }
            for error in trueup_object::names::dns_label_errors(name) {
                if !name.is_empty() {
                    super::invalid(causes, format!("{place}.name"), name, &error);
                }
            }
            if causes.len() == before {
                self.by_name.insert(name, Backing::Claim);
            }
        }
    }
}

fn backing(volume: &At<'_>) -> Backing {
    let claims = ["persistentVolumeClaim", "ephemeral"];
    if claims.iter().any(|source| volume.get(source).is_set()) {
        Backing::Claim
    } else {
        Backing::Other
    }
}

/// The claims that are made for the ephemeral volumes of a Pod.
fn claims_made(volumes: &At<'_>, holder: Holder<'_>) -> HashSet<String> {
    let Holder::Pod(pod) = holder else {
        return HashSet::new();
    };
    volumes
        .items()
        .filter(|volume| volume.get("ephemeral").is_set())
        .map(|volume| format!("{pod}-{}", volume.get("name").text()))
        .collect()
}

/// The sources of volumes in the order in which they are looked at, with the
/// names by which messages call a second one and its fields.
const SOURCES: [(&str, &str, &str); 30] = [
    ("emptyDir", "emptyDir", "emptyDir"),
    ("hostPath", "hostPath", "hostPath"),
    ("gitRepo", "gitRepo", "gitRepo"),
    ("gcePersistentDisk", "gcePersistentDisk", "persistentDisk"),
    (
        "awsElasticBlockStore",
        "awsElasticBlockStore",
        "awsElasticBlockStore",
    ),
    ("secret", "secret", "secret"),
    ("nfs", "nfs", "nfs"),
    ("iscsi", "iscsi", "iscsi"),
    ("glusterfs", "glusterfs", "glusterfs"),
    ("flocker", "flocker", "flocker"),
    (
        "persistentVolumeClaim",
        "persistentVolumeClaim",
        "persistentVolumeClaim",
    ),
    ("rbd", "rbd", "rbd"),
    ("cinder", "cinder", "cinder"),
    ("cephfs", "cephFS", "cephfs"),
    ("quobyte", "quobyte", "quobyte"),
    ("downwardAPI", "downwarAPI", "downwardAPI"),
    ("fc", "fc", "fc"),
    ("flexVolume", "flexVolume", "flexVolume"),
    ("configMap", "configMap", "configMap"),
    ("azureFile", "azureFile", "azureFile"),
    ("vsphereVolume", "vsphereVolume", "vsphereVolume"),
    (
        "photonPersistentDisk",
        "photonPersistentDisk",
        "photonPersistentDisk",
    ),
    ("portworxVolume", "portworxVolume", "portworxVolume"),
    ("azureDisk", "azureDisk", "azureDisk"),
    ("storageos", "storageos", "storageos"),
    ("projected", "projected", "projected"),
    ("scaleIO", "scaleIO", "scaleIO"),
    ("csi", "csi", "csi"),
    ("ephemeral", "ephemeral", "ephemeral"),
    ("image", "image", "image"),
];

/// A volume has one source.
fn source(causes: &mut Causes, volume: &At<'_>, holder: Holder<'_>) {
    let mut given = SOURCES
        .iter()
        .filter(|(source, _, _)| volume.get(source).is_set());
    let Some((first, _, called)) = given.next() else {
        return volume.required(causes, "must specify a volume type");
    };
    let at = volume.get(first).called(volume.child(called));
    source_rules(causes, first, &at, volume, holder);
    for (_, second, _) in given {
        volume
            .get(second)
            .forbidden(causes, "may not specify more than 1 volume type");
    }
}

fn source_rules(
    causes: &mut Causes,
    source: &str,
    at: &At<'_>,
    volume: &At<'_>,
    holder: Holder<'_>,
) {
    match source {
        "emptyDir" => empty_directory(causes, at),
        "secret" => files(causes, at, "secretName"),
        "configMap" => files(causes, at, "name"),
        "persistentVolumeClaim" => at.get("claimName").required_text(causes),
        "downwardAPI" => projected::downward(causes, at),
        "projected" => projected::all(causes, at),
        "ephemeral" => ephemeral(causes, at, volume, holder),
        "image" => image(causes, at, holder),
        _ => sources::other(causes, source, at),
    }
}

fn empty_directory(causes: &mut Causes, at: &At<'_>) {
    let limit = at.get("sizeLimit");
    if limit.quantity().is_some_and(|limit| limit.nanos() < 0) {
        limit.forbidden(causes, "SizeLimit field must be a valid resource quantity");
    }
}

/// Files of a Secret or ConfigMap.
fn files(causes: &mut Causes, at: &At<'_>, name: &str) {
    at.get(name).required_text(causes);
    file_mode(causes, &at.get("defaultMode"));
    for item in at.get("items").items() {
        key_to_path(causes, &item);
    }
}

/// A key and the file that shows it.
pub(super) fn key_to_path(causes: &mut Causes, item: &At<'_>) {
    item.get("key").required_text(causes);
    item.get("path").required_text(causes);
    projected::file_path(causes, &item.get("path"));
    file_mode(causes, &item.get("mode"));
}

/// The rights on a file.
pub(super) fn file_mode(causes: &mut Causes, mode: &At<'_>) {
    const MOST: i64 = 0o777;
    if mode
        .number()
        .is_some_and(|number| !(0..=MOST).contains(&number))
    {
        let detail = "must be a number between 0 and 0777 (octal), both inclusive";
        mode.invalid(causes, detail);
    }
}

fn ephemeral(causes: &mut Causes, at: &At<'_>, volume: &At<'_>, holder: Holder<'_>) {
    let template = at.get("volumeClaimTemplate");
    if !template.is_set() {
        template.required(causes, "");
    } else {
        crate::core::validate::volumes::claim_template(causes, &template);
    }
    let name = volume.get("name");
    let Holder::Pod(pod) = holder else {
        return;
    };
    if pod.is_empty() || name.text().is_empty() {
        return;
    }
    let claim = format!("{pod}-{}", name.text());
    for error in trueup_object::names::dns_subdomain_errors(&claim) {
        name.invalid(causes, &format!("PVC name {claim:?}: {error}"));
    }
}

fn image(causes: &mut Causes, at: &At<'_>, holder: Holder<'_>) {
    if holder != Holder::Template {
        at.get("reference").required_text(causes);
    }
    at.get("pullPolicy")
        .required_one_of(causes, &["Always", "IfNotPresent", "Never"]);
}

/// Where a container mounts volumes. Some messages name the list, not the
/// item, as those of the API server do.
pub(super) fn mounts(causes: &mut Causes, container: &At<'_>, volumes: &Volumes<'_>) {
    let list = container.get("volumeMounts");
    let devices: Vec<At<'_>> = container.get("volumeDevices").items().collect();
    let mut paths = HashSet::new();
    for mount in list.items() {
        let (name, path) = (mount.get("name"), mount.get("mountPath"));
        name.required_text(causes);
        if !volumes.by_name.contains_key(name.text()) {
            name.not_found(causes, "");
        }
        path.required_text(causes);
        if !paths.insert(path.text()) {
            path.invalid(causes, "must be unique");
        }
        if devices
            .iter()
            .any(|it| it.get("name").text() == name.text())
        {
            name.invalid(causes, "must not already exist in volumeDevices");
        }
        if devices
            .iter()
            .any(|it| it.get("devicePath").text() == path.text())
        {
            let detail = "must not already exist as a path in volumeDevices";
            path.invalid(causes, detail);
        }
        sub_paths(causes, &mount, &list);
        propagation(causes, &mount, &list, container);
        recursive_read_only(causes, &mount, &list);
    }
}

fn sub_paths(causes: &mut Causes, mount: &At<'_>, list: &At<'_>) {
    let (plain, expression) = (mount.get("subPath"), mount.get("subPathExpr"));
    if !plain.text().is_empty() {
        let called = plain.called(list.child("subPath"));
        called.rules(causes, descending_path_errors(plain.text()));
    }
    if expression.text().is_empty() {
        return;
    }
    if !plain.text().is_empty() {
        expression.invalid(causes, "subPathExpr and subPath are mutually exclusive");
    }
    let called = expression.called(list.child("subPathExpr"));
    called.rules(causes, descending_path_errors(expression.text()));
}

fn propagation(causes: &mut Causes, mount: &At<'_>, list: &At<'_>, container: &At<'_>) {
    let mode = mount
        .get("mountPropagation")
        .called(list.child("mountPropagation"));
    mode.optional_one_of(causes, &["Bidirectional", "HostToContainer", "None"]);
    let privileged = container.at(&["securityContext", "privileged"]).is_true();
    if mode.text() == "Bidirectional" && !privileged {
        let detail = "Bidirectional mount propagation is available only to privileged containers";
        mode.forbidden(causes, detail);
    }
}

fn recursive_read_only(causes: &mut Causes, mount: &At<'_>, list: &At<'_>) {
    let mode = mount
        .get("recursiveReadOnly")
        .called(list.child("recursiveReadOnly"));
    match mode.text() {
        _ if !mode.is_set() => {}
        "Disabled" => {}
        "Enabled" | "IfPossible" => {
            if !mount.get("readOnly").is_true() {
                mode.forbidden(causes, "may only be specified when readOnly is true");
            }
            if !["", "None"].contains(&mount.get("mountPropagation").text()) {
                let detail = "may only be specified when mountPropagation is None or not specified";
                mode.forbidden(causes, detail);
            }
        }
        _ => mode.unsupported(causes, &["Disabled", "Enabled", "IfPossible"]),
    }
}

/// Volumes that a container has as block devices.
pub(super) fn devices(causes: &mut Causes, container: &At<'_>, volumes: &Volumes<'_>) {
    let mounts: Vec<At<'_>> = container.get("volumeMounts").items().collect();
    let (mut names, mut paths) = (HashSet::new(), HashSet::new());
    for device in container.get("volumeDevices").items() {
        let (name, path) = (device.get("name"), device.get("devicePath"));
        name.required_text(causes);
        if names.contains(name.text()) {
            name.invalid(causes, "must be unique");
        }
        match volumes.by_name.get(name.text()) {
            None => name.not_found(causes, ""),
            Some(Backing::Claim) => {}
            Some(Backing::Other) => {
                let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                name.invalid(causes, detail);
            }
        }
        path.required_text(causes);
        if paths.contains(path.text()) {
            path.invalid(causes, "must be unique");
        }
        if backstep_errors(path.text()).is_some() {
            path.invalid(causes, "can not contain backsteps ('..')");
        } else {
            paths.insert(path.text());
        }
        if mounts.iter().any(|it| it.get("name").text() == name.text()) {
            name.invalid(causes, "must not already exist in volumeMounts");
        }
        if mounts
            .iter()
            .any(|it| it.get("mountPath").text() == path.text())
        {
            let detail = "must not already exist as a path in volumeMounts";
            path.invalid(causes, detail);
        }
        if !name.text().is_empty() {
            names.insert(name.text());
        }
    }
}
