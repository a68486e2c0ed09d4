use super::world::*;
use crate::*;
use trueup_kinds::{Inventory, names};
use trueup_object::{ObjectRef, Value};

fn verbs(plan: &Plan) -> Vec<(String, Verb, Reason)> {
    plan.actions()
        .map(|action| (action.object.to_string(), action.verb, action.reason))
        .collect()
}

#[test]
fn stages_come_in_order_and_the_early_ones_wait_for_their_objects() {
    let class = trueup_object::value!({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "x"}});
    let wanted = [
        desired(deployment("web", 1, "a")),
        desired(class),
        desired(config_map("c", &[])),
        desired(namespace("prod")),
    ];
    let plan = Applier::pruning().plan(&wanted);
    let stages: Vec<(StageKind, usize)> = plan
        .stages
        .iter()
        .map(|it| (it.kind, it.actions.len()))
        .collect();
    assert_eq!(
        stages,
        [
            (StageKind::ClusterDefinitions, 1),
            (StageKind::Classes, 1),
            (StageKind::Rest, 2)
        ]
    );
    assert_eq!(plan.stages[2].actions[0].object.kind.kind, "ConfigMap");
    assert_eq!(
        plan.stages[0].exit,
        ExitCondition::Ready {
            within: std::time::Duration::from_secs(60)
        }
    );
    assert_eq!(plan.stages[2].exit, ExitCondition::Applied);
    assert!(
        plan.actions()
            .all(|it| it.verb == Verb::Create && it.check == Check::DryRun)
    );
    assert_eq!(
        plan.next_stage().map(|it| it.kind),
        Some(StageKind::ClusterDefinitions)
    );
}

#[test]
fn what_is_not_known_is_asked_for() {
    let wanted = [desired(config_map("a", &[]))];
    let inventory = Inventory::of([desired(config_map("old", &[])).reference()]);
    let applier = Applier {
        inventory,
        ..Applier::pruning()
    };
    let (owner, options) = (owner(), applier.options);
    let planned = |observed: &Observed| {
        plan(&PlanInput {
            owner: &owner,
            desired: &wanted,
            observed,
            inventory: &applier.inventory,
            records: &applier.records,
            options,
        })
    };
    let Planned::NeedsReads(asked) = planned(&Observed::new()) else {
        panic!("nothing is known")
    };
    assert_eq!(
        asked.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["ConfigMap/prod/a", "ConfigMap/prod/old"]
    );
    let observed = World::default().observe(asked);
    assert!(matches!(planned(&observed), Planned::Plan(_)));
}

#[test]
fn a_second_look_finds_nothing_and_asks_nothing() {
    let mut applier = Applier::pruning();
    let wanted = [
        desired(deployment("web", 1, "a")),
        desired(config_map("c", &[("k", "v")])),
    ];
    assert!(applier.run(&wanted, usize::MAX));
    assert_eq!((applier.world.writes, applier.world.dry_runs), (2, 2));
    assert!(applier.plan(&wanted).is_empty());
    applier.records = Records::new();
    let after_restart = applier.plan(&wanted);
    assert!(
        after_restart
            .actions()
            .all(|it| it.check == Check::DryRun && it.reason == Reason::NoRecord)
    );
    assert!(applier.run(&wanted, usize::MAX));
    assert_eq!((applier.world.writes, applier.world.dry_runs), (2, 4));
    assert!(applier.plan(&wanted).is_empty());
}

#[test]
fn a_changed_manifest_is_checked_and_a_vanished_object_comes_back_unchecked() {
    let mut applier = Applier::pruning();
    let before = [
        desired(config_map("a", &[("k", "1")])),
        desired(config_map("b", &[])),
    ];
    applier.run(&before, usize::MAX);
    let after = [desired(config_map("a", &[("k", "2")])), before[1].clone()];
    let plan = applier.plan(&after);
    assert_eq!(verbs(&plan)[0].1, Verb::Apply);
    assert_eq!(verbs(&plan)[0].2, Reason::NewManifest);
    assert_eq!(verbs(&plan)[1].1, Verb::Unchanged);
    applier.world.delete(before[1].reference());
    let action = applier.plan(&before).actions().nth(1).cloned().unwrap();
    assert_eq!(
        (action.verb, action.check, action.reason),
        (Verb::Create, Check::None, Reason::Missing)
    );
    assert_eq!(
        action.drift[0].to_string(),
        "(object) present → deleted by unknown"
    );
}

