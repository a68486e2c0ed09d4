//! Canaries and the rest of the cluster: definitions, leases, Kustomizations,
//! alerts, numbers.

use super::canary_world::{
    announced_weights, begun, canary, canary_world, canary_world_with, delete, deployment,
    empty_world, image, ingress, initialized, push, reaches, replicas, routed_weight, serve,
    status, weighs,
};
use super::world::{NAMESPACE, World, condition};
use std::sync::atomic::Ordering;
use std::time::Duration;
use trueup_cluster::{Form, LeaseTimes};
use trueup_controller::LeaderElection;
use trueup_kinds::progressive_delivery_definitions;
use trueup_object::{GroupVersionKind, Map, ObjectRef, Value, value};
use trueup_testkit::virtual_time;

/// The fields of a Canary's status that Flagger's own definition has.
const FLAGGERS_FIELDS: [&str; 11] = [
    "phase",
    "failedChecks",
    "canaryWeight",
    "iterations",
    "previousSessionAffinityCookie",
    "sessionAffinityCookie",
    "trackedConfigs",
    "lastAppliedSpec",
    "lastPromotedSpec",
    "lastTransitionTime",
    "conditions",
];

/// Flagger's own definitions: they know nothing of our fields.
fn definitions_of_flagger() -> Vec<Value> {
    let mut definitions = progressive_delivery_definitions();
    for definition in &mut definitions {
        let versions = definition.at(&["spec", "versions"]);
        let mut version = versions.and_then(Value::as_list).unwrap()[0].clone();
        let status = ["schema", "openAPIV3Schema", "properties", "status"];
        let Some(known) = version.at(&status).cloned() else {
            continue;
        };
        let mut kept = Map::new();
        for (key, schema) in known.get("properties").unwrap().as_map().unwrap() {
            if FLAGGERS_FIELDS.contains(&key.as_str()) {
                let mut schema = schema.clone();
                schema.remove_at(&["items", "properties", "observedGeneration"]);
                kept.insert(key.clone(), schema);
            }
        }
        version.set_at(
            &status,
            value!({"type": "object", "properties": (Value::from(kept))}),
        );
        let versions: Value = [version].into_iter().collect();
        definition.set_at(&["spec", "versions"], versions);
    }
    definitions
}

async fn flagger_world(seed: u64) -> World {
    let (world, _) = empty_world(seed, |_| {}).await;
    serve(&world, &definitions_of_flagger()).await;
    world.apply(&deployment("v1")).await;
    world.apply(&ingress()).await;
    world
}

#[test]
fn under_flaggers_own_definition_runs_go_on_and_rest_is_quiet() {
    virtual_time(async {
        let mut world = flagger_world(61).await;
        initialized(&world, Value::map()).await;
        assert!(
            status(&world, "podinfo")
                .await
                .get("routedWeight")
                .is_none()
        );
        let before = world.faults.request_count();
        tokio::time::sleep(Duration::from_secs(600)).await;
        let asked = world.faults.request_count() - before;
        assert!(asked <= 60, "{asked} requests in ten minutes of rest");
        push(&world, "v2").await;
        weighs(&world, "30").await;
        world.restart().await;
        reaches(&world, "Succeeded").await;
        let mut weights = announced_weights(&world);
        weights.dedup();
        assert_eq!(weights, [10, 20, 30, 40, 50]);
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");
        assert!(!world.told("does not come to rest"));
    });
}

