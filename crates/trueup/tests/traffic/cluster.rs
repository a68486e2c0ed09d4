//! An embedded cluster whose Pods run nothing, reachable over TLS.

use crate::patience::until;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::authentication::StaticToken;
use trueup_apiserver::edge::{
    ApiServer, Certificates, Limits, ServeOptions, ServerOptions, write_kubeconfig,
};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{ApplyOptions, Cluster, ClusterKey, ClusterOptions, Form, Session};
use trueup_kinds::definitions;
use trueup_object::{ObjectRef, Value, value};
use trueup_workloads::WorkloadsOptions;

/// Field manager of what a test applies.
const MANAGER: &str = "traffic-tests";
/// From a Pod's creation to its readiness: long enough to be told before that
/// it will never be.
const READY_DELAY: Duration = Duration::from_millis(700);

/// The cluster; it stops when this is dropped.
pub struct TestCluster {
    /// The administrator.
    pub session: Session,
    pub kubeconfig: PathBuf,
    _stop: DropGuard,
}

impl TestCluster {
    /// Starts it with the definitions of Canaries and one namespace.
    pub async fn start(folder: &Path, namespace: &str) -> Self {
        // Whoever comes first installs it; all install the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (kubeconfig, stop) = (folder.join("kubeconfig"), CancellationToken::new());
        let server = serve(&kubeconfig, &stop).await;
        let kept = server.clone();
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            kept.keep_house().await;
        }));
        let workloads = WorkloadsOptions {
            ready_delay: READY_DELAY,
            ..WorkloadsOptions::default()
        };
        let nodes = trueup_workloads::run(connect(&kubeconfig).await, workloads);
        tokio::spawn(stop.clone().run_until_cancelled_owned(nodes));
        let cluster = Self {
            session: connect(&kubeconfig).await,
            kubeconfig,
            _stop: stop.drop_guard(),
        };
        cluster.define(definitions()).await;
        let namespace =
            value!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        cluster.apply(&namespace).await;
        cluster
    }

    pub async fn apply(&self, object: &Value) {
        let options = ApplyOptions::new(MANAGER).taking_over();
        self.session.apply(object, &options).await.unwrap();
    }

    /// Applies definitions, and waits until their kinds are served.
    pub async fn define(&self, definitions: Vec<Value>) {
        for definition in definitions {
            self.apply(&definition).await;
            let reference = ObjectRef::of(&definition).unwrap();
            until(&format!("{reference} is served"), async || {
                let live = self.session.get(&reference, Form::Full).await;
                let live = live.map_err(|error| error.to_string())?;
                let text = trueup_object::to_yaml(live.value());
                is_established(live.value()).then_some(()).ok_or(text)
            })
            .await;
        }
        self.session.cluster().invalidate_discovery();
    }
}

/// A session of the administrator that waits for nothing.
pub async fn connect(kubeconfig: &Path) -> Session {
    let options = ClusterOptions::in_process();
    let cluster = Cluster::from_kubeconfig(ClusterKey::local(), kubeconfig, None, options).await;
    cluster.unwrap().session()
}

async fn serve(kubeconfig: &Path, stop: &CancellationToken) -> ApiServer {
    let certificates = Certificates::make(&[]).unwrap();
    let authority = certificates.authority_pem().to_owned();
    let token = "administrator-of-the-tests".to_owned();
    let options = ServerOptions {
        tokens: vec![StaticToken {
            token: token.clone(),
            identity: Identity::admin(),
        }],
        certificate_authority_pem: authority.clone(),
        ..ServerOptions::default()
    };
    let server = ApiServer::open(MemoryStorage, options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    write_kubeconfig(kubeconfig, &url, &authority, &token).unwrap();
    let options = ServeOptions {
        certificates,
        limits: Limits::default(),
    };
    let (serving, stopped) = (server.clone(), stop.clone().cancelled_owned());
    tokio::spawn(async move { serving.serve_tls(listener, options, stopped).await.unwrap() });
    server
}

fn is_established(definition: &Value) -> bool {
    let conditions = definition.at(&["status", "conditions"]);
    let conditions = conditions.and_then(Value::as_list).unwrap_or_default();
    conditions.iter().any(|it| {
        it.str_at(&["type"]) == Some("Established") && it.str_at(&["status"]) == Some("True")
    })
}
