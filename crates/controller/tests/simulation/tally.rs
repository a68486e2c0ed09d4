//! What was played, in figures and in words.

use super::ledger::Write;
use super::steps::Step;
use http::Method;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What happened in a schedule, line by line; outlives a panic.
#[derive(Clone, Debug, Default)]
pub struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    pub fn write(&self, line: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }

    pub fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }
}

/// The figures of one or many schedules.
#[derive(Debug, Default)]
pub struct Tally {
    pub schedules: u64,
    steps: BTreeMap<&'static str, u64>,
    faults: BTreeMap<&'static str, u64>,
    kills: u64,
    transitions: u64,
    applies: u64,
    deletions: u64,
    dry_runs: u64,
    virtual_time: Duration,
    /// Seed and what did not hold.
    pub violations: BTreeMap<u64, Vec<String>>,
}

impl Tally {
    pub fn did(&mut self, step: Step) {
        *self.steps.entry(step.name()).or_default() += 1;
    }

    pub fn killed(&mut self) {
        self.kills += 1;
    }

    pub fn injected(&mut self, faults: &BTreeMap<&'static str, u64>) {
        merge(&mut self.faults, faults);
    }

    pub fn wrote(&mut self, writes: &[Write], transitions: u64) {
        let content = writes.iter().filter(|write| write.is_content());
        for write in content {
            match write.method {
                _ if write.is_dry_run => self.dry_runs += 1,
                Method::DELETE => self.deletions += 1,
                _ => self.applies += 1,
            }
        }
        self.transitions += transitions;
    }

    pub fn lasted(&mut self, time: Duration) {
        self.virtual_time += time;
    }

    pub fn add(&mut self, other: Self) {
        self.schedules += other.schedules;
        merge(&mut self.steps, &other.steps);
        merge(&mut self.faults, &other.faults);
        self.kills += other.kills;
        self.transitions += other.transitions;
        self.applies += other.applies;
        self.deletions += other.deletions;
        self.dry_runs += other.dry_runs;
        self.virtual_time += other.virtual_time;
        self.violations.extend(other.violations);
    }
}

fn merge(into: &mut BTreeMap<&'static str, u64>, from: &BTreeMap<&'static str, u64>) {
    for (name, count) in from {
        *into.entry(name).or_default() += count;
    }
}

fn listed(counts: &BTreeMap<&'static str, u64>) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    format!("{} ({})", counts.values().sum::<u64>(), parts.join(", "))
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.virtual_time.as_secs() / 3600;
        let (seeds, count) = (
            self.violations.len(),
            self.violations.values().map(Vec::len).sum::<usize>(),
        );
        write!(
            formatter,
            "schedules  {} ({hours} hours of virtual time)\n\
             steps      {}\n\
             faults     {}\n\
             kills      {}, leases taken {}\n\
             written    {} applied, {} deleted, {} dry-runs\n\
             violations {count} in {seeds} schedules",
            self.schedules,
            listed(&self.steps),
            listed(&self.faults),
            self.kills,
            self.transitions,
            self.applies,
            self.deletions,
            self.dry_runs,
        )
    }
}
