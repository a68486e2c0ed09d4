//! What a Job says, and what its Pods have come to.

use super::indexes::Indexes;
use super::policy::{Match, failure_match};
use crate::pods::phase;
use jiff::Timestamp;
use std::collections::BTreeSet;
use trueup_cluster::LiveObject;
use trueup_object::{Text, Value};

/// Keeps a Pod until its Job has counted it.
pub(super) const TRACKING: &str = "batch.kubernetes.io/job-tracking";
/// The completion index of a Pod: an annotation and a label.
pub(super) const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// How often the index of a Pod has failed before.
pub(super) const INDEX_FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// The same, of failures that do not count.
pub(super) const INDEX_IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// A Job, its Pods, and the time.
pub(super) struct Facts<'a> {
    pub live: &'a LiveObject,
    pub pods: Vec<&'a LiveObject>,
    pub now: Timestamp,
}

impl<'a> Facts<'a> {
    /// Pods are ordered by index, then by name.
    pub(super) fn new(live: &'a LiveObject, mut pods: Vec<&'a LiveObject>, now: Timestamp) -> Self {
        pods.sort_by_key(|pod| index_of(pod));
        Self { live, pods, now }
    }

    pub(super) fn job(&self) -> &'a Value {
        self.live.value()
    }

    /// A number of the specification.
    pub(super) fn wanted(&self, key: &str) -> Option<i64> {
        self.job().i64_at(&["spec", key])
    }

    /// A number of the status.
    pub(super) fn counted(&self, key: &str) -> i64 {
        self.job().i64_at(&["status", key]).unwrap_or_default()
    }

    pub(super) fn is_indexed(&self) -> bool {
        self.job().str_at(&["spec", "completionMode"]) == Some("Indexed")
    }

    /// Completions of an Indexed Job, which always has some.
    pub(super) fn completions(&self) -> i64 {
        self.wanted("completions").unwrap_or_default()
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.job().at(&["spec", "suspend"]).and_then(Value::as_bool) == Some(true)
    }

    /// How often an index may fail; `None` where all failures count together.
    pub(super) fn index_limit(&self) -> Option<i64> {
        self.wanted("backoffLimitPerIndex")
            .filter(|_| self.is_indexed())
    }

    /// Whether a Pod that is ending is waited for before it is replaced.
    pub(super) fn replaces_failed_only(&self) -> bool {
        self.job().str_at(&["spec", "podReplacementPolicy"]) == Some("Failed")
            || self.job().at(&["spec", "podFailurePolicy"]).is_some()
    }

    /// Whether a Pod counts as failed; one that is deleted does, unless only
    /// Pods that have ended are replaced.
    pub(super) fn is_failed(&self, pod: &LiveObject) -> bool {
        match phase(pod.value()) {
            "Failed" => true,
            "Succeeded" => false,
            _ => pod.deletion_timestamp().is_some() && !self.replaces_failed_only(),
        }
    }

    /// What the Job's rules say to the failure of a Pod.
    pub(super) fn failure(&self, pod: &LiveObject) -> Match {
        failure_match(self.job().at(&["spec", "podFailurePolicy"]), pod)
    }

    /// The valid index of a Pod of an Indexed Job.
    pub(super) fn valid_index(&self, pod: &LiveObject) -> Option<i64> {
        index_of(pod).filter(|index| *index < self.completions())
    }

    /// Whether a Pod may count: in an Indexed Job it needs an index.
    pub(super) fn may_count(&self, pod: &LiveObject) -> bool {
        !self.is_indexed() || self.valid_index(pod).is_some()
    }

    /// The uids whose Pods are counted but may still be there, under
    /// `succeeded` or `failed`.
    pub(super) fn uncounted(&self, how: &str) -> BTreeSet<Text> {
        let listed = self
            .job()
            .at(&["status", "uncountedTerminatedPods", how])
            .and_then(Value::as_list);
        listed
            .unwrap_or_default()
            .iter()
            .filter_map(|uid| uid.as_str().map(Text::from))
            .collect()
    }

    /// The Pods that have ended in a way and are not counted yet.
    pub(super) fn fresh(&self, how: &str) -> Vec<&'a LiveObject> {
        let known = self.uncounted(how);
        let ended = |pod: &LiveObject| match how {
            "succeeded" => phase(pod.value()) == "Succeeded",
            _ => self.is_failed(pod),
        };
        self.pods
            .iter()
            .copied()
            .filter(|pod| is_tracked(pod) && !known.contains(pod.uid()))
            .filter(|pod| self.may_count(pod) && ended(pod))
            .collect()
    }

    /// Failures so far, those not counted yet included.
    pub(super) fn failures(&self) -> i64 {
        let fresh = self.fresh("failed");
        let counting = fresh.iter().filter(|pod| self.failure(pod).counts).count();
        self.counted("failed") + as_i64(counting) + as_i64(self.uncounted("failed").len())
    }

    /// Successes so far, those not counted yet included.
    pub(super) fn successes(&self) -> i64 {
        if self.is_indexed() {
            return self.succeeded_indexes().total();
        }
        self.counted("succeeded")
            + as_i64(self.fresh("succeeded").len())
            + as_i64(self.uncounted("succeeded").len())
    }

    /// The indexes that the status knows to be completed.
    pub(super) fn known_succeeded_indexes(&self) -> Indexes {
        let text = self.job().str_at(&["status", "completedIndexes"]);
        Indexes::parse(text.unwrap_or_default(), self.completions())
    }

    /// The indexes that are completed now.
    pub(super) fn succeeded_indexes(&self) -> Indexes {
        let mut indexes = self.known_succeeded_indexes();
        let fresh = self
            .pods
            .iter()
            .filter(|pod| phase(pod.value()) == "Succeeded" && is_tracked(pod));
        fresh
            .filter_map(|pod| self.valid_index(pod))
            .for_each(|index| indexes.insert(index));
        indexes
    }

    /// The indexes that have failed too often; `None` where no limit is set
    /// for an index.
    pub(super) fn failed_indexes(&self) -> Option<Indexes> {
        let limit = self.index_limit()?;
        let text = self.job().str_at(&["status", "failedIndexes"]);
        let mut indexes = Indexes::parse(text.unwrap_or_default(), self.completions());
        for pod in self
            .pods
            .iter()
            .filter(|pod| is_tracked(pod) && self.is_failed(pod))
        {
            let failure = self.failure(pod);
            let exhausted = failure.counts && number(pod, INDEX_FAILURES) >= limit;
            if let Some(index) = self.valid_index(pod)
                && (exhausted || failure.fails_index)
            {
                indexes.insert(index);
            }
        }
        Some(indexes)
    }
}

/// The completion index of a Pod.
pub(super) fn index_of(pod: &LiveObject) -> Option<i64> {
    pod.annotation(INDEX)?
        .parse()
        .ok()
        .filter(|index| *index >= 0)
}

/// Whether a Pod is kept until it is counted.
pub(super) fn is_tracked(pod: &LiveObject) -> bool {
    let finalizers = pod
        .value()
        .at(&["metadata", "finalizers"])
        .and_then(Value::as_list);
    finalizers.is_some_and(|names| names.iter().any(|name| name.as_str() == Some(TRACKING)))
}

/// A count in an annotation; 0 where there is none.
pub(super) fn number(pod: &LiveObject, annotation: &str) -> i64 {
    let text = pod.annotation(annotation);
    text.and_then(|text| text.parse::<i32>().ok())
        .filter(|count| *count >= 0)
        .map_or(0, i64::from)
}

/// A count as the API holds it.
pub(super) fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
