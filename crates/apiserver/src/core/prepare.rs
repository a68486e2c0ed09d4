//! What the server itself does to an object between decoding and storing:
//! system metadata, generation, the parts that a path may not change, fields
//! of its own.

use super::Core;
use super::pods;
use super::registry::Resource;
use super::services;
use super::status::ApiError;
use super::write::Call;
use trueup_object::{Text, Value, value};

/// How long a generated name may be: the base is cut to leave room for the
/// random characters.
const MAX_GENERATED_BASE: usize = 58;
const RANDOM_CHARACTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const RANDOM_LENGTH: usize = 5;

/// Which part of an object a path writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The object.
    Main,
    /// Its status.
    Status,
    /// Its scale.
    Scale,
    /// Another subresource that writes the object (`finalize`, `approval`,
    /// `ephemeralcontainers`, `resize`).
    Other,
}

impl Target {
    /// The target of a subresource name.
    #[must_use]
    pub fn of(subresource: &str) -> Self {
        match subresource {
            "" => Self::Main,
            "status" => Self::Status,
            "scale" => Self::Scale,
            _ => Self::Other,
        }
    }
}

/// Gives an object a name from its `generateName`.
pub fn name(core: &Core, object: &mut Value) {
    let given = object.str_at(&["metadata", "name"]).unwrap_or("");
    let base = object.str_at(&["metadata", "generateName"]).unwrap_or("");
    if !given.is_empty() || base.is_empty() {
        return;
    }
    let base: String = base.chars().take(MAX_GENERATED_BASE).collect();
    let name = format!(
        "{base}{}",
        core.random_characters(RANDOM_LENGTH, RANDOM_CHARACTERS)
    );
    object.set_at(&["metadata", "name"], name.into());
}

/// System metadata of a new object.
pub fn created(call: &mut Call<'_>, object: &mut Value) {
    for key in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
    ] {
        object.remove_at(&["metadata", key]);
    }
    object.set_at(&["metadata", "uid"], call.core.random_uid().into());
    object.set_at(&["metadata", "creationTimestamp"], call.time().into());
    if !call.resource.namespaced {
        object.remove_at(&["metadata", "namespace"]);
    }
    if (call.resource.group.as_str(), call.resource.kind.as_str()) == ("batch", "Job") {
        call.labels_of_template = take_template_labels(object);
    }
}

/// A Job without labels has those of its template; gives whether it took any.
fn take_template_labels(object: &mut Value) -> bool {
    let count = |labels: Option<&Value>| {
        let labels = labels.and_then(Value::as_map);
        labels.map_or(0, trueup_object::Map::len)
    };
    let path = ["spec", "template", "metadata", "labels"];
    if count(object.at(&["metadata", "labels"])) > 0 || count(object.at(&path)) == 0 {
        return false;
    }
    if let Some(labels) = object.at(&path).cloned() {
        object.set_at(&["metadata", "labels"], labels);
    }
    true
}

/// A claim names the source of its data twice: as older and as newer servers
/// read it. The old way knows claims and snapshots only.
fn data_sources(object: &mut Value) {
    const OLD: [&str; 2] = ["spec", "dataSource"];
    const NEW: [&str; 2] = ["spec", "dataSourceRef"];
    let known = |source: &Value| {
        let group = source.str_at(&["apiGroup"]).unwrap_or("");
        matches!(
            (group, source.str_at(&["kind"]).unwrap_or("")),
            ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
        )
    };
    if object.at(&OLD).is_some_and(|source| !known(source)) {
        object.remove_at(&OLD);
    }
    match (object.at(&OLD).cloned(), object.at(&NEW).cloned()) {
        (Some(source), None) => object.set_at(&NEW, source),
        (None, Some(source)) if known(&source) && source.get("namespace").is_none() => {
            object.set_at(&OLD, source);
        }
        _ => {}
    }
}

