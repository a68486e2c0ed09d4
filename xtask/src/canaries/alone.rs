//! The controllers as a process of their own, in real time: this program once
//! more, before an API server in this process, over TLS.

use super::cluster::{self, client};
use super::figures::Alone;
use super::objects::Fleet;
use super::prometheus;
use super::standing::{Standing, Standings, steps_taken};
use crate::kubeconfig;
use crate::process::{resident_mib, usage_of};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use trueup_apiserver::edge::{
    ApiServer, Certificates, Limits, ServeOptions, ServerOptions, write_kubeconfig,
};
use trueup_cluster::Session;
use trueup_controller::{Controller, ControllerOptions};
use trueup_replay::administrator;
use trueup_source::memory::{MemoryRemote, MemoryStore};

/// The token of the kubeconfig.
const TOKEN: &str = "bench";
/// How often a Canary is analysed: as often as may be, since time is real.
const INTERVAL: &str = "10s";
/// How long anything may take before it is given up.
const DEADLINE: Duration = Duration::from_secs(180);
/// When memory is looked at: what was needed to start, or to initialize, has
/// been given back by then.
const SETTLING: Duration = Duration::from_secs(5);
/// How long is measured while all are analysed.
const ANALYSIS: Duration = Duration::from_secs(30);

/// Measures Canaries, of which so many get their revisions one after the other.
pub async fn measure(fleet: Fleet, revisions: u64) -> Result<Alone, String> {
    let folder = tempfile::tempdir().map_err(text)?;
    let path = folder.path().join("kubeconfig");
    let person = serve(fleet, &path).await?;
    let controllers = start(&path, &prometheus::serve().await?)?;
    let process = controllers.id().ok_or_else(gone)?;
    let mut standings = Standings::of(&person, DEADLINE);
    sleep(SETTLING).await;
    let idle_mib = resident(process)?;
    for number in 0..fleet.count {
        cluster::create(&person, &fleet.canary(number, INTERVAL)).await?;
    }
    let is_initialized = |it: &Standing| it.phase == "Initialized";
    standings
        .reach(0..fleet.count, "initialized", is_initialized)
        .await?;
    sleep(SETTLING).await;
    let rest_mib = resident(process)?;
    let revisions = revisions.min(fleet.count);
    let noticed_ms = notice(&person, &mut standings, fleet, revisions).await?;
    for number in revisions..fleet.count {
        cluster::push(&person, fleet, number).await?;
    }
    standings
        .reach(revisions..fleet.count, "analysed", Standing::is_analysed)
        .await?;
    let (before, used) = (steps_taken(&person).await?, usage_of(process));
    sleep(ANALYSIS).await;
    let analysis_cpu_s = usage_of(process).cpu_s - used.cpu_s;
    let steps = steps_taken(&person).await?.saturating_sub(before);
    // Still there, and no other.
    resident(process)?;
    Ok(Alone {
        idle_mib,
        rest_mib,
        peak_mib: usage_of(process).peak_mib,
        noticed_ms,
        analysis_cpu_s,
        steps,
    })
}

/// Gives one after the other a revision, and waits until its run has begun; how
/// long each took, in milliseconds.
async fn notice(
    person: &Session,
    standings: &mut Standings,
    fleet: Fleet,
    revisions: u64,
) -> Result<Vec<f64>, String> {
    let mut noticed_ms = Vec::new();
    for number in 0..revisions {
        let start = Instant::now();
        cluster::push(person, fleet, number).await?;
        let only = number..number + 1;
        standings
            .reach(only, "noticed", |it| it.phase == "Progressing")
            .await?;
        noticed_ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(noticed_ms)
}

/// Serves a cluster over TLS on a free port of this machine, and says to others
/// how to reach it; somebody who is in this process.
async fn serve(fleet: Fleet, path: &Path) -> Result<Session, String> {
    let certificates = Certificates::make(&[]).map_err(text)?;
    let options = ServerOptions {
        tokens: vec![administrator(TOKEN)],
        certificate_authority_pem: certificates.authority_pem().to_owned(),
        ..ServerOptions::default()
    };
    let server = cluster::open(fleet, options).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let url = format!("https://{}", listener.local_addr().map_err(text)?);
    write_kubeconfig(path, &url, certificates.authority_pem(), TOKEN).map_err(text)?;
    let person = client(&server).session();
    tokio::spawn(listen(server, listener, certificates));
    Ok(person)
}

async fn listen(server: ApiServer, listener: TcpListener, certificates: Certificates) {
    let options = ServeOptions {
        certificates,
        limits: Limits::default(),
    };
    let served = server
        .serve_tls(listener, options, std::future::pending())
        .await;
    if let Err(error) = served {
        eprintln!("the API server has ended: {error}");
    }
}

/// Starts the controllers; they end with the value that stands for them.
fn start(kubeconfig: &Path, prometheus: &str) -> Result<Child, String> {
    let program = std::env::current_exe().map_err(|error| format!("find this program: {error}"))?;
    let started = Command::new(program)
        .args([
            "bench",
            "canary-controllers",
            "--metrics-server",
            prometheus,
        ])
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    started.map_err(|error| format!("start the controllers: {error}"))
}

fn resident(process: u32) -> Result<f64, String> {
    resident_mib(process).ok_or_else(gone)
}

fn gone() -> String {
    "the controllers have ended".to_owned()
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// What the process of the controllers is started with.
#[derive(clap::Args)]
pub struct ControllersOptions {
    /// How to reach the API
    #[arg(long)]
    kubeconfig: PathBuf,
    /// The Prometheus
    #[arg(long)]
    metrics_server: String,
}

/// Runs the controllers until nobody holds their standard input any more.
pub async fn control(options: &ControllersOptions) -> Result<(), String> {
    let reached = kubeconfig::reach(&options.kubeconfig).await?;
    let (remote, store) = (MemoryRemote::new(), MemoryStore::new());
    let mut controllers =
        ControllerOptions::new(reached.session, Arc::new(remote), Arc::new(store));
    controllers
        .canaries
        .metrics_server
        .clone_from(&options.metrics_server);
    let running = Controller::start(controllers);
    let held =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    held.await.map_err(text)?.map_err(text)?;
    running.kill();
    Ok(())
}
