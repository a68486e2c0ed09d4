//! The plan itself.

use crate::drift::{rival, vanished};
use crate::prune::{removals, retained};
use crate::scope::normal_inventory;
use crate::{
    Action, Check, Desired, Judgement, Observation, Observed, Owner, Reason, Record, Records,
    Removal, Stage, Verb, apply_order, judge, stage_kind,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use trueup_kinds::{Inventory, names, object_id};
use trueup_object::{ObjectRef, Text, Value};

/// Whether objects whose immutable fields change are recreated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forcing {
    /// Only those that are marked so.
    #[default]
    WhereMarked,
    /// All.
    Always,
}

/// Whether objects that left the source are deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pruning {
    /// They stay in the cluster and leave the inventory, as in Flux.
    #[default]
    Off,
    /// They are deleted.
    On,
}

/// What the specification says about applying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// `spec.force`.
    pub force: Forcing,
    /// `spec.prune`.
    pub prune: Pruning,
}

/// Everything that a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The Kustomization.
    pub owner: &'a Owner,
    /// What its source wants, in any order, each object once.
    pub desired: &'a [Desired],
    /// What is known of these objects and of those in the inventory.
    pub observed: &'a Observed,
    /// `status.inventory`.
    pub inventory: &'a Inventory,
    /// What is remembered of earlier applies.
    pub records: &'a Records,
    /// What the specification says.
    pub options: PlanOptions,
}

/// What to do, in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Stages in order; those without objects are left out.
    pub stages: Vec<Stage>,
    /// What becomes of objects that left the source, in the order of
    /// deletion. Carried out after all stages.
    pub prune: Vec<Removal>,
    inventory: Inventory,
    old: Inventory,
}

impl Plan {
    /// Whether nothing is to be written, checked or deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stages.iter().all(Stage::is_done) && !self.prune.iter().any(Removal::is_pending)
    }

    /// All actions in order.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.stages.iter().flat_map(|stage| &stage.actions)
    }

    /// The first stage that has something to write or check.
    #[must_use]
    pub fn next_stage(&self) -> Option<&Stage> {
        self.stages.iter().find(|stage| !stage.is_done())
    }

    /// Objects that are left alone, and why.
    pub fn skipped(&self) -> impl Iterator<Item = (&ObjectRef, Reason)> {
        self.actions()
            .filter(|action| action.verb == Verb::Skip)
            .map(|action| (&action.object, action.reason))
    }

    /// The inventory to write before some actions are carried out: what it
    /// holds, and their objects. `None` if it already holds each of them.
    ///
    /// Only what is about to be written comes in: what is refused was never
    /// there, and may be what one has no right to look for.
    #[must_use]
    pub fn inventory_before<'a>(
        &self,
        actions: impl IntoIterator<Item = &'a Action>,
    ) -> Option<Inventory> {
        let new = Inventory::of(actions.into_iter().map(|action| &action.object));
        let missing = !new.without(&self.old).is_empty();
        missing.then(|| self.old.union(&new))
    }

    /// The inventory when this plan is carried out: the new objects, and of
    /// the old ones those whose deletion is not confirmed. `gone` are the
    /// objects of [`Plan::prune`] that were seen to be gone.
    #[must_use]
    pub fn inventory_after<'a>(&self, gone: impl IntoIterator<Item = &'a ObjectRef>) -> Inventory {
        let gone: BTreeSet<Text> = gone.into_iter().map(object_id).collect();
        retained(&self.prune, &self.old, &gone).union(&self.inventory)
    }
}

/// How large an inventory may be. etcd takes objects of up to 1.5 MiB; the
/// rest is for everything else in the Kustomization.
pub const MAX_INVENTORY_BYTES: usize = 1_280 * 1024;

/// A plan that must not be carried out at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It would delete the namespace that the Kustomization lives in.
    OwnNamespace(Text),
    /// It would delete the Kustomization itself.
    Itself(Owner),
    /// One object is wanted twice.
    Twice(ObjectRef),
    /// The inventory would not fit into one object of the API.
    TooMany {
        /// How many objects.
        objects: usize,
        /// How large their inventory is.
        bytes: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnNamespace(namespace) => write!(
                formatter,
                "pruning would delete Namespace/{namespace}, in which this Kustomization lives; \
                 nothing was changed. Keep its manifest, or mark it {}: disabled",
                names::PRUNE
            ),
            Self::Itself(owner) => write!(
                formatter,
                "pruning would delete Kustomization/{}/{}, which is this one; nothing was changed. \
                 Keep its manifest, mark it {}: disabled, or delete it yourself",
                owner.namespace,
                owner.name,
                names::PRUNE
            ),
            Self::TooMany { objects, bytes } => write!(
                formatter,
                "the inventory of {objects} objects takes {bytes} bytes, more than \
                 {MAX_INVENTORY_BYTES}, which is what fits into the status of one object; \
                 nothing was changed. Split the Kustomization"
            ),
            Self::Twice(object) => write!(formatter, "{object} is there twice in one build"),
        }
    }
}

/// What [`plan`] has to say.
#[derive(Clone, Debug, PartialEq)]
pub enum Planned {
    /// Do this.
    Plan(Plan),
    /// These must be read first; then plan again.
    NeedsReads(Vec<ObjectRef>),
    /// Nothing may be done.
    Refused(Refusal),
}

