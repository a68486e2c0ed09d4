//! Which deletions may be made now, and which wait for a person.

use super::{Consent, Excess, Guard};
use crate::{Fingerprint, Removal, RemovalVerb};
use std::collections::BTreeSet;
use trueup_kinds::message::capped;
use trueup_kinds::{Approval, names, object_id};
use trueup_object::{ObjectRef, Text, Value};

/// How many objects that would be deleted a message names.
pub const MAX_DELETIONS_NAMED: usize = 50;

/// Everything that decides about deletions.
#[derive(Clone, Copy, Debug)]
pub struct DeletionInput<'a> {
    /// What the Kustomization asks for.
    pub guard: &'a Guard,
    /// What the plan wants to be removed, in order.
    pub removals: &'a [Removal],
    /// How many objects there are or would be: old and new inventory together,
    /// so that it is the same number in every run of a revision.
    pub object_count: usize,
    /// The revision at which they are missing.
    pub revision: &'a str,
    /// What a person has consented to, if anything.
    pub approval: Option<&'a Approval>,
    /// What was consented to before and may not be done yet.
    pub approved: Option<&'a Approved>,
}

/// Deletions that a person has consented to: whatever is left of them is
/// covered until the revision changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    revision: Text,
    members: BTreeSet<Text>,
}

/// The deletions, divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletions {
    /// To be carried out now, in order; what deletes nothing is here too.
    pub now: Vec<Removal>,
    /// What waits for a person, if anything.
    pub held: Option<Held>,
    /// What is consented to and is part of `now`, if anything.
    pub approved: Option<Approved>,
}

/// Deletions that wait for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The objects, in the order of deletion.
    pub objects: Vec<ObjectRef>,
    why: Why,
    object_count: usize,
    approval: Approval,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Excess(Excess),
    Asked,
    Marked,
}

/// Divides removals into those that may be carried out and those that wait.
/// Over the limit, or where the Kustomization wants to be asked, all deletions
/// wait; else those of marked objects, and of what would take them along.
#[must_use]
pub fn deletions(input: &DeletionInput<'_>) -> Deletions {
    let before = input
        .approved
        .filter(|approved| approved.revision == input.revision);
    let divided = divide(input, before);
    let given = divided
        .held
        .as_ref()
        .filter(|held| Some(&held.approval) == input.approval);
    let Some(held) = given else {
        return divided;
    };
    let approved = Approved {
        revision: input.revision.into(),
        members: members(input.removals, &held.objects),
    };
    divide(input, Some(&approved))
}

fn divide(input: &DeletionInput<'_>, approved: Option<&Approved>) -> Deletions {
    let is_approved =
        |removal: &&Removal| approved.is_some_and(|it| it.members.contains(&member(removal)));
    let deletes = |removal: &&Removal| removal.verb == RemovalVerb::Delete;
    let open: Vec<&Removal> = input
        .removals
        .iter()
        .filter(|it| deletes(it) && !is_approved(it))
        .collect();
    let (held, why) = held(input, &open);
    let waits: BTreeSet<&ObjectRef> = held.iter().map(|removal| &removal.object).collect();
    let now: Vec<Removal> = input
        .removals
        .iter()
        .filter(|removal| !waits.contains(&removal.object))
        .cloned()
        .collect();
    let uses_approval = now.iter().any(|it| deletes(&it) && is_approved(&it));
    Deletions {
        now,
        held: (!held.is_empty()).then(|| Held {
            objects: held.iter().map(|it| it.object.clone()).collect(),
            why,
            object_count: input.object_count,
            approval: Approval {
                revision: input.revision.into(),
                digest: digest(&held).to_string().into(),
            },
        }),
        approved: approved.filter(|_| uses_approval).cloned(),
    }
}

fn held<'a>(input: &DeletionInput<'_>, open: &[&'a Removal]) -> (Vec<&'a Removal>, Why) {
    if let Some(excess) = input.guard.limit.excess(open.len(), input.object_count) {
        return (open.to_vec(), Why::Excess(excess));
    }
    if input.guard.consent == Consent::Asked {
        return (open.to_vec(), Why::Asked);
    }
    let marked: Vec<&Removal> = open
        .iter()
        .filter(|removal| removal.consent == Consent::Asked)
        .copied()
        .collect();
    let held = open
        .iter()
        .filter(|it| marked.contains(it) || marked.iter().any(|kept| takes_along(it, kept)))
        .copied()
        .collect();
    (held, Why::Marked)
}

/// Whether deleting one object would delete another: its namespace, or a
/// definition of its group. The plural of its kind is not known here, so any
/// definition of the group counts.
fn takes_along(removal: &Removal, kept: &Removal) -> bool {
    let (object, inner) = (&removal.object, &kept.object);
    match object.kind.kind.as_str() {
        "Namespace" if object.kind.group.is_empty() => object.name == inner.namespace,
        "CustomResourceDefinition" => object
            .name
            .split_once('.')
            .is_some_and(|(_, group)| group == inner.kind.group.as_str()),
        _ => false,
    }
}

/// One life of one object: another of the same name is not consented to.
fn member(removal: &Removal) -> Text {
    format!("{} {}", object_id(&removal.object), removal.uid).into()
}

fn members(removals: &[Removal], objects: &[ObjectRef]) -> BTreeSet<Text> {
    let chosen = removals.iter().filter(|it| objects.contains(&it.object));
    chosen.map(member).collect()
}

fn digest(held: &[&Removal]) -> Fingerprint {
    let members: BTreeSet<Text> = held.iter().map(|removal| member(removal)).collect();
    Fingerprint::of(&members.into_iter().map(Value::from).collect())
}

impl Held {
    /// The approval that lets these be deleted.
    #[must_use]
    pub fn approval(&self) -> &Approval {
        &self.approval
    }

    /// What waits and why, in one sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let (count, all) = (self.objects.len(), self.object_count);
        match self.why {
            Why::Excess(limit) => format!(
                "{count} of {all} objects would be deleted, more than {} allows ({limit})",
                names::MAX_DELETIONS
            ),
            Why::Asked => format!(
                "{count} of {all} objects would be deleted, which waits for consent ({}: confirm)",
                names::ASK_BEFORE_PRUNE
            ),
            Why::Marked => format!(
                "{count} of {all} objects would be deleted that wait for consent, or hold such \
                 ({}: confirm)",
                names::ASK_BEFORE_PRUNE
            ),
        }
    }

    /// Summary, command, approval, and the objects up to
    /// [`MAX_DELETIONS_NAMED`]. `name` and `namespace` are the Kustomization's.
    #[must_use]
    pub fn message(&self, name: &str, namespace: &str) -> String {
        let mut lines = vec![
            format!("{}; they stay, everything else is applied", self.summary()),
            format!("To allow it once: {}", Approval::command(name, namespace)),
            self.approval.line(),
        ];
        lines.extend(capped(self.objects.iter(), MAX_DELETIONS_NAMED));
        lines.join("\n")
    }
}
