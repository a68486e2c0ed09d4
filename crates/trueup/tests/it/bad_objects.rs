//! Objects that the API refuses, and Kustomizations that can't be: each says
//! why, changes nothing, and heals when the cause goes.

use crate::world::{World, in_a_world, object, with};
use trueup_object::{Value, value};

/// Pushes an edit of `web/deployment.yaml` that the API refuses.
async fn is_refused(name: &str, from: &str, to: &str, words: &[&str]) {
    in_a_world(name, async |world| {
        web_and_api_are_applied(world).await;
        let service = world.reference("v1", "Service", "web");
        let before = world.live(&service).await;
        world.fleet.edit("web/deployment.yaml", from, to);
        world.fleet.edit("web/service.yaml", "port: 80", "port: 81");
        let bad = world.fleet.push("Break web").await;
        world
            .fails(
                &world.kustomization_reference("web"),
                "ReconciliationFailed",
                words,
            )
            .await;
        world.applied("api", &bad).await;
        // Every object is tried before any is written.
        assert_eq!(world.live(&service).await, before);
        world.has_replicas("web", 2).await;
        let good = world.fleet.revert().await;
        world.applied("web", &good).await;
    })
    .await;
}

async fn web_and_api_are_applied(world: &World) {
    let commit = world.fleet.head().await;
    for folder in ["web", "api"] {
        world.deploy(folder).await;
    }
    for folder in ["web", "api"] {
        world.applied(folder, &commit).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_the_wrong_type_is_told_by_name() {
    is_refused(
        "type",
        "replicas: 2",
        "replicas: many",
        &["Deployment", "web", "dry-run failed", "replicas"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_does_not_exist_is_told_by_name() {
    is_refused(
        "unknown-field",
        "replicas: 2",
        "replica: 2",
        &["Deployment", "web", "dry-run failed", "replica"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_that_is_not_allowed_is_told_by_name() {
    let words = [
        "Deployment",
        "web",
        "dry-run failed (Invalid)",
        "containerPort",
    ];
    is_refused(
        "value",
        "containerPort: 8080",
        "containerPort: 80800",
        &words,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_immutable_field_is_refused_without_force() {
    let words = [
        "Deployment",
        "web",
        "dry-run failed (Invalid)",
        "field is immutable",
    ];
    is_refused("immutable", "{app: web}", "{app: site}", &words).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_immutable_field_is_changed_by_recreation_with_force() {
    in_a_world("force", async |world| {
        world.follow_fleet().await;
        world
            .apply(&with(world.kustomization("web"), &["spec", "force"], true))
            .await;
        world.applied("web", &world.fleet.head().await).await;
        let deployment = world.reference("apps/v1", "Deployment", "web");
        let before = world.live(&deployment).await;
        world
            .fleet
            .edit("web/deployment.yaml", "{app: web}", "{app: site}");
        let commit = world.fleet.push("Rename the label").await;
        world.applied("web", &commit).await;
        let after = world.live(&deployment).await;
        assert_ne!(
            after.str_at(&["metadata", "uid"]),
            before.str_at(&["metadata", "uid"])
        );
        assert_eq!(
            after.str_at(&["spec", "selector", "matchLabels", "app"]),
            Some("site")
        );
        world.has_replicas("web", 2).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_kind_is_told_and_its_definition_heals() {
    in_a_world("kind", async |world| {
        web_and_api_are_applied(world).await;
        let group = format!("{}.example.com", world.namespace);
        world.fleet.write(
            "web/lamp.yaml",
            &format!("apiVersion: {group}/v1\nkind: Lamp\nmetadata:\n  name: desk\n"),
        );
        world.fleet.edit("web/service.yaml", "port: 80", "port: 81");
        let commit = world.fleet.push("A lamp").await;
        world
            .fails(
                &world.kustomization_reference("web"),
                "ReconciliationFailed",
                &["Lamp", &group],
            )
            .await;
        world.applied("api", &commit).await;
        world.apply(&definition(&group)).await;
        world.applied("web", &commit).await;
        world
            .live(&world.reference(&format!("{group}/v1"), "Lamp", "desk"))
            .await;
        world.kubectl(&["delete", "kustomization", "web"]).await;
        world
            .kubectl(&[
                "delete",
                "customresourcedefinition",
                &format!("lamps.{group}"),
            ])
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_and_its_objects_come_in_one_commit() {
    in_a_world("definition", async |world| {
        let group = format!("{}.example.com", world.namespace);
        world.fleet.write(
            "lamps/a-lamp.yaml",
            &format!("apiVersion: {group}/v1\nkind: Lamp\nmetadata:\n  name: desk\n"),
        );
        world.fleet.write(
            "lamps/definition.yaml",
            &trueup_object::to_yaml(&definition(&group)),
        );
        let commit = world.fleet.push("Lamps").await;
        world.deploy("lamps").await;
        world.applied("lamps", &commit).await;
        world
            .live(&world.reference(&format!("{group}/v1"), "Lamp", "desk"))
            .await;
        world.kubectl(&["delete", "kustomization", "lamps"]).await;
    })
    .await;
}

fn definition(group: &str) -> Value {
    let schema = value!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let spec = value!({
        "group": group,
        "scope": "Namespaced",
        "names": {"kind": "Lamp", "plural": "lamps", "singular": "lamp", "listKind": "LampList"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}],
    });
    let definition = object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        &format!("lamps.{group}"),
    );
    with(definition, &["spec"], spec)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dependency_cycle_is_told_and_its_end_heals() {
    in_a_world("cycle", async |world| {
        world.follow_fleet().await;
        for (folder, other) in [("web", "api"), ("api", "web")] {
            world
                .apply(&with(
                    world.kustomization(folder),
                    &["spec", "dependsOn"],
                    value!([{"name": other}]),
                ))
                .await;
        }
        for folder in ["web", "api"] {
            let reference = world.kustomization_reference(folder);
            world
                .fails_without_event(
                    &reference,
                    "DependencyCycle",
                    &["dependency cycle", "web", "api"],
                )
                .await;
            world
                .event(
                    &reference,
                    "DependencyCycle",
                    &["dependency cycle", "web", "api"],
                )
                .await;
        }
        assert_eq!(
            world.find(&world.reference("v1", "ConfigMap", "api")).await,
            None
        );
        world
            .kubectl(&[
                "patch",
                "kustomization",
                "api",
                "--type=merge",
                "-p",
                r#"{"spec":{"dependsOn":null}}"#,
            ])
            .await;
        let commit = world.fleet.head().await;
        for folder in ["api", "web"] {
            world.applied(folder, &commit).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kustomization_does_not_prune_its_own_namespace() {
    in_a_world("own", async |world| {
        let namespace = object("v1", "Namespace", &world.namespace);
        world
            .fleet
            .write("web/namespace.yaml", &trueup_object::to_yaml(&namespace));
        let commit = world.fleet.push("The namespace itself").await;
        world.deploy("web").await;
        world.applied("web", &commit).await;
        world.fleet.remove("web/namespace.yaml");
        world.fleet.edit("web/service.yaml", "port: 80", "port: 81");
        world.fleet.push("Not the namespace").await;
        let web = world.kustomization_reference("web");
        world
            .fails(
                &web,
                "PruneFailed",
                &[&format!("Namespace/{}", world.namespace)],
            )
            .await;
        let live = world
            .live(&trueup_object::ObjectRef::of(&namespace).unwrap())
            .await;
        assert_eq!(live.at(&["metadata", "deletionTimestamp"]), None);
        let commit = world.fleet.revert().await;
        world.applied("web", &commit).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_a_kustomization_that_is_not_served_yet_is_refused_by_name() {
    in_a_world("unserved-ks", async |world| {
        world.follow_fleet().await;
        world
            .apply(&with(
                world.kustomization("api"),
                &["spec", "decryption"],
                value!({"provider": "sops"}),
            ))
            .await;
        let api = world.kustomization_reference("api");
        world
            .fails(&api, "FieldNotServed", &["spec.decryption"])
            .await;
        assert_eq!(
            world.find(&world.reference("v1", "ConfigMap", "api")).await,
            None
        );
        world
            .kubectl(&[
                "patch",
                "kustomization",
                "api",
                "--type=merge",
                "-p",
                r#"{"spec":{"decryption":null}}"#,
            ])
            .await;
        world.applied("api", &world.fleet.head().await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_that_do_not_become_healthy_in_time_are_named() {
    in_a_world("unhealthy", async |world| {
        world
            .fleet
            .edit("web/deployment.yaml", "nginx:1.28.0", "nginx:broken");
        world.fleet.push("Break web").await;
        world.follow_fleet().await;
        world
            .apply(&with(
                world.kustomization("web"),
                &["spec", "timeout"],
                "3s",
            ))
            .await;
        let words = [
            "health check failed after",
            &format!("Deployment/{}/web", world.namespace),
        ];
        world
            .fails(
                &world.kustomization_reference("web"),
                "HealthCheckFailed",
                &words,
            )
            .await;
        let commit = world.fleet.revert().await;
        world.applied("web", &commit).await;
    })
    .await;
}
