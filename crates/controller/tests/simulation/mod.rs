//! Seeded schedules: five Kustomizations that depend on each other, tenants,
//! two clusters, definitions that come late, managers that fight, two
//! instances of which one leads; pushes, changes by hand, faults and kills; on
//! one thread in virtual time. When it gets quiet every cluster is what Git
//! says, nothing foreign was touched, and nobody wrote what was not theirs to
//! write.
//!
//! `TRUEUP_SIMULATION_SCHEDULES` sets how many schedules run,
//! `TRUEUP_SIMULATION_FIRST` the seed of the first, `TRUEUP_SIMULATION_JOBS`
//! how many at once; `TRUEUP_SIMULATION_SEED` replays one and prints its
//! steps. `cargo xtask chaos` sets them all.

mod check;
mod fleet;
mod ground;
mod ledger;
mod order;
mod prompt;
mod schedule;
mod steps;
mod tally;

use schedule::Schedule;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tally::{Diary, Tally};
use trueup_testkit::virtual_time;

/// How many schedules run unless the environment says otherwise.
const SCHEDULES: u64 = 12;
/// The schedules that are played twice.
const REPLAYED: [u64; 3] = [3, 7, 42];

#[test]
fn at_quiet_every_cluster_is_what_git_says_whatever_happened() {
    let tally = match number("TRUEUP_SIMULATION_SEED") {
        Some(seed) => play(seed, Steps::Shown),
        None => play_all(
            number("TRUEUP_SIMULATION_FIRST").unwrap_or(0),
            number("TRUEUP_SIMULATION_SCHEDULES").unwrap_or(SCHEDULES),
        ),
    };
    println!("{tally}");
    let failed: Vec<&u64> = tally.violations.keys().collect();
    assert!(
        failed.is_empty(),
        "of {} schedules these failed: {failed:?}",
        tally.schedules
    );
}

#[test]
fn a_schedule_replays_from_its_seed() {
    for seed in REPLAYED {
        let (first, second) = (writes_of(seed), writes_of(seed));
        let differs = first.iter().zip(&second).position(|(a, b)| a != b);
        assert!(
            first == second,
            "schedule {seed} differs at write {differs:?} of {} and {}: {:?}",
            first.len(),
            second.len(),
            differs.map(|at| (&first[at], &second[at]))
        );
    }
}

/// What a schedule wrote, and what became of it, in the order of the clock: in
/// which order tasks go on that wake in one millisecond is nobody's promise.
fn writes_of(seed: u64) -> Vec<String> {
    virtual_time(async move {
        let schedule = Schedule::new(seed, Diary::default()).await.play().await;
        let writes = schedule.ground.ledger.writes();
        let mut writes: Vec<String> = writes.iter().map(ToString::to_string).collect();
        writes.sort();
        writes
    })
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Plays schedules of consecutive seeds, several at once.
fn play_all(first: u64, count: u64) -> Tally {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = number("TRUEUP_SIMULATION_JOBS").unwrap_or(cores as u64);
    let (next, all) = (AtomicU64::new(first), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let tally = play(seed, Steps::Kept);
                    all.lock().unwrap().add(tally);
                }
            });
        }
    });
    all.into_inner().unwrap()
}

/// Whether the steps of a schedule are printed where it does not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Steps {
    Kept,
    Shown,
}

/// Plays one schedule. If something does not hold, tells what, what happened
/// before, and how to see it again.
fn play(seed: u64, steps: Steps) -> Tally {
    let diary = Diary::default();
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| {
        virtual_time(play_and_check(seed, diary.clone()))
    }));
    let (mut tally, violations) = played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        let violation = format!("panicked: {}", text.unwrap_or_default());
        (Tally::default(), vec![violation])
    });
    tally.schedules = 1;
    if steps == Steps::Shown || !violations.is_empty() {
        println!("schedule {seed}:\n{}", diary.text());
    }
    if !violations.is_empty() {
        println!(
            "schedule {seed} failed:\n  {}\nreplay it with\n  cargo xtask chaos --seed \
             {seed}",
            violations.join("\n  ")
        );
        tally.violations.insert(seed, violations);
    }
    tally
}

async fn play_and_check(seed: u64, diary: Diary) -> (Tally, Vec<String>) {
    let schedule = Schedule::new(seed, diary.clone()).await.play().await;
    let schedule = schedule.check().await;
    if !schedule.violations.is_empty() {
        for line in schedule.ground.picture().await {
            diary.write(line);
        }
    }
    (schedule.tally, schedule.violations)
}
