//! Changes of live objects, and what becomes of them.

use super::world::{World, map};
use std::time::Duration;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: apps}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: web}]}\n";

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: gadgets.example.com}\nspec:\n  group: example.com\n  names: {kind: Gadget, plural: gadgets}\n  scope: Namespaced\n  versions:\n  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}\n";

async fn deployed() -> World {
    let world = World::new(11).await;
    let a = map("a", &[("key", "one")]);
    world.commit(
        "first",
        &[("apps/web.yaml", DEPLOYMENT), ("apps/a.yaml", &a)],
    );
    world.repository().await;
    world.kustomization("apps", "./apps", Value::map()).await;
    world
        .until("web is there", async || {
            world.get("apps/v1", "Deployment", "web").await.is_some()
        })
        .await;
    world.rest().await;
    world
}

async fn replicas(world: &World) -> Option<i64> {
    world
        .get("apps/v1", "Deployment", "web")
        .await?
        .i64_at(&["spec", "replicas"])
}

#[test]
fn a_scaled_deployment_is_scaled_back_at_once_and_the_event_says_by_whom() {
    virtual_time(async {
        let world = deployed().await;
        let began = tokio::time::Instant::now();
        world
            .patch(
                "apps/v1",
                "Deployment",
                "web",
                "scaler",
                value!({"spec": {"replicas": 5}}),
            )
            .await;
        world
            .until("scaled back", async || replicas(&world).await == Some(2))
            .await;
        assert!(began.elapsed() < Duration::from_secs(1));
        world.rest().await;
        let text =
            "Deployment/apps/web corrected: .spec.replicas from 5 back to 2, changed by scaler";
        assert!(world.told(text), "{:#?}", world.lines());
    });
}

#[test]
fn what_kubectl_added_goes_and_what_others_added_stays() {
    virtual_time(async {
        let world = deployed().await;
        world
            .patch(
                "v1",
                "ConfigMap",
                "a",
                "other",
                value!({"data": {"theirs": "x"}}),
            )
            .await;
        world
            .patch(
                "v1",
                "ConfigMap",
                "a",
                "kubectl-edit",
                value!({"data": {"edited": "y"}}),
            )
            .await;
        world
            .until("the edit is gone", async || {
                world
                    .config_map("a")
                    .await
                    .unwrap()
                    .str_at(&["data", "edited"])
                    .is_none()
            })
            .await;
        assert_eq!(
            world
                .config_map("a")
                .await
                .unwrap()
                .str_at(&["data", "theirs"]),
            Some("x")
        );
    });
}

#[test]
fn a_deleted_object_comes_back() {
    virtual_time(async {
        let world = deployed().await;
        world.delete("v1", "ConfigMap", "a").await;
        world
            .until("a is back", async || world.config_map("a").await.is_some())
            .await;
        world.rest().await;
        let text = "ConfigMap/apps/a corrected: it was deleted; created again";
        assert!(world.told(text), "{}", world.picture());
    });
}

#[test]
fn a_stripped_label_is_put_back() {
    virtual_time(async {
        let world = deployed().await;
        let label = "kustomize.toolkit.fluxcd.io/name";
        let mut patch = value!({});
        patch.set_at(&["metadata", "labels", label], Value::Null);
        world.patch("v1", "ConfigMap", "a", "person", patch).await;
        world
            .until("labelled again", async || {
                world
                    .config_map("a")
                    .await
                    .unwrap()
                    .str_at(&["metadata", "labels", label])
                    == Some("apps")
            })
            .await;
    });
}

#[test]
fn two_that_undo_each_other_are_slowed_down_and_named() {
    virtual_time(async {
        let world = deployed().await;
        for _ in 0..3 {
            world
                .patch(
                    "apps/v1",
                    "Deployment",
                    "web",
                    "scaler",
                    value!({"spec": {"replicas": 5}}),
                )
                .await;
            world
                .until("scaled back", async || replicas(&world).await == Some(2))
                .await;
        }
        world
            .patch(
                "apps/v1",
                "Deployment",
                "web",
                "scaler",
                value!({"spec": {"replicas": 5}}),
            )
            .await;
        world
            .until("braked", async || world.told("DriftCorrectionSlowed"))
            .await;
        assert!(
            world.told("is changed again and again by scaler"),
            "{:#?}",
            world.lines()
        );
        world.rest().await;
        assert_eq!(replicas(&world).await, Some(5));
        tokio::time::sleep(Duration::from_secs(70 * 60)).await;
        assert_eq!(replicas(&world).await, Some(2), "corrected at the interval");
    });
}

