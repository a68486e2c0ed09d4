//! Scenarios in which the embedded server is known to differ.

use crate::{Difference, Verdict};
use regex::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use trueup_object::{decode, from_yaml};

/// The accepted deviations by the name of the scenario.
#[derive(Clone, Debug, Default)]
pub struct Deviations(BTreeMap<String, Deviation>);

/// One accepted deviation.
#[derive(Clone, Debug)]
pub struct Deviation {
    /// Why it is accepted.
    pub reason: String,
    /// Where it may show; anywhere if empty.
    pub places: Vec<Regex>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    reason: String,
    #[serde(default)]
    places: Vec<String>,
}

/// Why the file of deviations could not be read.
#[derive(Debug, thiserror::Error)]
#[error("accepted deviations {path}: {what}", path = path.display())]
pub struct DeviationsError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl Deviations {
    /// The ones of the embedded server.
    pub fn embedded() -> Result<Self, DeviationsError> {
        Self::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("deviations.yaml"))
    }

    /// Reads a file: scenario → `reason`, and `places` as regular expressions.
    pub fn read(path: &Path) -> Result<Self, DeviationsError> {
        let failed = |what: String| DeviationsError {
            path: path.to_owned(),
            what,
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        Self::parse(&text).map_err(failed)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document = from_yaml(text).map_err(|error| error.to_string())?;
        if document.is_null() {
            return Ok(Self::default());
        }
        let entries: BTreeMap<String, Entry> =
            decode(&document).map_err(|error| error.to_string())?;
        let mut deviations = BTreeMap::new();
        for (name, entry) in entries {
            let places: Result<Vec<Regex>, _> =
                entry.places.iter().map(|place| Regex::new(place)).collect();
            let places = places.map_err(|error| format!("{name}: {error}"))?;
            let reason = entry.reason;
            deviations.insert(name, Deviation { reason, places });
        }
        Ok(Self(deviations))
    }

    /// The names in the file that none of these scenarios has.
    #[must_use]
    pub fn unknown(&self, names: &[&str]) -> Vec<&str> {
        let all = self.0.keys().map(String::as_str);
        all.filter(|name| !names.contains(name)).collect()
    }

    /// What is to be thought of a scenario that was played with these
    /// differences.
    #[must_use]
    pub fn judge(&self, name: &str, differences: Vec<Difference>) -> Verdict {
        let Some(deviation) = self.0.get(name) else {
            return match differences.is_empty() {
                true => Verdict::Agrees,
                false => Verdict::Differs(differences),
            };
        };
        if differences.is_empty() {
            return Verdict::AgreesAgainstTheList;
        }
        let accepted = |difference: &Difference| {
            let place = &difference.place;
            deviation.places.is_empty() || deviation.places.iter().any(|it| it.is_match(place))
        };
        let (known, others): (Vec<_>, Vec<_>) = differences.into_iter().partition(accepted);
        if others.is_empty() {
            let reason = deviation.reason.clone();
            Verdict::Accepted {
                reason,
                differences: known,
            }
        } else {
            Verdict::Differs(others)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deviation_is_accepted_where_it_may_be_and_must_be_there() {
        let deviations =
            Deviations::parse("a: {reason: r}\nb: {reason: r, places: ['^step 1\\.x$']}").unwrap();
        let at = |place: &str| vec![Difference::new(place, "")];
        let judged = |name, differences| deviations.judge(name, differences);
        assert!(matches!(
            judged("a", at("step 9")),
            Verdict::Accepted { .. }
        ));
        assert!(matches!(judged("a", vec![]), Verdict::AgreesAgainstTheList));
        assert!(matches!(
            judged("b", at("step 1.x")),
            Verdict::Accepted { .. }
        ));
        assert!(matches!(judged("b", at("step 1.xy")), Verdict::Differs(_)));
        assert!(matches!(judged("c", vec![]), Verdict::Agrees));
        assert!(matches!(judged("c", at("step 0")), Verdict::Differs(_)));
        assert_eq!(deviations.unknown(&["a", "c"]), ["b"]);
    }

    #[test]
    fn an_entry_without_a_reason_is_refused() {
        assert!(Deviations::parse("a: {}").is_err());
        assert!(Deviations::parse("a: {reason: r, places: ['(']}").is_err());
    }
}
