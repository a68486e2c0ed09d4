//! A running server in a folder of its own, and git as a client.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;
use trueup_gitserver::{Author, Commit, FileChange, GitServer, Options};

pub const TIME_SECONDS: i64 = 1_767_225_600;

pub struct Fixture {
    pub server: GitServer,
    pub address: SocketAddr,
    pub folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

pub fn author() -> Author {
    Author {
        name: "Ada".to_owned(),
        email: "ada@example.com".to_owned(),
    }
}

pub fn commit(changes: Vec<FileChange>, message: &str) -> Commit {
    Commit {
        branch: "main".to_owned(),
        changes,
        author: author(),
        time_seconds: TIME_SECONDS,
        message: message.to_owned(),
    }
}

impl Fixture {
    /// A server with the repository `fleet`, which holds `app.yaml`.
    pub async fn start(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = GitServer::new(folder.path().join("repositories"), options).unwrap();
        let first = commit(vec![FileChange::write("app.yaml", "a: 1\n")], "first\n");
        server.create("fleet", Some(&first)).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = server.clone();
        let task = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            serving.serve(listener, shutdown).await.unwrap();
        });
        Self {
            server,
            address,
            folder,
            stop: Some(stop),
            task,
        }
    }

    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        (&mut self.task).await.unwrap();
    }

    pub fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}", self.address)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Clones `fleet` into the folder `name`.
    pub async fn clone_to(&self, name: &str) -> PathBuf {
        let to = self.path(name);
        good(
            self.folder.path(),
            &[
                "clone",
                "--quiet",
                &self.url("fleet.git"),
                to.to_str().unwrap(),
            ],
        )
        .await;
        to
    }
}

/// Runs git as a client with a configuration of its own.
pub async fn git(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null());
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    for (key, value) in [("AUTHOR", "Ada"), ("COMMITTER", "Ada")] {
        command
            .env(format!("GIT_{key}_NAME"), value)
            .env(format!("GIT_{key}_EMAIL"), "ada@example.com");
    }
    command
        .env_remove("http_proxy")
        .env_remove("HTTP_PROXY")
        .env("no_proxy", "*");
    command.kill_on_drop(true).output().await.unwrap()
}

/// Runs git, which must succeed, and returns what it printed.
pub async fn good(folder: &Path, arguments: &[&str]) -> String {
    let output = git(folder, arguments).await;
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs git, which must fail, and returns what it complained.
pub async fn bad(folder: &Path, arguments: &[&str]) -> String {
    let output = git(folder, arguments).await;
    assert!(!output.status.success(), "git {arguments:?} should fail");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Writes a file, commits it and returns the commit's id.
pub async fn change(clone: &Path, file: &str, content: impl AsRef<[u8]>) -> String {
    std::fs::write(clone.join(file), content).unwrap();
    good(clone, &["add", file]).await;
    good(clone, &["commit", "--quiet", "--message", "change"]).await;
    good(clone, &["rev-parse", "HEAD"]).await
}
