//! What a Deployment wants of its ReplicaSets.

mod status;

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::pods::{hash_of, is_ended, owner_reference};
use crate::rollout::{Bounds, Size, in_proportion, next_new, next_old};
use jiff::Timestamp;
use status::{Progress, status_of};
use trueup_cluster::LiveObject;
use trueup_object::{Map, Text, Value, value};

pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAXIMUM: &str = "deployment.kubernetes.io/max-replicas";
const HASH: &str = "pod-template-hash";

/// Annotations of a Deployment that its ReplicaSets do not inherit.
const OWN_ANNOTATIONS: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
];

/// A Deployment with its ReplicaSets, as observed.
pub(crate) struct View<'a> {
    pub live: &'a LiveObject,
    pub spec: &'a Value,
    pub bounds: Bounds,
    pub new: Option<&'a LiveObject>,
    /// Oldest first.
    pub old: Vec<&'a LiveObject>,
    pub now: Timestamp,
}

/// Decides about one Deployment.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, now: Timestamp) -> Decision {
    let Some(spec) = live.value().get("spec") else {
        return Decision::nothing();
    };
    let view = View::observe(live, spec, cache, now);
    let mut decision = Decision::nothing();
    if live.deletion_timestamp().is_none() {
        decision.actions = view.next_step(cache);
    }
    let (status, wake_at) = status_of(&view, view.progress());
    decision.wake(wake_at);
    if let Some(status) = status {
        decision.actions.push(Action::MergeStatus {
            reference: live.reference().clone(),
            resource_version: live.resource_version().clone(),
            status,
        });
    }
    // Both write the same object: the version holds for the first only.
    keep_one_write_of(live, &mut decision.actions);
    decision
}

/// Of several writes on the object itself only the first is kept; its answer
/// leads to a new decision.
fn keep_one_write_of(live: &LiveObject, actions: &mut Vec<Action>) {
    let mut written = false;
    actions.retain(|action| match action {
        Action::Merge { reference, .. } | Action::MergeStatus { reference, .. }
            if reference == live.reference() =>
        {
            !std::mem::replace(&mut written, true)
        }
        _ => true,
    });
}

impl<'a> View<'a> {
    fn observe(live: &'a LiveObject, spec: &'a Value, cache: &'a Cache, now: Timestamp) -> Self {
        let mut sets: Vec<&LiveObject> =
            cache.controlled_by(live.uid(), Kind::ReplicaSet).collect();
        sets.sort_by_cached_key(|set| {
            (
                set.creation_timestamp().clone(),
                revision_of(set),
                set.name().clone(),
            )
        });
        let template = spec.get("template").cloned().unwrap_or_default();
        let new = sets
            .iter()
            .copied()
            .find(|set| template_of(set) == template);
        let old = sets
            .into_iter()
            .filter(|set| new.is_none_or(|new| new.uid() != set.uid()))
            .collect();
        Self {
            live,
            spec,
            bounds: Bounds::of(spec),
            new,
            old,
            now,
        }
    }

    fn is_paused(&self) -> bool {
        self.spec.get("paused").and_then(Value::as_bool) == Some(true)
    }

    fn progress(&self) -> Progress {
        match (self.is_paused(), self.new) {
            (true, _) => Progress::Paused,
            (false, None) => Progress::Creating,
            (false, Some(_)) => Progress::Watching,
        }
    }

