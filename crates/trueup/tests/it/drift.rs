//! Changes that nobody pushed.

use crate::world::in_a_world;
use trueup_object::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scale_by_hand_is_undone_and_the_event_names_field_values_and_manager() {
    in_a_world("scale", async |world| {
        world.deploy("web").await;
        world.applied("web", &world.fleet.head().await).await;
        world
            .kubectl(&["scale", "deployment/web", "--replicas=5"])
            .await;
        let web = world.kustomization_reference("web");
        let words = [
            "Deployment",
            "web",
            ".spec.replicas",
            "from 5 back to 2",
            "kubectl",
        ];
        world.event(&web, "DriftCorrected", &words).await;
        world.has_replicas("web", 2).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_field_is_undone_and_what_others_added_stays() {
    in_a_world("edit", async |world| {
        world.deploy("api").await;
        world.applied("api", &world.fleet.head().await).await;
        let patch =
            r#"{"data":{"colour":"red"},"metadata":{"annotations":{"example.com/mine":"yes"}}}"#;
        world
            .kubectl(&[
                "patch",
                "configmap",
                "api",
                "--type=merge",
                "-p",
                patch,
                "--field-manager=painter",
            ])
            .await;
        let settings = world.reference("v1", "ConfigMap", "api");
        let green = |it: &Value| it.str_at(&["data", "colour"]) == Some("green");
        let live = world.becomes(&settings, green).await;
        assert_eq!(
            live.str_at(&["metadata", "annotations", "example.com/mine"]),
            Some("yes")
        );
        let words = [".data.colour", "red", "green", "painter"];
        world
            .event(
                &world.kustomization_reference("api"),
                "DriftCorrected",
                &words,
            )
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_object_comes_back() {
    in_a_world("deleted", async |world| {
        world.deploy("web").await;
        world.applied("web", &world.fleet.head().await).await;
        let service = world.reference("v1", "Service", "web");
        let uid = |it: &Value| it.str_at(&["metadata", "uid"]).unwrap().to_owned();
        let before = uid(&world.live(&service).await);
        world.kubectl(&["delete", "service", "web"]).await;
        world.becomes(&service, |it| uid(it) != before).await;
        world
            .event(
                &world.kustomization_reference("web"),
                "Progressing",
                &["Service", "web", "created"],
            )
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tug_of_war_over_one_field_is_slowed_down_with_an_event_that_names_both() {
    in_a_world("brake", async |world| {
        world.deploy("api").await;
        world.applied("api", &world.fleet.head().await).await;
        let settings = world.reference("v1", "ConfigMap", "api");
        let colour = |it: &Value| {
            it.str_at(&["data", "colour"])
                .unwrap_or_default()
                .to_owned()
        };
        for round in 0..4 {
            let patch = format!(r#"{{"data":{{"colour":"red-{round}"}}}}"#);
            world
                .kubectl(&[
                    "patch",
                    "configmap",
                    "api",
                    "--type=merge",
                    "-p",
                    &patch,
                    "--field-manager=painter",
                ])
                .await;
            if round < 3 {
                world.becomes(&settings, |it| colour(it) == "green").await;
            }
        }
        let api = world.kustomization_reference("api");
        world
            .event(
                &api,
                "DriftCorrectionSlowed",
                &["ConfigMap", ".data.colour", "painter"],
            )
            .await;
        assert_eq!(colour(&world.live(&settings).await), "red-3");
        world.trueup(&["reconcile", "kustomization", "api"]).await;
        world.becomes(&settings, |it| colour(it) == "green").await;
    })
    .await;
}
