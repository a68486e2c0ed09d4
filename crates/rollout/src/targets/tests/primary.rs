use super::*;
use crate::targets::{flagger_id, initialize_primary, promote, promotion_seed, take_snapshot};
use trueup_object::value;

const ID: &str = "4f0c3a36-1f2e-4d3b-8a5e-0a1b2c3d4e5f";
const MAKE: Step<'_> = &|view| initialize_primary(view, ID);
const PROMOTE: Step<'_> = &|view| promote(view, &take_snapshot(view)?.hash, "another-id");

const POD: [&str; 3] = ["spec", "template", "spec"];
const ANNOTATIONS: [&str; 4] = ["spec", "template", "metadata", "annotations"];

fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(object, |here, key| {
        let below = match key.parse::<usize>() {
            Ok(index) => here.as_list().and_then(|items| items.get(index)),
            Err(_) => here.get(key),
        };
        below.unwrap_or_else(|| panic!("no {key} of {path}"))
    })
}

#[test]
fn the_primary_is_a_copy_with_a_selector_of_its_own() {
    let mut world = World::deployment();
    world.settle(MAKE);
    let primary = world.get("Deployment", "podinfo-primary").clone();
    let target = world.get("Deployment", "podinfo");
    let labels = value!({
        "name": "podinfo-primary",
        "app.kubernetes.io/test-label-1": "label-value",
    });
    assert_eq!(at(&primary, "metadata.labels"), &labels);
    let annotations = value!({
        "test-annotation-1": "test-annotation-value-1",
        "app.kubernetes.io/test-annotation-1": "annotation-value",
    });
    assert_eq!(at(&primary, "metadata.annotations"), &annotations);
    assert_eq!(
        at(&primary, "spec.selector"),
        &value!({"matchLabels": {"name": "podinfo-primary"}})
    );
    let labels = value!({"name": "podinfo-primary", "test-label-1": "test-label-value-1"});
    assert_eq!(at(&primary, "spec.template.metadata.labels"), &labels);
    let annotations = value!({"test-annotation-1": "test-annotation-value-1", "flagger-id": ID});
    assert_eq!(
        at(&primary, "spec.template.metadata.annotations"),
        &annotations
    );
    for field in [
        "spec.replicas",
        "spec.strategy",
        "spec.minReadySeconds",
        "spec.revisionHistoryLimit",
        "spec.progressDeadlineSeconds",
        "spec.template.spec.containers.0.image",
    ] {
        assert_eq!(at(&primary, field), at(target, field), "{field}");
    }
    assert_eq!(primary.at(&["spec", "paused"]), None);
    assert_eq!(
        at(&primary, "metadata.ownerReferences.0.controller"),
        &Value::Bool(true)
    );
}

#[test]
fn the_name_of_the_target_and_the_value_of_its_label_may_differ() {
    let mut world = World::deployment();
    let mut target = world.get("Deployment", "podinfo").clone();
    target.set_at(&["metadata", "name"], "podinfo-service".into());
    world.observed.found(target);
    world.canary.spec.target_ref.name = "podinfo-service".into();
    world.settle(MAKE);
    let primary = world.get("Deployment", "podinfo-service-primary");
    assert_eq!(
        text(primary, &["spec", "selector", "matchLabels", "name"]),
        "podinfo-primary"
    );
}