#[test]
fn marks_keep_objects_alone_in_any_case() {
    let marked = |key: &str, text: &str, place: &str| {
        let mut object = config_map("a", &[("k", "new")]);
        object.set_at(&["metadata", place, key], text.into());
        object
    };
    let plain = desired(config_map("a", &[("k", "old")]));
    for (key, text, on_missing, on_present) in [
        (names::RECONCILE, "DISABLED", Verb::Skip, Verb::Skip),
        (names::APPLY_POLICY, "ignore", Verb::Skip, Verb::Skip),
        (
            names::APPLY_POLICY,
            "IfNotPresent",
            Verb::Create,
            Verb::Skip,
        ),
        (names::APPLY_POLICY, "Override", Verb::Create, Verb::Apply),
        (names::RECONCILE, "enabled", Verb::Create, Verb::Apply),
    ] {
        for place in ["labels", "annotations"] {
            let wanted = [desired(marked(key, text, place))];
            let mut applier = Applier::pruning();
            assert_eq!(
                verbs(&applier.plan(&wanted))[0].1,
                on_missing,
                "{key} {text}"
            );
            applier.run(std::slice::from_ref(&plain), usize::MAX);
            let plan = applier.plan(&wanted);
            assert_eq!(verbs(&plan)[0].1, on_present, "{key} {text}");
            assert!(
                applier
                    .plan(&wanted)
                    .inventory_after([])
                    .contains(plain.reference()),
                "skipped objects stay in"
            );
        }
    }
}

#[test]
fn a_mark_on_the_live_object_counts_too() {
    let mut applier = Applier::pruning();
    let wanted = [desired(config_map("a", &[("k", "v")]))];
    applier.run(&wanted, usize::MAX);
    applier
        .world
        .edit(wanted[0].reference(), "admin", "", |live| {
            live.set_at(
                &["metadata", "annotations", names::RECONCILE],
                "disabled".into(),
            );
            live.set_at(&["data", "k"], "edited".into());
        });
    assert_eq!(
        verbs(&applier.plan(&wanted))[0].2,
        Reason::ReconcileDisabled
    );
}

#[test]
fn an_object_that_is_being_deleted_is_waited_for() {
    let mut applier = Applier::pruning();
    let wanted = [desired(config_map("a", &[]))];
    applier.run(&wanted, usize::MAX);
    applier
        .world
        .edit(wanted[0].reference(), "admin", "", |live| {
            live.set_at(
                &["metadata", "deletionTimestamp"],
                "2026-01-01T00:00:00Z".into(),
            );
        });
    assert_eq!(verbs(&applier.plan(&wanted))[0].2, Reason::BeingDeleted);
    let removal = applier.plan(&[]).prune[0].clone();
    assert_eq!(
        (removal.verb, removal.is_pending()),
        (RemovalVerb::AwaitDeletion, true)
    );
    assert!(
        applier
            .plan(&[])
            .inventory_after([])
            .contains(wanted[0].reference())
    );
}

#[test]
fn what_left_the_source_is_deleted_last_first_and_leaves_when_it_is_gone() {
    let mut applier = Applier::pruning();
    let wanted = [
        desired(namespace("prod")),
        desired(config_map("a", &[])),
        desired(deployment("web", 1, "x")),
    ];
    applier.run(&wanted, usize::MAX);
    let plan = applier.plan(&wanted[1..2]);
    let order: Vec<String> = plan
        .prune
        .iter()
        .map(|it| format!("{:?} {}", it.verb, it.object))
        .collect();
    assert_eq!(
        order,
        ["Delete Deployment/prod/web", "Delete Namespace/prod"]
    );
    assert!(plan.prune.iter().all(|it| it.uid.starts_with("uid-")));
    assert_eq!(plan.inventory_before(plan.actions()), None);
    assert_eq!(plan.inventory_after([]).len(), 3);
    assert_eq!(plan.inventory_after([wanted[2].reference()]).len(), 2);
}

