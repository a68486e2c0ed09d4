//! Garbage collection by owner references.

use super::State;
use super::actor::{Actor, finalizers, is_deleting, metadata};
use super::graph::{FOREGROUND, Node, ORPHAN, Owner, Uid, owner_references, waits_for_dependents};
use crate::core::Stored;
use std::sync::Arc;
use trueup_object::{Text, Value, value};

/// Looks at one object: does it still have an owner, must it let go of its
/// dependents, has it waited long enough?
pub fn look_at(state: &mut State, actor: &Actor<'_>, uid: &Uid) {
    let Some(node) = state.graph.node(uid).cloned() else {
        return;
    };
    let Some(object) = current(actor, &node, uid) else {
        return;
    };
    let collector = Collector {
        state,
        actor,
        uid,
        node: &node,
        object: &object,
    };
    if is_deleting(&object) {
        let held_by = finalizers(&object);
        if held_by.iter().any(|it| it == ORPHAN) {
            collector.orphan_dependents();
        } else if held_by.iter().any(|it| it == FOREGROUND) {
            collector.end_if_unblocked();
        }
    } else {
        collector.collect_if_unowned();
    }
}

/// The object as it is stored now, if it is still the same one.
fn current(actor: &Actor<'_>, node: &Node, uid: &str) -> Option<Arc<Stored>> {
    let object = actor
        .core
        .store()
        .get(&node.resource, &node.key.namespace, &node.key.name)?;
    (metadata(&object, "uid") == Some(uid)).then_some(object)
}

/// What an owner reference leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OwnerState {
    /// An owner that is there.
    Solid,
    /// Nothing, or something else of that name.
    Absent,
    /// An owner that waits for its dependents to go.
    Waiting,
}

struct Collector<'a, 'c> {
    state: &'a mut State,
    actor: &'a Actor<'c>,
    uid: &'a Uid,
    node: &'a Node,
    object: &'a Arc<Stored>,
}

impl Collector<'_, '_> {
    fn dependents(&self) -> Vec<(Node, Arc<Stored>)> {
        let graph = &self.state.graph;
        let uids = graph.dependents_of(self.uid);
        let read = |uid: Uid| {
            let node = graph.node(&uid)?.clone();
            let object = current(self.actor, &node, &uid)?;
            Some((node, object))
        };
        uids.into_iter().filter_map(read).collect()
    }

    /// Takes the reference to this owner from all that name it, then lets the
    /// owner go.
    fn orphan_dependents(&self) {
        for (node, dependent) in self.dependents() {
            if !self.drop_references(&node, &dependent, &[self.uid]) {
                return;
            }
        }
        self.drop_finalizer(ORPHAN);
    }

    /// Lets an owner go that waited in the foreground, once nothing that
    /// blocks it is left.
    fn end_if_unblocked(&self) {
        let blocks = |object: &Stored| {
            owner_references(object)
                .iter()
                .any(|owner| owner.uid == *self.uid && owner.blocks)
        };
        if !self
            .dependents()
            .iter()
            .any(|(_, dependent)| blocks(dependent))
        {
            self.drop_finalizer(FOREGROUND);
        }
    }

    fn collect_if_unowned(&self) {
        let owners = owner_references(self.object);
        let states: Vec<OwnerState> = owners.iter().map(|owner| self.state_of(owner)).collect();
        if owners.is_empty() || states.iter().all(|state| *state == OwnerState::Solid) {
            return;
        }
        if states.contains(&OwnerState::Solid) {
            let gone: Vec<&Uid> = owners
                .iter()
                .zip(&states)
                .filter(|(_, state)| **state != OwnerState::Solid)
                .map(|(owner, _)| &owner.uid)
                .collect();
            self.drop_references(self.node, self.object, &gone);
            return;
        }
        let waiting = states.contains(&OwnerState::Waiting);
        self.actor
            .delete(&self.node.resource, self.object, self.propagation(waiting));
    }

    /// How the object is deleted: in the foreground if its owner waits and it
    /// has dependents itself, else as its own finalizers say.
    fn propagation(&self, owner_waits: bool) -> &'static str {
        let own = finalizers(self.object);
        match () {
            () if owner_waits && !self.state.graph.dependents_of(self.uid).is_empty() => {
                "Foreground"
            }
            () if own.iter().any(|it| it == ORPHAN) => "Orphan",
            () if own.iter().any(|it| it == FOREGROUND) => "Foreground",
            () => "Background",
        }
    }

    /// Asks the store itself: the index may not have seen the owner yet.
    fn state_of(&self, owner: &Owner) -> OwnerState {
        let tables = self.actor.core.registry().tables();
        let (group, version) = owner
            .api_version
            .rsplit_once('/')
            .unwrap_or(("", owner.api_version.as_str()));
        let row = tables.find_kind(group, version, &owner.kind).or_else(|| {
            tables
                .rows
                .iter()
                .find(|row| row.group == group && row.kind == owner.kind)
        });
        // Of a kind that is not served nothing is known but what was seen to go:
        // a definition is deleted together with its objects.
        let Some(row) = row else {
            return if self.state.graph.has_ended(&owner.uid) {
                OwnerState::Absent
            } else {
                OwnerState::Solid
            };
        };
        let namespace = if row.namespaced {
            self.node.key.namespace.as_str()
        } else {
            ""
        };
        if row.namespaced && namespace.is_empty() {
            return OwnerState::Absent;
        }
        let found = self
            .actor
            .core
            .store()
            .get(&row.group_resource(), namespace, &owner.name);
        match found.filter(|found| metadata(found, "uid") == Some(owner.uid.as_str())) {
            None => OwnerState::Absent,
            Some(found) if waits_for_dependents(&found) => OwnerState::Waiting,
            Some(_) => OwnerState::Solid,
        }
    }

    fn drop_references(&self, node: &Node, object: &Stored, uids: &[&Uid]) -> bool {
        let list = object
            .value()
            .at(&["metadata", "ownerReferences"])
            .and_then(Value::as_list)
            .unwrap_or_default();
        let stays = |owner: &&Value| {
            !uids
                .iter()
                .any(|uid| owner.str_at(&["uid"]) == Some(uid.as_str()))
        };
        let kept: Vec<Value> = list.iter().filter(stays).cloned().collect();
        let kept = if kept.is_empty() {
            Value::Null
        } else {
            Value::from(kept)
        };
        self.patch_metadata(node, object, "ownerReferences", kept)
    }

    fn drop_finalizer(&self, name: &str) {
        let kept: Vec<Text> = finalizers(self.object)
            .into_iter()
            .filter(|it| it != name)
            .collect();
        let kept = match kept.len() {
            0 => Value::Null,
            _ => kept.into_iter().map(Value::from).collect(),
        };
        self.patch_metadata(self.node, self.object, "finalizers", kept);
    }

    /// Changes one list in metadata, if the object is still the one that was
    /// looked at.
    fn patch_metadata(&self, node: &Node, object: &Stored, key: &str, list: Value) -> bool {
        let uid = object
            .value()
            .at(&["metadata", "uid"])
            .cloned()
            .unwrap_or_default();
        let version = object
            .value()
            .at(&["metadata", "resourceVersion"])
            .cloned()
            .unwrap_or_default();
        let patch = value!({"metadata": {"uid": uid, "resourceVersion": version, key: list}});
        self.actor.patch(&node.resource, object, &patch)
    }
}
