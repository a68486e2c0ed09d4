//! One cluster: its transport, its discovery, its counters.

use crate::counters::Counters;
use crate::knowledge::Knowledge;
use crate::pace::Pace;
use crate::{
    ApiError, Catalogue, Changes, ConnectError, CounterSnapshot, Identity, Observer, RateLimit,
    Session,
};
use http::{Request, Response};
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tower::{BoxError, Service};
use trueup_object::Text;

/// How long one request may take, from sending to the whole answer.
pub const REQUEST_TIMEOUT_MS: u64 = 60_000;

/// How often a read is tried when no answer comes, and any request when the
/// server is too busy.
pub const ATTEMPTS: u32 = 4;

/// Names a cluster in every cache, watch and queue key. The cluster that
/// Trueup itself runs on is `local`; others are named after the reference to
/// their kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterKey(Text);

impl ClusterKey {
    /// The cluster that Trueup's own objects live in.
    #[must_use]
    pub fn local() -> Self {
        Self("local".into())
    }

    /// A cluster by name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How a client behaves towards its cluster.
#[derive(Clone)]
pub struct ClusterOptions {
    /// `User-Agent`; servers name field managers after it.
    pub user_agent: Text,
    /// Client-side limit; none in process.
    pub rate_limit: Option<RateLimit>,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// How often a repeatable request is tried in all; 1 for no repetition.
    pub attempts: u32,
    /// How long the server is asked to keep a watch open.
    pub watch_timeout: Duration,
    /// Seed of the jitter of pauses; a random one when `None`.
    pub seed: Option<u64>,
    /// Is told of every request.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Default for ClusterOptions {
    /// For a cluster over the network.
    fn default() -> Self {
        Self {
            user_agent: concat!("trueup/", env!("CARGO_PKG_VERSION")).into(),
            rate_limit: Some(RateLimit::DEFAULT),
            request_timeout: Duration::from_millis(REQUEST_TIMEOUT_MS),
            attempts: ATTEMPTS,
            watch_timeout: Duration::from_secs(290),
            seed: None,
            observer: None,
        }
    }
}

impl ClusterOptions {
    /// For an API server in the same process: no client-side limit.
    #[must_use]
    pub fn in_process() -> Self {
        Self {
            rate_limit: None,
            ..Self::default()
        }
    }
}

impl fmt::Debug for ClusterOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClusterOptions")
            .field("user_agent", &self.user_agent)
            .field("rate_limit", &self.rate_limit)
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}

/// A cluster, reachable. Cheap to clone; clones share discovery, limits and
/// counters. Requests are made through a [`Session`].
#[derive(Clone)]
pub struct Cluster {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub key: ClusterKey,
    pub client: kube::Client,
    pub default_namespace: Text,
    pub options: ClusterOptions,
    pub pace: Option<Pace>,
    pub counters: Counters,
    pub knowledge: Knowledge,
    random: Mutex<fastrand::Rng>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cluster({})", self.inner.key)
    }
}

impl Cluster {
    /// A cluster behind any service that speaks HTTP, such as an API server
    /// in this process. Needs a tokio runtime. The service is called from one
    /// place in the order of the requests; its futures run side by side.
    pub fn from_service<S, B>(key: ClusterKey, service: S, options: ClusterOptions) -> Self
    where
        S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self::over(key, kube::Client::new(service, "default"), options)
    }

    /// The cluster of a kubeconfig's context (its current one without
    /// `context`): certificates, tokens, basic credentials and exec plug-ins
    /// as kubectl has them.
    pub async fn from_kubeconfig(
        key: ClusterKey,
        path: &Path,
        context: Option<&str>,
        options: ClusterOptions,
    ) -> Result<Self, ConnectError> {
        let fault = |error: kube::config::KubeconfigError| ConnectError::Kubeconfig {
            path: path.display().to_string(),
            message: error.to_string(),
        };
        let kubeconfig = Kubeconfig::read_from(path).map_err(fault)?;
        let chosen = KubeConfigOptions {
            context: context.map(Into::into),
            ..KubeConfigOptions::default()
        };
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &chosen)
            .await
            .map_err(fault)?;
        Self::from_config(key, config, options)
    }

    /// The cluster that this process runs in, as its Pod's service account.
    pub fn in_cluster(key: ClusterKey, options: ClusterOptions) -> Result<Self, ConnectError> {
        let config = kube::Config::incluster().map_err(|error| ConnectError::InCluster {
            message: error.to_string(),
        })?;
        Self::from_config(key, config, options)
    }

    /// What every client needs before it is made.
    pub(crate) fn prepared(mut config: kube::Config) -> kube::Config {
        // A process-wide provider may have been chosen already; both are the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // kube repeats writes too; repetition is decided here.
        config.default_retry = false;
        config
    }

    fn from_config(
        key: ClusterKey,
        config: kube::Config,
        options: ClusterOptions,
    ) -> Result<Self, ConnectError> {
        let config = Self::prepared(config);
        let server = config.cluster_url.to_string();
        let client = kube::Client::try_from(config).map_err(|error| ConnectError::Client {
            server,
            message: error.to_string(),
        })?;
        Ok(Self::over(key, client, options))
    }

    pub(crate) fn over(key: ClusterKey, client: kube::Client, options: ClusterOptions) -> Self {
        let random = options
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let inner = Inner {
            key,
            default_namespace: client.default_namespace().into(),
            client,
            pace: options.rate_limit.map(Pace::new),
            options,
            counters: Counters::default(),
            knowledge: Knowledge::default(),
            random: Mutex::new(random),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What the cluster is called here.
    #[must_use]
    pub fn key(&self) -> &ClusterKey {
        &self.inner.key
    }

    /// The namespace that the configuration names; `default` without one.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        &self.inner.default_namespace
    }

    /// A session that acts as the configured user.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::new(self.clone(), Identity::Controller)
    }

    /// A session that acts as someone else.
    #[must_use]
    pub fn session_as(&self, identity: Identity) -> Session {
        Session::new(self.clone(), identity)
    }

    /// The requests so far.
    #[must_use]
    pub fn counters(&self) -> CounterSnapshot {
        self.inner.counters.snapshot()
    }

    /// What the cluster serves, as last read; reads it the first time and
    /// after [`Cluster::invalidate_discovery`].
    pub async fn catalogue(&self) -> Result<Arc<Catalogue>, ApiError> {
        self.session().catalogue().await
    }

    /// Says that a definition or API service may have changed: the next
    /// question reads discovery anew.
    pub fn invalidate_discovery(&self) {
        self.inner.knowledge.invalidate();
    }

    /// A number that grows whenever discovery was read anew and had changed,
    /// or was invalidated: wait for it to retry what failed for want of a kind.
    #[must_use]
    pub fn discovery_changes(&self) -> Changes {
        self.inner.knowledge.changes()
    }

    /// A generator of its own, drawn from the cluster's seed.
    pub(crate) fn fork_random(&self) -> fastrand::Rng {
        self.inner
            .random
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fork()
    }
}
