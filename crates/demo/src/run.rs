//! Everything wired together in one process.

use crate::feed;
use crate::first_objects::make_first_objects;
use crate::folder::{Folder, FolderError, Listeners};
use crate::sample;
use crate::terminal::{Terminal, Tone};
use crate::traffic;
use crate::welcome;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use trueup_apiserver::core::Identity;
use trueup_apiserver::edge::authentication::StaticToken;
use trueup_apiserver::edge::{
    ApiServer, Certificates, Kubeconfig, Limits, ServeOptions, ServerOptions,
};
use trueup_apiserver::storage::{LogStorage, Sync};
use trueup_cluster::{ApiError, Cluster, ClusterKey, ClusterOptions};
use trueup_controller::{Controller, ControllerHandle, ControllerOptions, RemoteBases};
use trueup_gateway::GatewayOptions;
use trueup_gitserver::{Author, Commit, FileChange, GitServer};
use trueup_kinds::Report;
use trueup_source::{
    ArtifactStore, ArtifactStoreOptions, GitFetcher, GitFetcherOptions, WebFetcher,
};
use trueup_workloads::WorkloadsOptions;
use trueup_workloads::process::{Image, ImageMap, ProcessOptions, Program};

/// The shortest interval of analyses: shorter than elsewhere, so that there is
/// something to see.
const LEAST_ANALYSIS_INTERVAL: Duration = Duration::from_secs(1);

/// Lines about visitors that wait for the terminal.
const MAX_WAITING_LINES: usize = 256;

/// The hidden command that is the sample's web application.
pub const APP_COMMAND: &str = "demo-app";

/// The hidden command that runs a process for the node.
pub const SUPERVISE_COMMAND: &str = "supervise-process";

/// What a demo keeps.
#[derive(Clone, Debug)]
pub enum Data {
    /// Everything, in this folder.
    Kept(PathBuf),
    /// Nothing.
    Ephemeral,
}

/// Why a demo can't run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Its folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// One of its parts did not start.
    #[error("start the {part}: {cause}")]
    Part {
        /// Which part.
        part: &'static str,
        /// Why.
        cause: String,
    },
    /// An object that everything starts from could not be made.
    #[error("make the demo's first objects: {0}")]
    Object(#[from] ApiError),
}

/// Starts everything, says where it is, and prints what happens until
/// `stop` is cancelled; then ends in order. `program` is this very binary,
/// which is also the sample's web application.
pub async fn run<W: Write>(
    data: Data,
    program: &Path,
    terminal: &mut Terminal<W>,
    stop: CancellationToken,
) -> Result<(), DemoError> {
    let started = std::time::Instant::now();
    let (folder, temporary) = open_folder(data)?;
    let mut demo = Demo::start(&folder, program, &stop).await?;
    let place = welcome::Place {
        kubeconfig: folder.kubeconfig().display().to_string(),
        git_url: demo.git_url.clone(),
        web_url: demo.web_url.clone(),
        shop_url: format!("http://{}", demo.gateway),
        folder: temporary
            .is_none()
            .then(|| folder.root().display().to_string()),
        started_ms: started.elapsed().as_millis(),
    };
    welcome::print(&place, terminal);
    tell(&demo.controllers, &mut demo.traffic, terminal, &stop).await;
    terminal.line(&[(Tone::Faint, "Stopping.")]);
    demo.controllers.shutdown().await;
    Ok(())
}

/// The parts that outlive their start.
struct Demo {
    controllers: ControllerHandle,
    git_url: String,
    web_url: String,
    gateway: SocketAddr,
    traffic: mpsc::Receiver<Report>,
}