#[test]
fn definitions_that_arrive_late_are_noticed() {
    virtual_time(async {
        let (world, _) = empty_world(62, |_| {}).await;
        world.controller.wait_until_ready().await;
        world.apply(&deployment("v1")).await;
        world.apply(&ingress()).await;
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert!(!world.controller.metrics_text().contains("flagger_info{"));
        serve(&world, &progressive_delivery_definitions()).await;
        initialized(&world, Value::map()).await;
        assert!(
            world
                .controller
                .metrics_text()
                .contains(r#"mesh_provider="nginx""#)
        );
    });
}

async fn leader(world: &World) -> Option<String> {
    let lease = ObjectRef {
        kind: GroupVersionKind::new("coordination.k8s.io/v1", "Lease"),
        namespace: NAMESPACE.into(),
        name: "flagger-leader-election".into(),
    };
    let found = world.admin.find(&lease, Form::Full).await.unwrap()?;
    let holder = found.value().str_at(&["spec", "holderIdentity"]);
    holder.map(str::to_owned)
}

#[test]
fn of_two_processes_one_leads_and_the_other_goes_on_where_it_ended() {
    virtual_time(async {
        let (world, _) = canary_world_with(63, |options| {
            options.leader_election = Some(LeaderElection {
                namespace: NAMESPACE.into(),
                identity: "first".into(),
                times: LeaseTimes::FLUX,
            });
        })
        .await;
        initialized(&world, Value::map()).await;
        assert_eq!(leader(&world).await.as_deref(), Some("first"));
        let second = world.elect("second");
        push(&world, "v2").await;
        weighs(&world, "20").await;
        world.controller.kill();
        let what = "the second leads";
        world
            .until(what, async || {
                leader(&world).await.as_deref() == Some("second")
            })
            .await;
        assert!(matches!(
            routed_weight(&world).await.as_deref(),
            Some("20" | "30")
        ));
        reaches(&world, "Succeeded").await;
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");
        second.kill();
    });
}

/// Manifests of a target, its Ingress and its Canary, in a folder `app`.
fn manifests(version: &str, canary: &Value) -> Vec<(&'static str, String)> {
    vec![
        (
            "app/deployment.yaml",
            trueup_object::to_yaml(&deployment(version)),
        ),
        ("app/ingress.yaml", trueup_object::to_yaml(&ingress())),
        ("app/canary.yaml", trueup_object::to_yaml(canary)),
    ]
}

fn borrowed<'a>(files: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    files
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect()
}

#[test]
fn a_kustomization_that_waits_waits_for_the_run() {
    virtual_time(async {
        let (world, outside) = empty_world(64, |_| {}).await;
        serve(&world, &progressive_delivery_definitions()).await;
        let canary = canary("podinfo", Value::map());
        let first = world.commit("first", &borrowed(&manifests("v1", &canary)));
        world.repository().await;
        world
            .kustomization("app", "./app", value!({"wait": true, "timeout": "30m"}))
            .await;
        world.applied("app", &first).await;
        let phase = status(&world, "podinfo").await;
        assert_eq!(phase.str_at(&["phase"]), Some("Initialized"));

        let second = world.push("second", &borrowed(&manifests("v2", &canary)));
        reaches(&world, "Progressing").await;
        let found = world.kustomization_status("app").await;
        assert_ne!(
            found.str_at(&["lastAppliedRevision"]),
            Some(second.as_str())
        );
        world.applied("app", &second).await;
        let found = status(&world, "podinfo").await;
        assert_eq!(found.str_at(&["phase"]), Some("Succeeded"));
        assert_eq!(found.str_at(&["sourceRevision"]), Some(second.as_str()));

        outside.hundredths.store(0, Ordering::SeqCst);
        world.push("third", &borrowed(&manifests("v3", &canary)));
        let told = world.fails("app", "HealthCheckFailed").await;
        assert!(told.contains("Canary/apps/podinfo"), "{told}");
        let found = status(&world, "podinfo").await;
        assert_eq!(condition(&found, "Promoted").unwrap().0, "False");
    });
}

