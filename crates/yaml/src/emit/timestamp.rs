//! Texts that Go's YAML takes for a point in time.

/// Whether the text is a date (`2026-1-2`) or a date with a time
/// (`2026-01-02T15:04:05Z`, `2026-01-02 15:04:05`) that exists.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some((year, rest)) = number(text, 4..=4) else {
        return false;
    };
    let Some((month, rest)) = rest.strip_prefix('-').and_then(|rest| number(rest, 1..=2)) else {
        return false;
    };
    let Some((day, rest)) = rest.strip_prefix('-').and_then(|rest| number(rest, 1..=2)) else {
        return false;
    };
    if day == 0 || day > days_of(year, month) {
        return false;
    }
    let Some(separator) = rest.chars().next() else {
        return true;
    };
    match clock(&rest[separator.len_utf8()..]) {
        Some(zone) if matches!(separator, 'T' | 't') => is_zone(zone),
        Some(zone) if separator == ' ' => zone.is_empty(),
        _ => false,
    }
}

/// The number at the start of a text if it has one of these lengths, and the
/// rest of the text.
fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<(u32, &str)> {
    let found = text
        .bytes()
        .take(*digits.end())
        .take_while(u8::is_ascii_digit)
        .count();
    if !digits.contains(&found) {
        return None;
    }
    Some((text[..found].parse().ok()?, &text[found..]))
}

fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

/// What follows a time of day.
fn clock(text: &str) -> Option<&str> {
    let (hour, rest) = number(text, 1..=2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 1..=2)?;
    let (second, rest) = number(rest.strip_prefix(':')?, 1..=2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let Some(fraction) = rest.strip_prefix(['.', ',']) else {
        return Some(rest);
    };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    Some(if digits == 0 {
        rest
    } else {
        &fraction[digits..]
    })
}

fn is_zone(text: &str) -> bool {
    let Some(offset) = text.strip_prefix(['+', '-']) else {
        return text == "Z";
    };
    let hours = number(offset, 2..=2);
    let minutes = hours.and_then(|(_, rest)| number(rest.strip_prefix(':')?, 2..=2));
    match (hours, minutes) {
        (Some((hours, _)), Some((minutes, ""))) => hours <= 24 && minutes < 60,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_timestamp;

    #[test]
    fn dates_that_exist_are_told_from_those_that_do_not() {
        for text in [
            "2026-1-2",
            "2024-02-29",
            "2026-01-02T15:04:05Z",
            "2026-01-02t1:2:3.5+02:00",
            "2026-01-02 15:04:05",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "2026-13-01",
            "2025-02-29",
            "26-01-01",
            "2026-01-02T15:04",
            "2026-01-02 15:04:05Z",
            "2026-01-01x",
            "2026",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