    /// The writes that come next, apart from the status.
    fn next_step(&self, cache: &Cache) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.is_paused() {
            return self.resize();
        }
        actions.extend(self.revision_actions());
        let resizing = self.is_resized();
        if resizing {
            actions.extend(self.resize());
            return actions;
        }
        if self.spec.str_at(&["strategy", "type"]) == Some("Recreate") {
            actions.extend(self.recreate(cache));
        } else {
            actions.extend(self.roll());
        }
        if actions.is_empty() && self.is_complete() {
            actions.extend(self.history_to_drop());
        }
        actions
    }

    /// Whether `spec.replicas` has changed since the ReplicaSets with Pods
    /// were sized.
    fn is_resized(&self) -> bool {
        self.active().iter().any(|set| {
            set.annotation(DESIRED)
                .and_then(|text| text.parse().ok())
                .is_some_and(|desired: i64| desired != self.bounds.replicas)
        })
    }

    fn active(&self) -> Vec<&'a LiveObject> {
        self.new
            .into_iter()
            .chain(self.old.iter().copied())
            .filter(|set| wanted(set) > 0)
            .collect()
    }

    /// Follows a changed `spec.replicas`: the only set with Pods takes all of
    /// it, several share it.
    fn resize(&self) -> Vec<Action> {
        let active = self.active();
        let target = match active.as_slice() {
            [] => self
                .new
                .or(self.old.last().copied())
                .filter(|_| self.is_paused()),
            [only] => Some(*only),
            _ => None,
        };
        if let Some(set) = target {
            return self.scale(set, self.bounds.replicas).into_iter().collect();
        }
        let sizes: Vec<i64> = active.iter().map(|set| wanted(set)).collect();
        let total: i64 = sizes.iter().sum();
        let maxima: Vec<i64> = active
            .iter()
            .map(|set| {
                set.annotation(MAXIMUM)
                    .and_then(|text| text.parse().ok())
                    .unwrap_or(total)
            })
            .collect();
        let next = in_proportion(self.bounds, &sizes, &maxima);
        active
            .iter()
            .zip(next)
            .filter_map(|(set, next)| self.scale(set, next))
            .collect()
    }

    fn roll(&self) -> Vec<Action> {
        let old_wanted = self.old.iter().map(|set| wanted(set)).sum();
        let Some(new) = self.new else {
            return vec![self.create(next_new(self.bounds, Size::default(), old_wanted))];
        };
        let size = size_of(new);
        let grown = next_new(self.bounds, size, old_wanted);
        if let Some(action) = self.scale(new, grown) {
            return vec![action];
        }
        let old: Vec<Size> = self.old.iter().map(|set| size_of(set)).collect();
        let next = next_old(self.bounds, size, &old);
        self.old
            .iter()
            .zip(next)
            .filter(|(set, next)| wanted(set) != *next)
            .filter_map(|(set, next)| self.scale(set, next))
            .collect()
    }

    /// All old Pods go before the first new one comes.
    fn recreate(&self, cache: &Cache) -> Vec<Action> {
        let down: Vec<Action> = self
            .old
            .iter()
            .filter(|set| wanted(set) > 0)
            .filter_map(|set| self.scale(set, 0))
            .collect();
        let running = |set: &&LiveObject| {
            cache
                .controlled_by(set.uid(), Kind::Pod)
                .any(|pod| !is_ended(pod.value()))
        };
        if !down.is_empty() || self.old.iter().any(running) {
            return down;
        }
        match self.new {
            None => vec![self.create(self.bounds.replicas)],
            Some(new) => self.scale(new, self.bounds.replicas).into_iter().collect(),
        }
    }

    /// Sets a ReplicaSet's size and the annotations that tell for which
    /// totals it was chosen; `None` when all is so already.
    fn scale(&self, set: &LiveObject, size: i64) -> Option<Action> {
        let annotations = self.size_annotations();
        let same = annotations
            .iter()
            .all(|(key, value)| set.annotations().get(key) == Some(value));
        if wanted(set) == size && (same || size == 0) {
            return None;
        }
        Some(Action::Merge {
            reference: set.reference().clone(),
            resource_version: set.resource_version().clone(),
            patch: value!({"metadata": {"annotations": annotations}, "spec": {"replicas": size}}),
        })
    }

    fn size_annotations(&self) -> Map {
        [
            (DESIRED, self.bounds.replicas),
            (MAXIMUM, self.bounds.replicas + self.bounds.max_surge),
        ]
        .map(|(key, number)| (key, Value::from(number.to_string())))
        .into_iter()
        .collect()
    }

    fn template_hash(&self) -> Text {
        let template = self.spec.get("template").cloned().unwrap_or_default();
        let collisions = self
            .live
            .value()
            .i64_at(&["status", "collisionCount"])
            .unwrap_or(0);
        hash_of(&template, collisions)
    }

    /// The name of the new ReplicaSet, existing or to be made.
    fn new_set_name(&self) -> Text {
        match self.new {
            Some(new) => new.name().clone(),
            None => format!("{}-{}", self.live.name(), self.template_hash()).into(),
        }
    }

    /// The ReplicaSet of the present template.
    fn create(&self, size: i64) -> Action {
        let template = self.spec.get("template").cloned().unwrap_or_default();
        let hash = self.template_hash();
        let mut annotations = self.inherited_annotations();
        annotations.insert(REVISION, self.next_revision().to_string());
        for (key, value) in &self.size_annotations() {
            annotations.insert(key.clone(), value.clone());
        }
        let mut labelled = template;
        labelled.set_at(&["metadata", "labels", HASH], hash.clone().into());
        let mut selector = self.spec.get("selector").cloned().unwrap_or_default();
        selector.set_at(&["matchLabels", HASH], hash.clone().into());
        let mut set = value!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "namespace": (self.live.namespace().clone()),
                "name": (self.new_set_name()),
                "labels": (labelled.at(&["metadata", "labels"]).cloned().unwrap_or_default()),
                "annotations": annotations,
                "ownerReferences": [(owner_reference(self.live, Kind::Deployment))],
            },
            "spec": {"replicas": size, "selector": selector, "template": labelled},
        });
        if let Some(seconds) = self.spec.get("minReadySeconds") {
            set.set_at(&["spec", "minReadySeconds"], seconds.clone());
        }
        Action::Create(set)
    }

    fn inherited_annotations(&self) -> Map {
        let mut annotations = self.live.annotations().clone();
        annotations.retain(|key, _| !OWN_ANNOTATIONS.contains(&key));
        annotations
    }

    fn next_revision(&self) -> i64 {
        self.old
            .iter()
            .map(|set| revision_of(set))
            .max()
            .unwrap_or(0)
            + 1
    }

    /// The new ReplicaSet has the highest revision, and the Deployment shows
    /// it. A set that becomes the new one again keeps its past revisions.
    fn revision_actions(&self) -> Vec<Action> {
        let Some(new) = self.new else {
            return Vec::new();
        };
        let due = self.next_revision();
        let has = revision_of(new);
        let mut annotations = self.inherited_annotations();
        annotations.retain(|key, value| new.annotations().get(key) != Some(value));
        if has < due {
            annotations.insert(REVISION, due.to_string());
            if has > 0 {
                annotations.insert(
                    REVISION_HISTORY,
                    with_revision(new.annotation(REVISION_HISTORY), has),
                );
            }
        }
        if !annotations.is_empty() {
            return vec![merge_annotations(new, annotations)];
        }
        if self.live.annotation(REVISION) == new.annotation(REVISION) {
            return Vec::new();
        }
        let shown = [(REVISION, Value::from(has.to_string()))]
            .into_iter()
            .collect();
        let shown: Map = shown;
        vec![Action::MergeByStatus {
            reference: self.live.reference().clone(),
            resource_version: self.live.resource_version().clone(),
            patch: value!({"metadata": {"annotations": shown}}),
        }]
    }

    fn is_complete(&self) -> bool {
        let Some(new) = self.new else { return false };
        let all = self.bounds.replicas;
        size_of(new).available == all
            && actual(new) == all
            && self
                .old
                .iter()
                .all(|set| actual(set) == 0 && wanted(set) == 0)
    }

    /// Old sets without Pods beyond `revisionHistoryLimit`, oldest first.
    fn history_to_drop(&self) -> Vec<Action> {
        let limit = self.spec.i64_at(&["revisionHistoryLimit"]).unwrap_or(10);
        let mut empty: Vec<&LiveObject> = self
            .old
            .iter()
            .copied()
            .filter(|set| {
                set.deletion_timestamp().is_none() && wanted(set) == 0 && actual(set) == 0
            })
            .collect();
        empty.sort_by_key(|set| revision_of(set));
        let surplus = empty
            .len()
            .saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
        empty
            .into_iter()
            .take(surplus)
            .map(|set| Action::Delete {
                reference: set.reference().clone(),
                uid: set.uid().clone(),
            })
            .collect()
    }
}