#[test]
fn the_primary_reads_copies_and_keeps_away_from_itself() {
    let mut world = World::deployment();
    world.settle(MAKE);
    let primary = world.get("Deployment", "podinfo-primary");
    let spec = primary.at(&POD).unwrap();
    for (path, expected) in [
        ("volumes.0.configMap.name", "podinfo-config-vol-primary"),
        ("volumes.1.secret.secretName", "podinfo-secret-vol-primary"),
        (
            "volumes.2.projected.sources.0.configMap.name",
            "podinfo-config-projected-primary",
        ),
        (
            "volumes.2.projected.sources.1.secret.name",
            "podinfo-secret-projected-primary",
        ),
        (
            "volumes.3.configMap.name",
            "podinfo-config-tracker-disabled",
        ),
        (
            "volumes.4.secret.secretName",
            "podinfo-secret-tracker-disabled",
        ),
        ("volumes.5.secret.secretName", "podinfo-secret-registry"),
        (
            "initContainers.0.env.0.valueFrom.configMapKeyRef.name",
            "podinfo-config-init-env-primary",
        ),
        (
            "initContainers.0.env.1.valueFrom.secretKeyRef.name",
            "podinfo-secret-init-env-primary",
        ),
        (
            "initContainers.0.envFrom.0.configMapRef.name",
            "podinfo-config-init-all-env-primary",
        ),
        (
            "initContainers.0.envFrom.1.secretRef.name",
            "podinfo-secret-init-all-env-primary",
        ),
        (
            "containers.0.env.0.valueFrom.configMapKeyRef.name",
            "podinfo-config-env-primary",
        ),
        (
            "containers.0.env.1.valueFrom.secretKeyRef.name",
            "podinfo-secret-env-primary",
        ),
        (
            "containers.0.envFrom.0.configMapRef.name",
            "podinfo-config-all-env-primary",
        ),
        (
            "containers.0.envFrom.1.secretRef.name",
            "podinfo-secret-all-env-primary",
        ),
        (
            "containers.0.envFrom.2.configMapRef.name",
            "podinfo-config-missing",
        ),
    ] {
        assert_eq!(at(spec, path).as_str(), Some(expected), "{path}");
    }
    let anti = at(spec, "affinity.podAntiAffinity");
    let preferred = at(anti, "preferredDuringSchedulingIgnoredDuringExecution");
    let required = at(anti, "requiredDuringSchedulingIgnoredDuringExecution");
    let spread = at(spec, "topologySpreadConstraints");
    for (value, expected) in [
        (
            at(
                preferred,
                "0.podAffinityTerm.labelSelector.matchExpressions.0.values.0",
            ),
            "podinfo-primary",
        ),
        (
            at(
                preferred,
                "1.podAffinityTerm.labelSelector.matchExpressions.0.values.0",
            ),
            "arbitrary-app",
        ),
        (
            at(required, "0.labelSelector.matchLabels.app"),
            "podinfo-primary",
        ),
        (at(required, "1.labelSelector.matchLabels.tier"), "podinfo"),
        (
            at(spread, "0.labelSelector.matchExpressions.0.values.0"),
            "podinfo-primary",
        ),
        (
            at(spread, "1.labelSelector.matchExpressions.0.values.0"),
            "arbitrary-app",
        ),
    ] {
        assert_eq!(value.as_str(), Some(expected));
    }
}

#[test]
fn a_target_without_replicas_gets_a_primary_with_one() {
    let mut world = World::deployment();
    world.change("Deployment", "podinfo", &["spec", "replicas"], 0);
    world.settle(MAKE);
    let primary = world.get("Deployment", "podinfo-primary");
    assert_eq!(primary.i64_at(&["spec", "replicas"]), Some(1));
}

#[test]
fn a_daemon_set_that_rests_gets_a_primary_that_does_not() {
    let mut world = World::daemon_set();
    let rest = [&POD[..], &["nodeSelector", "flagger.app/scale-to-zero"]].concat();
    world.change("DaemonSet", "podinfo", &rest, "true");
    world.settle(MAKE);
    let primary = world.get("DaemonSet", "podinfo-primary");
    let selector = [&POD[..], &["nodeSelector"]].concat();
    assert_eq!(
        primary.at(&selector),
        Some(&value!({"kubernetes.io/os": "linux"}))
    );
    assert_eq!(primary.at(&["spec", "replicas"]), None);
    assert_eq!(primary.i64_at(&["spec", "minReadySeconds"]), Some(3));
    world.change(
        "DaemonSet",
        "podinfo",
        &[&POD[..], &["hostNetwork"]].concat(),
        true,
    );
    world.settle(PROMOTE);
    let primary = world.get("DaemonSet", "podinfo-primary");
    assert_eq!(
        primary.at(&selector),
        Some(&value!({"kubernetes.io/os": "linux"}))
    );
    assert_eq!(
        at(primary, "spec.template.spec.hostNetwork"),
        &Value::Bool(true)
    );
}

#[test]
fn a_daemon_set_that_is_not_rolled_out_by_itself_is_refused() {
    let mut world = World::daemon_set();
    world.change(
        "DaemonSet",
        "podinfo",
        &["spec", "updateStrategy", "type"],
        "OnDelete",
    );
    assert_eq!(
        world.decide(MAKE),
        Err(
            "createPrimaryDaemonSet failed: daemonset podinfo.default must have RollingUpdate \
             strategy but have OnDelete"
                .into()
        )
    );
}

#[test]
fn a_primary_of_somebody_else_is_refused() {
    let mut world = World::deployment();
    world.settle(MAKE);
    world.remove(
        "Deployment",
        "podinfo-primary",
        &["metadata", "ownerReferences"],
    );
    assert_eq!(world.decide(MAKE), Ok(Vec::new()), "its Pods are selected");
    world.change(
        "Deployment",
        "podinfo-primary",
        &["spec", "selector", "matchLabels", "name"],
        "other",
    );
    let message = world.decide(MAKE).unwrap_err();
    assert!(
        message.contains("deployment podinfo-primary.default was not made"),
        "{message}"
    );
    let owner = value!([{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "other",
        "controller": true}]);
    world.change(
        "Deployment",
        "podinfo-primary",
        &["metadata", "ownerReferences"],
        owner,
    );
    let message = world.decide(MAKE).unwrap_err();
    assert!(message.ends_with("belongs to Canary other"), "{message}");
}

