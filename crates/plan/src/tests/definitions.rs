//! The definitions of our kinds against the genuine schema machinery; kinds
//! itself must not know it.

use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use trueup_kinds::{
    Artifact, GitRepository, Inventory, Kustomization, Reconciliation, Resource, definition,
};
use trueup_object::{Text, Value, from_json, value};
use trueup_schema::Structural;

fn structural<R: Resource>() -> Structural {
    let definition = definition(&format!("{}.{}", R::PLURAL, R::GROUP)).unwrap();
    let version = definition
        .at(&["spec", "versions"])
        .and_then(Value::as_list)
        .unwrap()[0]
        .clone();
    assert_eq!(version.str_at(&["name"]), Some(R::VERSION));
    let schema = version.at(&["schema", "openAPIV3Schema"]).unwrap();
    Structural::parse(schema, "spec.validation.openAPIV3Schema").unwrap()
}

/// What the API stores of an object: pruned, defaulted, valid.
fn stored<R: Resource>(mut object: Value) -> Value {
    let schema = structural::<R>();
    assert_eq!(schema.prune(&mut object), [""; 0]);
    schema.apply_defaults(&mut object);
    let errors = schema.validate(&object);
    assert!(errors.is_empty(), "{errors:?}");
    object
}

fn object<R: Resource>(spec: &str) -> Value {
    let mut object = value!({
        "apiVersion": (format!("{}/{}", R::GROUP, R::VERSION)), "kind": (R::KIND),
        "metadata": {"name": "a", "namespace": "b", "generation": 1},
    });
    object.set_at(&["spec"], from_json(spec.as_bytes()).unwrap());
    object
}

const REPOSITORY: &str = r#"{"url":"https://example.com/x","interval":"1m","ref":{"branch":"main"},"verify":{"secretRef":{"name":"k"}}}"#;
const KUSTOMIZATION: &str = r#"{"sourceRef":{"kind":"GitRepository","name":"x"},"interval":"10m","prune":true,
    "postBuild":{"substituteFrom":[{"kind":"Secret","name":"s"}]}}"#;

#[test]
fn fresh_objects_get_flux_s_defaults() {
    let repository = stored::<GitRepository>(object::<GitRepository>(REPOSITORY));
    assert_eq!(repository.str_at(&["spec", "timeout"]), Some("60s"));
    assert_eq!(repository.str_at(&["spec", "verify", "mode"]), Some("HEAD"));
    assert_eq!(
        repository.get("status"),
        Some(&value!({"observedGeneration": (-1)}))
    );
    let kustomization = stored::<Kustomization>(object::<Kustomization>(KUSTOMIZATION));
    assert_eq!(
        kustomization.at(&["spec", "force"]),
        Some(&Value::Bool(false))
    );
    let from = kustomization
        .at(&["spec", "postBuild", "substituteFrom"])
        .and_then(Value::as_list)
        .unwrap();
    assert_eq!(from[0].get("optional"), Some(&Value::Bool(false)));
    assert_eq!(
        Kustomization::read(&kustomization)
            .unwrap()
            .status
            .observed_generation,
        -1
    );
}

#[test]
fn what_flux_refuses_is_refused() {
    let refused = |spec: &str| {
        !structural::<Kustomization>()
            .validate(&object::<Kustomization>(spec))
            .is_empty()
    };
    for (from, to) in [
        (r#""interval":"10m""#, r#""interval":"1d""#),
        (r#""interval":"10m","#, ""),
        (r#","prune":true"#, ""),
        (r#""kind":"GitRepository""#, r#""kind":"HelmRepository""#),
        (r#""prune":true"#, r#""prune":true,"targetNamespace":"""#),
        (
            r#""prune":true"#,
            r#""prune":true,"deletionPolicy":"Never""#,
        ),
    ] {
        assert!(KUSTOMIZATION.contains(from));
        assert!(refused(&KUSTOMIZATION.replace(from, to)), "{to}");
    }
    let repository = REPOSITORY.replace("https://", "git@");
    assert!(
        !structural::<GitRepository>()
            .validate(&object::<GitRepository>(&repository))
            .is_empty()
    );
}

fn with_status<R: Resource>(typed: &R, mut object: Value) -> Value {
    object.set_at(
        &["status"],
        typed.status_value().get("status").cloned().unwrap(),
    );
    object
}

#[test]
fn every_status_that_we_write_is_one_that_the_definition_takes() {
    let now = Timestamp::from_second(1_767_225_600).unwrap();
    let metadata: BTreeMap<Text, Text> = [("revision".into(), "main@sha1:1".into())].into();
    let written = object::<Kustomization>(KUSTOMIZATION);
    let mut kustomization = Kustomization::read(&written).unwrap();
    let status = &mut kustomization.status;
    status.observed_generation = 1;
    status
        .conditions
        .change(1, now)
        .failed("BuildFailed", "no")
        .set_true("Healthy", "Succeeded", "yes");
    status.inventory = Some(Inventory::of([&super::world::desired(
        super::world::namespace("x"),
    )
    .reference()
    .clone()]));
    status.last_applied_revision = Some("main@sha1:1".into());
    status.last_attempted_revision = Some("main@sha1:1".into());
    status.last_applied_origin_revision = Some("main@sha1:1".into());
    status.last_handled_reconcile_at = Some("now".into());
    status.history.add(&Reconciliation {
        digest: "sha256:1".into(),
        status: "ReconciliationSucceeded".into(),
        at: now,
        took: Duration::from_millis(1234),
        metadata: metadata.clone(),
    });
    let kept = stored::<Kustomization>(with_status(&kustomization, written));
    assert_eq!(
        Kustomization::read(&kept).unwrap().status,
        kustomization.status
    );

    let written = object::<GitRepository>(REPOSITORY);
    let mut repository = GitRepository::read(&written).unwrap();
    repository
        .status
        .conditions
        .change(1, now)
        .stalled("URLInvalid", "no");
    repository.status.artifact = Some(Artifact {
        path: "gitrepository/b/a/1.tar.gz".into(),
        url: "http://localhost/gitrepository/b/a/1.tar.gz".into(),
        revision: "main@sha1:1".into(),
        digest: "sha256:1".into(),
        last_update_time: now,
        size: Some(7),
        metadata,
    });
    repository.status.observed_ignore = Some("*.md".into());
    repository.status.observed_generation = 1;
    let kept = stored::<GitRepository>(with_status(&repository, written));
    assert_eq!(
        GitRepository::read(&kept).unwrap().status,
        repository.status
    );
}

#[test]
fn the_rules_in_cel_are_there() {
    assert_eq!(structural::<GitRepository>().rules().len(), 1);
    assert_eq!(structural::<Kustomization>().rules().len(), 2);
}
