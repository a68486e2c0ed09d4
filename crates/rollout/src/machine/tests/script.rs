//! Scripts: what a `Canary` asks for, and what happens to it.

use super::shell::{Overseer, after, live_until};
use super::workload::Workload;
use super::world::World;
use crate::machine::Verdict;
use jiff::SignedDuration;
use trueup_kinds::canary::CanaryStatus;
use trueup_kinds::names::CANARY_REQUEST;
use trueup_object::{Text, Value, decode, from_json, value};

/// Lines `spec {…}`, `at SECONDS WORD [ARGUMENT]…` and `until SECONDS`; one
/// that begins with `#` is a comment.
pub(super) struct Script {
    spec: Value,
    deeds: Vec<(i64, Vec<String>)>,
}

impl Script {
    pub(super) fn parse(text: &str) -> Self {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let spec = lines.next().and_then(|line| line.strip_prefix("spec "));
        let spec = spec.expect("a specification").as_bytes();
        Self {
            spec: from_json(spec).expect("JSON"),
            deeds: lines.map(deed).collect(),
        }
    }

    pub(super) fn play(&self, overseer: &mut impl Overseer) {
        let mut world = World::new(&self.spec);
        for (seconds, words) in &self.deeds {
            let time = after(&world, *seconds);
            live_until(&mut world, overseer, time);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            act(&mut world, &words);
        }
    }
}

fn deed(line: &str) -> (i64, Vec<String>) {
    let words: Vec<&str> = line.split(' ').collect();
    let (seconds, deed) = match words.as_slice() {
        ["at", seconds, deed @ ..] => (seconds, deed),
        ["until", seconds] => (seconds, &[][..]),
        _ => panic!("{line} is not understood"),
    };
    let deed = deed.iter().map(|word| (*word).to_owned()).collect();
    (seconds.parse().expect("seconds"), deed)
}

fn act(world: &mut World, deed: &[&str]) {
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
        ["note", note] => world.notes = vec![Text::from(*note)],
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
        ["crash", side, seconds] => {
            let now = world.now;
            workload(world, side).crash(now, span(seconds));
        }
        ["unlist", side, seconds] => {
            let now = world.now;
            workload(world, side).unlist(now, span(seconds));
        }
        ["delete"] => world.metadata.deletion_timestamp = Some(world.now),
        ["spec", field, json] => set_field(world, field, json),
        ["flagger", phase, weight, failed, iterations] => {
            world.status = flagger_status(world, phase, [weight, failed, iterations]);
        }
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

fn span(seconds: &str) -> SignedDuration {
    SignedDuration::from_secs(seconds.parse().expect("seconds"))
}

fn workload<'a>(world: &'a mut World, side: &str) -> &'a mut Workload {
    let workload = match side {
        "canary" => &mut world.target,
        "primary" => &mut world.primary,
        _ => panic!("{side} is no side"),
    };
    workload.as_mut().expect("a workload")
}

fn set_field(world: &mut World, field: &str, json: &str) {
    let mut spec = trueup_object::encode(&world.spec).expect("a tree");
    let value: Value = from_json(json.as_bytes()).expect("JSON");
    spec.set_at(&[field], value);
    world.spec = decode(&spec).expect("a specification");
    world.metadata.generation += 1;
}

/// The status as Flagger would have written it, with digests that only
/// Flagger can compute. The revisions are those that the status had.
fn flagger_status(world: &World, phase: &str, numbers: [&str; 3]) -> CanaryStatus {
    let [weight, failed, iterations] = numbers.map(|it| it.parse::<i64>().expect("a number"));
    let status = &world.status;
    decode(&value!({
        "phase": phase,
        "canaryWeight": weight,
        "failedChecks": failed,
        "iterations": iterations,
        "lastAppliedSpec": (format!("flagger-{}", status.last_applied_spec)),
        "lastPromotedSpec": (format!("flagger-{}", status.last_promoted_spec)),
        "trackedConfigs": {},
        "lastTransitionTime": (world.now.to_string()),
        "conditions": [{
            "type": "Promoted", "status": "Unknown", "reason": phase, "message": "m",
            "lastUpdateTime": (world.now.to_string()),
            "lastTransitionTime": (world.now.to_string()),
        }],
    }))
    .expect("a status")
}
