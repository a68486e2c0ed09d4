//! The rights that an installation gives, held to what the recorded cases read
//! and write.

use super::super::Router;
use super::super::provider::PROVIDERS;
use super::recorded::{answer, cases, settings, yaml};
use std::collections::BTreeSet;
use trueup_kinds::{Canary, InstallOptions, install_manifests};
use trueup_object::{GroupVersionKind, ObjectRef, Value};

/// The role of an installation for Canaries.
const ROLE: &str = "trueup-canaries-flux-system";
/// Groups whose objects are not routes; other tests hold these.
const NOT_ROUTES: [&str; 6] = [
    "",
    "apps",
    "autoscaling",
    "discovery.k8s.io",
    "flagger.app",
    "keda.sh",
];

/// Group, resource, verb.
type Right = (String, String, String);

fn granted() -> BTreeSet<Right> {
    let manifests = install_manifests(&InstallOptions::new("v0.1.0"));
    let role = manifests.iter().find(|it| {
        let is_role = it.str_at(&["kind"]) == Some("ClusterRole");
        is_role && it.str_at(&["metadata", "name"]) == Some(ROLE)
    });
    let rules = role.and_then(|it| it.get("rules")?.as_list()).unwrap();
    let mut rights = BTreeSet::new();
    for rule in rules {
        for group in texts(rule, "apiGroups") {
            for resource in texts(rule, "resources") {
                for verb in texts(rule, "verbs") {
                    rights.insert((group.clone(), resource.clone(), verb));
                }
            }
        }
    }
    rights
}

fn texts(rule: &Value, key: &str) -> Vec<String> {
    let list = rule.get(key).and_then(Value::as_list).unwrap();
    let texts = list.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn right(kind: &GroupVersionKind, verb: &str) -> Right {
    let singular = kind.kind.to_lowercase();
    let plural = match singular.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if singular.ends_with('s') => format!("{singular}es"),
        None => format!("{singular}s"),
    };
    (kind.group.to_string(), plural, verb.to_owned())
}

/// What a case reads, which is watched too, and what it writes.
fn asked_by(input: &Value) -> Vec<Right> {
    let Ok(canary) = Canary::decode(input.get("canary").unwrap()) else {
        return Vec::new();
    };
    let settings = settings(input);
    let Ok(router) = Router::of(&canary, &settings) else {
        return Vec::new();
    };
    let needs = router.needs();
    let reads = needs.iter().flat_map(|it| {
        let verbs = ["get", "list", "watch"];
        verbs.map(|verb| right(&it.kind, verb))
    });
    let answer = answer(input);
    let writes = answer.get("writes").and_then(Value::as_list);
    let writes = writes.unwrap_or_default().iter().flat_map(|write| {
        let verbs = [("create", "create"), ("replace", "update")];
        verbs.into_iter().filter_map(|(key, verb)| {
            let reference = ObjectRef::of(write.get(key)?)?;
            Some(right(&reference.kind, verb))
        })
    });
    reads.chain(writes).collect()
}

#[test]
fn an_installation_may_read_and_write_the_routes_of_all_cases_and_no_others() {
    let folders = PROVIDERS.iter().flat_map(|entry| cases(entry.name));
    let inputs = folders.filter_map(|case| yaml(&case.join("in.yaml")));
    let asked: BTreeSet<Right> = inputs.flat_map(|input| asked_by(&input)).collect();
    let granted = granted();
    let lacking: Vec<&Right> = asked.difference(&granted).collect();
    assert_eq!(lacking, [] as [&Right; 0], "rights that are missing");
    let is_route = |right: &&Right| !NOT_ROUTES.contains(&right.0.as_str());
    let unused: Vec<&Right> = granted.difference(&asked).filter(is_route).collect();
    assert_eq!(unused, [] as [&Right; 0], "rights that no case needs");
}
