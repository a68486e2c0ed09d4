//! The same object twice in one build.

use crate::BuildError;
use crate::namespace::{Item, is_cluster_scoped};
use std::collections::BTreeMap;
use trueup_object::{GroupKind, ObjectRef, Text};

/// Refuses two objects of the same group, kind, namespace and name, whatever
/// their versions.
pub(crate) fn refuse_twice(items: &[Item], after_namespace_change: bool) -> Result<(), BuildError> {
    let mut seen: BTreeMap<(GroupKind, Text, Text), &Item> = BTreeMap::new();
    for item in items {
        let object = item.manifest.reference();
        if let Some(first) = seen.insert(identity(&object), item) {
            return Err(BuildError::Twice {
                object: Box::new(object),
                first: first.manifest.position.clone(),
                second: item.manifest.position.clone(),
                after_namespace_change,
            });
        }
    }
    Ok(())
}

fn identity(object: &ObjectRef) -> (GroupKind, Text, Text) {
    let kind = object.kind.group_kind();
    let namespace = match object.namespace.as_str() {
        _ if is_cluster_scoped(&kind) => Text::new(),
        "" => "default".into(),
        _ => object.namespace.clone(),
    };
    (kind, namespace, object.name.clone())
}
