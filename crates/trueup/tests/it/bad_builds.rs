//! Commits that can't be built: the Kustomization says what is wrong and
//! where, changes nothing, others go on, and the next good commit heals it.

use crate::world::{World, in_a_world, object, with};

/// Pushes something bad into `web`, expects the complaint, and takes it back.
async fn is_refused(name: &str, breaks: impl FnOnce(&World), reason: &str, words: &[&str]) {
    in_a_world(name, async |world| {
        world.deploy("web").await;
        world.deploy("api").await;
        let first = world.fleet.head().await;
        for folder in ["web", "api"] {
            world.applied(folder, &first).await;
        }
        let service = world.reference("v1", "Service", "web");
        let before = world.live(&service).await;
        breaks(world);
        // Good news in the bad commit: none of it may be applied.
        world.fleet.edit("web/service.yaml", "port: 80", "port: 81");
        let bad = world.fleet.push("Break web").await;
        let web = world.kustomization_reference("web");
        world.fails(&web, reason, words).await;
        world.applied("api", &bad).await;
        let failed = world.live(&web).await;
        assert!(
            failed
                .str_at(&["status", "lastAppliedRevision"])
                .unwrap()
                .ends_with(&first)
        );
        assert!(
            failed
                .str_at(&["status", "lastAttemptedRevision"])
                .unwrap()
                .ends_with(&bad)
        );
        assert_eq!(world.live(&service).await, before);
        world.has_replicas("web", 2).await;
        let good = world.fleet.revert().await;
        world.applied("web", &good).await;
    })
    .await;
}

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_yaml_is_told_with_file_and_line() {
    let breaks = |world: &World| {
        world.fleet.write(
            "web/broken.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x\n",
        )
    };
    is_refused(
        "yaml",
        breaks,
        "BuildFailed",
        &["web/broken.yaml:3: ", "'}'"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_twice_in_one_build_is_told_with_both_places() {
    let breaks = |world: &World| {
        world.fleet.write("web/one.yaml", SETTINGS);
        world.fleet.write("web/two.yaml", SETTINGS);
    };
    is_refused(
        "twice",
        breaks,
        "BuildFailed",
        &["ConfigMap", "settings", "web/one.yaml", "web/two.yaml"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_without_a_name_is_told_with_its_place() {
    let breaks = |world: &World| {
        world
            .fleet
            .write("web/nameless.yaml", "apiVersion: v1\nkind: ConfigMap\n")
    };
    is_refused(
        "nameless",
        breaks,
        "BuildFailed",
        &["web/nameless.yaml:1", "name"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_symbolic_link_out_of_the_tree_is_not_followed() {
    let breaks = |world: &World| {
        world
            .fleet
            .link("web/out.yaml", "../../../../../etc/hostname")
    };
    is_refused(
        "link",
        breaks,
        "BuildFailed",
        &["web/out.yaml", "out of the source"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_over_the_limit_is_told_with_the_limit() {
    let breaks = |world: &World| {
        let comment = "# nothing\n".repeat(17 * 1024 * 1024 / 10);
        world.fleet.write("web/large.yaml", &(comment + SETTINGS));
    };
    is_refused(
        "large",
        breaks,
        "BuildFailed",
        &["web/large.yaml", "16777216"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_kustomize_that_is_not_served_yet_is_refused_by_name() {
    let breaks = |world: &World| {
        let file =
            "resources:\n  - deployment.yaml\n  - service.yaml\nhelmCharts:\n  - name: web\n";
        world.fleet.write("web/kustomization.yaml", file);
    };
    is_refused(
        "charts",
        breaks,
        "BuildFailed",
        &["web/kustomization.yaml:5", "helmCharts"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_path_is_told_and_its_arrival_heals() {
    in_a_world("path", async |world| {
        world.deploy("api").await;
        world.deploy("later").await;
        let later = world.kustomization_reference("later");
        world
            .fails(
                &later,
                "ArtifactFailed",
                &["kustomization path not found", "later"],
            )
            .await;
        world.applied("api", &world.fleet.head().await).await;
        world.fleet.write("later/settings.yaml", SETTINGS);
        let commit = world.fleet.push("Later").await;
        world.applied("later", &commit).await;
        world
            .live(&world.reference("v1", "ConfigMap", "settings"))
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_source_is_told_and_its_arrival_heals() {
    in_a_world("source", async |world| {
        world.apply(&world.kustomization("api")).await;
        let api = world.kustomization_reference("api");
        let words = format!("Source 'GitRepository/{}/fleet' not found", world.namespace);
        // As in Flux: a source that is yet to come is no event.
        world
            .fails_without_event(&api, "ArtifactFailed", &[&words])
            .await;
        world.follow_fleet().await;
        world.applied("api", &world.fleet.head().await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_somebody_else_made_is_taken_over_but_not_recreated() {
    in_a_world("adopt", async |world| {
        let settings = with(object("v1", "ConfigMap", "api"), &["data", "colour"], "red");
        world.apply(&settings).await;
        let reference = world.reference("v1", "ConfigMap", "api");
        let before = world.live(&reference).await;
        world.deploy("api").await;
        world.applied("api", &world.fleet.head().await).await;
        let after = world.live(&reference).await;
        assert_eq!(after.str_at(&["data", "colour"]), Some("green"));
        assert_eq!(
            after.str_at(&["metadata", "uid"]),
            before.str_at(&["metadata", "uid"])
        );
    })
    .await;
}
