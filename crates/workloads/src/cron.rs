//! Schedules in the notation of cron: five fields, or a name such as
//! `@hourly`.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::ops::RangeInclusive;

/// How far ahead a time is looked for.
const MAX_YEARS: i64 = 5;

/// When something is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schedule {
    /// At certain minutes of certain hours of certain days.
    Calendar(Box<Calendar>),
    /// Again and again after a time.
    Every(SignedDuration),
}

/// The fields; bit `n` of one stands for the value `n`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// It was written as `*` or `?`.
    any: bool,
}

impl Field {
    fn has(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|bit| self.bits >> bit & 1 == 1)
    }
}

/// A field's values and the names that stand for them.
struct Range {
    values: RangeInclusive<u32>,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// Reads a schedule; the error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix('@') {
            return Self::named(name);
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(format!(
                "expected exactly 5 fields, found {}: [{}]",
                fields.len(),
                fields.join(" ")
            ));
        };
        let range = |values, names| Range { values, names };
        Ok(Self::Calendar(Box::new(Calendar {
            minutes: field(minutes, &range(0..=59, &[]))?,
            hours: field(hours, &range(0..=23, &[]))?,
            days: field(days, &range(1..=31, &[]))?,
            months: field(months, &range(1..=12, &MONTHS))?,
            weekdays: field(weekdays, &range(0..=6, &WEEKDAYS))?,
        })))
    }

    fn named(name: &str) -> Result<Self, String> {
        match name {
            "yearly" | "annually" => Self::parse("0 0 1 1 *"),
            "monthly" => Self::parse("0 0 1 * *"),
            "weekly" => Self::parse("0 0 * * 0"),
            "daily" | "midnight" => Self::parse("0 0 * * *"),
            "hourly" => Self::parse("0 * * * *"),
            _ => {
                let every: Option<SignedDuration> = name
                    .strip_prefix("every ")
                    .and_then(|text| text.parse().ok());
                let every = every.filter(|every| *every >= SignedDuration::from_secs(1));
                every
                    .map(|every| Self::Every(SignedDuration::from_secs(every.as_secs())))
                    .ok_or_else(|| format!("unrecognized descriptor: @{name}"))
            }
        }
    }

    /// The first time after another; `None` when there is none within five
    /// years.
    pub(crate) fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Self::Every(pause) => {
                let whole = Timestamp::from_second(after.as_second()).ok()?;
                whole.checked_add(*pause).ok()
            }
            Self::Calendar(calendar) => calendar.next(after, zone),
        }
    }
}

impl Calendar {
    fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let minute = after.as_second().div_euclid(60) + 1;
        let mut at = Timestamp::from_second(minute * 60).ok()?;
        let limit = at
            .checked_add(SignedDuration::from_hours(MAX_YEARS * 366 * 24))
            .ok()?;
        while at < limit {
            let local = zone.to_datetime(at);
            at = if !self.has_day(local.date()) {
                start(local.date().tomorrow().ok()?, zone, at)?
            } else if !self.hours.has(local.hour()) {
                let left = 60 - i64::from(local.minute());
                at.checked_add(SignedDuration::from_mins(left)).ok()?
            } else if !self.minutes.has(local.minute()) {
                at.checked_add(SignedDuration::from_mins(1)).ok()?
            } else {
                return Some(at);
            };
        }
        None
    }

    /// Day of the month and of the week; where both are given one is enough.
    fn has_day(&self, date: Date) -> bool {
        let day = self.days.has(date.day());
        let weekday = self.weekdays.has(date.weekday().to_sunday_zero_offset());
        let either = !self.days.any && !self.weekdays.any;
        self.months.has(date.month())
            && if either {
                day || weekday
            } else {
                day && weekday
            }
    }
}

/// The beginning of a day, after a time.
fn start(date: Date, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    let midnight = zone
        .to_timestamp(DateTime::from_parts(date, Time::midnight()))
        .ok()?;
    let later = after.checked_add(1.minute()).ok()?;
    Some(midnight.max(later))
}

/// One field: parts with commas between.
fn field(text: &str, range: &Range) -> Result<Field, String> {
    let mut field = Field {
        bits: 0,
        any: false,
    };
    for part in text.split(',') {
        let part = part_of(part, range)?;
        field.bits |= part.bits;
        field.any |= part.any;
    }
    Ok(field)
}

