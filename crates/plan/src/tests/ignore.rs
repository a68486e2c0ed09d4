//! Fields that are left to others.

use super::world::*;
use crate::*;
use trueup_kinds::{IgnoreRule, Selector};
use trueup_object::{FieldPath, Value, value};

fn rules(paths: &[&str], target: Option<Selector>) -> IgnoreRules {
    let rule = IgnoreRule {
        paths: paths.iter().map(|path| (*path).into()).collect(),
        target,
    };
    IgnoreRules::compile(&[rule]).unwrap()
}

fn scaled(replicas: i64, image: &str) -> Desired {
    let target = Selector {
        kind: Some("Deploy.*".into()),
        ..Selector::default()
    };
    desired(deployment("web", replicas, image)).leaving(&rules(&["/spec/replicas"], Some(target)))
}

fn replicas(applier: &Applier, wanted: &Desired) -> Option<i64> {
    let live = applier.world.live(wanted.reference())?;
    live.i64_at(&["spec", "replicas"])
}

fn autoscaler(applier: &mut Applier, wanted: &Desired, replicas: i64) {
    let change = |live: &mut Value| live.set_at(&["spec", "replicas"], replicas.into());
    applier
        .world
        .edit(wanted.reference(), "autoscaler", "scale", change);
}

#[test]
fn a_field_that_is_left_to_an_autoscaler_is_no_drift_and_survives_the_next_manifest() {
    let mut applier = Applier::pruning();
    let first = scaled(3, "a");
    applier.run(std::slice::from_ref(&first), usize::MAX);
    assert_eq!(replicas(&applier, &first), Some(3), "it is set at first");
    autoscaler(&mut applier, &first, 7);
    assert!(applier.plan(std::slice::from_ref(&first)).is_empty());
    let second = scaled(3, "b");
    applier.run(std::slice::from_ref(&second), usize::MAX);
    assert_eq!(replicas(&applier, &second), Some(7));
    let live = applier.world.live(second.reference()).unwrap();
    let containers = live
        .at(&["spec", "template", "spec", "containers"])
        .unwrap();
    assert_eq!(
        containers.as_list().unwrap()[0].str_at(&["image"]),
        Some("b")
    );
    autoscaler(&mut applier, &second, 9);
    assert!(applier.plan(std::slice::from_ref(&second)).is_empty());
}

#[test]
fn after_a_restart_what_is_left_to_others_costs_a_dry_run_and_no_write() {
    let mut applier = Applier::pruning();
    let wanted = scaled(3, "a");
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    autoscaler(&mut applier, &wanted, 7);
    applier.records = Records::new();
    let writes = applier.world.writes;
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    assert_eq!(applier.world.writes, writes);
    assert_eq!(replicas(&applier, &wanted), Some(7));
    assert!(applier.plan(std::slice::from_ref(&wanted)).is_empty());
}

#[test]
fn drift_of_other_fields_is_corrected_and_the_left_one_stays() {
    let mut applier = Applier::pruning();
    let wanted = scaled(3, "a");
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    autoscaler(&mut applier, &wanted, 7);
    applier
        .world
        .edit(wanted.reference(), "person", "", |live| {
            let image = value!([{"name": "web", "image": "evil"}]);
            live.set_at(&["spec", "template", "spec", "containers"], image);
        });
    let plan = applier.plan(std::slice::from_ref(&wanted));
    let drifted: Vec<String> = plan
        .actions()
        .flat_map(|action| &action.drift)
        .map(|drift| drift.field.to_string())
        .collect();
    assert_eq!(
        drifted,
        [".spec.template.spec.containers[name=\"web\"].image"]
    );
    applier.run(std::slice::from_ref(&wanted), usize::MAX);
    assert_eq!(replicas(&applier, &wanted), Some(7));
}

#[test]
fn a_value_that_is_ours_and_was_edited_in_place_is_adopted() {
    let mut applier = Applier::pruning();
    let leave = |map| desired(map).leaving(&rules(&["/data/k"], None));
    let first = leave(config_map("c", &[("k", "v"), ("other", "1")]));
    applier.run(std::slice::from_ref(&first), usize::MAX);
    // The field is still ours; only a status-like write changed the value.
    let id = trueup_kinds::object_id(first.reference());
    let live = applier.world.objects.get_mut(&id).unwrap();
    live.set_at(&["data", "k"], "edited".into());
    let second = leave(config_map("c", &[("k", "v"), ("other", "2")]));
    applier.run(std::slice::from_ref(&second), usize::MAX);
    let live = applier.world.live(second.reference()).unwrap();
    assert_eq!(
        live.get("data"),
        Some(&value!({"k": "edited", "other": "2"}))
    );
}

#[test]
fn a_field_that_another_applies_is_dropped_from_our_manifest() {
    let mut applier = Applier::pruning();
    let leave = |map| desired(map).leaving(&rules(&["/data/k"], None));
    let first = leave(config_map("c", &[("k", "v"), ("other", "1")]));
    applier.run(std::slice::from_ref(&first), usize::MAX);
    let theirs = value!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "prod"}, "data": {"k": "theirs"}});
    applier.world.apply_as("other-operator", &theirs);
    let second = leave(config_map("c", &[("k", "v"), ("other", "2")]));
    let plan = applier.plan(std::slice::from_ref(&second));
    let manifest = plan.actions().next().map(|action| action.manifest.clone());
    assert_eq!(manifest.unwrap().get("data"), Some(&value!({"other": "2"})));
    applier.run(std::slice::from_ref(&second), usize::MAX);
    let live = applier.world.live(second.reference()).unwrap();
    assert_eq!(
        live.get("data"),
        Some(&value!({"k": "theirs", "other": "2"}))
    );
}

