//! Where a kind's objects live, as far as it is known without asking.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use trueup_kinds::Inventory;
use trueup_object::{GroupKind, ObjectRef, Text};
use trueup_schema::Schemas;

/// The name of an object as the cluster knows it: a namespace that a
/// manifest gives to an object of a built-in kind without namespaces is
/// dropped, as the API drops it.
pub(crate) fn normal(mut object: ObjectRef) -> ObjectRef {
    if is_misplaced(&object) {
        object.namespace = Text::new();
    }
    object
}

/// An inventory with the names that the cluster knows. Flux keeps such
/// entries under the name in the manifest; read as they are, they would look
/// like objects that left the source.
pub(crate) fn normal_inventory(inventory: &Inventory) -> Inventory {
    let misplaced: Vec<ObjectRef> = inventory.objects().filter(is_misplaced).collect();
    if misplaced.is_empty() {
        return inventory.clone();
    }
    let moved: Vec<ObjectRef> = misplaced.iter().cloned().map(normal).collect();
    inventory
        .without(&Inventory::of(&misplaced))
        .union(&Inventory::of(&moved))
}

fn is_misplaced(object: &ObjectRef) -> bool {
    static CLUSTER_SCOPED: OnceLock<BTreeSet<GroupKind>> = OnceLock::new();
    !object.namespace.is_empty()
        && CLUSTER_SCOPED
            .get_or_init(|| {
                let rows = Schemas::builtin().resources().iter();
                rows.filter(|row| !row.namespaced)
                    .map(|row| row.gvk().group_kind())
                    .collect()
            })
            .contains(&object.kind.group_kind())
}
