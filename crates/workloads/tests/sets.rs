//! StatefulSets beyond the plain case, and DaemonSets on several nodes.

use crate::world::{World, template};
use trueup_object::{Value, value};
use trueup_workloads::Kind::{
    ControllerRevision, DaemonSet, Node, PersistentVolumeClaim, Pod, StatefulSet,
};

fn stateful_set(more: &Value) -> Value {
    let mut set = value!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "n"},
        "spec": {
            "replicas": 3, "serviceName": "db", "selector": {"matchLabels": {"app": "web"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "revisionHistoryLimit": 1, "template": (template("pg:1")),
        },
    });
    for (key, value) in more.as_map().unwrap() {
        set.set_at(&["spec", key], value.clone());
    }
    set
}

fn set_image(world: &mut World, kind: trueup_workloads::Kind, name: &str, image: &str) {
    world.change(kind, name, |object| {
        object.set_at(&["spec", "template"], template(image));
    });
    world.settle();
}

fn images(world: &World) -> Vec<String> {
    let pods = world.all(Pod);
    let image = |pod: &trueup_cluster::LiveObject| {
        let containers = pod.value().at(&["spec", "containers"]).unwrap();
        let container = &containers.as_list().unwrap()[0];
        container.str_at(&["image"]).unwrap().to_owned()
    };
    pods.iter().map(image).collect()
}

fn names(world: &World, kind: trueup_workloads::Kind) -> Vec<String> {
    let objects = world.all(kind);
    objects.iter().map(|it| it.name().to_string()).collect()
}

#[test]
fn only_pods_from_the_partition_on_are_updated_and_lower_ones_come_back_as_they_were() {
    let mut world = World::new(1);
    let partition = value!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
    world.put(stateful_set(&value!({"updateStrategy": partition})));
    world.settle();
    set_image(&mut world, StatefulSet, "db", "pg:2");
    assert_eq!(images(&world), ["pg:1", "pg:1", "pg:2"]);
    let lowest = world.get(Pod, "db-0");
    world.perform(trueup_workloads::Action::Delete {
        reference: lowest.reference().clone(),
        uid: lowest.uid().clone(),
    });
    world.settle();
    assert_eq!(images(&world), ["pg:1", "pg:1", "pg:2"]);
}

#[test]
fn parallel_pods_are_numbered_from_the_start_that_is_wanted() {
    let mut world = World::new(2);
    world.put(stateful_set(&value!({
        "podManagementPolicy": "Parallel", "ordinals": {"start": 5},
    })));
    world.settle();
    assert_eq!(names(&world, Pod), ["db-5", "db-6", "db-7"]);
    let pod = world.get(Pod, "db-6");
    assert_eq!(pod.label("apps.kubernetes.io/pod-index"), Some("6"));
}

#[test]
fn a_way_back_takes_up_the_old_revision_and_history_is_limited() {
    let mut world = World::new(3);
    world.put(stateful_set(&value!({})));
    world.settle();
    let first = names(&world, ControllerRevision);
    set_image(&mut world, StatefulSet, "db", "pg:2");
    set_image(&mut world, StatefulSet, "db", "pg:1");
    let revisions = world.all(ControllerRevision);
    assert_eq!(revisions.len(), 2);
    let again = world.get(ControllerRevision, &first[0]);
    assert_eq!(again.value().i64_at(&["revision"]), Some(3));
    set_image(&mut world, StatefulSet, "db", "pg:3");
    // The present one and one of the past.
    assert_eq!(world.all(ControllerRevision).len(), 2);
    assert_eq!(images(&world), ["pg:3", "pg:3", "pg:3"]);
}

#[test]
fn on_delete_nothing_is_updated_until_somebody_deletes() {
    let mut world = World::new(4);
    world.put(stateful_set(
        &value!({"updateStrategy": {"type": "OnDelete"}}),
    ));
    world.settle();
    set_image(&mut world, StatefulSet, "db", "pg:2");
    assert_eq!(images(&world), ["pg:1", "pg:1", "pg:1"]);
    let pod = world.get(Pod, "db-1");
    world.perform(trueup_workloads::Action::Delete {
        reference: pod.reference().clone(),
        uid: pod.uid().clone(),
    });
    world.settle();
    assert_eq!(images(&world), ["pg:1", "pg:2", "pg:1"]);
}

