//! Runs git in an environment of our own.

use crate::GitServerError;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Settings that hold whatever the repository's own configuration says.
///
/// Hooks are looked for in a place that holds none. Upkeep runs in the
/// foreground so that no process outlives its request. Our root belongs to
/// us even where the folders have another owner, as in mounted volumes.
const SETTINGS: [&str; 6] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "safe.directory=*",
    "uploadpack.allowFilter=true",
];

/// Where git is, and how it is started.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    program: PathBuf,
}

impl Git {
    /// The program at a path, or of a name that is looked for in the folders of
    /// `PATH` once, now. A program that is not found there is reported when it is
    /// to be started.
    pub fn new(program: &Path) -> Self {
        Self {
            program: in_path(program).unwrap_or_else(|| program.to_owned()),
        }
    }

    /// A command that knows nothing of the user's environment but `PATH`.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C");
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        command.kill_on_drop(true);
        command
    }

    /// Runs a command in a repository to its end and returns its output.
    pub async fn run(
        &self,
        folder: &Path,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Vec<u8>, GitServerError> {
        let mut command = self.command();
        command.arg("--git-dir").arg(folder).args(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|source| GitServerError::Start { source })?;
        let stdin = child.stdin.take();
        let write = async move {
            if let Some(mut stdin) = stdin {
                // Git that gives up early closes the pipe; its exit tells why.
                let _ = stdin.write_all(input).await;
                let _ = stdin.shutdown().await;
            }
        };
        let (output, ()) = tokio::join!(child.wait_with_output(), write);
        let output = output.map_err(|source| GitServerError::Start { source })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(GitServerError::Git {
            operation: arguments.first().copied().unwrap_or_default().to_owned(),
            path: folder.to_owned(),
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }
}

/// Starting a bare name with a `PATH` of its own makes the standard library
/// fork, which copies the page tables of the whole process each time.
fn in_path(program: &Path) -> Option<PathBuf> {
    if program.components().count() != 1 {
        return None;
    }
    let folders = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&folders).map(|folder| folder.join(program));
    places.find(|place| place.is_absolute() && place.is_file())
}
