//! Durations of the API: `1h30m`, `90s`, `500ms`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::time::Duration;
use trueup_object::Text;

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

    /// Reads the API's notation; days, signs, and anything beyond 292 years
    /// are refused.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let refused = || DurationError { text: text.into() };
        if text.is_empty() {
            return Err(refused());
        }
        let (mut rest, mut nanos) = (text, 0_u128);
        while !rest.is_empty() {
            let (more, tail) = read_part(rest).ok_or_else(refused)?;
            nanos = nanos
                .checked_add(more)
                .filter(|sum| *sum <= MAX_NANOS)
                .ok_or_else(refused)?;
            rest = tail;
        }
        Ok(Self(duration_of(nanos)))
    }
}

/// What Go's 64-bit durations can hold.
const MAX_NANOS: u128 = i64::MAX as u128;
/// Digits of a fraction beyond this change nothing that the API can tell.
const MAX_FRACTION_DIGITS: usize = 9;

/// Reads `12.5ms` off the front: nanoseconds and what follows.
fn read_part(text: &str) -> Option<(u128, &str)> {
    let (whole, rest) = digits(text)?;
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => digits(after)?,
        None => ("", rest),
    };
    let (unit, rest) = read_unit(rest)?;
    let fraction = &fraction[..fraction.len().min(MAX_FRACTION_DIGITS)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let below = if fraction.is_empty() {
        0
    } else {
        fraction.parse::<u128>().ok()? * unit / scale
    };
    Some((
        whole
            .parse::<u128>()
            .ok()?
            .checked_mul(unit)?
            .checked_add(below)?,
        rest,
    ))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn read_unit(text: &str) -> Option<(u128, &str)> {
    const UNITS: [(&str, u128); 4] = [
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    UNITS
        .iter()
        .find_map(|(name, nanos)| Some((*nanos, text.strip_prefix(name)?)))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the caller keeps to MAX_NANOS, which fits 64 bits"
)]
fn duration_of(nanos: u128) -> Duration {
    Duration::from_nanos(nanos as u64)
}

/// Go's notation: `1h0m0s`, `1m0s`, `1.5s`, `250ms`, `0s`.
impl fmt::Display for ApiDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.as_secs(), self.0.subsec_nanos());
        if seconds == 0 && nanos > 0 {
            return match nanos {
                1_000_000.. => write!(formatter, "{}ms", decimal(u64::from(nanos), 1_000_000)),
                1_000.. => write!(formatter, "{}µs", decimal(u64::from(nanos), 1_000)),
                _ => write!(formatter, "{nanos}ns"),
            };
        }
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if hours > 0 {
            write!(formatter, "{hours}h")?;
        }
        if hours > 0 || minutes > 0 {
            write!(formatter, "{minutes}m")?;
        }
        write!(
            formatter,
            "{}s",
            decimal(
                seconds % 60 * 1_000_000_000 + u64::from(nanos),
                1_000_000_000
            )
        )
    }
}

/// `value / unit` with as many decimals as it takes, `unit` a power of ten.
fn decimal(value: u64, unit: u64) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let padded = format!("{:0width$}", rest, width = unit.ilog10() as usize);
    format!("{whole}.{}", padded.trim_end_matches('0'))
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
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "1d",
            "-1s",
            "10",
            "s",
            "1.s",
            ".5s",
            "1s ",
            "99999999999999h",
            "1e3s",
        ] {
            assert!(ApiDuration::parse(text).is_err(), "{text:?}");
        }
    }
}
