//! `kubectl` and `trueup`, as a person runs them.

use super::World;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// What a program said.
#[derive(Debug)]
pub struct Answer {
    pub success: bool,
    pub code: Option<i32>,
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

    /// Runs `trueup` in the namespace of the test; it must succeed and print
    /// this, see [`World::plain`].
    pub async fn prints(&self, arguments: &[&str], expected: &str) {
        let answer = self.trueup(arguments).await;
        let out = self.plain(&answer.out).await;
        assert_eq!(out, expected, "trueup {}", arguments.join(" "));
    }

    /// Runs `trueup` in the namespace of the test; it must end with this exit
    /// code and say this on standard error, see [`World::plain`].
    pub async fn tells(&self, arguments: &[&str], code: i32, expected: &str) {
        let answer = self.try_trueup(arguments).await;
        let (out, err) = (self.plain(&answer.out).await, self.plain(&answer.err).await);
        let line = arguments.join(" ");
        assert_eq!(err, expected, "trueup {line}: {out}");
        assert_eq!(answer.code, Some(code), "trueup {line}: {out}{err}");
    }

    /// A text with names in place of what differs from run to run: `NAMESPACE`,
    /// `COMMIT` (the newest, also where it is shortened), `GIT`; times as
    /// `TIME`.
    pub async fn plain(&self, text: &str) -> String {
        let commit = self.fleet.head().await;
        let mut text = text.replace(&self.namespace, "NAMESPACE");
        for (found, name) in [(commit.as_str(), "COMMIT"), (&commit[..8], "COMMIT")] {
            text = text.replace(found, name);
        }
        let words = text.replace(&self.git.base(), "GIT");
        words
            .lines()
            .map(|line| without_times(line) + "\n")
            .collect()
    }

    /// Starts `trueup controller` as a process of its own, told of no push.
    pub fn spawn_controller(&self) -> Child {
        self.spawn_with(&[])
    }

    /// The same, for the objects of this namespace alone.
    pub fn spawn_controller_here(&self) -> Child {
        self.spawn_with(&[
            "--watch-all-namespaces=false",
            "--leader-election-namespace",
            &self.namespace,
        ])
    }

    fn spawn_with(&self, more: &[&str]) -> Child {
        let storage = self.folder.path().join("controller");
        let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
        command.args([
            "controller",
            "--storage-addr=127.0.0.1:0",
            "--metrics-addr=127.0.0.1:0",
        ]);
        command
            .args(more)
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

    /// Starts `trueup controller` as a user of its own (`first` or `second`)
    /// that acts only as the leader; leases last 3 s.
    pub fn spawn_elected(&self, user: &str) -> Child {
        self.elected(user).spawn().unwrap()
    }

    /// `trueup controller` with the kubeconfig of a user, ready to be started.
    pub(super) fn elected(&self, user: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
        command.args([
            "controller",
            "--storage-addr=127.0.0.1:0",
            "--enable-leader-election",
            "--leader-election-lease-duration=3s",
            "--leader-election-renew-deadline=2s",
            "--leader-election-retry-period=500ms",
        ]);
        command
            .arg("--leader-election-namespace")
            .arg(&self.namespace)
            .arg(format!("--metrics-addr=127.0.0.1:{}", self.new_port(user)))
            .arg("--storage-path")
            .arg(self.folder.path().join(format!("storage-of-{user}")))
            .arg("--kubeconfig")
            .arg(self.folder.path().join(user));
        let log = std::fs::File::create(self.log_path(user)).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .env_remove("KUBECONFIG");
        command.kill_on_drop(true);
        command
    }

    /// What a process started by [`World::spawn_elected`] has logged.
    pub fn log_of(&self, user: &str) -> String {
        std::fs::read_to_string(self.log_path(user)).unwrap_or_default()
    }

    /// Whether a process started by [`World::spawn_elected`] says that it is
    /// ready.
    pub async fn is_process_ready(&self, user: &str) -> bool {
        let port = std::fs::read_to_string(self.port_path(user)).unwrap();
        let address = format!("127.0.0.1:{port}");
        let mut connection = TcpStream::connect(&address).await.unwrap();
        let request =
            format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer.starts_with("HTTP/1.1 200")
    }

    /// A free port, noted for later.
    fn new_port(&self, user: &str) -> u16 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::fs::write(self.port_path(user), port.to_string()).unwrap();
        port
    }

    fn port_path(&self, user: &str) -> PathBuf {
        self.folder.path().join(format!("port-of-{user}"))
    }

    fn log_path(&self, user: &str) -> PathBuf {
        self.folder.path().join(format!("log-of-{user}"))
    }

    /// Runs any program that takes kubectl's flags in the namespace of the test.
    pub async fn try_program(&self, program: &str, arguments: &[&str]) -> Answer {
        run(&mut self.program(program, arguments), None).await
    }

    /// Runs any program that takes kubectl's flags, in no certain namespace.
    pub async fn try_program_anywhere(&self, program: &str, arguments: &[&str]) -> Answer {
        run(&mut self.connected(program, arguments), None).await
    }

    /// Runs `trueup` on the cluster of the test, in no certain namespace.
    pub async fn try_trueup_anywhere(&self, arguments: &[&str]) -> Answer {
        run(
            &mut self.connected(env!("CARGO_BIN_EXE_trueup"), arguments),
            None,
        )
        .await
    }

    /// Runs `trueup` on the cluster of the test; it must succeed.
    pub async fn trueup_anywhere(&self, arguments: &[&str]) -> Answer {
        let answer = self.try_trueup_anywhere(arguments).await;
        assert!(
            answer.success,
            "trueup {}: {}{}",
            arguments.join(" "),
            answer.out,
            answer.err
        );
        answer
    }

    /// Starts `trueup` in the namespace of the test, its output to be read.
    pub fn spawn_trueup(&self, arguments: &[&str]) -> Child {
        let mut command = self.program(env!("CARGO_BIN_EXE_trueup"), arguments);
        command.env_remove("KUBECONFIG").env("NO_PROXY", "*");
        command.kill_on_drop(true).stdout(Stdio::piped());
        command.spawn().unwrap()
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

/// A line with `TIME` for every `2026-01-31 12:00:00 +0000 UTC`.
fn without_times(line: &str) -> String {
    const END: &str = " +0000 UTC";
    const LENGTH: usize = "2026-01-31 12:00:00".len();
    match line
        .find(END)
        .and_then(|end| Some((end.checked_sub(LENGTH)?, end + END.len())))
    {
        Some((start, end)) => format!("{}TIME{}", &line[..start], &line[end..]),
        None => line.to_owned(),
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
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}
