//! Points in time and spans of it. There is no clock: expressions know only
//! the times that objects hold.

use super::Fault;
use super::datum::Datum;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};
use trueup_gocompat::parse_duration;

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
            .map_err(|_| Fault::not_a("google.protobuf.Timestamp")),
        _ => return None,
    })
}

pub(super) fn duration<'a>(value: &Datum<'a>) -> Option<Outcome<'a>> {
    Some(match value {
        Datum::Duration(_) => Ok(value.clone()),
        Datum::Int(nanoseconds) => Ok(Datum::Duration(SignedDuration::from_nanos(*nanoseconds))),
        Datum::Text(text) => parse_duration(text)
            .map(|span| Datum::Duration(SignedDuration::from_nanos(span.nanoseconds)))
            .map_err(|_| Fault::not_a("google.protobuf.Duration")),
        _ => return None,
    })
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
    let hours = unsigned(hours)?.checked_mul(3600)?;
    let seconds = unsigned(minutes)?.checked_mul(60)?.checked_add(hours)?;
    Offset::from_seconds(sign * seconds)
        .ok()
        .map(TimeZone::fixed)
}

/// A number of digits and nothing else.
fn unsigned(text: &str) -> Option<i32> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}
