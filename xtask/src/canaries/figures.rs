//! What is measured.

use std::collections::BTreeMap;
use trueup_cluster::{CounterSnapshot, Verb};

/// Everything that was measured with one number of Canaries.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Canaries.
    pub count: u64,
    /// In virtual time, the API in the same process.
    pub simulated: Simulated,
    /// In real time, the API in another process.
    pub alone: Alone,
}

/// What was measured in virtual time. Requests are those of Trueup's
/// controllers; processor time is of the API too.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// From nothing to all initialized.
    pub begin: Part,
    /// A time without any change, half of it before and half after a run.
    pub rest: Part,
    /// How many intervals passed in it, of all Canaries together.
    pub rest_ticks: u64,
    /// A time in which all of them are analysed.
    pub analysis: Part,
    /// How many steps they took in it together.
    pub steps: u64,
    /// From the new revisions to all promoted.
    pub run: Part,
}

/// What was needed for something.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Requests to the API.
    pub requests: Requests,
    /// Questions to Prometheus.
    pub questions: u64,
    /// Processor time in seconds.
    pub cpu_s: f64,
    /// How long it took by the clock that it was measured with, in seconds.
    pub took_s: f64,
}

impl Part {
    /// Both together.
    pub fn and(mut self, other: &Self) -> Self {
        for (verb, count) in &other.requests.0 {
            *self.requests.0.entry(*verb).or_default() += count;
        }
        self.questions += other.questions;
        self.cpu_s += other.cpu_s;
        self.took_s += other.took_s;
        self
    }
}

/// Requests by what they do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(pub BTreeMap<Verb, u64>);

impl Requests {
    /// What was counted, whatever it was about.
    pub fn of(counted: &CounterSnapshot) -> Self {
        let mut requests = Self::default();
        for (verb, _, count) in counted.iter() {
            *requests.0.entry(verb).or_default() += count.requests;
        }
        requests
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Those that write.
    pub fn writes(&self) -> u64 {
        let writes = self.0.iter().filter(|(verb, _)| is_write(**verb));
        writes.map(|(_, count)| count).sum()
    }

    /// Watches that were opened.
    pub fn watches(&self) -> u64 {
        self.0.get(&Verb::Watch).copied().unwrap_or(0)
    }

    /// Those that read and are over then.
    pub fn reads(&self) -> u64 {
        self.total() - self.writes() - self.watches()
    }
}

fn is_write(verb: Verb) -> bool {
    match verb {
        Verb::Create | Verb::Update | Verb::Patch | Verb::Apply | Verb::Delete => true,
        Verb::Get | Verb::List | Verb::Watch | Verb::DryRun | Verb::Discover => false,
    }
}

/// What was measured of controllers that are a process of their own.
#[derive(Clone, Debug)]
pub struct Alone {
    /// Resident without any Canary, in MiB.
    pub idle_mib: f64,
    /// Resident with all initialized, in MiB.
    pub rest_mib: f64,
    /// The most that was resident at once until the end, in MiB.
    pub peak_mib: f64,
    /// From a revision's write to the phase Progressing, in milliseconds.
    pub noticed_ms: Vec<f64>,
    /// Processor time of the controllers in a time in which all are analysed,
    /// in seconds.
    pub analysis_cpu_s: f64,
    /// How many steps they took in it together.
    pub steps: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_writes_watches_or_reads() {
        let counted = [
            (Verb::Get, 1),
            (Verb::Watch, 2),
            (Verb::Patch, 4),
            (Verb::Create, 8),
        ];
        let part = Part {
            requests: Requests(counted.into()),
            questions: 3,
            ..Part::default()
        };
        let requests = &part.requests;
        assert_eq!(
            (requests.reads(), requests.watches(), requests.writes()),
            (1, 2, 12)
        );
        let twice = part.clone().and(&part);
        assert_eq!((twice.requests.total(), twice.questions), (30, 6));
    }
}