#[test]
fn claims_belong_to_the_pods_that_are_scaled_away() {
    let mut world = World::new(5);
    world.put(stateful_set(&value!({
        "replicas": 2,
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Retain"},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
    })));
    world.settle();
    assert_eq!(
        names(&world, PersistentVolumeClaim),
        ["data-db-0", "data-db-1"]
    );
    let mut owned_by_pod = false;
    world.change(StatefulSet, "db", |set| {
        set.set_at(&["spec", "replicas"], 1.into());
    });
    while world.step() {
        let claim = world.get(PersistentVolumeClaim, "data-db-1");
        let owners = claim.value().at(&["metadata", "ownerReferences"]);
        let first = owners.and_then(|owners| owners.as_list()?.first()?.str_at(&["kind"]));
        owned_by_pod |= first == Some("Pod");
    }
    assert!(owned_by_pod);
    assert_eq!(names(&world, Pod), ["db-0"]);
}

fn node(name: &str, spec: Value) -> Value {
    value!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"disk": "fast"}}, "spec": spec,
    })
}

fn daemon_set(strategy: Value) -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "agent", "namespace": "n"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}}, "revisionHistoryLimit": 1,
            "updateStrategy": strategy, "template": (template("agent:1")),
        },
    })
}

fn rolling(max_unavailable: i64, max_surge: i64) -> Value {
    value!({
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": max_unavailable, "maxSurge": max_surge},
    })
}

fn count(world: &World, key: &str) -> i64 {
    let set = world.get(DaemonSet, "agent");
    set.value().i64_at(&["status", key]).unwrap_or(0)
}

#[test]
fn a_daemon_set_keeps_off_tainted_nodes_unless_it_tolerates_the_taint() {
    let mut world = World::new(6);
    world.put(node("trueup", value!({})));
    let taints = value!([{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]);
    world.put(node("gpu", value!({"taints": taints})));
    world.put(node("drained", value!({"unschedulable": true})));
    world.put(daemon_set(rolling(1, 0)));
    world.settle();
    // What can't be scheduled on is tolerated by every DaemonSet.
    assert_eq!(count(&world, "desiredNumberScheduled"), 2);
    world.change(DaemonSet, "agent", |set| {
        let tolerations = value!([{"key": "gpu", "operator": "Exists"}]);
        set.set_at(&["spec", "template", "spec", "tolerations"], tolerations);
    });
    world.settle();
    assert_eq!(count(&world, "desiredNumberScheduled"), 3);
    assert_eq!(count(&world, "numberReady"), 1);
}

#[test]
fn a_surging_daemon_set_never_has_less_than_one_ready_pod() {
    let mut world = World::new(7);
    world.put(node("trueup", value!({})));
    world.put(daemon_set(rolling(0, 1)));
    world.settle();
    let revisions = world.all(ControllerRevision).len();
    assert_eq!(revisions, 1);
    world.change(DaemonSet, "agent", |set| {
        set.set_at(&["spec", "template"], template("agent:2"));
    });
    let mut most = 0;
    while world.step() {
        let pods = world.all(Pod);
        most = most.max(pods.len());
        let running = pods
            .iter()
            .any(|pod| pod.value().str_at(&["status", "phase"]) == Some("Running"));
        assert!(running);
    }
    assert_eq!(most, 2);
    assert_eq!(images(&world), ["agent:2"]);
}

#[test]
fn taints_of_a_node_follow_its_conditions() {
    let mut world = World::new(8);
    let taints = value!([
        {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"},
        {"key": "mine", "effect": "NoSchedule"},
    ]);
    let mut pressed = node("trueup", value!({"taints": taints, "unschedulable": true}));
    pressed.set_at(
        &["status", "conditions"],
        value!([{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]),
    );
    world.put(pressed);
    world.settle();
    let node = world.all(Node).remove(0);
    let taints = node.value().at(&["spec", "taints"]).unwrap();
    let keys: Vec<&str> = taints
        .as_list()
        .unwrap()
        .iter()
        .map(|taint| taint.str_at(&["key"]).unwrap())
        .collect();
    assert_eq!(
        keys,
        [
            "mine",
            "node.kubernetes.io/disk-pressure",
            "node.kubernetes.io/unschedulable"
        ]
    );
}
