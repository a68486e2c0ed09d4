//! What would be deleted: objects of the inventory that the build lacks.

use super::{Built, Failure};
use trueup_cluster::{ErrorClass, Form, Session};
use trueup_kinds::{Inventory, names};
use trueup_object::{ObjectRef, Value};
use trueup_plan::deletion_order;

/// What would happen to an object that left the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It would be deleted.
    Deleted,
    /// It would be left, for this reason.
    Kept(&'static str),
}

/// Objects of the inventory that the build lacks and the cluster still has,
/// in the order in which they would be deleted.
pub async fn stale(session: &Session, built: &Built) -> Result<Vec<(ObjectRef, Fate)>, Failure> {
    let wanted: Vec<ObjectRef> = built.objects.iter().filter_map(ObjectRef::of).collect();
    let inventory = built
        .kustomization
        .status
        .inventory
        .clone()
        .unwrap_or_default();
    let mut gone: Vec<ObjectRef> = inventory
        .without(&Inventory::of(&wanted))
        .objects()
        .collect();
    gone.retain(|object| !wanted.iter().any(|it| is_same(it, object)));
    gone.sort_by(deletion_order);
    let mut fates = Vec::new();
    for object in gone {
        match session.find(&object, Form::Metadata).await {
            Ok(Some(live)) => fates.push((object, fate(live.value()))),
            Ok(None) => {}
            Err(error) if error.class() == ErrorClass::KindMissing => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(fates)
}

/// An object that has no namespace in the cluster may have one in the files.
fn is_same(built: &ObjectRef, kept: &ObjectRef) -> bool {
    kept.namespace.is_empty()
        && built.name == kept.name
        && built.kind.group_kind() == kept.kind.group_kind()
}

fn fate(live: &Value) -> Fate {
    let reasons = [
        (names::PRUNE, "kustomize.toolkit.fluxcd.io/prune: disabled"),
        (
            names::RECONCILE,
            "kustomize.toolkit.fluxcd.io/reconcile: disabled",
        ),
    ];
    let marked = reasons
        .into_iter()
        .find(|(key, _)| names::is_marked(live, key, "disabled"));
    marked.map_or(Fate::Deleted, |(_, reason)| Fate::Kept(reason))
}
