//! `cargo xtask bench kustomize`: builds of roots, in this process and as a
//! process of their own, beside the genuine engine where it is at hand.
//!
//! Every figure of one table is of one run. Ratios are of processor time, which
//! other work on the machine disturbs least.

mod cases;
#[path = "../../../crates/kustomize/benches/build/corpus.rs"]
mod corpus;
mod engine;
mod memory;
mod parallel;
mod print;
mod programs;

use cases::Case;
use print::Row;
use std::path::PathBuf;

/// How the benchmark is run.
#[derive(clap::Args)]
pub struct Options {
    /// Folder with public repositories as OWNER+NAME, whose roots are built too
    #[arg(long, value_name = "DIR")]
    pub roots: Option<PathBuf>,
    /// The list of those roots and what the genuine engine took for each
    #[arg(
        long,
        value_name = "FILE",
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/kustomize/roots.jsonl.gz")
    )]
    pub recorded: PathBuf,
    /// Seconds of processor time for which each case is built in this process
    #[arg(long, default_value_t = 0.2)]
    pub seconds: f64,
    /// Seconds of processor time that each program gets for each case
    #[arg(long, default_value_t = 0.2)]
    pub program_seconds: f64,
    /// Print every root, not only the corpus and the totals
    #[arg(long)]
    pub all: bool,
    /// Build this root once and print what that took: for the benchmark itself
    #[arg(long, hide = true, num_args = 2, value_names = ["DIR", "PATH"])]
    pub once: Option<Vec<String>>,
}

/// Builds everything, measures and prints.
pub async fn run(options: &Options) -> Result<(), String> {
    if let Some([folder, path]) = options.once.as_deref() {
        return memory::build_and_tell(folder, path);
    }
    let home = tempfile::tempdir().map_err(|error| format!("make a folder: {error}"))?;
    let mut cases = cases::generated(home.path())?;
    if let Some(roots) = &options.roots {
        cases.extend(cases::recorded(roots, &options.recorded)?);
    }
    let programs = programs::Programs::find().await?;
    let rows = cases
        .iter()
        .map(|case| measure(case, options, &programs))
        .collect::<Result<Vec<_>, _>>()?;
    print::print(&rows, options, &programs);
    parallel::run(&cases, options.seconds)
}

fn measure(case: &Case, options: &Options, programs: &programs::Programs) -> Result<Row, String> {
    Ok(Row {
        name: case.name.clone(),
        is_public: case.is_public,
        genuine_us: case.genuine_us,
        built: engine::measure(case, options.seconds)?,
        in_memory: engine::measure_in_memory(case, options.seconds)?,
        memory: memory::measure(case)?,
        programs: programs.measure(case, options.program_seconds)?,
    })
}
