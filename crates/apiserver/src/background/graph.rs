//! Who owns whom, by uid.

use super::actor::{finalizers, is_deleting, metadata};
use super::follow::{Seen, What};
use crate::core::{GroupResource, ObjectKey, Stored};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use trueup_object::{Text, Value};

/// A uid.
pub type Uid = Text;

/// The finalizer of an owner that waits for its dependents.
pub const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an owner whose dependents are to stay.
pub const ORPHAN: &str = "orphan";

/// One object.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its resource.
    pub resource: GroupResource,
    /// Its place.
    pub key: ObjectKey,
    /// The uids of its owners.
    pub owners: Vec<Uid>,
}

/// All objects with a uid, and which of them are owned by whom.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: HashMap<Uid, Node>,
    dependents: HashMap<Uid, BTreeSet<Uid>>,
    by_resource: BTreeMap<GroupResource, BTreeSet<Uid>>,
    /// Owners that were seen to go, as long as anything names them.
    ended: BTreeSet<Uid>,
}

impl Graph {
    /// Notes what was seen; returns what is to be looked at because of it.
    pub fn note(&mut self, seen: &Seen) -> Vec<Uid> {
        match &seen.what {
            What::Present(object) => self.present(&seen.resource, object),
            What::Gone(object) => {
                let uid = metadata(object, "uid").unwrap_or_default();
                if self.dependents.contains_key(uid) {
                    self.ended.insert(uid.into());
                }
                self.gone(uid)
            }
            What::Forget => {
                let uids = self.by_resource.remove(&seen.resource).unwrap_or_default();
                uids.iter().flat_map(|uid| self.gone(uid)).collect()
            }
        }
    }

    fn present(&mut self, resource: &GroupResource, object: &Stored) -> Vec<Uid> {
        let uid: Uid = metadata(object, "uid").unwrap_or_default().into();
        let owners: Vec<Uid> = owner_references(object)
            .iter()
            .map(|owner| owner.uid.clone())
            .collect();
        let before = self.unlink(&uid);
        for owner in &owners {
            self.dependents
                .entry(owner.clone())
                .or_default()
                .insert(uid.clone());
        }
        self.forget_unnamed(&before);
        let mut concerned = Vec::new();
        if !owners.is_empty() {
            concerned.push(uid.clone());
        }
        if is_deleting(object) {
            // Owners that wait for this one look again, and what it owns is
            // to be deleted or let go.
            concerned.extend(owners.iter().cloned());
            if waits(object) {
                concerned.push(uid.clone());
                concerned.extend(self.dependents_of(&uid));
            }
        }
        if !owners.is_empty()
            || self.nodes.contains_key(&uid)
            || self.dependents.contains_key(&uid)
            || waits(object)
        {
            self.by_resource
                .entry(resource.clone())
                .or_default()
                .insert(uid.clone());
            self.nodes.insert(
                uid,
                Node {
                    resource: resource.clone(),
                    key: object.key.clone(),
                    owners,
                },
            );
        }
        concerned
    }

    /// Forgets an object; its dependents and owners are to be looked at.
    fn gone(&mut self, uid: &str) -> Vec<Uid> {
        let mut concerned: Vec<Uid> = self.dependents_of(uid).into_iter().collect();
        let before = self.unlink(uid);
        self.forget_unnamed(&before);
        if let Some(node) = self.nodes.remove(uid) {
            if let Some(uids) = self.by_resource.get_mut(&node.resource) {
                uids.remove(uid);
            }
            concerned.extend(node.owners);
        }
        concerned
    }

    /// Takes an object from its owners; who they were.
    fn unlink(&mut self, uid: &str) -> Vec<Uid> {
        let owners = self
            .nodes
            .get(uid)
            .map(|node| node.owners.clone())
            .unwrap_or_default();
        for owner in &owners {
            if let Some(dependents) = self.dependents.get_mut(owner) {
                dependents.remove(uid);
                if dependents.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
        owners
    }

    /// Forgets the end of owners that nothing names any more.
    fn forget_unnamed(&mut self, owners: &[Uid]) {
        for owner in owners {
            if !self.dependents.contains_key(owner) {
                self.ended.remove(owner);
            }
        }
    }

    /// Whether an owner was seen to go.
    pub fn has_ended(&self, owner: &str) -> bool {
        self.ended.contains(owner)
    }

    /// An object by uid.
    pub fn node(&self, uid: &str) -> Option<&Node> {
        self.nodes.get(uid)
    }

    /// Those that name `uid` as an owner.
    pub fn dependents_of(&self, uid: &str) -> BTreeSet<Uid> {
        self.dependents.get(uid).cloned().unwrap_or_default()
    }
}

/// One entry of `ownerReferences`.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Group and version.
    pub api_version: Text,
    /// Kind.
    pub kind: Text,
    /// Name.
    pub name: Text,
    /// Uid.
    pub uid: Uid,
    /// Whether the owner's deletion in the foreground waits for this object.
    pub blocks: bool,
}

/// The owners that an object names.
pub fn owner_references(object: &Stored) -> Vec<Owner> {
    let list = object
        .value()
        .at(&["metadata", "ownerReferences"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    let read = |owner: &Value| {
        let text = |key| Text::from(owner.str_at(&[key]).unwrap_or_default());
        Owner {
            api_version: text("apiVersion"),
            kind: text("kind"),
            name: text("name"),
            uid: text("uid"),
            blocks: owner.get("blockOwnerDeletion").and_then(Value::as_bool) == Some(true),
        }
    };
    list.iter().map(read).collect()
}

/// Whether an object is being deleted and its dependents must be seen to
/// first.
pub fn waits(object: &Stored) -> bool {
    is_deleting(object)
        && finalizers(object)
            .iter()
            .any(|it| it == FOREGROUND || it == ORPHAN)
}

/// Whether an object is being deleted in the foreground.
pub fn waits_for_dependents(object: &Stored) -> bool {
    is_deleting(object) && finalizers(object).iter().any(|it| it == FOREGROUND)
}
