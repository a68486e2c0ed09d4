//! The ReplicaSet of a Deployment's present template, and its number.

use super::sizes::{DESIRED, MAXIMUM};
use super::status::progressing;
use super::{COMPONENT, HASH, REVISION, View, revision_of};
use crate::action::Action;
use crate::cache::{Key, Kind};
use crate::conditions::renew;
use crate::note::{ERROR, Note};
use crate::pods::{hash_of, owner_reference};
use trueup_cluster::LiveObject;
use trueup_object::{Map, Text, Value, value};

const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";

/// The longest list of past revisions, in characters.
const MAX_REVISION_HISTORY: usize = 2_000;

/// The longest name of an object.
const MAX_NAME: usize = 253;

/// Annotations of a Deployment that its ReplicaSets do not inherit.
const OWN_ANNOTATIONS: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
];

impl View<'_> {
    fn template_hash(&self) -> Text {
        let template = self.spec.get("template").cloned().unwrap_or_default();
        hash_of(&template, self.collisions())
    }

    fn collisions(&self) -> i64 {
        let count = self.live.value().i64_at(&["status", "collisionCount"]);
        count.unwrap_or(0)
    }

    /// Makes the ReplicaSet of the present template, then tells its number and
    /// that it was made. If another has its name, that is counted and leads to
    /// another name; if it could not be made before, that is told first.
    pub(super) fn create(&self) -> Vec<Action> {
        let hash = self.template_hash();
        let name = set_name(self.live.name(), &hash);
        if self.is_taken(&name) {
            return vec![self.count_collision()];
        }
        if let Some(tell) = self.tell_failure(&name) {
            return vec![tell];
        }
        let size = self.first_size();
        let set = self.new_set(&name, &hash, size);
        let failed = format!("Failed to create new replica set \"{name}\": {ERROR}");
        let failed = Note::warning(COMPONENT, self.live, "ReplicaSetCreateError", failed);
        let create = Action::Told {
            write: Box::new(Action::Create(set)),
            done: (size > 0).then(|| self.scaled(&name, 0, size)),
            failed: Some(failed),
        };
        let message = format!("Created new replica set \"{name}\"");
        let created = progressing("True", "NewReplicaSetCreated", &message);
        let number = self.next_revision().to_string();
        let tell = self.show_revision(&number, Some(&created));
        let both = std::iter::once(create).chain(tell).collect();
        vec![Action::InOrder(both)]
    }

    /// Whether another ReplicaSet has this name: one that is ours and has our
    /// template would be the new one.
    fn is_taken(&self, name: &Text) -> bool {
        let key = Key {
            kind: Kind::ReplicaSet,
            namespace: self.live.namespace().clone(),
            name: name.clone(),
        };
        self.cache.get(&key).is_some()
    }

    fn count_collision(&self) -> Action {
        let mut status = Value::map();
        status.set_at(&["collisionCount"], (self.collisions() + 1).into());
        Action::merge_status(self.live, status)
    }

    fn tell_failure(&self, name: &str) -> Option<Action> {
        let error = self.failure.filter(|_| self.has_deadline())?;
        let message = format!("Failed to create new replica set \"{name}\": {error}");
        let failed = progressing("False", "ReplicaSetCreateError", &message);
        let mut conditions = self.conditions();
        let changed = renew(&mut conditions, &failed, self.now);
        let mut status = Value::map();
        status.set_at(&["conditions"], conditions.into());
        changed.then(|| Action::merge_status(self.live, status))
    }

    fn new_set(&self, name: &Text, hash: &Text, size: i64) -> Value {
        let mut annotations = self.inherited_annotations();
        annotations.insert(REVISION, self.next_revision().to_string());
        for (key, value) in &self.size_annotations() {
            annotations.insert(key.clone(), value.clone());
        }
        let mut template = self.spec.get("template").cloned().unwrap_or_default();
        template.set_at(&["metadata", "labels", HASH], hash.clone().into());
        let mut selector = self.spec.get("selector").cloned().unwrap_or_default();
        selector.set_at(&["matchLabels", HASH], hash.clone().into());
        let labels = template.at(&["metadata", "labels"]).cloned();
        let mut set = value!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "namespace": (self.live.namespace().clone()),
                "name": (name.clone()),
                "labels": (labels.unwrap_or_default()),
                "annotations": annotations,
                "ownerReferences": [(owner_reference(self.live, Kind::Deployment))],
            },
            "spec": {"replicas": size, "selector": selector, "template": template},
        });
        if let Some(seconds) = self.spec.get("minReadySeconds") {
            set.set_at(&["spec", "minReadySeconds"], seconds.clone());
        }
        set
    }

    fn inherited_annotations(&self) -> Map {
        let mut annotations = self.live.annotations().clone();
        annotations.retain(|key, _| !OWN_ANNOTATIONS.contains(&key));
        annotations
    }

    fn next_revision(&self) -> i64 {
        let numbers = self.old.iter().map(|set| revision_of(set));
        numbers.max().unwrap_or(0) + 1
    }

    /// The new ReplicaSet has the highest revision and follows the
    /// Deployment's annotations, and the Deployment shows its number.
    pub(super) fn follow_revision(&self) -> Option<Action> {
        let new = self.new?;
        if let Some(patch) = self.renewed(new) {
            return Some(Action::merge(new, patch));
        }
        let message = format!("Found new replica set \"{}\"", new.name());
        let found = progressing("True", "FoundNewReplicaSet", &message);
        let unknown = self.progress_condition().is_none();
        let number = new.annotation(REVISION).unwrap_or_default();
        self.show_revision(number, unknown.then_some(&found))
    }

    /// What is to change in the new ReplicaSet. One that becomes the new one
    /// again keeps its past revisions.
    fn renewed(&self, new: &LiveObject) -> Option<Value> {
        let (due, has) = (self.next_revision(), revision_of(new));
        let mut annotations = self.inherited_annotations();
        annotations.retain(|key, value| new.annotations().get(key) != Some(value));
        if has < due {
            annotations.insert(REVISION, due.to_string());
            if let Some(before) = new.annotation(REVISION) {
                let past = new.annotation(REVISION_HISTORY).unwrap_or_default();
                annotations.insert(REVISION_HISTORY, with_revision(past, before));
            }
        }
        let seconds = |spec: Option<&Value>| {
            spec.and_then(|spec| spec.i64_at(&["minReadySeconds"]))
                .unwrap_or(0)
        };
        let due_s = seconds(Some(self.spec));
        let same_s = seconds(new.value().get("spec")) == due_s;
        if annotations.is_empty() && same_s {
            return None;
        }
        let mut patch = Value::map();
        if !annotations.is_empty() {
            patch.set_at(&["metadata", "annotations"], annotations.into());
        }
        if !same_s {
            patch.set_at(&["spec", "minReadySeconds"], due_s.into());
        }
        Some(patch)
    }

    /// Shows a number, and a condition where there is a deadline; `None` when
    /// all is shown already.
    fn show_revision(
        &self,
        number: &str,
        condition: Option<&crate::conditions::Condition<'_>>,
    ) -> Option<Action> {
        let mut patch = Value::map();
        if self.live.annotation(REVISION) != Some(number) {
            patch.set_at(&["metadata", "annotations", REVISION], number.into());
        }
        if let Some(condition) = condition.filter(|_| self.has_deadline()) {
            let mut conditions = self.conditions();
            if renew(&mut conditions, condition, self.now) {
                patch.set_at(&["status", "conditions"], conditions.into());
            }
        }
        let changes = patch.as_map().is_some_and(|patch| !patch.is_empty());
        changes.then(|| Action::MergeByStatus {
            reference: self.live.reference().clone(),
            resource_version: self.live.resource_version().clone(),
            patch,
        })
    }
}

/// The Deployment's name, cut where the hash would make it too long, and the
/// hash.
fn set_name(deployment: &str, hash: &str) -> Text {
    let room = MAX_NAME - 1 - hash.len();
    let stem = deployment.get(..room).unwrap_or(deployment);
    format!("{stem}-{hash}").into()
}

/// The list of past revisions with one more; the oldest go when it gets too
/// long.
fn with_revision(past: &str, revision: &str) -> Text {
    if past.is_empty() {
        return revision.into();
    }
    let mut kept = past;
    while kept.len() + 1 + revision.len() > MAX_REVISION_HISTORY {
        let Some((_, rest)) = kept.split_once(',') else {
            return past.into();
        };
        kept = rest;
    }
    format!("{kept},{revision}").into()
}
