//! Canaries under real traffic, all scenarios: the test `traffic` of the crate
//! `trueup`, in release, and a table of what came of it.

use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// What a scenario that was played says of itself begins so.
const PLAYED: &str = "traffic: ";
/// What one says that could not be played.
const SKIPPED: &str = "skipped: traffic ";
/// What the columns between the bars of such a line are.
const HEAD: &str = "\
| scenario | requests | weight: the canary's share in % of requests | lost | duration |
|---|---|---|---|---|";

/// Which scenarios are played.
#[derive(clap::Args)]
pub struct Options {
    /// Play only scenarios whose test has this in its name
    filter: Option<String>,
}

/// Plays them, and prints the table.
pub async fn run(options: &Options) -> Result<(), String> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["test", "--release", "--locked", "--quiet"])
        .args(["--workspace", "--test", "traffic", "--"])
        .args(&options.filter)
        .args(["--include-ignored", "--show-output"])
        .current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stdout(Stdio::piped());
    let failed = |error: std::io::Error| format!("run cargo test: {error}");
    let mut child = command.spawn().map_err(failed)?;
    let mut lines = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut reader = BufReader::new(stdout).lines();
        while let Some(line) = reader.next_line().await.map_err(failed)? {
            println!("{line}");
            lines.push(line);
        }
    }
    let ended = child.wait().await.map_err(failed)?;
    println!("\n{}", table(&lines));
    if !ended.success() {
        return Err("not all scenarios came to a good end, see above".to_owned());
    }
    if !lines.iter().any(|line| line.starts_with(PLAYED)) {
        return Err("no scenario was played, see above".to_owned());
    }
    Ok(())
}

/// The scenarios as a table, and the names of those that could not be played.
fn table(lines: &[String]) -> String {
    let of = |start: &'static str| {
        lines
            .iter()
            .filter_map(move |line| line.strip_prefix(start))
    };
    let mut rows: Vec<String> = of(PLAYED).map(|row| format!("| {row} |")).collect();
    rows.sort();
    rows.insert(0, HEAD.to_owned());
    rows.extend(of(SKIPPED).map(|why| format!("not played: {why}")));
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_played_is_a_table_and_what_was_not_is_named() {
        let lines = [
            "running 2 tests",
            "traffic: promotion | 900 | 20: 19.9 of 450 | 0 | 31 s",
            "skipped: traffic rollback on errors: nginx is not installed",
        ]
        .map(str::to_owned);
        let expected = format!(
            "{HEAD}\n| promotion | 900 | 20: 19.9 of 450 | 0 | 31 s |\n\
             not played: rollback on errors: nginx is not installed"
        );
        assert_eq!(table(&lines), expected);
    }
}
