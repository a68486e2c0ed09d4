//! Upkeep that anyone can run: `cargo xtask bench converge`, `bench apiserver`,
//! `bench canaries` and `bench kustomize` measure, `cargo xtask transcripts` plays
//! recorded conversations with an API server, `cargo xtask chaos` plays seeded
//! schedules of faults, `cargo xtask e2e` plays canaries under real traffic.

mod canaries;
mod chaos;
mod converge;
mod e2e;
mod kubeconfig;
mod kustomize;
mod process;
mod program;
mod transcripts;
mod wire;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Upkeep of the project.
#[derive(Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure
    Bench {
        #[command(subcommand)]
        bench: Bench,
    },
    /// Play seeded schedules of pushes, faults and kills on the controllers in virtual time, and check what came of them
    Chaos(chaos::Options),
    /// Play all scenarios of canaries under real traffic, with real NGINX and Prometheus, and print what came of them
    E2e(e2e::Options),
    /// Play recorded conversations against a server over HTTPS and print where it agrees
    Transcripts(transcripts::Options),
}

#[derive(Subcommand)]
enum Bench {
    /// N Kustomizations of one GitRepository: from nothing to Ready, at rest, a push, drift, restart
    Converge(converge::Options),
    /// The API server over TLS under the load of wrk: gets, no-op applies, creates, memory
    Apiserver(wire::Options),
    /// N Canaries: made, at rest, analysed all at once, a revision noticed; memory
    Canaries(canaries::Options),
    /// The controllers that `canaries` measures
    #[command(hide = true)]
    CanaryControllers(canaries::ControllersOptions),
    /// Builds of kustomization roots beside the genuine engine: time, memory, output
    Kustomize(kustomize::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let task = Arguments::parse().task;
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    match task {
        Task::Bench { bench } => {
            let (name, result) = match &bench {
                Bench::Converge(options) => ("bench converge", converge::run(options).await),
                Bench::Apiserver(options) => ("bench apiserver", wire::run(options).await),
                Bench::Canaries(options) => ("bench canaries", canaries::run(options).await),
                Bench::CanaryControllers(options) => {
                    ("bench canary-controllers", canaries::control(options).await)
                }
                Bench::Kustomize(options) => ("bench kustomize", kustomize::run(options).await),
            };
            match result {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(name, &error),
            }
        }
        Task::Chaos(options) => match chaos::run(&options).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed("chaos", &error),
        },
        Task::E2e(options) => match e2e::run(&options).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed("e2e", &error),
        },
        Task::Transcripts(options) => match transcripts::run(&options).await {
            Ok(agreement) if agreement.is_good() => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => failed("transcripts", &error),
        },
    }
}

/// The middle of some figures; no number for none.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn failed(task: &str, error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{task}: {error}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_median_is_the_middle_of_the_sorted() {
        assert!((super::median(vec![9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!(super::median(Vec::new()).is_nan());
    }
}
