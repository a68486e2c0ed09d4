//! Renders that take long, on real threads and in real time.

use super::world::{World, map};
use bytes::Bytes;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use trueup_artifact::{Entry, FileTree, TreeError, TreePath};
use trueup_controller::Rendering;
use trueup_controller::machine::CONCURRENCY;
use trueup_object::{Value, value};
use trueup_source::{BoxFuture, FetchError, FetchOutcome, GitFetch, GitRequest, MirrorKey};

/// Where reading waits while it is closed.
#[derive(Debug, Default)]
struct Gate {
    closed: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set_closed(&self, closed: bool) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = closed;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = self.changed.wait_while(closed, |closed| *closed);
        drop(passed.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Closes a gate, and opens it at the end of a test however that comes.
struct Closed(Arc<Gate>);

impl Closed {
    fn now(gate: &Arc<Gate>) -> Self {
        gate.set_closed(true);
        Self(Arc::clone(gate))
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.set_closed(false);
    }
}

/// Git whose files below `slow` are read slowly.
#[derive(Debug)]
struct SlowGit {
    git: Arc<dyn GitFetch>,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct SlowTree {
    tree: Arc<dyn FileTree>,
    gate: Arc<Gate>,
}

impl FileTree for SlowTree {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.tree.list(path)
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        if path.segments().next() == Some("slow") {
            self.gate.pass();
        }
        self.tree.read(path)
    }
}

impl GitFetch for SlowGit {
    fn fetch<'a>(
        &'a self,
        request: &'a GitRequest,
    ) -> BoxFuture<'a, Result<FetchOutcome, FetchError>> {
        Box::pin(async move {
            let mut outcome = self.git.fetch(request).await?;
            if let FetchOutcome::Fetched(fetched) = &mut outcome {
                fetched.tree = Arc::new(SlowTree {
                    tree: Arc::clone(&fetched.tree),
                    gate: Arc::clone(&self.gate),
                });
            }
            Ok(outcome)
        })
    }

    fn retain<'a>(&'a self, in_use: &'a [MirrorKey]) -> BoxFuture<'a, ()> {
        self.git.retain(in_use)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_whose_renders_never_end_holds_no_other_up() {
    let gate = Arc::new(Gate::default());
    let gate_of_git = Arc::clone(&gate);
    let world = World::with(141, move |options| {
        options.rendering = Rendering::Blocking;
        options.fetch = Arc::new(SlowGit {
            git: Arc::clone(&options.fetch),
            gate: Arc::clone(&gate_of_git),
        });
    })
    .await;
    let (slow, good) = (map("slow", &[]), map("good", &[]));
    world.commit("first", &[("slow/m.yaml", &slow), ("good/m.yaml", &good)]);
    world.repository().await;
    world
        .until("the repository is fetched", async || {
            world.repository_status().await.at(&["artifact"]).is_some()
        })
        .await;
    let _closed = Closed::now(&gate);
    for number in 0..2 * CONCURRENCY {
        let name = format!("slow{number}");
        world.kustomization(&name, "./slow", Value::map()).await;
    }
    world
        .until("all places are taken", async || {
            world.controller.load().borrow().running >= CONCURRENCY
        })
        .await;
    let other = value!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "good", "namespace": "apps"},
        "spec": {"path": "./good", "prune": true, "interval": "1h",
            "sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": "fleet"}},
    });
    world.apply(&other).await;
    world
        .until("another namespace is served", async || {
            world.config_map("good").await.is_some()
        })
        .await;
    assert!(world.config_map("slow").await.is_none());
}
