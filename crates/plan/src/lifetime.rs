//! What becomes of the objects when their Kustomization goes.

use trueup_kinds::{DeletionPolicy, Kustomization};

/// What to do before the finalizer is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finalization {
    /// Leave all objects alone.
    Keep,
    /// Delete the objects of the inventory that are ours, then go.
    Delete,
    /// Delete them, and go when they are gone or the timeout is over.
    DeleteAndWait,
}

/// What to do with the objects of a Kustomization that is being deleted. A
/// suspended one keeps them, whatever else it says.
#[must_use]
pub fn finalization(kustomization: &Kustomization) -> Finalization {
    if kustomization.spec.suspend {
        return Finalization::Keep;
    }
    match kustomization.spec.deletion_policy_or_default() {
        DeletionPolicy::MirrorPrune if kustomization.spec.prune => Finalization::Delete,
        DeletionPolicy::MirrorPrune | DeletionPolicy::Orphan => Finalization::Keep,
        DeletionPolicy::Delete => Finalization::Delete,
        DeletionPolicy::WaitForTermination => Finalization::DeleteAndWait,
    }
}
