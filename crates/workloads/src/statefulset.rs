//! What a StatefulSet wants of its Pods: numbered, one after the other.

mod claims;
mod pods;
mod revisions;
mod status;

use crate::action::{Action, Decision};
use crate::cache::{Cache, Kind};
use crate::claim::claim;
use crate::conditions::changes;
use crate::decide::Setting;
use crate::interest::selector_of;
use crate::note::{ERROR, Note};
use crate::pods::{available_at, is_ready, phase};
use pods::ordinal_of;
use revisions::Revisions;
use trueup_cluster::LiveObject;
use trueup_object::Value;

const COMPONENT: &str = "statefulset-controller";

/// A StatefulSet with its Pods, as observed.
struct View<'a> {
    live: &'a LiveObject,
    spec: &'a Value,
    replicas: i64,
    /// The first number.
    start: i64,
    min_ready_s: i64,
    /// One after the other, each once those before are available.
    ordered: bool,
    revisions: Revisions<'a>,
    /// All Pods that are the set's, by number.
    pods: Vec<(i64, &'a LiveObject)>,
    cache: &'a Cache,
    setting: &'a Setting,
}

/// Decides about one StatefulSet.
pub(crate) fn decide(live: &LiveObject, cache: &Cache, setting: &Setting) -> Decision {
    let Some(spec) = live.value().get("spec") else {
        return Decision::nothing();
    };
    let selector = selector_of(live);
    let owner = (live, Kind::StatefulSet);
    let matches =
        |pod: &LiveObject| selector.matches(pod.labels()) && ordinal_of(live.name(), pod).is_some();
    let revised = revisions::observe(live, &selector, cache);
    let claim = claim(owner, Kind::Pod, cache, |_| true, matches);
    let (revisions, mut actions) = match revised {
        Ok(revisions) => (Some(revisions), claim.actions),
        Err(actions) => (None, actions),
    };
    let Some(revisions) = revisions.filter(|_| actions.is_empty()) else {
        return Decision {
            actions: std::mem::take(&mut actions),
            wake_at: None,
        };
    };
    View::observe(live, spec, revisions, claim.owned, (cache, setting)).decide()
}

impl<'a> View<'a> {
    fn observe(
        live: &'a LiveObject,
        spec: &'a Value,
        revisions: Revisions<'a>,
        owned: Vec<&'a LiveObject>,
        (cache, setting): (&'a Cache, &'a Setting),
    ) -> Self {
        let number = |pod: &'a LiveObject| Some((ordinal_of(live.name(), pod)?, pod));
        let mut pods: Vec<_> = owned.into_iter().filter_map(number).collect();
        pods.sort_by_key(|(ordinal, _)| *ordinal);
        Self {
            live,
            spec,
            replicas: spec.i64_at(&["replicas"]).unwrap_or(1),
            start: spec.i64_at(&["ordinals", "start"]).unwrap_or(0),
            min_ready_s: spec.i64_at(&["minReadySeconds"]).unwrap_or(0),
            ordered: spec.str_at(&["podManagementPolicy"]) != Some("Parallel"),
            revisions,
            pods,
            cache,
            setting,
        }
    }

    fn decide(&self) -> Decision {
        let mut decision = Decision::nothing();
        if self.live.deletion_timestamp().is_none() {
            decision.actions = self.next_step();
            let old = self.revisions.to_drop(self.spec, &self.pods);
            decision.actions.extend(old);
        }
        let status = self.status(&mut decision);
        if let Some(status) = changes(self.live.value().get("status"), &status) {
            let write = Action::merge_status(self.live, status);
            decision.actions.push(write);
        }
        decision
    }

    /// What comes next: the Pods that should be there, then those that should
    /// not, then those of an older template.
    fn next_step(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for number in self.start..self.start + self.replicas {
            let (step, waits) = self.keep(number);
            actions.extend(step);
            if self.ordered && (waits || !actions.is_empty()) {
                return actions;
            }
        }
        if !actions.is_empty() {
            return actions;
        }
        actions.extend(self.fix_condemned_claims());
        if actions.is_empty() {
            actions.extend(self.shrink());
        }
        if actions.is_empty() && !self.waits_to_shrink() {
            actions.extend(self.update());
        }
        actions
    }