/// Deletes a ConfigMap until nobody makes it anew at once.
async fn deleted_again_and_again(world: &World, name: &str) {
    let slowed = async || {
        if world.get("v1", "ConfigMap", name).await.is_some() {
            world.delete("v1", "ConfigMap", name).await;
        }
        world.told(&format!(
            "ConfigMap/apps/{name}: it was deleted again and again"
        ))
    };
    world.until("it is left alone", slowed).await;
    assert_eq!(world.get("v1", "ConfigMap", name).await, None);
}

#[test]
fn what_was_slowed_down_is_part_of_a_new_revision_though_that_takes_several_runs() {
    virtual_time(async {
        let world = World::new(31).await;
        let a = map("a", &[]);
        let revision = world.commit("first", &[("apps/a.yaml", &a)]);
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &revision).await;
        deleted_again_and_again(&world, "a").await;
        let gadget =
            "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g, namespace: apps}\n";
        let files = [
            ("apps/a.yaml", a.as_str()),
            ("apps/definition.yaml", DEFINITION),
            ("apps/gadget.yaml", gadget),
        ];
        let revision = world.push("second", &files);
        world.applied("apps", &revision).await;
        assert!(world.get("v1", "ConfigMap", "a").await.is_some());
    });
}

#[test]
fn a_revision_lifts_the_brake_only_from_what_it_changes() {
    virtual_time(async {
        let world = World::new(33).await;
        let (a, b) = (map("a", &[]), map("b", &[]));
        let revision = world.commit("first", &[("apps/a.yaml", &a), ("apps/b.yaml", &b)]);
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &revision).await;
        for name in ["a", "b"] {
            deleted_again_and_again(&world, name).await;
        }
        let changed = map("b", &[("key", "new")]);
        let revision = world.push("second", &[("apps/a.yaml", &a), ("apps/b.yaml", &changed)]);
        world.applied("apps", &revision).await;
        world.rest().await;
        for (name, comes_back) in [("a", false), ("b", true)] {
            assert!(
                world.config_map(name).await.is_some(),
                "{name} is part of it"
            );
            world.delete("v1", "ConfigMap", name).await;
            world.rest().await;
            assert_eq!(world.config_map(name).await.is_some(), comes_back, "{name}");
        }
    });
}

/// Of these files, one of which is the ConfigMap `a`.
async fn is_made_at_the_retry(files: &[(&str, &str)]) {
    let world = World::new(32).await;
    let revision = world.commit("first", files);
    world.repository().await;
    let waits = value!({"wait": true, "timeout": "1m", "retryInterval": "30s"});
    world.kustomization("apps", "./apps", waits).await;
    world.applied("apps", &revision).await;
    deleted_again_and_again(&world, "a").await;
    world
        .until("made anew at a retry", async || {
            world.get("v1", "ConfigMap", "a").await.is_some()
        })
        .await;
    assert!(
        world.told("health check failed after"),
        "{:#?}",
        world.lines()
    );
    world.applied("apps", &revision).await;
}

#[test]
fn what_is_missing_and_slowed_down_fails_the_health_check_and_is_made_at_the_retry() {
    let a = map("a", &[]);
    virtual_time(is_made_at_the_retry(&[("apps/a.yaml", &a)]));
}

/// The stage of definitions is ready at every look, which is no news of the
/// health that is waited for.
#[test]
fn a_stage_that_is_ready_gives_the_health_check_no_more_time() {
    let a = map("a", &[]);
    let files = [
        ("apps/a.yaml", a.as_str()),
        ("apps/definition.yaml", DEFINITION),
    ];
    virtual_time(is_made_at_the_retry(&files));
}

#[test]
fn a_change_of_what_is_not_ours_costs_no_write() {
    virtual_time(async {
        let world = deployed().await;
        let before = world.faults.write_count();
        world
            .patch(
                "apps/v1",
                "Deployment",
                "web",
                "person",
                value!({"spec": {"revisionHistoryLimit": 3}}),
            )
            .await;
        world.rest().await;
        assert_eq!(world.faults.write_count(), before);
    });
}

#[test]
fn two_kustomizations_that_want_one_object_differently_do_not_fight_all_day() {
    virtual_time(async {
        let world = World::new(12).await;
        let (one, two) = (map("a", &[("key", "one")]), map("a", &[("key", "two")]));
        world.commit("first", &[("one/a.yaml", &one), ("two/a.yaml", &two)]);
        world.repository().await;
        world.kustomization("one", "./one", Value::map()).await;
        world.kustomization("two", "./two", Value::map()).await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        let writes = world.faults.write_count();
        assert!(writes < 120, "{writes} writes");
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(world.faults.write_count(), writes);
        assert!(world.told("DriftCorrectionSlowed"), "{:#?}", world.lines());
    });
}
