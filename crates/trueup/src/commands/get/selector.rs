//! `--status-selector`.

use super::{Failure, said};
use crate::words::condition;
use trueup_object::Value;

/// `ready=false` or `ready!=true`.
#[derive(Debug, PartialEq, Eq)]
pub struct StatusSelector {
    condition: String,
    status: String,
    is_negated: bool,
}

impl StatusSelector {
    /// Reads a selector; fails with how it is written.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let is_negated = text.contains("!=");
        let separator = if is_negated { "!=" } else { "=" };
        let (condition, status) = text.split_once(separator).ok_or_else(|| {
            said(format!(
                "--status-selector takes CONDITION=STATUS such as ready=false, not {text:?}"
            ))
        })?;
        Ok(Self {
            condition: condition.trim().to_owned(),
            status: status.trim().to_owned(),
            is_negated,
        })
    }

    /// Whether an object is selected. A condition that it lacks has no status.
    pub fn matches(&self, object: &Value) -> bool {
        let has = condition(object, &self.condition)
            .and_then(|condition| condition.str_at(&["status"]))
            .is_some_and(|found| found.eq_ignore_ascii_case(&self.status));
        has != self.is_negated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn a_status_selector_finds_conditions_in_any_case() {
        let object = value!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        let matches = |text: &str| StatusSelector::parse(text).unwrap().matches(&object);
        assert!(matches("ready=false"));
        assert!(!matches("ready=true"));
        assert!(matches("ready!=true"));
        assert!(!matches("ready!=false"));
        assert!(matches("stalled!=true"));
        assert!(StatusSelector::parse("ready").is_err());
    }
}
