//! Fields that a write through a path never changes, and so never owns.

use super::prepare::Target;
use super::registry::Resource;
use std::sync::LazyLock;
use trueup_object::FieldPath;
use trueup_schema::FieldSet;

/// Kinds whose status is written without touching their metadata.
const METADATA_STAYS: [(&str, &[&str]); 8] = [
    (
        "admissionregistration.k8s.io",
        &["ValidatingAdmissionPolicy"],
    ),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    (
        "flowcontrol.apiserver.k8s.io",
        &["FlowSchema", "PriorityLevelConfiguration"],
    ),
    ("networking.k8s.io", &["ServiceCIDR"]),
    ("resource.k8s.io", &["ResourceClaim", "DeviceTaintRule"]),
    ("storage.k8s.io", &["VolumeAttachment"]),
    ("storagemigration.k8s.io", &["StorageVersionMigration"]),
];

static NONE: LazyLock<FieldSet> = LazyLock::new(FieldSet::new);
static STATUS: LazyLock<FieldSet> = LazyLock::new(|| set(&[&["status"]]));
static SPEC: LazyLock<FieldSet> = LazyLock::new(|| set(&[&["spec"]]));
static SPEC_AND_METADATA: LazyLock<FieldSet> = LazyLock::new(|| set(&[&["spec"], &["metadata"]]));
static OF_DEPLOYMENT: LazyLock<FieldSet> =
    LazyLock::new(|| set(&[&["spec"], &["metadata", "labels"]]));
static OF_POD: LazyLock<FieldSet> = LazyLock::new(|| {
    set(&[
        &["spec"],
        &["metadata", "deletionTimestamp"],
        &["metadata", "ownerReferences"],
    ])
});
static OF_REQUEST: LazyLock<FieldSet> = LazyLock::new(|| set(&[&["spec"], &["status"]]));
static OF_REQUEST_STATUS: LazyLock<FieldSet> =
    LazyLock::new(|| set(&[&["spec"], &["status", "conditions"]]));
static OF_REQUEST_APPROVAL: LazyLock<FieldSet> =
    LazyLock::new(|| set(&[&["spec"], &["status", "certificate"]]));

fn set(paths: &[&[&str]]) -> FieldSet {
    paths.iter().map(|path| FieldPath::of_keys(path)).collect()
}

/// Whether a write of the status leaves the metadata as they are.
pub(super) fn keeps_metadata(resource: &Resource) -> bool {
    resource.custom.is_some()
        || METADATA_STAYS.iter().any(|(group, kinds)| {
            *group == resource.group && kinds.contains(&resource.kind.as_str())
        })
}

/// The fields that a write through a path never owns.
pub(super) fn reset_fields(
    resource: &Resource,
    target: Target,
    subresource: &str,
) -> &'static FieldSet {
    let kind = (resource.group.as_str(), resource.kind.as_str());
    match (kind, target, subresource) {
        (("certificates.k8s.io", "CertificateSigningRequest"), target, subresource) => {
            match (target, subresource) {
                (Target::Main, _) => &OF_REQUEST,
                (Target::Status, _) => &OF_REQUEST_STATUS,
                (_, "approval") => &OF_REQUEST_APPROVAL,
                _ => &NONE,
            }
        }
        (("certificates.k8s.io", "PodCertificateRequest"), Target::Main, _) => &NONE,
        (("", "Namespace"), Target::Other, "finalize") => &STATUS,
        (_, Target::Main, _) if resource.subresource("status").is_some() => &STATUS,
        (_, Target::Status, _) if keeps_metadata(resource) => &SPEC_AND_METADATA,
        (("apps", "Deployment"), Target::Status, _) => &OF_DEPLOYMENT,
        (("", "Pod"), Target::Status, _) => &OF_POD,
        (_, Target::Status, _) => &SPEC,
        _ => &NONE,
    }
}
