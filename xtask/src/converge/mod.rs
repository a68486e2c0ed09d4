//! `cargo xtask bench converge`: the whole loop in one process, measured.
//!
//! The API server keeps its objects in memory, Git is served over HTTP from a
//! real bare repository, pushes are made by the real `git`. The API and the
//! controllers share the process, so processor time and memory are of both.

mod fleet;
mod measure;
mod print;
mod world;

use world::World;

/// How the benchmark is run.
#[derive(clap::Args)]
pub struct Options {
    /// Kustomizations
    #[arg(long, default_value_t = 100)]
    pub count: usize,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub json: bool,
    /// Seconds at rest
    #[arg(long, default_value_t = 60)]
    pub rest_s: u64,
    /// Changes by hand
    #[arg(long, default_value_t = 100)]
    pub drifts: usize,
}

/// Runs all phases and prints what was measured.
pub async fn run(options: &Options) -> Result<(), String> {
    let mut world = World::make(options.count).await?;
    let converge = measure::converge(&mut world, options.count).await?;
    let rest = measure::rest(&world, options.rest_s).await;
    let push = measure::push(&world).await?;
    let drift = measure::drift(&world, options).await?;
    let restart = measure::restart(&mut world, options.count).await?;
    let figures = print::Figures {
        count: options.count,
        converge,
        rest,
        push,
        drift,
        restart,
    };
    print::print(&figures, options);
    Ok(())
}
