//! One run of `wrk`: one thread, 16 connections.

use super::target::Target;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::process::Command;

const CONNECTIONS: &str = "-c16";

/// What is asked for over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Reads of ConfigMaps that are there.
    Get,
    /// Server-side applies that change nothing.
    Apply,
    /// Creates of ConfigMaps.
    Create,
}

impl Kind {
    /// The word of `load.lua`.
    fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Apply => "apply",
            Self::Create => "create",
        }
    }
}

/// One run.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// What is asked for.
    pub kind: Kind,
    /// How long.
    pub seconds: u64,
    /// The number of the run among those of its kind.
    pub run: usize,
    /// How many objects are there to be read and applied.
    pub held: usize,
}

/// Whether `wrk` can be run.
pub fn is_here() -> bool {
    // It prints its version and fails.
    std::process::Command::new("wrk")
        .arg("--version")
        .output()
        .is_ok()
}

impl Load {
    /// Puts the load on a server; how many requests a second it answered.
    /// Fails if one was not answered, or with an error.
    pub async fn put_on(self, target: &Target) -> Result<f64, String> {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/wire/load.lua");
        let held = match self.kind {
            Kind::Create => 0,
            Kind::Get | Kind::Apply => self.held,
        };
        let output = Command::new("wrk")
            .args(["-t1", CONNECTIONS, &format!("-d{}s", self.seconds), "-s"])
            .arg(script)
            .args([&target.url, "--", self.kind.word(), &target.collection()])
            .args([held.to_string(), self.run.to_string()])
            .env("WRK_TOKEN", &target.token)
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(|error| format!("run wrk: {error}"))?;
        let printed = String::from_utf8_lossy(&output.stdout);
        rate(&printed).map_err(|problem| {
            let complained = String::from_utf8_lossy(&output.stderr);
            format!(
                "wrk against {}: {problem}: {printed}{complained}",
                target.url
            )
        })
    }
}

/// Requests a second in what `wrk` prints.
fn rate(printed: &str) -> Result<f64, &'static str> {
    if printed.contains("Non-2xx") {
        return Err("some answers were errors");
    }
    if printed.contains("Socket errors") {
        return Err("some requests were not answered");
    }
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"));
    line.and_then(|text| text.trim().parse().ok())
        .ok_or("no rate was printed")
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn a_rate_counts_only_where_all_was_answered() {
        assert_eq!(rate("a\nRequests/sec:   1200.50\n"), Ok(1200.5));
        assert!(rate("  Non-2xx or 3xx responses: 7\nRequests/sec: 9\n").is_err());
        assert!(rate("  Socket errors: connect 0, read 1\nRequests/sec: 9\n").is_err());
        assert!(rate("").is_err());
    }
}
