//! What a Deployment wants of its ReplicaSets.

mod history;
mod revision;
mod sizes;
mod status;

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::claim::claim;
use crate::decide::Setting;
use crate::interest::selector_of;
use crate::note::Note;
use crate::pods::is_ended;
use crate::rollout::Bounds;
use jiff::Timestamp;
use status::Extent;
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value};

pub(crate) const COMPONENT: &str = "deployment-controller";
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
const HASH: &str = "pod-template-hash";

/// A Deployment with its ReplicaSets, as observed.
pub(crate) struct View<'a> {
    pub live: &'a LiveObject,
    pub spec: &'a Value,
    pub cache: &'a Cache,
    pub bounds: Bounds,
    pub new: Option<&'a LiveObject>,
    /// Oldest first.
    pub old: Vec<&'a LiveObject>,
    /// Why the new ReplicaSet could not be made.
    pub failure: Option<&'a Text>,
    pub now: Timestamp,
}

/// Decides about one Deployment: the first of the genuine controller's steps
/// that has something to write. Its answer leads to the next.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let Some(spec) = live.value().get("spec") else {
        return Decision::nothing();
    };
    let selector = selector_of(live);
    if selector.is_everything() {
        return selecting_all(live);
    }
    let owner = (live, Kind::Deployment);
    let matches = |set: &LiveObject| selector.matches(set.labels());
    let claim = claim(owner, Kind::ReplicaSet, cache, |_| true, matches);
    if !claim.actions.is_empty() {
        return Decision {
            actions: claim.actions,
            wake_at: None,
        };
    }
    let view = View::observe(live, spec, claim.owned, (cache, setting));
    let mut decision = Decision::nothing();
    let extent = view.next_step(&mut decision.actions);
    if !decision
        .actions
        .iter()
        .any(|it| it.writes(live.reference()))
    {
        let (status, wake_at) = view.status(extent);
        decision.wake(wake_at);
        decision
            .actions
            .extend(status.map(|status| Action::merge_status(live, status)));
    }
    decision
}

/// A Deployment that selects every Pod does nothing.
fn selecting_all(live: &LiveObject) -> Decision {
    let seen = live.value().i64_at(&["status", "observedGeneration"]);
    if seen.unwrap_or(0) >= live.generation() {
        return Decision::nothing();
    }
    let mut status = Value::map();
    status.set_at(&["observedGeneration"], live.generation().into());
    let message = "This deployment is selecting all pods. A non-empty selector is required.";
    let note = Note::warning(COMPONENT, live, "SelectingAll", message);
    Decision {
        actions: vec![Action::merge_status(live, status).told(note)],
        wake_at: None,
    }
}

impl<'a> View<'a> {
    fn observe(
        live: &'a LiveObject,
        spec: &'a Value,
        mut sets: Vec<&'a LiveObject>,
        (cache, setting): (&'a Cache, &'a Setting),
    ) -> Self {
        sets.sort_by_cached_key(|set| (set.creation_timestamp().clone(), set.name().clone()));
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
            cache,
            bounds: Bounds::of(spec),
            new,
            old,
            failure: setting.failure.as_ref(),
            now: setting.now,
        }
    }

    fn is_paused(&self) -> bool {
        self.spec.get("paused").and_then(Value::as_bool) == Some(true)
    }

    fn is_recreating(&self) -> bool {
        self.spec.str_at(&["strategy", "type"]) == Some("Recreate")
    }

    /// Adds the writes that come next, apart from the status; returns how
    /// much of the status is to be judged.
    fn next_step(&self, actions: &mut Vec<Action>) -> Extent {
        if self.live.deletion_timestamp().is_some() {
            actions.extend(self.follow_revision());
            return Extent::Counts;
        }
        actions.extend(self.note_pause());
        if actions.is_empty() {
            actions.extend(self.follow_revision());
        }
        if !actions.is_empty() {
            return Extent::Counts;
        }
        if self.is_paused() || self.is_resized() {
            actions.extend(self.resize());
            if self.is_paused() {
                actions.extend(self.history_to_drop());
            }
            return Extent::Counts;
        }
        if self.is_recreating() {
            actions.extend(self.recreate());
        } else {
            actions.extend(self.roll());
        }
        if actions.is_empty() && self.was_complete() {
            actions.extend(self.history_to_drop());
        }
        Extent::Progress
    }

    /// All old Pods go before the first new one comes.
    fn recreate(&self) -> Vec<Action> {
        let down: Vec<Action> = self
            .old
            .iter()
            .filter_map(|set| self.scale(set, 0))
            .collect();
        let running = |set: &&LiveObject| {
            let mut pods = self.cache.controlled_by(set.uid(), Kind::Pod);
            actual(set) > 0 || pods.any(|pod| !is_ended(pod.value()))
        };
        if !down.is_empty() || self.old.iter().any(running) {
            return down;
        }
        match self.new {
            None => self.create(),
            Some(new) => self.scale(new, self.bounds.replicas).into_iter().collect(),
        }
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
