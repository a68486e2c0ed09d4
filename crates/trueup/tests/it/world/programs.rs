//! `kubectl` and `trueup`, as a person runs them.

use super::World;
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// What a program said.
#[derive(Debug)]
pub struct Answer {
    pub success: bool,
    pub out: String,
    pub err: String,
}

impl World {
    /// Runs `kubectl` in the namespace of the test; it must succeed.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let answer = self.try_kubectl(arguments).await;
        assert!(
            answer.success,
            "kubectl {}: {}{}",
            arguments.join(" "),
            answer.out,
            answer.err
        );
        answer.out
    }

    /// Runs `kubectl` in the namespace of the test.
    pub async fn try_kubectl(&self, arguments: &[&str]) -> Answer {
        run(&mut self.program("kubectl", arguments), None).await
    }

    /// Runs `kubectl apply` on manifests that name their namespaces; it must
    /// succeed.
    pub async fn kubectl_apply(&self, manifests: &str) -> String {
        let answer = run(
            &mut self.connected("kubectl", &["apply", "-f", "-"]),
            Some(manifests),
        )
        .await;
        assert!(
            answer.success,
            "kubectl apply: {}{}",
            answer.out, answer.err
        );
        answer.out
    }

    /// Runs `trueup` in the namespace of the test; it must succeed.
    pub async fn trueup(&self, arguments: &[&str]) -> Answer {
        let answer = self.try_trueup(arguments).await;
        assert!(
            answer.success,
            "trueup {}: {}{}",
            arguments.join(" "),
            answer.out,
            answer.err
        );
        answer
    }

    /// Runs `trueup` in the namespace of the test.
    pub async fn try_trueup(&self, arguments: &[&str]) -> Answer {
        run(
            &mut self.program(env!("CARGO_BIN_EXE_trueup"), arguments),
            None,
        )
        .await
    }

    /// Runs a command of `trueup` that needs no cluster.
    pub async fn trueup_alone(&self, arguments: &[&str]) -> Answer {
        let answer = run(
            Command::new(env!("CARGO_BIN_EXE_trueup")).args(arguments),
            None,
        )
        .await;
        assert!(
            answer.success,
            "trueup {}: {}",
            arguments.join(" "),
            answer.err
        );
        answer
    }

    /// Starts `trueup controller` as a process of its own, told of no push.
    pub fn spawn_controller(&self) -> Child {
        let storage = self.folder.path().join("controller");
        let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
        command.args([
            "controller",
            "--storage-addr=127.0.0.1:0",
            "--metrics-addr=127.0.0.1:0",
        ]);
        command
            .arg("--storage-path")
            .arg(storage)
            .arg("--kubeconfig")
            .arg(&self.place.kubeconfig);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.kill_on_drop(true).spawn().unwrap()
    }

    fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.connected(program, arguments);
        command.args(["--namespace", &self.namespace]);
        command
    }

    fn connected(&self, program: &str, arguments: &[&str]) -> Command {
        connected(
            program,
            arguments,
            &self.place.kubeconfig,
            self.folder.path(),
        )
    }
}

/// A program on a cluster; discovery and OpenAPI are cached below `home`.
fn connected(program: &str, arguments: &[&str], kubeconfig: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg("--kubeconfig").arg(kubeconfig);
    command.env("HOME", home);
    command
}

/// Runs `kubectl` on a cluster that is not that of a world.
pub async fn kubectl_on(kubeconfig: &Path, home: &Path, arguments: &[&str]) -> Answer {
    run(&mut connected("kubectl", arguments, kubeconfig, home), None).await
}

/// Whether a program is on PATH.
pub fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Runs a program to its end.
pub async fn run(command: &mut Command, input: Option<&str>) -> Answer {
    command
        .env_remove("KUBECONFIG")
        .env("NO_PROXY", "*")
        .kill_on_drop(true);
    command.stdin(if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input.as_bytes()).await.unwrap();
    }
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Answer {
        success: output.status.success(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}
