//! Kinds whose definitions are deleted, and come back.

use super::canary_world::{
    announced_weights, canary_world, image, initialized, push, reaches, replicas, serve, status,
    template,
};
use super::world::{World, map};
use std::time::Duration;
use trueup_kinds::definitions;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

const API: &str = "apiextensions.k8s.io/v1";
const KIND: &str = "CustomResourceDefinition";
const CANARIES: &str = "canaries.flagger.app";
const TEMPLATES: &str = "metrictemplates.flagger.app";
const PROVIDERS: &str = "alertproviders.flagger.app";
const KUSTOMIZATIONS: &str = "kustomizations.kustomize.toolkit.fluxcd.io";
const REPOSITORIES: &str = "gitrepositories.source.toolkit.fluxcd.io";

/// How long definitions stay away: watches have looked for them in vain by
/// then, more than once.
const AWAY: Duration = Duration::from_secs(600);

/// Deletes a definition with all its objects, and waits until they are gone.
async fn undefine(world: &World, name: &str) {
    world.delete(API, KIND, name).await;
    world
        .until(&format!("{name} is gone"), async || {
            world.get(API, KIND, name).await.is_none()
        })
        .await;
    world.admin.cluster().invalidate_discovery();
}

/// Makes definitions anew.
async fn define(world: &World, names: &[&str]) {
    let mut wanted = definitions();
    wanted.retain(|it| {
        it.str_at(&["metadata", "name"])
            .is_some_and(|name| names.contains(&name))
    });
    assert_eq!(wanted.len(), names.len());
    serve(world, &wanted).await;
}

#[test]
fn canaries_are_served_again_when_their_definition_comes_back() {
    virtual_time(async {
        let (world, _) = canary_world(82).await;
        initialized(&world, Value::map()).await;
        undefine(&world, CANARIES).await;
        world
            .until("the primary is gone with its Canary", async || {
                replicas(&world, "podinfo-primary").await.is_none()
            })
            .await;
        let numbers = world.controller.metrics_text();
        assert!(!numbers.contains("flagger_canary_total{"), "{numbers}");
        tokio::time::sleep(AWAY).await;
        define(&world, &[CANARIES]).await;
        initialized(&world, Value::map()).await;
        push(&world, "v2").await;
        tokio::time::sleep(Duration::from_millis(900)).await;
        let found = status(&world, "podinfo").await;
        assert_eq!(found.str_at(&["phase"]), Some("Progressing"));
        reaches(&world, "Succeeded").await;
        assert_eq!(announced_weights(&world), [10, 20, 30, 40, 50]);
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
    });
}

fn slack(path: &str) -> Value {
    value!({"apiVersion": "flagger.app/v1beta1", "kind": "AlertProvider",
        "metadata": {"name": "people", "namespace": "apps"},
        "spec": {"type": "slack", "address": (format!("http://slack.example/{path}"))}})
}

#[test]
fn templates_and_providers_are_looked_at_again_when_their_definitions_come_back() {
    virtual_time(async {
        let (world, outside) = canary_world(83).await;
        world.apply(&template("own", "{{ target }}")).await;
        world.apply(&slack("first")).await;
        let more = value!({
            "metrics": [{"name": "own", "interval": "1m", "thresholdRange": {"min": 99},
                "templateRef": {"name": "own"}}],
            "alerts": [{"name": "people", "severity": "info", "providerRef": {"name": "people"}}],
        });
        initialized(&world, more).await;
        for name in [TEMPLATES, PROVIDERS] {
            undefine(&world, name).await;
        }
        tokio::time::sleep(AWAY).await;
        push(&world, "v2").await;
        reaches(&world, "Failed").await;
        assert!(world.told("Metric template own.apps error: "));
        define(&world, &[TEMPLATES, PROVIDERS]).await;
        world.apply(&template("own", "{{ target }}")).await;
        world.apply(&slack("second")).await;
        push(&world, "v3").await;
        reaches(&world, "Succeeded").await;
        world.rest().await;
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v3");
        assert!(!outside.calls_of("/second").is_empty());
        // They are watched, too: another query counts from the next check on.
        world.apply(&template("own", "{{ if }}")).await;
        push(&world, "v4").await;
        reaches(&world, "Failed").await;
        assert!(world.told("Metric template own.apps query render error: "));
    });
}

/// A world in which a folder is applied, and the revision.
async fn applied(seed: u64) -> (World, String) {
    let world = World::new(seed).await;
    let first = world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
    world.repository().await;
    world.kustomization("apps", "./apps", Value::map()).await;
    world.applied("apps", &first).await;
    (world, first)
}

/// A push reaches the folder at once.
async fn is_followed(world: &World) {
    let revision = world.push("later", &[("apps/b.yaml", &map("b", &[]))]);
    world.rest().await;
    let status = world.kustomization_status("apps").await;
    assert_eq!(status.str_at(&["lastAppliedRevision"]), Some(&*revision));
    assert!(world.config_map("b").await.is_some());
    assert_eq!(world.config_map("a").await, None, "pruned");
}

#[test]
fn kustomizations_are_served_again_when_their_definition_comes_back() {
    virtual_time(async {
        let (world, first) = applied(84).await;
        undefine(&world, KUSTOMIZATIONS).await;
        assert_eq!(world.config_map("a").await, None, "pruned at its end");
        tokio::time::sleep(AWAY).await;
        define(&world, &[KUSTOMIZATIONS]).await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.rest().await;
        let status = world.kustomization_status("apps").await;
        assert_eq!(status.str_at(&["lastAppliedRevision"]), Some(&*first));
        assert!(world.config_map("a").await.is_some());
        is_followed(&world).await;
        world.delete_kustomization("apps").await;
        assert_eq!(world.config_map("b").await, None);
    });
}

#[test]
fn sources_are_served_again_when_their_definition_comes_back() {
    virtual_time(async {
        let (world, _) = applied(85).await;
        undefine(&world, REPOSITORIES).await;
        tokio::time::sleep(AWAY).await;
        assert!(world.config_map("a").await.is_some(), "nothing is pruned");
        define(&world, &[REPOSITORIES]).await;
        world.repository().await;
        is_followed(&world).await;
    });
}
