//! The demo as a process of its own, which can be killed without warning.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Lines of the demo's output that are shown when a step fails.
const LAST_LINES: usize = 12;

/// A running demo; dropping it kills it.
pub struct Demo {
    process: Child,
}

impl Demo {
    /// Starts `program demo --data-dir folder`, its output going to `output`.
    pub fn start(program: &Path, folder: &Path, output: &Path) -> Result<Self, String> {
        let file = |path: &Path| {
            std::fs::File::options()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|error| format!("open {}: {error}", path.display()))
        };
        let process = Command::new(program)
            .args(["demo", "--data-dir"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(file(output)?)
            .stderr(file(output)?)
            .spawn()
            .map_err(|error| format!("start {}: {error}", program.display()))?;
        Ok(Self { process })
    }

    /// Whether it still runs; an exit is told with its code.
    pub fn running(&mut self) -> Result<(), String> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(format!("the demo ended by itself: {status}")),
            Err(error) => Err(format!("ask for the demo's process: {error}")),
        }
    }

    /// Ends it at once, without a chance to tidy up (SIGKILL).
    pub fn kill(&mut self) -> Result<(), String> {
        self.process
            .kill()
            .and_then(|()| self.process.wait())
            .map(|_| ())
            .map_err(|error| format!("kill the demo: {error}"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _gone = self.kill();
    }
}

/// The last lines that the demo printed.
pub fn last_lines(output: &PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(output).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}
