//! PersistentVolumes, claims on them, and storage classes.
//!
//! Longer than other files: one rule after the other, in the order of the
//! fields and thereby of the messages that a client gets. Whoever looks for
//! the rules of a kind finds them here from first to last.

use super::at::{At, Causes};
use super::pod;
use super::pod::label_selector;
use super::text_rules::backstep_errors;
use crate::core::status::Cause;
use std::collections::HashSet;
use trueup_object::{Quantity, Value, names};

const MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];
const CLAIM_RULE: &str = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const IMMUTABLE: &str = "field is immutable";
const NEW_CLASS_ONLY: &str = "update from non-nil value to nil is forbidden";

pub(super) fn claim(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    claim_spec(&mut causes, &At::root(object).get("spec"));
    if let Some(live) = live {
        changed_claim(&mut causes, object, live);
    }
    causes
}

/// The claim that is made for a volume of a Pod.
pub(super) fn claim_template(causes: &mut Causes, template: &At<'_>) {
    let metadata = template.get("metadata");
    metadata.get("annotations").annotations(causes);
    metadata.get("labels").labels(causes);
    let fields = metadata.value().and_then(Value::as_map);
    for (key, _) in fields.into_iter().flatten() {
        if !["annotations", "labels"].contains(&key.as_str()) {
            metadata.get(key).forbidden(causes, "cannot be set");
        }
    }
    claim_spec(causes, &template.get("spec"));
}

pub(super) fn claim_spec(causes: &mut Causes, spec: &At<'_>) {
    let modes = spec.get("accessModes");
    if modes.is_empty() {
        modes.required(causes, "at least 1 access mode is required");
    }
    label_selector(causes, &spec.get("selector"));
    access_modes(causes, &modes);
    let storage = spec.at(&["resources", "requests", "storage"]);
    let storage = storage.called(spec.child("resources[storage]"));
    match storage.quantity() {
        None => storage.required(causes, ""),
        Some(amount) if amount.nanos() <= 0 => {
            let shown = format!("{:?}", amount.to_string());
            causes.push(Cause::invalid(
                storage.path(),
                shown,
                "must be greater than zero",
            ));
        }
        Some(_) => {}
    }
    spec.get("storageClassName").optional_subdomain(causes);
    spec.get("volumeMode")
        .optional_one_of(causes, &["Block", "Filesystem"]);
    data_sources(causes, spec);
    spec.get("volumeAttributesClassName")
        .optional_subdomain(causes);
}

fn access_modes(causes: &mut Causes, modes: &At<'_>) {
    let (mut alone, mut shared) = (false, false);
    for mode in modes.items() {
        if !MODES.contains(&mode.text()) {
            mode.called(modes.path().to_owned())
                .unsupported(causes, &MODES);
        } else if mode.text() == "ReadWriteOncePod" {
            alone = true;
        } else {
            shared = true;
        }
    }
    if alone && shared {
        modes.forbidden(
            causes,
            "may not use ReadWriteOncePod with other access modes",
        );
    }
}

fn data_sources(causes: &mut Causes, spec: &At<'_>) {
    let (source, reference) = (spec.get("dataSource"), spec.get("dataSourceRef"));
    for at in [&source, &reference] {
        if at.is_set() {
            data_source(causes, at);
        }
    }
    let namespace = reference.get("namespace");
    if !namespace.text().is_empty() {
        namespace.dns_label(causes);
    }
    if !source.is_set() || !reference.is_set() {
        return;
    }
    let same = ["apiGroup", "kind", "name"]
        .iter()
        .all(|key| source.get(key).value() == reference.get(key).value());
    let detail = if !namespace.text().is_empty() {
        "may not be specified when dataSourceRef.namespace is specified"
    } else if !same {
        "must match dataSourceRef"
    } else {
        return;
    };
    causes.push(Cause::invalid(spec.path(), "{}", detail));
}

fn data_source(causes: &mut Causes, at: &At<'_>) {
    at.get("name").required_text(causes);
    at.get("kind").required_text(causes);
    let (group, kind) = (at.get("apiGroup"), at.get("kind"));
    if group.text().is_empty() && kind.text() != "PersistentVolumeClaim" {
        let detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        kind.called(at.path().to_owned()).invalid(causes, detail);
    }
    group.optional_subdomain(causes);
}

