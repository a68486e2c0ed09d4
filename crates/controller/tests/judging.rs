//! What counts as healthy and ready, and what is left to others.

use super::world::{NAMESPACE, World, condition, map, reference};
use std::time::Duration;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

const GADGET: &str = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g, namespace: apps}\nspec: {size: 1}\n";

/// The definition of `Gadget`, which says its health in its own words.
fn gadgets() -> Value {
    value!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "gadgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Gadget", "listKind": "GadgetList", "plural": "gadgets", "singular": "gadget"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

fn check(current: &str) -> Value {
    value!({"wait": true, "timeout": "1m", "healthCheckExprs": [{
        "apiVersion": "example.com/v1", "kind": "Gadget",
        "failed": "status.phase == 'Broken'", "current": current,
    }]})
}

async fn with_gadget(current: &str) -> (World, String) {
    let world = World::new(31).await;
    world.apply(&gadgets()).await;
    let revision = world.commit("first", &[("apps/g.yaml", GADGET)]);
    world.repository().await;
    world.kustomization("apps", "./apps", check(current)).await;
    (world, revision)
}

async fn set_phase(world: &World, phase: &str) {
    let gadget = reference("example.com/v1", "Gadget", "g");
    let status = value!({"phase": phase});
    world
        .admin
        .patch_status(&gadget, &status, None, "gadgeteer")
        .await
        .unwrap();
}

async fn is_waiting(world: &World) -> bool {
    let status = world.kustomization_status("apps").await;
    condition(&status, "Healthy").is_some_and(|it| it.0 == "Unknown")
}

#[test]
fn expressions_decide_about_the_health_of_their_kind() {
    virtual_time(async {
        let (world, revision) = with_gadget("has(status.phase) && status.phase == 'Running'").await;
        world
            .patch_kustomization(
                "apps",
                value!({"spec": {"healthCheckExprs": [{
                "apiVersion": "example.com/v1", "kind": "Gadget",
                "failed": "has(status.phase) && status.phase == 'Broken'",
                "current": "has(status.phase) && status.phase == 'Running'"}]}}),
            )
            .await;
        world
            .until("the gadget", async || {
                world.get("example.com/v1", "Gadget", "g").await.is_some()
            })
            .await;
        set_phase(&world, "Starting").await;
        world
            .until("waiting", async || is_waiting(&world).await)
            .await;
        set_phase(&world, "Broken").await;
        let message = world.fails("apps", "HealthCheckFailed").await;
        assert!(
            message.contains(
                "failed early due to stalled resources: [Gadget/apps/g status: 'Failed']"
            ),
            "{message}"
        );
        set_phase(&world, "Running").await;
        world.applied("apps", &revision).await;
    });
}

#[test]
fn an_expression_that_does_not_compile_stalls_the_object_until_it_is_changed() {
    virtual_time(async {
        let (world, revision) = with_gadget("status.phase ==").await;
        let message = world.fails("apps", "InvalidCELExpression").await;
        for words in [
            "Reconciliation failed terminally due to configuration error: ",
            "healthchecks[0]",
            "the expression Current",
            "status.phase ==",
        ] {
            assert!(message.contains(words), "{message}");
        }
        let status = world.kustomization_status("apps").await;
        let stalled = condition(&status, "Stalled").unwrap();
        assert_eq!(
            (stalled.0.as_str(), stalled.1.as_str()),
            ("True", "InvalidCELExpression")
        );
        assert!(world.get("example.com/v1", "Gadget", "g").await.is_none());
        world
            .patch_kustomization("apps", value!({"spec": {"healthCheckExprs": null}}))
            .await;
        world.applied("apps", &revision).await;
    });
}

#[test]
fn an_expression_that_runs_too_long_is_stopped_and_named_with_its_object() {
    virtual_time(async {
        let (world, _) =
            with_gadget("spec.list.all(a, spec.list.all(b, spec.list.all(c, a + b + c >= 0)))")
                .await;
        world
            .until("the gadget", async || {
                world.get("example.com/v1", "Gadget", "g").await.is_some()
            })
            .await;
        let list: Vec<Value> = (0..300).map(Value::from).collect();
        set_phase(&world, "Running").await;
        world
            .patch(
                "example.com/v1",
                "Gadget",
                "g",
                "person",
                value!({"spec": {"list": (Value::from(list))}}),
            )
            .await;
        let message = world.fails("apps", "HealthCheckFailed").await;
        for words in [
            "Gadget/apps/g status: 'Unknown'",
            "spec.list.all(a",
            "steps; it was stopped",
        ] {
            assert!(message.contains(words), "{message}");
        }
    });
}

#[test]
fn a_restart_while_waiting_gives_nobody_more_time() {
    virtual_time(async {
        let (mut world, _) = with_gadget("has(status.phase) && status.phase == 'Running'").await;
        world
            .until("applied", async || {
                world.get("example.com/v1", "Gadget", "g").await.is_some()
            })
            .await;
        set_phase(&world, "Starting").await;
        world
            .until("waiting", async || is_waiting(&world).await)
            .await;
        let began = tokio::time::Instant::now();
        tokio::time::sleep(Duration::from_secs(40)).await;
        world.restart().await;
        world.fails("apps", "HealthCheckFailed").await;
        let waited = began.elapsed();
        assert!(
            waited < Duration::from_secs(75),
            "the timeout is a minute: {waited:?}"
        );
        assert!(waited > Duration::from_secs(55), "{waited:?}");
    });
}

#[test]
fn an_expression_stands_in_place_of_the_readiness_of_a_dependency_elsewhere() {
    virtual_time(async {
        let world = World::new(32).await;
        let (a, b) = (map("a", &[]), map("b", &[]));
        let revision = world.commit("first", &[("base/a.yaml", &a), ("apps/b.yaml", &b)]);
        world.repository().await;
        let expression = "dep.metadata.?labels.stage.orValue('') == self.metadata.name + '-may-go'";
        let depends = value!({"dependsOn": [
            {"name": "base", "namespace": "apps", "readyExpr": expression},
        ]});
        world.kustomization("apps", "./apps", depends).await;
        let message = world.fails("apps", "DependencyNotReady").await;
        assert!(
            message.contains("dependency 'apps/base' not found"),
            "{message}"
        );
        let mut base = value!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "base", "namespace": "apps"},
            "spec": {"path": "./missing", "prune": true, "interval": "1h",
                "sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": NAMESPACE}},
        });
        world.apply(&base).await;
        let mut message = String::new();
        world
            .until("the expression is asked", async || {
                let status = world.kustomization_status("apps").await;
                message = condition(&status, "Ready")
                    .map(|it| it.2)
                    .unwrap_or_default();
                message.contains("readyExpr")
            })
            .await;
        assert!(
            message.contains("dependency 'apps/base' is not ready according to readyExpr eval"),
            "{message}"
        );
        // It never gets ready, but the expression does not ask for that.
        base.set_at(&["metadata", "labels", "stage"], "apps-may-go".into());
        let began = tokio::time::Instant::now();
        world.apply(&base).await;
        world.applied("apps", &revision).await;
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "woken by the change"
        );
    });
}

