//! `trueup loadtest` as a process beside an API server.

use crate::world::until;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

fn trueup(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null());
    command
}

/// A load tester that serves, and where.
struct Loadtest {
    child: Child,
    address: String,
}

impl Loadtest {
    async fn start(kubeconfig: &Path) -> Self {
        let mut command = trueup(&["loadtest", "--listen=127.0.0.1:0"]);
        command.args(["--gates-namespace=default", "--kubeconfig"]);
        command.arg(kubeconfig).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap();
            let line = line.expect("the address is told before the end");
            if let Some((_, rest)) = line.split_once(r#""address":""#) {
                break rest.split('"').next().unwrap().to_owned();
            }
        };
        // What is told later is read and dropped, so that the pipe never fills.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, address }
    }

    /// The status and the body of an answer.
    async fn post(&self, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gate_that_was_opened_is_open_after_a_kill_and_load_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let mut server = trueup(&["apiserver", "--listen=127.0.0.1:0", "--write-kubeconfig"]);
    let _server = server.arg(&kubeconfig).spawn().unwrap();
    until(async || match kubeconfig.exists() {
        true => Ok(()),
        false => Err("no kubeconfig yet".to_owned()),
    })
    .await;
    let mut loadtest = Loadtest::start(&kubeconfig).await;
    let canary = r#"{"name":"podinfo","namespace":"test"}"#;
    until(async || match loadtest.post("/gate/open", canary).await {
        (202, _) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    loadtest.child.kill().await.unwrap();
    let loadtest = Loadtest::start(&kubeconfig).await;
    let approved = (200, "Approved".to_owned());
    assert_eq!(loadtest.post("/gate/check", canary).await, approved);
    assert_eq!(loadtest.post("/rollback/check", canary).await.0, 403);
    let task = format!(
        r#"{{"name":"podinfo","namespace":"test","metadata":{{"type":"bash","returnCmdOutput":"true","cmd":"hey -n 5 -c 1 http://{}/healthz"}}}}"#,
        loadtest.address
    );
    let (status, report) = loadtest.post("/", &task).await;
    assert_eq!(status, 200, "{report}");
    assert!(report.contains("\nstatus 200: 5\n"), "{report}");
    let shell = task.replace("hey -n 5", "sh -c 'hey' ; hey -n 5");
    assert_eq!(loadtest.post("/", &shell).await.0, 403);
}