#[test]
fn promotion_makes_the_primary_what_the_target_is() {
    let mut world = World::deployment();
    world.settle(MAKE);
    world.change(
        "Deployment",
        "podinfo-primary",
        &[
            "metadata",
            "annotations",
            "deployment.kubernetes.io/revision",
        ],
        "4",
    );
    let image = "quay.io/stefanprodan/podinfo:1.2.1";
    let mut target = world.get("Deployment", "podinfo").clone();
    let mut containers = target
        .at(&[&POD[..], &["containers"]].concat())
        .unwrap()
        .as_list()
        .unwrap()
        .to_vec();
    containers[0].set_at(&["image"], image.into());
    target.set_at(&[&POD[..], &["containers"]].concat(), containers.into());
    target.set_at(&["spec", "replicas"], 5.into());
    target.remove_at(&["spec", "minReadySeconds"]);
    target.set_at(
        &["metadata", "labels", "app.kubernetes.io/new"],
        "label".into(),
    );
    world.observed.found(target);
    world.change(
        "ConfigMap",
        "podinfo-config-env",
        &["data"],
        value!({"color": "blue", "output": "console"}),
    );
    let writes = world.settle(PROMOTE);
    assert_eq!(
        format!("{writes:?}"),
        "[update ConfigMap/default/podinfo-config-env-primary, update Deployment/default/podinfo-primary]"
    );
    let primary = world.get("Deployment", "podinfo-primary");
    assert_eq!(
        at(primary, "spec.template.spec.containers.0.image").as_str(),
        Some(image)
    );
    assert_eq!(at(primary, "spec.replicas"), &Value::from(5));
    assert_eq!(primary.at(&["spec", "minReadySeconds"]), None);
    assert_eq!(
        at(primary, "metadata.labels"),
        &value!({
            "name": "podinfo-primary",
            "app.kubernetes.io/test-label-1": "label-value",
            "app.kubernetes.io/new": "label",
        })
    );
    assert_eq!(
        at(primary, "metadata.annotations"),
        &value!({
            "app.kubernetes.io/test-annotation-1": "annotation-value",
            "deployment.kubernetes.io/revision": "4",
        })
    );
    let id = [&ANNOTATIONS[..], &["flagger-id"]].concat();
    assert_eq!(text(primary, &id), "another-id");
    assert_eq!(
        text(
            world.get("ConfigMap", "podinfo-config-env-primary"),
            &["data", "output"]
        ),
        "console"
    );
}

#[test]
fn replicas_are_the_autoscalers_if_there_is_one_and_never_none() {
    for (has_scaler, replicas, expected) in [(true, 5, 3), (false, 5, 5), (false, 0, 3)] {
        let mut world = World::deployment();
        world.settle(MAKE);
        if has_scaler {
            world.canary.spec.autoscaler_ref = Some(Default::default());
        }
        world.change("Deployment", "podinfo", &["spec", "replicas"], replicas);
        world.settle(PROMOTE);
        let primary = world.get("Deployment", "podinfo-primary");
        assert_eq!(primary.i64_at(&["spec", "replicas"]), Some(expected));
    }
}

#[test]
fn a_promotion_without_a_primary_says_what_failed() {
    let mut world = World::deployment();
    assert_eq!(
        world.decide(PROMOTE),
        Err("updating deployment podinfo-primary.default template spec failed: deployment \
             podinfo-primary.default get query error: deployments.apps \"podinfo-primary\" not found"
            .into())
    );
}

#[test]
fn what_was_not_looked_at_is_not_promoted() {
    let mut world = World::deployment();
    world.settle(MAKE);
    assert_eq!(
        world.decide(&|view| promote(view, "v2:another", "id")),
        Err(
            "deployment podinfo.default has changed since it was looked at; it is not promoted"
                .into()
        )
    );
}

#[test]
fn an_id_of_what_is_promoted_is_a_uuid_and_changes_with_it() {
    let configs = |digest: &str| [("configmap/a".into(), digest.into())].into();
    let id = |hash, digest| flagger_id(promotion_seed(hash, &configs(digest)));
    let first = id("v2:00", "aa");
    assert_eq!(first, id("v2:00", "aa"));
    assert_ne!(first, id("v2:01", "aa"));
    assert_ne!(first, id("v2:00", "ab"));
    assert_eq!(
        flagger_id([0xff; 16]),
        "ffffffff-ffff-4fff-bfff-ffffffffffff"
    );
    assert_eq!(first.len(), 36);
}
