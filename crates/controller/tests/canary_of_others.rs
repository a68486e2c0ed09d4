//! Canaries and Kustomizations that apply their targets: what a Canary writes is
//! left alone, whoever serves it, and before anything is applied.

use super::canary_world::{
    apex, begun, canary, canary_world, deployment, empty_world, image, reaches, replicas, serve,
};
use super::world::{World, reference};
use http::Method;
use std::time::Duration;
use trueup_cluster::{Patch, WriteOptions};
use trueup_controller::CanaryService;
use trueup_kinds::progressive_delivery_definitions;
use trueup_object::{Value, value};
use trueup_testkit::{Interjection, virtual_time};

/// A target that wants three Pods, in a folder `app`.
fn target(version: &str) -> String {
    let mut object = deployment(version);
    object.set_at(&["spec", "replicas"], Value::from(3));
    trueup_object::to_yaml(&object)
}

/// The apex Service as somebody keeps it in Git.
fn service() -> String {
    let service = value!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "podinfo", "namespace": "apps"},
        "spec": {"selector": {"app": "podinfo"},
            "ports": [{"name": "http", "port": 80, "targetPort": 9898}]}});
    trueup_object::to_yaml(&service)
}

async fn patch_as_flagger(world: &World, api_version: &str, kind: &str, patch: Value) {
    let (patch, mut options) = (Patch::Merge(patch), WriteOptions::new("flagger"));
    if kind == "Canary" {
        options = options.on("status");
    }
    let object = reference(api_version, kind, "podinfo");
    world.admin.patch(&object, &patch, &options).await.unwrap();
}

/// What Flagger does to what others have made, in the beginning of a Canary.
async fn flagger_takes_over(world: &World) {
    let status = value!({"status": {"phase": "Initialized", "canaryWeight": 0,
        "failedChecks": 0, "iterations": 0}});
    patch_as_flagger(world, "flagger.app/v1beta1", "Canary", status).await;
    // It waits for the primary to be ready.
    world.rest().await;
    let leads = value!({"spec": {"selector": {"app": "podinfo-primary"}}});
    patch_as_flagger(world, "v1", "Service", leads).await;
    scale_as_flagger(world, 0).await;
}

async fn scale_as_flagger(world: &World, count: i64) {
    let patch = value!({"spec": {"replicas": count}});
    patch_as_flagger(world, "apps/v1", "Deployment", patch).await;
}

/// How often the replicas of the manifest were applied.
fn scaled_by_us(world: &World) -> usize {
    let writes = world.faults.writes();
    let scaled = writes.iter().filter(|it| {
        it.path.ends_with("/deployments/podinfo")
            && it.query.contains("fieldManager=kustomize-controller")
            && !it.is_dry_run()
            && String::from_utf8_lossy(&it.body).contains(r#""replicas":3"#)
    });
    scaled.count()
}

/// The next list of Canaries takes its time.
fn delay_canaries(world: &World) {
    world.faults.interject(Interjection {
        method: Method::GET,
        path: "/canaries".to_owned(),
        act: Box::pin(tokio::time::sleep(Duration::from_secs(20))),
    });
}

#[test]
fn what_a_canary_of_others_writes_is_left_alone_and_the_canary_itself_too() {
    virtual_time(async {
        let (mut world, _) = empty_world(91, |options| {
            options.canaries.service = CanaryService::LeftToOthers;
        })
        .await;
        let manifest = trueup_object::to_yaml(&canary("podinfo", Value::map()));
        let (first, service) = (target("v1"), service());
        let files = |target: &str| {
            [
                ("app/canary.yaml", manifest.clone()),
                ("app/deployment.yaml", target.to_owned()),
                ("app/service.yaml", service.clone()),
            ]
        };
        let commit = |world: &World, target: &str| {
            let files = files(target);
            let files: Vec<_> = files.iter().map(|it| (it.0, it.1.as_str())).collect();
            world.push(target, &files)
        };
        // The kind comes when the controllers run already.
        serve(&world, &progressive_delivery_definitions()).await;
        let revision = commit(&world, &first);
        world.repository().await;
        let often = value!({"interval": "1m"});
        world.kustomization("app", "./app", often).await;
        world.applied("app", &revision).await;
        assert_eq!(replicas(&world, "podinfo").await, Some(3));
        flagger_takes_over(&world).await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
        assert_eq!(apex(&world).await.as_deref(), Some("podinfo-primary"));

        // A revision is applied, and a run scales as it likes.
        let revision = commit(&world, &target("v2"));
        world.applied("app", &revision).await;
        assert_eq!(image(&world, "podinfo").await, "podinfo:v2");
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
        scale_as_flagger(&world, 2).await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(replicas(&world, "podinfo").await, Some(2));

        // Controllers that begin anew know it before they apply anything.
        let scaled = scaled_by_us(&world);
        delay_canaries(&world);
        let revision = commit(&world, &target("v3"));
        world.restart().await;
        world.applied("app", &revision).await;
        assert_eq!(replicas(&world, "podinfo").await, Some(2));
        assert_eq!(scaled_by_us(&world), scaled);

        let touched = world.faults.writes();
        let touched = touched
            .iter()
            .filter(|it| it.path.contains("/canaries/podinfo/"));
        assert_eq!(touched.count(), 0, "its status is not ours");
        let numbers = world.controller.metrics_text();
        assert!(!numbers.contains("flagger_info{"), "{numbers}");
        assert!(!numbers.contains("flagger_canary_total{"), "{numbers}");
        world.rest().await;
        assert!(world.controller.load().borrow().is_quiet());
    });
}

#[test]
fn nothing_is_applied_before_the_canaries_are_known() {
    virtual_time(async {
        let (mut world, _) = canary_world(92).await;
        let first = target("v1");
        let revision = world.commit("first", &[("app/deployment.yaml", first.as_str())]);
        world.repository().await;
        world.kustomization("app", "./app", Value::map()).await;
        world.applied("app", &revision).await;
        begun(&world, &canary("podinfo", Value::map())).await;
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
        let scaled = scaled_by_us(&world);
        delay_canaries(&world);
        let second = target("v2");
        world.commit("second", &[("app/deployment.yaml", second.as_str())]);
        world.restart().await;
        reaches(&world, "Succeeded").await;
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");
        assert_eq!(scaled_by_us(&world), scaled);
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
    });
}

#[test]
fn without_canaries_nobody_waits_for_them() {
    virtual_time(async {
        for service in [CanaryService::Served, CanaryService::LeftToOthers] {
            let (world, _) =
                empty_world(93, move |options| options.canaries.service = service).await;
            let map = super::world::map("colours", &[("sky", "blue")]);
            let revision = world.commit("first", &[("app/map.yaml", map.as_str())]);
            world.repository().await;
            world.kustomization("app", "./app", Value::map()).await;
            world.applied("app", &revision).await;
            world.controller.kill();
        }
    });
}
