//! `cargo xtask bench converge`: the whole loop in one process, measured.
//!
//! The API server keeps its objects in memory, Git is served over HTTP from a
//! real bare repository, pushes are made by the real `git`. The API and the
//! controllers share the process, so processor time and memory are of both;
//! only `--alone` makes processes of their own of them.

mod alone;
mod chain;
mod fleet;
mod measure;
mod print;
mod world;

use std::path::PathBuf;
use tokio::process::Command;
use trueup_object::{Value, from_json};
use world::World;

/// How the benchmark is run.
#[derive(clap::Args)]
pub struct Options {
    /// Kustomizations; each number is measured in a process of its own
    #[arg(long, alias = "count", value_delimiter = ',', default_value = "100")]
    pub counts: Vec<usize>,
    /// Print JSON, one object for each number, instead of a table
    #[arg(long)]
    pub json: bool,
    /// Seconds at rest
    #[arg(long, default_value_t = 60)]
    pub rest_s: u64,
    /// Pushes
    #[arg(long, default_value_t = 5)]
    pub pushes: usize,
    /// Changes by hand
    #[arg(long, default_value_t = 100)]
    pub drifts: usize,
    /// Kustomizations in a chain of dependencies, with the first number; 0 for none
    #[arg(long, default_value_t = 50)]
    pub chain: usize,
    /// Also run `trueup controller` as a process of its own, for its memory
    #[arg(long)]
    pub alone: bool,
    /// The program for --alone [default: trueup of this workspace, built for it]
    #[arg(long, value_name = "FILE", requires = "alone")]
    pub program: Option<PathBuf>,
}

/// Runs all phases and prints what was measured.
pub async fn run(options: &Options) -> Result<(), String> {
    let figures = match options.counts.as_slice() {
        [count] => vec![measure(*count, options).await?],
        counts => {
            let mut all = Vec::with_capacity(counts.len());
            for (place, count) in counts.iter().enumerate() {
                let chain = if place == 0 { options.chain } else { 0 };
                all.push(apart(*count, chain, options).await?);
            }
            all
        }
    };
    print::print(&figures, options.json);
    Ok(())
}

/// Measures one number in this process.
async fn measure(count: usize, options: &Options) -> Result<Value, String> {
    let mut world = World::make(count).await?;
    let converge = measure::converge(&mut world, count).await?;
    let rest = measure::rest(&world, options.rest_s).await;
    let push = measure::push(&world, options.pushes, count).await?;
    let drift = measure::drift(&world, options.drifts, count).await?;
    let restart = measure::restart(&mut world, count).await?;
    world.controllers.kill();
    let chain = match options.chain {
        0 => None,
        length => Some(chain::chain(length).await?),
    };
    let alone = if options.alone {
        Some(alone::alone(count, options.program.as_deref()).await?)
    } else {
        None
    };
    Ok(print::json(&print::Figures {
        count,
        converge,
        rest,
        push,
        drift,
        restart,
        chain,
        alone,
    }))
}

/// Measures one number in a process of its own: the peak of memory is that of
/// a process since its start.
async fn apart(count: usize, chain: usize, options: &Options) -> Result<Value, String> {
    let program = std::env::current_exe().map_err(|error| format!("find this program: {error}"))?;
    let mut command = Command::new(program);
    command
        .args(["bench", "converge", "--json"])
        .args(["--counts", &count.to_string()])
        .args(["--rest-s", &options.rest_s.to_string()])
        .args(["--pushes", &options.pushes.to_string()])
        .args(["--drifts", &options.drifts.to_string()])
        .args(["--chain", &chain.to_string()]);
    if options.alone {
        command.arg("--alone");
    }
    if let Some(program) = &options.program {
        command.arg("--program").arg(program);
    }
    let output = command
        .stderr(std::process::Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("measure {count}: {error}"))?;
    if !output.status.success() {
        return Err(format!("measure {count}: {}", output.status));
    }
    from_json(output.stdout.trim_ascii()).map_err(|error| format!("measure {count}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_few_kustomizations_go_through_all_phases() {
        let options = Options {
            counts: vec![3],
            json: true,
            rest_s: 1,
            pushes: 2,
            drifts: 2,
            chain: 4,
            alone: false,
            program: None,
        };
        let figures = measure(3, &options).await.unwrap();
        let number = |path: &[&str]| figures.i64_at(path);
        assert_eq!(number(&["rest", "objectRequests"]), Some(0));
        assert_eq!(number(&["push", "renders"]), Some(1));
        assert_eq!(number(&["push", "requests", "apply"]), Some(1));
        assert_eq!(number(&["drift", "requests", "apply"]), Some(2));
        assert!(number(&["restart", "requests", "dry-run"]) <= Some(12));
        assert_eq!(number(&["restart", "requests", "apply"]), Some(0));
        assert_eq!(number(&["chain", "kustomizations"]), Some(4));
        let table = print::table(&[figures.clone(), figures]);
        assert!(table.contains("| all Ready |"), "{table}");
    }
}
