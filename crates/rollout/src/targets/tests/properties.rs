//! What must hold for all targets.

use super::*;
use crate::targets::configs::visit_references;
use crate::targets::{
    ScalerPass, TargetKind, detect_change, discover, initialize_primary, promote,
    reconcile_apex_service, reconcile_backend_services, reconcile_primary_scaler, scale_from_zero,
    scale_to_zero, snapshot_of, take_snapshot, tracked_configs,
};
use proptest::prelude::*;
use trueup_object::{Map, Selector, from_json, to_json};

const POD: [&str; 3] = ["spec", "template", "spec"];

/// Fields with defaults: where they are, and what a server makes of them.
const DEFAULTED: [(&str, &str); 9] = [
    ("dnsPolicy", r#""ClusterFirst""#),
    ("restartPolicy", r#""Always""#),
    ("schedulerName", r#""default-scheduler""#),
    ("securityContext", "{}"),
    ("terminationGracePeriodSeconds", "30"),
    (
        "containers.0.terminationMessagePath",
        r#""/dev/termination-log""#,
    ),
    ("containers.0.imagePullPolicy", r#""IfNotPresent""#),
    ("containers.0.ports.0.protocol", r#""TCP""#),
    ("volumes.0.configMap.defaultMode", "420"),
];

fn set(value: &mut Value, path: &str, new: Value) {
    match path.split_once('.') {
        None => value.set_at(&[path], new),
        Some((key, rest)) => match (key.parse::<usize>(), value) {
            (Ok(index), Value::List(items)) => set(&mut items.make_mut()[index], rest, new),
            (_, Value::Map(map)) => set(map.entry(key), rest, new),
            _ => panic!("nothing at {key}"),
        },
    }
}

fn hash(target: &Value) -> trueup_object::Text {
    snapshot_of(TargetKind::Deployment, target).hash
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no others", |f| f.is_finite())
            .prop_map(Value::from),
        "[a-z/.]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,8}", inner), 0..4)
                .prop_map(|entries| Value::Map(entries.into_iter().collect::<Map>())),
        ]
    })
}

/// Every path of map keys and list places in an object.
fn paths(value: &Value, here: &str, found: &mut Vec<String>) {
    let below = |key: &str| {
        if here.is_empty() {
            key.to_owned()
        } else {
            format!("{here}.{key}")
        }
    };
    match value {
        // Keys with dots can't be told apart in this notation.
        Value::Map(map) => {
            for (key, member) in map.iter().filter(|(key, _)| !key.contains('.')) {
                found.push(below(key));
                paths(member, &below(key), found);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                paths(item, &below(&index.to_string()), found);
            }
        }
        _ => {}
    }
}

/// All decisions, of which none may panic.
fn all_decisions(world: &mut World) {
    let steps: [Step<'_>; 10] = [
        &reconcile_backend_services,
        &|view| initialize_primary(view, "id"),
        &reconcile_apex_service,
        &|view| reconcile_primary_scaler(view, ScalerPass::Ensure),
        &|view| promote(view, &take_snapshot(view)?.hash, "other"),
        &scale_to_zero,
        &scale_from_zero,
        &|view| detect_change(view).map(|_| Vec::new()),
        &|view| tracked_configs(view).map(|_| Vec::new()),
        &crate::targets::restore_apex_service,
    ];
    for step in steps {
        if let Ok(writes) = world.decide(step) {
            for write in writes.iter().filter(|write| write.object().is_some()) {
                world.write(write);
            }
        }
    }
    let now = jiff::Timestamp::UNIX_EPOCH;
    let _ = crate::targets::canary_readiness(&world.view(), now);
    let _ = crate::targets::primary_readiness(&world.view(), now);
}

