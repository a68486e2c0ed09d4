//! How long ago something was, for tables.

use jiff::Timestamp;

/// An age in its largest unit, as kubectl's tables have it: `42s`, `7m`, `3h`, `12d`.
pub fn of(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The age of a time as the API writes it; `unknown` of any other text.
pub fn since(then: &str, now: Timestamp) -> String {
    then.parse()
        .map_or_else(|_| "unknown".to_owned(), |then| of(then, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let ages = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7_200, "2h"),
            (172_800, "2d"),
            (-5, "0s"),
        ];
        for (seconds, text) in ages {
            assert_eq!(
                of(Timestamp::from_second(1_000_000 - seconds).unwrap(), now),
                text
            );
        }
        assert_eq!(since("never", now), "unknown");
    }
}
