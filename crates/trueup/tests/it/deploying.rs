//! From a push to running objects, and back.

use crate::world::{in_a_world, kustomization, object, with};
use trueup_cluster::Verb;
use trueup_object::{Value, value};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_is_applied_and_becomes_healthy() {
    in_a_world("push", async |world| {
        world.deploy("web").await;
        world.applied("web", &world.fleet.head().await).await;
        world.has_replicas("web", 2).await;
        world
            .fleet
            .edit("web/deployment.yaml", "replicas: 2", "replicas: 3");
        let commit = world.fleet.push("Scale web to 3").await;
        let ready = world.applied("web", &commit).await;
        world.has_replicas("web", 3).await;
        let expected = format!("Applied revision: main@sha1:{commit}");
        assert!(format!("{ready:?}").contains(&expected), "{ready:?}");
        let web = world.kustomization_reference("web");
        world
            .event(&web, "ReconciliationSucceeded", &[&expected])
            .await;
        world
            .event(
                &web,
                "Progressing",
                &["Deployment", "web", "configured", ".spec.replicas", "3"],
            )
            .await;
        world
            .event(
                &world.repository_reference(),
                "NewArtifact",
                &["Scale web to 3"],
            )
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applied_objects_carry_the_labels_manager_and_inventory_that_flux_gives() {
    in_a_world("labels", async |world| {
        world.deploy("web").await;
        let web = world.applied("web", &world.fleet.head().await).await;
        let service = world.live(&world.reference("v1", "Service", "web")).await;
        let label = |key| service.str_at(&["metadata", "labels", key]);
        assert_eq!(label("kustomize.toolkit.fluxcd.io/name"), Some("web"));
        assert_eq!(
            label("kustomize.toolkit.fluxcd.io/namespace"),
            Some(world.namespace.as_str())
        );
        let managers = service
            .at(&["metadata", "managedFields"])
            .and_then(Value::as_list)
            .unwrap();
        assert!(managers.iter().any(|entry| {
            entry.str_at(&["manager"]) == Some("kustomize-controller")
                && entry.str_at(&["operation"]) == Some("Apply")
        }));
        let entries = web
            .at(&["status", "inventory", "entries"])
            .and_then(Value::as_list)
            .unwrap();
        let ids: Vec<_> = entries
            .iter()
            .filter_map(|entry| entry.str_at(&["id"]))
            .collect();
        let namespace = &world.namespace;
        assert!(
            ids.contains(&format!("{namespace}_web_apps_Deployment").as_str()),
            "{ids:?}"
        );
        assert!(
            ids.contains(&format!("{namespace}_web__Service").as_str()),
            "{ids:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_changed_folder_is_rendered_and_applied() {
    in_a_world("folder", async |world| {
        world.deploy("web").await;
        world.deploy("api").await;
        for folder in ["web", "api"] {
            world.applied(folder, &world.fleet.head().await).await;
        }
        world.has_replicas("web", 2).await;
        let (requests, renders) = (
            world.controllers().requests(),
            world.controllers().renders(),
        );
        world.fleet.edit("api/settings.yaml", "green", "blue");
        let commit = world.fleet.push("Paint it blue").await;
        for folder in ["api", "web"] {
            world.applied(folder, &commit).await;
        }
        let made = world.controllers().requests().since(&requests);
        assert_eq!(world.controllers().renders() - renders, 1);
        assert_eq!(made.of(Verb::Apply, "configmaps"), 1, "{made:?}");
        for resource in ["deployments.apps", "services"] {
            for verb in [Verb::Apply, Verb::DryRun, Verb::Get] {
                assert_eq!(made.of(verb, resource), 0, "{verb:?} {resource}: {made:?}");
            }
        }
        let settings = world.live(&world.reference("v1", "ConfigMap", "api")).await;
        assert_eq!(settings.str_at(&["data", "colour"]), Some("blue"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn git_revert_rolls_back() {
    in_a_world("revert", async |world| {
        world.deploy("web").await;
        world
            .fleet
            .edit("web/deployment.yaml", "nginx:1.28.0", "nginx:1.29.1");
        world
            .applied("web", &world.fleet.push("Update nginx").await)
            .await;
        let deployment = world.reference("apps/v1", "Deployment", "web");
        let has_image = |image: &'static str| move |it: &Value| format!("{it:?}").contains(image);
        world.becomes(&deployment, has_image("nginx:1.29.1")).await;
        let commit = world.fleet.revert().await;
        world.applied("web", &commit).await;
        world.becomes(&deployment, has_image("nginx:1.28.0")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_a_file_prunes_its_objects_and_nothing_else() {
    in_a_world("prune", async |world| {
        world.deploy("web").await;
        world.applied("web", &world.fleet.head().await).await;
        world.apply(&object("v1", "ConfigMap", "foreign")).await;
        world.fleet.remove("web/service.yaml");
        let commit = world.fleet.push("Remove the service").await;
        world.applied("web", &commit).await;
        world
            .is_gone(&world.reference("v1", "Service", "web"))
            .await;
        world.has_replicas("web", 2).await;
        world
            .live(&world.reference("v1", "ConfigMap", "foreign"))
            .await;
        let web = world.kustomization_reference("web");
        world
            .event(&web, "Progressing", &["Service", "web", "deleted"])
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_prune_a_removed_file_leaves_its_objects() {
    in_a_world("no-prune", async |world| {
        world.follow_fleet().await;
        world
            .apply(&with(world.kustomization("web"), &["spec", "prune"], false))
            .await;
        world.applied("web", &world.fleet.head().await).await;
        world.fleet.remove("web/service.yaml");
        let commit = world.fleet.push("Remove the service").await;
        world.applied("web", &commit).await;
        world.live(&world.reference("v1", "Service", "web")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_kustomization_prunes_what_it_applied() {
    in_a_world("delete", async |world| {
        world.deploy("web").await;
        world.deploy("api").await;
        for folder in ["web", "api"] {
            world.applied(folder, &world.fleet.head().await).await;
        }
        world
            .kubectl(&["delete", "kustomization", "web", "--timeout=60s"])
            .await;
        world.is_gone(&world.kustomization_reference("web")).await;
        world
            .is_gone(&world.reference("apps/v1", "Deployment", "web"))
            .await;
        world
            .is_gone(&world.reference("v1", "Service", "web"))
            .await;
        world.live(&world.reference("v1", "ConfigMap", "api")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dependent_waits_until_its_dependency_is_healthy() {
    in_a_world("depends", async |world| {
        world
            .fleet
            .edit("web/deployment.yaml", "nginx:1.28.0", "nginx:broken");
        world.fleet.push("Break web").await;
        world.deploy("web").await;
        let depends = with(
            world.kustomization("api"),
            &["spec", "dependsOn"],
            value!([{"name": "web"}]),
        );
        world.apply(&depends).await;
        let api = world.kustomization_reference("api");
        let dependency = format!("dependency '{}/web' is not ready", world.namespace);
        world
            .fails_without_event(&api, "DependencyNotReady", &[&dependency])
            .await;
        world
            .event(
                &api,
                "DependencyNotReady",
                &["Dependencies do not meet ready condition"],
            )
            .await;
        world
            .becomes(&world.reference("apps/v1", "Deployment", "web"), |_| true)
            .await;
        assert_eq!(
            world.find(&world.reference("v1", "ConfigMap", "api")).await,
            None
        );
        let commit = world.fleet.revert().await;
        world.applied("web", &commit).await;
        world.applied("api", &commit).await;
        world.live(&world.reference("v1", "ConfigMap", "api")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kustomization_yaml_says_which_files_belong_and_where_they_go() {
    in_a_world("kustomize", async |world| {
        let resources = "resources:\n  - ../api/settings.yaml\n  - more.yaml\n";
        world.fleet.write(
            "both/kustomization.yaml",
            &format!("namespace: {}\n{resources}", world.namespace),
        );
        world.fleet.write(
            "both/more.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: more\n",
        );
        world.fleet.write(
            "both/not-listed.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: not-listed\n",
        );
        let commit = world.fleet.push("Both").await;
        world.follow_fleet().await;
        let mut both = kustomization("both", "both", "");
        both.remove_at(&["spec", "targetNamespace"]);
        world.apply(&both).await;
        world.applied("both", &commit).await;
        for name in ["api", "more"] {
            world.live(&world.reference("v1", "ConfigMap", name)).await;
        }
        assert_eq!(
            world
                .find(&world.reference("v1", "ConfigMap", "not-listed"))
                .await,
            None
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kustomization_may_apply_others() {
    in_a_world("nested", async |world| {
        let child = world.kustomization("web");
        let child = with(child, &["metadata", "namespace"], world.namespace.as_str());
        world
            .fleet
            .write("cluster/web.yaml", &trueup_object::to_yaml(&child));
        let commit = world.fleet.push("Web, by the cluster's folder").await;
        world.deploy("cluster").await;
        world.applied("cluster", &commit).await;
        world.applied("web", &commit).await;
        world.has_replicas("web", 2).await;
        world.fleet.remove("cluster/web.yaml");
        world.fleet.write(
            "cluster/settings.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: left\n",
        );
        let commit = world.fleet.push("No web").await;
        world.applied("cluster", &commit).await;
        world.is_gone(&world.kustomization_reference("web")).await;
        world
            .is_gone(&world.reference("apps/v1", "Deployment", "web"))
            .await;
    })
    .await;
}
