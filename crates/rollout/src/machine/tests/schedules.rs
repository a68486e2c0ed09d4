//! Thousands of random histories, in which commands get lost and shells are
//! killed: [`Watchman`] says what must hold in all of them.
//!
//! `TRUEUP_ROLLOUT_SCHEDULES` sets how many are played, `TRUEUP_ROLLOUT_FIRST`
//! the seed of the first.

use super::laws::Watchman;
use super::random::Random;
use super::shell::{live_until, run_until_rest};
use super::workload::Workload;
use super::world::World;
use crate::machine::Verdict;
use jiff::{SignedDuration, Timestamp};
use trueup_kinds::names::{CANARY_APPROVED, CANARY_MAX_DURATION, CANARY_REQUEST};
use trueup_object::{Value, from_json, value};

/// How many are played unless told otherwise; a build that is not optimised
/// takes its time.
const SCHEDULES: u64 = if cfg!(debug_assertions) { 300 } else { 4000 };
/// For how long things happen.
const TROUBLE_SECONDS: i64 = 4000;
/// For how long nothing happens afterwards: long enough for every run to end.
const PEACE: SignedDuration = SignedDuration::from_hours(8);

const ANALYSES: [&str; 12] = [
    r#"{"interval":"30s","threshold":3,"stepWeight":20,"maxWeight":60}"#,
    r#"{"interval":"30s","threshold":2,"stepWeight":50,"stepWeightPromotion":30}"#,
    r#"{"interval":"20s","threshold":5,"stepWeights":[1,5,40]}"#,
    r#"{"interval":"30s","threshold":3,"stepWeight":30,"mirror":true}"#,
    r#"{"interval":"30s","threshold":3,"iterations":3,"match":[{}]}"#,
    r#"{"interval":"30s","threshold":3,"iterations":2}"#,
    r#"{"interval":"30s","threshold":3,"iterations":2,"mirror":true}"#,
    r#"{"interval":"30s","threshold":4,"stepWeight":40,"webhooks":[{"name":"a","type":"confirm-rollout"},{"name":"b","type":"confirm-promotion"}]}"#,
    r#"{"interval":"30s","threshold":4,"iterations":2,"webhooks":[{"name":"b","type":"confirm-promotion"},{"name":"r","type":"rollback"}]}"#,
    r#"{"interval":"30s","threshold":4,"iterations":2,"match":[{}],"webhooks":[{"name":"a","type":"confirm-rollout"},{"name":"b","type":"confirm-promotion"},{"name":"c","type":"rollout"}]}"#,
    r#"{"interval":"30s","threshold":4,"stepWeight":40,"webhooks":[{"name":"a","type":"confirm-traffic-increase"},{"name":"b","type":"pre-rollout"},{"name":"c","type":"rollout"},{"name":"d","type":"post-rollout"},{"name":"r","type":"rollback"}]}"#,
    r#"{"interval":"30s","threshold":4,"stepWeights":[10,30],"stepWeightPromotion":10,"webhooks":[{"name":"a","type":"confirm-rollout"},{"name":"r","type":"rollback"}]}"#,
];

/// Something that happens from outside.
fn happen(world: &mut World, watchman: &mut Watchman, random: &mut Random) {
    let deed = random.below(23);
    watchman
        .history
        .push(format!("{:>5}s deed {deed}", world.seconds()));
    match deed {
        0..=4 => push(world, watchman, random),
        5 => world.metrics = Verdict::Failed("bad".into()),
        6 => {
            let silent = [Verdict::NoData("n".into()), Verdict::Error("e".into())];
            world.metrics = random.pick(&silent).clone();
        }
        7 | 8 => world.metrics = Verdict::Passed,
        9..=13 => harm(world, watchman, random, deed),
        14 => set_route(world, watchman, Some(random.below(101))),
        15 => set_route(world, watchman, None),
        16 => {
            let digest = random.below(3).to_string();
            world.configs.insert("configmap/web".into(), digest.into());
            watchman.failed = None;
        }
        17 | 18 => {
            let hook = *random.pick(&["a", "b", "c", "d", "r"]);
            if !world.refusing.remove(hook) {
                world.refusing.insert(hook.into());
            }
        }
        19 => ask(world, watchman, random),
        20 => world.spec.suspend = random.chance(30),
        21 => world.are_routes_in_force = random.chance(60),
        _ => {
            let is_wished = world.spec.revert_on_deletion && random.chance(30);
            let has_target = world.target.is_some();
            if is_wished && has_target && !world.metadata.finalizers.is_empty() {
                world.metadata.deletion_timestamp = Some(world.now);
            }
        }
    }
}

/// Workloads crash, go, or don't get ready.
fn harm(world: &mut World, watchman: &mut Watchman, random: &mut Random, deed: u64) {
    let now = world.now;
    let outage = SignedDuration::from_secs(20 + i64::try_from(random.below(800)).expect("small"));
    match deed {
        9 => strike(&mut world.target, now, outage, random),
        10 => strike(&mut world.primary, now, outage, random),
        11 => {
            world.broken.insert(format!("v{}", random.below(6)));
        }
        12 => world.broken.clear(),
        _ if world.target.is_none() => bring_back(world, watchman, random),
        _ if world.metadata.is_deleting() => {}
        _ => world.target = None,
    }
}