/// An owner that is named twice in the same words is named once, and the
/// client told.
pub fn drop_repeated_owners(call: &mut Call<'_>, object: &mut Value) {
    let path = ["metadata", "ownerReferences"];
    let owners = object.at(&path).and_then(Value::as_list);
    let mut kept: Vec<Value> = Vec::new();
    let mut repeated: Vec<&str> = Vec::new();
    for owner in owners.unwrap_or_default() {
        if kept.contains(owner) {
            repeated.push(owner.str_at(&["uid"]).unwrap_or(""));
        } else {
            kept.push(owner.clone());
        }
    }
    if repeated.is_empty() {
        return;
    }
    call.warnings.push(format!(
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
        repeated.join(", ")
    ));
    object.set_at(&path, kept.into());
}

/// Kinds that count the changes of what they want in `metadata.generation`.
const WITH_GENERATION: [(&str, &[&str]); 11] = [
    ("", &["Pod", "PodTemplate", "ReplicationController"]),
    (
        "apps",
        &["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"],
    ),
    ("batch", &["Job", "CronJob"]),
    (
        "networking.k8s.io",
        &["Ingress", "NetworkPolicy", "IngressClass"],
    ),
    ("policy", &["PodDisruptionBudget"]),
    ("discovery.k8s.io", &["EndpointSlice"]),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("scheduling.k8s.io", &["PriorityClass"]),
    (
        "admissionregistration.k8s.io",
        &[
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
        ],
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        &["FlowSchema", "PriorityLevelConfiguration"],
    ),
    (
        "resource.k8s.io",
        &["DeviceClass", "DeviceTaintRule", "ResourceSlice"],
    ),
];

fn counts_generation(resource: &Resource) -> bool {
    resource.custom.is_some()
        || WITH_GENERATION.iter().any(|(group, kinds)| {
            *group == resource.group && kinds.contains(&resource.kind.as_str())
        })
}

/// Kinds that a PUT to a missing name makes.
#[must_use]
pub fn creates_on_update(resource: &Resource) -> bool {
    matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        ("", "endpoints" | "events" | "limitranges" | "services")
            | ("events.k8s.io", "events")
            | ("coordination.k8s.io", "leases")
            | ("rbac.authorization.k8s.io", _)
    )
}

/// Kinds that may be replaced without naming the version replaced.
#[must_use]
pub fn updates_without_version(resource: &Resource) -> bool {
    if resource.custom.is_some() {
        return false;
    }
    !matches!(
        (resource.group.as_str(), resource.plural.as_str()),
        ("coordination.k8s.io", "leases")
            | (
                "apiextensions.k8s.io"
                    | "apiregistration.k8s.io"
                    | "admissionregistration.k8s.io"
                    | "node.k8s.io",
                _
            )
            | ("policy", "poddisruptionbudgets")
            | (
                "storage.k8s.io",
                "volumeattachments" | "csinodes" | "csidrivers"
            )
    )
}

/// A new object has no status of its own, except where the kind keeps it.
pub fn reset_on_create(resource: &Resource, object: &mut Value) {
    let keeps = resource.group.is_empty() && matches!(resource.kind.as_str(), "Node");
    if resource.subresource("status").is_none() || keeps {
        return;
    }
    if object.remove_at(&["status"]).is_some() || resource.custom.is_none() {
        let settled = super::decode::settle(resource, object);
        *object = settled;
    }
}

