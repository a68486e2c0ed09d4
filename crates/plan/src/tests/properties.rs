//! What holds for every plan.

use super::world::*;
use crate::*;
use proptest::prelude::*;
use trueup_kinds::names;
use trueup_object::{ObjectRef, Value};

/// One object that a source may want: which one, and a variant of it.
type Wish = (u8, u8);

fn manifest((which, variant): Wish) -> Value {
    let text = variant.to_string();
    match which % 8 {
        0 => namespace("prod"),
        1 => namespace("other"),
        2 | 3 => deployment(&format!("d{which}"), i64::from(variant), "image"),
        _ => config_map(
            &format!("c{which}"),
            &[("k", &text), (&format!("only-{text}"), "x")],
        ),
    }
}

fn wishes() -> impl Strategy<Value = Vec<Desired>> {
    prop::collection::btree_map(0_u8..8, 0_u8..3, 0..7).prop_map(|wishes| {
        wishes
            .into_iter()
            .map(|wish| desired(manifest(wish)))
            .collect()
    })
}

/// What others do to a world: which object, what, by which manager.
fn meddling() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0_u8..8, 0_u8..7, 0_u8..3), 0..6)
}

fn meddle(world: &mut World, acts: &[(u8, u8, u8)]) {
    for (which, what, who) in acts {
        let manager = ["kubectl-edit", "helm", "operator"][usize::from(*who)];
        let object = ObjectRef::of(&manifest((*which, 0))).unwrap();
        if world.live(&object).is_none() {
            world.create_by(manager, &manifest((*which, 2)));
        } else if *what == 0 {
            world.delete(&object);
        } else {
            world.edit(&object, manager, "", |live| meddle_with(live, *what));
        }
    }
}

fn meddle_with(live: &mut Value, what: u8) {
    match what {
        1 => live.set_at(&["metadata", "labels", "theirs"], "x".into()),
        2 => live.set_at(&["metadata", "labels", names::OWNER_NAME], "stolen".into()),
        3 => {
            live.remove_at(&["metadata", "labels"]);
        }
        4 => live.set_at(
            &["metadata", "annotations", names::PRUNE],
            "disabled".into(),
        ),
        5 => live.set_at(&["metadata", "annotations", "note"], "x".into()),
        _ if live.str_at(&["kind"]) == Some("Deployment") => {
            live.set_at(&["spec", "replicas"], Value::from(9))
        }
        _ if live.str_at(&["kind"]) == Some("ConfigMap") => {
            live.set_at(&["data", "k"], "edited".into())
        }
        _ => {}
    }
}

/// The objects of a world that carry both labels and no mark.
fn ours(world: &World) -> Vec<ObjectRef> {
    let is_ours =
        |live: &&Value| owner().is_on(live) && !names::is_marked(live, names::PRUNE, "disabled");
    world
        .objects
        .values()
        .filter(is_ours)
        .map(|live| ObjectRef::of(live).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn planning_after_applying_is_empty(first in wishes(), then in wishes(), acts in meddling()) {
        let mut applier = Applier::pruning();
        prop_assert!(applier.run(&first, usize::MAX));
        meddle(&mut applier.world, &acts);
        prop_assert!(applier.run(&then, usize::MAX));
        // Our first apply to an object that nobody owned makes the server
        // write an owner that we take over from.
        if applier.plan(&then).actions().any(|it| it.reason == Reason::TakeOver) {
            prop_assert!(applier.run(&then, usize::MAX));
        }
        let left = applier.plan(&then);
        prop_assert!(left.is_empty(), "{left:?}");
        for wanted in &then {
            let live = applier.world.live(wanted.reference()).unwrap();
            let again = applier.world.applied(wanted.manifest());
            prop_assert!(live.get("data") == again.get("data") && live.get("spec") == again.get("spec"));
        }
    }

    #[test]
    fn a_restart_writes_nothing_when_all_is_well(wanted in wishes()) {
        let mut applier = Applier::pruning();
        applier.run(&wanted, usize::MAX);
        let writes = applier.world.writes;
        applier.records = Records::new();
        applier.run(&wanted, usize::MAX);
        prop_assert_eq!(applier.world.writes, writes);
        prop_assert!(applier.world.dry_runs <= 2 * wanted.len());
    }

    #[test]
    fn the_order_of_what_is_wanted_does_not_matter(
        first in wishes(), then in wishes(), acts in meddling(), seed in any::<u64>(),
    ) {
        let mut applier = Applier::pruning();
        applier.run(&first, usize::MAX);
        meddle(&mut applier.world, &acts);
        let mut shuffled = then.clone();
        shuffled.sort_by_key(|it| Fingerprint::of(&Value::from(format!("{seed}{}", it.reference()))));
        prop_assert_eq!(applier.planned(&then), applier.planned(&shuffled));
    }

    #[test]
    fn prune_never_touches_what_is_not_ours(first in wishes(), then in wishes(), acts in meddling()) {
        let mut applier = Applier::pruning();
        applier.run(&first, usize::MAX);
        meddle(&mut applier.world, &acts);
        let plan = applier.plan(&then);
        for removal in plan.prune.iter().filter(|it| it.verb == RemovalVerb::Delete) {
            let live = applier.world.live(&removal.object).unwrap();
            prop_assert!(owner().is_on(live));
            prop_assert!(!names::is_marked(live, names::PRUNE, "disabled"));
            prop_assert!(applier.inventory.contains(&removal.object));
            prop_assert!(!then.iter().any(|it| *it.reference() == removal.object));
            prop_assert_eq!(live.str_at(&["metadata", "uid"]), Some(removal.uid.as_str()));
        }
    }

    #[test]
    fn the_inventory_never_loses_a_live_object_of_ours(
        revisions in prop::collection::vec((wishes(), 0_usize..14), 1..5),
    ) {
        let mut applier = Applier::pruning();
        for (wanted, budget) in &revisions {
            applier.run(wanted, *budget);
            for object in ours(&applier.world) {
                prop_assert!(applier.inventory.contains(&object), "{object} is lost");
            }
        }
        let (last, _) = revisions.last().unwrap();
        applier.run(last, usize::MAX);
        let left: Vec<ObjectRef> = ours(&applier.world);
        prop_assert!(left.iter().all(|it| last.iter().any(|wanted| wanted.reference() == it)), "{left:?}");
    }
}
