//! The last reconciliations of an object, for people and dashboards.

use crate::ApiDuration;
use crate::time;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use trueup_object::Text;

/// How many entries are kept.
pub const MAX_HISTORY_ENTRIES: usize = 5;

/// Reconciliations that ended alike: same digest, same status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Digest of what was applied.
    pub digest: Text,
    /// When it first ended so.
    #[serde(with = "time::api")]
    pub first_reconciled: Timestamp,
    /// When it last ended so.
    #[serde(with = "time::api")]
    pub last_reconciled: Timestamp,
    /// How long the last one took, as Go prints durations.
    pub last_reconciled_duration: Text,
    /// How it ended: a reason.
    pub last_reconciled_status: Text,
    /// How often.
    pub total_reconciliations: i64,
    /// Revisions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<Text, Text>,
}

/// One reconciliation that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconciliation {
    /// Digest of what was applied.
    pub digest: Text,
    /// How it ended: a reason.
    pub status: Text,
    /// When it ended.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Revisions: `revision`, `originRevision`.
    pub metadata: BTreeMap<Text, Text>,
}

/// The last reconciliations, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct History {
    entries: Vec<HistoryEntry>,
}

impl History {
    /// The entries, newest first.
    #[must_use]
    pub fn entries(&self) -> &[HistoryEntry] {
        &self.entries
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a reconciliation: one that ended like the newest entry counts
    /// there, any other begins a new entry; the oldest go beyond
    /// [`MAX_HISTORY_ENTRIES`].
    pub fn add(&mut self, reconciliation: &Reconciliation) {
        let same = |entry: &HistoryEntry| {
            entry.digest == reconciliation.digest
                && entry.last_reconciled_status == reconciliation.status
        };
        let earlier = self
            .entries
            .iter()
            .position(same)
            .map(|index| self.entries.remove(index));
        let (first, total) = earlier.map_or((reconciliation.at, 0), |it| {
            (it.first_reconciled, it.total_reconciliations)
        });
        self.entries.insert(
            0,
            HistoryEntry {
                digest: reconciliation.digest.clone(),
                first_reconciled: time::whole_seconds(first),
                last_reconciled: time::whole_seconds(reconciliation.at),
                last_reconciled_duration: ApiDuration(reconciliation.took).to_string().into(),
                last_reconciled_status: reconciliation.status.clone(),
                total_reconciliations: total + 1,
                metadata: reconciliation.metadata.clone(),
            },
        );
        self.entries.truncate(MAX_HISTORY_ENTRIES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(digest: &str, status: &str, second: i64) -> Reconciliation {
        Reconciliation {
            digest: digest.into(),
            status: status.into(),
            at: Timestamp::from_second(second).unwrap(),
            took: Duration::from_millis(1500),
            metadata: BTreeMap::new(),
        }
    }

    #[test]
    fn equal_ends_are_counted_and_come_to_the_front() {
        let mut history = History::default();
        history.add(&ended("sha256:a", "ReconciliationSucceeded", 1));
        history.add(&ended("sha256:b", "BuildFailed", 2));
        history.add(&ended("sha256:a", "ReconciliationSucceeded", 3));
        let [newest, oldest] = history.entries() else {
            panic!("{history:?}")
        };
        assert_eq!(
            (newest.digest.as_str(), newest.total_reconciliations),
            ("sha256:a", 2)
        );
        assert_eq!(
            (
                newest.first_reconciled.as_second(),
                newest.last_reconciled.as_second()
            ),
            (1, 3)
        );
        assert_eq!(newest.last_reconciled_duration, "1.5s");
        assert_eq!(oldest.digest, "sha256:b");
    }

    #[test]
    fn the_same_digest_with_another_status_is_another_entry_and_five_stay() {
        let mut history = History::default();
        for number in 0..4 {
            history.add(&ended("sha256:a", &format!("Reason{number}"), number));
        }
        for number in 4..9 {
            history.add(&ended(&format!("sha256:{number}"), "Reason", number));
        }
        assert_eq!(history.entries().len(), MAX_HISTORY_ENTRIES);
        assert_eq!(history.entries()[0].digest, "sha256:8");
        assert_eq!(history.entries()[4].digest, "sha256:4");
    }
}
