use super::*;
use crate::targets::{
    ScalerPass, hold_primary_replicas, initialize_primary, pause_target_scaler,
    reconcile_primary_scaler, release_primary_replicas, restore_target, resume_target_scaler,
    scale_from_zero, scale_to_zero,
};
use trueup_kinds::canary::{AutoscalerReference, ScalerReplicas};
use trueup_kinds::names::HELD_REPLICAS;
use trueup_object::value;

const TO_ZERO: Step<'_> = &scale_to_zero;
const FROM_ZERO: Step<'_> = &scale_from_zero;
const ENSURE: Step<'_> = &|view| reconcile_primary_scaler(view, ScalerPass::Ensure);
const HOLD: Step<'_> = &hold_primary_replicas;
const RELEASE: Step<'_> = &release_primary_replicas;
const UPDATE: Step<'_> = &|view| reconcile_primary_scaler(view, ScalerPass::Update);

fn with_scaler(kind: &str) -> World {
    let mut world = World::deployment();
    world.canary.spec.autoscaler_ref = Some(AutoscalerReference {
        kind: kind.into(),
        name: "podinfo".into(),
        ..AutoscalerReference::default()
    });
    world.observed.found(yaml(match kind {
        "ScaledObject" => include_str!("data/scaled_object.yaml"),
        _ => include_str!("data/hpa.yaml"),
    }));
    world
}

fn replicas(world: &World, name: &str) -> Option<i64> {
    world.get("Deployment", name).i64_at(&["spec", "replicas"])
}

#[test]
fn a_deployment_is_scaled_to_zero_and_back() {
    let mut world = World::deployment();
    world.settle(&|view| initialize_primary(view, "id"));
    let writes = world.settle(TO_ZERO);
    let Write::MergePatch { patch, .. } = &writes[0] else {
        panic!("{writes:?}");
    };
    assert_eq!(patch, &value!({"spec": {"replicas": 0}}));
    world.change("Deployment", "podinfo-primary", &["spec", "replicas"], 7);
    world.settle(FROM_ZERO);
    assert_eq!(replicas(&world, "podinfo"), Some(7));
    world.change("Deployment", "podinfo", &["spec", "replicas"], 2);
    assert_eq!(
        world.decide(FROM_ZERO),
        Ok(Vec::new()),
        "replicas that it has stay"
    );
}

#[test]
fn replicas_of_a_start_are_the_least_that_the_autoscaler_allows() {
    for (kind, field, least, expected) in [
        ("HorizontalPodAutoscaler", "minReplicas", 2, 2),
        ("HorizontalPodAutoscaler", "minReplicas", 0, 1),
        ("ScaledObject", "minReplicaCount", 3, 3),
        ("ScaledObject", "minReplicaCount", 1, 1),
    ] {
        let mut world = with_scaler(kind);
        world.change("Deployment", "podinfo", &["spec", "replicas"], 0);
        world.change(kind, "podinfo", &["spec", field], least);
        world.settle(FROM_ZERO);
        assert_eq!(
            replicas(&world, "podinfo"),
            Some(expected),
            "{kind} {least}"
        );
        world.change("Deployment", "podinfo", &["spec", "replicas"], 0);
        world.observed.absent(reference(kind, "podinfo"));
        world.settle(FROM_ZERO);
        assert_eq!(
            replicas(&world, "podinfo"),
            Some(1),
            "without the autoscaler"
        );
    }
}

#[test]
fn a_daemon_set_rests_by_a_node_selector() {
    let mut world = World::daemon_set();
    let path = ["spec", "template", "spec", "nodeSelector"];
    assert_eq!(world.decide(FROM_ZERO), Ok(Vec::new()));
    world.settle(TO_ZERO);
    let selector = value!({"flagger.app/scale-to-zero": "true", "kubernetes.io/os": "linux"});
    assert_eq!(world.get("DaemonSet", "podinfo").at(&path), Some(&selector));
    world.settle(&restore_target);
    let selector = value!({"kubernetes.io/os": "linux"});
    assert_eq!(world.get("DaemonSet", "podinfo").at(&path), Some(&selector));
}

