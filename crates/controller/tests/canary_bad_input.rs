//! Canaries that can't go on, and what they are told; others are not held up.

use super::canary_world::{
    announced_weights, begun, canary, canary_world, delete, deployment, image, ingress,
    initialized, push, reaches, ready, refused, replicas, routed_weight, series, status, template,
    weighs,
};
use super::world::World;
use std::sync::atomic::Ordering;
use std::time::Duration;
use trueup_cluster::{Form, Scope};
use trueup_object::{GroupVersionKind, Value, value};
use trueup_testkit::virtual_time;

fn metric_of(template: &str) -> Value {
    value!({"metrics": [{"name": "own", "interval": "1m", "thresholdRange": {"min": 99},
        "templateRef": {"name": template}}]})
}

/// A revision whose metrics can't be had fails without ever having served more
/// than the first step.
async fn fails_with(world: &World, text: &str) {
    push(world, "v2").await;
    reaches(world, "Failed").await;
    assert!(world.told(text), "{:#?}", world.lines());
    assert_eq!(announced_weights(world), [10]);
    assert_eq!(image(world, "podinfo-primary").await, "podinfo:v1");
    assert_eq!(routed_weight(world).await.as_deref(), Some("0"));
}

#[test]
fn a_query_that_does_not_compile_fails_the_run_in_words() {
    virtual_time(async {
        let (world, _) = canary_world(21).await;
        world.apply(&template("broken", "{{ if }}")).await;
        initialized(&world, metric_of("broken")).await;
        fails_with(&world, "Metric template broken.apps query render error: ").await;
    });
}

#[test]
fn a_template_that_is_not_there_fails_the_run_until_it_is() {
    virtual_time(async {
        let (world, _) = canary_world(22).await;
        initialized(&world, metric_of("late")).await;
        fails_with(&world, "Metric template late.apps error: ").await;
        world.apply(&template("late", "{{ target }}")).await;
        push(&world, "v3").await;
        reaches(&world, "Succeeded").await;
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v3");
    });
}

#[test]
fn no_number_is_no_value() {
    virtual_time(async {
        let (world, outside) = canary_world(23).await;
        initialized(&world, Value::map()).await;
        outside.answer_with(&series(&["NaN"]));
        fails_with(&world, "Halt advancement no values found for").await;
    });
}

#[test]
fn nothing_is_no_value() {
    virtual_time(async {
        let (world, outside) = canary_world(24).await;
        initialized(&world, Value::map()).await;
        outside.answer_with(&series(&[]));
        fails_with(
            &world,
            "Halt advancement no values found for nginx metric request-success-rate \
             probably podinfo.apps is not receiving traffic",
        )
        .await;
    });
}

