//! Deployments: updates within their bounds, revisions, history, conditions.

use crate::world::{World, condition, template};
use proptest::prelude::*;
use trueup_object::{Value, value};
use trueup_workloads::Kind::{Deployment, Pod, ReplicaSet};

fn deployment(replicas: i64, image: &str) -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": (template(image)), "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        },
    })
}

fn set_image(world: &mut World, image: &str) {
    world.change(Deployment, "web", |object| {
        object.set_at(&["spec", "template"], template(image))
    });
}

fn status(world: &World, key: &str) -> i64 {
    world
        .get(Deployment, "web")
        .value()
        .i64_at(&["status", key])
        .unwrap_or(0)
}

fn sizes(world: &World) -> Vec<i64> {
    let mut sizes: Vec<i64> = world
        .all(ReplicaSet)
        .iter()
        .map(|set| set.value().i64_at(&["spec", "replicas"]).unwrap())
        .collect();
    sizes.sort_unstable();
    sizes
}

fn reason(world: &World) -> String {
    condition(&world.get(Deployment, "web"), "Progressing")
        .unwrap()
        .1
}

#[test]
fn a_new_deployment_becomes_available() {
    let mut world = World::new(1);
    world.put(deployment(3, "nginx:1"));
    world.settle();
    let live = world.get(Deployment, "web");
    for key in [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
    ] {
        assert_eq!(status(&world, key), 3, "{key}");
    }
    assert_eq!(status(&world, "observedGeneration"), 1);
    assert_eq!(
        condition(&live, "Available"),
        Some(("True".into(), "MinimumReplicasAvailable".into()))
    );
    assert_eq!(
        condition(&live, "Progressing"),
        Some(("True".into(), "NewReplicaSetAvailable".into()))
    );
    assert_eq!(
        live.annotation("deployment.kubernetes.io/revision"),
        Some("1")
    );
    let set = &world.all(ReplicaSet)[0];
    let hash = set.label("pod-template-hash").unwrap().to_owned();
    assert_eq!(set.name().as_str(), format!("web-{hash}"));
    assert_eq!(
        set.annotation("deployment.kubernetes.io/desired-replicas"),
        Some("3")
    );
    assert_eq!(
        set.annotation("deployment.kubernetes.io/max-replicas"),
        Some("4")
    );
    for pod in world.all(Pod) {
        assert_eq!(pod.label("pod-template-hash"), Some(hash.as_str()));
        let owner = pod
            .value()
            .at(&["metadata", "ownerReferences"])
            .unwrap()
            .as_list()
            .unwrap()[0]
            .clone();
        assert_eq!(owner.str_at(&["uid"]), Some(set.uid().as_str()));
    }
}

#[test]
fn nothing_is_written_at_rest() {
    let mut world = World::new(1);
    world.put(deployment(3, "nginx:1"));
    world.live(3_600);
    let writes = world.writes;
    world.live(3_600);
    assert_eq!(world.writes, writes);
    assert_eq!(world.next_wake(), None);
}

#[test]
fn zero_replicas_are_complete_at_once() {
    let mut world = World::new(1);
    world.put(deployment(0, "nginx:1"));
    world.settle();
    assert_eq!(reason(&world), "NewReplicaSetAvailable");
    assert!(world.all(Pod).is_empty());
}

#[test]
fn an_update_replaces_all_pods_and_keeps_the_old_set_for_history() {
    let mut world = World::new(2);
    world.put(deployment(4, "nginx:1"));
    world.settle();
    set_image(&mut world, "nginx:2");
    world.settle();
    assert_eq!(sizes(&world), [0, 4]);
    assert_eq!(
        (
            status(&world, "updatedReplicas"),
            status(&world, "replicas")
        ),
        (4, 4)
    );
    assert!(world.all(Pod).iter().all(|pod| {
        pod.value()
            .at(&["spec", "containers"])
            .unwrap()
            .as_list()
            .unwrap()[0]
            .str_at(&["image"])
            == Some("nginx:2")
    }));
    assert_eq!(
        world
            .get(Deployment, "web")
            .annotation("deployment.kubernetes.io/revision"),
        Some("2")
    );
    assert_eq!(reason(&world), "NewReplicaSetAvailable");
}