#[test]
fn an_inventory_is_written_before_new_objects_are() {
    let mut applier = Applier::pruning();
    let old = [desired(config_map("old", &[]))];
    applier.run(&old, usize::MAX);
    let new = ["new", "refused"].map(|name| desired(config_map(name, &[])));
    let plan = applier.plan(&new);
    let checked = plan.actions().filter(|it| it.object.name == "new");
    let before = plan.inventory_before(checked).unwrap();
    assert_eq!(before.len(), 2, "old and new, without what is refused");
}

#[test]
fn without_prune_objects_stay_and_leave_the_inventory() {
    let mut applier = Applier::default();
    let wanted = [desired(config_map("a", &[]))];
    applier.run(&wanted, usize::MAX);
    let plan = applier.plan(&[]);
    assert_eq!(plan.prune[0].verb, RemovalVerb::Keep(KeepReason::PruneOff));
    assert!(plan.is_empty());
    assert!(plan.inventory_after([]).is_empty());
}

fn removal_of(change: impl FnOnce(&mut Value)) -> RemovalVerb {
    let mut applier = Applier::pruning();
    let wanted = [desired(config_map("a", &[]))];
    applier.run(&wanted, usize::MAX);
    applier
        .world
        .edit(wanted[0].reference(), "admin", "", change);
    applier.plan(&[]).prune[0].verb
}

#[test]
fn only_what_carries_both_labels_and_no_mark_is_pruned() {
    assert_eq!(removal_of(|_| {}), RemovalVerb::Delete);
    let kept = |reason| RemovalVerb::Keep(reason);
    for key in [names::OWNER_NAME, names::OWNER_NAMESPACE] {
        assert_eq!(
            removal_of(|live| live.set_at(&["metadata", "labels", key], "other".into())),
            kept(KeepReason::NotOurs)
        );
        assert_eq!(
            removal_of(|live| {
                live.remove_at(&["metadata", "labels", key]);
            }),
            kept(KeepReason::NotOurs)
        );
    }
    for (key, text) in [
        (names::PRUNE, "Disabled"),
        (names::RECONCILE, "disabled"),
        (names::APPLY_POLICY, "Ignore"),
    ] {
        assert_eq!(
            removal_of(|live| live.set_at(&["metadata", "annotations", key], text.into())),
            kept(KeepReason::Marked)
        );
    }
}

fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef {
        kind: trueup_object::GroupVersionKind::new(api_version, kind),
        namespace: namespace.into(),
        name: name.into(),
    }
}

#[test]
fn an_unknown_kind_keeps_its_entry_until_its_own_definition_is_gone() {
    let thing = object("example.com/v1", "Thing", "prod", "x");
    let definition = object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "",
        "things.example.com",
    );
    let plan_with = |definition_seen: Observation| {
        let inventory = Inventory::of([&thing, &definition]);
        let mut observed = Observed::new();
        observed.insert(&thing, Observation::KindUnknown);
        observed.insert(&definition, definition_seen);
        let planned = plan(&PlanInput {
            owner: &owner(),
            desired: &[],
            observed: &observed,
            inventory: &inventory,
            records: &Records::new(),
            options: PlanOptions {
                prune: Pruning::On,
                ..PlanOptions::default()
            },
        });
        let Planned::Plan(plan) = planned else {
            panic!("{planned:?}")
        };
        plan
    };
    let mut live = trueup_object::value!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com", "uid": "u"},
    });
    owner().put_on(&mut live);
    let kept = plan_with(Observation::Live(live));
    assert_eq!(
        kept.prune[0].verb,
        RemovalVerb::Keep(KeepReason::KindUnknown)
    );
    assert!(kept.inventory_after([]).contains(&thing));
    let gone = plan_with(Observation::Absent);
    assert!(gone.prune.iter().all(|it| it.verb == RemovalVerb::Forget));
    assert!(gone.inventory_after([]).is_empty());
}