/// What a claim may change: its size and its class of attributes when it is
/// bound, its volume and its class when it has none.
fn changed_claim(causes: &mut Causes, new: &Value, live: &Value) {
    let bound = new.str_at(&["status", "phase"]) == Some("Bound");
    let fixed = |object: &Value| {
        let mut spec = object.get("spec").cloned().unwrap_or_default();
        if live
            .str_at(&["spec", "volumeName"])
            .unwrap_or("")
            .is_empty()
        {
            spec.remove_at(&["volumeName"]);
        }
        if takes_class(new, live) {
            spec.remove_at(&["storageClassName"]);
        }
        if bound {
            spec.remove_at(&["resources", "requests", "storage"]);
            spec.remove_at(&["volumeAttributesClassName"]);
        }
        spec
    };
    if fixed(new) != fixed(live) {
        causes.push(Cause::forbidden("spec", CLAIM_RULE));
    }
    let size = |object: &Value, path: &[&str]| {
        let text = object.str_at(path);
        text.and_then(|text| Quantity::parse(text).ok())
            .map_or(0, |amount| amount.nanos())
    };
    let path = ["spec", "resources", "requests", "storage"];
    let now = size(new, &path);
    if now < size(live, &path) && now <= size(live, &["status", "capacity", "storage"]) {
        let detail = "field can not be less than status.capacity";
        causes.push(Cause::forbidden(path.join("."), detail));
    }
    volume_mode(causes, new, live);
}

fn volume_mode(causes: &mut Causes, new: &Value, live: &Value) {
    let mode = At::root(new).at(&["spec", "volumeMode"]);
    if mode.value() != live.at(&["spec", "volumeMode"]) {
        mode.called("volumeMode".to_owned())
            .invalid(causes, IMMUTABLE);
    }
}

/// A claim without a class takes one later, if its old annotation agrees.
fn takes_class(new: &Value, live: &Value) -> bool {
    let class = |object: &Value| {
        object
            .str_at(&["spec", "storageClassName"])
            .map(str::to_owned)
    };
    let old = live.str_at(&["metadata", "annotations", OLD_CLASS]);
    class(live).is_none() && class(new).is_some_and(|class| old.is_none_or(|old| old == class))
}

pub(super) fn volume(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    let spec = root.get("spec");
    let modes = spec.get("accessModes");
    if modes.is_empty() {
        modes.required(&mut causes, "");
    }
    access_modes(&mut causes, &modes);
    capacity(&mut causes, &spec.get("capacity"));
    let policy = spec.get("persistentVolumeReclaimPolicy");
    if !policy.text().is_empty() {
        policy.one_of(&mut causes, &["Delete", "Recycle", "Retain"]);
    }
    let affinity = spec.get("nodeAffinity");
    if affinity.is_set() {
        let required = affinity.get("required");
        if required.is_set() {
            pod::node_selector(&mut causes, &required);
        } else {
            required.required(&mut causes, "must specify required node constraints");
        }
    }
    volume_source(&mut causes, &spec);
    if spec.at(&["hostPath", "path"]).text() == "/" && policy.text() == "Recycle" {
        let detail = "may not be 'recycle' for a hostPath mount of '/'";
        policy.forbidden(&mut causes, detail);
    }
    spec.get("storageClassName").optional_subdomain(&mut causes);
    spec.get("volumeMode")
        .optional_one_of(&mut causes, &["Block", "Filesystem"]);
    attributes_class(&mut causes, &spec);
    if let Some(live) = live {
        changed_volume(&mut causes, object, live);
    }
    causes
}

fn capacity(causes: &mut Causes, capacity: &At<'_>) {
    if capacity.is_empty() {
        capacity.required(causes, "");
    }
    if capacity.entries().count() > 1 || !capacity.get("storage").is_set() {
        let shown = if capacity.is_set() {
            capacity.shown()
        } else {
            "null".to_owned()
        };
        causes.push(Cause::unsupported(capacity.path(), shown, &["storage"]));
    }
    for (_, amount) in capacity.entries() {
        let Some(quantity) = amount.quantity() else {
            continue;
        };
        if quantity.nanos() < 0 {
            let units = quantity.units();
            let detail = "must be a valid resource quantity";
            causes.push(Cause::invalid(amount.path(), units, detail));
        }
        if quantity.nanos() <= 0 {
            amount.invalid(causes, "must be greater than zero");
        }
    }
}