/// The kind's own touch on a new object, after owners are written down.
pub fn for_create(call: &mut Call<'_>, object: &mut Value) -> Result<(), ApiError> {
    if counts_generation(call.resource) {
        object.set_at(&["metadata", "generation"], 1.into());
    }
    match (call.resource.group.as_str(), call.resource.kind.as_str()) {
        ("", "Namespace") => {
            namespace_finalizer(object);
            object.set_at(&["status"], value!({"phase": "Active"}));
        }
        ("", "Pod") => pods::created(call, object),
        ("", "Service") => services::list_address(object),
        ("", "PersistentVolumeClaim") => {
            data_sources(object);
            object.set_at(&["status"], value!({"phase": "Pending"}));
        }
        ("", "PersistentVolume") => {
            let status = value!({"phase": "Pending", "lastPhaseTransitionTime": (call.time())});
            object.set_at(&["status"], status);
        }
        ("batch", "Job") => job_selector(call, object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => super::definitions::created(object),
        ("certificates.k8s.io", "CertificateSigningRequest") => {
            object.set_at(&["spec", "username"], call.identity.user.clone().into());
            let groups: Value = call
                .identity
                .groups
                .iter()
                .map(|group| Value::from(group.clone()))
                .collect();
            object.set_at(&["spec", "groups"], groups);
        }
        _ => {}
    }
    Ok(())
}

/// A Job selects its pods by a label with its uid, unless it brings its own
/// selector.
fn job_selector(call: &Call<'_>, object: &mut Value) {
    if object
        .at(&["spec", "manualSelector"])
        .and_then(Value::as_bool)
        == Some(true)
    {
        return;
    }
    let uid: Text = object.str_at(&["metadata", "uid"]).unwrap_or("").into();
    let name: Text = object.str_at(&["metadata", "name"]).unwrap_or("").into();
    for (label, text) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("job-name", &name),
    ] {
        object.set_at(
            &["spec", "template", "metadata", "labels", label],
            text.clone().into(),
        );
    }
    if object.at(&["spec", "selector"]).is_none() {
        object.set_at(
            &[
                "spec",
                "selector",
                "matchLabels",
                "batch.kubernetes.io/controller-uid",
            ],
            uid.into(),
        );
    }
    // Labels that were taken from the template are the template's.
    if call.labels_of_template
        && let Some(labels) = object
            .at(&["spec", "template", "metadata", "labels"])
            .cloned()
    {
        object.set_at(&["metadata", "labels"], labels);
    }
}

/// A namespace goes when its contents are gone.
fn namespace_finalizer(object: &mut Value) {
    let path = ["spec", "finalizers"];
    let mut names = object
        .at(&path)
        .and_then(Value::as_list)
        .unwrap_or_default()
        .to_vec();
    if !names.iter().any(|name| name.as_str() == Some("kubernetes")) {
        names.push("kubernetes".into());
    }
    object.set_at(&path, names.into());
}

/// Restores what a path may not change.
pub fn for_update(call: &Call<'_>, new: &mut Value, live: &Value) {
    let resource = call.resource;
    match call.target {
        Target::Main if resource.subresource("status").is_some() => take(new, live, &["status"]),
        Target::Status => only_status(resource, new, live),
        Target::Other if call.operation.subresource_name() == "finalize" => {
            let finalizers = new.at(&["spec", "finalizers"]).cloned();
            *new = keep_metadata(new, live);
            new.remove_at(&["spec", "finalizers"]);
            if let Some(finalizers) = finalizers {
                new.set_at(&["spec", "finalizers"], finalizers);
            }
        }
        _ => {}
    }
    if (resource.group.as_str(), resource.kind.as_str()) == ("", "Namespace")
        && call.operation.subresource_name() != "finalize"
    {
        take(new, live, &["spec", "finalizers"]);
    }
    if resource.kind == "CustomResourceDefinition" {
        super::definitions::updated(new);
    }
    system_metadata(new, live);
}

fn system_metadata(new: &mut Value, live: &Value) {
    for key in [
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        take(new, live, &["metadata", key]);
    }
    for key in ["uid", "namespace"] {
        if new.str_at(&["metadata", key]).unwrap_or("").is_empty() {
            take(new, live, &["metadata", key]);
        }
    }
    new.remove_at(&["metadata", "selfLink"]);
}

/// Everything but the status as it is.
fn only_status(resource: &Resource, new: &mut Value, live: &Value) {
    let mut kept = live.clone();
    match new.get("status") {
        Some(status) => kept.set_at(&["status"], status.clone()),
        None => {
            kept.remove_at(&["status"]);
        }
    }
    if super::reset_fields::keeps_metadata(resource) {
        take(&mut kept, new, &["metadata", "managedFields"]);
        take(&mut kept, new, &["metadata", "resourceVersion"]);
    } else {
        take(&mut kept, new, &["metadata"]);
        if resource.kind == "Deployment" {
            take(&mut kept, live, &["metadata", "labels"]);
        }
        if resource.kind == "Pod" {
            take(&mut kept, live, &["metadata", "ownerReferences"]);
        }
    }
    *new = kept;
}