impl Demo {
    async fn start(
        folder: &Folder,
        program: &Path,
        stop: &CancellationToken,
    ) -> Result<Self, DemoError> {
        let Listeners {
            api,
            git,
            web,
            gateway,
            gateway_metrics,
        } = folder.listen()?;
        let server = start_api(folder, api, stop)?;
        let git_server = start_git(folder).await?;
        let git_url = format!("http://{}/{}.git", address(&git), sample::REPOSITORY);
        let web_url = format!("http://{}", address(&web));
        spawn_git(git_server.clone(), listener("Git server", git)?, stop);
        start_workloads(&server, program);
        let cluster = connect(&server);
        let visited = gateway.local_addr().map_err(part("gateway"))?;
        make_first_objects(&cluster, &git_url, visited.port()).await?;
        start_gateway(&server, gateway, gateway_metrics, stop)?;
        let (lines, traffic) = mpsc::channel(MAX_WAITING_LINES);
        tokio::spawn(traffic::accompany(
            connect(&server).session(),
            visited,
            lines,
        ));
        let (controllers, store) = start_controllers(&cluster, folder, &address(&web))?;
        follow_pushes(&git_server, &controllers, &git_url);
        let web = trueup_web::serve(
            listener("web server", web)?,
            controllers.clone(),
            Some(store),
            stop.clone().cancelled_owned(),
        );
        tokio::spawn(web);
        Ok(Self {
            controllers,
            git_url,
            web_url,
            gateway: visited,
            traffic,
        })
    }
}

/// An ephemeral demo lives in a folder that goes with it.
fn open_folder(data: Data) -> Result<(Folder, Option<tempfile::TempDir>), DemoError> {
    match data {
        Data::Kept(path) => Ok((Folder::open(path)?, None)),
        Data::Ephemeral => {
            let temporary = tempfile::Builder::new()
                .prefix("trueup-demo-")
                .tempdir()
                .map_err(part("temporary folder"))?;
            Ok((Folder::open(temporary.path().to_owned())?, Some(temporary)))
        }
    }
}

fn start_api(
    folder: &Folder,
    socket: std::net::TcpListener,
    stop: &CancellationToken,
) -> Result<ApiServer, DemoError> {
    let api = "embedded Kubernetes API";
    let certificates = Certificates::kept_in(&folder.cluster(), &[]).map_err(part(api))?;
    let token = crate::token::kept_in(&folder.cluster()).map_err(part(api))?;
    let storage =
        LogStorage::open(&folder.cluster().join("objects.log"), Sync::Disk).map_err(part(api))?;
    let options = ServerOptions {
        tokens: vec![StaticToken {
            token: token.clone(),
            identity: Identity::admin(),
        }],
        certificate_authority_pem: certificates.authority_pem().to_owned(),
        ..ServerOptions::default()
    };
    let server = ApiServer::open(storage, options).map_err(part(api))?;
    let url = format!("https://{}", address(&socket));
    let kubeconfig = Kubeconfig {
        server: &url,
        certificate_authority_pem: certificates.authority_pem(),
        token: &token,
        namespace: sample::NAMESPACE,
    };
    kubeconfig.write(&folder.kubeconfig()).map_err(part(api))?;
    let house = server.clone();
    tokio::spawn(async move { house.keep_house().await });
    let (serving, socket, stopped) = (
        server.clone(),
        listener(api, socket)?,
        stop.clone().cancelled_owned(),
    );
    let options = ServeOptions {
        certificates,
        limits: Limits::default(),
    };
    tokio::spawn(async move { serving.serve_tls(socket, options, stopped).await });
    Ok(server)
}

async fn start_git(folder: &Folder) -> Result<GitServer, DemoError> {
    let server = GitServer::new(folder.git(), trueup_gitserver::Options::default())
        .map_err(part("Git server"))?;
    if server.repository(sample::REPOSITORY).is_err() {
        let first = first_commit();
        server
            .create(sample::REPOSITORY, Some(&first))
            .await
            .map_err(part("Git server"))?;
    }
    Ok(server)
}

fn first_commit() -> Commit {
    Commit {
        branch: sample::BRANCH.to_owned(),
        changes: sample::FILES
            .iter()
            .map(|(path, text)| FileChange::write(*path, *text))
            .collect(),
        author: Author {
            name: "Trueup".into(),
            email: "demo@trueup.dev".into(),
        },
        time_seconds: jiff::Timestamp::now().as_second(),
        message: "Two applications in three stages, and a shop\n".into(),
    }
}

fn spawn_git(server: GitServer, socket: TcpListener, stop: &CancellationToken) {
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move { server.serve(socket, stopped).await });
}

