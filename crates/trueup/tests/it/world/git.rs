//! The Git server of a test, and its clone.

use super::programs;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use trueup_gitserver::{Author, Commit, Credentials, FileChange, GitServer, Options, Push};

/// A repository with the same first commit that asks for [`CREDENTIALS`].
pub const PRIVATE_REPOSITORY: &str = "private";

/// User name and password of the private repository.
pub const CREDENTIALS: (&str, &str) = ("ada", "open-sesame");

pub struct GitHost {
    server: GitServer,
    address: SocketAddr,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl GitHost {
    /// Serves the repositories `fleet` and [`PRIVATE_REPOSITORY`].
    pub async fn start(root: &Path, files: Vec<FileChange>) -> Self {
        let (username, password) = CREDENTIALS;
        let credentials = Credentials::Basic {
            username: username.into(),
            password: password.into(),
        };
        let options = Options {
            credentials: HashMap::from([(PRIVATE_REPOSITORY.to_owned(), credentials)]),
            ..Options::default()
        };
        let server = GitServer::new(root, options).unwrap();
        let first = first_commit(files);
        for name in ["fleet", PRIVATE_REPOSITORY] {
            server.create(name, Some(&first)).await.unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut host = Self {
            server,
            address: listener.local_addr().unwrap(),
            running: None,
        };
        host.serve(listener);
        host
    }

    /// The address without a path.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address of a repository.
    pub fn url(&self, repository: &str) -> String {
        format!("{}/{repository}.git", self.base())
    }

    /// Every push from now on.
    pub fn pushes(&self) -> broadcast::Receiver<Push> {
        self.server.subscribe()
    }

    /// Nobody answers at the address any more.
    pub async fn go_away(&mut self) {
        if let Some((stop, serving)) = self.running.take() {
            stop.cancel();
            serving.await.unwrap();
        }
    }

    /// The server is back at its address.
    pub async fn come_back(&mut self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    fn serve(&mut self, listener: TcpListener) {
        let (server, stop) = (self.server.clone(), CancellationToken::new());
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move { server.serve(listener, stopped).await.unwrap() });
        self.running = Some((stop, serving));
    }
}

fn first_commit(changes: Vec<FileChange>) -> Commit {
    Commit {
        branch: "main".into(),
        changes,
        author: Author {
            name: "Ada".into(),
            email: "ada@example.com".into(),
        },
        time_seconds: 1_767_225_600,
        message: "First commit\n".into(),
    }
}

/// A clone, changed as a person would.
pub struct Checkout {
    pub folder: PathBuf,
}

impl Checkout {
    pub async fn make(url: &str, folder: &Path) -> Self {
        let parent = folder.parent().unwrap();
        git(parent, &["clone", "--quiet", url, folder.to_str().unwrap()]).await;
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Writes a file, with the folders to it.
    pub fn write(&self, path: &str, content: &str) {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Replaces a text that must be there.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.folder.join(path)).unwrap();
        assert!(text.contains(from), "{path} does not contain {from:?}");
        self.write(path, &text.replace(from, to));
    }

    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.folder.join(path)).unwrap();
    }

    /// A symbolic link.
    pub fn link(&self, path: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.folder.join(path)).unwrap();
    }

    /// Commits everything and pushes it to `main`; returns the commit.
    pub async fn push(&self, message: &str) -> String {
        self.push_to("main", message).await
    }

    /// Commits everything and pushes it to a branch; returns the commit.
    pub async fn push_to(&self, branch: &str, message: &str) -> String {
        git(&self.folder, &["add", "--all"]).await;
        git(
            &self.folder,
            &["commit", "--quiet", "--allow-empty", "--message", message],
        )
        .await;
        git(
            &self.folder,
            &["push", "--quiet", "origin", &format!("HEAD:{branch}")],
        )
        .await;
        self.head().await
    }

    /// `git revert` of the newest commit, pushed.
    pub async fn revert(&self) -> String {
        git(&self.folder, &["revert", "--no-edit", "HEAD"]).await;
        git(&self.folder, &["push", "--quiet", "origin", "HEAD:main"]).await;
        self.head().await
    }

    /// The newest commit.
    pub async fn head(&self) -> String {
        git(&self.folder, &["rev-parse", "HEAD"]).await
    }
}

/// Runs git with no configuration but its own; it must succeed.
async fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder);
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Ada")
            .env(format!("GIT_{role}_EMAIL"), "ada@example.com");
    }
    let answer = programs::run(&mut command, None).await;
    assert!(
        answer.success,
        "git {}: {}",
        arguments.join(" "),
        answer.err
    );
    answer.out.trim().to_owned()
}
