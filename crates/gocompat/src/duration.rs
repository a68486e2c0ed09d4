//! Durations as Go's `time` package reads and writes them.

use std::fmt;
use std::str::FromStr;

const NANOSECOND: u64 = 1;
const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The largest magnitude that a signed duration holds, that of the smallest
/// negative one.
const MAX_MAGNITUDE: u64 = 1 << 63;

/// A span of time in whole nanoseconds, negative ones too, as Go's
/// `time.Duration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GoDuration {
    /// The span; at most about 292 years either way.
    pub nanoseconds: i64,
}

/// Why a text is no duration, in the words of Go's `time.ParseDuration`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// No number, no sign of one, or too large a value.
    #[error("time: invalid duration {0:?}")]
    Invalid(String),
    /// A number without a unit after it.
    #[error("time: missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit other than `ns`, `us`, `µs`, `ms`, `s`, `m`, `h`.
    #[error("time: unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// What stood where a unit does.
        unit: String,
        /// The whole text.
        text: String,
    },
}

impl GoDuration {
    /// Zero.
    pub const ZERO: Self = Self { nanoseconds: 0 };

    /// A span of whole seconds; saturates at the largest that fits.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self {
            nanoseconds: seconds.saturating_mul(1_000_000_000),
        }
    }

    /// A span of whole milliseconds; saturates at the largest that fits.
    #[must_use]
    pub fn from_milliseconds(milliseconds: i64) -> Self {
        Self {
            nanoseconds: milliseconds.saturating_mul(1_000_000),
        }
    }

    /// The span in whole milliseconds, rounded towards zero.
    #[must_use]
    pub fn milliseconds(self) -> i64 {
        self.nanoseconds / 1_000_000
    }

    /// The span as the standard library's type; `None` if it is negative.
    #[must_use]
    pub fn to_std(self) -> Option<std::time::Duration> {
        u64::try_from(self.nanoseconds)
            .ok()
            .map(std::time::Duration::from_nanos)
    }
}

/// The longest that fits where the span is longer.
impl From<std::time::Duration> for GoDuration {
    fn from(span: std::time::Duration) -> Self {
        Self {
            nanoseconds: i64::try_from(span.as_nanos()).unwrap_or(i64::MAX),
        }
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        parse_duration(text)
    }
}

/// Reads a duration such as `1h30m`, `-1.5s`, `300ms` or `0`: numbers with
/// units, optionally with one sign in front, as Go's `time.ParseDuration`.
pub fn parse_duration(text: &str) -> Result<GoDuration, DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if unsigned == "0" {
        return Ok(GoDuration::ZERO);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let mut rest = unsigned;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (part, after) = parse_part(rest, text)?;
        total = total
            .checked_add(part)
            .filter(|sum| *sum <= MAX_MAGNITUDE)
            .ok_or_else(invalid)?;
        rest = after;
    }
    signed(total, negative).ok_or_else(invalid)
}

fn signed(magnitude: u64, negative: bool) -> Option<GoDuration> {
    if negative {
        return Some(GoDuration {
            nanoseconds: 0_i64.checked_sub_unsigned(magnitude)?,
        });
    }
    Some(GoDuration {
        nanoseconds: i64::try_from(magnitude).ok()?,
    })
}

/// One number with its unit at the start of `rest`, in nanoseconds, and what
/// follows it.
fn parse_part<'a>(rest: &'a str, text: &str) -> Result<(u64, &'a str), DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (whole_digits, after) = split_digits(rest);
    let (fraction_digits, after) = match after.strip_prefix('.') {
        Some(after) => split_digits(after),
        None => ("", after),
    };
    if whole_digits.is_empty() && fraction_digits.is_empty() {
        return Err(invalid());
    }
    let unit_end = after
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(after.len());
    let (unit_text, after) = after.split_at(unit_end);
    if unit_text.is_empty() {
        return Err(DurationError::MissingUnit(text.to_owned()));
    }
    let unit = unit_nanoseconds(unit_text).ok_or_else(|| DurationError::UnknownUnit {
        unit: unit_text.into(),
        text: text.into(),
    })?;
    let whole = if whole_digits.is_empty() {
        0
    } else {
        whole_digits.parse().map_err(|_| invalid())?
    };
    let part = u64::checked_mul(whole, unit)
        .filter(|v| *v <= MAX_MAGNITUDE)
        .ok_or_else(invalid)?;
    let part = part.checked_add(fraction_nanoseconds(fraction_digits, unit));
    Ok((
        part.filter(|v| *v <= MAX_MAGNITUDE).ok_or_else(invalid)?,
        after,
    ))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

fn unit_nanoseconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => NANOSECOND,
        "us" | "\u{b5}s" | "\u{3bc}s" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return None,
    })
}