/// `*`, `a`, `a-b`, each with `/step`.
fn part_of(text: &str, range: &Range) -> Result<Field, String> {
    let (bounds, step) = match text.split_once('/') {
        Some((bounds, step)) => (
            bounds,
            Some(number(
                step,
                &Range {
                    values: 0..=u32::MAX,
                    names: &[],
                },
            )?),
        ),
        None => (text, None),
    };
    let any = matches!(bounds, "*" | "?");
    let (first, last) = match bounds.split_once('-') {
        _ if any => (*range.values.start(), *range.values.end()),
        Some((first, last)) => (number(first, range)?, number(last, range)?),
        None => {
            let first = number(bounds, range)?;
            // `a/step` goes on to the end.
            (
                first,
                if step.is_some() {
                    *range.values.end()
                } else {
                    first
                },
            )
        }
    };
    for (bound, word) in [(first, "beginning"), (last, "end")] {
        if !range.values.contains(&bound) {
            let (low, high) = (range.values.start(), range.values.end());
            let (side, limit) = if bound < *low {
                ("below minimum", low)
            } else {
                ("above maximum", high)
            };
            return Err(format!(
                "{word} of range ({bound}) {side} ({limit}): {text}"
            ));
        }
    }
    if first > last {
        return Err(format!(
            "beginning of range ({first}) beyond end of range ({last}): {text}"
        ));
    }
    let step = step.unwrap_or(1);
    let width = usize::try_from(step).ok().filter(|step| *step > 0);
    let Some(width) = width else {
        return Err(format!("step of range should be a positive number: {text}"));
    };
    let bits = (first..=last)
        .step_by(width)
        .fold(0, |bits, value| bits | 1_u64 << value);
    Ok(Field {
        bits,
        any: any && step == 1,
    })
}

fn number(text: &str, range: &Range) -> Result<u32, String> {
    let lower = text.to_lowercase();
    if let Some(place) = range.names.iter().position(|name| *name == lower) {
        let place = u32::try_from(place).unwrap_or_default();
        return Ok(range.values.start() + place);
    }
    text.parse()
        .map_err(|_| format!("failed to parse int from {text}"))
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use jiff::Timestamp;
    use jiff::tz::{Offset, TimeZone};

    fn next(schedule: &str, after: &str) -> String {
        let after: Timestamp = after.parse().unwrap();
        let schedule = Schedule::parse(schedule).unwrap();
        schedule.next(after, &TimeZone::UTC).unwrap().to_string()
    }

    #[test]
    fn times_are_found() {
        for (schedule, after, wanted) in [
            ("* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"),
            (
                "*/15 * * * *",
                "2026-01-01T00:16:30Z",
                "2026-01-01T00:30:00Z",
            ),
            ("0 0 1 * *", "2026-01-15T12:00:00Z", "2026-02-01T00:00:00Z"),
            (
                "30 6-16/4 * * 1-5",
                "2026-01-02T14:30:00Z",
                "2026-01-05T06:30:00Z",
            ),
            ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            (
                "0 0 13 * fri",
                "2026-01-01T00:00:00Z",
                "2026-01-02T00:00:00Z",
            ),
            ("@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"),
            ("@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"),
        ] {
            assert_eq!(next(schedule, after), wanted, "{schedule}");
        }
    }

    #[test]
    fn a_zone_moves_the_hours() {
        let zone = TimeZone::fixed(Offset::constant(2));
        let after: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let at = Schedule::parse("0 9 * * *")
            .unwrap()
            .next(after, &zone)
            .unwrap();
        assert_eq!(at.to_string(), "2026-01-01T07:00:00Z");
    }

    #[test]
    fn a_day_that_never_comes_is_not_waited_for() {
        let after: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let schedule = Schedule::parse("59 23 31 2 *").unwrap();
        assert_eq!(schedule.next(after, &TimeZone::UTC), None);
    }

    #[test]
    fn mistakes_are_named() {
        for (schedule, why) in [
            ("* * *", "expected exactly 5 fields, found 3: [* * *]"),
            (
                "60 * * * *",
                "beginning of range (60) above maximum (59): 60",
            ),
            (
                "5-1 * * * *",
                "beginning of range (5) beyond end of range (1): 5-1",
            ),
            ("x * * * *", "failed to parse int from x"),
        ] {
            assert_eq!(Schedule::parse(schedule).unwrap_err(), why);
        }
    }
}
