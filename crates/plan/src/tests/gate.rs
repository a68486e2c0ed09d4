use super::world::*;
use crate::*;
use std::time::Duration;
use trueup_health::{Health, HealthStatus};
use trueup_kinds::{HealthCheckReference, Kustomization, KustomizationSpec, Resource};
use trueup_object::{ObjectRef, value};

#[test]
fn with_wait_everything_counts_but_what_is_skipped_and_itself() {
    let itself = value!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"},
    });
    let mut skipped = config_map("skipped", &[]);
    skipped.set_at(
        &["metadata", "annotations", trueup_kinds::names::RECONCILE],
        "disabled".into(),
    );
    let plan = Applier::pruning().plan(&[
        desired(itself),
        desired(skipped),
        desired(config_map("a", &[])),
    ]);
    let spec = KustomizationSpec {
        wait: true,
        ..KustomizationSpec::default()
    };
    let targets: Vec<String> = health_targets(&spec, &owner(), &plan)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(targets, ["ConfigMap/prod/a"]);
    let check = HealthCheckReference {
        kind: "Deployment".into(),
        name: "web".into(),
        namespace: Some("prod".into()),
        api_version: None,
    };
    let spec = KustomizationSpec {
        health_checks: vec![check],
        ..KustomizationSpec::default()
    };
    let targets = health_targets(&spec, &owner(), &plan);
    assert_eq!(
        (targets.len(), targets[0].kind.api_version().as_str()),
        (1, "apps/v1")
    );
}

#[test]
fn a_gate_passes_waits_times_out_or_fails_early() {
    let object = ObjectRef::of(&deployment("web", 1, "a")).unwrap();
    let gate = |waited| HealthGate {
        waited: Duration::from_secs(waited),
        timeout: Duration::from_secs(60),
    };
    let health = |status| vec![(object.clone(), Health::new(status, "x"))];
    assert_eq!(
        gate(0).judge(&health(HealthStatus::Current)),
        HealthVerdict::Passed
    );
    let waiting = vec!["Deployment/prod/web status: 'InProgress'".to_owned()];
    assert_eq!(
        gate(59).judge(&health(HealthStatus::InProgress)),
        HealthVerdict::Waiting(waiting)
    );
    assert_eq!(
        gate(60).judge(&health(HealthStatus::InProgress)),
        HealthVerdict::Failed("health check failed after 1m0s: timeout waiting for: [Deployment/prod/web status: 'InProgress']".into())
    );
    assert_eq!(
        gate(5).judge(&health(HealthStatus::Failed)),
        HealthVerdict::Failed(
            "health check failed after 5s: failed early due to stalled resources: [Deployment/prod/web status: 'Failed']".into()
        )
    );
}

#[test]
fn what_becomes_of_the_objects_when_their_kustomization_goes() {
    let with = |spec: &str| {
        let mut object = value!({"metadata": {"name": "a", "namespace": "b"}});
        object.set_at(
            &["spec"],
            trueup_object::from_json(spec.as_bytes()).unwrap(),
        );
        finalization(&Kustomization::read(&object).unwrap())
    };
    assert_eq!(with(r#"{"prune":true}"#), Finalization::Delete);
    assert_eq!(with(r#"{"prune":false}"#), Finalization::Keep);
    assert_eq!(with(r#"{"prune":true,"suspend":true}"#), Finalization::Keep);
    assert_eq!(
        with(r#"{"prune":true,"deletionPolicy":"Orphan"}"#),
        Finalization::Keep
    );
    assert_eq!(
        with(r#"{"prune":false,"deletionPolicy":"Delete"}"#),
        Finalization::Delete
    );
    assert_eq!(
        with(r#"{"prune":false,"deletionPolicy":"WaitForTermination"}"#),
        Finalization::DeleteAndWait
    );
}