#[test]
fn alerts_carry_the_git_revision_and_go_where_their_secret_says_now() {
    virtual_time(async {
        let (world, outside) = empty_world(65, |_| {}).await;
        serve(&world, &progressive_delivery_definitions()).await;
        let secret = |path: &str| {
            value!({"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "slack", "namespace": "apps"},
                "stringData": {"address": (format!("http://slack.example/{path}"))}})
        };
        world.apply(&secret("first")).await;
        world
            .apply(
                &value!({"apiVersion": "flagger.app/v1beta1", "kind": "AlertProvider",
                "metadata": {"name": "people", "namespace": "apps"},
                "spec": {"type": "slack", "channel": "deploys", "secretRef": {"name": "slack"}}}),
            )
            .await;
        let alerts = value!({"alerts": [
            {"name": "people", "severity": "info", "providerRef": {"name": "people"}},
        ]});
        let canary = canary("podinfo", alerts);
        let first = world.commit("first", &borrowed(&manifests("v1", &canary)));
        world.repository().await;
        world.kustomization("app", "./app", Value::map()).await;
        reaches(&world, "Initialized").await;
        world.rest().await;
        let told = outside.calls_of("/first");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("New Deployment detected, initialization completed."));
        assert!(told[0].contains(&first), "{told:?}");

        world.apply(&secret("second")).await;
        let second = world.push("second", &borrowed(&manifests("v2", &canary)));
        reaches(&world, "Succeeded").await;
        world.rest().await;
        let told = outside.calls_of("/second");
        let texts = [
            "New revision detected, progressing canary analysis.",
            "Canary analysis completed successfully, promotion finished.",
        ];
        assert_eq!(told.len(), texts.len(), "{told:?}");
        for (body, text) in told.iter().zip(texts) {
            assert!(body.contains(text) && body.contains(&second), "{body}");
        }
        assert_eq!(outside.calls_of("/first").len(), 1);
    });
}

#[test]
fn numbers_of_a_canary_go_with_it() {
    virtual_time(async {
        let (world, _) = canary_world(66).await;
        initialized(&world, Value::map()).await;
        push(&world, "v2").await;
        reaches(&world, "Succeeded").await;
        let numbers = world.controller.metrics_text();
        let series = |text: &str| -> Vec<String> {
            let own = text.lines().filter(|it| it.contains(r#""podinfo"#));
            own.filter(|it| it.starts_with("flagger_"))
                .map(str::to_owned)
                .collect()
        };
        for name in [
            "canary_status",
            "canary_weight",
            "canary_metric_analysis",
            "canary_successes",
        ] {
            let wanted = format!("flagger_{name}");
            assert!(
                series(&numbers).iter().any(|it| it.starts_with(&wanted)),
                "{numbers}"
            );
        }
        assert!(numbers.contains(r#"flagger_canary_total{namespace="apps"} 1"#));
        delete(&world, "flagger.app/v1beta1", "Canary", "podinfo").await;
        world.rest().await;
        let numbers = world.controller.metrics_text();
        assert_eq!(series(&numbers), [""; 0]);
        assert!(!numbers.contains("flagger_canary_total{"));
        assert!(numbers.contains("flagger_info{"));
    });
}

#[test]
fn a_suspended_canary_stands_still_and_says_so_once() {
    virtual_time(async {
        let (world, _) = canary_world(67).await;
        initialized(&world, Value::map()).await;
        push(&world, "v2").await;
        weighs(&world, "20").await;
        let suspend = |is: bool| value!({"spec": {"suspend": is}});
        let (api, kind) = ("flagger.app/v1beta1", "Canary");
        world
            .patch(api, kind, "podinfo", "person", suspend(true))
            .await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(routed_weight(&world).await.as_deref(), Some("20"));
        let text = "skipping canary run as object is suspended";
        let told = world.lines().iter().filter(|it| it.contains(text)).count();
        assert_eq!(told, 1);
        world
            .patch(api, kind, "podinfo", "person", suspend(false))
            .await;
        reaches(&world, "Succeeded").await;
    });
}

#[test]
fn a_person_promotes_by_a_request() {
    virtual_time(async {
        let (world, _) = canary_world(68).await;
        let mut slow = canary("podinfo", value!({"interval": "5m"}));
        slow.set_at(&["metadata", "annotations"], value!({"unrelated": "yes"}));
        begun(&world, &slow).await;
        push(&world, "v2").await;
        weighs(&world, "10").await;
        let request = value!({"metadata": {"annotations":
            {"trueup.dev/canary-request": "promote/1"}}});
        world
            .patch(
                "flagger.app/v1beta1",
                "Canary",
                "podinfo",
                "person",
                request,
            )
            .await;
        reaches(&world, "Succeeded").await;
        assert_eq!(announced_weights(&world), [10]);
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
    });
}
