//! Seeded schedules of the controllers, many of them: the test `simulation`
//! of the crate `controller`, in release.

use std::path::PathBuf;
use tokio::process::Command;

/// The test that plays schedules and prints the summary.
const TEST: &str = "tests::simulation::at_quiet_every_cluster_is_what_git_says_whatever_happened";

/// What is played.
#[derive(clap::Args)]
pub struct Options {
    /// How many schedules are played
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    schedules: u64,
    /// The seed of the first schedule; the others follow
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Play this one alone, and print its steps
    #[arg(long, conflicts_with_all = ["schedules", "first"])]
    seed: Option<u64>,
    /// How many are played at once; as many as there are cores if not given
    #[arg(long)]
    jobs: Option<u64>,
}

impl Options {
    /// What the test is told, by the environment.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = match self.seed {
            Some(seed) => vec![("TRUEUP_SIMULATION_SEED", seed.to_string())],
            None => vec![
                ("TRUEUP_SIMULATION_SCHEDULES", self.schedules.to_string()),
                ("TRUEUP_SIMULATION_FIRST", self.first.to_string()),
            ],
        };
        variables.extend(
            self.jobs
                .map(|jobs| ("TRUEUP_SIMULATION_JOBS", jobs.to_string())),
        );
        variables
    }
}

/// Builds the test and runs it; prints what it prints.
pub async fn run(options: &Options) -> Result<(), String> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["test", "--release", "--locked", "--quiet"])
        .args(["--package", "trueup-controller", "--lib"])
        .args(["--", "--exact", TEST, "--nocapture"])
        .current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."))
        // The steps of a schedule that fails say more than a stack.
        .env("RUST_BACKTRACE", "0");
    for name in ["SCHEDULES", "FIRST", "SEED", "JOBS"] {
        command.env_remove(format!("TRUEUP_SIMULATION_{name}"));
    }
    command.envs(options.variables());
    let ended = command
        .status()
        .await
        .map_err(|error| format!("run cargo test: {error}"))?;
    if ended.success() {
        Ok(())
    } else {
        Err("not all schedules came to a good end, see above".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cargo test` ends well where no test has the name.
    #[test]
    fn the_test_that_is_run_is_there() {
        let source = include_str!("../../crates/controller/tests/simulation/mod.rs");
        let name = TEST.rsplit("::").next().unwrap();
        assert!(source.contains(&format!("fn {name}()")));
    }

    #[test]
    fn one_seed_replays_one_schedule() {
        let options = |seed| Options {
            schedules: 5,
            first: 7,
            seed,
            jobs: Some(2),
        };
        let names = |options: Options| {
            let variables = options.variables();
            let texts = variables
                .iter()
                .map(|(name, text)| format!("{name}={text}"));
            texts.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            names(options(None)),
            "TRUEUP_SIMULATION_SCHEDULES=5 TRUEUP_SIMULATION_FIRST=7 TRUEUP_SIMULATION_JOBS=2"
        );
        assert_eq!(
            names(options(Some(3))),
            "TRUEUP_SIMULATION_SEED=3 TRUEUP_SIMULATION_JOBS=2"
        );
    }
}
