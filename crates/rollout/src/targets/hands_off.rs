//! What an applier of manifests leaves to a `Canary`.

use super::TargetKind;
use super::metadata::{is_canary_reference, owners};
use super::scale::SCALE_TO_ZERO;
use trueup_kinds::Canary;
use trueup_object::{FieldPath, ObjectRef, Value};

/// What of an object is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandsOff {
    /// Nothing: it is applied as it is written.
    Nothing,
    /// These fields: they are neither applied nor corrected.
    Fields(Vec<FieldPath>),
    /// All of it: it was made for a `Canary`, and is neither applied nor
    /// pruned.
    Object,
}

/// What of an object is left alone. `live` is the object in the cluster; one
/// that is not there is applied whole. `canaries` are those of the cluster, of
/// which only those in the object's namespace matter; a suspended one counts,
/// one that was refused (see [`super::conflicts`]) should not be given.
#[must_use]
pub fn hands_off<'a>(
    object: &ObjectRef,
    live: Option<&Value>,
    canaries: impl IntoIterator<Item = &'a Canary>,
) -> HandsOff {
    let Some(live) = live else {
        return HandsOff::Nothing;
    };
    if owners(live).iter().any(is_canary_reference) {
        return HandsOff::Object;
    }
    let mut fields: Vec<FieldPath> = canaries
        .into_iter()
        .filter(|canary| canary.metadata.namespace == object.namespace)
        .flat_map(|canary| fields_of(object, canary))
        .map(FieldPath::of_keys)
        .collect();
    fields.dedup();
    if fields.is_empty() {
        return HandsOff::Nothing;
    }
    HandsOff::Fields(fields)
}

const REPLICAS: &[&str] = &["spec", "replicas"];
const PORTS: &[&str] = &["spec", "ports"];
const SELECTOR: &[&str] = &["spec", "selector"];
const NODE_SELECTOR: &[&str] = &["spec", "template", "spec", "nodeSelector", SCALE_TO_ZERO];

/// Fields of an object that a `Canary` writes.
fn fields_of(object: &ObjectRef, canary: &Canary) -> Vec<&'static [&'static str]> {
    let spec = &canary.spec;
    let Ok(kind) = TargetKind::of(&spec.target_ref) else {
        return Vec::new();
    };
    let named = |kind: TargetKind, name: &str| {
        let wanted = kind.group_version_kind();
        object.kind.group_kind() == wanted.group_kind() && object.name == name
    };
    if named(kind, &spec.target_ref.name) {
        match kind {
            TargetKind::Deployment => return vec![REPLICAS],
            TargetKind::DaemonSet => return vec![NODE_SELECTOR],
            TargetKind::Service => return Vec::new(),
        }
    }
    let has_pods = kind != TargetKind::Service;
    if has_pods && named(TargetKind::Service, &spec.service_names().apex) {
        return vec![PORTS, SELECTOR];
    }
    Vec::new()
}
