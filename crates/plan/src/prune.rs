//! What becomes of objects that left the source.

use crate::{Consent, Observation, Owner, PlanInput, Pruning, Refusal, deletion_order};
use std::collections::BTreeSet;
use trueup_kinds::{Inventory, Kustomization, Resource, names, object_id};
use trueup_object::{ObjectRef, Text, Value};

/// Why an object that left the source is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeepReason {
    /// `spec.prune` is off.
    PruneOff,
    /// It does not carry both owner labels of this Kustomization.
    NotOurs,
    /// It is marked `prune: disabled`, `reconcile: disabled` or `ssa: Ignore`.
    Marked,
    /// The API has no such kind at present; the entry stays until it is known.
    KindUnknown,
}

/// What to do with an object that left the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemovalVerb {
    /// Delete it, in the background, only if it still has this uid.
    Delete,
    /// It is being deleted: wait until it is gone.
    AwaitDeletion,
    /// It is gone: its entry leaves the inventory.
    Forget,
    /// Leave it alone. Its entry leaves the inventory too, unless its kind is
    /// not known at present.
    Keep(KeepReason),
}

/// What becomes of one object that left the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The object.
    pub object: ObjectRef,
    /// What to do.
    pub verb: RemovalVerb,
    /// The uid that must still be there; empty where nothing is deleted.
    pub uid: Text,
    /// Whether the object itself wants a person to be asked:
    /// `trueup.dev/prune: confirm`, or anything else that the mark may say.
    pub consent: Consent,
}

impl Removal {
    /// Whether there is something to do or to wait for.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.verb, RemovalVerb::Delete | RemovalVerb::AwaitDeletion)
    }

    /// The same decision about the object as it is now, for one that is about
    /// to be deleted. Another object under its name was never ours.
    #[must_use]
    pub fn of_newer(&self, live: &Value, owner: &Owner) -> Self {
        let uid = crate::record::uid_of(live);
        let verb = if uid == self.uid {
            verb_for(live, owner)
        } else {
            RemovalVerb::Keep(KeepReason::NotOurs)
        };
        Self {
            object: self.object.clone(),
            verb,
            uid,
            consent: consent_of(live),
        }
    }

    fn keeps_entry(&self) -> bool {
        self.is_pending() || self.verb == RemovalVerb::Keep(KeepReason::KindUnknown)
    }
}

/// Decides about every object that is in the old inventory and not wanted,
/// in the order of deletion.
pub(crate) fn removals(
    input: &PlanInput<'_>,
    removed: &Inventory,
    wanted: &BTreeSet<Text>,
) -> Result<Vec<Removal>, Refusal> {
    let mut all: Vec<Removal> = removed
        .objects()
        .map(|object| removal(input, object, wanted))
        .collect();
    all.sort_by(|a, b| deletion_order(&a.object, &b.object));
    match all.iter().find_map(|removal| refusal(removal, input.owner)) {
        Some(refusal) => Err(refusal),
        None => Ok(all),
    }
}

fn removal(input: &PlanInput<'_>, object: ObjectRef, wanted: &BTreeSet<Text>) -> Removal {
    let (verb, uid) = match input.observed.get(&object) {
        _ if input.options.prune == Pruning::Off => {
            (RemovalVerb::Keep(KeepReason::PruneOff), Text::new())
        }
        Observation::Absent => (RemovalVerb::Forget, Text::new()),
        Observation::KindUnknown if definition_is_gone(input, &object, wanted) => {
            (RemovalVerb::Forget, Text::new())
        }
        Observation::KindUnknown | Observation::Unread => {
            (RemovalVerb::Keep(KeepReason::KindUnknown), Text::new())
        }
        Observation::Live(live) => (verb_for(live, input.owner), crate::record::uid_of(live)),
    };
    let live = input.observed.get(&object).live();
    let consent = live.map_or(Consent::Implied, consent_of);
    Removal {
        object,
        verb,
        uid,
        consent,
    }
}

fn consent_of(live: &Value) -> Consent {
    match names::mark(live, names::ASK_BEFORE_PRUNE) {
        Some(_) => Consent::Asked,
        None => Consent::Implied,
    }
}

fn verb_for(live: &Value, owner: &Owner) -> RemovalVerb {
    let is_kept = names::is_marked(live, names::PRUNE, "disabled")
        || names::is_marked(live, names::RECONCILE, "disabled")
        || names::is_marked(live, names::APPLY_POLICY, "Ignore");
    if !owner.is_on(live) {
        RemovalVerb::Keep(KeepReason::NotOurs)
    } else if is_kept {
        RemovalVerb::Keep(KeepReason::Marked)
    } else if live.str_at(&["metadata", "deletionTimestamp"]).is_some() {
        RemovalVerb::AwaitDeletion
    } else {
        RemovalVerb::Delete
    }
}

/// Whether a kind is unknown because its definition, which was ours and is no
/// longer wanted, is gone: then so are its objects.
fn definition_is_gone(input: &PlanInput<'_>, object: &ObjectRef, wanted: &BTreeSet<Text>) -> bool {
    let suffix = format!(".{}", object.kind.group);
    input
        .inventory
        .objects()
        .filter(|it| {
            it.kind.kind == "CustomResourceDefinition" && it.name.ends_with(suffix.as_str())
        })
        .any(|it| {
            !wanted.contains(&object_id(&it)) && *input.observed.get(&it) == Observation::Absent
        })
}

fn refusal(removal: &Removal, owner: &Owner) -> Option<Refusal> {
    if removal.verb != RemovalVerb::Delete {
        return None;
    }
    let object = &removal.object;
    let kind = object.kind.group_kind();
    if kind.group.is_empty() && kind.kind == "Namespace" && object.name == owner.namespace {
        return Some(Refusal::OwnNamespace(object.name.clone()));
    }
    let is_itself = kind == Kustomization::group_version_kind().group_kind()
        && object.name == owner.name
        && object.namespace == owner.namespace;
    is_itself.then(|| Refusal::Itself(owner.clone()))
}

/// The old entries that stay: deletions that are not confirmed, unknown
/// kinds, and what could not be read as an entry.
pub(crate) fn retained(removals: &[Removal], old: &Inventory, gone: &BTreeSet<Text>) -> Inventory {
    let leaving: Vec<&ObjectRef> = removals
        .iter()
        .filter(|removal| !removal.keeps_entry() || gone.contains(&object_id(&removal.object)))
        .map(|removal| &removal.object)
        .collect();
    old.without(&Inventory::of(leaving))
}