#[test]
fn a_ready_expression_that_does_not_compile_is_terminal() {
    virtual_time(async {
        let world = World::new(33).await;
        world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        let depends = value!({"dependsOn": [{"name": "base", "readyExpr": "other.status == 1"}]});
        world.kustomization("apps", "./apps", depends).await;
        let message = world.fails("apps", "InvalidCELExpression").await;
        assert!(
            message.contains("undeclared reference to 'other'"),
            "{message}"
        );
        let status = world.kustomization_status("apps").await;
        assert_eq!(condition(&status, "Stalled").unwrap().0, "True");
    });
}

#[test]
fn what_is_left_to_others_is_no_drift_and_survives_a_push() {
    virtual_time(async {
        let world = World::new(34).await;
        let config = |text: &str| map("a", &[("scale", "1"), ("text", text)]);
        let first = world.commit("first", &[("apps/a.yaml", &config("one"))]);
        world.repository().await;
        let ignore =
            value!({"ignore": [{"paths": ["/data/scale"], "target": {"kind": "ConfigMap"}}]});
        world.kustomization("apps", "./apps", ignore).await;
        world.applied("apps", &first).await;
        world
            .patch(
                "v1",
                "ConfigMap",
                "a",
                "scaler",
                value!({"data": {"scale": "7"}}),
            )
            .await;
        world.rest().await;
        let data = |map: Option<Value>| map.unwrap().get("data").cloned().unwrap();
        assert_eq!(
            data(world.config_map("a").await),
            value!({"scale": "7", "text": "one"})
        );
        let second = world.push("second", &[("apps/a.yaml", &config("two"))]);
        world.applied("apps", &second).await;
        assert_eq!(
            data(world.config_map("a").await),
            value!({"scale": "7", "text": "two"})
        );
        assert!(!world.told("corrected"), "{:?}", world.lines());
    });
}

