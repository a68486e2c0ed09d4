//! Agreement by area.

use crate::Difference;
use std::collections::BTreeMap;
use std::fmt;

/// What became of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It went as it was recorded.
    Agrees,
    /// It went as it was recorded, although the list of accepted deviations
    /// says that it does not.
    AgreesAgainstTheList,
    /// It differs as it may.
    Accepted {
        /// Why it may.
        reason: String,
        /// What differs.
        differences: Vec<Difference>,
    },
    /// It differs.
    Differs(Vec<Difference>),
    /// It was not played.
    Skipped {
        /// Why not.
        reason: String,
    },
}

/// Verdicts counted by area.
#[derive(Clone, Debug, Default)]
pub struct Agreement {
    areas: BTreeMap<String, Counts>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    agree: usize,
    accepted: usize,
    differ: usize,
    skipped: usize,
}

impl Counts {
    fn ran(self) -> usize {
        self.agree + self.accepted + self.differ
    }

    fn plus(self, other: Self) -> Self {
        Self {
            agree: self.agree + other.agree,
            accepted: self.accepted + other.accepted,
            differ: self.differ + other.differ,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl Agreement {
    /// Counts one verdict.
    pub fn count(&mut self, area: &str, verdict: &Verdict) {
        let counts = self.areas.entry(area.to_owned()).or_default();
        match verdict {
            Verdict::Agrees | Verdict::AgreesAgainstTheList => counts.agree += 1,
            Verdict::Accepted { .. } => counts.accepted += 1,
            Verdict::Differs(_) => counts.differ += 1,
            Verdict::Skipped { .. } => counts.skipped += 1,
        }
    }

    /// How many scenarios ran, and how many did not.
    #[must_use]
    pub fn ran_and_skipped(&self) -> (usize, usize) {
        let total = self.total();
        (total.ran(), total.skipped)
    }

    /// Whether none differs that may not.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.total().differ == 0
    }

    fn total(&self) -> Counts {
        self.areas
            .values()
            .fold(Counts::default(), |sum, counts| sum.plus(*counts))
    }
}

/// A table with a line per area and one for all.
impl fmt::Display for Agreement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = ["area", "agree", "accepted", "differ", "skipped"];
        let [area, agree, accepted, differ, skipped] = title;
        writeln!(
            formatter,
            "{area:<12}{agree:>12}{accepted:>10}{differ:>8}{skipped:>9}"
        )?;
        let all = ("all".to_owned(), self.total());
        let rows = self.areas.iter();
        for (area, counts) in rows.chain([(&all.0, &all.1)]) {
            let agree = format!("{} of {}", counts.agree, counts.ran());
            let Counts {
                accepted,
                differ,
                skipped,
                ..
            } = *counts;
            writeln!(
                formatter,
                "{area:<12}{agree:>12}{accepted:>10}{differ:>8}{skipped:>9}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_counted_by_area() {
        let mut agreement = Agreement::default();
        agreement.count("crud", &Verdict::Agrees);
        agreement.count("crud", &Verdict::Differs(vec![]));
        agreement.count(
            "watch",
            &Verdict::Skipped {
                reason: "r".to_owned(),
            },
        );
        assert_eq!(agreement.ran_and_skipped(), (2, 1));
        assert!(!agreement.is_good());
        let table = agreement.to_string();
        assert!(
            table.contains("crud              1 of 2         0       1        0"),
            "{table}"
        );
        assert_eq!(table.lines().count(), 4);
    }
}
