//! Benchmarks that anyone can run: `cargo xtask bench converge`.

mod converge;
mod process;

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
}

#[derive(Subcommand)]
enum Bench {
    /// N Kustomizations of one GitRepository: from nothing to Ready, at rest, a push, drift, restart
    Converge(converge::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Task::Bench {
        bench: Bench::Converge(options),
    } = Arguments::parse().task;
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    match converge::run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench converge: {error}");
            ExitCode::FAILURE
        }
    }
}
