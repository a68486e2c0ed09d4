//! Pods on the simulated node.

use crate::world::{World, condition, template};
use std::time::Duration;
use trueup_object::{Value, value};
use trueup_workloads::{Action, FAIL_ANNOTATION, Key, Kind, Parts, Setting, decide};

fn pod(name: &str, image: &str) -> Value {
    value!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "n", "annotations": {}},
        "spec": (template(image).get("spec").unwrap().clone()),
    })
}

fn phase(world: &World, name: &str) -> String {
    world
        .get(Kind::Pod, name)
        .value()
        .str_at(&["status", "phase"])
        .unwrap_or_default()
        .into()
}

fn waiting_reason(world: &World, name: &str) -> Option<String> {
    let pod = world.get(Kind::Pod, name);
    let statuses = pod
        .value()
        .at(&["status", "containerStatuses"])?
        .as_list()?
        .to_vec();
    Some(statuses[0].str_at(&["state", "waiting", "reason"])?.into())
}

#[test]
fn a_pod_is_bound_then_starts_then_runs() {
    let mut world = World::new(1);
    world.ready_delay = Duration::from_millis(300);
    world.put(pod("a", "nginx:1"));
    world.settle();
    assert_eq!(
        world
            .get(Kind::Pod, "a")
            .value()
            .str_at(&["spec", "nodeName"]),
        Some("trueup")
    );
    assert_eq!(phase(&world, "a"), "Pending");
    assert_eq!(
        waiting_reason(&world, "a").as_deref(),
        Some("ContainerCreating")
    );
    world.live(1);
    assert_eq!(phase(&world, "a"), "Running");
    assert_eq!(
        condition(&world.get(Kind::Pod, "a"), "Ready").unwrap().0,
        "True"
    );
    assert!(
        world
            .get(Kind::Pod, "a")
            .value()
            .str_at(&["status", "podIP"])
            .unwrap()
            .starts_with("10.244.")
    );
}

#[test]
fn marked_pods_never_become_ready_and_say_why() {
    let mut world = World::new(1);
    world.put(pod("tag", "registry:5000/app:broken"));
    let mut annotated = pod("note", "nginx:1");
    annotated.set_at(
        &["metadata", "annotations", FAIL_ANNOTATION],
        "CrashLoopBackOff".into(),
    );
    world.put(annotated);
    world.put(pod("port", "broken:5000/app"));
    world.live(60);
    assert_eq!(
        waiting_reason(&world, "tag").as_deref(),
        Some("ImagePullBackOff")
    );
    assert_eq!(
        waiting_reason(&world, "note").as_deref(),
        Some("CrashLoopBackOff")
    );
    assert_eq!(phase(&world, "port"), "Running");
    assert_eq!(
        condition(&world.get(Kind::Pod, "tag"), "Ready").unwrap().0,
        "False"
    );
}

#[test]
fn a_pod_being_deleted_is_ended_by_its_node_only() {
    let mut world = World::new(1);
    let mut going = pod("a", "nginx:1");
    going.set_at(
        &["metadata", "deletionTimestamp"],
        "2026-01-01T00:00:00Z".into(),
    );
    let mut foreign = going.clone();
    going.set_at(&["spec", "nodeName"], "trueup".into());
    foreign.set_at(&["metadata", "name"], "b".into());
    foreign.set_at(&["spec", "nodeName"], "elsewhere".into());
    world.put(going);
    world.put(foreign);
    let decision = |name: &str| {
        let key = Key {
            kind: Kind::Pod,
            namespace: "n".into(),
            name: name.into(),
        };
        decide(&key, &world.cache, &world.setting()).actions
    };
    assert!(matches!(decision("a").as_slice(), [Action::Finish { .. }]));
    assert!(decision("b").is_empty());
}

#[test]
fn beside_genuine_controllers_only_pods_are_touched() {
    let mut world = World::new(1);
    world.put(value!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "n"},
        "spec": {"replicas": 1, "template": (template("nginx:1"))},
    }));
    world.put(pod("a", "nginx:1"));
    let setting = Setting {
        parts: Parts::NodeOnly,
        ..world.setting()
    };
    let keys: Vec<Key> = world.cache.keys().cloned().collect();
    let busy: Vec<Kind> = keys
        .iter()
        .filter(|key| !decide(key, &world.cache, &setting).actions.is_empty())
        .map(|key| key.kind)
        .collect();
    assert_eq!(busy, [Kind::Pod]);
}

#[test]
fn gated_pods_wait_for_their_gates() {
    let mut world = World::new(1);
    let mut gated = pod("a", "nginx:1");
    gated.set_at(&["spec", "schedulingGates"], value!([{"name": "x"}]));
    world.put(gated);
    world.settle();
    assert_eq!(world.writes, 0);
}
