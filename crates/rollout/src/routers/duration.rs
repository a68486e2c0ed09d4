//! Durations in a `Canary`, which are written as in Go.

use trueup_kinds::ApiDuration;

/// The whole seconds of a duration; `None` if the text is none.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let duration = ApiDuration::parse(text).ok()?.0;
    i64::try_from(duration.as_secs()).ok()
}

/// The whole milliseconds of a duration; `None` if the text is none.
pub(super) fn milliseconds(text: &str) -> Option<i64> {
    let duration = ApiDuration::parse(text).ok()?.0;
    i64::try_from(duration.as_millis()).ok()
}
