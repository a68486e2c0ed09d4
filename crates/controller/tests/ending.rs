//! What becomes of the objects of a Kustomization that is deleted.

use super::world::{World, map};
use std::time::Duration;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

const API: &str = "kustomize.toolkit.fluxcd.io/v1";

/// A Kustomization with one ConfigMap, applied.
async fn applied(seed: u64, more: Value) -> World {
    let world = World::new(seed).await;
    let revision = world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
    world.repository().await;
    world.kustomization("apps", "./apps", more).await;
    world.applied("apps", &revision).await;
    world
}

async fn gone(world: &World) {
    world
        .until("the Kustomization is gone", async || {
            world.get(API, "Kustomization", "apps").await.is_none()
        })
        .await;
}

/// Deletes with these fields; whether the object stays.
fn stays(seed: u64, more: Value) -> bool {
    let stays = std::sync::Arc::new(std::sync::Mutex::new(None));
    let told = std::sync::Arc::clone(&stays);
    virtual_time(async move {
        let world = applied(seed, more).await;
        world.delete_kustomization("apps").await;
        *told.lock().unwrap() = Some(world.config_map("a").await.is_some());
    });
    let stays = stays.lock().unwrap().take();
    stays.unwrap()
}

#[test]
fn the_policy_decides_and_without_one_prune_does() {
    let rows = [
        (value!({"prune": true}), false),
        (value!({"prune": false}), true),
        (
            value!({"prune": true, "deletionPolicy": "MirrorPrune"}),
            false,
        ),
        (
            value!({"prune": false, "deletionPolicy": "MirrorPrune"}),
            true,
        ),
        (value!({"prune": false, "deletionPolicy": "Delete"}), false),
        (value!({"prune": true, "deletionPolicy": "Orphan"}), true),
        (
            value!({"prune": false, "deletionPolicy": "WaitForTermination"}),
            false,
        ),
    ];
    for (seed, (more, expected)) in (40..).zip(rows) {
        assert_eq!(stays(seed, more.clone()), expected, "{more:?}");
    }
}

#[test]
fn a_suspended_kustomization_keeps_its_objects_whatever_its_policy() {
    virtual_time(async {
        let world = applied(50, value!({"deletionPolicy": "Delete"})).await;
        world
            .patch_kustomization("apps", value!({"spec": {"suspend": true}}))
            .await;
        world.rest().await;
        world.delete_kustomization("apps").await;
        assert!(world.config_map("a").await.is_some());
    });
}

async fn with_finalizer(seed: u64) -> World {
    let policy = value!({"deletionPolicy": "WaitForTermination", "timeout": "1m"});
    let world = applied(seed, policy).await;
    finalizers(&world, value!(["example.com/slow"])).await;
    world
}

async fn finalizers(world: &World, list: Value) {
    let change = value!({"metadata": {"finalizers": list}});
    world.patch("v1", "ConfigMap", "a", "slow", change).await;
}

#[test]
fn termination_is_waited_for_until_everything_is_gone() {
    virtual_time(async {
        let world = with_finalizer(51).await;
        world.delete(API, "Kustomization", "apps").await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(world.get(API, "Kustomization", "apps").await.is_some());
        finalizers(&world, value!([])).await;
        let began = tokio::time::Instant::now();
        gone(&world).await;
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "woken by the end of the object"
        );
        assert!(world.config_map("a").await.is_none());
    });
}

#[test]
fn termination_is_waited_for_no_longer_than_the_timeout_and_what_is_left_is_named() {
    virtual_time(async {
        let mut world = with_finalizer(52).await;
        let began = tokio::time::Instant::now();
        world.delete(API, "Kustomization", "apps").await;
        tokio::time::sleep(Duration::from_secs(40)).await;
        // A restart gives no more time.
        world.restart().await;
        gone(&world).await;
        let waited = began.elapsed();
        assert!(
            (Duration::from_secs(55)..Duration::from_secs(75)).contains(&waited),
            "{waited:?}"
        );
        assert!(
            world.told(
                "failed to wait for resources termination: still there after 1m0s: ConfigMap/apps/a"
            ),
            "{:?}",
            world.lines()
        );
    });
}