#[test]
fn going_back_reuses_the_old_set_under_a_new_revision() {
    let mut world = World::new(3);
    world.put(deployment(2, "nginx:1"));
    world.settle();
    set_image(&mut world, "nginx:2");
    world.settle();
    set_image(&mut world, "nginx:1");
    world.settle();
    assert_eq!(world.all(ReplicaSet).len(), 2);
    let live = world.get(Deployment, "web");
    assert_eq!(
        live.annotation("deployment.kubernetes.io/revision"),
        Some("3")
    );
    let back = world
        .all(ReplicaSet)
        .into_iter()
        .find(|set| set.value().i64_at(&["spec", "replicas"]) == Some(2))
        .unwrap();
    assert_eq!(
        back.annotation("deployment.kubernetes.io/revision-history"),
        Some("1")
    );
}

#[test]
fn a_broken_image_stops_the_update_within_its_bounds_and_times_out() {
    let mut world = World::new(4);
    world.put(deployment(4, "nginx:1"));
    world.settle();
    set_image(&mut world, "nginx:broken");
    world.settle();
    assert_eq!(
        status(&world, "availableReplicas"),
        3,
        "one of four may be unavailable"
    );
    assert_eq!(status(&world, "updatedReplicas"), 2, "five in all");
    assert_eq!(reason(&world), "ReplicaSetUpdated");
    world.live(602);
    let live = world.get(Deployment, "web");
    assert_eq!(
        condition(&live, "Progressing"),
        Some(("False".into(), "ProgressDeadlineExceeded".into()))
    );
    assert_eq!(
        condition(&live, "Available"),
        Some(("True".into(), "MinimumReplicasAvailable".into()))
    );
    let writes = world.writes;
    world.live(3_600);
    assert_eq!(world.writes, writes, "quiet once timed out");
    // And a repair heals it, without ever claiming failure for the new template.
    set_image(&mut world, "nginx:3");
    world.settle();
    assert_eq!(reason(&world), "NewReplicaSetAvailable");
    assert_eq!(sizes(&world), [0, 0, 4]);
}

#[test]
fn a_repair_of_a_timed_out_update_is_seen_as_progress_from_the_first_status() {
    let mut world = World::new(5);
    world.put(deployment(2, "nginx:broken"));
    world.live(700);
    assert_eq!(reason(&world), "ProgressDeadlineExceeded");
    set_image(&mut world, "nginx:2");
    for _ in 0..200 {
        world.step();
        let live = world.get(Deployment, "web");
        if live.value().i64_at(&["status", "observedGeneration"]) == Some(2) {
            assert_ne!(condition(&live, "Progressing").unwrap().0, "False");
        }
    }
    assert_eq!(reason(&world), "NewReplicaSetAvailable");
}

#[test]
fn recreate_ends_all_old_pods_before_the_first_new_one() {
    let mut world = World::new(6);
    let mut object = deployment(3, "nginx:1");
    object.set_at(&["spec", "strategy"], value!({"type": "Recreate"}));
    world.put(object);
    world.settle();
    set_image(&mut world, "nginx:2");
    while world.step() {
        let mut hashes: Vec<_> = world
            .all(Pod)
            .iter()
            .map(|pod| pod.label("pod-template-hash").unwrap().to_owned())
            .collect();
        hashes.sort();
        hashes.dedup();
        assert!(hashes.len() < 2, "both templates at once");
    }
    assert_eq!(status(&world, "updatedReplicas"), 3);
}

#[test]
fn a_paused_deployment_scales_but_does_not_update() {
    let mut world = World::new(7);
    world.put(deployment(2, "nginx:1"));
    world.settle();
    world.change(Deployment, "web", |object| {
        object.set_at(&["spec", "paused"], true.into());
        object.set_at(&["spec", "replicas"], 5.into());
        object.set_at(&["spec", "template"], template("nginx:2"));
    });
    world.settle();
    assert_eq!(sizes(&world), [5]);
    assert_eq!(reason(&world), "DeploymentPaused");
    world.change(Deployment, "web", |object| {
        object.remove_at(&["spec", "paused"]);
    });
    world.settle();
    assert_eq!(sizes(&world), [0, 5]);
    assert_eq!(reason(&world), "NewReplicaSetAvailable");
}

#[test]
fn scaling_in_the_middle_of_a_stuck_update_is_shared() {
    let mut world = World::new(8);
    world.put(deployment(10, "nginx:1"));
    world.settle();
    set_image(&mut world, "nginx:broken");
    world.settle();
    assert_eq!(sizes(&world), [5, 8]);
    world.change(Deployment, "web", |object| {
        object.set_at(&["spec", "replicas"], 20.into())
    });
    world.settle();
    let sizes = sizes(&world);
    assert_eq!(sizes.iter().sum::<i64>(), 25, "{sizes:?}");
    assert!(
        sizes[1] >= 15,
        "the old set keeps the service up: {sizes:?}"
    );
}