/// The sources of volumes, with the names by which messages call a second
/// one and its fields.
const SOURCES: [(&str, &str, &str); 20] = [
    ("hostPath", "hostPath", "hostPath"),
    ("gcePersistentDisk", "gcePersistentDisk", "persistentDisk"),
    (
        "awsElasticBlockStore",
        "awsElasticBlockStore",
        "awsElasticBlockStore",
    ),
    ("glusterfs", "glusterfs", "glusterfs"),
    ("flocker", "flocker", "flocker"),
    ("nfs", "nfs", "nfs"),
    ("rbd", "rbd", "rbd"),
    ("quobyte", "quobyte", "quobyte"),
    ("cephfs", "cephFS", "cephfs"),
    ("iscsi", "iscsi", "iscsi"),
    ("cinder", "cinder", "cinder"),
    ("fc", "fc", "fc"),
    ("azureFile", "azureFile", "azureFile"),
    ("vsphereVolume", "vsphereVolume", "vsphereVolume"),
    (
        "photonPersistentDisk",
        "photonPersistentDisk",
        "photonPersistentDisk",
    ),
    ("portworxVolume", "portworxVolume", "portworxVolume"),
    ("azureDisk", "azureDisk", "azureDisk"),
    ("local", "local", "local"),
    ("storageos", "storageos", "storageos"),
    ("csi", "csi", "csi"),
];

fn volume_source(causes: &mut Causes, spec: &At<'_>) {
    let mut given = SOURCES
        .iter()
        .filter(|(source, _, _)| spec.get(source).is_set());
    let other = ["flexVolume", "scaleIO"].map(|source| spec.get(source));
    let Some((first, _, called)) = given.next() else {
        match other.iter().find(|source| source.is_set()) {
            Some(source) => source.get("driver").required_text(causes),
            None => spec.required(causes, "must specify a volume type"),
        }
        return;
    };
    let at = spec.get(first).called(spec.child(called));
    match *first {
        "hostPath" => pod::host_path(causes, &at),
        "nfs" => pod::nfs(causes, &at),
        "csi" => csi(causes, &at),
        "local" => local(causes, &at, spec),
        source => pod::common_source(causes, source, &at),
    }
    for (_, second, _) in given {
        let path = spec.child(second);
        causes.push(Cause::forbidden(
            path,
            "may not specify more than 1 volume type",
        ));
    }
}

fn local(causes: &mut Causes, at: &At<'_>, spec: &At<'_>) {
    let path = at.get("path");
    if path.text().is_empty() {
        path.required(causes, "");
    } else {
        path.rules(causes, backstep_errors(path.text()));
    }
    let affinity = spec.get("nodeAffinity");
    if !affinity.is_set() {
        affinity.required(causes, "Local volume requires node affinity");
    }
}

fn csi(causes: &mut Causes, at: &At<'_>) {
    pod::csi_driver(causes, &at.get("driver"));
    at.get("volumeHandle").required_text(causes);
    for reference in [
        "controllerPublishSecretRef",
        "controllerExpandSecretRef",
        "nodePublishSecretRef",
        "nodeExpandSecretRef",
    ] {
        pod::secret_reference(causes, &at.get(reference));
    }
}

fn attributes_class(causes: &mut Causes, spec: &At<'_>) {
    let class = spec.get("volumeAttributesClassName");
    if !class.is_set() {
        return;
    }
    if class.text().is_empty() {
        class.required(causes, "an empty string is disallowed");
    } else {
        class.dns_subdomain(causes);
    }
    if !spec.get("csi").is_set() {
        let detail = "has to be specified when using volumeAttributesClassName";
        spec.get("csi").required(causes, detail);
    }
}

fn changed_volume(causes: &mut Causes, new: &Value, live: &Value) {
    let source = |object: &Value| {
        let keys = SOURCES.iter().map(|(source, _, _)| *source);
        keys.chain(["flexVolume", "scaleIO"])
            .map(|key| object.at(&["spec", key]).cloned())
            .collect::<Vec<_>>()
    };
    let mut now = new.clone();
    let secret = ["spec", "csi", "controllerExpandSecretRef"];
    if live.at(&secret).is_none() {
        now.remove_at(&secret);
    }
    if source(&now) != source(live) {
        let detail = "spec.persistentvolumesource is immutable after creation";
        causes.push(Cause::forbidden("spec.persistentvolumesource", detail));
    }
    volume_mode(causes, new, live);
    let affinity = At::root(new).at(&["spec", "nodeAffinity"]);
    let before = live.at(&["spec", "nodeAffinity"]);
    if before.is_some() && affinity.value() != before {
        affinity
            .called("nodeAffinity".to_owned())
            .invalid(causes, IMMUTABLE);
    }
    let class = ["spec", "volumeAttributesClassName"];
    if live.at(&class).is_some() && new.at(&class).is_none() {
        causes.push(Cause::forbidden(class.join("."), NEW_CLASS_ONLY));
    }
}

