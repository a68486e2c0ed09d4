//! `/healthz`, `/livez`, `/readyz`: one word, or the list of checks.

use super::reply::Reply;
use crate::core::{Query, Request};

/// The checks that a genuine server lists and that hold here as soon as the
/// server answers at all.
const CHECKS: &[&str] = &[
    "ping",
    "log",
    "etcd",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/start-system-namespaces-controller",
];

/// Answers if the path is one of health; `None` for any other.
pub fn answer(request: &Request) -> Option<Reply> {
    let path = request.path.trim_start_matches('/');
    let (endpoint, check) = path.split_once('/').unwrap_or((path, ""));
    if !matches!(endpoint, "healthz" | "livez" | "readyz") {
        return None;
    }
    let check = check.trim_end_matches('/');
    if !check.is_empty() {
        let known = CHECKS.contains(&check)
            || matches!((endpoint, check), ("readyz", "shutdown" | "informer-sync"));
        return Some(if known {
            Reply::text(200, "ok")
        } else {
            Reply::page_not_found()
        });
    }
    let query = Query::parse(&request.query);
    Some(match query.get("verbose") {
        None => Reply::text(200, "ok"),
        Some(_) => Reply::text(200, verbose(endpoint, &query)),
    })
}

fn verbose(endpoint: &str, query: &Query) -> String {
    let excluded: Vec<&str> = query.all("exclude").collect();
    let mut checks = CHECKS.to_vec();
    if endpoint == "readyz" {
        checks.extend(["informer-sync", "shutdown"]);
    }
    let mut text = String::new();
    for check in &checks {
        let outcome = if excluded.contains(check) {
            "excluded: ok"
        } else {
            "ok"
        };
        text.push_str(&format!("[+]{check} {outcome}\n"));
    }
    let unknown: Vec<String> = excluded
        .iter()
        .filter(|name| !checks.contains(name))
        .map(|name| format!("{name:?}"))
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(",");
        text.push_str(&format!(
            "warn: some health checks cannot be excluded: no matches for {unknown}\n"
        ));
    }
    text.push_str(&format!("{endpoint} check passed\n"));
    text
}