#[test]
fn a_plan_that_would_saw_off_its_own_branch_is_refused() {
    let mut applier = Applier::pruning();
    let wanted = [
        desired(namespace("flux-system")),
        desired(config_map("a", &[])),
    ];
    applier.run(&wanted, usize::MAX);
    let Planned::Refused(refusal) = applier.planned(&wanted[1..]) else {
        panic!("own namespace")
    };
    assert!(refusal.to_string().starts_with(
        "pruning would delete Namespace/flux-system, in which this Kustomization lives"
    ));
    let itself = trueup_object::value!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": {"prune": true},
    });
    let mut applier = Applier::pruning();
    let wanted = [desired(itself), desired(config_map("a", &[]))];
    applier.run(&wanted, usize::MAX);
    assert!(matches!(
        applier.planned(&wanted[1..]),
        Planned::Refused(Refusal::Itself(_))
    ));
    applier.options.prune = Pruning::Off;
    assert!(matches!(applier.planned(&wanted[1..]), Planned::Plan(_)));
}

#[test]
fn one_object_wanted_twice_is_refused() {
    let wanted = [
        desired(config_map("a", &[])),
        desired(config_map("a", &[("k", "v")])),
    ];
    assert!(matches!(
        Applier::pruning().planned(&wanted),
        Planned::Refused(Refusal::Twice(_))
    ));
}

#[test]
fn a_namespace_on_an_object_that_has_none_is_dropped_also_from_flux_s_inventory() {
    let role = trueup_object::value!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "view", "namespace": "prod"}, "rules": [],
    });
    let wanted = [desired(role)];
    assert_eq!(wanted[0].reference().to_string(), "ClusterRole/view");
    let mut applier = Applier::pruning();
    applier.inventory = Inventory::of([&object(
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        "prod",
        "view",
    )]);
    applier.world.apply(wanted[0].manifest());
    let plan = applier.plan(&wanted);
    assert!(plan.prune.is_empty());
    assert_eq!(
        plan.inventory_after([]).entries()[0].id,
        "_view_rbac.authorization.k8s.io_ClusterRole"
    );
}

#[test]
fn a_job_that_has_expired_waits_for_the_interval_and_counts_as_healthy() {
    let mut applier = Applier::pruning();
    let job = trueup_object::value!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": "prod"},
        "spec": {"ttlSecondsAfterFinished": 0},
    });
    let wanted = [desired(job)];
    applier.run(&wanted, usize::MAX);
    applier.world.delete(wanted[0].reference());
    let plan = applier.plan(&wanted);
    let action = plan.actions().next().unwrap();
    assert_eq!(action.drift[0].manager, EXPIRED_MANAGER);
    let now = jiff::Timestamp::UNIX_EPOCH;
    assert_eq!(
        Brake::new().on_drifts(&action.drift, now).0,
        BrakeVerdict::Braked
    );
    let spec = trueup_kinds::KustomizationSpec {
        wait: true,
        ..Default::default()
    };
    assert_eq!(health_targets(&spec, &owner(), &plan), []);
    let named = |name: &str| trueup_kinds::HealthCheckReference {
        api_version: Some("batch/v1".into()),
        kind: "Job".into(),
        name: name.into(),
        namespace: Some("prod".into()),
    };
    let spec = trueup_kinds::KustomizationSpec {
        health_checks: vec![named("once"), named("never")],
        ..Default::default()
    };
    let targets = health_targets(&spec, &owner(), &plan);
    assert_eq!(targets.len(), 1, "one that is no more, one that never was");
    assert_eq!(targets[0].name, "never");
}

