//! How many replicas each ReplicaSet of a Deployment gets next.

use super::{COMPONENT, View, wanted};
use crate::action::Action;
use crate::note::Note;
use crate::rollout::{Size, in_proportion, next_new, next_old};
use std::cmp::Reverse;
use trueup_cluster::LiveObject;
use trueup_object::{Map, Value, value};

pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub(super) const MAXIMUM: &str = "deployment.kubernetes.io/max-replicas";

impl<'a> View<'a> {
    /// Whether `spec.replicas` has changed since the ReplicaSets with Pods
    /// were sized.
    pub(super) fn is_resized(&self) -> bool {
        self.active()
            .iter()
            .any(|set| number(set, DESIRED).is_some_and(|desired| desired != self.bounds.replicas))
    }

    fn active(&self) -> Vec<&'a LiveObject> {
        self.new
            .into_iter()
            .chain(self.old.iter().copied())
            .filter(|set| wanted(set) > 0)
            .collect()
    }

    /// Follows a changed `spec.replicas`: the only set with Pods, or the
    /// newest, takes all of it; old ones go if the new one is as it should
    /// be; otherwise they share it.
    pub(super) fn resize(&self) -> Vec<Action> {
        let active = self.active();
        let target = match active.as_slice() {
            [] => self.new.or(self.old.last().copied()),
            [only] => Some(*only),
            _ => None,
        };
        if active.len() < 2 {
            let scaled = target.and_then(|set| self.scale(set, self.bounds.replicas));
            return scaled.into_iter().collect();
        }
        if self.new.is_some_and(|new| self.is_saturated(new)) {
            let old = self.old.iter().filter(|set| wanted(set) > 0);
            return old.filter_map(|set| self.scale(set, 0)).collect();
        }
        if self.is_recreating() {
            return Vec::new();
        }
        self.share(active)
    }

    fn is_saturated(&self, new: &LiveObject) -> bool {
        let all = self.bounds.replicas;
        wanted(new) == all && number(new, DESIRED) == Some(all) && available(new) == all
    }

    /// Shares what is to be added or taken away, the greatest set first; of
    /// equal ones the newer grows and the older shrinks.
    fn share(&self, mut active: Vec<&LiveObject>) -> Vec<Action> {
        let total: i64 = active.iter().map(|set| wanted(set)).sum();
        active.sort_by_key(|set| (set.creation_timestamp().clone(), set.name().clone()));
        if self.bounds.max_total() > total {
            active.reverse();
        }
        active.sort_by_key(|set| Reverse(wanted(set)));
        let sizes: Vec<i64> = active.iter().map(|set| wanted(set)).collect();
        let running = self.live.value().i64_at(&["status", "replicas"]);
        let maxima: Vec<i64> = active
            .iter()
            .map(|set| {
                number(set, MAXIMUM)
                    .filter(|maximum| *maximum > 0)
                    .or(running)
                    .unwrap_or(0)
            })
            .collect();
        let next = in_proportion(self.bounds, &sizes, &maxima);
        active
            .iter()
            .zip(next)
            .filter_map(|(set, next)| self.scale_anew(set, next))
            .collect()
    }

    /// The next step of a rolling update.
    pub(super) fn roll(&self) -> Vec<Action> {
        let old_wanted = self.old.iter().map(|set| wanted(set)).sum();
        let Some(new) = self.new else {
            return self.create();
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
            .filter_map(|(set, next)| self.scale(set, next))
            .collect()
    }

    /// The size with which the new ReplicaSet is made.
    pub(super) fn first_size(&self) -> i64 {
        if self.is_recreating() {
            return self.bounds.replicas;
        }
        let old_wanted = self.old.iter().map(|set| wanted(set)).sum();
        next_new(self.bounds, Size::default(), old_wanted)
    }

    /// Sets a ReplicaSet's size, and the annotations that tell for which
    /// totals it was chosen; `None` when it has that size.
    pub(super) fn scale(&self, set: &LiveObject, size: i64) -> Option<Action> {
        if wanted(set) == size {
            return None;
        }
        self.scale_anew(set, size)
    }

    /// The same, also when only the annotations are others.
    fn scale_anew(&self, set: &LiveObject, size: i64) -> Option<Action> {
        let before = wanted(set);
        let annotations = self.size_annotations();
        let same = annotations
            .iter()
            .all(|(key, value)| set.annotations().get(key) == Some(value));
        if before == size && same {
            return None;
        }
        let patch = value!({"metadata": {"annotations": annotations}, "spec": {"replicas": size}});
        let write = Action::merge(set, patch);
        if before == size {
            return Some(write);
        }
        Some(write.told(self.scaled(set.name(), before, size)))
    }

    /// The Event of a changed size.
    pub(super) fn scaled(&self, set: &str, before: i64, size: i64) -> Note {
        let way = if before < size { "up" } else { "down" };
        let message = format!("Scaled {way} replica set {set} from {before} to {size}");
        Note::normal(COMPONENT, self.live, "ScalingReplicaSet", message)
    }

    pub(super) fn size_annotations(&self) -> Map {
        [
            (DESIRED, self.bounds.replicas),
            (MAXIMUM, self.bounds.replicas + self.bounds.max_surge),
        ]
        .map(|(key, number)| (key, Value::from(number.to_string())))
        .into_iter()
        .collect()
    }
}

fn number(set: &LiveObject, annotation: &str) -> Option<i64> {
    set.annotation(annotation)?.parse().ok()
}

fn available(set: &LiveObject) -> i64 {
    let available = set.value().i64_at(&["status", "availableReplicas"]);
    available.unwrap_or(0)
}

/// A set that is being shrunk may still count Pods that are about to go;
/// these are not to be relied on.
fn size_of(set: &LiveObject) -> Size {
    Size {
        wanted: wanted(set),
        available: available(set).min(wanted(set)),
    }
}
