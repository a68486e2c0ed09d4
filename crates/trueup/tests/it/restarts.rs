//! The controllers may be killed between any two steps.

use crate::world::{World, in_a_world, with};
use trueup_object::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn controllers_killed_between_any_two_steps_converge_all_the_same() {
    in_a_world("kill", async |world| {
        world.kill_controllers();
        world.deploy("web").await;
        world.start_controllers().await;
        world.restart().await;
        world.applied("web", &world.fleet.head().await).await;
        world.restart().await;
        a_push_while_nobody_runs(world).await;
        drift_while_nobody_runs(world).await;
        a_removal_while_nobody_runs(world).await;
        a_kill_in_the_middle_of_it(world).await;
        a_deletion_while_nobody_runs(world).await;
    })
    .await;
}

async fn a_push_while_nobody_runs(world: &mut World) {
    world.kill_controllers();
    world
        .fleet
        .edit("web/deployment.yaml", "replicas: 2", "replicas: 3");
    let commit = world.fleet.push("Scale web to 3").await;
    world.start_controllers().await;
    world.applied("web", &commit).await;
    world.has_replicas("web", 3).await;
}

async fn drift_while_nobody_runs(world: &mut World) {
    world.kill_controllers();
    world
        .kubectl(&["scale", "deployment/web", "--replicas=1"])
        .await;
    world.kubectl(&["delete", "service", "web"]).await;
    world.start_controllers().await;
    world.has_replicas("web", 3).await;
    world
        .becomes(&world.reference("v1", "Service", "web"), |_| true)
        .await;
}

async fn a_removal_while_nobody_runs(world: &mut World) {
    world.kill_controllers();
    world.fleet.remove("web/service.yaml");
    let commit = world.fleet.push("Remove the service").await;
    world.start_controllers().await;
    world.applied("web", &commit).await;
    world
        .is_gone(&world.reference("v1", "Service", "web"))
        .await;
}

/// Kills at more and more steps after a push, as the cluster shows them.
async fn a_kill_in_the_middle_of_it(world: &mut World) {
    let deployment = world.reference("apps/v1", "Deployment", "web");
    for (round, step) in [Step::Pushed, Step::Fetched, Step::Attempted, Step::Applied]
        .into_iter()
        .enumerate()
    {
        let count = i64::try_from(round).unwrap() + 1;
        let text = std::fs::read_to_string(world.fleet.folder.join("web/deployment.yaml")).unwrap();
        let line = text
            .lines()
            .find(|line| line.contains("replicas:"))
            .unwrap();
        world
            .fleet
            .edit("web/deployment.yaml", line, &format!("  replicas: {count}"));
        world
            .fleet
            .write(&format!("web/settings-{round}.yaml"), &settings(round));
        let commit = world.fleet.push(&format!("Round {round}")).await;
        step.is_reached(world, &commit, count).await;
        world.restart().await;
        world.applied("web", &commit).await;
        world
            .becomes(&deployment, |it| {
                it.i64_at(&["spec", "replicas"]) == Some(count)
            })
            .await;
        world
            .live(&world.reference("v1", "ConfigMap", &format!("settings-{round}")))
            .await;
    }
}

fn settings(round: usize) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings-{round}\n")
}

/// How far the controllers come before they are killed.
enum Step {
    Pushed,
    Fetched,
    Attempted,
    Applied,
}

impl Step {
    async fn is_reached(&self, world: &World, commit: &str, count: i64) {
        match self {
            Self::Pushed => {}
            Self::Fetched => {
                let path = ["status", "artifact", "revision"];
                world
                    .becomes(&world.repository_reference(), |it| {
                        ends_with(it, &path, commit)
                    })
                    .await;
            }
            Self::Attempted => {
                let path = ["status", "lastAttemptedRevision"];
                world
                    .becomes(&world.kustomization_reference("web"), |it| {
                        ends_with(it, &path, commit)
                    })
                    .await;
            }
            Self::Applied => {
                let deployment = world.reference("apps/v1", "Deployment", "web");
                world
                    .becomes(&deployment, |it| {
                        it.i64_at(&["spec", "replicas"]) == Some(count)
                    })
                    .await;
            }
        }
    }
}

fn ends_with(object: &Value, path: &[&str], commit: &str) -> bool {
    object
        .str_at(path)
        .is_some_and(|revision| revision.ends_with(commit))
}

async fn a_deletion_while_nobody_runs(world: &mut World) {
    world.kill_controllers();
    world
        .kubectl(&["delete", "kustomization", "web", "--wait=false"])
        .await;
    world.live(&world.kustomization_reference("web")).await;
    world.start_controllers().await;
    world.is_gone(&world.kustomization_reference("web")).await;
    world
        .is_gone(&world.reference("apps/v1", "Deployment", "web"))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_changes_nothing_that_is_as_it_should_be() {
    in_a_world("rest", async |world| {
        for folder in ["web", "api"] {
            world.deploy(folder).await;
        }
        for folder in ["web", "api"] {
            world.applied(folder, &world.fleet.head().await).await;
        }
        world.has_replicas("web", 2).await;
        let references = [
            world.reference("v1", "Service", "web"),
            world.reference("v1", "ConfigMap", "api"),
        ];
        let mut before = Vec::new();
        for reference in &references {
            before.push(world.live(reference).await);
        }
        world.restart().await;
        world
            .trueup(&["reconcile", "kustomization", "web", "--with-source"])
            .await;
        world.trueup(&["reconcile", "kustomization", "api"]).await;
        for (reference, before) in references.iter().zip(before) {
            assert_eq!(world.live(reference).await, before);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_controller_process_survives_being_killed() {
    in_a_world("process", async |world| {
        if world.is_shared() {
            println!("skipped: the controller process looks at all namespaces, and others use this cluster");
            return;
        }
        world.kill_controllers();
        let mut process = world.spawn_controller();
        world.deploy("web").await;
        let patch = r#"{"spec":{"interval":"1s"}}"#;
        world.kubectl(&["patch", "gitrepository", "fleet", "--type=merge", "-p", patch]).await;
        world.applied("web", &world.fleet.head().await).await;
        for count in [3, 4] {
            world.fleet.edit("web/deployment.yaml", &format!("replicas: {}", count - 1), &format!("replicas: {count}"));
            let commit = world.fleet.push(&format!("Scale web to {count}")).await;
            process.kill().await.unwrap();
            process = world.spawn_controller();
            world.applied("web", &commit).await;
            world.has_replicas("web", count).await;
        }
        assert_eq!(process.try_wait().unwrap(), None);
        process.kill().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_push_replaces_one_that_is_waited_for() {
    in_a_world("newer", async |world| {
        world.follow_fleet().await;
        world
            .apply(&with(
                world.kustomization("web"),
                &["spec", "timeout"],
                "10m",
            ))
            .await;
        world
            .fleet
            .edit("web/deployment.yaml", "nginx:1.28.0", "nginx:broken");
        let bad = world.fleet.push("Break web").await;
        let web = world.kustomization_reference("web");
        world
            .becomes(&web, |it| {
                ends_with(it, &["status", "lastAttemptedRevision"], &bad)
            })
            .await;
        let good = world.fleet.revert().await;
        world.applied("web", &good).await;
        let deployment = world.reference("apps/v1", "Deployment", "web");
        world
            .becomes(&deployment, |it| {
                !format!("{it:?}").contains("nginx:broken")
            })
            .await;
    })
    .await;
}
