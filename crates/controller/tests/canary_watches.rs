//! Canaries whose watches were away.

use super::canary_world::{
    canary_world, delete, image, initialized, push, reaches, routed_weight, weighs,
};
use super::world::World;
use std::time::Duration;
use trueup_object::Value;
use trueup_testkit::virtual_time;

const INGRESS_API: &str = "networking.k8s.io/v1";

async fn uid_of_route(world: &World) -> Option<String> {
    let route = world.get(INGRESS_API, "Ingress", "podinfo-canary").await?;
    route.str_at(&["metadata", "uid"]).map(str::to_owned)
}

#[test]
fn a_route_that_came_and_went_while_its_watch_was_away_is_not_believed_to_be_there() {
    virtual_time(async {
        let (world, _) = canary_world(81).await;
        initialized(&world, Value::map()).await;
        push(&world, "v2").await;
        weighs(&world, "50").await;
        let first = uid_of_route(&world).await;
        world.faults.keep_watches_away("/ingresses");
        delete(&world, INGRESS_API, "Ingress", "podinfo-canary").await;
        // The next write finds out, and makes it again.
        reaches(&world, "Succeeded").await;
        world.rest().await;
        let second = uid_of_route(&world).await;
        assert!(second.is_some() && second != first);
        delete(&world, INGRESS_API, "Ingress", "podinfo-canary").await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(uid_of_route(&world).await, None, "nobody could know");
        world.faults.let_watches_back();
        let what = "the route is made once more";
        world
            .until(what, async || uid_of_route(&world).await.is_some())
            .await;
        assert_eq!(routed_weight(&world).await.as_deref(), Some("0"));
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");
    });
}