/// The part of a unit that the digits behind a point stand for. Digits that
/// no longer fit 63 bits are dropped, and the rest goes through a float, both
/// as Go does it, so that the last nanosecond is the same.
fn fraction_nanoseconds(digits: &str, unit: u64) -> u64 {
    let mut value: u64 = 0;
    let mut scale = 1.0_f64;
    for digit in digits.bytes() {
        let next = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(u64::from(digit - b'0')));
        match next.filter(|v| *v <= MAX_MAGNITUDE) {
            Some(next) => value = next,
            None => break,
        }
        scale *= 10.0;
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "Go computes the fraction in a float and truncates it"
    )]
    let nanoseconds = (value as f64 * (unit as f64 / scale)) as u64;
    nanoseconds
}

/// The text of a span that is not negative, as Go's `Duration.String`.
#[must_use]
pub fn format_duration(span: std::time::Duration) -> String {
    GoDuration::from(span).to_string()
}

/// As Go's `Duration.String`: `1h30m0s`, `1.5s`, `2ms`, `0s`.
impl fmt::Display for GoDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.nanoseconds.unsigned_abs();
        if self.nanoseconds < 0 {
            formatter.write_str("-")?;
        }
        match magnitude {
            0 => formatter.write_str("0s"),
            1..MICROSECOND => write!(formatter, "{magnitude}ns"),
            MICROSECOND..MILLISECOND => write_decimal(formatter, magnitude, MICROSECOND, "\u{b5}s"),
            MILLISECOND..SECOND => write_decimal(formatter, magnitude, MILLISECOND, "ms"),
            _ => write_clock(formatter, magnitude),
        }
    }
}

fn write_clock(formatter: &mut fmt::Formatter<'_>, magnitude: u64) -> fmt::Result {
    let (hours, minutes) = (magnitude / HOUR, magnitude % HOUR / MINUTE);
    if hours > 0 {
        write!(formatter, "{hours}h")?;
    }
    if magnitude >= MINUTE {
        write!(formatter, "{minutes}m")?;
    }
    write_decimal(formatter, magnitude % MINUTE, SECOND, "s")
}

fn write_decimal(
    formatter: &mut fmt::Formatter<'_>,
    value: u64,
    unit: u64,
    name: &str,
) -> fmt::Result {
    write!(formatter, "{}", value / unit)?;
    let fraction = value % unit;
    if fraction > 0 {
        let width = unit.ilog10() as usize;
        let digits = format!("{fraction:0width$}");
        write!(formatter, ".{}", digits.trim_end_matches('0'))?;
    }
    formatter.write_str(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_of_go_read_as_go_reads_them() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("5s", 5_000_000_000),
            ("-1.5h", -5_400_000_000_000),
            ("+.5s", 500_000_000),
            ("1h2m3.004s", 3_723_004_000_000),
            ("1\u{b5}s", 1_000),
            ("1\u{3bc}s2ns", 1_002),
            ("1.s", 1_000_000_000),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("0.9223372036854775807h", 3_320_413_933_267),
        ] {
            assert_eq!(
                parse_duration(text).unwrap().nanoseconds,
                nanoseconds,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_in_the_words_of_go() {
        for (text, message) in [
            ("", "time: invalid duration \"\""),
            ("-", "time: invalid duration \"-\""),
            ("s", "time: invalid duration \"s\""),
            (".s", "time: invalid duration \".s\""),
            ("3", "time: missing unit in duration \"3\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            (
                "9223372036854775808ns",
                "time: invalid duration \"9223372036854775808ns\"",
            ),
            ("3000000h", "time: invalid duration \"3000000h\""),
        ] {
            assert_eq!(parse_duration(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn spans_print_as_go_prints_them() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1\u{b5}s"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (60_000_000_000, "1m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(GoDuration { nanoseconds }.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_the_same(nanoseconds: i64) {
            let span = GoDuration { nanoseconds };
            prop_assert_eq!(parse_duration(&span.to_string()), Ok(span));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.hmsnuµ]{0,24}") {
            let _ = parse_duration(&text);
        }
    }
}
