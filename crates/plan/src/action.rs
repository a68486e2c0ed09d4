//! What to do with each object, and why.

use crate::{Drift, JsonPointer};
use std::fmt;
use std::time::Duration;
use trueup_object::{ObjectRef, Text, Value};

/// How long objects of an early stage may take to become ready.
const STAGE_DEADLINE: Duration = Duration::from_secs(60);

/// Which objects a stage holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StageKind {
    /// Definitions, namespaces, cluster roles: what others need to exist.
    ClusterDefinitions,
    /// Kinds that end in `Class`.
    Classes,
    /// Everything else.
    Rest,
}

/// When the next stage may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCondition {
    /// Everything is written.
    Applied,
    /// Everything is written and healthy, within this time.
    Ready {
        /// The time from the end of writing.
        within: Duration,
    },
}

impl StageKind {
    /// When the next stage may begin.
    #[must_use]
    pub fn exit_condition(self) -> ExitCondition {
        match self {
            Self::ClusterDefinitions | Self::Classes => ExitCondition::Ready {
                within: STAGE_DEADLINE,
            },
            Self::Rest => ExitCondition::Applied,
        }
    }
}

/// Objects that are checked together before any is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Which objects these are.
    pub kind: StageKind,
    /// What to do with each, in order.
    pub actions: Vec<Action>,
    /// When the next stage may begin.
    pub exit: ExitCondition,
}

impl Stage {
    /// Whether nothing is to be written or checked.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.actions
            .iter()
            .all(|action| matches!(action.verb, Verb::Unchanged | Verb::Skip))
    }
}

/// What to do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Apply it; it does not exist.
    Create,
    /// Apply it over what exists.
    Apply,
    /// Delete it (foreground, by uid), wait until it is gone, apply it.
    Recreate,
    /// Nothing: it is as it should be.
    Unchanged,
    /// Nothing: it is not ours to change.
    Skip,
}

/// Whether a server-side dry-run must come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// It must; [`crate::settle`] makes of the answer what to do.
    DryRun,
    /// It is not needed: the same manifest was accepted for this object.
    None,
}

/// Why an action is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The object does not exist.
    Missing,
    /// The manifest differs from what was applied last.
    NewManifest,
    /// Nothing is remembered of the object, as after a restart.
    NoRecord,
    /// Another object of that name has taken its place.
    Replaced,
    /// Fields of ours were changed.
    Drift,
    /// A manager that we take over from has written.
    TakeOver,
    /// The dry-run changed something.
    DryRunDiffers,
    /// The dry-run met an immutable field, and recreating is allowed.
    ImmutableField,
    /// It is as it should be.
    UpToDate,
    /// Marked `kustomize.toolkit.fluxcd.io/reconcile: disabled`.
    ReconcileDisabled,
    /// Marked `kustomize.toolkit.fluxcd.io/ssa: Ignore`.
    Ignored,
    /// Marked `kustomize.toolkit.fluxcd.io/ssa: IfNotPresent`, and present.
    AlreadyPresent,
    /// It is being deleted; applied again once it is gone.
    BeingDeleted,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Missing => "does not exist",
            Self::NewManifest => "manifest changed",
            Self::NoRecord => "not looked at yet",
            Self::Replaced => "replaced by another object of that name",
            Self::Drift => "changed in the cluster",
            Self::TakeOver => "written by a manager that is taken over from",
            Self::DryRunDiffers => "differs from the cluster",
            Self::ImmutableField => "immutable field changed, recreating is allowed",
            Self::UpToDate => "up to date",
            Self::ReconcileDisabled => "reconciliation is disabled by its mark",
            Self::Ignored => "ignored by its mark",
            Self::AlreadyPresent => "present, and only created where missing",
            Self::BeingDeleted => "being deleted",
        })
    }
}

/// What to do with one object, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// The object.
    pub object: ObjectRef,
    /// What to do.
    pub verb: Verb,
    /// Whether to ask the server first.
    pub check: Check,
    /// Why.
    pub reason: Reason,
    /// The manifest to apply.
    pub manifest: Value,
    /// A JSON patch that moves fields of other managers to us, to be sent
    /// before anything else; `None` if there is nothing to take over.
    pub take_over: Option<Value>,
    /// What of the manifest is left to others.
    pub ignored: Vec<JsonPointer>,
    /// Another Kustomization whose labels the live object carries, as
    /// `Kustomization/NAMESPACE/NAME`.
    pub rival: Option<Text>,
    /// The fields that this corrects, if it corrects drift.
    pub drift: Vec<Drift>,
    /// The uid of the live object; empty if there is none.
    pub uid: Text,
}

impl Action {
    /// Whether carrying this out writes to the cluster for sure.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.check == Check::None
            && matches!(self.verb, Verb::Create | Verb::Apply | Verb::Recreate)
    }
}
