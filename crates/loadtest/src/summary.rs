//! What became of a load.

use crate::latency::Latencies;
use std::collections::BTreeMap;
use std::fmt;

/// How many different errors, and values of a counted header, are told apart;
/// further ones are counted together as [`OTHERS`].
pub const MAX_TOLD_APART: usize = 32;
/// Under what further ones are counted.
pub const OTHERS: &str = "others";

/// What became of a load: answers by status, errors, and times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many answers had which status.
    pub statuses: BTreeMap<u16, u64>,
    /// How many requests had no whole answer, by cause; without addresses.
    pub errors: BTreeMap<String, u64>,
    /// How many answers had which value of the header that is counted; empty
    /// stands for none.
    pub tally: BTreeMap<String, u64>,
    /// How long the answers took, to their last byte.
    pub latencies: Latencies,
    /// Bytes of all bodies, as they were sent.
    pub body_bytes: u64,
    /// How long it all took, in milliseconds.
    pub elapsed_ms: u64,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The value of the header that is counted, where one is.
    pub tallied: Option<String>,
    /// Bytes of its body.
    pub body_bytes: u64,
    /// How long it took, in microseconds.
    pub micros: u64,
}

impl Summary {
    /// Counts an answer.
    pub fn answered(&mut self, answer: Answer) {
        *self.statuses.entry(answer.status).or_default() += 1;
        if let Some(value) = answer.tallied {
            add(&mut self.tally, &value, 1);
        }
        self.body_bytes = self.body_bytes.saturating_add(answer.body_bytes);
        self.latencies.record(answer.micros);
    }

    /// Counts a request without an answer.
    pub fn failed(&mut self, cause: &str) {
        add(&mut self.errors, cause, 1);
    }

    /// Adds what another worker counted at the same time.
    pub fn merge(&mut self, other: &Self) {
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (cause, count) in &other.errors {
            add(&mut self.errors, cause, *count);
        }
        for (value, count) in &other.tally {
            add(&mut self.tally, value, *count);
        }
        self.latencies.merge(&other.latencies);
        self.body_bytes = self.body_bytes.saturating_add(other.body_bytes);
        self.elapsed_ms = self.elapsed_ms.max(other.elapsed_ms);
    }

    /// How many requests were sent.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.answers() + self.failures()
    }

    /// How many were answered, with whatever status.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// How many had no whole answer.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.errors.values().sum()
    }

    /// How many were answered with a status from 200 to 299.
    #[must_use]
    pub fn successes(&self) -> u64 {
        self.statuses.range(200..300).map(|(_, count)| count).sum()
    }
}

fn add(counts: &mut BTreeMap<String, u64>, key: &str, count: u64) {
    let known = counts.contains_key(key) || counts.len() < MAX_TOLD_APART;
    let key = if known { key } else { OTHERS };
    *counts.entry(key.to_owned()).or_default() += count;
}

/// The report for people, one line each.
impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Hundredths(self.elapsed_ms.saturating_mul(100) / 1000);
        let a_second = self.requests().saturating_mul(100_000) / self.elapsed_ms.max(1);
        writeln!(
            formatter,
            "requests: {} in {seconds} s, {} a second, {} without an answer",
            self.requests(),
            Hundredths(a_second),
            self.failures(),
        )?;
        for (status, count) in &self.statuses {
            writeln!(formatter, "status {status}: {count}")?;
        }
        for (cause, count) in &self.errors {
            writeln!(formatter, "error {cause}: {count}")?;
        }
        for (value, count) in &self.tally {
            writeln!(formatter, "answered by {value:?}: {count}")?;
        }
        let times = &self.latencies;
        writeln!(
            formatter,
            "milliseconds: least {}, mean {}, p50 {}, p90 {}, p95 {}, p99 {}, most {}",
            millis(times.least_us()),
            millis(times.mean_us()),
            millis(times.per_mille_us(500)),
            millis(times.per_mille_us(900)),
            millis(times.per_mille_us(950)),
            millis(times.per_mille_us(990)),
            millis(times.most_us()),
        )?;
        writeln!(formatter, "bytes: {}", self.body_bytes)
    }
}

/// A number in hundredths, with two digits behind the point.
struct Hundredths(u64);

impl fmt::Display for Hundredths {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

fn millis(micros: u64) -> Hundredths {
    Hundredths(micros / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, micros: u64) -> Answer {
        Answer {
            status,
            tallied: Some("v2".to_owned()),
            body_bytes: 10,
            micros,
        }
    }

    #[test]
    fn workers_add_up_to_one_report() {
        let (mut one, mut two) = (Summary::default(), Summary::default());
        one.answered(answer(200, 1_000));
        one.answered(answer(204, 3_000));
        two.answered(answer(503, 2_000));
        two.failed("connection refused");
        (one.elapsed_ms, two.elapsed_ms) = (1_000, 2_000);
        one.merge(&two);
        let counts = (one.requests(), one.answers(), one.failures());
        assert_eq!((counts, one.successes()), ((4, 3, 1), 2));
        let expected = "\
requests: 4 in 2.00 s, 2.00 a second, 1 without an answer
status 200: 1
status 204: 1
status 503: 1
error connection refused: 1
answered by \"v2\": 3
milliseconds: least 1.00, mean 2.00, p50 2.01, p90 3.00, p95 3.00, p99 3.00, most 3.00
bytes: 30
";
        assert_eq!(one.to_string(), expected);
    }

    #[test]
    fn errors_without_end_take_no_memory_without_end() {
        let mut summary = Summary::default();
        (0..1_000).for_each(|number| summary.failed(&format!("error {number}")));
        assert_eq!(summary.errors.len(), MAX_TOLD_APART + 1);
        assert_eq!(summary.failures(), 1_000);
        assert_eq!(summary.errors[OTHERS], 968);
    }
}
