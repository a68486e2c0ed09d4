//! The shell against the embedded API server.

use std::time::Duration;
use tokio::task::JoinHandle;
use trueup_cluster::{
    ApplyOptions, DeleteOptions, Form, LiveObject, Patch, Scope, Session, WriteOptions,
};
use trueup_object::{GroupVersionKind, ObjectRef, Text, Value, value};
use trueup_testkit::{FaultRates, TestCluster, virtual_time};
use trueup_workloads::{Kind, WorkloadsOptions, run};

struct Place {
    cluster: TestCluster,
    user: Session,
    namespace: Text,
    workloads: JoinHandle<()>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.workloads.abort();
    }
}

async fn place(seed: u64) -> Place {
    let cluster = TestCluster::embedded(seed);
    let namespace = cluster.namespace("w").await.unwrap();
    let options = WorkloadsOptions {
        ready_delay: Duration::from_millis(300),
        wall_clock: cluster.wall_clock(),
        ..WorkloadsOptions::default()
    };
    let workloads = tokio::spawn(run(cluster.session(), options));
    Place {
        user: cluster.undisturbed().session(),
        cluster,
        namespace,
        workloads,
    }
}

impl Place {
    fn deployment(&self, replicas: i64, image: &str) -> Value {
        value!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": (self.namespace.clone())},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "app", "image": image}]},
                },
            },
        })
    }

    async fn apply(&self, manifest: &Value) {
        self.user
            .apply(manifest, &ApplyOptions::new("user"))
            .await
            .unwrap();
    }

    async fn get(&self) -> LiveObject {
        let kind = GroupVersionKind::new("apps/v1", "Deployment");
        let reference = ObjectRef {
            kind,
            namespace: self.namespace.clone(),
            name: "web".into(),
        };
        self.user.get(&reference, Form::Full).await.unwrap()
    }

    async fn list(&self, kind: Kind) -> Vec<LiveObject> {
        let scope = Scope::namespace(&self.namespace);
        self.user
            .list(&kind.gvk(), &scope, Form::Full)
            .await
            .unwrap()
            .objects
    }
}

fn status(live: &LiveObject, key: &str) -> i64 {
    live.value().i64_at(&["status", key]).unwrap_or(0)
}

fn assert_rolled_out(live: &LiveObject, replicas: i64) {
    for key in [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
    ] {
        assert_eq!(
            status(live, key),
            replicas,
            "{key}: {:?}",
            live.value().get("status")
        );
    }
    assert_eq!(status(live, "observedGeneration"), live.generation());
    assert_eq!(
        crate::world::condition(live, "Progressing"),
        Some(("True".into(), "NewReplicaSetAvailable".into()))
    );
}

#[test]
fn a_deployment_rolls_out_updates_scales_and_goes_with_all_that_it_owns() {
    virtual_time(async {
        let place = place(1).await;
        place.apply(&place.deployment(3, "nginx:1")).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_rolled_out(&place.get().await, 3);
        place.apply(&place.deployment(5, "nginx:2")).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_rolled_out(&place.get().await, 5);
        assert_eq!(place.list(Kind::Pod).await.len(), 5);
        let live = place.get().await;
        assert_eq!(
            live.annotation("deployment.kubernetes.io/revision"),
            Some("2")
        );
        let scale = Patch::Merge(value!({"spec": {"replicas": 1}}));
        place
            .user
            .patch(
                live.reference(),
                &scale,
                &WriteOptions::new("user").on("scale"),
            )
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_rolled_out(&place.get().await, 1);
        place
            .user
            .delete(live.reference(), &DeleteOptions::default())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(place.list(Kind::ReplicaSet).await.is_empty());
        assert!(place.list(Kind::Pod).await.is_empty());
    });
}

#[test]
fn at_rest_nothing_but_watches_is_asked() {
    virtual_time(async {
        let place = place(2).await;
        place.apply(&place.deployment(3, "nginx:1")).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        let before = place.cluster.cluster().counters();
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(place.cluster.cluster().counters().since(&before).total(), 0);
    });
}

#[test]
fn whatever_goes_wrong_on_the_way_it_comes_out_right() {
    for seed in 0..8 {
        virtual_time(async {
            let place = place(seed).await;
            let faults = place.cluster.faults().unwrap().clone();
            faults.set_rates(FaultRates::ROUGH);
            for (replicas, image) in [
                (3, "nginx:1"),
                (5, "nginx:broken"),
                (4, "nginx:3"),
                (2, "nginx:1"),
            ] {
                place.apply(&place.deployment(replicas, image)).await;
                tokio::time::sleep(Duration::from_millis(
                    fastrand::Rng::with_seed(seed).u64(0..3_000),
                ))
                .await;
            }
            faults.calm();
            tokio::time::sleep(Duration::from_secs(120)).await;
            assert_rolled_out(&place.get().await, 2);
            assert_eq!(place.list(Kind::Pod).await.len(), 2, "seed {seed}");
        });
    }
}

#[test]
fn the_node_is_registered_and_ready() {
    virtual_time(async {
        let place = place(3).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let kind = GroupVersionKind::new("v1", "Node");
        let node = ObjectRef {
            kind,
            namespace: "".into(),
            name: "trueup".into(),
        };
        let node = place.user.get(&node, Form::Full).await.unwrap();
        assert_eq!(crate::world::condition(&node, "Ready").unwrap().0, "True");
    });
}