#[test]
fn history_is_kept_up_to_its_limit_and_the_oldest_goes() {
    let mut world = World::new(9);
    let mut object = deployment(1, "nginx:0");
    object.set_at(&["spec", "revisionHistoryLimit"], 2.into());
    world.put(object);
    world.settle();
    for number in 1..6 {
        set_image(&mut world, &format!("nginx:{number}"));
        world.settle();
    }
    let mut revisions: Vec<_> = world
        .all(ReplicaSet)
        .iter()
        .map(|set| {
            set.annotation("deployment.kubernetes.io/revision")
                .unwrap()
                .to_owned()
        })
        .collect();
    revisions.sort();
    assert_eq!(revisions, ["4", "5", "6"]);
}

#[test]
fn annotations_are_inherited_except_the_deployments_own() {
    let mut world = World::new(10);
    let mut object = deployment(0, "nginx:1");
    object.set_at(
        &["metadata", "annotations"],
        value!({"note": "x", "kubectl.kubernetes.io/last-applied-configuration": "{}"}),
    );
    world.put(object);
    world.settle();
    let set = &world.all(ReplicaSet)[0];
    let keys: Vec<_> = set.annotations().keys().map(|key| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "deployment.kubernetes.io/desired-replicas",
            "deployment.kubernetes.io/max-replicas",
            "deployment.kubernetes.io/revision",
            "note",
        ]
    );
}

#[test]
fn min_ready_seconds_are_waited_for() {
    let mut world = World::new(11);
    let mut object = deployment(1, "nginx:1");
    object.set_at(&["spec", "minReadySeconds"], 10.into());
    world.put(object);
    world.settle();
    assert_eq!(
        (
            status(&world, "readyReplicas"),
            status(&world, "availableReplicas")
        ),
        (1, 0)
    );
    world.live(11);
    assert_eq!(status(&world, "availableReplicas"), 1);
}

#[test]
fn a_deleted_pod_comes_back() {
    let mut world = World::new(12);
    world.put(deployment(2, "nginx:1"));
    world.settle();
    let pod = world.all(Pod)[0].clone();
    world.perform(trueup_workloads::Action::Delete {
        reference: pod.reference().clone(),
        uid: pod.uid().clone(),
    });
    world.settle();
    assert_eq!(world.all(Pod).len(), 2);
    assert_eq!(reason(&world), "NewReplicaSetAvailable");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever the bounds and the order of decisions: never too many wanted,
    /// never too few available, and in the end all are new.
    #[test]
    fn an_update_never_leaves_its_bounds(
        seed in any::<u64>(), replicas in 1i64..12, surge in 0i64..4, unavailable in 0i64..4, percent in any::<bool>(),
    ) {
        let mut world = World::new(seed);
        let mut object = deployment(replicas, "nginx:1");
        let (surge_value, unavailable_value) = if percent {
            (Value::from(format!("{}%", surge * 30)), Value::from(format!("{}%", unavailable * 30)))
        } else {
            (surge.into(), unavailable.into())
        };
        object.set_at(&["spec", "strategy", "rollingUpdate"], value!({"maxSurge": surge_value, "maxUnavailable": unavailable_value}));
        world.put(object);
        world.settle();
        let (surge, unavailable) = if percent {
            ((replicas * surge * 30 + 99) / 100, replicas * unavailable * 30 / 100)
        } else {
            (surge, unavailable)
        };
        let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
        for image in ["nginx:2", "nginx:3"] {
            set_image(&mut world, image);
            let mut steps = 0;
            while world.step() {
                let pods = world.all(Pod);
                let ready = pods.iter().filter(|pod| pod.value().str_at(&["status", "phase"]) == Some("Running")).count();
                // Counted as the genuine controller does: what the sets want.
                prop_assert!(sizes(&world).iter().sum::<i64>() <= replicas + surge);
                prop_assert!(i64::try_from(ready).unwrap() >= replicas - unavailable);
                steps += 1;
                prop_assert!(steps < 2_000);
            }
            prop_assert_eq!(status(&world, "updatedReplicas"), replicas);
            prop_assert_eq!(reason(&world), "NewReplicaSetAvailable");
        }
    }
}
