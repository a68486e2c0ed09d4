//! The cluster of a test.

use super::audit::Audit;
use super::look::until;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::authentication::StaticToken;
use trueup_apiserver::edge::{
    ApiServer, Certificates, Limits, ServeOptions, ServerOptions, write_kubeconfig,
};
use trueup_apiserver::storage::MemoryStorage;
use trueup_cluster::{ApplyOptions, Cluster, ClusterKey, ClusterOptions, Form, Session};
use trueup_kinds::definitions;
use trueup_object::{ObjectRef, Value};
use trueup_workloads::{Parts, WorkloadsOptions};

/// Names the kubeconfig of a cluster without kubelet and scheduler.
const KUBECONFIG: &str = "TRUEUP_TEST_KUBECONFIG";

/// How often the node of an outside cluster says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Users for processes that are told apart; both may do everything.
const PROCESSES: [&str; 2] = ["first", "second"];

pub struct Place {
    pub kubeconfig: PathBuf,
    pub is_outside: bool,
    /// Who asked the embedded API for what.
    pub audit: Audit,
    stop: CancellationToken,
}

impl Place {
    pub async fn open(folder: &Path) -> Self {
        // Whoever comes first installs it; all install the same.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        if std::env::var_os("RUST_LOG").is_some() {
            let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env());
            let _ = log.with_test_writer().try_init();
        }
        match std::env::var_os(KUBECONFIG) {
            Some(kubeconfig) => Self::outside(kubeconfig.into()).await,
            None => Self::embedded(folder).await,
        }
    }

    async fn outside(kubeconfig: PathBuf) -> Self {
        static PREPARED: OnceCell<()> = OnceCell::const_new();
        let place = Self {
            kubeconfig,
            is_outside: true,
            audit: Audit::default(),
            stop: CancellationToken::new(),
        };
        let prepare = async {
            install(&place.person().await).await;
            run_node(place.kubeconfig.clone());
        };
        PREPARED.get_or_init(|| prepare).await;
        place
    }

    async fn embedded(folder: &Path) -> Self {
        let (kubeconfig, stop) = (folder.join("kubeconfig"), CancellationToken::new());
        let audit = Audit::default();
        let server = serve(&kubeconfig, &audit, &stop).await;
        let house = server.clone();
        tokio::spawn(async move { house.keep_house().await });
        let place = Self {
            kubeconfig,
            is_outside: false,
            audit,
            stop,
        };
        tokio::spawn(trueup_workloads::run(
            place.person().await,
            quick(Parts::All),
        ));
        install(&place.person().await).await;
        place
    }

    /// A connection as the controllers have it.
    pub async fn connect(&self) -> Cluster {
        connect(&self.kubeconfig, ClusterOptions::default()).await
    }

    /// A session that waits for nothing.
    pub async fn person(&self) -> Session {
        connect(&self.kubeconfig, ClusterOptions::in_process())
            .await
            .session()
    }

    pub fn close(&self) {
        self.stop.cancel();
    }
}

async fn connect(kubeconfig: &Path, options: ClusterOptions) -> Cluster {
    Cluster::from_kubeconfig(ClusterKey::local(), kubeconfig, None, options)
        .await
        .unwrap()
}

/// Also writes a kubeconfig for each of [`PROCESSES`], named after it.
async fn serve(kubeconfig: &Path, audit: &Audit, stop: &CancellationToken) -> ApiServer {
    let certificates = Certificates::make(&[]).unwrap();
    let authority = certificates.authority_pem().to_owned();
    let token = "administrator-of-the-tests".to_owned();
    let mut tokens = vec![StaticToken {
        token: token.clone(),
        identity: Identity::admin(),
    }];
    tokens.extend(PROCESSES.map(|user| StaticToken {
        token: token_of(user),
        identity: Identity {
            user: user.into(),
            ..Identity::admin()
        },
    }));
    let options = ServerOptions {
        tokens,
        authorizer: Arc::new(audit.clone()),
        certificate_authority_pem: authority.clone(),
        ..ServerOptions::default()
    };
    let server = ApiServer::open(MemoryStorage, options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    write_kubeconfig(kubeconfig, &url, &authority, &token).unwrap();
    for user in PROCESSES {
        let path = kubeconfig.with_file_name(user);
        write_kubeconfig(&path, &url, &authority, &token_of(user)).unwrap();
    }
    let options = ServeOptions {
        certificates,
        limits: Limits::default(),
    };
    let (serving, stopped) = (server.clone(), stop.clone().cancelled_owned());
    tokio::spawn(async move { serving.serve_tls(listener, options, stopped).await.unwrap() });
    server
}

fn token_of(user: &str) -> String {
    format!("{user}-of-the-processes")
}

/// The definitions of our kinds; waits until they are served.
async fn install(person: &Session) {
    for definition in definitions() {
        person
            .apply(
                &definition,
                &ApplyOptions::new(super::MANAGER).taking_over(),
            )
            .await
            .unwrap();
        let reference = ObjectRef::of(&definition).unwrap();
        until(async || {
            let live = person
                .get(&reference, Form::Full)
                .await
                .map_err(|error| error.to_string())?;
            if is_established(live.value()) {
                Ok(())
            } else {
                Err(format!("{reference} is not established"))
            }
        })
        .await;
    }
    person.cluster().invalidate_discovery();
}

fn is_established(definition: &Value) -> bool {
    let conditions = definition
        .at(&["status", "conditions"])
        .and_then(Value::as_list)
        .unwrap_or_default();
    conditions.iter().any(|it| {
        it.str_at(&["type"]) == Some("Established") && it.str_at(&["status"]) == Some("True")
    })
}

/// One node for all tests of this process, on a thread that outlives each.
fn run_node(kubeconfig: PathBuf) {
    static NODE: OnceLock<std::thread::JoinHandle<()>> = OnceLock::new();
    NODE.get_or_init(|| {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let session = connect(&kubeconfig, ClusterOptions::in_process())
                    .await
                    .session();
                let options = WorkloadsOptions {
                    heartbeat: Some(HEARTBEAT),
                    ..quick(Parts::NodeOnly)
                };
                trueup_workloads::run(session, options).await;
            });
        })
    });
}

fn quick(parts: Parts) -> WorkloadsOptions {
    WorkloadsOptions {
        parts,
        ready_delay: Duration::from_millis(20),
        ..WorkloadsOptions::default()
    }
}
