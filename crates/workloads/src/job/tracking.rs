//! Counting Pods that have ended: their uids are written down first, then they
//! are let go, then they are counted, so that none is counted twice or lost.

use super::balance::last_failed;
use super::facts::{Facts, as_i64, is_tracked};
use super::finish::{End, Finish, holding};
use super::release;
use crate::action::Action;
use crate::pods::phase;
use std::collections::BTreeSet;
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value};

/// The most uids that a status holds.
const MAX_UNCOUNTED: usize = 500;

/// What was counted, and who may go.
#[derive(Debug, Default)]
pub(super) struct Tracking {
    /// Pods that are let go: they are written down already.
    pub released: Vec<Action>,
    /// Whether a Pod is still to be written down or let go.
    pub pending: bool,
    succeeded: i64,
    failed: i64,
    uncounted_succeeded: Vec<Text>,
    uncounted_failed: Vec<Text>,
}

/// Counts the Pods of a Job.
/// they have not ended.
pub(super) fn track(facts: &Facts<'_>, finish: Option<&Finish>) -> Tracking {
    let mut tracking = Tracking::of(facts);
    let known = Known {
        succeeded: facts.uncounted("succeeded"),
        failed: facts.uncounted("failed"),
    };
    // The end is written down before any Pod goes for it.
    let held =
        finish.is_some_and(|finish| holding(facts.job(), finish.end.conditions().0).is_none());
    let kept = last_failed(facts);
    for pod in facts.pods.iter().filter(|pod| is_tracked(pod)) {
        let waits = kept.values().any(|kept| kept.uid() == pod.uid());
        let ended = phase(pod.value()) == "Succeeded" || (facts.is_failed(pod) && !waits);
        if finish.is_none() && !ended {
            continue;
        }
        if tracking.uncounted() >= MAX_UNCOUNTED {
            tracking.pending = true;
            break;
        }
        let written = tracking.write_down(facts, pod, finish, &known);
        tracking.pending = true;
        if written && !held {
            tracking.released.extend(release(pod));
        }
    }
    tracking
}

/// What the status has written down.
struct Known {
    succeeded: BTreeSet<Text>,
    failed: BTreeSet<Text>,
}

impl Tracking {
    /// Counts what is written down and has been let go.
    fn of(facts: &Facts<'_>) -> Self {
        let tracked: BTreeSet<&Text> = facts
            .pods
            .iter()
            .filter(|pod| is_tracked(pod))
            .map(|pod| pod.uid())
            .collect();
        let split = |how: &str| -> (i64, Vec<Text>) {
            let (here, gone): (Vec<Text>, Vec<Text>) = facts
                .uncounted(how)
                .into_iter()
                .partition(|uid| tracked.contains(uid));
            (as_i64(gone.len()), here)
        };
        let (succeeded, uncounted_succeeded) = split("succeeded");
        let (failed, uncounted_failed) = split("failed");
        Self {
            succeeded,
            failed,
            uncounted_succeeded,
            uncounted_failed,
            ..Self::default()
        }
    }

    fn uncounted(&self) -> usize {
        self.uncounted_succeeded.len() + self.uncounted_failed.len()
    }

    /// Writes a Pod down; tells whether the status had it, or need not have.
    fn write_down(
        &mut self,
        facts: &Facts<'_>,
        pod: &LiveObject,
        finish: Option<&Finish>,
        known: &Known,
    ) -> bool {
        let uid = pod.uid();
        if phase(pod.value()) == "Succeeded" && !known.failed.contains(uid) {
            if facts.is_indexed() {
                let index = facts.valid_index(pod);
                return index.is_none_or(|index| facts.known_succeeded_indexes().has(index));
            }
            if known.succeeded.contains(uid) {
                return true;
            }
            self.uncounted_succeeded.push(uid.clone());
            return false;
        }
        // Pods that a success has made needless have not failed.
        let failed = match finish.map(|finish| finish.end) {
            Some(End::Failed) => true,
            Some(End::Complete) => phase(pod.value()) == "Failed",
            None => facts.is_failed(pod),
        };
        let counts = failed && facts.may_count(pod) && facts.failure(pod).counts;
        if !counts || known.failed.contains(uid) {
            return true;
        }
        self.uncounted_failed.push(uid.clone());
        false
    }

    /// Whether every Pod is counted.
    pub(super) fn is_settled(&self) -> bool {
        !self.pending && self.uncounted() == 0
    }

    /// Sets the counts in a status.
    pub(super) fn set(&self, facts: &Facts<'_>, status: &mut Value) {
        let mut set = |key: &str, count: i64| match count {
            0 => drop(status.remove_at(&[key])),
            count => status.set_at(&[key], count.into()),
        };
        set("failed", facts.counted("failed") + self.failed);
        if facts.is_indexed() {
            let succeeded = facts.succeeded_indexes();
            set("succeeded", succeeded.total());
            match succeeded.to_string() {
                text if text.is_empty() => drop(status.remove_at(&["completedIndexes"])),
                text => status.set_at(&["completedIndexes"], text.into()),
            }
            if let Some(failed) = facts.failed_indexes() {
                status.set_at(&["failedIndexes"], failed.to_string().into());
            }
        } else {
            set("succeeded", facts.counted("succeeded") + self.succeeded);
        }
        let mut uncounted = Value::map();
        for (key, uids) in [
            ("succeeded", &self.uncounted_succeeded),
            ("failed", &self.uncounted_failed),
        ] {
            if !uids.is_empty() {
                let uids: Value = uids.iter().cloned().map(Value::from).collect();
                uncounted.set_at(&[key], uids);
            }
        }
        status.set_at(&["uncountedTerminatedPods"], uncounted);
    }
}
