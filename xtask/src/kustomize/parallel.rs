//! Builds on several threads at once.

use super::cases::Case;
use super::engine;
use crate::process::thread_cpu_s;
use std::time::{Duration, Instant};

/// The case that is built.
const CASE: &str = "overlay of ten";

/// What threads did in a while.
struct Rate {
    builds_per_s: f64,
    builds_per_cpu_s: f64,
}

/// Builds one case on 1 to N threads, N being the cores there are, and prints
/// the rates. Where other work takes the cores, builds a second of processor
/// time tell whether threads are in each other's way.
pub fn run(cases: &[Case], seconds: f64) -> Result<(), String> {
    let Some(case) = cases.iter().find(|case| case.name == CASE) else {
        return Err(format!("there is no case {CASE:?}"));
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "\n| {CASE}, threads | builds/s | builds per second of processor time |\n|--:|--:|--:|"
    );
    for threads in 1..=cores {
        let rate = on_threads(case, threads, seconds)?;
        println!(
            "| {threads} | {:.0} | {:.0} |",
            rate.builds_per_s, rate.builds_per_cpu_s
        );
    }
    Ok(())
}

fn on_threads(case: &Case, threads: usize, seconds: f64) -> Result<Rate, String> {
    let limit = Duration::from_secs_f64(seconds);
    let start = Instant::now();
    let done: Vec<Result<(f64, f64), String>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| build_until(case, start, limit)))
            .collect();
        let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined
            .map(|it| it.unwrap_or_else(|_| Err("a thread panicked".to_owned())))
            .collect()
    });
    let wall_s = start.elapsed().as_secs_f64();
    let (mut builds, mut cpu_s) = (0.0, 0.0);
    for thread in done {
        let (of_thread, cpu_of_thread_s) = thread?;
        builds += of_thread;
        cpu_s += cpu_of_thread_s;
    }
    Ok(Rate {
        builds_per_s: builds / wall_s,
        builds_per_cpu_s: builds / cpu_s,
    })
}

/// How often a thread built the case, and the processor time that it took.
fn build_until(case: &Case, start: Instant, limit: Duration) -> Result<(f64, f64), String> {
    let before_s = thread_cpu_s();
    let mut builds = 0.0;
    while start.elapsed() < limit {
        std::hint::black_box(engine::once(case)?);
        builds += 1.0;
    }
    Ok((builds, thread_cpu_s() - before_s))
}
