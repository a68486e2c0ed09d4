//! The controllers: in this process, or as the program that users have.

use crate::cluster::connect;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use trueup_controller::{Controller, ControllerHandle, ControllerOptions};
use trueup_source::memory::{MemoryRemote, MemoryStore};

/// The shortest interval of an analysis, in this process.
const LEAST_INTERVAL: Duration = Duration::from_secs(2);

/// Where the controllers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// In this process, with shorter intervals than the program allows.
    Here,
    /// As a process of their own.
    Process,
}

/// Running controllers.
pub enum Controllers {
    Here(ControllerHandle),
    Process { child: Child, launch: Launch },
}

/// How the program is started.
pub struct Launch {
    kubeconfig: PathBuf,
    folder: PathBuf,
}

impl Drop for Controllers {
    fn drop(&mut self) {
        if let Self::Here(handle) = self {
            handle.kill();
        }
    }
}

impl Controllers {
    /// Starts them on a cluster.
    pub async fn start(place: Where, kubeconfig: &Path, folder: PathBuf, prometheus: &str) -> Self {
        if place == Where::Process {
            let launch = Launch {
                kubeconfig: kubeconfig.to_owned(),
                folder,
            };
            let child = launch.spawn();
            return Self::Process { child, launch };
        }
        let (remote, store) = (MemoryRemote::new(), MemoryStore::new());
        let session = connect(kubeconfig).await;
        let mut options = ControllerOptions::new(session, Arc::new(remote), Arc::new(store));
        options.canaries.metrics_server = prometheus.to_owned();
        options.canaries.least_interval = LEAST_INTERVAL;
        Self::Here(Controller::start(options))
    }

    /// Kills the process (SIGKILL) and starts another one.
    ///
    /// # Panics
    ///
    /// Where they run in this process.
    pub async fn kill_and_restart(&mut self) {
        let Self::Process { child, launch } = self else {
            panic!("controllers in this process are not killed");
        };
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "they have ended by themselves"
        );
        child.kill().await.unwrap();
        *child = launch.spawn();
    }
}

impl Launch {
    fn spawn(&self) -> Child {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
        command.args([
            "controller",
            "--storage-addr=127.0.0.1:0",
            "--metrics-addr=127.0.0.1:0",
        ]);
        command
            .arg("--storage-path")
            .arg(self.folder.join("storage"))
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .env_remove("KUBECONFIG");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log.unwrap()).kill_on_drop(true);
        command.spawn().unwrap()
    }
}
