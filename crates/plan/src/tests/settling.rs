use super::world::*;
use crate::*;
use trueup_kinds::names;
use trueup_object::{Value, value};

fn action(manifest: Value) -> Action {
    Applier::pruning()
        .plan(&[desired(manifest)])
        .actions()
        .next()
        .cloned()
        .unwrap()
}

fn refused(reason: &str, message: &str, causes: &[&str]) -> DryRun {
    DryRun::Refused(Refused {
        code: 422,
        reason: reason.into(),
        message: message.into(),
        causes: causes
            .iter()
            .map(|text| Cause {
                field: "spec".into(),
                message: (*text).into(),
            })
            .collect(),
    })
}

#[test]
fn an_immutable_field_is_recreated_only_where_that_is_allowed() {
    let live = deployment("web", 1, "a");
    let answer = refused(
        "Invalid",
        "Deployment.apps \"web\" is invalid: spec.selector: field is immutable",
        &["field is immutable"],
    );
    let plain = action(deployment("web", 1, "a"));
    let failure = settle(&plain, Some(&live), &answer, Forcing::WhereMarked).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "Deployment/prod/web dry-run failed (Invalid): Deployment.apps \"web\" is invalid: spec.selector: field is immutable \
         (to have it deleted and made anew, set spec.force or mark it kustomize.toolkit.fluxcd.io/force: enabled)"
    );
    let forced = settle(&plain, Some(&live), &answer, Forcing::Always).unwrap();
    assert_eq!(
        (forced.verb, forced.reason),
        (Verb::Recreate, Reason::ImmutableField)
    );
    let mut marked = deployment("web", 1, "a");
    marked.set_at(&["metadata", "annotations", names::FORCE], "Enabled".into());
    assert_eq!(
        settle(&action(marked), Some(&live), &answer, Forcing::WhereMarked)
            .unwrap()
            .verb,
        Verb::Recreate
    );
}

#[test]
fn a_manifest_that_is_simply_wrong_never_costs_the_live_object() {
    let live = deployment("web", 1, "a");
    let plain = action(deployment("web", 1, "a"));
    for answer in [
        refused(
            "Invalid",
            "spec.replicas: must be positive",
            &["must be greater than or equal to 0"],
        ),
        refused(
            "Invalid",
            "two things",
            &["field is immutable", "must be greater than or equal to 0"],
        ),
        refused("Conflict", "somebody else", &[]),
    ] {
        assert!(
            settle(&plain, Some(&live), &answer, Forcing::Always).is_err(),
            "{answer:?}"
        );
    }
    let stateful = refused(
        "Invalid",
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden",
        &[],
    );
    assert_eq!(
        settle(&plain, Some(&live), &stateful, Forcing::Always)
            .unwrap()
            .verb,
        Verb::Recreate
    );
    assert!(
        settle(&plain, None, &stateful, Forcing::Always).is_err(),
        "nothing is there to recreate"
    );
}

#[test]
fn a_missing_namespace_is_said_as_such() {
    let missing = DryRun::Refused(Refused {
        code: 404,
        reason: "NotFound".into(),
        message: "the server could not find it".into(),
        causes: Vec::new(),
    });
    let mut manifest = config_map("a", &[]);
    manifest.remove_at(&["metadata", "namespace"]);
    let failure = settle(&action(manifest), None, &missing, Forcing::WhereMarked).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "ConfigMap/a namespace not specified: the server could not find it"
    );
}

#[test]
fn a_dry_run_that_changes_nothing_that_matters_writes_nothing() {
    let mut applier = Applier::pruning();
    let wanted = desired(config_map("a", &[("k", "v")]));
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    let live = applier.world.live(wanted.reference()).unwrap().clone();
    let mut would_be = live.clone();
    would_be.set_at(&["metadata", "resourceVersion"], "999".into());
    would_be.set_at(&["status"], value!({"x": 1}));
    let first = action(config_map("a", &[("k", "v")]));
    let settled = |would_be: Value| {
        settle(
            &first,
            Some(&live),
            &DryRun::Accepted(would_be),
            Forcing::WhereMarked,
        )
        .unwrap()
        .verb
    };
    assert_eq!(settled(would_be.clone()), Verb::Unchanged);
    would_be.set_at(&["metadata", "labels", "new"], "x".into());
    assert_eq!(settled(would_be), Verb::Apply);
    let mut unowned = live.clone();
    unowned.remove_at(&["metadata", "managedFields"]);
    let answer = DryRun::Accepted(live.clone());
    assert_eq!(
        settle(&first, Some(&unowned), &answer, Forcing::WhereMarked)
            .unwrap()
            .verb,
        Verb::Apply,
        "ownership counts"
    );
    assert_eq!(
        settle(&first, None, &answer, Forcing::WhereMarked)
            .unwrap()
            .verb,
        Verb::Create
    );
}
