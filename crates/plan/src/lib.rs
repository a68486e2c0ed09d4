//! Desired, observed and inventory compared: what to do, in which order, and
//! why; what drifted and who did it; what may be pruned.
//!
//! Floor 5, pure and synchronous. A cycle of the executor is: [`plan`], read
//! what it asks for and plan again; take the first stage that is not done,
//! dry-run what it wants checked, [`settle`] each answer, write if none
//! failed, remember a [`Record`] per object; when the stage's exit condition
//! holds, plan again.

mod action;
mod brake;
mod change;
mod dependency;
mod desired;
mod drift;
mod expressions;
mod fingerprint;
mod guard;
mod health_gate;
mod ignore;
mod lifetime;
mod mask;
mod observed;
mod order;
mod planner;
mod prune;
mod record;
mod scope;
mod settle;
mod take_over;
#[cfg(test)]
mod tests;

pub use action::{Action, Check, ExitCondition, Reason, Stage, StageKind, Verb};
pub use brake::{Brake, BrakeVerdict, CORRECTIONS_BEFORE_BRAKE, MAX_BRAKE_ENTRIES, WINDOW};
pub use change::{ChangeLine, ChangeVerb, FieldChange, changed_fields};
pub use dependency::{DependencyGraph, DependencyProblem, NamespacedName, check_dependency};
pub use desired::{Desired, Owner};
pub use drift::{Drift, EXPIRED_MANAGER, Judgement, UNKNOWN_MANAGER, WHOLE_OBJECT, judge};
pub use expressions::{DependencyCheck, ExpressionError, Expressions, check_ready_expression};
pub use fingerprint::Fingerprint;
pub use guard::{
    Approved, BadAnnotation, Consent, DeletionInput, DeletionLimit, Deletions, Excess, Extent,
    Guard, Held, MAX_DELETIONS_NAMED, MAX_PLAN_BYTES, MAX_PLANNED_FIELDS, MAX_PLANNED_NAMED, Mode,
    Planning, Preview, deletions,
};
pub use health_gate::{HealthGate, HealthVerdict, health_targets};
pub use ignore::{
    IgnoreError, IgnoreRules, JsonPointer, LeftFields, MAX_IGNORE_POINTERS, MAX_IGNORE_RULES,
};
pub use lifetime::{Finalization, finalization};
pub use mask::masked;
pub use observed::{Observation, Observed};
pub use order::{apply_order, deletion_order, stage_kind};
pub use planner::{
    Forcing, MAX_INVENTORY_BYTES, Plan, PlanInput, PlanOptions, Planned, Pruning, Refusal, plan,
};
pub use prune::{KeepReason, Removal, RemovalVerb};
pub use record::{Record, Records};
pub use settle::{ApplyFailure, Cause, DryRun, Refused, settle};
pub use take_over::{TAKE_OVER_MANAGERS, take_over_patch};
pub use trueup_object::MASK;