#[test]
fn targets_choose_objects_as_patches_do() {
    let object = deployment("web", 1, "a");
    let with = |target: Selector| {
        let rules = rules(&["/spec/replicas", "/spec/replicas"], Some(target));
        rules.pointers_for(&object).len()
    };
    let name = |text: &str| Selector {
        name: Some(text.into()),
        ..Selector::default()
    };
    assert_eq!(with(name("web")), 1);
    assert_eq!(with(name("we")), 0, "a pattern matches whole names");
    assert_eq!(with(name("w.*|x")), 1);
    let group = Selector {
        group: Some("apps".into()),
        version: Some("v1".into()),
        namespace: Some("prod".into()),
        ..Selector::default()
    };
    assert_eq!(with(group), 1);
    let labels = Selector {
        label_selector: Some("a=b".into()),
        ..Selector::default()
    };
    assert_eq!(with(labels), 0);
    assert_eq!(with(Selector::default()), 1);
}

#[test]
fn rules_that_can_t_be_used_are_named() {
    let refused = |rule: IgnoreRule| IgnoreRules::compile(&[rule]).unwrap_err().to_string();
    for pointer in ["", "spec/replicas", "/metadata"] {
        let text = refused(IgnoreRule {
            paths: vec![pointer.into()],
            target: None,
        });
        assert!(text.starts_with("spec.ignore[0].paths: "), "{text}");
    }
    let text = refused(IgnoreRule {
        paths: vec!["/a".into()],
        target: Some(Selector {
            name: Some("(".into()),
            ..Selector::default()
        }),
    });
    assert!(text.starts_with("spec.ignore[0].target.name: "), "{text}");
    let many = IgnoreRule {
        paths: vec!["/a".into(); MAX_IGNORE_POINTERS + 1],
        target: None,
    };
    assert!(refused(many).contains("more than 1000"));
}

#[test]
fn pointers_find_escaped_names_and_places_in_lists() {
    let object = value!({"a/b": {"c~d": [1, {"e": 2}]}});
    let find = |text: &str| JsonPointer::parse(text).unwrap().find_in(&object).cloned();
    assert_eq!(find("/a~1b/c~0d/1/e"), Some(2.into()));
    assert_eq!(find("/a~1b/c~0d/2"), None);
    assert_eq!(find("/a~1b/x/y"), None);
}

#[test]
fn two_places_of_one_list_are_both_left_out_in_whatever_order_they_are_named() {
    let object = || {
        let args = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        let mut value = deployment("web", 1, "a");
        value.set_at(
            &["spec", "args"],
            args.into_iter().map(Value::from).collect(),
        );
        value
    };
    for paths in [
        ["/spec/args/2", "/spec/args/10"],
        ["/spec/args/10", "/spec/args/2"],
    ] {
        let pointers = rules(&paths, None).pointers_for(&object());
        let rest = ignore::without(&object(), &pointers);
        let left: Vec<&str> = rest
            .at(&["spec", "args"])
            .and_then(Value::as_list)
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(left, ["a", "b", "d", "e", "f", "g", "h", "i", "j", "l"]);
    }
}

#[test]
fn too_many_rules_and_patterns_that_are_none_are_refused_by_place() {
    let rule = |name: &str| IgnoreRule {
        paths: vec!["/spec".into()],
        target: Some(Selector {
            name: Some(name.into()),
            ..Selector::default()
        }),
    };
    let many = vec![rule("a"); MAX_IGNORE_RULES + 1];
    assert_eq!(IgnoreRules::compile(&many), Err(IgnoreError::TooMany));
    for broken in ["a)(b", "(?<!a)", "["] {
        let error = IgnoreRules::compile(&[rule("a"), rule(broken)]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("spec.ignore[1].target.name: "),
            "{error}"
        );
    }
}

#[test]
fn fields_of_single_objects_are_left_to_another_controller_of_ours() {
    let mut object = desired(deployment("web", 3, "a")).reference().clone();
    object.kind.version = "v1beta1".into();
    let path = FieldPath::of_keys(&["spec", "replicas"]);
    let twice = [
        (object.clone(), vec![path.clone(), path.clone()]),
        (object, vec![path]),
    ];
    let left: LeftFields = twice.into_iter().collect();
    let rules = IgnoreRules::default().leaving_fields(left.clone());
    let wanted = |image| desired(deployment("web", 3, image)).leaving(&rules);

    let mut applier = Applier::pruning();
    let first = wanted("a");
    applier.run(std::slice::from_ref(&first), usize::MAX);
    assert_eq!(replicas(&applier, &first), Some(3), "it is set at first");
    autoscaler(&mut applier, &first, 0);
    assert!(applier.plan(std::slice::from_ref(&first)).is_empty());
    let second = wanted("b");
    applier.run(std::slice::from_ref(&second), usize::MAX);
    assert_eq!(replicas(&applier, &second), Some(0));

    assert_eq!(rules.pointers_for(&deployment("web", 3, "a")).len(), 1);
    assert!(rules.pointers_for(&deployment("api", 3, "a")).is_empty());
    assert_eq!(rules, IgnoreRules::default().leaving_fields(left));
    assert_ne!(rules, IgnoreRules::default());
}
