//! Points in time and spans of it. There is no clock: expressions know only
//! the times that objects hold.

use super::Fault;
use super::datum::Datum;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};

type Outcome<'a> = Result<Datum<'a>, Fault>;

pub(super) fn timestamp<'a>(value: &Datum<'a>) -> Option<Outcome<'a>> {
    Some(match value {
        Datum::Timestamp(_) => Ok(value.clone()),
        Datum::Int(seconds) => Timestamp::from_second(*seconds)
            .map(Datum::Timestamp)
            .map_err(|_| Fault::Overflow),
        Datum::Text(text) => text
            .parse::<Timestamp>()
            .map(Datum::Timestamp)
            .map_err(|error| Fault::of_function("timestamp", error.to_string())),
        _ => return None,
    })
}

pub(super) fn duration<'a>(value: &Datum<'a>) -> Option<Outcome<'a>> {
    Some(match value {
        Datum::Duration(_) => Ok(value.clone()),
        Datum::Int(nanoseconds) => Ok(Datum::Duration(SignedDuration::from_nanos(*nanoseconds))),
        Datum::Text(text) => span(text)
            .map(Datum::Duration)
            .ok_or_else(|| Fault::of_function("duration", format!("invalid duration {text:?}"))),
        _ => return None,
    })
}

/// The units of durations as Go writes them, in nanoseconds; a unit stands
/// before those that it begins with.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// Reads `1h30m`, `-1.5s`, `0`; `None` if it is no duration.
fn span(text: &str) -> Option<SignedDuration> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit() && it != '.')?;
        let count: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        nanoseconds += count * factor;
        rest = &rest[unit.len()..];
    }
    SignedDuration::try_from_secs_f64(sign * nanoseconds / 1e9).ok()
}

/// A span as text: `5400s`, `1.5s`.
pub(super) fn seconds_text(span: SignedDuration) -> String {
    let text = format!("{}", span.as_secs_f64());
    format!("{text}s")
}

/// A part of a time or span.
pub(super) fn part<'a>(name: &str, args: &[Datum<'a>]) -> Option<Outcome<'a>> {
    match args {
        [Datum::Duration(span)] => of_span(name, *span).map(|part| Ok(Datum::Int(part))),
        [Datum::Timestamp(at)] => {
            of_time(name, &at.to_zoned(TimeZone::UTC)).map(|part| Ok(Datum::Int(part)))
        }
        [Datum::Timestamp(at), Datum::Text(zone)] => match zone_of(zone) {
            Some(zone) => of_time(name, &at.to_zoned(zone)).map(|part| Ok(Datum::Int(part))),
            None => Some(Err(Fault::of_function(
                "time zone",
                format!("{zone:?} is not known: use UTC or a distance such as +02:00"),
            ))),
        },
        _ => None,
    }
}

fn of_span(name: &str, span: SignedDuration) -> Option<i64> {
    Some(match name {
        "getHours" => span.as_hours(),
        "getMinutes" => span.as_mins(),
        "getSeconds" => span.as_secs(),
        "getMilliseconds" => i64::from(span.subsec_millis()),
        _ => return None,
    })
}

fn of_time(name: &str, at: &Zoned) -> Option<i64> {
    Some(match name {
        "getFullYear" => i64::from(at.year()),
        "getMonth" => i64::from(at.month()) - 1,
        "getDate" => i64::from(at.day()),
        "getDayOfMonth" => i64::from(at.day()) - 1,
        "getDayOfWeek" => i64::from(at.weekday().to_sunday_zero_offset()),
        "getDayOfYear" => i64::from(at.day_of_year()) - 1,
        "getHours" => i64::from(at.hour()),
        "getMinutes" => i64::from(at.minute()),
        "getSeconds" => i64::from(at.second()),
        "getMilliseconds" => i64::from(at.millisecond()),
        _ => return None,
    })
}

/// `UTC`, `+02:00`, `-3:30`. Zones by name would need files.
fn zone_of(text: &str) -> Option<TimeZone> {
    if text.is_empty() || text.eq_ignore_ascii_case("UTC") {
        return Some(TimeZone::UTC);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Offset::from_seconds(sign * seconds)
        .ok()
        .map(TimeZone::fixed)
}