/// Compares what is wanted with what is there. The same input makes the same
/// plan, in whatever order the desired objects come.
#[must_use]
pub fn plan(input: &PlanInput<'_>) -> Planned {
    let mut desired: Vec<&Desired> = input.desired.iter().collect();
    desired.sort_by(|a, b| apply_order(a.reference(), b.reference()));
    let ids: BTreeSet<Text> = desired
        .iter()
        .map(|wanted| object_id(wanted.reference()))
        .collect();
    if let Some(twice) = find_twice(&desired) {
        return Planned::Refused(Refusal::Twice(twice));
    }
    let inventory = Inventory::of(desired.iter().map(|wanted| wanted.reference()));
    let old = normal_inventory(input.inventory);
    let all = old.union(&inventory);
    // One that is stored already fits, whoever wrote it.
    if all.len() > old.len() && all.stored_bytes() > MAX_INVENTORY_BYTES {
        return Planned::Refused(Refusal::TooMany {
            objects: all.len(),
            bytes: all.stored_bytes(),
        });
    }
    let removed = old.without(&inventory);
    let unread = unread(input, &desired, &removed);
    if !unread.is_empty() {
        return Planned::NeedsReads(unread);
    }
    match removals(input, &removed, &ids) {
        Err(refusal) => Planned::Refused(refusal),
        Ok(prune) => Planned::Plan(Plan {
            stages: stages(input, &desired),
            prune,
            inventory,
            old,
        }),
    }
}

fn find_twice(desired: &[&Desired]) -> Option<ObjectRef> {
    let mut seen = BTreeSet::new();
    desired
        .iter()
        .find(|wanted| !seen.insert(object_id(wanted.reference())))
        .map(|wanted| wanted.reference().clone())
}

fn unread(input: &PlanInput<'_>, desired: &[&Desired], removed: &Inventory) -> Vec<ObjectRef> {
    let wanted = desired.iter().map(|wanted| wanted.reference().clone());
    let pruned = (input.options.prune == Pruning::On)
        .then(|| removed.objects())
        .into_iter()
        .flatten();
    wanted
        .chain(pruned)
        .filter(|object| *input.observed.get(object) == Observation::Unread)
        .collect()
}

fn stages(input: &PlanInput<'_>, desired: &[&Desired]) -> Vec<Stage> {
    let mut by_kind: BTreeMap<_, Vec<Action>> = BTreeMap::new();
    for wanted in desired {
        let kind = stage_kind(&wanted.reference().kind.group_kind());
        by_kind.entry(kind).or_default().push(action(input, wanted));
    }
    by_kind
        .into_iter()
        .map(|(kind, actions)| Stage {
            kind,
            actions,
            exit: kind.exit_condition(),
        })
        .collect()
}

fn action(input: &PlanInput<'_>, desired: &Desired) -> Action {
    let live = input.observed.get(desired.reference()).live();
    let empty = Action {
        object: desired.reference().clone(),
        verb: Verb::Skip,
        check: Check::None,
        reason: Reason::UpToDate,
        manifest: desired.manifest_for(live),
        ignored: desired.ignored().to_vec(),
        rival: live.and_then(|live| rival(desired, live)),
        take_over: None,
        drift: Vec::new(),
        uid: live.map(crate::record::uid_of).unwrap_or_default(),
    };
    if let Some(reason) = skip_reason(desired.manifest(), live) {
        return Action { reason, ..empty };
    }
    let Some(live) = live else {
        return missing(input, desired, empty);
    };
    if live.str_at(&["metadata", "deletionTimestamp"]).is_some() {
        return Action {
            reason: Reason::BeingDeleted,
            ..empty
        };
    }
    judged(empty, desired, live, input.records.get(desired.reference()))
}

/// An object that was applied before with this very manifest and has
/// vanished comes back without being checked again; that is drift too.
fn missing(input: &PlanInput<'_>, desired: &Desired, empty: Action) -> Action {
    let same = |record: &Record| record.desired() == desired.fingerprint();
    let create = Action {
        verb: Verb::Create,
        reason: Reason::Missing,
        ..empty
    };
    if input.records.get(desired.reference()).is_some_and(same) {
        return Action {
            drift: vec![vanished(desired)],
            ..create
        };
    }
    Action {
        check: Check::DryRun,
        ..create
    }
}

fn judged(empty: Action, desired: &Desired, live: &Value, record: Option<&Record>) -> Action {
    let known = record.is_some_and(|record| {
        record.desired() == desired.fingerprint() && record.uid() == empty.uid
    });
    let apply = |reason, check| Action {
        verb: Verb::Apply,
        reason,
        check,
        ..empty.clone()
    };
    match judge(desired, live, record) {
        Judgement::Unchanged => Action {
            verb: Verb::Unchanged,
            ..empty
        },
        Judgement::NewManifest => apply(Reason::NewManifest, Check::DryRun),
        Judgement::NoRecord => apply(Reason::NoRecord, Check::DryRun),
        Judgement::Replaced => apply(Reason::Replaced, Check::DryRun),
        Judgement::Drifted(drift) => Action {
            drift,
            ..apply(Reason::Drift, Check::None)
        },
        Judgement::TakeOver(patch, drift) => {
            let check = if known { Check::None } else { Check::DryRun };
            Action {
                take_over: Some(patch),
                drift,
                ..apply(Reason::TakeOver, check)
            }
        }
    }
}

/// Marks that keep us from touching an object. `IfNotPresent` counts only in
/// the manifest, the others also on the live object, as in Flux.
fn skip_reason(manifest: &Value, live: Option<&Value>) -> Option<Reason> {
    let either = |key, wanted| {
        names::is_marked(manifest, key, wanted)
            || live.is_some_and(|live| names::is_marked(live, key, wanted))
    };
    if either(names::RECONCILE, "disabled") {
        return Some(Reason::ReconcileDisabled);
    }
    if either(names::APPLY_POLICY, "Ignore") {
        return Some(Reason::Ignored);
    }
    let only_missing = names::is_marked(manifest, names::APPLY_POLICY, "IfNotPresent");
    (only_missing && live.is_some()).then_some(Reason::AlreadyPresent)
}