proptest! {
    // Each case makes and changes a whole Deployment.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn defaults_order_and_bookkeeping_make_no_revision(
        filled in prop::collection::vec(any::<bool>(), DEFAULTED.len()),
        version in "[0-9]{1,6}",
    ) {
        let world = World::deployment();
        let target = world.get("Deployment", "podinfo").clone();
        let mut other = target.clone();
        for ((path, default), _) in DEFAULTED.iter().zip(filled).filter(|(_, filled)| *filled) {
            let new = from_json(default.as_bytes()).unwrap();
            let path = format!("spec.template.spec.{path}");
            set(&mut other, &path, new);
        }
        other.set_at(&["metadata", "resourceVersion"], version.into());
        other.set_at(&["metadata", "managedFields"], Value::from(vec![Value::map()]));
        other.set_at(&["status", "replicas"], 3.into());
        prop_assert_eq!(hash(&target), hash(&other));
        let read_again = from_json(&to_json(&target)).unwrap();
        prop_assert_eq!(hash(&target), hash(&read_again));
    }

    #[test]
    fn another_image_is_another_revision(image in "[a-z]{1,8}(/[a-z]{1,8})?:[a-z0-9]{1,8}") {
        let world = World::deployment();
        let target = world.get("Deployment", "podinfo").clone();
        for list in ["containers", "initContainers"] {
            let mut other = target.clone();
            let path = format!("spec.template.spec.{list}.0.image");
            set(&mut other, &path, image.as_str().into());
            prop_assert_ne!(hash(&target), hash(&other));
        }
    }

    #[test]
    fn any_other_value_of_the_template_is_seen(
        place in any::<prop::sample::Index>(), new in "[a-z]{9}",
    ) {
        let world = World::deployment();
        let target = world.get("Deployment", "podinfo").clone();
        let mut found = Vec::new();
        paths(target.at(&["spec", "template"]).unwrap(), "spec.template", &mut found);
        let mut other = target.clone();
        set(&mut other, place.get(&found).as_str(), new.into());
        prop_assert_ne!(hash(&target), hash(&other));
    }

    #[test]
    fn copies_read_copies_and_selectors_never_meet(
        names in prop::collection::vec("[a-z]{1,4}(-primary)?", 6),
        label in "[a-z]{1,5}", value in "[a-z]{1,5}(-primary)?",
    ) {
        let mut world = World::deployment();
        world.options.selector_labels = vec![label.clone().into()];
        let mut target = world.get("Deployment", "podinfo").clone();
        for path in [
            &["spec", "selector", "matchLabels", &label][..],
            &["spec", "template", "metadata", "labels", &label],
        ] {
            target.set_at(path, value.as_str().into());
        }
        target.remove_at(&["spec", "selector", "matchLabels", "name"]);
        world.observed.found(target);
        let mut next = names.iter().cycle();
        let mut renamed = world.get("Deployment", "podinfo").clone();
        let spec = crate::targets::template::value_at_mut(&mut renamed, &POD).unwrap();
        let mut used = Vec::new();
        visit_references(spec, &mut |reference, _, name| {
            let new = next.next().unwrap();
            *name = new.as_str().into();
            used.push((reference.kind, new.clone()));
        });
        world.observed.found(renamed);
        for (kind, name) in &used {
            let kind = match kind {
                crate::targets::ConfigKind::ConfigMap => "ConfigMap",
                crate::targets::ConfigKind::Secret => "Secret",
            };
            let mut entry = Value::map();
            entry.set_at(&["kind"], kind.into());
            entry.set_at(&["name"], name.as_str().into());
            world.observed.found(config(&entry));
        }
        // Copies of a and a-primary can be in each other's way: refused.
        let Ok(writes) = world.decide(&|view| initialize_primary(view, "id")) else {
            return Ok(());
        };
        let Some(Write::Create(primary)) = writes.last() else {
            panic!("no primary");
        };
        let mut primary = primary.clone();
        let spec = crate::targets::template::value_at_mut(&mut primary, &POD).unwrap();
        let mut read = Vec::new();
        visit_references(spec, &mut |reference, _, _| read.push(reference.name));
        let expected: Vec<String> = used.iter().map(|(_, name)| format!("{name}-primary")).collect();
        prop_assert_eq!(read.iter().map(|name| name.to_string()).collect::<Vec<_>>(), expected);
        let target = world.get("Deployment", "podinfo");
        let selects = |selector: &Value, pods: &Value| {
            let labels = pods.at(&["spec", "template", "metadata", "labels"]).unwrap();
            Selector::from_label_selector(selector.at(&["spec", "selector"]))
                .unwrap()
                .matches(labels.as_map().unwrap())
        };
        prop_assert!(selects(target, target) && selects(&primary, &primary));
        prop_assert!(!selects(target, &primary) && !selects(&primary, target));
    }

    #[test]
    fn no_target_makes_us_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 1..4),
        is_daemon_set in any::<bool>(),
    ) {
        let mut world = if is_daemon_set { World::daemon_set() } else { World::deployment() };
        world.canary.spec.service.port_discovery = true;
        let kind = world.canary.spec.target_ref.kind.clone();
        let mut target = world.get(&kind, "podinfo").clone();
        for (place, new) in changes {
            let mut found = Vec::new();
            for part in ["metadata", "spec"] {
                if let Some(value) = target.get(part) {
                    found.push(part.to_owned());
                    paths(value, part, &mut found);
                }
            }
            if found.is_empty() {
                break;
            }
            set(&mut target, place.get(&found).as_str(), new);
        }
        // It is still found under its name.
        target.set_at(&["metadata", "name"], "podinfo".into());
        target.set_at(&["metadata", "namespace"], "default".into());
        world.observed.found(target);
        all_decisions(&mut world);
    }

    #[test]
    fn any_object_in_the_place_of_a_target_is_no_panic(object in any_value()) {
        let mut world = World::deployment();
        let mut target = object;
        target.set_at(&["apiVersion"], "apps/v1".into());
        target.set_at(&["kind"], "Deployment".into());
        target.set_at(&["metadata", "name"], "podinfo".into());
        target.set_at(&["metadata", "namespace"], "default".into());
        world.observed.found(target);
        prop_assert!(discover(&world.view()).is_err());
        all_decisions(&mut world);
    }
}
