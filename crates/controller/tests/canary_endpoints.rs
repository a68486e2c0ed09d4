//! Canaries whose Services lose their endpoints in the middle of a run.

use super::canary_world::{
    announced_weights, canary_world, initialized, push, reaches, routed_weight, status, weighs,
};
use super::world::World;
use std::time::Duration;
use tokio::time::Instant;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

/// Somebody takes the primary's Pods down, or lets them come back.
async fn mark_down(world: &World, mark: Value) {
    let patch = value!({"metadata": {"annotations": {"test/down": (mark)}}});
    let (api, name) = ("apps/v1", "podinfo-primary");
    world.patch(api, "Deployment", name, "person", patch).await;
}

#[test]
fn a_primary_that_loses_its_endpoints_leaves_its_share_to_the_canary_and_gets_it_back() {
    virtual_time(async {
        let (world, _) = canary_world(91).await;
        let steps = value!({"interval": "1m", "stepWeight": 50, "maxWeight": 100});
        initialized(&world, steps).await;
        push(&world, "v2").await;
        weighs(&world, "50").await;
        mark_down(&world, "yes".into()).await;
        let lost = Instant::now();
        weighs(&world, "100").await;
        // Endpoints follow in half a second, the routes at once.
        assert!(lost.elapsed() < Duration::from_secs(5));
        let what = "the status tells what is routed, and keeps what is left";
        world
            .until(what, async || {
                let told = status(&world, "podinfo").await;
                let [routed, left] = ["routedWeight", "canaryWeight"].map(|it| told.i64_at(&[it]));
                (routed, left) == (Some(100), Some(50))
            })
            .await;
        assert!(
            world.told(
                "Primary of podinfo.apps has no ready endpoints, routing all traffic to canary"
            )
        );
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(routed_weight(&world).await.as_deref(), Some("100"));
        let numbers = world.controller.metrics_text();
        let number = r#"flagger_canary_weight{workload="podinfo",namespace="apps"} 100"#;
        assert!(numbers.contains(number), "{numbers}");
        mark_down(&world, Value::Null).await;
        weighs(&world, "50").await;
        reaches(&world, "Succeeded").await;
        assert_eq!(announced_weights(&world), [50, 100]);
    });
}
