use super::*;
use crate::targets::{Readiness, canary_readiness, primary_readiness};
use jiff::Timestamp;
use trueup_kinds::canary::{Phase, change_conditions};
use trueup_kinds::parse_time;

fn now() -> Timestamp {
    parse_time("2026-01-01T01:00:00Z").unwrap()
}

fn ready() -> Readiness {
    Readiness::Ready
}

fn retriable(message: &str) -> Readiness {
    Readiness::Waiting(message.into())
}

fn fatal(message: &str) -> Readiness {
    Readiness::Failed(message.into())
}

/// The canary's readiness with these fields of the workload, in YAML.
fn of(mut world: World, kind: &str, fields: &str) -> Readiness {
    let mut workload = yaml(fields);
    for (path, text) in [
        (&["apiVersion"][..], "apps/v1"),
        (&["kind"], kind),
        (&["metadata", "name"], "podinfo"),
        (&["metadata", "namespace"], "default"),
    ] {
        workload.set_at(path, text.into());
    }
    world.observed.found(workload);
    canary_readiness(&world.view(), now()).expect("the target was read")
}

fn with_threshold(percent: i64) -> World {
    let mut world = World::empty();
    world.canary.spec.analysis.canary_ready_threshold = Some(percent);
    world
}

const PREFIX: &str = "canary deployment podinfo.default not ready: ";

#[test]
fn a_deployment_is_ready_as_flagger_has_it() {
    let waiting = |text: &str| retriable(&format!("{PREFIX}waiting for rollout to finish: {text}"));
    for (percent, fields, expected) in [
        (
            100,
            "{metadata: {generation: 1}}",
            waiting("observed deployment generation less than desired generation"),
        ),
        (
            100,
            "{status: {replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1}}",
            ready(),
        ),
        (
            100,
            "{spec: {replicas: 2}, status: {updatedReplicas: 1}}",
            waiting("1 out of 2 new replicas have been updated"),
        ),
        (
            100,
            "{status: {updatedReplicas: 1, replicas: 2}}",
            waiting("1 old replicas are pending termination"),
        ),
        (
            100,
            "{status: {updatedReplicas: 2, availableReplicas: 1}}",
            waiting("1 of 2 (readyThreshold 100%) updated replicas are available"),
        ),
        (
            50,
            "{status: {updatedReplicas: 4, availableReplicas: 2}}",
            ready(),
        ),
        (
            50,
            "{status: {updatedReplicas: 4, availableReplicas: 1}}",
            waiting("1 of 2 (readyThreshold 50%) updated replicas are available"),
        ),
        // The share is rounded down.
        (
            99,
            "{status: {updatedReplicas: 1, availableReplicas: 0}}",
            ready(),
        ),
        (
            100,
            "{status: {conditions: [{type: Progressing, reason: ProgressDeadlineExceeded}]}}",
            fatal(&format!(
                "{PREFIX}deployment \"podinfo\" exceeded its progress deadline"
            )),
        ),
    ] {
        assert_eq!(
            of(with_threshold(percent), "Deployment", fields),
            expected,
            "{fields}"
        );
    }
}

#[test]
fn a_deployment_without_enough_pods_for_too_long_is_lost() {
    let fields = |reason: &str, since: &str| {
        format!(
            "{{status: {{updatedReplicas: 2, availableReplicas: 1, conditions: [\
             {{type: Available, status: 'False', reason: {reason}, lastUpdateTime: '{since}'}}]}}}}"
        )
    };
    let text = format!(
        "{PREFIX}waiting for rollout to finish: 1 of 2 (readyThreshold 100%) updated replicas are \
         available"
    );
    for (reason, since, expected) in [
        (
            "MinimumReplicasUnavailable",
            "2026-01-01T00:49:59Z",
            fatal(&text),
        ),
        (
            "MinimumReplicasUnavailable",
            "2026-01-01T00:50:00Z",
            retriable(&text),
        ),
        ("MinimumReplicasUnavailable", "yesterday", retriable(&text)),
        ("Other", "2026-01-01T00:00:00Z", retriable(&text)),
    ] {
        let found = of(World::empty(), "Deployment", &fields(reason, since));
        assert_eq!(found, expected, "{reason} {since}");
    }
    let mut world = World::empty();
    world.canary.spec.progress_deadline_seconds = Some(3600);
    let fields = fields("MinimumReplicasUnavailable", "2026-01-01T00:49:59Z");
    assert_eq!(of(world, "Deployment", &fields), retriable(&text));
}

