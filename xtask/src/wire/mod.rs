//! `cargo xtask bench apiserver`: the server over TLS under the load of `wrk`,
//! and another server beside it in the same run.

mod load;
mod print;
mod target;

use load::{Kind, Load};
use print::Row;
use std::path::PathBuf;
use target::Target;

/// How many ConfigMaps are read and applied in turn.
const HELD: usize = 1000;

/// How the benchmark is run.
#[derive(clap::Args)]
pub struct Options {
    /// Measure the server of this kubeconfig as well
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// A process of that server, for its memory (may be given several times)
    #[arg(long, value_name = "PID")]
    pub against_pid: Vec<u32>,
    /// Seconds of one run
    #[arg(long, default_value_t = 4)]
    pub seconds: u64,
    /// Runs of each kind, of which the median is told
    #[arg(long, default_value_t = 5)]
    pub runs: usize,
}

/// Runs all kinds of load against both servers, in turns, and prints the
/// medians.
pub async fn run(options: &Options) -> Result<(), String> {
    if !load::is_here() {
        println!("skipped: bench apiserver: no wrk on PATH");
        return Ok(());
    }
    let mut targets = vec![Target::start().await?];
    if let Some(kubeconfig) = &options.against {
        targets.push(Target::outside(kubeconfig, &options.against_pid).await?);
    }
    let memory_at_0 = targets.iter().map(Target::resident_mib).collect();
    for target in &targets {
        target.hold(HELD).await?;
    }
    let mut rows = vec![Row::memory("resident with no objects", memory_at_0)];
    let memory = targets.iter().map(Target::resident_mib).collect();
    rows.push(Row::memory("resident with 1,000 ConfigMaps", memory));
    for kind in [Kind::Get, Kind::Apply, Kind::Create] {
        rows.push(measure(kind, options, &targets).await?);
    }
    let memory = targets.iter().map(Target::resident_mib).collect();
    rows.push(Row::memory("resident at the end", memory));
    for target in targets {
        target.end().await?;
    }
    print::print(&rows, options);
    Ok(())
}

async fn measure(kind: Kind, options: &Options, targets: &[Target]) -> Result<Row, String> {
    let mut figures = vec![Vec::new(); targets.len()];
    for run in 0..options.runs {
        for (target, figures) in targets.iter().zip(&mut figures) {
            let load = Load {
                kind,
                seconds: options.seconds,
                run,
                held: HELD,
            };
            figures.push(load.put_on(target).await?);
        }
    }
    let medians = figures.into_iter().map(crate::median).collect();
    Ok(Row::rate(kind, medians))
}
