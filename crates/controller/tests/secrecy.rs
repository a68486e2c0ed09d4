//! Values of Secrets are told nowhere, and kept nowhere else.

use super::world::{NAMESPACE, World, condition, map};
use trueup_cluster::Form;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

const CANARY: &str = "canary-4711";
/// How a change of a value is told.
const MASKED_CHANGE: &str = ".data.password *** → ***";

fn secret(name: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: apps}}\n\
         stringData: {{password: \"{value}\"}}\n"
    )
}

/// Everything that the controllers have told or written about their own
/// objects.
async fn told(world: &World) -> String {
    let mut told = world.picture() + &world.controller.metrics_text();
    let kind = trueup_object::GroupVersionKind::new("v1", "Event");
    let scope = trueup_cluster::Scope::all();
    let events = world.admin.list(&kind, &scope, Form::Full).await.unwrap();
    for event in events.objects {
        told += &String::from_utf8_lossy(&trueup_object::to_json(event.value()));
    }
    told
}

#[test]
fn a_secret_out_of_git_is_told_nowhere_and_kept_nowhere_else() {
    use base64::Engine;
    virtual_time(async {
        let world = World::new(90).await;
        let revision = world.commit("first", &[("apps/s.yaml", &secret("s", CANARY))]);
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &revision).await;
        let live = world.get("v1", "Secret", "s").await.unwrap();
        let annotations = live.at(&["metadata", "annotations"]);
        assert_eq!(annotations, None, "no copy in last-applied-configuration");
        let change = value!({"stringData": {"password": (format!("{CANARY}-other"))}});
        world.patch("v1", "Secret", "s", "eve", change).await;
        world
            .until("the drift is told", async || world.told("Secret/apps/s"))
            .await;
        world.rest().await;
        let second = secret("s", &format!("{CANARY}-second"));
        let revision = world.push("second", &[("apps/s.yaml", &second)]);
        world.applied("apps", &revision).await;
        world.rest().await;
        assert!(world.told(MASKED_CHANGE), "{}", world.picture());
        // The type can't be changed: the API refuses the whole of it.
        let refused = secret("s", &format!("{CANARY}-new")) + "type: kubernetes.io/tls\n";
        world.push("refused", &[("apps/s.yaml", &refused)]);
        world.fails("apps", "ReconciliationFailed").await;
        let invalid = secret("s", CANARY).replace("stringData", "data");
        world.push("invalid", &[("apps/s.yaml", &invalid)]);
        world
            .until("the invalid one is refused", async || {
                let status = world.kustomization_status("apps").await;
                let ready = condition(&status, "Ready").unwrap();
                ready.0 == "False" && !ready.2.contains("immutable")
            })
            .await;
        world.rest().await;
        let told = told(&world).await;
        assert!(told.contains("Secret/apps/s"), "{told}");
        let encoded = base64::engine::general_purpose::STANDARD.encode(CANARY);
        for canary in [CANARY, encoded.trim_end_matches('=')] {
            assert!(!told.contains(canary), "{told}");
        }
    });
}

#[test]
fn a_value_that_is_the_mask_itself_is_a_value() {
    virtual_time(async {
        let world = World::new(91).await;
        let revision = world.commit("first", &[("apps/s.yaml", &secret("s", CANARY))]);
        world.repository().await;
        world.kustomization("apps", "./apps", Value::map()).await;
        world.applied("apps", &revision).await;
        for masked in ["***", "**SOPS**"] {
            let change = value!({"stringData": {"password": masked}});
            world.patch("v1", "Secret", "s", "eve", change).await;
            world
                .until("the drift is corrected", async || {
                    let live = world.get("v1", "Secret", "s").await.unwrap();
                    live.str_at(&["data", "password"]) == Some("Y2FuYXJ5LTQ3MTE=")
                })
                .await;
            let text = secret("s", masked);
            let second = world.push("masked", &[("apps/s.yaml", &text)]);
            world.applied("apps", &second).await;
            let live = world.get("v1", "Secret", "s").await.unwrap();
            assert_ne!(live.str_at(&["data", "password"]), Some("Y2FuYXJ5LTQ3MTE="));
            let third = world.push("back", &[("apps/s.yaml", &secret("s", CANARY))]);
            world.applied("apps", &third).await;
        }
    });
}

/// A ConfigMap with a value that a variable takes from a Secret.
async fn substituted(seed: u64) -> World {
    let world = World::new(seed).await;
    let variables = value!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "passwords", "namespace": NAMESPACE},
        "stringData": {"password": "Hunter2!"},
    });
    world.apply(&variables).await;
    let manifest = map("a", &[("password", "${password}")]);
    let revision = world.commit("first", &[("apps/a.yaml", &manifest)]);
    world.repository().await;
    let from = value!([{"kind": "Secret", "name": "passwords"}]);
    let spec = value!({"postBuild": {"substituteFrom": from}});
    world.kustomization("apps", "./apps", spec).await;
    world.applied("apps", &revision).await;
    world
}

#[test]
fn what_somebody_wrote_in_the_place_of_a_value_is_not_told_when_it_is_replaced() {
    virtual_time(async {
        let world = substituted(92).await;
        world
            .patch_kustomization("apps", value!({"spec": {"suspend": true}}))
            .await;
        world.rest().await;
        let change = value!({"data": {"password": "Changed2"}});
        world.patch("v1", "ConfigMap", "a", "eve", change).await;
        let manifest = map("a", &[("password", "${password}"), ("more", "x")]);
        let second = world.push("second", &[("apps/a.yaml", &manifest)]);
        world
            .patch_kustomization("apps", value!({"spec": {"suspend": false}}))
            .await;
        world.applied("apps", &second).await;
        world.rest().await;
        assert!(world.told(MASKED_CHANGE), "{}", world.picture());
        assert!(!world.told("Changed2"), "{}", world.picture());
    });
}

#[test]
fn a_value_of_a_variable_that_the_api_quotes_is_not_told() {
    virtual_time(async {
        let world = substituted(93).await;
        let labels = "metadata:\n  labels: {k: \"${password}\"}\n";
        let manifest = map("a", &[]).replace("metadata:\n", labels);
        assert!(manifest.contains("labels"), "{manifest}");
        world.push("second", &[("apps/a.yaml", &manifest)]);
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(message.contains("***"), "{message}");
        assert!(!world.told("Hunter2"), "{}", world.picture());
    });
}
