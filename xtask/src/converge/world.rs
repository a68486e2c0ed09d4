//! API server, Git server, clone and controllers of the benchmark.

use super::fleet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::{ApiServer, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{Cluster, ClusterKey, ClusterOptions, Form, Session, WriteOptions};
use trueup_controller::{Controller, ControllerHandle, ControllerOptions};
use trueup_gitserver::{Author, Commit, FileChange, GitServer};
use trueup_kinds::definitions;
use trueup_object::{ObjectRef, Value, value};
use trueup_source::{ArtifactStore, ArtifactStoreOptions, GitFetcher, GitFetcherOptions};
use trueup_workloads::WorkloadsOptions;

/// Everything that runs.
pub struct World {
    folder: TempDir,
    server: ApiServer,
    git: GitServer,
    url: String,
    /// The person who looks and changes; its requests are not counted.
    pub person: Session,
    /// The cluster as the controllers see it; counts their requests.
    pub cluster: Cluster,
    /// The controllers.
    pub controllers: ControllerHandle,
}

impl World {
    /// Starts the servers, makes the repository and the clone, and starts the
    /// controllers on a cluster that holds no Flux object yet.
    pub async fn make(count: usize) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(text)?;
        let server = ApiServer::open(MemoryStorage, ServerOptions::default()).map_err(text)?;
        let house = server.clone();
        tokio::spawn(async move { house.keep_house().await });
        let (git, url) = serve_git(&folder.path().join("git"), count).await?;
        let workloads = WorkloadsOptions {
            ready_delay: Duration::ZERO,
            ..WorkloadsOptions::default()
        };
        tokio::spawn(trueup_workloads::run(connect(&server).session(), workloads));
        let person = connect(&server).session();
        prepare(&person).await?;
        clone(&url, &folder.path().join("clone"))?;
        let cluster = connect(&server);
        let controllers = start(&cluster, folder.path()).await?;
        follow_pushes(&git, &controllers, &url);
        Ok(Self {
            folder,
            server,
            git,
            url,
            person,
            cluster,
            controllers,
        })
    }

    /// Ends the controllers as a crash would, and starts new ones on the same
    /// cluster and files.
    pub async fn restart(&mut self) -> Result<(), String> {
        self.controllers.kill();
        self.cluster = connect(&self.server);
        self.controllers = start(&self.cluster, self.folder.path()).await?;
        follow_pushes(&self.git, &self.controllers, &self.url);
        Ok(())
    }

    /// The address of the repository.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Changes one file, commits, pushes; returns when `git push` has.
    pub fn push(&self, path: &str, content: &str) -> Result<String, String> {
        let clone = self.folder.path().join("clone");
        std::fs::write(clone.join(path), content).map_err(text)?;
        git(
            &clone,
            &[
                "commit",
                "--quiet",
                "--all",
                "--message",
                "Change one folder",
            ],
        )?;
        git(&clone, &["push", "--quiet", "origin", "HEAD:main"])?;
        git(&clone, &["rev-parse", "HEAD"])
    }

    /// An object as it is now.
    pub async fn live(&self, object: &ObjectRef) -> Result<Value, String> {
        Ok(self
            .person
            .get(object, Form::Full)
            .await
            .map_err(text)?
            .value()
            .clone())
    }
}

fn connect(server: &ApiServer) -> Cluster {
    let service = server.service(Identity::admin());
    Cluster::from_service(ClusterKey::local(), service, ClusterOptions::in_process())
}

/// Serves the repository of so many folders; its address.
pub async fn serve_git(root: &Path, count: usize) -> Result<(GitServer, String), String> {
    let server = GitServer::new(root, trueup_gitserver::Options::default()).map_err(text)?;
    let changes = fleet::files(count)
        .into_iter()
        .map(|(path, content)| FileChange::write(path, content))
        .collect();
    let first = Commit {
        branch: "main".into(),
        changes,
        author: Author {
            name: "Bench".into(),
            email: "bench@example.com".into(),
        },
        time_seconds: 1_767_225_600,
        message: "Initial commit\n".into(),
    };
    server
        .create(fleet::REPOSITORY, Some(&first))
        .await
        .map_err(text)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let serving = server.clone();
    tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
    Ok((
        server,
        format!("http://{address}/{}.git", fleet::REPOSITORY),
    ))
}

/// Makes the definitions and the namespace.
pub async fn prepare(person: &Session) -> Result<(), String> {
    let options = WriteOptions::new("bench");
    for definition in definitions() {
        person.create(&definition, &options).await.map_err(text)?;
    }
    let namespace =
        value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": (fleet::NAMESPACE)}});
    person.create(&namespace, &options).await.map_err(text)?;
    Ok(())
}

async fn start(cluster: &Cluster, folder: &Path) -> Result<ControllerHandle, String> {
    let fetcher = Arc::new(
        GitFetcher::open(GitFetcherOptions {
            root: folder.join("mirrors"),
        })
        .map_err(text)?,
    );
    let store = ArtifactStore::open(ArtifactStoreOptions {
        trees: Some(fetcher.clone()),
        ..ArtifactStoreOptions::new(folder.join("artifacts"), "127.0.0.1:9090")
    })
    .map_err(text)?;
    let handle = Controller::start(ControllerOptions::new(
        cluster.session(),
        fetcher,
        Arc::new(store),
    ));
    handle.wait_until_ready().await;
    Ok(handle)
}

fn follow_pushes(git: &GitServer, controllers: &ControllerHandle, url: &str) {
    let (mut pushes, handle, url) = (git.subscribe(), controllers.clone(), url.to_owned());
    tokio::spawn(async move {
        while pushes.recv().await.is_ok() {
            handle.notify_push(&url);
        }
    });
}

fn clone(url: &str, folder: &Path) -> Result<(), String> {
    let parent = folder.parent().unwrap_or(folder);
    // The server runs on this runtime's other threads.
    tokio::task::block_in_place(|| {
        git(
            parent,
            &["clone", "--quiet", url, &folder.display().to_string()],
        )
    })
    .map(|_| ())
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=Bench",
            "-c",
            "user.email=bench@example.com",
            "-c",
            "commit.gpgSign=false",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .map_err(|error| format!("run git: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "git {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// How often a measured state is looked for.
pub const LOOK_INTERVAL: Duration = Duration::from_millis(1);
