//! What is left to Canaries of the objects that they change.

use crate::context::Context;
use crate::machine::Kind;
use trueup_kinds::Canary;
use trueup_kinds::canary::Phase;
use trueup_object::{FieldPath, ObjectRef, Value};
use trueup_rollout::targets::{HandsOff, TargetKind, conflicts, hands_off};

/// The fields that Canaries write, such as `spec.replicas` of a target. A
/// Canary that can't be read, that has not begun, or that is refused for an
/// older one's sake writes none.
pub(super) fn fields(context: &Context) -> Vec<(ObjectRef, Vec<FieldPath>)> {
    let keys = context.objects.keys(Kind::Canary);
    let canaries: Vec<Canary> = keys
        .iter()
        .filter_map(|key| Canary::decode(context.objects.get(key)?.value()).ok())
        .collect();
    let refused = conflicts(&canaries);
    let served = canaries.iter().filter(|canary| {
        let metadata = &canary.metadata;
        !refused.contains_key(&(metadata.namespace.clone(), metadata.name.clone()))
            && canary.status.phase != Phase::Unset
    });
    served.flat_map(fields_of).collect()
}

fn fields_of(canary: &Canary) -> Vec<(ObjectRef, Vec<FieldPath>)> {
    let Ok(kind) = TargetKind::of(&canary.spec.target_ref) else {
        return Vec::new();
    };
    let target = (kind, canary.spec.target_ref.name.clone());
    let apex = (TargetKind::Service, canary.spec.service_names().apex);
    let objects = [target, apex].map(|(kind, name)| ObjectRef {
        kind: kind.group_version_kind(),
        namespace: canary.metadata.namespace.clone(),
        name,
    });
    // What is not there is applied whole, whatever is left to others.
    let live = Value::map();
    let fields =
        objects
            .into_iter()
            .filter_map(|object| match hands_off(&object, Some(&live), [canary]) {
                HandsOff::Fields(fields) => Some((object, fields)),
                HandsOff::Nothing | HandsOff::Object => None,
            });
    fields.collect()
}
