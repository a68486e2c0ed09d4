//! Leaders that take over, and know less than whoever led before.

use super::world::{NAMESPACE, World, map};
use std::time::Duration;
use trueup_cluster::LeaseTimes;
use trueup_controller::LeaderElection;
use trueup_object::Value;
use trueup_testkit::virtual_time;

/// How long after the leader has died somebody else surely leads.
const TAKEOVER: Duration = Duration::from_secs(60);

/// Where the process of the world and others lead in turn.
async fn world_of_leases(seed: u64) -> World {
    World::with(seed, |options| {
        options.leader_election = Some(LeaderElection {
            namespace: NAMESPACE.into(),
            identity: "first".into(),
            times: LeaseTimes::FLUX,
        });
    })
    .await
}

#[test]
fn who_takes_over_does_not_make_again_what_was_deleted_meanwhile() {
    virtual_time(async {
        let mut world = world_of_leases(91).await;
        let revision = world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &revision).await;
        let second = world.elect("second");
        world.restart().await;
        let what = "the second leads";
        world
            .until(what, async || world.holds_lease("second").await)
            .await;
        // The first stands by now, and sees no more.
        world.faults.keep_watches_away("/kustomizations");
        let (api_version, kind) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
        world.delete(api_version, kind, "apps").await;
        let what = "the second has let it go";
        world
            .until(what, async || {
                world.get(api_version, kind, "apps").await.is_none()
            })
            .await;
        assert_eq!(world.config_map("a").await, None);
        second.kill();
        let what = "the first leads";
        world
            .until(what, async || world.holds_lease("first").await)
            .await;
        world.push("second", &[("apps/a.yaml", &map("a", &[("key", "new")]))]);
        tokio::time::sleep(TAKEOVER).await;
        assert_eq!(world.config_map("a").await, None);
    });
}