#[test]
fn a_rule_about_fields_that_can_t_be_used_is_refused_by_name() {
    virtual_time(async {
        let world = World::new(35).await;
        world.commit("first", &[("apps/a.yaml", &map("a", &[]))]);
        world.repository().await;
        let ignore = value!({"ignore": [{"paths": ["data.scale"]}]});
        world.kustomization("apps", "./apps", ignore).await;
        let message = world.fails("apps", "ReconciliationFailed").await;
        assert!(
            message.contains("spec.ignore[0].paths: \"data.scale\""),
            "{message}"
        );
    });
}

#[test]
fn an_object_of_another_kustomization_is_taken_and_the_event_says_whose_it_was() {
    virtual_time(async {
        let world = World::new(36).await;
        let shared = |text: &str| map("a", &[("text", text)]);
        let revision = world.commit(
            "first",
            &[
                ("one/a.yaml", &shared("one")),
                ("two/a.yaml", &shared("two")),
            ],
        );
        world.repository().await;
        world.kustomization("one", "./one", value!({})).await;
        world.applied("one", &revision).await;
        world.kustomization("two", "./two", value!({})).await;
        world
            .until("the other is named", async || {
                world.told(&format!(
                    "ConfigMap/apps/a was applied by Kustomization/{NAMESPACE}/one before"
                ))
            })
            .await;
    });
}

#[test]
fn a_definition_that_vanishes_leaves_the_inventory_and_is_named() {
    virtual_time(async {
        let world = World::new(37).await;
        world.apply(&gadgets()).await;
        let a = map("a", &[]);
        let first = world.commit("first", &[("apps/g.yaml", GADGET), ("apps/a.yaml", &a)]);
        world.repository().await;
        world.kustomization("apps", "./apps", value!({})).await;
        world.applied("apps", &first).await;
        world
            .delete(
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                "gadgets.example.com",
            )
            .await;
        world.rest().await;
        let second = world.push("without the gadget", &[("apps/a.yaml", &a)]);
        world.applied("apps", &second).await;
        let status = world.kustomization_status("apps").await;
        let entries = status
            .at(&["inventory", "entries"])
            .unwrap()
            .as_list()
            .unwrap();
        let kept = |it: &&Value| it.str_at(&["id"]) == Some("apps_g_example.com_Gadget");
        assert_eq!(entries.iter().filter(kept).count(), 1, "{status:?}");
        assert!(
            world.told("Gadget/apps/g stays in the inventory: the cluster has no kind Gadget of example.com/v1"),
            "{:?}",
            world.lines()
        );
        // Back again, it is deleted at the next look.
        world.apply(&gadgets()).await;
        world.rest().await;
        world
            .patch_kustomization(
                "apps",
                value!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}),
            )
            .await;
        world
            .until("it leaves the inventory", async || {
                let status = world.kustomization_status("apps").await;
                let entries = status
                    .at(&["inventory", "entries"])
                    .unwrap()
                    .as_list()
                    .unwrap();
                entries.len() == 1
            })
            .await;
    });
}
