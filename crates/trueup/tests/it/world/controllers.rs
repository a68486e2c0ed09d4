//! The controllers, in this process.

use super::git::GitHost;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use trueup_cluster::{Cluster, CounterSnapshot, keep_discovery_fresh};
use trueup_controller::{Controller, ControllerHandle, ControllerOptions, ExternalArtifacts};
use trueup_source::{
    ArtifactStore, ArtifactStoreOptions, GitFetcher, GitFetcherOptions, WebFetcher,
};

/// The shortest interval of a Canary's analysis.
const CANARY_INTERVAL: Duration = Duration::from_secs(1);

pub struct Controllers {
    handle: ControllerHandle,
    cluster: Cluster,
    discovery: JoinHandle<()>,
}

impl Controllers {
    /// Starts them for one namespace, on the files below a folder.
    pub async fn start(cluster: Cluster, folder: &Path, namespace: &str, git: &GitHost) -> Self {
        let fetcher = Arc::new(
            GitFetcher::open(GitFetcherOptions {
                root: folder.join("mirrors"),
            })
            .unwrap(),
        );
        let store = ArtifactStore::open(ArtifactStoreOptions {
            trees: Some(fetcher.clone()),
            ..ArtifactStoreOptions::new(folder.join("artifacts"), "artifacts.example.com")
        });
        let mut options =
            ControllerOptions::new(cluster.session(), fetcher, Arc::new(store.unwrap()));
        options.namespaces = vec![namespace.into()];
        let web = WebFetcher::of_artifacts().unwrap();
        options.canaries.least_interval = CANARY_INTERVAL;
        options.external_artifacts = ExternalArtifacts::Allowed(Arc::new(web));
        let handle = Controller::start(options);
        handle.wait_until_ready().await;
        follow_pushes(git, &handle);
        let discovery = tokio::spawn(keep_discovery_fresh(cluster.clone()));
        Self {
            handle,
            cluster,
            discovery,
        }
    }

    pub fn kill(&self) {
        self.handle.kill();
        self.discovery.abort();
    }

    /// The requests that they made so far.
    pub fn requests(&self) -> CounterSnapshot {
        self.cluster.counters()
    }

    /// How many builds were made anew, of all Kustomizations.
    pub fn renders(&self) -> u64 {
        let text = self.handle.metrics_text();
        let misses = text
            .lines()
            .filter(|line| line.starts_with("gotk_cache_events") && line.contains("cache_miss"));
        misses
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }
}

fn follow_pushes(git: &GitHost, controllers: &ControllerHandle) {
    let (mut pushes, handle, host) = (git.pushes(), controllers.clone(), git.base());
    tokio::spawn(async move {
        while let Ok(push) = pushes.recv().await {
            handle.notify_push(&format!("{host}/{}.git", push.repository));
        }
    });
}
