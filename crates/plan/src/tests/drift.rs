use super::world::*;
use crate::*;
use trueup_object::{Value, value};

fn judged(applier: &Applier, wanted: &Desired) -> Judgement {
    let object = wanted.reference();
    judge(
        wanted,
        applier.world.live(object).unwrap(),
        applier.records.get(object),
    )
}

fn applied(manifest: Value) -> (Applier, Desired) {
    let mut applier = Applier::pruning();
    let wanted = desired(manifest);
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    assert_eq!(judged(&applier, &wanted), Judgement::Unchanged);
    (applier, wanted)
}

fn drifts(applier: &Applier, wanted: &Desired) -> Vec<String> {
    match judged(applier, wanted) {
        Judgement::Drifted(drifts) => drifts.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_scaled_deployment_names_field_values_and_manager() {
    let (mut applier, wanted) = applied(deployment("web", 2, "a"));
    applier
        .world
        .edit(wanted.reference(), "kubectl", "scale", |live| {
            live.set_at(&["spec", "replicas"], Value::from(5))
        });
    assert_eq!(
        drifts(&applier, &wanted),
        [".spec.replicas 2 → 5 by kubectl"]
    );
    let action = applier
        .plan(std::slice::from_ref(&wanted))
        .actions()
        .next()
        .cloned()
        .unwrap();
    assert_eq!(
        (action.verb, action.check, action.reason),
        (Verb::Apply, Check::None, Reason::Drift)
    );
    assert_eq!(action.drift.len(), 1);
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    assert_eq!(
        applier
            .world
            .live(wanted.reference())
            .unwrap()
            .i64_at(&["spec", "replicas"]),
        Some(2)
    );
    assert_eq!(judged(&applier, &wanted), Judgement::Unchanged);
}

#[test]
fn fields_of_list_items_and_removed_fields_are_named() {
    let (mut applier, wanted) = applied(deployment("web", 2, "a:1"));
    applier
        .world
        .edit(wanted.reference(), "patcher", "", |live| {
            let containers =
                value!([{"name": "sidecar", "image": "s"}, {"name": "web", "image": "a:2"}]);
            live.set_at(&["spec", "template", "spec", "containers"], containers);
            live.remove_at(&["spec", "replicas"]);
        });
    assert_eq!(
        drifts(&applier, &wanted),
        [
            ".spec.replicas 2 → (none) by patcher",
            ".spec.template.spec.containers[name=\"web\"].image \"a:1\" → \"a:2\" by patcher",
        ]
    );
}

#[test]
fn fields_and_status_of_others_are_no_drift() {
    let (mut applier, wanted) = applied(deployment("web", 2, "a"));
    applier.world.edit(wanted.reference(), "admin", "", |live| {
        live.set_at(&["metadata", "annotations", "note"], "theirs".into());
        live.set_at(&["spec", "minReadySeconds"], Value::from(5));
    });
    applier
        .world
        .edit(wanted.reference(), "controller", "status", |live| {
            live.set_at(&["status", "replicas"], Value::from(2))
        });
    assert_eq!(judged(&applier, &wanted), Judgement::Unchanged);
}

#[test]
fn values_of_secrets_are_masked() {
    let secret = value!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "prod", "labels": {"team": "a"}},
        "stringData": {"password": "old"},
    });
    let (mut applier, wanted) = applied(secret);
    applier
        .world
        .edit(wanted.reference(), "intruder", "", |live| {
            live.set_at(&["data", "password"], "bmV3".into());
            live.set_at(&["metadata", "labels", "team"], "b".into());
        });
    assert_eq!(
        drifts(&applier, &wanted),
        [
            ".data.password *** → *** by intruder",
            ".metadata.labels.team \"a\" → \"b\" by intruder",
        ]
    );
}

#[test]
fn lost_ownership_of_an_equal_value_is_taken_back() {
    let (mut applier, wanted) = applied(config_map("c", &[("k", "v")]));
    applier.world.edit(wanted.reference(), "a", "", |live| {
        live.set_at(&["data", "k"], "x".into())
    });
    applier.world.edit(wanted.reference(), "a", "", |live| {
        live.set_at(&["data", "k"], "v".into())
    });
    assert_eq!(judged(&applier, &wanted), Judgement::Drifted(Vec::new()));
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    assert_eq!(judged(&applier, &wanted), Judgement::Unchanged);
}

#[test]
fn another_object_of_the_same_name_is_recognised() {
    let (mut applier, wanted) = applied(config_map("c", &[("k", "v")]));
    applier.world.delete(wanted.reference());
    applier
        .world
        .create_by("somebody", &config_map("c", &[("k", "v")]));
    assert_eq!(judged(&applier, &wanted), Judgement::Replaced);
    let newer = desired(config_map("c", &[("k", "w")]));
    let record = Record::of(&wanted, applier.world.live(wanted.reference()).unwrap());
    let live = applier.world.live(wanted.reference()).unwrap();
    assert_eq!(judge(&newer, live, Some(&record)), Judgement::NewManifest);
    assert_eq!(judge(&newer, live, None), Judgement::NoRecord);
}

#[test]
fn an_addition_inside_an_empty_map_of_ours_is_settled_by_one_apply() {
    let mut manifest = deployment("web", 1, "a");
    manifest.set_at(
        &["spec", "template", "spec", "volumes"],
        value!([{"name": "tmp", "emptyDir": {}}]),
    );
    let (mut applier, wanted) = applied(manifest);
    applier.world.edit(wanted.reference(), "admin", "", |live| {
        let volumes = value!([{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]);
        live.set_at(&["spec", "template", "spec", "volumes"], volumes);
    });
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    assert_eq!(judged(&applier, &wanted), Judgement::Unchanged);
}

#[test]
fn another_kustomization_with_the_same_object_is_named() {
    let (mut applier, wanted) = applied(deployment("web", 2, "a"));
    applier.world.edit(wanted.reference(), "helm", "", |live| {
        live.set_at(&["metadata", "labels", "touched"], Value::from("x"))
    });
    let rival = Owner {
        name: "rival".into(),
        namespace: "elsewhere".into(),
    };
    let theirs = Desired::new(deployment("web", 3, "a"), &rival).unwrap();
    applier.world.apply(theirs.manifest());
    let found = drifts(&applier, &wanted);
    assert!(
        !found.is_empty()
            && found
                .iter()
                .all(|drift| drift.ends_with(" by Kustomization/elsewhere/rival")),
        "{found:?}"
    );
}
