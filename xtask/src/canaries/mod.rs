//! `cargo xtask bench canaries`: many Canaries on NGINX, initialized, at rest,
//! and analysed all at once.
//!
//! Requests are counted in virtual time, with everything in one process and on
//! one thread whose clock jumps. Memory, and how soon a revision is noticed, are
//! measured in real time, with the controllers as a process of their own.

mod alone;
mod cluster;
mod figures;
mod objects;
mod print;
mod prometheus;
mod simulated;
mod standing;

pub use alone::{ControllersOptions, control};

use figures::{Figures, Simulated};
use objects::Fleet;
use trueup_testkit::virtual_time;

/// How the benchmark is run.
#[derive(clap::Args)]
pub struct Options {
    /// Canaries
    #[arg(long, alias = "count", value_delimiter = ',', default_value = "10,100,1000", value_parser = clap::value_parser!(u64).range(1..))]
    counts: Vec<u64>,
    /// Canaries in a namespace
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    per_namespace: u64,
    /// Minutes of virtual time at rest
    #[arg(long, default_value_t = 60)]
    rest_min: u64,
    /// Revisions that are given one by one, to see how soon each is noticed
    #[arg(long, default_value_t = 30)]
    revisions: u64,
}

/// Measures, and prints a table.
pub async fn run(options: &Options) -> Result<(), String> {
    let mut all = Vec::with_capacity(options.counts.len());
    for count in &options.counts {
        let fleet = Fleet {
            count: *count,
            per_namespace: options.per_namespace,
        };
        all.push(Figures {
            count: fleet.count,
            simulated: simulate(fleet, options.rest_min).await?,
            alone: alone::measure(fleet, options.revisions).await?,
        });
    }
    print!("{}", print::table(&all));
    Ok(())
}

/// On a thread of its own: the clock of this one's runtime is the real one.
async fn simulate(fleet: Fleet, rest_min: u64) -> Result<Simulated, String> {
    let measured = tokio::task::spawn_blocking(move || {
        std::thread::spawn(move || virtual_time(simulated::measure(fleet, rest_min))).join()
    });
    let measured = measured.await.map_err(|error| error.to_string())?;
    measured.map_err(|_| "the measurement panicked".to_owned())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_canaries_rest_without_requests_and_are_promoted() {
        let fleet = Fleet {
            count: 3,
            per_namespace: 2,
        };
        let found = virtual_time(simulated::measure(fleet, 2)).unwrap();
        let rest = &found.rest.requests;
        assert_eq!((rest.writes(), rest.reads()), (0, 0), "{rest:?}");
        assert_eq!(found.rest_ticks, 6);
        assert_eq!(found.steps, 15);
        // Two of three have metrics, two of them each.
        assert_eq!(found.analysis.questions, 20);
        assert!(found.run.took_s > 590.0, "{:?}", found.run);
    }
}