/// The live object with the metadata of the new one.
fn keep_metadata(new: &Value, live: &Value) -> Value {
    let mut kept = live.clone();
    take(&mut kept, new, &["metadata"]);
    kept
}

/// Makes a field what it is in another object.
fn take(object: &mut Value, from: &Value, path: &[&str]) {
    match from.at(path) {
        Some(value) => object.set_at(path, value.clone()),
        None => {
            if object.at(path).is_some() {
                object.remove_at(path);
            }
        }
    }
}

/// The kind's own touch on a change, and its generation.
pub fn on_update(call: &mut Call<'_>, new: &mut Value, live: &Value) -> Result<(), ApiError> {
    match (call.resource.group.as_str(), call.resource.kind.as_str()) {
        ("", "Service") if call.target == Target::Main => services::carry_over(new, live),
        ("apps", "DaemonSet") if call.target == Target::Main => template_generation(new, live),
        ("apiextensions.k8s.io", "CustomResourceDefinition") if call.target == Target::Main => {
            super::definitions::updated(new);
        }
        _ => {}
    }
    if call.target != Target::Status && counts_change(call.resource, new, live) {
        let generation = live.i64_at(&["metadata", "generation"]).unwrap_or(0);
        new.set_at(&["metadata", "generation"], (generation + 1).into());
    }
    Ok(())
}

/// Whether a change counts: that of what the object wants, and for some kinds
/// that of a part of its metadata.
fn counts_change(resource: &Resource, new: &Value, live: &Value) -> bool {
    let differs = |key: &str| new.at(&["metadata", key]) != live.at(&["metadata", key]);
    match (resource.group.as_str(), resource.kind.as_str()) {
        // It starts with a generation, and never counts.
        ("scheduling.k8s.io", "PriorityClass") => false,
        // It starts without a generation, and counts from there.
        ("storage.k8s.io", "CSIDriver") => wants_differ(resource, new, live),
        ("apps", "Deployment") => differs("annotations") || wants_differ(resource, new, live),
        ("discovery.k8s.io", "EndpointSlice") => {
            differs("labels") || wants_differ(resource, new, live)
        }
        _ => counts_generation(resource) && wants_differ(resource, new, live),
    }
}

/// Counts a new template of a DaemonSet.
fn template_generation(new: &mut Value, live: &Value) {
    let path = [
        "metadata",
        "annotations",
        super::defaults::TEMPLATE_GENERATION,
    ];
    let before: i64 = live
        .str_at(&path)
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    let changed = new.at(&["spec", "template"]) != live.at(&["spec", "template"]);
    let count = if changed { before + 1 } else { before };
    new.set_at(&path, count.to_string().into());
}

/// Whether anything but metadata (and status) differs.
fn wants_differ(resource: &Resource, new: &Value, live: &Value) -> bool {
    let has_status = resource.subresource("status").is_some();
    let wants = |object: &Value| {
        let mut object = object.clone();
        object.remove_at(&["metadata"]);
        if has_status {
            object.remove_at(&["status"]);
        }
        object
    };
    !wants(new).same_number(&wants(live))
}

/// What is given to an object that is found right: cluster IPs and node ports
/// of a Service, the labels of a Job that has none.
pub fn allocate(call: &Call<'_>, live: Option<&Value>, object: &mut Value) -> Result<(), ApiError> {
    match (call.resource.group.as_str(), call.resource.kind.as_str()) {
        ("", "Service") => services::allocate(call, live, object),
        ("batch", "Job") => {
            take_template_labels(object);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The last touch before storing: nothing that an answer to a dry run shows.
pub fn finish(_call: &Call<'_>, _live: Option<&Value>, object: &mut Value) {
    object.remove_at(&["metadata", "resourceVersion"]);
}
