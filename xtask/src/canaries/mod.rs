//! `cargo xtask bench canaries`: many Canaries in virtual time.
//!
//! The API server, whoever plays the controllers of Deployments and endpoints,
//! the metrics and Trueup's controllers are one process, on one thread whose
//! clock jumps: hours of rest pass in moments. Requests are those of Trueup's
//! controllers; processor time and memory are of all of them.

mod cluster;
mod measure;
mod objects;
mod print;

use trueup_testkit::virtual_time;

/// How the benchmark is run.
#[derive(clap::Args)]
pub struct Options {
    /// Canaries
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Minutes of rest
    #[arg(long, default_value_t = 60)]
    rest_min: u64,
    /// Revisions that are pushed one by one, to see how soon each is noticed
    #[arg(long, default_value_t = 50)]
    pushes: u64,
}

/// Measures, and prints a table.
pub async fn run(options: &Options) -> Result<(), String> {
    let (count, pushes) = (options.count, options.pushes.min(options.count));
    let rest_min = options.rest_min;
    // A runtime of its own: this one's clock is the real one.
    let measured = tokio::task::spawn_blocking(move || {
        std::thread::spawn(move || virtual_time(measure::all(count, rest_min, pushes))).join()
    });
    let measured = measured
        .await
        .map_err(|error| error.to_string())?
        .map_err(|_| "the measurement panicked".to_owned())??;
    print!("{}", print::table(&measured));
    Ok(())
}
