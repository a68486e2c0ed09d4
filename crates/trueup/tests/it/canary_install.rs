//! Canaries where Flagger has been before, and where Trueup goes again.

use crate::install::in_a_cluster;
use crate::world::{World, object, until};
use trueup_object::{ObjectRef, Value, value};

fn definition() -> ObjectRef {
    ObjectRef::of(&trueup_kinds::definition("canaries.flagger.app").unwrap()).unwrap()
}

const SCHEMA: [&str; 2] = ["schema", "openAPIV3Schema"];

fn status_fields(definition: &Value) -> Vec<String> {
    let versions = definition.at(&["spec", "versions"]);
    let version = versions.and_then(Value::as_list).unwrap()[0].clone();
    let path = [&SCHEMA[..], &["properties", "status", "properties"]].concat();
    let fields = version.at(&path).and_then(Value::as_map).unwrap();
    fields.keys().map(ToString::to_string).collect()
}

/// Our definition as a Flagger of another version would have it: without what
/// is ours, with what we don't know.
fn flaggers() -> Value {
    let mut definition = trueup_kinds::definition("canaries.flagger.app").unwrap();
    let versions = definition.at(&["spec", "versions"]);
    let mut version = versions.and_then(Value::as_list).unwrap()[0].clone();
    let path = [&SCHEMA[..], &["properties", "status"]].concat();
    let mut status = version.at(&path).unwrap().clone();
    for ours in [
        "observedGeneration",
        "routedWeight",
        "pendingStep",
        "lastStepTime",
        "lastHandledRequest",
        "checks",
    ] {
        status.remove_at(&["properties", ours]);
    }
    status.remove_at(&["default"]);
    status.set_at(&["properties", "newer"], value!({"type": "string"}));
    version.set_at(&path, status);
    definition.set_at(&["spec", "versions"], vec![version].into());
    definition
}

fn target() -> Value {
    value!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "shop", "image": "shop:1"}]},
            },
        },
    })
}

fn canary() -> Value {
    value!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "shop"},
        "spec": {
            "provider": "kubernetes", "revertOnDeletion": true,
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "service": {"port": 80},
            "analysis": {"interval": "1s", "threshold": 3, "iterations": 2},
        },
    })
}

/// Waits until the definition that is there is served.
async fn is_served(world: &World) {
    until(async || {
        world.session.cluster().invalidate_discovery();
        let served = world.try_trueup_anywhere(&["get", "canaries", "-A"]).await;
        let is_none = served.err.contains("no Canary objects found");
        (served.success || is_none).then_some(()).ok_or(served.err)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_of_flaggers_is_widened_and_stays_flaggers() {
    in_a_cluster("canary-widened", async |world| {
        world.kill_controllers();
        world
            .kubectl(&["delete", "crd", "canaries.flagger.app"])
            .await;
        let options = trueup_cluster::WriteOptions::new("flagger");
        until(async || {
            let made = world.session.create(&flaggers(), &options).await;
            made.map(|_| ()).map_err(|error| error.to_string())
        })
        .await;
        is_served(world).await;
        world.restart().await;
        world.apply(&target()).await;
        world.apply(&canary()).await;
        let shop = world.reference("flagger.app/v1beta1", "Canary", "shop");
        let is_seen = |it: &Value| it.str_at(&["status", "phase"]).is_some();
        world.becomes(&shop, is_seen).await;
        let dry = world.trueup_anywhere(&["install", "--dry-run"]).await;
        let line = format!("{} widened (dry run)", definition());
        assert!(dry.out.contains(&line), "{}", dry.out);
        let before = status_fields(&world.live(&definition()).await);
        assert!(!before.contains(&"routedWeight".to_owned()));

        let installed = world.trueup_anywhere(&["install"]).await;
        let line = format!("{} widened", definition());
        assert!(installed.out.contains(&line), "{}", installed.out);
        let live = world.live(&definition()).await;
        let fields = status_fields(&live);
        for field in ["routedWeight", "pendingStep", "newer"] {
            assert!(fields.contains(&field.to_owned()), "{field}: {fields:?}");
        }
        let label = ["metadata", "labels", "app.kubernetes.io/managed-by"];
        assert_eq!(live.str_at(&label), None);
        let again = world.trueup_anywhere(&["install"]).await;
        let line = format!("{} unchanged", definition());
        assert!(again.out.contains(&line), "{}", again.out);
        world.trueup_anywhere(&["check"]).await;
        let is_initialized = |it: &Value| it.str_at(&["status", "phase"]) == Some("Initialized");
        world.becomes(&shop, is_initialized).await;

        world.trueup_anywhere(&["uninstall", "--silent"]).await;
        world.live(&definition()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_flagger_that_runs_canaries_are_left_to_it_or_nothing_is_installed() {
    in_a_cluster("canary-beside", async |world| {
        world.kill_controllers();
        let mut flagger = object("apps/v1", "Deployment", "flagger");
        let labels = value!({"app.kubernetes.io/name": "flagger"});
        flagger.set_at(&["metadata", "labels"], labels);
        flagger.set_at(
            &["spec"],
            value!({
                "replicas": 1,
                "selector": {"matchLabels": {"app": "f"}},
                "template": {
                    "metadata": {"labels": {"app": "f"}},
                    "spec": {"containers": [{"name": "flagger", "image": "flagger:1"}]},
                },
            }),
        );
        world.apply(&flagger).await;
        let refused = world.try_trueup_anywhere(&["install"]).await;
        assert!(!refused.success);
        for words in ["serves Canaries", "--canaries=false", "--replicas=0"] {
            assert!(refused.err.contains(words), "{words}: {}", refused.err);
        }
        let left = world
            .trueup_anywhere(&["install", "--canaries=false"])
            .await;
        assert!(!left.out.contains("flagger.app"), "{}", left.out);
        assert!(!left.out.contains("trueup-canaries"), "{}", left.out);
        world
            .kubectl(&["scale", "deployment/flagger", "--replicas=0"])
            .await;
        let taken = world.trueup_anywhere(&["install"]).await;
        assert!(taken.out.contains("trueup-canaries-flux-system created"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uninstall_takes_canaries_away_and_leaves_what_was_made_for_them() {
    in_a_cluster("canary-gone", async |world| {
        world.apply(&target()).await;
        world.apply(&canary()).await;
        let shop = world.reference("flagger.app/v1beta1", "Canary", "shop");
        let is_initialized = |it: &Value| it.str_at(&["status", "phase"]) == Some("Initialized");
        let live = world.becomes(&shop, is_initialized).await;
        let finalizers = format!("{:?}", live.at(&["metadata", "finalizers"]));
        assert!(finalizers.contains("finalizer.flagger.app"), "{finalizers}");
        world.kill_controllers();
        // Makes the definitions ours.
        world.trueup_anywhere(&["install", "--force"]).await;
        let removed = world.trueup_anywhere(&["uninstall", "--silent"]).await;
        for words in [
            "/shop finalizers deleted",
            "/shop deleted, what was made for it stays",
        ] {
            assert!(removed.err.contains(words), "{words}: {}", removed.err);
        }
        assert_eq!(world.find(&definition()).await, None);
        world.has_replicas("shop-primary", 1).await;
        let service = world.live(&world.reference("v1", "Service", "shop")).await;
        assert_eq!(
            service.str_at(&["spec", "selector", "app"]),
            Some("shop-primary")
        );
        assert_eq!(service.at(&["metadata", "ownerReferences"]), None);
    })
    .await;
}