fn start_workloads(server: &ApiServer, program: &Path) {
    let session = connect(server).session();
    let own = |command: &str| Program::new(program).with_arguments([command]);
    let images = ImageMap::default().with(sample::SHOP_IMAGE, Image::new(own(APP_COMMAND)));
    let options = WorkloadsOptions {
        processes: Some(Arc::new(ProcessOptions::new(
            own(SUPERVISE_COMMAND),
            images,
        ))),
        ..WorkloadsOptions::default()
    };
    tokio::spawn(trueup_workloads::run(session, options));
}

fn start_gateway(
    server: &ApiServer,
    socket: std::net::TcpListener,
    metrics_socket: std::net::TcpListener,
    stop: &CancellationToken,
) -> Result<(), DemoError> {
    let options = GatewayOptions {
        session: connect(server).session(),
        listener: listener("gateway", socket)?,
        metrics_listener: Some(listener("gateway's metrics", metrics_socket)?),
        wall_clock: Arc::new(jiff::Timestamp::now),
    };
    let stopped = stop.clone().cancelled_owned();
    tokio::spawn(async move {
        if let Err(error) = trueup_gateway::serve(options, stopped).await {
            tracing::error!(%error, "the gateway ended");
        }
    });
    Ok(())
}

fn start_controllers(
    cluster: &Cluster,
    folder: &Folder,
    advertised: &str,
) -> Result<(ControllerHandle, ArtifactStore), DemoError> {
    let controllers = "controllers";
    let root = folder.storage();
    let fetcher = GitFetcher::open(GitFetcherOptions {
        root: root.join("mirrors"),
    })
    .map_err(part(controllers))?;
    let fetcher = Arc::new(fetcher);
    let store = ArtifactStore::open(ArtifactStoreOptions {
        trees: Some(fetcher.clone()),
        ..ArtifactStoreOptions::new(root.join("artifacts"), advertised)
    });
    let store = store.map_err(part(controllers))?;
    let web = WebFetcher::new().map_err(part(controllers))?;
    let bases = RemoteBases::new(fetcher.clone()).with_web(Arc::new(web));
    let mut options = ControllerOptions::new(cluster.session(), fetcher, Arc::new(store.clone()));
    options.remote_bases = bases;
    options.canaries.least_interval = LEAST_ANALYSIS_INTERVAL;
    Ok((Controller::start(options), store))
}

fn follow_pushes(git: &GitServer, controllers: &ControllerHandle, url: &str) {
    let (mut pushes, handle, url) = (git.subscribe(), controllers.clone(), url.to_owned());
    tokio::spawn(async move {
        // Pushes that were missed under load are one look at Git all the same.
        while !matches!(pushes.recv().await, Err(RecvError::Closed)) {
            handle.notify_push(&url);
        }
    });
}

/// Prints reports until the demo is stopped.
async fn tell<W: Write>(
    controllers: &ControllerHandle,
    traffic: &mut mpsc::Receiver<Report>,
    terminal: &mut Terminal<W>,
    stop: &CancellationToken,
) {
    let mut reports = controllers.subscribe();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(report) = traffic.recv() => feed::print(&report, terminal),
            report = reports.recv() => match report {
                Ok(numbered) => feed::print(&numbered.report, terminal),
                Err(RecvError::Lagged(count)) => {
                    terminal.line(&[(Tone::Faint, &format!("          … {count} lines left out"))]);
                }
                Err(RecvError::Closed) => return stop.cancelled().await,
            },
        }
    }
}

fn connect(server: &ApiServer) -> Cluster {
    let service = server.service(Identity::admin());
    Cluster::from_service(ClusterKey::local(), service, ClusterOptions::in_process())
}

fn listener(
    part_name: &'static str,
    socket: std::net::TcpListener,
) -> Result<TcpListener, DemoError> {
    socket
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(socket))
        .map_err(part(part_name))
}

fn address(socket: &std::net::TcpListener) -> String {
    socket
        .local_addr()
        .map(|address| address.to_string())
        .unwrap_or_default()
}

fn part<E: std::fmt::Display>(part: &'static str) -> impl Fn(E) -> DemoError {
    move |cause| DemoError::Part {
        part,
        cause: cause.to_string(),
    }
}
