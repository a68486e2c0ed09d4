//! Counted answers of the web application.

use crate::visitor::Visit;
use std::collections::BTreeMap;

/// How many answers each version gave, and how many requests went wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Answers by version, errors among them.
    pub versions: BTreeMap<String, usize>,
    /// Errors by version.
    pub errors: BTreeMap<String, usize>,
    /// Why requests got no answer of the application.
    pub lost: Vec<String>,
}

impl Tally {
    /// Counts what became of a request.
    pub(crate) fn count(&mut self, outcome: Result<Visit, String>) {
        match outcome {
            Err(why) => self.lost.push(why),
            Ok(visit) if visit.version.is_empty() => {
                self.lost
                    .push(format!("the gateway answered {}", visit.status));
            }
            Ok(visit) => {
                if visit.status >= 400 {
                    *self.errors.entry(visit.version.clone()).or_default() += 1;
                }
                *self.versions.entry(visit.version).or_default() += 1;
            }
        }
    }

    /// Adds another tally.
    pub(crate) fn add(&mut self, other: Self) {
        for (version, count) in other.versions {
            *self.versions.entry(version).or_default() += count;
        }
        for (version, count) in other.errors {
            *self.errors.entry(version).or_default() += count;
        }
        self.lost.extend(other.lost);
    }

    /// All answers.
    pub(crate) fn answers(&self) -> usize {
        self.versions.values().sum()
    }

    /// Answers of one version.
    pub(crate) fn of(&self, version: &str) -> usize {
        self.versions.get(version).copied().unwrap_or(0)
    }

    /// `1.0.0 ×80  1.1.0 ×20 (3 errors)  2 lost`.
    pub(crate) fn words(&self) -> String {
        let versions = self.versions.iter().map(|(version, count)| {
            let errors = match self.errors.get(version) {
                None => String::new(),
                Some(1) => " (1 error)".to_owned(),
                Some(errors) => format!(" ({errors} errors)"),
            };
            format!("{version} ×{count}{errors}")
        });
        let lost = match self.lost.len() {
            0 => None,
            lost => Some(format!("{lost} lost")),
        };
        let words: Vec<String> = versions.chain(lost).collect();
        if words.is_empty() {
            return "no visitors yet".to_owned();
        }
        words.join("  ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(status: u16, version: &str) -> Result<Visit, String> {
        Ok(Visit {
            status,
            version: version.to_owned(),
        })
    }

    #[test]
    fn answers_errors_and_what_is_lost_are_told_apart() {
        let mut tally = Tally::default();
        assert_eq!(tally.words(), "no visitors yet");
        for outcome in [
            visit(200, "1.0.0"),
            visit(200, "1.0.0"),
            visit(500, "1.1.0"),
            visit(503, ""),
            Err("connection refused".to_owned()),
        ] {
            tally.count(outcome);
        }
        assert_eq!(
            (tally.answers(), tally.of("1.0.0"), tally.lost.len()),
            (3, 2, 2)
        );
        assert_eq!(tally.words(), "1.0.0 ×2  1.1.0 ×1 (1 error)  2 lost");
    }
}
