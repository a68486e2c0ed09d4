//! Ages as `kubectl` prints them.

use jiff::Timestamp;
use trueup_object::Value;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY_HOURS: i64 = 24;
const YEAR_HOURS: i64 = 365 * DAY_HOURS;

/// A duration in the one or two largest units that still say something:
/// `90s`, `4m30s`, `5h20m`, `3d4h`, `2y10d`. Negative ones are `<invalid>`,
/// except within a second of zero, which clocks differ by.
#[must_use]
pub fn human_duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / MINUTE, seconds / HOUR);
    match () {
        () if seconds < -1 => "<invalid>".to_owned(),
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 2 * MINUTE => format!("{seconds}s"),
        () if minutes < 10 => pair(minutes, "m", seconds % MINUTE, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 8 * DAY_HOURS => pair(hours / DAY_HOURS, "d", hours % DAY_HOURS, "h"),
        () if hours < 2 * YEAR_HOURS => format!("{}d", hours / DAY_HOURS),
        () if hours < 8 * YEAR_HOURS => pair(hours / YEAR_HOURS, "y", hours / DAY_HOURS % 365, "d"),
        () => format!("{}y", hours / YEAR_HOURS),
    }
}

fn pair(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large}{large_unit}")
    } else {
        format!("{large}{large_unit}{small}{small_unit}")
    }
}

/// The time since the RFC 3339 text `time`; `<unknown>` where there is none.
pub fn since(time: Option<&Value>, now: Timestamp) -> String {
    match time.and_then(Value::as_str).map(str::parse::<Timestamp>) {
        Some(Ok(then)) => human_duration(now.as_second() - then.as_second()),
        _ => "<unknown>".to_owned(),
    }
}