pub(super) fn storage_class(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let root = At::root(object);
    if let Some(live) = live {
        for key in [
            "parameters",
            "provisioner",
            "reclaimPolicy",
            "volumeBindingMode",
        ] {
            if object.get(key) != live.get(key) {
                root.get(key).invalid(&mut causes, IMMUTABLE);
            }
        }
        return causes;
    }
    let provisioner = root.get("provisioner");
    if provisioner.text().is_empty() {
        provisioner.required(&mut causes, "");
    } else {
        let lower = provisioner.text().to_lowercase();
        for error in names::qualified_name_errors(&lower) {
            causes.push(Cause::invalid("provisioner", format!("{lower:?}"), &error));
        }
    }
    let policy = root.get("reclaimPolicy");
    if !policy.text().is_empty() {
        policy.one_of(&mut causes, &["Delete", "Retain"]);
    }
    root.get("volumeBindingMode")
        .one_of(&mut causes, &["Immediate", "WaitForFirstConsumer"]);
    topologies(&mut causes, &root.get("allowedTopologies"));
    causes
}

fn topologies(causes: &mut Causes, topologies: &At<'_>) {
    let mut before: Vec<Option<&Value>> = Vec::new();
    for term in topologies.items() {
        topology(causes, &term);
        let expressions = term.get("matchLabelExpressions");
        // The API server compares with terms that it has yet to see too, and
        // takes them for empty ones.
        let unseen = if expressions.is_empty() {
            topologies.list().len()
        } else {
            0
        };
        let same = before
            .iter()
            .filter(|it| **it == expressions.value())
            .count();
        for _ in 0..unseen + same {
            causes.push(Cause::duplicate(expressions.path(), "\"\""));
        }
        before.push(expressions.value());
    }
}

fn topology(causes: &mut Causes, term: &At<'_>) {
    let mut keys = HashSet::new();
    for requirement in term.get("matchLabelExpressions").items() {
        let (key, values) = (requirement.get("key"), requirement.get("values"));
        if values.is_empty() {
            values.required(causes, "");
        }
        let mut seen = HashSet::new();
        for value in values.items() {
            if !seen.insert(value.text()) {
                value.duplicate(causes);
            }
        }
        key.qualified_name(causes);
        if !keys.insert(key.text()) {
            key.duplicate(causes);
        }
    }
}

pub(super) fn storage_driver(object: &Value, live: Option<&Value>) -> Causes {
    let mut causes = Vec::new();
    let spec = At::root(object).get("spec");
    for key in ["attachRequired", "podInfoOnMount", "storageCapacity"] {
        if !spec.get(key).is_set() {
            spec.get(key).required(&mut causes, "");
        }
    }
    spec.get("fsGroupPolicy")
        .optional_one_of(&mut causes, &["File", "None", "ReadWriteOnceWithFSType"]);
    for mode in spec.get("volumeLifecycleModes").items() {
        mode.called(spec.child("volumeLifecycleModes"))
            .one_of(&mut causes, &["Persistent", "Ephemeral"]);
    }
    let mut audiences = HashSet::new();
    for request in spec.get("tokenRequests").items() {
        let audience = request.get("audience");
        if !audiences.insert(audience.text()) {
            audience.duplicate(&mut causes);
        }
        let seconds = request.get("expirationSeconds");
        if seconds.number().is_some_and(|seconds| seconds < 10 * 60) {
            seconds.invalid(
                &mut causes,
                "may not specify a duration less than 10 minutes",
            );
        }
    }
    let Some(live) = live else {
        return causes;
    };
    for (key, called) in [
        ("attachRequired", "spec.attachedRequired"),
        ("volumeLifecycleModes", "spec.volumeLifecycleModes"),
    ] {
        if spec.get(key).value() != live.at(&["spec", key]) {
            spec.get(key)
                .called(called.to_owned())
                .invalid(&mut causes, IMMUTABLE);
        }
    }
    causes
}
