//! `trueup apiserver`, a Kubernetes API of its own.

use crate::world::{is_there, kubectl_on, until};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A running API server with its controllers of workloads.
struct Process {
    child: Child,
    folder: TempDir,
}

impl Process {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = spawn(folder.path());
        let process = Self { child, folder };
        process.answers().await;
        process
    }

    /// Kills it where it stands, and starts it again on the same data.
    async fn kill_and_restart(&mut self) {
        self.child.kill().await.unwrap();
        std::fs::remove_file(self.kubeconfig()).unwrap();
        self.child = spawn(self.folder.path());
        self.answers().await;
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    async fn answers(&self) {
        let ready = ["get", "--raw", "/readyz"];
        until(async || {
            let answer = kubectl_on(&self.kubeconfig(), self.folder.path(), &ready).await;
            if answer.success {
                Ok(())
            } else {
                Err(answer.err)
            }
        })
        .await;
    }

    async fn kubectl(&self, arguments: &[&str]) -> String {
        let answer = kubectl_on(&self.kubeconfig(), self.folder.path(), arguments).await;
        assert!(answer.success, "kubectl {arguments:?}: {}", answer.err);
        answer.out
    }
}

fn spawn(folder: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.args(["apiserver", "--listen=127.0.0.1:0", "--workloads"]);
    command.arg("--data-dir").arg(folder.join("data"));
    command
        .arg("--write-kubeconfig")
        .arg(folder.join("kubeconfig"));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill() {
    if !is_there("kubectl") {
        println!("skipped: what was acknowledged survives a kill: kubectl is not on PATH");
        return;
    }
    let mut process = Process::start().await;
    let uid = ["get", "configmap", "kept", "-o", "jsonpath={.metadata.uid}"];
    process.kubectl(&["create", "configmap", "kept"]).await;
    let before = process.kubectl(&uid).await;
    process.kill_and_restart().await;
    assert_eq!(process.kubectl(&uid).await, before);
    process.kubectl(&["delete", "configmap", "kept"]).await;
    process.kill_and_restart().await;
    let left = process.kubectl(&["get", "configmaps", "-o", "name"]).await;
    assert!(!left.contains("configmap/kept"), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_gets_ready_pods_before_and_after_a_kill() {
    if !is_there("kubectl") {
        println!("skipped: a deployment gets ready pods: kubectl is not on PATH");
        return;
    }
    let mut process = Process::start().await;
    let image = "--image=nginx:1.28.0";
    let create = ["create", "deployment", "web", image, "--replicas=3"];
    process.kubectl(&create).await;
    let rollout = ["rollout", "status", "deployment/web", "--timeout=60s"];
    process.kubectl(&rollout).await;
    process.kill_and_restart().await;
    process.kubectl(&rollout).await;
    let update = ["set", "image", "deployment/web", "nginx=nginx:1.29.1"];
    process.kubectl(&update).await;
    let said = process.kubectl(&rollout).await;
    assert!(said.contains("successfully rolled out"), "{said}");
    let pods = process.kubectl(&["get", "pods", "--no-headers"]).await;
    let is_running = |line: &&str| {
        let cells: Vec<&str> = line.split_whitespace().collect();
        cells.get(1..3) == Some(&["1/1", "Running"])
    };
    assert!(pods.lines().filter(is_running).count() >= 3, "{pods}");
}
