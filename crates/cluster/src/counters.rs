//! What was asked of a cluster, counted.

use crate::Verb;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use trueup_object::Text;

/// One finished request, as an [`Observer`] sees it. A watch is finished when
/// it is open.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// What it did.
    pub verb: Verb,
    /// `deployments.apps`, `pods`, `kustomizations.kustomize.toolkit.fluxcd.io/status`.
    pub resource: Text,
    /// The HTTP status; 0 when no answer came.
    pub code: u16,
    /// From sending to the whole answer.
    pub took: Duration,
}

/// Is told of every request; must be quick.
pub trait Observer: Send + Sync + 'static {
    /// One request is finished.
    fn finished(&self, record: &RequestRecord);
}

/// Requests of one verb on one resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCount {
    /// All of them, failed ones too.
    pub requests: u64,
    /// Those that failed: no answer, or a status from 400.
    pub failures: u64,
}

/// Requests since a cluster's client was made, by verb and resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CounterSnapshot {
    counts: BTreeMap<(Verb, Text), RequestCount>,
}

impl CounterSnapshot {
    /// The counts in order of verb and resource.
    pub fn iter(&self) -> impl Iterator<Item = (Verb, &Text, RequestCount)> {
        self.counts
            .iter()
            .map(|((verb, resource), count)| (*verb, resource, *count))
    }

    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().map(|count| count.requests).sum()
    }

    /// All requests of one verb.
    #[must_use]
    pub fn of_verb(&self, verb: Verb) -> u64 {
        self.iter()
            .filter(|(of, _, _)| *of == verb)
            .map(|(_, _, count)| count.requests)
            .sum()
    }

    /// All requests of one verb on one resource, such as `deployments.apps`
    /// or `kustomizations.kustomize.toolkit.fluxcd.io/status`.
    #[must_use]
    pub fn of(&self, verb: Verb, resource: &str) -> u64 {
        self.counts
            .get(&(verb, resource.into()))
            .map_or(0, |count| count.requests)
    }

    /// What came since an earlier snapshot of the same cluster.
    #[must_use]
    pub fn since(&self, earlier: &CounterSnapshot) -> CounterSnapshot {
        let before = |key| earlier.counts.get(key).copied().unwrap_or_default();
        let counts = self
            .counts
            .iter()
            .map(|(key, now)| {
                let was = before(key);
                let count = RequestCount {
                    requests: now.requests.saturating_sub(was.requests),
                    failures: now.failures.saturating_sub(was.failures),
                };
                (key.clone(), count)
            })
            .filter(|(_, count)| count.requests > 0)
            .collect();
        CounterSnapshot { counts }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    counts: Mutex<CounterSnapshot>,
}

impl Counters {
    pub fn count(&self, record: &RequestRecord) {
        let mut guard = self.lock();
        let count = guard
            .counts
            .entry((record.verb, record.resource.clone()))
            .or_default();
        count.requests += 1;
        count.failures += u64::from(record.code == 0 || record.code >= 400);
    }

    pub fn snapshot(&self) -> CounterSnapshot {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, CounterSnapshot> {
        // A panic elsewhere can't leave the counts in a bad state.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
