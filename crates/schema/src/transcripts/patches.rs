//! Patches of objects that hold no defaults yet; the recordings select what
//! matters of the answers.

use super::applies::within;
use super::{Target, builtin_type, scenarios, split};
use crate::{json_patch, merge_patch, strategic_merge};
use std::collections::BTreeMap;
use trueup_object::Value;

/// What a small JSONPath of the recordings selects: keys and `[*]`.
fn select(value: &Value, path: &str) -> Value {
    let mut here = value.clone();
    let mut parts = path
        .trim_start_matches('$')
        .trim_start_matches('.')
        .split('.');
    while let Some(part) = parts.next() {
        let (key, all) = part
            .strip_suffix("[*]")
            .map_or((part, false), |key| (key, true));
        here = here.get(key).cloned().unwrap_or_default();
        if all {
            let rest: Vec<&str> = parts.collect();
            let items = here.as_list().unwrap_or_default();
            return items
                .iter()
                .map(|item| select(item, &rest.join(".")))
                .collect();
        }
    }
    here
}

/// Scenarios about what the server does around a patch: versions, and what
/// the status path resets.
const BEYOND_THE_PATCH: [&str; 3] = [
    "json-test-version",
    "replace-status-of-kinds",
    "status-subresource",
];

#[test]
fn selected_results_of_patches_are_those_of_the_genuine_server() {
    let (mut judged, mut complaints) = (0, Vec::new());
    for scenario in scenarios("patch") {
        let title = scenario.str_at(&["name"]).unwrap_or("").to_owned();
        if BEYOND_THE_PATCH.contains(&title.as_str()) {
            continue;
        }
        let mut live: BTreeMap<Target, Value> = BTreeMap::new();
        for (index, step) in scenario
            .get("steps")
            .and_then(Value::as_list)
            .unwrap()
            .iter()
            .enumerate()
        {
            let (Some(request), Some(response)) = (step.get("request"), step.get("response"))
            else {
                continue;
            };
            let (Some(mut target), _) = split(request.str_at(&["path"]).unwrap_or("")) else {
                continue;
            };
            let Some(body) = request.get("body") else {
                continue;
            };
            let status = response.i64_at(&["status"]).unwrap_or(0);
            let Some(typ) = builtin_type(&target).filter(|_| target.subresource.is_empty()) else {
                continue;
            };
            if request.str_at(&["method"]) == Some("POST") {
                target.name = body.str_at(&["metadata", "name"]).unwrap_or("").into();
                live.insert(target, body.clone());
                continue;
            }
            let Some(old) = live.get(&target) else {
                continue;
            };
            let result = match request.str_at(&["content_type"]).unwrap_or("") {
                "application/json-patch+json" => {
                    json_patch(old, body).map_err(|error| error.to_string())
                }
                "application/merge-patch+json" => Ok(merge_patch(old, body)),
                "application/strategic-merge-patch+json" => {
                    strategic_merge(old, body, &typ).map_err(|error| error.to_string())
                }
                _ => continue,
            };
            judged += 1;
            match (status, result) {
                (200, Ok(new)) => {
                    for (path, wanted) in response
                        .get("body_select")
                        .and_then(Value::as_map)
                        .into_iter()
                        .flatten()
                    {
                        let ours = select(&new, path);
                        if !within(&ours, wanted) {
                            complaints.push(format!(
                                "{title} step {index} {path}: {ours:?}, not {wanted:?}"
                            ));
                        }
                    }
                    live.insert(target, new);
                }
                (200, Err(error)) => complaints.push(format!("{title} step {index}: {error}")),
                (400 | 500, Ok(_)) => complaints.push(format!("{title} step {index}: should fail")),
                (400 | 500, Err(error)) => {
                    let theirs = response.str_at(&["body", "message"]).unwrap_or("");
                    if error != theirs {
                        complaints.push(format!(
                            "{title} step {index}: ours {error}, theirs {theirs}"
                        ));
                    }
                }
                _ => {}
            }
        }
    }
    println!("{judged} recorded steps judged");
    assert!(
        complaints.is_empty(),
        "{} complaints\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}
