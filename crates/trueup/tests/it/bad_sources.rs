//! Repositories that can't be fetched: each says why, changes nothing, and
//! heals by itself.

use crate::world::{CREDENTIALS, PRIVATE_REPOSITORY, in_a_world, with};
use trueup_object::value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_repository_keeps_what_runs_and_heals_when_it_is_back() {
    in_a_world("unreachable", async |world| {
        world.deploy("api").await;
        let commit = world.fleet.head().await;
        world.applied("api", &commit).await;
        world.git.go_away().await;
        world
            .kubectl(&[
                "annotate",
                "gitrepository",
                "fleet",
                "reconcile.fluxcd.io/requestedAt=1",
            ])
            .await;
        let fleet = world.repository_reference();
        world
            .fails(&fleet, "GitOperationFailed", &["127.0.0.1"])
            .await;
        world.applied("api", &commit).await;
        world.live(&world.reference("v1", "ConfigMap", "api")).await;
        world.git.come_back().await;
        world.is_ready(&fleet).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_named_and_right_ones_heal() {
    in_a_world("credentials", async |world| {
        let secret = |password: &str| {
            let secret = crate::world::object("v1", "Secret", "login");
            with(
                secret,
                &["stringData"],
                value!({"username": (CREDENTIALS.0), "password": password}),
            )
        };
        world.apply(&secret("wrong")).await;
        world.follow_fleet().await;
        let fleet = world.repository_reference();
        world.is_ready(&fleet).await;
        let url = world.git.url(PRIVATE_REPOSITORY);
        let patch = format!(r#"{{"spec":{{"url":"{url}","secretRef":{{"name":"login"}}}}}}"#);
        world
            .kubectl(&[
                "patch",
                "gitrepository",
                "fleet",
                "--type=merge",
                "-p",
                &patch,
            ])
            .await;
        world
            .fails(&fleet, "AuthenticationFailed", &["private"])
            .await;
        let failed = world.live(&fleet).await;
        assert!(
            !format!("{failed:?}").contains("wrong"),
            "the password is shown: {failed:?}"
        );
        world.apply(&secret(CREDENTIALS.1)).await;
        world.is_ready(&fleet).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_secret_is_named_and_its_arrival_heals() {
    in_a_world("no-secret", async |world| {
        world.follow_fleet().await;
        let fleet = world.repository_reference();
        world.is_ready(&fleet).await;
        let patch = r#"{"spec":{"secretRef":{"name":"login"}}}"#;
        world
            .kubectl(&[
                "patch",
                "gitrepository",
                "fleet",
                "--type=merge",
                "-p",
                patch,
            ])
            .await;
        world
            .fails(&fleet, "AuthenticationFailed", &["login"])
            .await;
        let login = [
            "create",
            "secret",
            "generic",
            "login",
            "--from-literal=username=a",
            "--from-literal=password=b",
        ];
        world.kubectl(&login).await;
        world.is_ready(&fleet).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_branch_is_named_and_its_arrival_heals() {
    in_a_world("branch", async |world| {
        world.deploy("api").await;
        world.applied("api", &world.fleet.head().await).await;
        let patch = r#"{"spec":{"ref":{"branch":"next"}}}"#;
        world
            .kubectl(&[
                "patch",
                "gitrepository",
                "fleet",
                "--type=merge",
                "-p",
                patch,
            ])
            .await;
        let fleet = world.repository_reference();
        world.fails(&fleet, "GitOperationFailed", &["next"]).await;
        world.live(&world.reference("v1", "ConfigMap", "api")).await;
        world.fleet.edit("api/settings.yaml", "green", "blue");
        let commit = world.fleet.push_to("next", "Paint it blue").await;
        world.is_ready(&fleet).await;
        world.applied("api", &commit).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_is_not_served_yet_is_refused_by_name() {
    in_a_world("unserved", async |world| {
        world.deploy("api").await;
        world.applied("api", &world.fleet.head().await).await;
        let patch = r#"{"spec":{"recurseSubmodules":true}}"#;
        world
            .kubectl(&[
                "patch",
                "gitrepository",
                "fleet",
                "--type=merge",
                "-p",
                patch,
            ])
            .await;
        let fleet = world.repository_reference();
        world
            .fails(&fleet, "FieldNotServed", &["spec.recurseSubmodules"])
            .await;
        let patch = r#"{"spec":{"recurseSubmodules":null}}"#;
        world
            .kubectl(&[
                "patch",
                "gitrepository",
                "fleet",
                "--type=merge",
                "-p",
                patch,
            ])
            .await;
        world.is_ready(&fleet).await;
    })
    .await;
}
