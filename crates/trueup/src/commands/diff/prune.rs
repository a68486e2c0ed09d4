//! What would be deleted: objects of the inventory that the build lacks.

use super::Failure;
use super::compare::Comparison;
use trueup_kinds::names;
use trueup_object::{ObjectRef, Value};
use trueup_plan::{KeepReason, Removal, RemovalVerb};

/// What would happen to an object that left the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It would be deleted.
    Deleted,
    /// It would be left, for this reason.
    Kept(&'static str),
}

/// Objects of the inventory that the build lacks and the cluster still has,
/// in the order in which they would be deleted, as planned.
pub async fn stale(comparison: &mut Comparison<'_>) -> Result<Vec<(ObjectRef, Fate)>, Failure> {
    let plan = comparison.whole_plan().await?;
    let fates = plan.prune.into_iter().filter_map(|removal| {
        let fate = fate(&removal, comparison.live(&removal.object))?;
        Some((removal.object, fate))
    });
    Ok(fates.collect())
}

/// `None` for what is gone or going, and what can't be asked for.
fn fate(removal: &Removal, live: Option<&Value>) -> Option<Fate> {
    match removal.verb {
        RemovalVerb::Delete => Some(Fate::Deleted),
        RemovalVerb::Keep(KeepReason::NotOurs) => {
            Some(Fate::Kept("it lacks the labels of this Kustomization"))
        }
        RemovalVerb::Keep(KeepReason::Marked) => live.map(|live| Fate::Kept(mark_of(live))),
        RemovalVerb::Keep(KeepReason::PruneOff | KeepReason::KindUnknown)
        | RemovalVerb::AwaitDeletion
        | RemovalVerb::Forget => None,
    }
}

fn mark_of(live: &Value) -> &'static str {
    if names::is_marked(live, names::PRUNE, "disabled") {
        "kustomize.toolkit.fluxcd.io/prune: disabled"
    } else if names::is_marked(live, names::RECONCILE, "disabled") {
        "kustomize.toolkit.fluxcd.io/reconcile: disabled"
    } else {
        "kustomize.toolkit.fluxcd.io/ssa: Ignore"
    }
}
