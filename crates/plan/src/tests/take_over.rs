use super::world::*;
use crate::*;
use trueup_kinds::names;
use trueup_object::{Value, value};
use trueup_schema::{Operation, decode_managed};

fn managers(object: &Value) -> Vec<(String, Operation)> {
    decode_managed(object)
        .unwrap()
        .into_iter()
        .map(|it| (it.manager.to_string(), it.operation))
        .collect()
}

#[test]
fn what_kubectl_wrote_becomes_ours_and_its_additions_go() {
    let mut applier = Applier::pruning();
    let wanted = desired(config_map("c", &[("k", "v")]));
    let mut theirs = config_map("c", &[("k", "v"), ("extra", "x")]);
    theirs.set_at(
        &["metadata", "annotations", names::LAST_APPLIED],
        "{}".into(),
    );
    applier
        .world
        .create_by("kubectl-client-side-apply", &theirs);
    let action = applier
        .plan(std::slice::from_ref(&wanted))
        .actions()
        .next()
        .cloned()
        .unwrap();
    assert_eq!(
        (action.verb, action.check, action.reason),
        (Verb::Apply, Check::DryRun, Reason::TakeOver)
    );
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    let live = applier.world.live(wanted.reference()).unwrap();
    assert_eq!(live.get("data"), Some(&value!({"k": "v"})));
    assert_eq!(
        live.at(&["metadata", "annotations", names::LAST_APPLIED]),
        None
    );
    assert_eq!(
        managers(live),
        [(names::APPLY_MANAGER.to_owned(), Operation::Apply)]
    );
    assert_eq!(take_over_patch(live, &[]), None);
    assert!(applier.plan(std::slice::from_ref(&wanted)).is_empty());
}

#[test]
fn an_edit_by_kubectl_after_our_apply_is_taken_over_without_a_dry_run() {
    let mut applier = Applier::pruning();
    let wanted = desired(config_map("c", &[("k", "v")]));
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    applier
        .world
        .edit(wanted.reference(), "kubectl-edit", "", |live| {
            live.set_at(&["data", "extra"], "x".into())
        });
    let action = applier
        .plan(std::slice::from_ref(&wanted))
        .actions()
        .next()
        .cloned()
        .unwrap();
    assert_eq!((action.verb, action.check), (Verb::Apply, Check::None));
    assert!(action.take_over.is_some());
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    assert_eq!(
        applier.world.live(wanted.reference()).unwrap().get("data"),
        Some(&value!({"k": "v"}))
    );
}

#[test]
fn the_patch_holds_for_one_version_of_the_object_only() {
    let mut applier = Applier::pruning();
    applier
        .world
        .create_by("kubectl-create", &config_map("c", &[]));
    let live = applier.world.objects.values().next().unwrap();
    let patch = take_over_patch(live, &[]).unwrap();
    let last = patch.as_list().unwrap().last().unwrap();
    let version = live.str_at(&["metadata", "resourceVersion"]).unwrap();
    assert_eq!(
        last,
        &value!({"op": "replace", "path": "/metadata/resourceVersion", "value": version})
    );
}

#[test]
fn others_subresources_and_merge_marked_objects_are_left_alone() {
    let mut applier = Applier::pruning();
    let wanted = desired(deployment("web", 1, "a"));
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    applier.world.edit(wanted.reference(), "helm", "", |live| {
        live.set_at(&["metadata", "annotations", "a"], "b".into())
    });
    applier
        .world
        .edit(wanted.reference(), "kubectl", "scale", |live| {
            live.set_at(&["spec", "replicas"], Value::from(3))
        });
    let live = applier.world.live(wanted.reference()).unwrap();
    assert_eq!(take_over_patch(live, &[]), None);
    let mut manifest = config_map("c", &[]);
    manifest.set_at(
        &["metadata", "annotations", names::APPLY_POLICY],
        "merge".into(),
    );
    applier
        .world
        .create_by("kubectl-create", &config_map("c", &[("extra", "x")]));
    let merged = desired(manifest);
    let live = applier.world.live(merged.reference()).unwrap();
    assert_eq!(judge(&merged, live, None), Judgement::NoRecord);
}

#[test]
fn old_update_entries_of_ours_and_labels_of_old_tools_go() {
    let mut applier = Applier::pruning();
    let mut old = config_map("c", &[]);
    old.set_at(&["metadata", "labels", names::SYNC_GC_MARK], "x".into());
    old.set_at(
        &["metadata", "annotations", names::SYNC_CHECKSUM],
        "x".into(),
    );
    applier.world.create_by(names::APPLY_MANAGER, &old);
    let wanted = desired(config_map("c", &[]));
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    let live = applier.world.live(wanted.reference()).unwrap();
    assert_eq!(live.at(&["metadata", "labels", names::SYNC_GC_MARK]), None);
    assert_eq!(
        managers(live),
        [(names::APPLY_MANAGER.to_owned(), Operation::Apply)]
    );
}

#[test]
fn a_mark_merge_on_the_live_object_alone_keeps_what_others_wrote() {
    let mut applier = Applier::pruning();
    let wanted = desired(config_map("c", &[("k", "v")]));
    let mut theirs = config_map("c", &[("extra", "x")]);
    theirs.set_at(&["metadata", "labels", names::APPLY_POLICY], "merge".into());
    applier.world.create_by("kubectl", &theirs);
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    let live = applier.world.live(wanted.reference()).unwrap();
    assert_eq!(live.get("data"), Some(&value!({"k": "v", "extra": "x"})));
}

#[test]
fn managers_that_are_named_are_taken_over_whatever_they_do() {
    let wanted = desired(config_map("c", &[("k", "v")])).overriding(["helm".into()].into());
    for apply in [true, false] {
        let mut applier = Applier::pruning();
        let theirs = config_map("c", &[("k", "v"), ("extra", "x")]);
        if apply {
            applier.world.apply_as("helm-controller", &theirs);
        } else {
            applier.world.create_by("helm", &theirs);
        }
        applier.run(std::slice::from_ref(&wanted), usize::MAX);
        let live = applier.world.live(wanted.reference()).unwrap();
        assert_eq!(live.get("data"), Some(&value!({"k": "v"})));
        assert!(applier.plan(std::slice::from_ref(&wanted)).is_empty());
    }
}
