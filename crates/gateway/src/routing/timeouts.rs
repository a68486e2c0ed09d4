//! How long answers may take.

use super::unsupported::{Unsupported, at};
use crate::api::TimeoutsSpec;
use std::time::Duration;

/// How long a backend may take to begin its answer where the route says
/// nothing.
pub const DEFAULT_BACKEND_TIMEOUT_MS: u64 = 60_000;

/// How long the parts of an answer may take; `None` as long as they want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the request to the begin of the answer, with all attempts.
    pub request: Option<Duration>,
    /// The same, of one attempt.
    pub backend_request: Option<Duration>,
}

impl Timeouts {
    pub(super) fn read(place: &str, spec: &TimeoutsSpec) -> Result<Self, Unsupported> {
        let read = |field: &str, text: Option<&str>| {
            let place = at(place, &format!("timeouts.{field}"));
            text.map(|text| duration(text).ok_or_else(|| Unsupported::new(&place, text)))
                .transpose()
        };
        let request = read("request", spec.request.as_deref())?;
        let backend_request = read("backendRequest", spec.backend_request.as_deref())?;
        let default = Duration::from_millis(DEFAULT_BACKEND_TIMEOUT_MS);
        // Whoever says how long the whole may take has said enough.
        let is_silent = request.is_none() && backend_request.is_none();
        let backend_request = backend_request.or(is_silent.then_some(default));
        Ok(Self {
            request: request.filter(|it| !it.is_zero()),
            backend_request: backend_request.filter(|it| !it.is_zero()),
        })
    }
}

/// How many numbers a duration may have, and digits a number.
const MAX_PARTS: usize = 4;
const MAX_DIGITS: usize = 5;

/// A duration in the API's notation (GEP-2257): up to four whole numbers with
/// `h`, `m`, `s` or `ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|it: char| it.is_ascii_digit());
        let unit_end = unit_end.map_or(rest.len(), |end| digits + end);
        let unit_ms = match &rest[digits..unit_end] {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            _ => return None,
        };
        sum += Duration::from_millis(number * unit_ms);
        rest = &rest[unit_end..];
        parts += 1;
        if digits > MAX_DIGITS || parts > MAX_PARTS {
            return None;
        }
    }
    (parts > 0).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_the_api() {
        for (text, milliseconds) in [
            ("0s", Some(0)),
            ("1h", Some(3_600_000)),
            ("1m30s", Some(90_000)),
            ("500ms", Some(500)),
            ("1s500ms", Some(1_500)),
            ("99999ms", Some(99_999)),
            ("", None),
            ("5", None),
            ("1.5s", None),
            ("-1s", None),
            ("100000s", None),
            ("1s1s1s1s1s", None),
            ("1d", None),
            ("s", None),
            ("1é", None),
        ] {
            let expected = milliseconds.map(Duration::from_millis);
            assert_eq!(duration(text), expected, "{text}");
        }
    }

    #[test]
    fn nothing_said_is_a_minute_and_zero_is_without_end() {
        let read = |request: Option<&str>, backend_request: Option<&str>| {
            let spec = TimeoutsSpec {
                request: request.map(Into::into),
                backend_request: backend_request.map(Into::into),
            };
            Timeouts::read("spec", &spec).unwrap()
        };
        assert_eq!(
            read(None, None).backend_request,
            Some(Duration::from_secs(60))
        );
        assert_eq!(read(None, Some("0s")).backend_request, None);
        assert_eq!(read(Some("2s"), None).request, Some(Duration::from_secs(2)));
        assert_eq!(read(Some("2s"), None).backend_request, None);
    }
}
