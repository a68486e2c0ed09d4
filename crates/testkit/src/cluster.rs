//! A cluster to test against.

use crate::{Faults, VirtualClock};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;
use trueup_apiserver::core::{CoreOptions, Identity};
use trueup_apiserver::edge::{ApiServer, Clock, ServerOptions};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{
    ApiError, Cluster, ClusterKey, ClusterOptions, DeleteOptions, Session, WriteOptions,
};
use trueup_object::{GroupVersionKind, ObjectRef, Text, value};

/// Names a kubeconfig: where it is set, [`TestCluster::start`] tests against
/// that cluster instead of the embedded one.
pub const KUBECONFIG_VARIABLE: &str = "TRUEUP_TEST_KUBECONFIG";

/// Counts the namespaces of this process.
static NAMESPACES: AtomicU64 = AtomicU64::new(0);

/// The embedded API server with a client, or an outside cluster. Objects that
/// a test makes belong into namespaces of [`TestCluster::namespace`].
pub struct TestCluster {
    cluster: Cluster,
    embedded: Option<Embedded>,
    namespaces: Mutex<Vec<Text>>,
}

struct Embedded {
    server: ApiServer,
    faults: Faults,
    clock: VirtualClock,
    seed: u64,
    house: JoinHandle<()>,
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.house.abort();
    }
}

impl TestCluster {
    /// The outside cluster that [`KUBECONFIG_VARIABLE`] names, else a fresh
    /// embedded one. Must be called within a runtime: for an outside cluster
    /// one with sockets and a clock that does not jump.
    ///
    /// # Panics
    ///
    /// When the kubeconfig can't be used.
    pub async fn start(seed: u64) -> Self {
        let Some(path) = std::env::var_os(KUBECONFIG_VARIABLE).map(PathBuf::from) else {
            return Self::embedded(seed);
        };
        let options = ClusterOptions::default();
        let cluster = Cluster::from_kubeconfig(ClusterKey::local(), &path, None, options)
            .await
            .expect("the kubeconfig named by TRUEUP_TEST_KUBECONFIG is usable");
        Self {
            cluster,
            embedded: None,
            namespaces: Mutex::default(),
        }
    }

    /// A fresh embedded API server, in memory, whose clock follows the
    /// runtime's; everything in it is drawn from `seed`. The client's way to
    /// it goes through [`TestCluster::faults`].
    ///
    /// # Panics
    ///
    /// When no server can be opened in memory.
    #[must_use]
    pub fn embedded(seed: u64) -> Self {
        let clock = VirtualClock::start();
        let options = ServerOptions {
            core: CoreOptions { seed: Some(seed) },
            clock: Clock::new(move || clock.now()),
            ..ServerOptions::default()
        };
        let server = ApiServer::open(MemoryStorage, options).expect("memory can be opened");
        let keeper = server.clone();
        let house = tokio::spawn(async move { keeper.keep_house().await });
        let faults = Faults::new(seed);
        let cluster = client(&server, &faults, seed);
        let embedded = Embedded {
            server,
            faults,
            clock,
            seed,
            house,
        };
        Self {
            cluster,
            embedded: Some(embedded),
            namespaces: Mutex::default(),
        }
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A session of the administrator.
    #[must_use]
    pub fn session(&self) -> Session {
        self.cluster.session()
    }

    /// The embedded server; `None` outside.
    #[must_use]
    pub fn server(&self) -> Option<&ApiServer> {
        self.embedded.as_ref().map(|embedded| &embedded.server)
    }

    /// The faults of the first client; `None` outside.
    #[must_use]
    pub fn faults(&self) -> Option<&Faults> {
        self.embedded.as_ref().map(|embedded| &embedded.faults)
    }

    /// A further client with nothing in its way, for what stands beside the
    /// part under test: the user, the workloads.
    #[must_use]
    pub fn undisturbed(&self) -> Cluster {
        match &self.embedded {
            Some(embedded) => client(&embedded.server, &Faults::new(embedded.seed), embedded.seed),
            None => self.cluster.clone(),
        }
    }

    /// A further client through the same faults, as a restarted process has
    /// it after [`Faults::revive`].
    #[must_use]
    pub fn restarted(&self) -> Cluster {
        match &self.embedded {
            Some(embedded) => client(&embedded.server, &embedded.faults, embedded.seed),
            None => self.cluster.clone(),
        }
    }

    /// The time as the cluster has it.
    #[must_use]
    pub fn wall_clock(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        match &self.embedded {
            Some(embedded) => {
                let clock = embedded.clock;
                Arc::new(move || clock.now())
            }
            None => Arc::new(Timestamp::now),
        }
    }

    /// Makes a namespace that no other test has, and returns its name.
    pub async fn namespace(&self, prefix: &str) -> Result<Text, ApiError> {
        let number = NAMESPACES.fetch_add(1, Ordering::Relaxed);
        let name: Text = match &self.embedded {
            Some(_) => format!("{prefix}-{number}").into(),
            None => format!(
                "{prefix}-{}-{number}-{}",
                std::process::id(),
                fastrand::u32(..)
            )
            .into(),
        };
        let namespace = value!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": (name.clone())},
        });
        self.undisturbed()
            .session()
            .create(&namespace, &WriteOptions::new("testkit"))
            .await?;
        self.namespaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(name.clone());
        Ok(name)
    }

    /// Deletes the namespaces of an outside cluster; the embedded one just
    /// goes.
    pub async fn clean_up(self) {
        if self.embedded.is_some() {
            return;
        }
        let names = std::mem::take(
            &mut *self
                .namespaces
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for name in names {
            let kind = GroupVersionKind::new("v1", "Namespace");
            let reference = ObjectRef {
                kind,
                namespace: Text::new(),
                name,
            };
            // What can't be deleted is left; the test's verdict stands.
            let _ = self
                .session()
                .delete(&reference, &DeleteOptions::default())
                .await;
        }
    }
}

fn client(server: &ApiServer, faults: &Faults, seed: u64) -> Cluster {
    let options = ClusterOptions {
        seed: Some(seed),
        ..ClusterOptions::in_process()
    };
    Cluster::from_service(
        ClusterKey::local(),
        faults.wrap(server.service(Identity::admin())),
        options,
    )
}