    fn pod(&self, number: i64) -> Option<&'a LiveObject> {
        let place = self
            .pods
            .binary_search_by_key(&number, |(ordinal, _)| *ordinal);
        place.ok().map(|place| self.pods[place].1)
    }

    /// What one number needs, and whether those after it wait.
    fn keep(&self, number: i64) -> (Vec<Action>, bool) {
        let Some(pod) = self.pod(number) else {
            return (self.make(number), true);
        };
        if matches!(phase(pod.value()), "Failed" | "Succeeded") {
            let going = pod.deletion_timestamp().is_none();
            return (
                going.then(|| self.deletion(pod)).into_iter().collect(),
                true,
            );
        }
        if phase(pod.value()) == "Pending" {
            let missing = self.missing_claims(number);
            if !missing.is_empty() {
                return (missing, true);
            }
        }
        if self.ordered && (pod.deletion_timestamp().is_some() || !self.is_fit(pod)) {
            return (self.fix_claims(number, Some(pod)), true);
        }
        (self.repair(number, pod), false)
    }

    /// The claims first, then the Pod.
    fn make(&self, number: i64) -> Vec<Action> {
        if self.has_stale_claim(number) {
            return Vec::new();
        }
        let missing = self.missing_claims(number);
        if !missing.is_empty() || self.has_ending_claim(number) {
            return missing;
        }
        let mut actions = self.fix_claims(number, None);
        let pod = self.new_pod(number);
        let name = pods::name_of(self.live, number);
        actions.push(self.told("Create", &name, Action::Create(pod)));
        actions
    }

    /// Running, ready, and for long enough.
    fn is_fit(&self, pod: &LiveObject) -> bool {
        phase(pod.value()) == "Running" && is_ready(pod.value()) && self.is_available(pod)
    }

    fn is_available(&self, pod: &LiveObject) -> bool {
        available_at(pod.value(), self.min_ready_s).is_some_and(|at| at <= self.setting.now)
    }

    fn is_condemned(&self, number: i64) -> bool {
        number < self.start || number >= self.start + self.replicas
    }

    /// Pods that should not be there, highest first.
    fn condemned(&self) -> impl Iterator<Item = &(i64, &'a LiveObject)> {
        let pods = self.pods.iter().rev();
        pods.filter(|(number, _)| self.is_condemned(*number))
    }

    fn shrink(&self) -> Vec<Action> {
        if !self.ordered {
            return self
                .condemned()
                .filter(|(_, pod)| pod.deletion_timestamp().is_none())
                .map(|(_, pod)| self.deletion(pod))
                .collect();
        }
        let Some((_, highest)) = self.condemned().next() else {
            return Vec::new();
        };
        let unfit =
            |pod: &LiveObject| !self.is_available(pod) || pod.deletion_timestamp().is_some();
        let kept_unfit = (self.start..self.start + self.replicas)
            .filter_map(|number| self.pod(number))
            .any(unfit);
        // Of the unfit ones the lowest goes first, if it is the turn of any.
        let first_unfit = self
            .condemned()
            .filter(|(_, pod)| unfit(pod))
            .last()
            .filter(|_| !kept_unfit);
        let is_turn = self.is_fit(highest)
            || first_unfit.is_some_and(|(_, first)| first.uid() == highest.uid());
        if highest.deletion_timestamp().is_some() || !is_turn {
            return Vec::new();
        }
        vec![self.deletion(highest)]
    }

    /// In order, nothing is updated while Pods are to go.
    fn waits_to_shrink(&self) -> bool {
        self.ordered && self.condemned().next().is_some()
    }

    /// Deletes the highest Pod of an older template, once all above it are of
    /// the new one and available.
    fn update(&self) -> Option<Action> {
        let strategy = self.spec.get("updateStrategy")?;
        if strategy.str_at(&["type"]) == Some("OnDelete") {
            return None;
        }
        let partition = strategy
            .i64_at(&["rollingUpdate", "partition"])
            .unwrap_or(0);
        for index in (partition..self.replicas).rev() {
            let pod = self.pod(self.start + index)?;
            let ending = pod.deletion_timestamp().is_some();
            if !self.revisions.is_updated(pod) && !ending {
                return Some(self.deletion(pod));
            }
            if ending || !self.is_available(pod) {
                return None;
            }
        }
        None
    }

    fn deletion(&self, pod: &LiveObject) -> Action {
        self.told("Delete", pod.name(), Action::delete(pod))
    }

    /// A write of a Pod, told as an Event.
    fn told(&self, verb: &str, pod: &str, write: Action) -> Action {
        let set = self.live.name();
        let done = format!("{verb} Pod {pod} in StatefulSet {set} successful");
        let failed = format!("{verb} Pod {pod} in StatefulSet {set} failed error: {ERROR}");
        let reason = |outcome| format!("{outcome}{verb}");
        write.told_either(
            Note::normal(COMPONENT, self.live, &reason("Successful"), done),
            Note::warning(COMPONENT, self.live, &reason("Failed"), failed),
        )
    }
}
