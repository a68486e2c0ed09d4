//! Canaries in virtual time: promoted, rolled back, gated, refused.

use super::canary_world::{
    announced_weights, canary, canary_world, deployment, image, initialized, push, reaches, ready,
    replicas, routed_weight, status,
};
use super::world::World;
use std::sync::atomic::Ordering;
use std::time::Duration;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

#[test]
fn a_good_revision_is_promoted_by_the_weights_that_were_asked_for() {
    virtual_time(async {
        let (world, _) = canary_world(1).await;
        initialized(&world, Value::map()).await;
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v1");
        push(&world, "v2").await;
        reaches(&world, "Succeeded").await;
        assert_eq!(announced_weights(&world), [10, 20, 30, 40, 50]);
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
        assert_eq!(routed_weight(&world).await.as_deref(), Some("0"));
        assert_eq!(ready(&world, "podinfo").await.unwrap().0, "True");
        assert!(world.told("Promotion completed! Scaling down podinfo.apps"));
        let numbers = world.controller.metrics_text();
        assert!(
            numbers.contains(r#"flagger_canary_successes_total{name="podinfo",namespace="apps",deployment_strategy="canary",analysis_status="completed"} 1"#),
            "{numbers}"
        );
    });
}

#[test]
fn a_bad_revision_is_rolled_back_and_the_primary_stays_as_it_was() {
    virtual_time(async {
        let (world, outside) = canary_world(2).await;
        initialized(&world, Value::map()).await;
        outside.hundredths.store(5_000, Ordering::SeqCst);
        push(&world, "v2").await;
        reaches(&world, "Failed").await;
        assert_eq!(announced_weights(&world), [10]);
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v1");
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
        assert_eq!(routed_weight(&world).await.as_deref(), Some("0"));
        assert!(world.told("Halt podinfo.apps advancement success rate 50.00% < 99%"));
        assert!(world.told("Rolling back podinfo.apps failed checks threshold reached 2"));
    });
}

#[test]
fn a_new_revision_is_noticed_in_less_than_a_second() {
    virtual_time(async {
        let (world, _) = canary_world(3).await;
        initialized(&world, Value::map()).await;
        push(&world, "v2").await;
        tokio::time::sleep(Duration::from_millis(900)).await;
        let phase = status(&world, "podinfo").await;
        assert_eq!(phase.str_at(&["phase"]), Some("Progressing"));
    });
}

#[test]
fn a_closed_gate_keeps_the_run_and_an_open_one_lets_it_go_on() {
    virtual_time(async {
        let (world, outside) = canary_world(4).await;
        let hooks = value!({"webhooks": [
            {"name": "gate", "type": "confirm-promotion", "url": "http://gate.example/gate"},
            {"name": "sink", "type": "event", "url": "http://gate.example/events"},
        ]});
        initialized(&world, hooks).await;
        outside.hook_status.store(403, Ordering::SeqCst);
        push(&world, "v2").await;
        reaches(&world, "WaitingPromotion").await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(routed_weight(&world).await.as_deref(), Some("50"));
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v1");
        outside.hook_status.store(200, Ordering::SeqCst);
        reaches(&world, "Succeeded").await;
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");
        let asked = outside.calls_of("/gate");
        assert!(asked[0].contains(r#""name":"podinfo","namespace":"apps","phase":"Progressing""#));
        let told = outside.calls_of("/events");
        let place = |text: &str| told.iter().position(|body| body.contains(text));
        assert!(place("canary weight 10") < place("canary weight 20"));
        assert!(place("canary weight 10").is_some());
    });
}

#[test]
fn a_controller_that_is_killed_goes_on_where_it_was() {
    virtual_time(async {
        let (mut world, _) = canary_world(5).await;
        initialized(&world, Value::map()).await;
        push(&world, "v2").await;
        for weight in ["10", "20", "30", "40", "50"] {
            world
                .until(&format!("weight {weight}"), async || {
                    routed_weight(&world).await.as_deref() == Some(weight)
                })
                .await;
            world.restart().await;
        }
        reaches(&world, "Succeeded").await;
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");
        assert_eq!(routed_weight(&world).await.as_deref(), Some("0"));
        let mut weights = announced_weights(&world);
        assert!(weights.is_sorted(), "{weights:?}");
        weights.dedup();
        assert!(
            weights
                .iter()
                .all(|weight| [10, 20, 30, 40, 50].contains(weight))
        );
    });
}

#[test]
fn nothing_is_asked_or_written_where_nothing_changes() {
    virtual_time(async {
        let (world, _) = canary_world(6).await;
        initialized(&world, Value::map()).await;
        world.rest().await;
        let version = version(&world).await;
        let before = world.faults.request_count();
        tokio::time::sleep(Duration::from_secs(600)).await;
        // What is left are watches that are opened again.
        let asked = world.faults.request_count() - before;
        assert!(asked <= 60, "{asked} requests in ten minutes of rest");
        assert_eq!(self::version(&world).await, version);
    });
}

async fn version(world: &World) -> String {
    let object = world.get("flagger.app/v1beta1", "Canary", "podinfo").await;
    let object = object.unwrap();
    let version = object.str_at(&["metadata", "resourceVersion"]);
    version.unwrap().to_owned()
}

#[test]
fn of_two_canaries_with_one_target_the_younger_is_refused_until_the_older_goes() {
    virtual_time(async {
        let (world, _) = canary_world(7).await;
        initialized(&world, Value::map()).await;
        world.apply(&canary("second", Value::map())).await;
        world
            .until("the second is refused", async || {
                let found = ready(&world, "second").await;
                found.is_some_and(|it| {
                    it.1 == "InvalidSpec" && it.2.contains("older Canary podinfo")
                })
            })
            .await;
        assert!(world.told("Canary second.apps is invalid"));
        push(&world, "v2").await;
        reaches(&world, "Succeeded").await;
        world
            .delete("flagger.app/v1beta1", "Canary", "podinfo")
            .await;
        world
            .until("the second is served", async || {
                let found = status(&world, "second").await;
                found.str_at(&["phase"]).is_some_and(|it| !it.is_empty())
            })
            .await;
    });
}

#[test]
fn a_canary_that_cannot_be_read_says_so_and_stops_no_other() {
    virtual_time(async {
        let (world, _) = canary_world(8).await;
        let mut odd = canary("odd", Value::map());
        odd.set_at(&["spec", "targetRef", "name"], "other".into());
        odd.set_at(&["spec", "analysis", "stepWeight"], Value::from(0.5));
        world.apply(&odd).await;
        initialized(&world, Value::map()).await;
        let found = ready(&world, "odd").await.unwrap();
        assert_eq!(found.0, "False");
        assert!(found.2.contains("spec.analysis.stepWeight"), "{found:?}");
        assert!(world.told("spec.analysis.stepWeight"));
    });
}

#[test]
fn a_weight_that_was_changed_by_hand_is_set_back() {
    virtual_time(async {
        let (world, _) = canary_world(9).await;
        initialized(&world, Value::map()).await;
        push(&world, "v2").await;
        world
            .until("weight 20", async || {
                routed_weight(&world).await.as_deref() == Some("20")
            })
            .await;
        let patch = value!({"metadata": {"annotations":
            {"nginx.ingress.kubernetes.io/canary-weight": "90"}}});
        let api = "networking.k8s.io/v1";
        world
            .patch(api, "Ingress", "podinfo-canary", "person", patch)
            .await;
        world
            .until("weight 20 again", async || {
                routed_weight(&world).await.as_deref() == Some("20")
            })
            .await;
        reaches(&world, "Succeeded").await;
        assert_eq!(announced_weights(&world), [10, 20, 30, 40, 50]);
    });
}

#[test]
fn an_applier_leaves_the_replicas_of_a_target_alone() {
    virtual_time(async {
        let (world, _) = canary_world(10).await;
        let manifest = |version: &str| {
            let mut object = deployment(version);
            object.set_at(&["spec", "replicas"], Value::from(3));
            trueup_object::to_yaml(&object)
        };
        let first = manifest("v1");
        let revision = world.commit("first", &[("app/deployment.yaml", first.as_str())]);
        world.repository().await;
        let often = value!({"interval": "1m"});
        world.kustomization("app", "./app", often).await;
        world.applied("app", &revision).await;
        assert_eq!(replicas(&world, "podinfo").await, Some(3));
        initialized(&world, Value::map()).await;
        assert_eq!(replicas(&world, "podinfo-primary").await, Some(3));
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
        let second = manifest("v2");
        world.push("second", &[("app/deployment.yaml", second.as_str())]);
        reaches(&world, "Succeeded").await;
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
    });
}
