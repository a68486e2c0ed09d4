//! The controllers as users run them: `trueup controller`, a process of its
//! own, before the API of `trueup apiserver`, another one, over TLS.

use super::measure::{create, is_ready, wait_for_all};
use super::{fleet, world};
use crate::kubeconfig;
use crate::process::{resident_mib, usage_of};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// When memory is looked at: what was needed to start, or to converge, has
/// been given back by then.
const SETTLED: Duration = Duration::from_secs(5);

/// Memory and processor time of the process, without Kustomizations and with
/// all of them Ready.
pub struct Alone {
    /// Without any.
    pub idle: Memory,
    /// With all of them Ready.
    pub full: Memory,
    /// From the first object to all Ready.
    pub ready_ms: f64,
    /// Processor time for that, in seconds.
    pub cpu_s: f64,
}

/// The memory of the process.
#[derive(Clone, Copy)]
pub struct Memory {
    /// Resident now.
    pub resident_mib: f64,
    /// The most that was resident at once.
    pub peak_mib: f64,
}

/// Starts both, of a given program or one built for it, and creates as many
/// Kustomizations.
pub async fn alone(count: usize, program: Option<&Path>) -> Result<Alone, String> {
    let program = match program {
        Some(program) => program.to_owned(),
        None => crate::program::build().await?,
    };
    let folder = tempfile::tempdir().map_err(text)?;
    let kubeconfig = folder.path().join("kubeconfig");
    let _server = serve(&program, &kubeconfig)?;
    let person = kubeconfig::reach(&kubeconfig).await?.session;
    let (_git, url) = world::serve_git(&folder.path().join("git"), count).await?;
    world::prepare(&person).await?;
    let controllers = control(&program, &kubeconfig, folder.path())?;
    let number = controllers.id().ok_or("the controllers have ended")?;
    sleep(SETTLED).await;
    let idle = memory(number)?;
    let (before, started) = (usage_of(number), Instant::now());
    create(&person, &url, (0..count).map(fleet::kustomization)).await?;
    wait_for_all(&person, count, is_ready).await?;
    let ready_ms = started.elapsed().as_secs_f64() * 1e3;
    sleep(SETTLED).await;
    Ok(Alone {
        idle,
        full: memory(number)?,
        ready_ms,
        cpu_s: usage_of(number).cpu_s - before.cpu_s,
    })
}

fn memory(process: u32) -> Result<Memory, String> {
    let gone = || "the controllers have ended".to_owned();
    Ok(Memory {
        resident_mib: resident_mib(process).ok_or_else(gone)?,
        peak_mib: usage_of(process).peak_mib,
    })
}

fn serve(program: &Path, kubeconfig: &Path) -> Result<Child, String> {
    let mut command = Command::new(program);
    command
        .args(["apiserver", "--listen", "127.0.0.1:0", "--workloads"])
        .arg("--write-kubeconfig")
        .arg(kubeconfig);
    start(command)
}

fn control(program: &Path, kubeconfig: &Path, folder: &Path) -> Result<Child, String> {
    let mut command = Command::new(program);
    command
        .args(["controller", "--storage-addr", "127.0.0.1:0"])
        .args(["--metrics-addr", "127.0.0.1:0", "--log-level", "error"])
        .args(["--kube-api-qps", "-1"])
        .arg("--storage-path")
        .arg(folder.join("data"))
        .arg("--kubeconfig")
        .arg(kubeconfig);
    start(command)
}

/// Both end with the values that stand for them.
fn start(mut command: Command) -> Result<Child, String> {
    let started = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    started.map_err(|error| format!("start {command:?}: {error}"))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
