use crate::*;
use jiff::Timestamp;
use trueup_kinds::{Kustomization, Resource};
use trueup_object::value;

fn name(text: &str) -> NamespacedName {
    NamespacedName {
        namespace: "flux-system".into(),
        name: text.into(),
    }
}

fn graph(edges: &[(&str, &[&str])]) -> DependencyGraph {
    let mut graph = DependencyGraph::new();
    for (dependent, needs) in edges {
        graph.set(
            name(dependent),
            needs.iter().map(|need| name(need)).collect(),
        );
    }
    graph
}

fn cycle(graph: &DependencyGraph, start: &str) -> Option<String> {
    Some(
        graph
            .cycle_through(&name(start))?
            .iter()
            .map(|it| it.name.as_str())
            .collect::<Vec<_>>()
            .join(" "),
    )
}

#[test]
fn dependents_are_found_and_forgotten() {
    let mut graph = graph(&[("web", &["base", "db"]), ("db", &["base"]), ("base", &[])]);
    let dependents = |graph: &DependencyGraph, of: &str| {
        graph
            .dependents_of(&name(of))
            .map(|it| it.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(dependents(&graph, "base"), ["db", "web"]);
    graph.set(name("web"), vec![name("db")]);
    assert_eq!(dependents(&graph, "base"), ["db"]);
    graph.remove(&name("db"));
    assert_eq!(dependents(&graph, "base"), [""; 0]);
    assert_eq!(dependents(&graph, "db"), ["web"]);
}

#[test]
fn only_members_of_a_cycle_are_stuck_and_it_is_named_in_order() {
    let graph = graph(&[
        ("a", &["b"]),
        ("b", &["x", "c"]),
        ("c", &["a"]),
        ("outside", &["a"]),
        ("self", &["self"]),
    ]);
    assert_eq!(cycle(&graph, "a").unwrap(), "a b c a");
    assert_eq!(cycle(&graph, "c").unwrap(), "c a b c");
    assert_eq!(cycle(&graph, "outside"), None);
    assert_eq!(cycle(&graph, "self").unwrap(), "self self");
    let names = graph.cycle_through(&name("a")).unwrap();
    assert_eq!(
        trueup_kinds::message::dependency_cycle(&names),
        "dependency cycle: flux-system/a → flux-system/b → flux-system/c → flux-system/a"
    );
}

fn kustomization(source: &str, applied: &str) -> Kustomization {
    let mut read = Kustomization::read(&value!({
        "metadata": {"name": "base", "namespace": "flux-system", "generation": 2},
        "spec": {"sourceRef": {"kind": "GitRepository", "name": source}, "interval": "1m", "prune": true},
        "status": {"observedGeneration": 2, "lastAppliedRevision": applied},
    }))
    .unwrap();
    read.status
        .conditions
        .change(2, Timestamp::UNIX_EPOCH)
        .ready("ReconciliationSucceeded", "fine");
    read
}

#[test]
fn a_dependency_must_be_observed_ready_and_of_this_revision() {
    let dependent = kustomization("fleet", "");
    let check = |dependency: Option<&Kustomization>| {
        check_dependency(&dependent, &name("base"), dependency, "main@sha1:2")
            .map_err(|it| it.to_string())
    };
    assert_eq!(check(Some(&kustomization("fleet", "main@sha1:2"))), Ok(()));
    assert_eq!(
        check(None),
        Err("dependency 'flux-system/base' not found".into())
    );
    assert_eq!(
        check(Some(&kustomization("fleet", "main@sha1:1"))),
        Err("dependency 'flux-system/base' revision is not up to date".into())
    );
    assert_eq!(check(Some(&kustomization("other", "main@sha1:1"))), Ok(()));
    let mut changed = kustomization("fleet", "main@sha1:2");
    changed.metadata.generation = 3;
    assert_eq!(
        check(Some(&changed)),
        Err("dependency 'flux-system/base' is not ready".into())
    );
    let mut failed = kustomization("fleet", "main@sha1:2");
    failed
        .status
        .conditions
        .change(2, Timestamp::UNIX_EPOCH)
        .failed("BuildFailed", "no");
    assert!(check(Some(&failed)).is_err());
}

#[test]
fn a_name_without_a_namespace_is_of_the_own_one() {
    let read = Kustomization::read(&value!({
        "metadata": {"name": "a", "namespace": "team"},
        "spec": {
            "sourceRef": {"kind": "GitRepository", "name": "x"}, "interval": "1m", "prune": true,
            "dependsOn": [{"name": "b"}, {"name": "c", "namespace": "infra"}],
        },
    }))
    .unwrap();
    let names: Vec<String> = NamespacedName::dependencies_of(&read)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["team/b", "infra/c"]);
}
