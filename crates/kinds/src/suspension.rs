//! Why an object is suspended, by whom, and until when.

use crate::{Metadata, names, parse_time};
use jiff::Timestamp;
use std::time::Duration;
use trueup_object::Text;

/// How much of each of these texts is told.
const MAX_TOLD_CHARACTERS: usize = 500;

/// What the annotations of a suspended object say of its suspension; each
/// part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspension {
    /// Why.
    pub reason: Option<Text>,
    /// Who.
    pub by: Option<Text>,
    /// Until when, as it is written there.
    pub until: Option<Text>,
}

/// When a suspension ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuspensionEnd {
    /// Not at all.
    Never,
    /// After this time.
    After(Duration),
    /// It should have ended.
    Passed,
    /// What is written there is no time.
    Unreadable(Text),
}

impl Suspension {
    /// The keys of the annotations.
    pub const ANNOTATIONS: [&str; 3] = [
        names::SUSPEND_REASON,
        names::SUSPEND_BY,
        names::SUSPEND_UNTIL,
    ];

    /// Reads the annotations. Characters that terminals obey are replaced,
    /// long texts cut.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let text = |key: &str| metadata.annotations.get(key).map(|it| told(it));
        Self {
            reason: text(names::SUSPEND_REASON),
            by: text(names::SUSPEND_BY),
            until: text(names::SUSPEND_UNTIL),
        }
    }

    /// The annotations that say this; `None` for those that must not be there.
    pub fn annotations(&self) -> impl Iterator<Item = (&'static str, Option<&Text>)> {
        let parts = [&self.reason, &self.by, &self.until];
        let parts = parts.map(Option::as_ref);
        Self::ANNOTATIONS.into_iter().zip(parts)
    }

    /// ` by NAME until TIME`, as far as it is said.
    #[must_use]
    pub fn who_and_when(&self) -> String {
        let parts = [("by", &self.by), ("until", &self.until)];
        let said = parts
            .iter()
            .filter_map(|(word, part)| Some(format!(" {word} {}", part.as_ref()?)));
        said.collect()
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// When it ends, seen from `now`.
    #[must_use]
    pub fn end(&self, now: Timestamp) -> SuspensionEnd {
        let Some(text) = &self.until else {
            return SuspensionEnd::Never;
        };
        let Some(until) = parse_time(text) else {
            return SuspensionEnd::Unreadable(text.clone());
        };
        match Duration::try_from(until.duration_since(now)) {
            Ok(left) if !left.is_zero() => SuspensionEnd::After(left),
            _ => SuspensionEnd::Passed,
        }
    }
}

fn told(text: &str) -> Text {
    let mut told: String = text
        .chars()
        .map(|one| if one.is_control() { '\u{fffd}' } else { one })
        .take(MAX_TOLD_CHARACTERS)
        .collect();
    if told.len() < text.len() && text.chars().nth(MAX_TOLD_CHARACTERS).is_some() {
        told.push('…');
    }
    told.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_obeys_no_terminal_and_has_an_end() {
        let mut metadata = Metadata::default();
        let hostile = "\u{1b}]0;x\u{7}".repeat(1000);
        metadata
            .annotations
            .insert(names::SUSPEND_REASON.into(), hostile.into());
        let reason = Suspension::of(&metadata).reason.unwrap();
        assert!(!reason.chars().any(char::is_control));
        assert_eq!(reason.chars().count(), MAX_TOLD_CHARACTERS + 1);
    }

    fn until(text: &str) -> SuspensionEnd {
        let suspension = Suspension {
            until: Some(text.into()),
            ..Suspension::default()
        };
        suspension.end("2026-01-01T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_suspension_ends_at_its_time_in_any_zone() {
        let hour = SuspensionEnd::After(Duration::from_secs(3600));
        assert_eq!(until("2026-01-01T13:00:00Z"), hour);
        assert_eq!(until("2026-01-01T15:00:00+02:00"), hour);
        assert_eq!(until("2026-01-01T12:00:00Z"), SuspensionEnd::Passed);
        assert_eq!(until("1970-01-01T00:00:00Z"), SuspensionEnd::Passed);
        let none = Suspension::default();
        assert_eq!(none.end(Timestamp::UNIX_EPOCH), SuspensionEnd::Never);
    }

    #[test]
    fn what_is_no_time_ends_nothing() {
        for text in ["", "tomorrow", "2026-01-01", "2h", "2026-13-01T00:00:00Z"] {
            assert_eq!(until(text), SuspensionEnd::Unreadable(text.into()));
        }
    }
}
