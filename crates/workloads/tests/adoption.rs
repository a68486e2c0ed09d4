//! Whose Pods and ReplicaSets are: adoption, release, names that are taken,
//! who goes first.

use crate::world::{World, template};
use trueup_cluster::LiveObject;
use trueup_object::{Value, value};
use trueup_workloads::Kind::{Deployment, Pod, ReplicaSet};

fn replica_set(name: &str, replicas: i64) -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "n", "labels": {"app": "web"}},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": (template("nginx:1")),
        },
    })
}

fn deployment() -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": (template("nginx:1")), "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        },
    })
}

fn pod(name: &str, app: &str) -> Value {
    value!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "n", "labels": {"app": app}},
        "spec": {"containers": [{"name": "app", "image": "nginx:1"}]},
    })
}

fn owner(object: &LiveObject) -> Option<String> {
    let owners = object.value().at(&["metadata", "ownerReferences"])?;
    let name = owners.as_list()?.first()?.str_at(&["name"])?;
    Some(name.to_owned())
}

#[test]
fn a_replica_set_adopts_what_it_selects_and_lets_go_of_what_it_does_not() {
    let mut world = World::new(1);
    world.put(pod("orphan", "web"));
    world.put(pod("other", "api"));
    world.put(replica_set("set", 2));
    world.settle();
    assert_eq!(owner(&world.get(Pod, "orphan")).as_deref(), Some("set"));
    assert_eq!(owner(&world.get(Pod, "other")), None);
    assert_eq!(world.all(Pod).len(), 3);
    world.change(Pod, "orphan", |pod| {
        pod.set_at(&["metadata", "labels", "app"], "debug".into());
    });
    world.settle();
    assert_eq!(owner(&world.get(Pod, "orphan")), None);
    // One more is made in its place.
    assert_eq!(world.all(Pod).len(), 4);
}

#[test]
fn a_pod_of_another_owner_is_left_alone() {
    let mut world = World::new(2);
    let mut owned = pod("owned", "web");
    owned.set_at(
        &["metadata", "ownerReferences"],
        value!([{"apiVersion": "v1", "kind": "Thing", "name": "it", "uid": "else", "controller": true}]),
    );
    world.put(owned);
    world.put(replica_set("set", 1));
    world.settle();
    assert_eq!(owner(&world.get(Pod, "owned")).as_deref(), Some("it"));
    assert_eq!(world.all(Pod).len(), 2);
}

#[test]
fn a_deployment_adopts_a_replica_set_of_its_template() {
    let mut world = World::new(3);
    world.put(replica_set("left", 1));
    world.put(deployment());
    world.settle();
    assert_eq!(
        owner(&world.get(ReplicaSet, "left")).as_deref(),
        Some("web")
    );
    assert_eq!(world.all(ReplicaSet).len(), 1);
    let live = world.get(Deployment, "web");
    let revision = live.annotation("deployment.kubernetes.io/revision");
    assert_eq!(revision, Some("1"));
}

#[test]
fn a_taken_name_is_counted_and_avoided() {
    let mut world = World::new(4);
    world.put(deployment());
    world.settle();
    let made = world.all(ReplicaSet)[0].name().clone();
    // The same name, held by a set that is nobody's and matches nothing.
    let mut world = World::new(4);
    let mut stranger = replica_set(&made, 0);
    stranger.set_at(&["metadata", "labels", "app"], "api".into());
    stranger.set_at(
        &["spec", "selector"],
        value!({"matchLabels": {"app": "api"}}),
    );
    world.put(stranger);
    world.put(deployment());
    world.settle();
    let live = world.get(Deployment, "web");
    assert_eq!(live.value().i64_at(&["status", "collisionCount"]), Some(1));
    let sets = world.all(ReplicaSet);
    assert_eq!(sets.len(), 2);
    assert!(sets.iter().any(|set| owner(set).as_deref() == Some("web")));
}

/// Pods that a ReplicaSet of size `left` keeps, of those that `change` made
/// different.
fn kept(left: i64, change: impl Fn(usize, &mut Value)) -> Vec<usize> {
    let mut world = World::new(5);
    world.put(replica_set("set", 4));
    world.settle();
    let names: Vec<_> = world
        .all(Pod)
        .iter()
        .map(|pod| pod.name().clone())
        .collect();
    for (index, name) in names.iter().enumerate() {
        world.change(Pod, name, |pod| change(index, pod));
    }
    world.change(ReplicaSet, "set", |set| {
        set.set_at(&["spec", "replicas"], left.into());
    });
    world.settle();
    let stays = |name: &trueup_object::Text| world.find(Pod, name).is_some();
    (0..4).filter(|index| stays(&names[*index])).collect()
}

#[test]
fn pods_of_less_cost_go_first() {
    let cost = ["5", "-3", "7", "1"];
    let kept = kept(2, |index, pod| {
        let key = "controller.kubernetes.io/pod-deletion-cost";
        pod.set_at(&["metadata", "annotations", key], cost[index].into());
    });
    assert_eq!(kept, [0, 2]);
}

#[test]
fn pods_that_restarted_more_go_first_and_those_ready_longest_last() {
    let restarted = kept(1, |index, pod| {
        let count = i64::try_from(index).unwrap();
        pod.set_at(
            &["status", "containerStatuses"],
            value!([{"name": "app", "restartCount": count}]),
        );
    });
    assert_eq!(restarted, [0]);
    let since = [
        "2025-12-31T23:59:00Z",
        "2025-12-31T00:00:00Z",
        "2025-12-31T23:59:59Z",
        "2025-12-31T23:00:00Z",
    ];
    let ready = kept(1, |index, pod| {
        let conditions =
            value!([{"type": "Ready", "status": "True", "lastTransitionTime": (since[index])}]);
        pod.set_at(&["status", "conditions"], conditions);
    });
    assert_eq!(ready, [1]);
}

#[test]
fn what_a_rollout_does_is_told_as_the_genuine_controllers_tell_it() {
    let mut world = World::new(6);
    world.put(deployment());
    world.settle();
    world.change(Deployment, "web", |object| {
        object.set_at(&["spec", "template"], template("nginx:2"));
    });
    world.settle();
    let told = |component: &str, reason: &str| -> Vec<String> {
        let notes = world.notes.iter();
        notes
            .filter(|note| note.component == component && note.reason == reason)
            .map(|note| note.message.to_string())
            .collect()
    };
    let scaled = told("deployment-controller", "ScalingReplicaSet");
    let shape = |message: &String| {
        let mut words: Vec<&str> = message.split(' ').collect();
        words.remove(4);
        words.join(" ")
    };
    assert_eq!(
        scaled.iter().map(shape).collect::<Vec<_>>(),
        [
            "Scaled up replica set from 0 to 1",
            "Scaled up replica set from 0 to 1",
            "Scaled down replica set from 1 to 0"
        ]
    );
    assert_eq!(told("replicaset-controller", "SuccessfulCreate").len(), 2);
    assert_eq!(told("replicaset-controller", "SuccessfulDelete").len(), 1);
}
