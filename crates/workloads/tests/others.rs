//! StatefulSets, DaemonSets, Jobs.

use crate::world::{World, condition, template};
use trueup_object::{Value, value};
use trueup_workloads::Action;
use trueup_workloads::Kind::{DaemonSet, Job, Pod, StatefulSet};

fn stateful_set(replicas: i64, image: &str) -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "n"},
        "spec": {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "web"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}, "template": (template(image))},
    })
}

fn names(world: &World) -> Vec<String> {
    world
        .all(Pod)
        .iter()
        .map(|pod| pod.name().to_string())
        .collect()
}

#[test]
fn pods_of_a_stateful_set_come_in_order_and_go_in_reverse() {
    let mut world = World::new(1);
    world.put(stateful_set(3, "pg:1"));
    let mut most = 0;
    while world.step() {
        let names = names(&world);
        assert!(names.len() >= most, "{names:?}");
        most = names.len();
        assert_eq!(names, ["db-0", "db-1", "db-2"][..most]);
    }
    let set = world.get(StatefulSet, "db");
    assert_eq!(set.value().i64_at(&["status", "readyReplicas"]), Some(3));
    assert_eq!(
        set.value().at(&["status", "currentRevision"]),
        set.value().at(&["status", "updateRevision"])
    );
    world.change(StatefulSet, "db", |object| {
        object.set_at(&["spec", "replicas"], 1.into())
    });
    world.settle();
    assert_eq!(names(&world), ["db-0"]);
}

fn updated(world: &World) -> i64 {
    let set = world.get(StatefulSet, "db");
    let updated = set.value().i64_at(&["status", "updatedReplicas"]);
    updated.unwrap_or(0)
}

#[test]
fn a_stateful_set_is_updated_pod_by_pod_and_a_broken_one_can_be_repaired() {
    let mut world = World::new(2);
    world.put(stateful_set(2, "pg:1"));
    world.settle();
    world.change(StatefulSet, "db", |object| {
        object.set_at(&["spec", "template"], template("pg:broken"))
    });
    world.settle();
    let set = world.get(StatefulSet, "db");
    assert_eq!(set.value().i64_at(&["status", "updatedReplicas"]), Some(1));
    assert_eq!(set.value().i64_at(&["status", "readyReplicas"]), Some(1));
    world.change(StatefulSet, "db", |object| {
        object.set_at(&["spec", "template"], template("pg:3"))
    });
    world.settle();
    // In order, nothing goes on while a Pod is not ready: somebody must
    // delete it.
    assert_eq!(updated(&world), 0);
    let stuck = world.get(Pod, "db-1");
    world.perform(Action::Delete {
        reference: stuck.reference().clone(),
        uid: stuck.uid().clone(),
    });
    world.settle();
    let set = world.get(StatefulSet, "db");
    assert_eq!(set.value().i64_at(&["status", "updatedReplicas"]), Some(2));
    assert_eq!(
        set.value().at(&["status", "currentRevision"]),
        set.value().at(&["status", "updateRevision"])
    );
}

#[test]
fn a_daemon_set_has_one_pod_on_the_node_if_it_fits() {
    let mut world = World::new(3);
    let set = |name: &str, selector: Value| {
        let mut template = template("agent:1");
        template.set_at(&["spec", "nodeSelector"], selector);
        value!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": "n"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "updateStrategy": {"type": "RollingUpdate"}, "template": template},
        })
    };
    world.put(value!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "trueup", "labels": {"kubernetes.io/os": "linux"}},
    }));
    world.put(set("fits", value!({"kubernetes.io/os": "linux"})));
    world.put(set("not", value!({"gpu": "yes"})));
    world.settle();
    assert_eq!(world.all(Pod).len(), 1);
    let status = |world: &World, key| {
        world
            .get(DaemonSet, "fits")
            .value()
            .i64_at(&["status", key])
    };
    assert_eq!(
        (
            status(&world, "desiredNumberScheduled"),
            status(&world, "numberReady")
        ),
        (Some(1), Some(1))
    );
    assert_eq!(
        world
            .get(DaemonSet, "not")
            .value()
            .i64_at(&["status", "desiredNumberScheduled"])
            .unwrap_or(0),
        0
    );
    world.change(DaemonSet, "fits", |object| {
        object.set_at(&["spec", "template"], template("agent:2"))
    });
    world.settle();
    assert_eq!(world.all(Pod).len(), 1);
    assert_eq!(status(&world, "updatedNumberScheduled"), Some(1));
}

fn job(image: &str) -> Value {
    value!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": "n"},
        "spec": {"completions": 3, "parallelism": 2, "backoffLimit": 1, "template": (template(image))},
    })
}

#[test]
fn a_job_completes_and_stays_so() {
    let mut world = World::new(4);
    world.put(job("tool:1"));
    world.settle();
    let job = world.get(Job, "once");
    assert_eq!(job.value().i64_at(&["status", "succeeded"]), Some(3));
    assert_eq!(condition(&job, "Complete").unwrap().0, "True");
    assert!(job.value().str_at(&["status", "completionTime"]).is_some());
    assert_eq!(world.all(Pod).len(), 3);
    let writes = world.writes;
    world.live(3_600);
    assert_eq!(world.writes, writes);
}

#[test]
fn a_failing_job_gives_up_at_its_limit() {
    let mut world = World::new(5);
    world.put(job("tool:broken"));
    world.settle();
    let job = world.get(Job, "once");
    assert_eq!(
        condition(&job, "Failed"),
        Some(("True".into(), "BackoffLimitExceeded".into()))
    );
    assert_eq!(condition(&job, "Complete"), None);
}