#[test]
fn a_job_that_was_never_there_is_not_healthy() {
    let job = ObjectRef {
        kind: trueup_object::GroupVersionKind::new("batch/v1", "Job"),
        namespace: "prod".into(),
        name: "never".into(),
    };
    let gate = HealthGate {
        waited: std::time::Duration::ZERO,
        timeout: std::time::Duration::from_secs(1),
    };
    let verdict = gate.judge(&[(job, trueup_health::Health::not_found())]);
    assert!(
        matches!(verdict, HealthVerdict::Waiting(_)),
        "it was said to be healthy: {verdict:?}"
    );
}

#[test]
fn ten_thousand_objects_fit_and_what_does_not_fit_is_refused_whole() {
    let wanted = |count: usize, name: &str| -> Vec<Desired> {
        let names = (0..count).map(|index| format!("{name}-{index:06}"));
        names.map(|name| desired(config_map(&name, &[]))).collect()
    };
    let applier = Applier::pruning();
    assert_eq!(
        applier
            .plan(&wanted(10_000, "settings-of-the-service"))
            .actions()
            .count(),
        10_000
    );
    let Planned::Refused(refusal) = applier.planned(&wanted(6_000, &"x".repeat(240))) else {
        panic!("it is refused");
    };
    assert!(matches!(refusal, Refusal::TooMany { objects: 6_000, .. }));
    assert!(
        refusal.to_string().contains("Split the Kustomization"),
        "{refusal}"
    );
}

#[test]
fn marks_count_on_labels_and_annotations_of_manifest_and_object_in_any_case() {
    let ignored = [
        (names::RECONCILE, "Disabled", Reason::ReconcileDisabled),
        (names::APPLY_POLICY, "ignore", Reason::Ignored),
    ];
    for (key, text, reason) in ignored {
        for place in ["labels", "annotations"] {
            let marked = |mut map: Value| {
                map.set_at(&["metadata", place, key], text.into());
                map
            };
            let mut applier = Applier::pruning();
            let by_manifest = desired(marked(config_map("c", &[])));
            let plan = applier.plan(std::slice::from_ref(&by_manifest));
            assert_eq!(plan.skipped().next().unwrap().1, reason);
            applier
                .world
                .create_by("person", &marked(config_map("c", &[])));
            let by_object = desired(config_map("c", &[("k", "v")]));
            let plan = applier.plan(std::slice::from_ref(&by_object));
            assert_eq!(plan.skipped().next().unwrap().1, reason);
        }
    }
}

#[test]
fn a_mark_if_not_present_counts_in_the_manifest_alone() {
    let mut marked = config_map("c", &[("k", "v")]);
    marked.set_at(
        &["metadata", "annotations", names::APPLY_POLICY],
        "ifnotpresent".into(),
    );
    let mut applier = Applier::pruning();
    let wanted = desired(marked.clone());
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    assert!(
        applier.world.live(wanted.reference()).is_some(),
        "created once"
    );
    applier
        .world
        .edit(wanted.reference(), "person", "", |live| {
            live.set_at(&["data", "k"], "theirs".into());
        });
    let plan = applier.plan(std::slice::from_ref(&wanted));
    assert_eq!(plan.skipped().next().unwrap().1, Reason::AlreadyPresent);
    // The live object carries the mark; a manifest without it is applied.
    let plain = desired(config_map("c", &[("k", "v")]));
    let plan = applier.plan(std::slice::from_ref(&plain));
    assert_eq!(plan.skipped().next(), None);
}

#[test]
fn an_object_of_another_kustomization_is_named() {
    let mut applier = Applier::pruning();
    let mut theirs = config_map("c", &[("k", "v")]);
    let other = Owner {
        namespace: "flux-system".into(),
        name: "other".into(),
    };
    other.put_on(&mut theirs);
    applier.world.apply(&theirs);
    let plan = applier.plan(&[desired(config_map("c", &[("k", "v")]))]);
    let rivals: Vec<_> = plan
        .actions()
        .map(|action| action.rival.as_deref())
        .collect();
    assert_eq!(rivals, [Some("Kustomization/flux-system/other")]);
}