#[test]
fn a_deployment_gets_the_primarys_replicas_back() {
    let restore: Step<'_> = &restore_target;
    let mut world = World::deployment();
    world.change("Deployment", "podinfo", &["spec", "replicas"], 1);
    assert_eq!(world.decide(restore), Ok(Vec::new()), "there is no primary");
    world.observed = World::deployment().observed;
    world.settle(&|view| initialize_primary(view, "id"));
    world.change("Deployment", "podinfo-primary", &["spec", "replicas"], 4);
    world.settle(TO_ZERO);
    world.settle(restore);
    assert_eq!(replicas(&world, "podinfo"), Some(4));
}

#[test]
fn the_primary_gets_a_horizontal_autoscaler_like_the_targets() {
    let mut world = with_scaler("HorizontalPodAutoscaler");
    world.settle(ENSURE);
    let copy = world
        .get("HorizontalPodAutoscaler", "podinfo-primary")
        .clone();
    let source = world.get("HorizontalPodAutoscaler", "podinfo").clone();
    assert_eq!(
        copy.at(&["spec", "scaleTargetRef"]),
        Some(&value!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo-primary"}))
    );
    assert_eq!(
        copy.at(&["spec", "metrics"]),
        source.at(&["spec", "metrics"])
    );
    assert_eq!(
        copy.at(&["metadata", "labels"]),
        Some(&value!({"team": "web"}))
    );
    assert_eq!(copy.at(&["metadata", "annotations"]), None);
    world.change(
        "HorizontalPodAutoscaler",
        "podinfo",
        &["spec", "maxReplicas"],
        10,
    );
    assert_eq!(
        world.decide(ENSURE),
        Ok(Vec::new()),
        "not before a promotion"
    );
    world.settle(UPDATE);
    let bounds = |world: &World| {
        let copy = world.get("HorizontalPodAutoscaler", "podinfo-primary");
        ["minReplicas", "maxReplicas"].map(|key| copy.i64_at(&["spec", key]))
    };
    assert_eq!(bounds(&world), [Some(2), Some(10)]);
    world
        .canary
        .spec
        .autoscaler_ref
        .as_mut()
        .unwrap()
        .primary_scaler_replicas = Some(ScalerReplicas {
        min_replicas: Some(3),
        max_replicas: Some(15),
    });
    world.settle(UPDATE);
    assert_eq!(bounds(&world), [Some(3), Some(15)]);
}

#[test]
fn an_autoscaler_that_is_not_there_or_unknown_is_named() {
    let mut world = with_scaler("HorizontalPodAutoscaler");
    world
        .observed
        .absent(reference("HorizontalPodAutoscaler", "podinfo"));
    assert_eq!(
        world.decide(ENSURE),
        Err("HorizontalPodAutoscaler podinfo.default get query error: \
             horizontalpodautoscalers.autoscaling \"podinfo\" not found"
            .into())
    );
    let mut world = with_scaler("ScaledObject");
    world.observed.absent(reference("ScaledObject", "podinfo"));
    assert_eq!(
        world.decide(ENSURE),
        Err(
            "Keda ScaledObject podinfo.default get query error: scaledobjects.keda.sh \
             \"podinfo\" not found"
                .into()
        )
    );
    assert_eq!(world.decide(&pause_target_scaler), Ok(Vec::new()));
    let mut world = with_scaler("VerticalPodAutoscaler");
    let message = world.decide(ENSURE).unwrap_err();
    assert!(
        message.contains("VerticalPodAutoscaler is neither"),
        "{message}"
    );
}

/// The least replicas of the primary's autoscaler, and what is noted of them.
fn least(world: &World, kind: &str) -> (Option<i64>, Option<String>) {
    let copy = world.get(kind, "podinfo-primary");
    let key = match kind {
        "ScaledObject" => "minReplicaCount",
        _ => "minReplicas",
    };
    let noted = copy.str_at(&["metadata", "annotations", HELD_REPLICAS]);
    (copy.i64_at(&["spec", key]), noted.map(str::to_owned))
}

fn held(kind: &str, field: &str) -> World {
    let mut world = with_scaler(kind);
    let key = field.replace("max", "min");
    world.change(kind, "podinfo", &["spec", &key], 2);
    world.settle(&|view| initialize_primary(view, "id"));
    world.settle(ENSURE);
    let noted = |text: &str| Some(text.to_owned());
    assert_eq!(least(&world, kind), (Some(2), None));
    world.change(kind, "podinfo-primary", &["spec", field], 4);
    for (current, expected) in [(3, 3), (1, 3), (9, 4)] {
        let path = ["spec", "replicas"];
        world.change("Deployment", "podinfo-primary", &path, current);
        world.settle(HOLD);
        assert_eq!(least(&world, kind), (Some(expected), noted("2")));
    }
    world
}

#[test]
fn the_primarys_replicas_are_held_during_a_run() {
    for (kind, field) in [
        ("HorizontalPodAutoscaler", "maxReplicas"),
        ("ScaledObject", "maxReplicaCount"),
    ] {
        let mut world = held(kind, field);
        world.settle(RELEASE);
        assert_eq!(least(&world, kind), (Some(2), None));
        assert_eq!(world.decide(RELEASE), Ok(Vec::new()));
    }
}

#[test]
fn a_hold_outlives_a_promotion_and_gives_back_what_was_promoted() {
    let kind = "HorizontalPodAutoscaler";
    let mut world = held(kind, "maxReplicas");
    world.change(kind, "podinfo", &["spec", "minReplicas"], 3);
    world.settle(UPDATE);
    assert_eq!(least(&world, kind), (Some(4), Some("3".into())));
    world.settle(RELEASE);
    assert_eq!(least(&world, kind), (Some(3), None));
    let mut world = held(kind, "maxReplicas");
    world.change(kind, "podinfo", &["spec", "minReplicas"], 6);
    world.settle(UPDATE);
    assert_eq!(least(&world, kind), (Some(6), None));
}

#[test]
fn an_autoscaler_that_says_nothing_of_the_least_says_nothing_after_a_hold() {
    let kind = "HorizontalPodAutoscaler";
    let mut world = with_scaler(kind);
    world.change(kind, "podinfo", &["spec", "minReplicas"], Value::Null);
    world.settle(&|view| initialize_primary(view, "id"));
    world.settle(ENSURE);
    world.change("Deployment", "podinfo-primary", &["spec", "replicas"], 3);
    world.settle(HOLD);
    assert_eq!(least(&world, kind), (Some(3), Some(String::new())));
    world.settle(RELEASE);
    assert_eq!(least(&world, kind), (None, None));
    world.observed.absent(reference(kind, "podinfo"));
    assert_eq!(world.decide(ENSURE), Ok(Vec::new()), "there is a copy");
    assert_eq!(world.decide(HOLD).map(|it| it.len()), Ok(1));
    world.observed.absent(reference(kind, "podinfo-primary"));
    assert_eq!(world.decide(HOLD), Ok(Vec::new()));
    assert_eq!(world.decide(RELEASE), Ok(Vec::new()));
}

#[test]
fn the_primary_gets_a_scaled_object_that_asks_about_it() {
    let mut world = with_scaler("ScaledObject");
    world.change(
        "ScaledObject",
        "podinfo",
        &[
            "metadata",
            "annotations",
            "autoscaling.keda.sh/paused-replicas",
        ],
        "0",
    );
    world.settle(ENSURE);
    let copy = world.get("ScaledObject", "podinfo-primary");
    let annotations = value!({"scaledobject.keda.sh/transfer-hpa-ownership": "true"});
    assert_eq!(copy.at(&["metadata", "annotations"]), Some(&annotations));
    let name = ["spec", "advanced", "horizontalPodAutoscalerConfig", "name"];
    assert_eq!(text(copy, &name), "podinfo-primary");
    assert_eq!(
        copy.at(&["spec", "scaleTargetRef"]),
        Some(&value!({"name": "podinfo-primary"}))
    );
    let query = |world: &World| {
        let copy = world.get("ScaledObject", "podinfo-primary");
        let triggers = copy
            .at(&["spec", "triggers"])
            .and_then(Value::as_list)
            .unwrap();
        text(&triggers[0], &["metadata", "query"]).to_owned()
    };
    assert_eq!(
        query(&world),
        r#"sum(rate(http_requests_total{app="podinfo-primary"}[2m]))"#
    );
    world.change("ScaledObject", "podinfo", &["spec", "pollingInterval"], 20);
    assert_eq!(
        world.decide(ENSURE),
        Ok(Vec::new()),
        "not before a promotion"
    );
    world
        .canary
        .spec
        .autoscaler_ref
        .as_mut()
        .unwrap()
        .primary_scaler_replicas = Some(ScalerReplicas {
        min_replicas: Some(2),
        max_replicas: Some(15),
    });
    world.settle(UPDATE);
    let copy = world.get("ScaledObject", "podinfo-primary");
    for (key, number) in [
        ("pollingInterval", 20),
        ("minReplicaCount", 2),
        ("maxReplicaCount", 15),
    ] {
        assert_eq!(copy.i64_at(&["spec", key]), Some(number), "{key}");
    }
    assert_eq!(copy.at(&["metadata", "annotations"]), Some(&annotations));
}

#[test]
fn queries_name_the_primary_instead_of_target_and_canary() {
    for (query, expected) in [
        (
            r#"rate(x{app="podinfo"}[2m])"#,
            r#"rate(x{app="podinfo-primary"}[2m])"#,
        ),
        (
            r#"rate(x{app="podinfo-canary"}[2m])"#,
            r#"rate(x{app="podinfo-primary"}[2m])"#,
        ),
        (
            r#"x{app="podinfo-canary", svc="podinfo"}"#,
            r#"x{app="podinfo-primary", svc="podinfo-primary"}"#,
        ),
        (r#"x{app="podinfo-primary"}"#, r#"x{app="podinfo-primary"}"#),
        ("x", "x"),
    ] {
        let mut world = with_scaler("ScaledObject");
        let triggers = value!([{"name": "a", "metadata": {"query": query}}, {"type": "cron"}]);
        world.change("ScaledObject", "podinfo", &["spec", "triggers"], triggers);
        world.settle(ENSURE);
        let copy = world.get("ScaledObject", "podinfo-primary");
        let expected = value!([{"name": "a", "metadata": {"query": expected}}, {"type": "cron"}]);
        assert_eq!(copy.at(&["spec", "triggers"]), Some(&expected));
    }
}

#[test]
fn queries_that_the_canary_gives_win_by_the_name_of_the_trigger() {
    let mut world = with_scaler("ScaledObject");
    let triggers = value!([
        {"name": "first", "metadata": {"query": "podinfo"}},
        {"name": "second", "metadata": {"query": "podinfo"}},
    ]);
    world.change("ScaledObject", "podinfo", &["spec", "triggers"], triggers);
    world
        .canary
        .spec
        .autoscaler_ref
        .as_mut()
        .unwrap()
        .primary_scaler_queries = [("second".into(), "given".into())].into();
    world.settle(ENSURE);
    let copy = world.get("ScaledObject", "podinfo-primary");
    let expected = value!([
        {"name": "first", "metadata": {"query": "podinfo"}},
        {"name": "second", "metadata": {"query": "given"}},
    ]);
    assert_eq!(copy.at(&["spec", "triggers"]), Some(&expected));
}

#[test]
fn a_scaled_object_is_paused_and_resumed_and_another_autoscaler_is_not() {
    let path = [
        "metadata",
        "annotations",
        "autoscaling.keda.sh/paused-replicas",
    ];
    let mut world = with_scaler("ScaledObject");
    world.settle(&pause_target_scaler);
    assert_eq!(text(world.get("ScaledObject", "podinfo"), &path), "0");
    world.settle(&resume_target_scaler);
    assert_eq!(world.get("ScaledObject", "podinfo").at(&path), None);
    let mut world = with_scaler("HorizontalPodAutoscaler");
    assert_eq!(world.decide(&pause_target_scaler), Ok(Vec::new()));
    let mut world = World::deployment();
    assert_eq!(world.decide(&pause_target_scaler), Ok(Vec::new()));
    assert_eq!(world.decide(UPDATE), Ok(Vec::new()));
}
