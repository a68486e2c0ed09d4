//! The status of a Deployment: counts and conditions.

use super::{View, actual, wanted};
use crate::action::Action;
use crate::conditions::{Condition, changes, drop_kind, get, has, renew, renew_anew, time_at};
use jiff::{SignedDuration, Timestamp};
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value, value};

/// How much of the status is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Counts and availability: the Deployment is paused, resized or going.
    Counts,
    /// The progress of the update too.
    Progress,
}

/// `progressDeadlineSeconds` of this means none.
const NO_DEADLINE: i64 = i32::MAX as i64;

const PROGRESSING: &str = "Progressing";
const REPLICA_FAILURE: &str = "ReplicaFailure";

struct Counts {
    replicas: i64,
    updated: i64,
    ready: i64,
    available: i64,
    unavailable: i64,
    terminating: Option<i64>,
}

/// The condition that tells how an update is going.
pub(super) fn progressing<'a>(status: &'a str, reason: &'a str, message: &'a str) -> Condition<'a> {
    Condition {
        kind: PROGRESSING,
        status,
        reason,
        message,
    }
}

impl View<'_> {
    /// `status.conditions`
    pub(super) fn conditions(&self) -> Vec<Value> {
        let conditions = self.live.value().at(&["status", "conditions"]);
        let conditions = conditions.and_then(Value::as_list);
        conditions.map(<[Value]>::to_vec).unwrap_or_default()
    }

    pub(super) fn progress_condition(&self) -> Option<Value> {
        get(&self.conditions(), PROGRESSING).cloned()
    }

    /// Whether an update has a time in which it must move.
    pub(super) fn has_deadline(&self) -> bool {
        self.deadline_s().is_some()
    }

    fn deadline_s(&self) -> Option<i64> {
        let seconds = self.spec.i64_at(&["progressDeadlineSeconds"]);
        seconds.filter(|seconds| *seconds != NO_DEADLINE)
    }

    /// Notes that the Deployment was paused or resumed, so that the time in
    /// between does not count. A deadline that has passed stays so.
    pub(super) fn note_pause(&self) -> Option<Action> {
        let condition = self.progress_condition();
        let is = |reason| {
            condition
                .as_ref()
                .is_some_and(|it| has(it, "reason", reason))
        };
        if !self.has_deadline() || is("ProgressDeadlineExceeded") {
            return None;
        }
        let note = match (self.is_paused(), is("DeploymentPaused")) {
            (true, false) => progressing("Unknown", "DeploymentPaused", "Deployment is paused"),
            (false, true) => progressing("Unknown", "DeploymentResumed", "Deployment is resumed"),
            _ => return None,
        };
        let mut conditions = self.conditions();
        renew(&mut conditions, &note, self.now);
        let mut status = Value::map();
        status.set_at(&["conditions"], conditions.into());
        Some(Action::merge_status(self.live, status))
    }

    /// Whether the status says that all is as it should be.
    pub(super) fn was_complete(&self) -> bool {
        let all = self.bounds.replicas;
        let was = |key| self.live.value().i64_at(&["status", key]).unwrap_or(0);
        was("updatedReplicas") == all
            && was("replicas") == all
            && was("availableReplicas") == all
            && was("observedGeneration") >= self.live.generation()
    }

    /// The changes of the status, and when to look again whether the update
    /// still moves.
    pub(super) fn status(&self, extent: Extent) -> (Option<Value>, Option<Timestamp>) {
        let old = self.live.value().get("status");
        let counts = self.count();
        let mut conditions = self.conditions();
        self.judge_availability(&counts, &mut conditions);
        if extent == Extent::Progress {
            self.judge_progress(&counts, &mut conditions);
            self.judge_failure(&mut conditions);
        }
        let mut status = value!({
            "observedGeneration": (self.live.generation()),
            "replicas": (counts.replicas),
            "updatedReplicas": (counts.updated),
            "readyReplicas": (counts.ready),
            "availableReplicas": (counts.available),
            "unavailableReplicas": (counts.unavailable),
        });
        let terminating = counts.terminating.map_or(Value::Null, Value::from);
        status.set_at(&["terminatingReplicas"], terminating);
        status.set_at(&["conditions"], conditions.into());
        let wake_at = (extent == Extent::Progress)
            .then(|| self.next_check(&counts))
            .flatten();
        (changes(old, &status), wake_at)
    }

    fn count(&self) -> Counts {
        let sets: Vec<&LiveObject> = self.new.iter().chain(&self.old).copied().collect();
        let sum = |key| {
            let part = |set: &&LiveObject| set.value().i64_at(&["status", key]).unwrap_or(0);
            sets.iter().map(part).sum::<i64>()
        };
        let available = sum("availableReplicas");
        let total: i64 = sets.iter().map(|set| wanted(set)).sum();
        Counts {
            replicas: sum("replicas"),
            updated: self.new.map_or(0, actual),
            ready: sum("readyReplicas"),
            available,
            unavailable: (total - available).max(0),
            terminating: terminating(&sets),
        }
    }

    fn judge_availability(&self, counts: &Counts, conditions: &mut Vec<Value>) {
        let enough = counts.available >= self.bounds.min_available();
        let (status, reason, message) = if enough {
            (
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        let condition = Condition {
            kind: "Available",
            status,
            reason,
            message,
        };
        renew(conditions, &condition, self.now);
    }

    fn judge_progress(&self, counts: &Counts, conditions: &mut Vec<Value>) {
        let Some(deadline_s) = self.deadline_s() else {
            drop_kind(conditions, PROGRESSING);
            return;
        };
        let present = get(conditions, PROGRESSING).cloned();
        let is = |reason| present.as_ref().is_some_and(|it| has(it, "reason", reason));
        // A finished update stays finished when its Pods come and go.
        if counts.replicas == counts.updated && is("NewReplicaSetAvailable") {
            return;
        }
        let subject = self.subject();
        if self.is_complete(counts) {
            let message = format!("{subject} has successfully progressed.");
            let done = progressing("True", "NewReplicaSetAvailable", &message);
            renew(conditions, &done, self.now);
        } else if self.has_moved(counts) {
            let message = format!("{subject} is progressing.");
            let moved = progressing("True", "ReplicaSetUpdated", &message);
            renew_anew(conditions, &moved, self.now);
        } else if present
            .as_ref()
            .is_some_and(|it| self.is_over(it, deadline_s))
        {
            let message = format!("{subject} has timed out progressing.");
            let late = progressing("False", "ProgressDeadlineExceeded", &message);
            renew(conditions, &late, self.now);
        }
    }

    fn subject(&self) -> Text {
        match self.new {
            Some(new) => format!("ReplicaSet \"{}\"", new.name()).into(),
            None => format!("Deployment \"{}\"", self.live.name()).into(),
        }
    }

    /// Whether the deadline has passed since anything last moved.
    fn is_over(&self, present: &Value, deadline_s: i64) -> bool {
        if has(present, "reason", "NewReplicaSetAvailable") {
            return false;
        }
        has(present, "reason", "ProgressDeadlineExceeded")
            || ends_at(present, deadline_s).is_some_and(|ends| ends < self.now)
    }

    fn is_complete(&self, counts: &Counts) -> bool {
        let all = self.bounds.replicas;
        counts.updated == all && counts.replicas == all && counts.available == all
    }

    /// Whether more is updated, ready or available, or less is old, than the
    /// status says.
    fn has_moved(&self, counts: &Counts) -> bool {
        let was = |key| self.live.value().i64_at(&["status", key]).unwrap_or(0);
        counts.updated > was("updatedReplicas")
            || counts.replicas - counts.updated < was("replicas") - was("updatedReplicas")
            || counts.ready > was("readyReplicas")
            || counts.available > was("availableReplicas")
    }

    /// Shows the first failure of a ReplicaSet, the new one's before others'.
    fn judge_failure(&self, conditions: &mut Vec<Value>) {
        let sets = self.new.iter().chain(&self.old);
        let failure = sets.into_iter().find_map(|set| {
            let conditions = set.value().at(&["status", "conditions"])?.as_list()?;
            get(conditions, REPLICA_FAILURE)
        });
        let Some(failure) = failure else {
            drop_kind(conditions, REPLICA_FAILURE);
            return;
        };
        let same = get(conditions, REPLICA_FAILURE).is_some_and(|known| {
            known.get("status") == failure.get("status")
                && known.get("reason") == failure.get("reason")
        });
        if !same {
            let mut failure = failure.clone();
            if let Some(time) = failure.get("lastTransitionTime").cloned() {
                failure.set_at(&["lastUpdateTime"], time);
            }
            drop_kind(conditions, REPLICA_FAILURE);
            conditions.push(failure);
        }
    }

    /// When the deadline passes if nothing moves; a second later, so that it
    /// has passed for certain.
    fn next_check(&self, counts: &Counts) -> Option<Timestamp> {
        let deadline_s = self.deadline_s()?;
        let present = self.progress_condition()?;
        if self.is_complete(counts) || has(&present, "reason", "ProgressDeadlineExceeded") {
            return None;
        }
        let ends = ends_at(&present, deadline_s + 1)?;
        (ends > self.now).then_some(ends)
    }
}

fn ends_at(condition: &Value, seconds: i64) -> Option<Timestamp> {
    let since = time_at(condition, &["lastUpdateTime"])?;
    since.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// Pods that are going; `None` while a ReplicaSet has been looked at but does
/// not tell.
fn terminating(sets: &[&LiveObject]) -> Option<i64> {
    let of = |set: &LiveObject| {
        let status = |key| set.value().i64_at(&["status", key]);
        match (status("terminatingReplicas"), status("observedGeneration")) {
            (None, None | Some(0)) => Some(0),
            (count, _) => count,
        }
    };
    sets.iter().map(|set| of(set)).sum()
}
