//! What others wrote into objects steers nobody's terminal.

use crate::world::{World, in_a_world, with};
use trueup_cluster::WriteOptions;

/// Clears the screen, sets the title, goes back to the start of the line.
const STEERING: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\u{9b}31m";

fn steers(text: &str) -> bool {
    text.contains(|one: char| one.is_control() && !matches!(one, '\n' | '\t'))
}

async fn prints_nothing_that_steers(world: &World, arguments: &[&str]) {
    let answer = world.try_trueup(arguments).await;
    let all = format!("{}{}", answer.out, answer.err);
    assert!(!steers(&all), "trueup {arguments:?}: {all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_into_objects_steers_no_terminal() {
    in_a_world("terminals", async |world| {
        world.follow_fleet().await;
        let path = format!("./{STEERING}");
        let odd = with(world.kustomization("odd"), &["spec", "path"], path.as_str());
        let reason = &["metadata", "annotations", "trueup.dev/suspend-reason"];
        let odd = with(odd, reason, STEERING);
        let namespace = world.namespace.as_str();
        let odd = with(odd, &["metadata", "namespace"], namespace);
        // An apply is read as YAML, which takes no such characters.
        let options = WriteOptions::new("tests");
        world.session.create(&odd, &options).await.unwrap();
        let reference = world.kustomization_reference("odd");
        world
            .fails(&reference, "ArtifactFailed", &["\u{1b}[2J"])
            .await;
        world
            .fleet
            .write("web/broken.yaml", &format!("\"{STEERING}\": ["));
        world.fleet.push(&format!("Broken {STEERING}")).await;
        world.apply(&world.kustomization("web")).await;
        let web = world.kustomization_reference("web");
        world.fails(&web, "BuildFailed", &["broken.yaml"]).await;
        for arguments in [
            ["get", "all"].as_slice(),
            &["get", "kustomizations"],
            &["get", "sources", "git"],
            &["get", "kustomizations", "-o", "wide"],
            &["events"],
            &["events", "--for", "Kustomization/odd"],
            &["tree", "kustomization", "odd"],
            &["trace", "kustomization", "odd"],
            &["stats"],
            &["reconcile", "kustomization", "odd"],
            &["reconcile", "kustomization", "web"],
            &["debug", "kustomization", "odd", "--show-status"],
            &[
                "diff",
                "kustomization",
                "web",
                "--path",
                "/nowhere\u{1b}[2J",
            ],
        ] {
            prints_nothing_that_steers(world, arguments).await;
        }
    })
    .await;
}
