//! Other clusters: what leads to them, and the way there.

mod kubeconfig;

use crate::{Cluster, ClusterKey, ClusterOptions, ConnectError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, HeaderValue};
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tower::util::MapRequestLayer;
use trueup_object::{Text, Value, to_json, value};

pub use kubeconfig::{
    ExecPlugins, KubeconfigError, KubeconfigPolicy, MAX_KUBECONFIG_BYTES, ServerCertificates,
};

/// How long one request to another cluster may take: Flux's limit for
/// clusters of a kubeconfig.
pub const REMOTE_REQUEST_TIMEOUT_MS: u64 = 30_000;

/// How often a read of another cluster is tried when no answer comes.
pub const REMOTE_ATTEMPTS: u32 = 2;

/// A bearer token that may be replaced while it is used. Clones share it;
/// never printed.
#[derive(Clone, Default)]
pub struct BearerToken(Arc<RwLock<Text>>);

impl BearerToken {
    /// Replaces the token: the next request carries the new one.
    pub fn set(&self, token: &str) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = token.into();
    }

    /// Whether there is a token yet.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// The value of the header `Authorization`; `None` for a token that no
    /// header can carry.
    fn header(&self) -> Option<HeaderValue> {
        let token = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BearerToken(***)")
    }
}

/// Everything that it takes to reach a cluster that is not our own. Never
/// printed: it holds credentials.
#[derive(Clone)]
pub struct RemoteConfig {
    server: Text,
    /// The `cluster` of a kubeconfig.
    cluster: Value,
    credentials: Credentials,
}

#[derive(Clone)]
enum Credentials {
    /// The `user` of a kubeconfig.
    User(Value),
    /// A token that others renew.
    Token(BearerToken),
}

impl fmt::Debug for RemoteConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RemoteConfig({})", self.server)
    }
}

impl RemoteConfig {
    /// The current context of a kubeconfig that somebody else wrote. Refuses
    /// whatever would read files or run programs here, as the policy says.
    pub fn from_kubeconfig(
        content: &[u8],
        policy: KubeconfigPolicy,
    ) -> Result<Self, KubeconfigError> {
        kubeconfig::read(content, policy)
    }

    /// A server by its address, with the certificates (PEM) that vouch for it
    /// (those of the system without any) and a token that may be renewed. An
    /// address without a scheme is one of `https`; another one is refused,
    /// for it would show the token to everybody on the way.
    pub fn with_token(
        address: &str,
        certificates: Option<&str>,
        token: BearerToken,
    ) -> Result<Self, KubeconfigError> {
        let refused = || KubeconfigError::Address {
            path: "address".into(),
        };
        let address = match address.split_once("://") {
            Some(("https", _)) => address.to_owned(),
            Some(_) => return Err(refused()),
            None => format!("https://{address}"),
        };
        let server = kubeconfig::shown(&address).ok_or_else(refused)?;
        let mut cluster = value!({"server": server.clone()});
        if let Some(certificates) = certificates {
            let data = STANDARD.encode(certificates);
            cluster.set_at(&["certificate-authority-data"], data.into());
        }
        Ok(Self {
            server,
            cluster,
            credentials: Credentials::Token(token),
        })
    }

    /// The server's address, without credentials.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Who asks, as far as the configuration itself says it: for stand-ins
    /// of a network, that have to judge the token themselves.
    #[must_use]
    pub fn bearer_token(&self) -> Option<Text> {
        match &self.credentials {
            Credentials::User(user) => user.str_at(&["token"]).map(Text::from),
            Credentials::Token(token) => Some(
                token
                    .0
                    .read()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone(),
            ),
        }
    }

    /// The same as a kubeconfig of one cluster and one user.
    fn kubeconfig(&self) -> Result<Kubeconfig, &'static str> {
        let user = match &self.credentials {
            Credentials::User(user) => user.clone(),
            Credentials::Token(_) => Value::map(),
        };
        let file = value!({
            "apiVersion": "v1", "kind": "Config", "current-context": "remote",
            "contexts": [{"name": "remote", "context": {"cluster": "remote", "user": "remote"}}],
            "clusters": [{"name": "remote", "cluster": (self.cluster.clone())}],
            "users": [{"name": "remote", "user": user}],
        });
        // The reason would quote what stands there.
        serde_json::from_slice(&to_json(&file))
            .map_err(|_| "a field is not of the type it should be")
    }
}

/// Makes the way to other clusters; another one stands in for the network
/// where there is none.
pub trait Connector: Send + Sync + fmt::Debug {
    /// A client of a cluster. Nothing need be asked of it yet.
    fn connect(
        &self,
        key: ClusterKey,
        config: RemoteConfig,
    ) -> BoxFuture<'static, Result<Cluster, ConnectError>>;
}

/// The network.
#[derive(Clone, Debug)]
pub struct Network {
    options: ClusterOptions,
}

impl Network {
    /// Clients with these options.
    #[must_use]
    pub fn new(options: ClusterOptions) -> Self {
        Self { options }
    }
}

impl Default for Network {
    /// With the limits of other clusters.
    fn default() -> Self {
        Self::new(ClusterOptions {
            request_timeout: Duration::from_millis(REMOTE_REQUEST_TIMEOUT_MS),
            attempts: REMOTE_ATTEMPTS,
            ..ClusterOptions::default()
        })
    }
}

impl Connector for Network {
    fn connect(
        &self,
        key: ClusterKey,
        config: RemoteConfig,
    ) -> BoxFuture<'static, Result<Cluster, ConnectError>> {
        Cluster::from_remote(key, config, self.options.clone()).boxed()
    }
}

impl Cluster {
    /// The cluster that a configuration leads to. Errors name the server and
    /// quote nothing of the configuration.
    pub async fn from_remote(
        key: ClusterKey,
        config: RemoteConfig,
        options: ClusterOptions,
    ) -> Result<Self, ConnectError> {
        let fault = |message: &dyn fmt::Display| ConnectError::Client {
            server: config.server.to_string(),
            message: message.to_string(),
        };
        let kubeconfig = config.kubeconfig().map_err(|error| fault(&error))?;
        let client_config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .map_err(|error| fault(&error))?;
        let client_config = Self::prepared(client_config);
        let builder = ClientBuilder::try_from(client_config).map_err(|error| fault(&error))?;
        let client = match config.credentials {
            Credentials::User(_) => builder.build(),
            Credentials::Token(token) => builder.with_layer(&authorizing(token)).build(),
        };
        Ok(Self::over(key, client, options))
    }
}

/// Sets the token of each request.
fn authorizing(
    token: BearerToken,
) -> MapRequestLayer<impl Fn(http::Request<Body>) -> http::Request<Body> + Clone> {
    MapRequestLayer::new(move |mut request: http::Request<Body>| {
        if let Some(value) = token.header() {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        request
    })
}
