//! Other clusters beside the world's own, reached by kubeconfig.

use super::world::{World, embedded};
use base64::Engine;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Request;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{BoxError, Service, ServiceExt};
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::{ApiServer, ApiService};
use trueup_cluster::{
    ApplyOptions, Cluster, ClusterKey, ClusterOptions, ConnectError, Connector, Form, NotSent,
    RemoteConfig, RequestBody, Session, WriteOptions,
};
use trueup_object::{ObjectRef, Value, value};
use trueup_testkit::{Faults, VirtualClock};

/// The token that makes one the administrator of another cluster.
pub const ADMIN_TOKEN: &str = "let-me-in";

/// Verbs with which everything can be done to objects.
pub const ALL: [&str; 7] = [
    "get", "list", "watch", "create", "patch", "update", "delete",
];

/// Stands for all tokens.
const ANY_TOKEN: &str = "*";

/// Whether a cluster can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Open,
    /// Connections are refused.
    Refused,
    /// Nobody ever answers.
    Silent,
}

/// Another cluster.
#[derive(Clone)]
pub struct Elsewhere {
    server: ApiServer,
    pub faults: Faults,
    way: Arc<Mutex<Way>>,
    tokens: Arc<Mutex<BTreeMap<String, Identity>>>,
    pub admin: Session,
}

impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Elsewhere")
    }
}

impl Elsewhere {
    /// A cluster with the namespaces `apps` and `fleet`.
    pub async fn new(clock: VirtualClock, seed: u64) -> Self {
        let server = embedded(clock, seed);
        let options = ClusterOptions {
            seed: Some(seed),
            ..ClusterOptions::in_process()
        };
        let service = server.service(Identity::admin());
        let admin = Cluster::from_service(ClusterKey::local(), service, options).session();
        for name in ["apps", "fleet"] {
            let namespace =
                value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            admin
                .apply(&namespace, &ApplyOptions::new("person"))
                .await
                .unwrap();
        }
        let tokens = BTreeMap::from([(ADMIN_TOKEN.to_owned(), Identity::admin())]);
        Self {
            server,
            faults: Faults::new(seed),
            way: Arc::new(Mutex::new(Way::Open)),
            tokens: Arc::new(Mutex::new(tokens)),
            admin,
        }
    }

    /// Opens or closes the way there; open watches break off.
    pub fn set(&self, way: Way) {
        *self.way.lock().unwrap_or_else(PoisonError::into_inner) = way;
        self.faults.drop_watches();
    }

    /// Whoever has this token is this user from now on.
    pub fn trust(&self, token: &str, identity: Identity) {
        self.tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token.to_owned(), identity);
    }

    /// Whoever has any token is this user, unless the token is known.
    pub fn trust_any(&self, identity: Identity) {
        self.trust(ANY_TOKEN, identity);
    }

    pub async fn get(&self, reference: &ObjectRef) -> Option<Value> {
        let found = self.admin.find(reference, Form::Full).await.unwrap();
        found.map(|object| object.value().clone())
    }

    /// Nobody has this token any more.
    pub fn distrust(&self, token: &str) {
        self.tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(token);
    }

    fn client(&self, key: ClusterKey, config: &RemoteConfig) -> Cluster {
        let service = self.faults.wrap(self.door(config));
        Cluster::from_service(key, service, client_options())
    }

    /// The way in with a kubeconfig, as wide as the way and the token are at
    /// the time of each request.
    pub fn door(&self, config: &RemoteConfig) -> Door {
        Door {
            house: self.clone(),
            token: config.bearer_token().map(String::from),
        }
    }

    fn identity_of(&self, token: Option<&String>) -> Identity {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let known = token
            .filter(|token| !token.is_empty())
            .and_then(|token| tokens.get(token).or(tokens.get(ANY_TOKEN)).cloned());
        known.unwrap_or_else(|| Identity {
            user: "system:anonymous".into(),
            groups: vec!["system:unauthenticated".into()],
            ..Identity::admin()
        })
    }
}

/// How clients of other clusters behave in tests: a silent one is given up
/// after half a minute.
pub fn client_options() -> ClusterOptions {
    ClusterOptions {
        seed: Some(7),
        request_timeout: Duration::from_secs(30),
        attempts: 2,
        ..ClusterOptions::in_process()
    }
}

/// What a client with one kubeconfig finds at another cluster.
#[derive(Clone, Debug)]
pub struct Door {
    house: Elsewhere,
    token: Option<String>,
}

type Answer = <ApiService as Service<Request<RequestBody>>>::Response;

impl Service<Request<RequestBody>> for Door {
    type Response = Answer;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Answer, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let Self { house, token } = self.clone();
        async move {
            let way = *house.way.lock().unwrap_or_else(PoisonError::into_inner);
            match way {
                Way::Open => {}
                Way::Refused => {
                    return Err(BoxError::from(NotSent("connection refused".into())));
                }
                Way::Silent => std::future::pending().await,
            }
            let identity = house.identity_of(token.as_ref());
            Ok(house.server.service(identity).oneshot(request).await?)
        }
        .boxed()
    }
}

/// A network of clusters by the addresses of their servers.
#[derive(Clone, Debug, Default)]
pub struct Addresses(Arc<Mutex<BTreeMap<String, Elsewhere>>>);

impl Addresses {
    pub fn add(&self, address: &str, elsewhere: &Elsewhere) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(address.to_owned(), elsewhere.clone());
    }
}

impl Connector for Addresses {
    fn connect(
        &self,
        key: ClusterKey,
        config: RemoteConfig,
    ) -> BoxFuture<'static, Result<Cluster, ConnectError>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(config.server()).cloned();
        async move {
            let elsewhere = found.ok_or_else(|| ConnectError::Client {
                server: config.server().to_owned(),
                message: "no such host".into(),
            })?;
            Ok(elsewhere.client(key, &config))
        }
        .boxed()
    }
}

/// A kubeconfig of one cluster, with more fields of its user.
pub fn kubeconfig(address: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: '{address}'}}}}]\n\
         users: [{{name: u, user: {{{user}}}}}]\n"
    )
}

/// As data of a Secret.
pub fn encoded(content: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(content)
}

/// Puts a kubeconfig where Kustomizations find it.
pub async fn secret(world: &World, name: &str, content: &str) {
    let data = encoded(content);
    world
        .apply(&value!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": (super::world::NAMESPACE)},
            "data": {"value": data},
        }))
        .await;
}

/// A Role over ConfigMaps in the namespace `apps`, and who has it.
pub async fn grant(session: &Session, account: &str, verbs: &[&str]) {
    grant_in(session, account, "apps", verbs).await;
}

/// The same in another namespace.
pub async fn grant_in(session: &Session, account: &str, namespace: &str, verbs: &[&str]) {
    let verbs: Value = verbs.iter().map(|verb| Value::from(*verb)).collect();
    let role = value!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": account, "namespace": namespace},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}],
    });
    let binding = value!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": account, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "fleet"}],
    });
    for object in [role, binding] {
        let options = ApplyOptions::new("person").taking_over();
        session.apply(&object, &options).await.unwrap();
    }
}

/// A service account in the namespace of the Kustomizations.
pub async fn account(session: &Session, name: &str) {
    let account = value!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": "fleet"},
    });
    session
        .create(&account, &WriteOptions::new("person"))
        .await
        .unwrap();
}
