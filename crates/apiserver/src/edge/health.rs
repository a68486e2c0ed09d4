//! `/healthz`, `/livez`, `/readyz`: one word, or the list of checks.
//!
//! The checks bear the names and stand in the order of a genuine server's; of
//! its many only those are here that something stands behind.

use super::ApiServer;
use super::reply::{Reply, TEXT};
use crate::core::{Query, Request};
use http::HeaderName;

/// What a check looks at.
#[derive(Clone, Copy)]
enum Subject {
    /// Holds as soon as anything is answered at all: it was done before.
    Answering,
    /// Whether all writes so far were kept.
    Store,
}

/// Where a check stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Endpoints {
    All,
    Ready,
    HealthAndLive,
}

const CHECKS: &[(&str, Endpoints, Subject)] = &[
    ("ping", Endpoints::All, Subject::Answering),
    ("log", Endpoints::All, Subject::Answering),
    ("etcd", Endpoints::HealthAndLive, Subject::Store),
    ("informer-sync", Endpoints::Ready, Subject::Answering),
    (
        "poststarthook/crd-informer-synced",
        Endpoints::All,
        Subject::Answering,
    ),
    (
        "poststarthook/start-system-namespaces-controller",
        Endpoints::All,
        Subject::Answering,
    ),
    (
        "poststarthook/rbac/bootstrap-roles",
        Endpoints::All,
        Subject::Answering,
    ),
    (
        "poststarthook/scheduling/bootstrap-system-priority-classes",
        Endpoints::All,
        Subject::Answering,
    ),
    (
        "poststarthook/bootstrap-controller",
        Endpoints::All,
        Subject::Answering,
    ),
    ("shutdown", Endpoints::Ready, Subject::Answering),
];

/// One check, done.
struct Outcome {
    name: &'static str,
    holds: bool,
}

/// Answers if the path is one of health; `None` for any other. As on a genuine
/// server every method reads.
pub fn answer(server: &ApiServer, request: &Request) -> Option<Reply> {
    let path = request.path.strip_prefix('/')?;
    let (endpoint, check) = match path.split_once('/') {
        Some((endpoint, check)) => (endpoint, Some(check)),
        None => (path, None),
    };
    if !matches!(endpoint, "healthz" | "livez" | "readyz") {
        return None;
    }
    let outcomes = outcomes(server, endpoint);
    Some(match check {
        None => all(endpoint, &outcomes, &Query::parse(&request.query)),
        Some(check) => match outcomes.iter().find(|outcome| outcome.name == check) {
            None => Reply::page_not_found(),
            Some(outcome) if outcome.holds => Reply::text(200, "ok"),
            Some(_) => Reply::text(500, "internal server error: a write was lost\n"),
        },
    })
}

/// The checks behind an endpoint, done now.
fn outcomes(server: &ApiServer, endpoint: &str) -> Vec<Outcome> {
    let stands = |at: Endpoints| match at {
        Endpoints::All => true,
        Endpoints::Ready => endpoint == "readyz",
        Endpoints::HealthAndLive => endpoint != "readyz",
    };
    let writes_are_kept = !server.inner.core.store().durable().is_broken();
    CHECKS
        .iter()
        .filter(|(_, at, _)| stands(*at))
        .map(|(name, _, subject)| Outcome {
            name,
            holds: match subject {
                Subject::Answering => true,
                Subject::Store => writes_are_kept,
            },
        })
        .collect()
}

/// The verdict of an endpoint: one word, or with `verbose` and on failure the
/// list.
fn all(endpoint: &str, outcomes: &[Outcome], query: &Query) -> Reply {
    let excluded: Vec<&str> = query.all("exclude").collect();
    let (list, passed) = list(outcomes, &excluded);
    let nosniff = HeaderName::from_static("x-content-type-options");
    let reply = match (passed, query.get("verbose")) {
        (false, _) => Reply::full(500, TEXT, format!("{list}{endpoint} check failed\n")),
        (true, None) => Reply::full(200, TEXT, "ok"),
        (true, Some(_)) => Reply::full(200, TEXT, format!("{list}{endpoint} check passed\n")),
    };
    reply.with_header(nosniff, "nosniff")
}

/// A line for each check, and whether those hold that were not excluded.
fn list(outcomes: &[Outcome], excluded: &[&str]) -> (String, bool) {
    let (mut text, mut passed) = (String::new(), true);
    for outcome in outcomes {
        let name = outcome.name;
        let line = match (excluded.contains(&name), outcome.holds) {
            (true, _) => format!("[+]{name} excluded: ok\n"),
            (false, true) => format!("[+]{name} ok\n"),
            (false, false) => format!("[-]{name} failed: reason withheld\n"),
        };
        passed &= outcome.holds || excluded.contains(&name);
        text.push_str(&line);
    }
    let is_known = |name: &str| outcomes.iter().any(|outcome| outcome.name == name);
    let mut unknown: Vec<&str> = excluded.to_vec();
    unknown.retain(|name| !is_known(name));
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        let quoted: Vec<String> = unknown.iter().map(|name| format!("\"{name}\"")).collect();
        let quoted = quoted.join(",");
        text.push_str(&format!(
            "warn: some health checks cannot be excluded: no matches for {quoted}\n"
        ));
    }
    (text, passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_is_listed_without_its_reason_unless_it_is_excluded() {
        let outcomes =
            [("ping", true), ("etcd", false)].map(|(name, holds)| Outcome { name, holds });
        let text = |target: &str| {
            let reply = all("livez", &outcomes, &Query::parse(target));
            (reply.status.as_u16(), format!("{:?}", reply.body))
        };
        let (status, body) = text("");
        assert_eq!(status, 500);
        assert!(
            body.contains("[+]ping ok\\n[-]etcd failed: reason withheld\\nlivez check failed"),
            "{body}"
        );
        let (status, body) = text("verbose&exclude=etcd&exclude=b&exclude=a");
        assert_eq!(status, 200);
        assert!(body.contains("[+]etcd excluded: ok\\nwarn: some health checks cannot be excluded: no matches for \\\"a\\\",\\\"b\\\"\\nlivez check passed"), "{body}");
    }
}
