//! Texts that stand for something else: bytes and times.

/// Where a text stops being base64, if it does, as Go's library counts; line
/// breaks don't count.
pub(super) fn base64_mistake(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_break = |place: usize| matches!(bytes.get(place), Some(b'\n' | b'\r'));
    let after_breaks = |mut place: usize| {
        while is_break(place) {
            place += 1;
        }
        place
    };
    let mut digits_of_four = 0;
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'\n' | b'\r' => {}
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                digits_of_four = (digits_of_four + 1) % 4;
            }
            b'=' if digits_of_four >= 2 => {
                let mut next = after_breaks(place + 1);
                if digits_of_four == 2 {
                    match bytes.get(next) {
                        None => return Some(bytes.len()),
                        Some(b'=') => next = after_breaks(next + 1),
                        Some(_) => return Some(next - 1),
                    }
                }
                return (next < bytes.len()).then_some(next);
            }
            _ => return Some(place),
        }
    }
    (digits_of_four > 0).then(|| bytes.len() - digits_of_four)
}

/// How precise a time must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// Any fraction of a second, or none.
    Seconds,
    /// Six digits behind the second.
    Microseconds,
}

impl Precision {
    /// The layout as Go's library names it.
    fn layout(self) -> &'static str {
        match self {
            Self::Seconds => "2006-01-02T15:04:05Z07:00",
            Self::Microseconds => "2006-01-02T15:04:05.000000Z07:00",
        }
    }
}

/// A part of the layout: its name, how many digits it has (0 for a
/// separator), and the numbers it may be.
type Part = (&'static str, usize, Option<(&'static str, u32, u32)>);

const PARTS: [Part; 11] = [
    ("2006", 4, None),
    ("-", 0, None),
    ("01", 2, Some(("month", 1, 12))),
    ("-", 0, None),
    ("02", 2, None),
    ("T", 0, None),
    ("15", 2, Some(("hour", 0, 23))),
    (":", 0, None),
    ("04", 2, Some(("minute", 0, 59))),
    (":", 0, None),
    ("05", 2, Some(("second", 0, 59))),
];
const MICROSECOND_DIGITS: usize = 6;

/// What is wrong with a text as a time of RFC 3339, in the words of Go's
/// library.
pub(super) fn time_mistake(text: &str, precision: Precision) -> Option<String> {
    let quoted = crate::go::quoted;
    match read_time(text.as_bytes(), precision) {
        Ok(()) => None,
        Err(Mistake::Part(place, part)) => Some(format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quoted(text),
            quoted(precision.layout()),
            quoted(text.get(place..).unwrap_or("")),
            quoted(part)
        )),
        Err(Mistake::Range(name)) => Some(format!(
            "parsing time {}: {name} out of range",
            quoted(text)
        )),
        Err(Mistake::Extra(place)) => Some(format!(
            "parsing time {}: extra text: {}",
            quoted(text),
            quoted(text.get(place..).unwrap_or(""))
        )),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Mistake {
    /// What stands here is not this part.
    Part(usize, &'static str),
    /// A number that this can't be.
    Range(&'static str),
    /// Something follows.
    Extra(usize),
}

fn read_time(bytes: &[u8], precision: Precision) -> Result<(), Mistake> {
    let mut place = 0;
    let mut numbers = [0_u32; PARTS.len()];
    for (index, (part, digits, range)) in PARTS.into_iter().enumerate() {
        let size = if digits == 0 { part.len() } else { digits };
        let here = bytes.get(place..place + size);
        let here = here.filter(|here| {
            if digits > 0 {
                here.iter().all(u8::is_ascii_digit)
            } else {
                *here == part.as_bytes()
            }
        });
        let here = here.ok_or(Mistake::Part(place, part))?;
        let number = here
            .iter()
            .fold(0, |number, byte| number * 10 + u32::from(byte & 0xf));
        if let Some((name, least, most)) = range
            && !(least..=most).contains(&number)
        {
            return Err(Mistake::Range(name));
        }
        numbers[index] = number;
        place += size;
    }
    place += fraction(bytes, place, precision)?;
    place += zone(&bytes[place..]).ok_or(Mistake::Part(place, "Z07:00"))?;
    if place < bytes.len() {
        return Err(Mistake::Extra(place));
    }
    let [year, month, day] = [numbers[0], numbers[2], numbers[4]];
    if day == 0 || day > days_in(year, month) {
        return Err(Mistake::Range("day"));
    }
    Ok(())
}

/// The length of the fraction of a second.
fn fraction(bytes: &[u8], place: usize, precision: Precision) -> Result<usize, Mistake> {
    let point = matches!(bytes.get(place), Some(b'.' | b','));
    let digits = bytes
        .get(place + 1..)
        .unwrap_or_default()
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    match precision {
        Precision::Seconds if point && digits > 0 => Ok(1 + digits),
        Precision::Seconds => Ok(0),
        Precision::Microseconds if point && digits >= MICROSECOND_DIGITS => {
            Ok(1 + MICROSECOND_DIGITS)
        }
        Precision::Microseconds => Err(Mistake::Part(place, ".000000")),
    }
}

/// The length of a time zone that a text begins with.
fn zone(text: &[u8]) -> Option<usize> {
    match text {
        [b'Z', ..] => Some(1),
        [b'+' | b'-', a, b, b':', c, d, ..]
            if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) =>
        {
            Some("+00:00".len())
        }
        _ => None,
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_where_it_stops_being_one() {
        let told = |text| time_mistake(text, Precision::Seconds);
        assert_eq!(told("2024-02-29T00:00:00Z"), None);
        assert_eq!(told("2024-01-01T00:00:00.5+01:00"), None);
        let cannot = |text: &str, rest: &str, part: &str| {
            Some(format!(
                "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {rest:?} as {part:?}"
            ))
        };
        assert_eq!(told("yesterday"), cannot("yesterday", "yesterday", "2006"));
        assert_eq!(
            told("2024-01-01T00:00:00"),
            cannot("2024-01-01T00:00:00", "", "Z07:00")
        );
        assert_eq!(
            told("2024-13-01T00:00:00Z"),
            Some("parsing time \"2024-13-01T00:00:00Z\": month out of range".into())
        );
        assert_eq!(
            told("2023-02-29T00:00:00Z"),
            Some("parsing time \"2023-02-29T00:00:00Z\": day out of range".into())
        );
        assert_eq!(
            told("2024-01-01T00:00:00Zx"),
            Some("parsing time \"2024-01-01T00:00:00Zx\": extra text: \"x\"".into())
        );
        let micro = time_mistake("2024-01-01T00:00:00Z", Precision::Microseconds);
        assert!(micro.is_some_and(|text| text.ends_with("cannot parse \"Z\" as \".000000\"")));
    }

    #[test]
    fn base64_ends_where_it_breaks() {
        assert_eq!(base64_mistake("YQ=="), None);
        assert_eq!(base64_mistake("***"), Some(0));
        assert_eq!(base64_mistake("YWJj"), None);
        assert_eq!(base64_mistake("Y"), Some(0));
        assert_eq!(base64_mistake("YWJjY=="), Some(5));
        assert_eq!(base64_mistake("YQ="), Some(3));
        assert_eq!(base64_mistake("YQ==x"), Some(4));
    }
}
