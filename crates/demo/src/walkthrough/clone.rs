//! A person's clone of `fleet`, worked on with the `git` on PATH.

use std::path::{Path, PathBuf};
use tokio::process::Command;

/// A clone and who commits in it.
pub struct Clone {
    folder: PathBuf,
}

impl Clone {
    /// Clones a repository into a new folder.
    pub async fn make(url: &str, folder: &Path) -> Result<Self, String> {
        let parent = folder.parent().unwrap_or(folder);
        let target = folder.display().to_string();
        git(parent, &["clone", "--quiet", url, &target]).await?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Replaces text in a file; the text must be there.
    pub fn edit(&self, file: &str, from: &str, to: &str) -> Result<(), String> {
        let path = self.folder.join(file);
        let text =
            std::fs::read_to_string(&path).map_err(|error| format!("read {file}: {error}"))?;
        if !text.contains(from) {
            return Err(format!("{file} does not hold {from:?}"));
        }
        std::fs::write(&path, text.replacen(from, to, 1))
            .map_err(|error| format!("write {file}: {error}"))
    }

    /// Removes a file.
    pub fn remove(&self, file: &str) -> Result<(), String> {
        std::fs::remove_file(self.folder.join(file))
            .map_err(|error| format!("remove {file}: {error}"))
    }

    /// Whether a file is there.
    pub fn has(&self, file: &str) -> bool {
        self.folder.join(file).is_file()
    }

    /// Commits everything, pushes, and returns the commit's id.
    pub async fn commit_and_push(&self, subject: &str) -> Result<String, String> {
        git(
            &self.folder,
            &["commit", "--quiet", "--all", "--message", subject],
        )
        .await?;
        self.push().await
    }

    /// Reverts the newest commit, pushes, and returns the new commit's id.
    pub async fn revert_and_push(&self) -> Result<String, String> {
        git(&self.folder, &["revert", "--no-edit", "HEAD"]).await?;
        self.push().await
    }

    /// The id of the newest commit.
    pub async fn head(&self) -> Result<String, String> {
        git(&self.folder, &["rev-parse", "HEAD"]).await
    }

    async fn push(&self) -> Result<String, String> {
        git(&self.folder, &["push", "--quiet", "origin", "HEAD"]).await?;
        self.head().await
    }
}

/// Runs `git` without the configuration of this machine's user, and returns
/// what it printed.
async fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=Ann Example",
            "-c",
            "user.email=ann@example.com",
            "-c",
            "commit.gpgSign=false",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("run git: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "git {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
