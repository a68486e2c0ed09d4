//! What can't be read as its kind, or may not change: it is said at the object.

use super::world::{URL, World, condition, map};
use std::time::Duration;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

/// Makes a definition let everything through, as an older or foreign one may.
async fn loosen(world: &World, name: &str) {
    let (api, kind) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    let definition = world.get(api, kind, name).await.unwrap();
    let versions = definition.at(&["spec", "versions"]).unwrap();
    let mut version = versions.as_list().unwrap()[0].clone();
    version.set_at(
        &["schema", "openAPIV3Schema"],
        value!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
    );
    let versions: Value = [version].into_iter().collect();
    world
        .patch(
            api,
            kind,
            name,
            "person",
            value!({"spec": {"versions": versions}}),
        )
        .await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.admin.cluster().invalidate_discovery();
}

#[test]
fn an_object_that_cannot_be_read_says_so_in_its_condition_and_heals() {
    virtual_time(async {
        let world = World::new(31).await;
        loosen(&world, "gitrepositories.source.toolkit.fluxcd.io").await;
        loosen(&world, "kustomizations.kustomize.toolkit.fluxcd.io").await;
        let revision = world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &revision).await;
        let repository = async |interval: Value| {
            let (api, kind) = ("source.toolkit.fluxcd.io/v1", "GitRepository");
            let patch = value!({"spec": {"interval": interval}});
            world.patch(api, kind, "fleet", "person", patch).await;
        };
        let repository_is = async |status: &str| {
            world
                .until(&format!("the repository is {status}"), async || {
                    let ready = condition(&world.repository_status().await, "Ready");
                    ready.is_some_and(|it| it.0 == status)
                })
                .await;
        };
        repository(value!(["soon"])).await;
        world
            .patch_kustomization("apps", value!({"spec": {"path": {"a": "map"}}}))
            .await;
        let message = world.fails("apps", "Failed").await;
        assert!(message.contains("Kustomization/fleet/apps"), "{message}");
        repository_is("False").await;
        let status = world.repository_status().await;
        let (_, reason, message) = condition(&status, "Ready").unwrap();
        assert_eq!(reason, "Failed");
        assert!(message.contains("GitRepository/fleet/fleet"), "{message}");
        assert!(
            status.at(&["artifact"]).is_some(),
            "the rest of the status stays"
        );
        world.rest().await;
        let told = world.lines();
        let told = told
            .iter()
            .filter(|line| line.contains(" Failed: reading "));
        assert_eq!(told.count(), 2, "each is told once");
        repository(value!("1h")).await;
        world
            .patch_kustomization("apps", value!({"spec": {"path": "./apps"}}))
            .await;
        repository_is("True").await;
        world.applied("apps", &revision).await;
    });
}

#[test]
fn an_immutable_secret_is_created_again_where_force_allows_it() {
    virtual_time(async {
        let world = World::new(32).await;
        let secret = |value: &str| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: s, namespace: apps}}\nimmutable: true\nstringData: {{k: {value}}}\n"
            )
        };
        let first = world.commit("first", &[("apps/s.yaml", &secret("hunter2"))]);
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &first).await;
        let second = world.commit("second", &[("apps/s.yaml", &secret("hunter3"))]);
        world.controller.notify_push(URL);
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(message.contains("field is immutable"), "{message}");
        assert!(!message.contains("hunter"), "{message}");
        world
            .patch_kustomization("apps", value!({"spec": {"force": true}}))
            .await;
        world.applied("apps", &second).await;
        let live = world.get("v1", "Secret", "s").await.unwrap();
        assert_eq!(live.str_at(&["data", "k"]), Some("aHVudGVyMw=="));
        assert!(!world.lines().iter().any(|line| line.contains("hunter")));
    });
}
