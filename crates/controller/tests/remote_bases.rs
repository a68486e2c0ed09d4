//! Roots that come from other repositories.

use super::world::{World, condition, map, tree};
use std::time::Duration;
use trueup_controller::RemoteBases;
use trueup_object::Value;
use trueup_source::FetchErrorKind;
use trueup_testkit::virtual_time;

const BASE: &str = "http://git.example/base";
const OVERLAY: &str = "resources:\n- http://git.example/base//maps\n";

/// Commits a ConfigMap `shared` with this text to the other repository.
fn commit_base(world: &World, text: &str) {
    let root = "resources:\n- shared.yaml\n";
    let shared = map("shared", &[("text", text)]);
    let files = tree(&[
        ("maps/kustomization.yaml", root),
        ("maps/shared.yaml", &shared),
    ]);
    let now = world.clock.now();
    let commit = world.remote.commit(BASE, "main", files, text, now);
    world.remote.set_reference(BASE, "HEAD", &commit);
}

/// A Kustomization of an overlay over the other repository.
async fn follow(world: &World) -> String {
    world.remote.add_repository(BASE);
    commit_base(world, "one");
    let revision = world.commit("first", &[("apps/kustomization.yaml", OVERLAY)]);
    world.repository().await;
    world.kustomization("apps", "./apps", Value::map()).await;
    revision
}

async fn text(world: &World) -> Option<String> {
    let live = world.config_map("shared").await?;
    live.str_at(&["data", "text"]).map(str::to_owned)
}

#[test]
fn a_root_from_elsewhere_is_fetched_again_at_the_interval_and_not_for_each_commit() {
    virtual_time(async {
        let world = World::new(71).await;
        let revision = follow(&world).await;
        world.applied("apps", &revision).await;
        assert_eq!(text(&world).await.as_deref(), Some("one"));
        commit_base(&world, "two");
        let elsewhere = map("x", &[]);
        let files = [
            ("apps/kustomization.yaml", OVERLAY),
            ("other/x.yaml", elsewhere.as_str()),
        ];
        let again = world.push("elsewhere", &files);
        world.applied("apps", &again).await;
        assert_eq!(text(&world).await.as_deref(), Some("one"));
        tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
        assert_eq!(text(&world).await.as_deref(), Some("two"));
    });
}

#[test]
fn a_root_from_elsewhere_that_is_not_to_be_had_is_named_and_tried_again() {
    virtual_time(async {
        let world = World::new(72).await;
        world.remote.fail(BASE, FetchErrorKind::Unreachable, 3);
        let revision = follow(&world).await;
        let message = world.fails("apps", "BuildFailed").await;
        for words in ["apps/kustomization.yaml", BASE] {
            assert!(message.contains(words), "{words} in {message}");
        }
        world.remote.heal();
        world.applied("apps", &revision).await;
        assert_eq!(text(&world).await.as_deref(), Some("one"));
    });
}

#[test]
fn where_roots_from_elsewhere_are_forbidden_the_condition_says_so_and_nothing_is_fetched() {
    virtual_time(async {
        let why = "they are forbidden here";
        let world = World::with(73, move |options| {
            options.remote_bases = RemoteBases::refused(why);
        })
        .await;
        follow(&world).await;
        let message = world.fails("apps", "BuildFailed").await;
        for words in ["apps/kustomization.yaml", BASE, why] {
            assert!(message.contains(words), "{words} in {message}");
        }
        let source = world.repository_status().await;
        assert_eq!(condition(&source, "Ready").unwrap().0, "True");
        assert_eq!(world.remote.fetches(), 1, "the source alone");
    });
}

#[test]
fn a_repository_of_the_controllers_own_machine_is_not_read() {
    virtual_time(async {
        let world = World::new(74).await;
        let root = "resources:\n- file:///srv/fleet.git//maps\n";
        world.commit("first", &[("apps/kustomization.yaml", root)]);
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        let message = world.fails("apps", "BuildFailed").await;
        let words = "are read on the command line alone";
        assert!(message.contains(words), "{message}");
    });
}