#[test]
fn a_primary_that_was_broken_before_gets_the_whole_deadline_for_its_repair() {
    let judged = |phase: Phase, since: &str| {
        let mut world = World::empty();
        world.observed.found(yaml(
            "{apiVersion: apps/v1, kind: Deployment,
              metadata: {name: podinfo-primary, namespace: default},
              status: {updatedReplicas: 2, availableReplicas: 0, conditions: [
                {type: Available, status: 'False', reason: MinimumReplicasUnavailable,
                 lastUpdateTime: '2026-01-01T00:00:00Z'}]}}",
        ));
        let status = &mut world.canary.status;
        status.phase = phase;
        let since = parse_time(since).unwrap();
        change_conditions(&mut status.conditions, phase, "Deployment", "", 1, since);
        primary_readiness(&world.view(), now()).expect("the primary was read")
    };
    let is_lost = |readiness| matches!(readiness, Readiness::Failed(_));
    assert!(!is_lost(judged(Phase::Promoting, "2026-01-01T00:59:00Z")));
    assert!(is_lost(judged(Phase::Promoting, "2026-01-01T00:49:59Z")));
    assert!(is_lost(judged(Phase::Progressing, "2026-01-01T00:59:00Z")));
}

#[test]
fn a_daemon_set_is_ready_as_flagger_has_it() {
    let prefix = |retriable: bool| {
        format!("canary damonset podinfo.default not ready with retryable {retriable}: ")
    };
    let waiting = |text: &str| {
        retriable(&format!(
            "{}waiting for rollout to finish: {text}",
            prefix(true)
        ))
    };
    for (percent, fields, expected) in [
        (
            100,
            "{metadata: {generation: 1}}",
            waiting("observed daemonset generation less than desired generation"),
        ),
        (
            100,
            "{status: {updatedNumberScheduled: 1, desiredNumberScheduled: 1, numberAvailable: 1}}",
            ready(),
        ),
        (
            100,
            "{status: {updatedNumberScheduled: 0, desiredNumberScheduled: 1, numberAvailable: 1}}",
            waiting("0 out of 1 new pods have been updated"),
        ),
        (
            100,
            "{status: {updatedNumberScheduled: 1, desiredNumberScheduled: 1}}",
            waiting("0 of 1 (readyThreshold 100%) updated pods are available"),
        ),
        (
            50,
            "{status: {updatedNumberScheduled: 4, desiredNumberScheduled: 4, numberAvailable: 2}}",
            ready(),
        ),
        (
            50,
            "{status: {updatedNumberScheduled: 4, desiredNumberScheduled: 4, numberAvailable: 1}}",
            waiting("1 of 2 (readyThreshold 50%) updated pods are available"),
        ),
    ] {
        let mut world = with_threshold(percent);
        world.canary.spec.target_ref.kind = "DaemonSet".into();
        assert_eq!(of(world, "DaemonSet", fields), expected, "{fields}");
    }
    for (since, is_lost) in [
        ("2026-01-01T00:49:59Z", true),
        ("2026-01-01T00:50:00Z", false),
    ] {
        let mut world = World::daemon_set();
        world.canary.status.last_transition_time = parse_time(since);
        let found = of(world, "DaemonSet", "{status: {desiredNumberScheduled: 1}}");
        let lost = fatal(&format!(
            "{}exceeded its progressDeadlineSeconds: 600",
            prefix(false)
        ));
        assert_eq!(found == lost, is_lost, "{since}");
    }
}

#[test]
fn the_primary_is_named_and_one_without_replicas_is_waited_for() {
    let mut world = World::empty();
    let mut primary = yaml(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: podinfo-primary, \
          namespace: default}, spec: {replicas: 1}}",
    );
    world.observed.found(primary.clone());
    assert_eq!(
        primary_readiness(&world.view(), now()),
        Ok(retriable(
            "podinfo-primary.default not ready: waiting for rollout to finish: 0 out of 1 new \
             replicas have been updated"
        ))
    );
    primary.set_at(&["spec", "replicas"], 0.into());
    world.observed.found(primary);
    assert_eq!(
        primary_readiness(&world.view(), now()),
        Ok(retriable(
            "halt podinfo.default advancement: primary deployment is scaled to zero"
        ))
    );
    world.canary.spec.autoscaler_ref = Some(Default::default());
    assert_eq!(primary_readiness(&world.view(), now()), Ok(ready()));
}

#[test]
fn the_primary_of_a_daemon_set_is_named() {
    let mut world = World::daemon_set();
    let mut primary = world.get("DaemonSet", "podinfo").clone();
    primary.set_at(&["metadata", "name"], "podinfo-primary".into());
    world.observed.found(primary);
    assert_eq!(
        primary_readiness(&world.view(), now()),
        Ok(retriable(
            "primary daemonset podinfo-primary.default not ready: waiting for rollout to finish: \
             observed daemonset generation less than desired generation"
        ))
    );
}

#[test]
fn a_service_is_always_ready() {
    let mut world = World::empty();
    world.canary.spec.target_ref.kind = "Service".into();
    assert_eq!(canary_readiness(&world.view(), now()), Ok(ready()));
    assert_eq!(primary_readiness(&world.view(), now()), Ok(ready()));
}
