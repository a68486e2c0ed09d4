//! Sets of completion indexes, written as `0,2-5`.

use std::collections::BTreeSet;
use std::fmt;

/// Completion indexes in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Indexes(BTreeSet<i64>);

impl Indexes {
    /// Reads the text form; indexes from `completions` on, and what is no
    /// index, are left out.
    pub(super) fn parse(text: &str, completions: i64) -> Self {
        let ranges = text.split(',').filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.parse().ok()?..=last.parse::<i64>().ok()?.min(completions - 1))
        });
        Self(
            ranges
                .flatten()
                .filter(|index| *index < completions)
                .collect(),
        )
    }

    pub(super) fn insert(&mut self, index: i64) {
        self.0.insert(index);
    }

    pub(super) fn has(&self, index: i64) -> bool {
        self.0.contains(&index)
    }

    pub(super) fn total(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }

    /// How many are in both.
    pub(super) fn shared(&self, other: &Self) -> i64 {
        i64::try_from(self.0.intersection(&other.0).count()).unwrap_or(i64::MAX)
    }
}

impl FromIterator<i64> for Indexes {
    fn from_iter<I: IntoIterator<Item = i64>>(indexes: I) -> Self {
        Self(indexes.into_iter().collect())
    }
}

/// Three or more in a row are written as a range.
impl fmt::Display for Indexes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runs: Vec<(i64, i64)> = Vec::new();
        for index in &self.0 {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == *index => *last = *index,
                _ => runs.push((*index, *index)),
            }
        }
        for (number, (first, last)) in runs.into_iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            match last - first {
                0 => write!(formatter, "{comma}{first}")?,
                1 => write!(formatter, "{comma}{first},{last}")?,
                _ => write!(formatter, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}