#[test]
fn of_many_series_the_last_counts_and_a_matrix_is_none() {
    virtual_time(async {
        let (world, outside) = canary_world(25).await;
        world.apply(&template("many", "{{ target }}")).await;
        initialized(&world, metric_of("many")).await;
        outside.answer_with(&series(&["12", "100"]));
        push(&world, "v2").await;
        reaches(&world, "Succeeded").await;
        outside
            .answer_with(r#"{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"]]}]}"#);
        push(&world, "v3").await;
        reaches(&world, "Failed").await;
        assert!(
            world.told("Metric query failed for own: "),
            "{:#?}",
            world.lines()
        );
    });
}

#[test]
fn a_provider_that_hangs_counts_as_failed_checks() {
    virtual_time(async {
        let (world, outside) = canary_world(26).await;
        initialized(&world, Value::map()).await;
        outside.is_silent.store(true, Ordering::SeqCst);
        fails_with(&world, "Prometheus query failed: ").await;
    });
}

#[test]
fn a_hook_that_never_answers_holds_nobody_else_up() {
    virtual_time(async {
        let (world, outside) = canary_world(27).await;
        let hooks = value!({"webhooks": [
            {"name": "gate", "type": "confirm-rollout", "url": "http://gate.example/gate"},
        ]});
        initialized(&world, hooks).await;
        outside.is_silent.store(true, Ordering::SeqCst);
        push(&world, "v2").await;
        reaches(&world, "Waiting").await;
        assert!(world.told("Halt podinfo.apps advancement waiting for approval gate"));
        // Another is worked on while that one waits.
        let mut other = canary("other", Value::map());
        other.set_at(&["spec", "provider"], "skipper".into());
        other.set_at(&["spec", "targetRef", "name"], "other".into());
        world.apply(&other).await;
        refused(&world, "other", "provider skipper is not supported").await;
        outside.is_silent.store(false, Ordering::SeqCst);
        reaches(&world, "Succeeded").await;
    });
}

#[test]
fn a_provider_that_is_not_built_here_is_refused_by_name() {
    virtual_time(async {
        let (world, _) = canary_world(28).await;
        let mut odd = canary("odd", Value::map());
        odd.set_at(&["spec", "provider"], "kuma".into());
        odd.set_at(&["spec", "targetRef", "name"], "other".into());
        world.apply(&odd).await;
        refused(&world, "odd", "provider kuma is not supported").await;
        assert!(world.told("Canary odd.apps is invalid"));
        initialized(&world, Value::map()).await;
        push(&world, "v2").await;
        reaches(&world, "Succeeded").await;
    });
}

#[test]
fn a_target_that_is_deleted_in_the_middle_gives_its_traffic_back() {
    virtual_time(async {
        let (world, _) = canary_world(29).await;
        let mut object = canary("podinfo", Value::map());
        object.set_at(&["spec", "progressDeadlineSeconds"], Value::from(60));
        begun(&world, &object).await;
        push(&world, "v2").await;
        weighs(&world, "20").await;
        delete(&world, "apps/v1", "Deployment", "podinfo").await;
        weighs(&world, "0").await;
        assert!(world.told("canary has no ready endpoints, routing all traffic to primary"));
        reaches(&world, "Failed").await;
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v1");
        let told = ready(&world, "podinfo").await.unwrap();
        assert_eq!(told.0, "Unknown", "the target is waited for: {told:?}");
        world.apply(&deployment("v3")).await;
        reaches(&world, "Succeeded").await;
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v3");
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
    });
}

#[test]
fn a_route_that_is_deleted_in_the_middle_is_made_again_as_it_was() {
    virtual_time(async {
        let (world, _) = canary_world(30).await;
        initialized(&world, Value::map()).await;
        push(&world, "v2").await;
        weighs(&world, "20").await;
        let api = "networking.k8s.io/v1";
        delete(&world, api, "Ingress", "podinfo-canary").await;
        world
            .until("the route is there again", async || {
                world.get(api, "Ingress", "podinfo-canary").await.is_some()
            })
            .await;
        assert_eq!(routed_weight(&world).await.as_deref(), Some("20"));
        reaches(&world, "Succeeded").await;
        assert_eq!(announced_weights(&world), [10, 20, 30, 40, 50]);
    });
}

#[test]
fn a_weight_that_is_no_number_is_set_back_without_a_gap() {
    virtual_time(async {
        let (world, _) = canary_world(31).await;
        initialized(&world, Value::map()).await;
        push(&world, "v2").await;
        weighs(&world, "20").await;
        let writes = world.faults.writes().len();
        let patch = value!({"metadata": {"annotations":
            {"nginx.ingress.kubernetes.io/canary-weight": "much"}}});
        world
            .patch(
                "networking.k8s.io/v1",
                "Ingress",
                "podinfo-canary",
                "person",
                patch,
            )
            .await;
        weighs(&world, "20").await;
        let written = world.faults.writes();
        let routes = written[writes..]
            .iter()
            .filter(|it| it.path.contains("/ingresses/"));
        assert_eq!(routes.count(), 1, "never by way of another weight");
        reaches(&world, "Succeeded").await;
    });
}

#[test]
fn an_ingress_that_is_not_there_is_named_and_waited_for() {
    virtual_time(async {
        let (world, _) = canary_world(32).await;
        let api = "networking.k8s.io/v1";
        delete(&world, api, "Ingress", "podinfo").await;
        world.apply(&canary("podinfo", Value::map())).await;
        refused(&world, "podinfo", "Ingress podinfo.apps not found").await;
        assert_eq!(replicas(&world, "podinfo").await.unwrap_or(1), 1);
        world.apply(&ingress()).await;
        reaches(&world, "Initialized").await;
        // Taken away in the middle it ends the run.
        push(&world, "v2").await;
        weighs(&world, "20").await;
        let mut object = canary("podinfo", Value::map());
        object.set_at(&["spec", "progressDeadlineSeconds"], Value::from(60));
        world.apply(&object).await;
        delete(&world, api, "Ingress", "podinfo").await;
        weighs(&world, "0").await;
        reaches(&world, "Failed").await;
        let status = status(&world, "podinfo").await;
        assert_eq!(status.i64_at(&["canaryWeight"]), Some(0));
        assert!(world.told("Ingress podinfo.apps not found"));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v1");
    });
}

/// Type, source and message of the events about a Canary in the cluster.
async fn events_about(world: &World, name: &str) -> Vec<[String; 3]> {
    let kind = GroupVersionKind::new("v1", "Event");
    let scope = Scope::namespace("apps");
    let list = world.admin.list(&kind, &scope, Form::Full).await.unwrap();
    let about = |it: &Value| {
        it.str_at(&["involvedObject", "kind"]) == Some("Canary")
            && it.str_at(&["involvedObject", "name"]) == Some(name)
    };
    let events = list.objects.iter().map(|it| it.value());
    let events = events.filter(|it| about(it)).map(|it| {
        [
            &["type"][..],
            &["source", "component"][..],
            &["message"][..],
        ]
        .map(|path| it.str_at(path).unwrap_or_default().to_owned())
    });
    events.collect()
}

#[test]
fn each_invalid_canary_has_a_condition_and_an_event_of_its_own_and_stops_no_other() {
    /// Name, field, what is in it, and what is told of it.
    type Row = (&'static str, &'static [&'static str], Value, &'static str);
    let rows: [Row; 5] = [
        (
            "half",
            &["spec", "analysis", "stepWeight"],
            Value::from(0.5),
            "spec.analysis.stepWeight",
        ),
        (
            "elsewhere",
            &["spec", "provider"],
            "kuma".into(),
            "provider kuma is not supported",
        ),
        (
            "nowhere",
            &["spec", "ingressRef", "name"],
            "nowhere".into(),
            "Ingress nowhere.apps not found",
        ),
        (
            "twin",
            &["spec", "targetRef", "name"],
            "podinfo".into(),
            "older Canary podinfo",
        ),
        (
            "unrouted",
            &["spec", "provider"],
            "gatewayapi:v1".into(),
            "GatewayRefs must be specified",
        ),
    ];
    virtual_time(async {
        let (world, _) = canary_world(33).await;
        initialized(&world, Value::map()).await;
        for (name, path, value, _) in &rows {
            let mut target = deployment("v1");
            target.set_at(&["metadata", "name"], (*name).into());
            world.apply(&target).await;
            let mut object = canary(name, Value::map());
            object.set_at(&["spec", "targetRef", "name"], (*name).into());
            object.set_at(&["spec", "service", "name"], (*name).into());
            object.set_at(path, value.clone());
            world.apply(&object).await;
        }
        push(&world, "v2").await;
        reaches(&world, "Succeeded").await;
        world.rest().await;
        for (name, _, _, words) in &rows {
            let told = ready(&world, name).await.unwrap();
            assert_eq!(told.0, "False", "{name}: {told:?}");
            assert!(told.2.contains(words), "{name}: {told:?}");
            let events = events_about(&world, name).await;
            let is_told = |it: &[String; 3]| {
                it[0] == "Warning" && it[1] == "flagger" && it[2].contains(words)
            };
            let count = events.iter().filter(|it| is_told(it)).count();
            assert_eq!(count, 1, "{name}: {events:?}");
        }
    });
}
