//! The phases, each measured by what a person would see in the cluster.

use super::cluster::{World, world};
use super::objects;
use crate::median;
use crate::process::usage;
use futures::StreamExt;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use trueup_cluster::{
    CounterSnapshot, Form, Patch, Scope, Verb, WatchEvent, WatchSpec, WatchStream, WriteOptions,
};
use trueup_object::{GroupVersionKind, ObjectRef};

/// How long, in virtual time, a phase may take.
const PHASE_DEADLINE: Duration = Duration::from_secs(4 * 3_600);
/// How long nothing is looked at, so that what is under way comes to rest.
const SETTLING: Duration = Duration::from_secs(10);
/// How many steps a run takes.
const STEPS: u64 = 5;
/// What makes a write of a verb.
const WRITES: [Verb; 5] = [
    Verb::Create,
    Verb::Update,
    Verb::Patch,
    Verb::Apply,
    Verb::Delete,
];

/// Everything that was measured.
pub struct Measured {
    pub count: u64,
    pub rest_min: u64,
    pub begin: Part,
    pub rest: Part,
    /// How soon a revision was noticed, in virtual milliseconds: middle, worst.
    pub noticed_virtual_ms: (f64, f64),
    /// The same in real milliseconds of processor and waiting for it.
    pub noticed_real_ms: (f64, f64),
    /// One run of all.
    pub run: Part,
    /// Questions to metrics in that run.
    pub questions: u64,
    pub steps: u64,
    pub peak_mib: f64,
}

/// What a phase took.
pub struct Part {
    pub requests: CounterSnapshot,
    pub cpu_s: f64,
    /// In virtual time.
    pub took: Duration,
}

impl Part {
    /// Requests that write.
    pub fn writes(&self) -> u64 {
        WRITES.iter().map(|verb| self.requests.of_verb(*verb)).sum()
    }

    /// Requests that read.
    pub fn reads(&self) -> u64 {
        self.requests.total() - self.writes() - self.watches()
    }

    /// Watches that were opened.
    pub fn watches(&self) -> u64 {
        self.requests.of_verb(Verb::Watch)
    }
}

/// Measures all phases with so many Canaries.
pub async fn all(count: u64, rest_min: u64, pushes: u64) -> Result<Measured, String> {
    let world = world(count).await?;
    let mut seen = canaries(&world);
    let begin = part(&world, begin(&world, &mut seen, count)).await?;
    sleep(SETTLING).await;
    let rest = part(&world, async {
        sleep(Duration::from_secs(60 * rest_min)).await;
        Ok(())
    })
    .await?;
    let noticed = notice(&world, &mut seen, pushes).await?;
    let before = world.metrics.asked();
    let run = part(&world, run(&world, &mut seen, pushes, count)).await?;
    Ok(Measured {
        count,
        rest_min,
        begin,
        rest,
        noticed_virtual_ms: spread(noticed.iter().map(|it| it.0)),
        noticed_real_ms: spread(noticed.iter().map(|it| it.1)),
        run,
        questions: world.metrics.asked() - before,
        steps: STEPS * (count - pushes),
        peak_mib: usage().peak_mib,
    })
}

async fn part(
    world: &World,
    phase: impl Future<Output = Result<(), String>>,
) -> Result<Part, String> {
    let (counted, cpu_s, began) = (world.cluster.counters(), usage().cpu_s, Instant::now());
    timeout(PHASE_DEADLINE, phase)
        .await
        .map_err(|_| format!("not done after {PHASE_DEADLINE:?} of virtual time"))??;
    Ok(Part {
        requests: world.cluster.counters().since(&counted),
        cpu_s: usage().cpu_s - cpu_s,
        took: began.elapsed(),
    })
}

/// Everybody's Canaries, as they change.
fn canaries(world: &World) -> WatchStream {
    world.person.watch(WatchSpec {
        kind: GroupVersionKind::new("flagger.app/v1beta1", "Canary"),
        scope: Scope::all(),
        form: Form::Full,
    })
}

async fn begin(world: &World, seen: &mut WatchStream, count: u64) -> Result<(), String> {
    let options = WriteOptions::new("bench");
    for number in 0..count {
        let canary = objects::canary(number);
        let created = world.person.create(&canary, &options).await;
        created.map_err(|error| error.to_string())?;
    }
    reach(seen, "Initialized", count).await
}

/// Waits until so many are in a phase that they were not in before.
async fn reach(seen: &mut WatchStream, phase: &str, count: u64) -> Result<(), String> {
    let mut reached = std::collections::BTreeSet::<ObjectRef>::new();
    while u64::try_from(reached.len()).unwrap_or(u64::MAX) < count {
        match seen.next().await {
            Some(WatchEvent::Applied(canary)) => {
                let now = canary.value().str_at(&["status", "phase"]);
                if now == Some(phase) {
                    reached.insert(canary.reference().clone());
                }
                if now == Some("Failed") {
                    return Err(format!("{} has failed", canary.reference()));
                }
            }
            Some(_) => {}
            None => return Err("the watch has ended".to_owned()),
        }
    }
    Ok(())
}

/// Pushes revisions one after the other; how soon each was noticed, in virtual
/// and in real milliseconds.
async fn notice(
    world: &World,
    seen: &mut WatchStream,
    pushes: u64,
) -> Result<Vec<(f64, f64)>, String> {
    let mut noticed = Vec::new();
    for number in 0..pushes {
        let (virtually, really) = (Instant::now(), std::time::Instant::now());
        push(world, number).await?;
        reach(seen, "Progressing", 1).await?;
        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        noticed.push((ms(virtually.elapsed()), ms(really.elapsed())));
    }
    reach(seen, "Succeeded", pushes).await?;
    sleep(SETTLING).await;
    Ok(noticed)
}

/// All others get a revision at once, and are promoted.
async fn run(world: &World, seen: &mut WatchStream, pushes: u64, count: u64) -> Result<(), String> {
    for number in pushes..count {
        push(world, number).await?;
    }
    reach(seen, "Succeeded", count - pushes).await
}

async fn push(world: &World, number: u64) -> Result<(), String> {
    let (deployment, patch) = objects::revision(number, 1);
    let options = WriteOptions::new("bench");
    let patched = world
        .person
        .patch(&deployment, &Patch::Merge(patch), &options)
        .await;
    patched.map(|_| ()).map_err(|error| error.to_string())
}

/// The middle and the worst.
fn spread(times: impl Iterator<Item = f64>) -> (f64, f64) {
    let times: Vec<f64> = times.collect();
    let worst = times.iter().copied().fold(0.0, f64::max);
    (median(times), worst)
}