fn merge_annotations(object: &LiveObject, annotations: Map) -> Action {
    Action::Merge {
        reference: object.reference().clone(),
        resource_version: object.resource_version().clone(),
        patch: value!({"metadata": {"annotations": annotations}}),
    }
}

fn with_revision(history: Option<&str>, revision: i64) -> Text {
    match history.filter(|text| !text.is_empty()) {
        Some(before) => format!("{before},{revision}").into(),
        None => revision.to_string().into(),
    }
}

/// The template of a ReplicaSet as its Deployment had it.
fn template_of(set: &LiveObject) -> Value {
    let mut template = set
        .value()
        .at(&["spec", "template"])
        .cloned()
        .unwrap_or_default();
    template.remove_at(&["metadata", "labels", HASH]);
    template
}

pub(crate) fn revision_of(set: &LiveObject) -> i64 {
    set.annotation(REVISION)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

/// `spec.replicas`
pub(crate) fn wanted(set: &LiveObject) -> i64 {
    set.value().i64_at(&["spec", "replicas"]).unwrap_or(1)
}

/// `status.replicas`
pub(crate) fn actual(set: &LiveObject) -> i64 {
    set.value().i64_at(&["status", "replicas"]).unwrap_or(0)
}

/// A set that is being shrunk may still count Pods that are about to go;
/// these are not to be relied on.
fn size_of(set: &LiveObject) -> Size {
    let available = set
        .value()
        .i64_at(&["status", "availableReplicas"])
        .unwrap_or(0);
    Size {
        wanted: wanted(set),
        available: available.min(wanted(set)),
    }
}