/// A workload loses its Pods, or its Service their endpoints.
fn strike(
    workload: &mut Option<Workload>,
    now: Timestamp,
    outage: SignedDuration,
    random: &mut Random,
) {
    let is_service = random.chance(30);
    match workload {
        Some(workload) if is_service => workload.unlist(now, outage),
        Some(workload) => workload.crash(now, outage),
        None => {}
    }
}

/// A target that was deleted is made anew.
fn bring_back(world: &mut World, watchman: &mut Watchman, random: &mut Random) {
    if world.target.is_none() {
        world.make_target(&format!("v{}", random.below(6)));
        watchman.failed = None;
        watchman.passes = 0;
    }
}

fn set_route(world: &mut World, watchman: &mut Watchman, weight: Option<u64>) {
    let weight = weight.map(|weight| i64::try_from(weight).expect("small"));
    match (weight, &mut world.routes) {
        (Some(weight), Some(routes)) => routes.canary_weight = weight,
        (Some(_), None) => return,
        (None, _) => world.routes = None,
    }
    watchman.weight_was_set(weight.unwrap_or_default());
}

fn push(world: &mut World, watchman: &mut Watchman, random: &mut Random) {
    let revision = format!("v{}", random.below(6));
    let target = world.target.as_ref();
    if target.is_some_and(|it| it.template != revision) {
        watchman.failed = None;
        watchman.passes = 0;
    }
    world.push(&revision);
}

fn ask(world: &mut World, watchman: &mut Watchman, random: &mut Random) {
    let verb = *random.pick(&[
        "promote", "abort", "approve", "approve", "retry", "nonsense",
    ]);
    let text = format!("{verb}/{}", random.next());
    let annotations = &mut world.metadata.annotations;
    annotations.insert(CANARY_REQUEST.into(), text.into());
    if random.chance(20) {
        annotations.insert(CANARY_APPROVED.into(), "v3".into());
    }
    watchman.is_asked |= verb == "promote" || verb == "retry";
}

fn analysis(random: &mut Random) -> Value {
    let mut analysis = from_json(random.pick(&ANALYSES).as_bytes()).expect("JSON");
    if random.chance(80) {
        let metrics = from_json(br#"[{"name":"x"}]"#).expect("JSON");
        analysis.set_at(&["metrics"], metrics);
    }
    analysis
}

fn world(random: &mut Random) -> World {
    let mut spec = Value::map();
    spec.set_at(&["analysis"], analysis(random));
    if random.chance(15) {
        spec.set_at(&["provider"], "kubernetes".into());
    }
    if random.chance(10) {
        spec.set_at(&["skipAnalysis"], true.into());
    }
    if random.chance(20) {
        spec.set_at(&["progressDeadlineSeconds"], 60.into());
    }
    if random.chance(25) {
        let scaler = value!({"kind": "HorizontalPodAutoscaler", "name": "podinfo"});
        spec.set_at(&["autoscalerRef"], scaler);
    }
    let mut world = World::new(&spec);
    world.tells_mirror = random.chance(50);
    world.spec.revert_on_deletion = random.chance(25);
    world.refusing.insert("r".into());
    if random.chance(20) {
        let annotations = &mut world.metadata.annotations;
        annotations.insert(CANARY_MAX_DURATION.into(), "30m".into());
    }
    world
}

fn play(seed: u64) {
    let mut random = Random::new(seed);
    let mut world = world(&mut random);
    let mut watchman = Watchman::new(Random::new(random.next()));
    watchman.history.push(format!("seed {seed}"));
    let end = world.now + SignedDuration::from_secs(TROUBLE_SECONDS);
    while world.now < end {
        let pause = SignedDuration::from_secs(i64::try_from(random.below(300)).expect("small"));
        let next = world.now + pause;
        live_until(&mut world, &mut watchman, next);
        if world.is_gone {
            return watchman.check_end(&world);
        }
        happen(&mut world, &mut watchman, &mut random);
    }
    make_peace(&mut world, &mut watchman, &mut random);
    let end = world.now + PEACE;
    live_until(&mut world, &mut watchman, end);
    run_until_rest(&mut world, &mut watchman);
    watchman.check_end(&world);
}

/// Hooks consent, nobody intervenes, nothing gets lost. Revisions that are
/// broken stay so.
fn make_peace(world: &mut World, watchman: &mut Watchman, random: &mut Random) {
    bring_back(world, watchman, random);
    world.spec.suspend = false;
    world.are_routes_in_force = true;
    world.refusing = ["r".to_owned()].into();
    watchman.trouble_percent = 0;
    watchman
        .history
        .push(format!("{:>5}s peace", world.seconds()));
}

#[test]
fn every_schedule_keeps_the_laws() {
    let first = number("TRUEUP_ROLLOUT_FIRST").unwrap_or(0);
    let count = number("TRUEUP_ROLLOUT_SCHEDULES").unwrap_or(SCHEDULES);
    for seed in first..first + count {
        play(seed);
    }
}

#[expect(clippy::disallowed_methods, reason = "a person says how many to play")]
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}
