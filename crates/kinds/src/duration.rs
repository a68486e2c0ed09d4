//! Durations of the API: `1h30m`, `90s`, `500ms`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::time::Duration;
use trueup_gocompat::{GoDuration, format_duration, parse_duration};
use trueup_object::Text;

/// The shortest interval at which anything is done again: the API accepts
/// `0s` and `1ms`, which would keep a whole core busy with one object.
pub const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The longest duration: Go's.
const LONGEST: Duration = Duration::from_nanos(i64::MAX as u64);

/// A text that is no duration of this API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no duration: expected numbers with a unit of ms, s, m or h, such as 1h30m")]
pub struct DurationError {
    /// What was given.
    pub text: Text,
}

/// A duration in the notation that the custom resources accept:
/// `([0-9]+(\.[0-9]+)?(ms|s|m|h))+`.
///
/// It is printed as Go prints durations, so `60s` comes back as `1m0s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiDuration(pub Duration);

impl ApiDuration {
    /// Whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Reads the API's notation; days and signs are refused. What the API
    /// accepts must not fail here, so anything beyond 292 years, the most
    /// that is counted, is that.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        if !follows_notation(text) {
            return Err(DurationError { text: text.into() });
        }
        let counted = parse_duration(text).ok().and_then(GoDuration::to_std);
        Ok(Self(counted.unwrap_or(LONGEST)))
    }
}

/// The API's notation is narrower than Go's: no sign, no smaller units, and
/// digits on both sides of a point.
fn follows_notation(text: &str) -> bool {
    let mut rest = text;
    while let Some(after) = after_part(rest) {
        rest = after;
    }
    rest.is_empty() && !text.is_empty()
}

fn after_part(text: &str) -> Option<&str> {
    let rest = after_digits(text)?;
    let rest = rest.strip_prefix('.').map_or(Some(rest), after_digits)?;
    ["ms", "s", "m", "h"]
        .iter()
        .find_map(|unit| rest.strip_prefix(unit))
}

fn after_digits(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

/// Go's notation: `1h0m0s`, `1m0s`, `1.5s`, `250ms`, `0s`.
impl fmt::Display for ApiDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&format_duration(self.0))
    }
}

impl Serialize for ApiDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ApiDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Text::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_printed_as_go_does() {
        for (text, printed) in [
            ("60s", "1m0s"),
            ("1h", "1h0m0s"),
            ("1h30m", "1h30m0s"),
            ("1.5h", "1h30m0s"),
            ("500ms", "500ms"),
            ("1500ms", "1.5s"),
            ("0s", "0s"),
            ("0.25ms", "250µs"),
            ("59.999999999s", "59.999999999s"),
            ("1m1m", "2m0s"),
        ] {
            assert_eq!(
                ApiDuration::parse(text).unwrap().to_string(),
                printed,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_too_long_to_count_is_as_long_as_can_be_counted() {
        let longest = ApiDuration::parse("2562047h47m16.854775807s").unwrap();
        for text in ["9999999h", "99999999999999h", "2562047h47m17s"] {
            assert_eq!(ApiDuration::parse(text).unwrap(), longest, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "1d", "-1s", "10", "s", "1.s", ".5s", "1s ", "1e3s"] {
            assert!(ApiDuration::parse(text).is_err(), "{text:?}");
        }
    }
}
