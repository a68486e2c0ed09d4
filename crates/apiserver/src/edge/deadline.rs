//! How long a request may take, and which may take as long as they like.

use super::authorization::{Attributes, Target};
use crate::core::{ApiError, Query, Request};
use std::time::Duration;
use trueup_gocompat::parse_duration;

/// What kind of work a request is, for the limits on work in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Goes on until somebody ends it: no limit on time or number but those of
    /// connections.
    LongRunning,
    /// Changes nothing.
    Reading,
    /// May change something.
    Mutating,
}

impl Work {
    /// The kind of a request, by its verb and subresource.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        let Attributes { verb, target } = Attributes::of(request);
        let subresource = match &target {
            Target::Resource { subresource, .. } => subresource.as_str(),
            Target::Path(_) => "",
        };
        let goes_on = ["attach", "exec", "proxy", "log", "portforward"].contains(&subresource);
        match verb.as_str() {
            "watch" | "proxy" => Self::LongRunning,
            _ if goes_on => Self::LongRunning,
            "get" | "list" => Self::Reading,
            _ => Self::Mutating,
        }
    }
}

/// The time that a request asks for in `timeout`; none where it names none, or
/// nothing above zero. Fails with 400 for what is no duration.
pub fn requested(query: &str) -> Result<Option<Duration>, ApiError> {
    if !query.contains("timeout=") {
        return Ok(None);
    }
    let query = Query::parse(query);
    let Some(text) = query.get("timeout").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let duration = parse_duration(text).map_err(|error| {
        let message = format!("invalid timeout specified in the request URL - {error}");
        ApiError::bad_request(message)
    })?;
    Ok(duration.to_std().filter(|it| !it.is_zero()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_duration_of_go_and_zero_is_none() {
        let timeout = |text: &str| requested(&format!("limit=1&timeout={text}"));
        assert_eq!(timeout("1s500ms"), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(timeout("0s"), Ok(None));
        assert_eq!(timeout("-5s"), Ok(None));
        assert_eq!(timeout(""), Ok(None));
        assert_eq!(requested("timeoutSeconds=x"), Ok(None));
        let error = timeout("abc").unwrap_err();
        assert_eq!(
            error.message,
            "invalid timeout specified in the request URL - time: invalid duration \"abc\""
        );
    }

    #[test]
    fn watches_go_on_and_other_work_reads_or_changes() {
        let work = |method: &str, target: &str| Work::of(&Request::new(method, target));
        assert_eq!(work("GET", "/api/v1/pods"), Work::Reading);
        assert_eq!(work("GET", "/version"), Work::Reading);
        assert_eq!(work("GET", "/api/v1/pods?watch=1"), Work::LongRunning);
        assert_eq!(work("GET", "/api/v1/watch/pods"), Work::LongRunning);
        assert_eq!(
            work("GET", "/api/v1/namespaces/n/pods/p/log"),
            Work::LongRunning
        );
        assert_eq!(
            work("DELETE", "/api/v1/namespaces/n/pods/p"),
            Work::Mutating
        );
    }
}
