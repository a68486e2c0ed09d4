//! Runs from beginning to end, as data: `cases/NAME.txt` says what is asked
//! for, what happens, and what comes of it. The traces are Flagger's, less the
//! time that it spends waiting for its next tick.

use super::shell::{Diary, after, live_until};
use super::world::World;
use crate::machine::Verdict;
use jiff::SignedDuration;
use trueup_kinds::names::CANARY_REQUEST;
use trueup_object::{Text, Value, decode, from_json};

macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                let file = include_str!(concat!("cases/", stringify!($name), ".txt"));
                play(file);
            }
        )+
    };
}

cases![
    ab_testing,
    abort_by_request,
    blue_green,
    blue_green_mirror,
    canary,
    canary_mirror,
    canary_overshoot,
    canary_promotion_steps,
    canary_step_weights,
    confirm_promotion,
    confirm_promotion_iterations,
    confirm_rollout,
    confirm_traffic_increase,
    config_change,
    deletion,
    failed_promotion,
    failed_promotion_fixed,
    failed_then_reverted,
    hand_changed_routes,
    kubernetes,
    kubernetes_default_iterations,
    new_revision,
    new_revision_while_promoting,
    no_data_limit,
    pre_rollout,
    progress_deadline,
    rollback_hook,
    skip_analysis,
    suspended,
    threshold,
];

/// A case: lines `spec {…}`, `at SECONDS WORD [ARGUMENT]…`, `until SECONDS`,
/// a line `---`, and the trace.
fn play(file: &str) {
    let (script, expected) = file.split_once("---\n").expect("a script and a trace");
    let mut lines = script.lines().filter(|line| !line.starts_with('#'));
    let spec = lines.next().and_then(|line| line.strip_prefix("spec "));
    let spec = from_json(spec.expect("a specification").as_bytes()).expect("JSON");
    let mut world = World::new(&spec);
    let mut diary = Diary::default();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let (seconds, deed) = match words.as_slice() {
            ["at", seconds, deed @ ..] => (seconds, deed),
            ["until", seconds] => (seconds, &[][..]),
            _ => panic!("{line} is not understood"),
        };
        let time = after(&world, seconds.parse().expect("seconds"));
        live_until(&mut world, &mut diary, time);
        act(&mut world, deed);
    }
    let trace = diary.lines.join("\n") + "\n";
    assert_eq!(trace, expected, "\n{trace}");
}

fn act(world: &mut World, deed: &[&str]) {
    let now = world.now;
    match deed {
        [] => {}
        ["push", revision] => world.push(revision),
        ["break", revision] => {
            world.broken.insert((*revision).into());
        }
        ["mend", revision] => {
            world.broken.remove(*revision);
        }
        ["refuse", hook] => {
            world.refusing.insert((*hook).into());
        }
        ["consent", hook] => {
            world.refusing.remove(*hook);
        }
        ["fail", times] => give(
            world,
            times,
            &Verdict::Failed("Halt podinfo.test advancement success rate 0.00% < 99%".into()),
        ),
        ["silence", times] => give(
            world,
            times,
            &Verdict::NoData("Halt advancement no values found for metric: x".into()),
        ),
        ["route", weight] => {
            let live = world.routes.as_mut().expect("routes");
            live.canary_weight = weight.parse().expect("a weight");
        }
        ["config", digest] => {
            world
                .configs
                .insert("configmap/web".into(), (*digest).into());
        }
        ["request", request] => annotate(world, CANARY_REQUEST, request),
        ["annotate", key, value] => annotate(world, key, value),
        ["suspend"] => world.spec.suspend = true,
        ["resume"] => world.spec.suspend = false,
        ["crash", "canary"] => world
            .target
            .as_mut()
            .expect("a target")
            .crash(now, SignedDuration::from_secs(30)),
        ["delete"] => world.metadata.deletion_timestamp = Some(now),
        ["spec", field, json] => set_field(world, field, json),
        _ => panic!("{deed:?} is not understood"),
    }
}

fn give(world: &mut World, times: &str, verdict: &Verdict) {
    let times = times.parse().expect("a number");
    world.verdicts = vec![verdict.clone(); times];
}

fn annotate(world: &mut World, key: &str, value: &str) {
    let annotations = &mut world.metadata.annotations;
    annotations.insert(Text::from(key), Text::from(value));
}

fn set_field(world: &mut World, field: &str, json: &str) {
    let mut spec = trueup_object::encode(&world.spec).expect("a tree");
    let value: Value = from_json(json.as_bytes()).expect("JSON");
    spec.set_at(&[field], value);
    world.spec = decode(&spec).expect("a specification");
    world.metadata.generation += 1;
}
