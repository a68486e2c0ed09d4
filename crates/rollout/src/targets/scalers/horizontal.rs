//! Copies of a HorizontalPodAutoscaler (`autoscaling/v2`).

use super::super::View;
use super::super::metadata::{map_at, set_map, without_toolkit};
use super::{ScalerNames, frame};
use trueup_object::Value;

/// What the copy has in common with the target's.
const FIELDS: [&str; 4] = ["minReplicas", "maxReplicas", "metrics", "behavior"];

/// The copy when it is made.
pub(super) fn copy_of(view: &View<'_>, names: &ScalerNames<'_>, source: &Value) -> Value {
    let mut copy = frame(view, names, source, &["apiVersion", "kind"]);
    let labels = without_toolkit(map_at(source, &["metadata", "labels"]));
    set_map(&mut copy, &["metadata", "labels"], labels);
    for field in FIELDS {
        if let Some(member) = source.at(&["spec", field]) {
            copy.set_at(&["spec", field], member.clone());
        }
    }
    copy
}

/// Makes the fields of an existing copy those of a new one.
pub(super) fn put_spec(copy: &mut Value, spec: &Value) {
    for field in FIELDS {
        match spec.get(field) {
            Some(member) => copy.set_at(&["spec", field], member.clone()),
            None => {
                copy.remove_at(&["spec", field]);
            }
        }
    }
}
