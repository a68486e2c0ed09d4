//! Real Prometheus.

use crate::patience::until;
use crate::programs::free_port;
use crate::tiny_http;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::{Child, Command};

/// Prometheus, which scrapes one address every second.
pub struct Prometheus {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Child,
}

impl Prometheus {
    /// Starts it; `target` is where the numbers are.
    pub async fn start(program: &Path, folder: PathBuf, target: &str) -> Self {
        // The labels are those of the numbers, not of the scrape.
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\n\
             scrape_configs:\n- job_name: ingress-nginx\n  honor_labels: true\n  \
             static_configs: [{{targets: ['{target}']}}]\n"
        );
        std::fs::write(folder.join("prometheus.yml"), config).unwrap();
        let port = free_port();
        let prometheus = Self {
            process: spawn(program, &folder, port),
            program: program.to_owned(),
            folder,
            port,
        };
        prometheus.answers().await;
        prometheus
    }

    /// Its address, as a URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Kills it where it stands.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again on its data, at the same address.
    pub async fn restart(&mut self) {
        self.process = spawn(&self.program, &self.folder, self.port);
        self.answers().await;
    }

    async fn answers(&self) {
        let address = format!("127.0.0.1:{}", self.port);
        until("Prometheus is ready", async || {
            let answer = tiny_http::get(&address, &address, "/-/ready", &[]).await;
            match answer {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => {
                    let log = std::fs::read_to_string(self.folder.join("log"));
                    Err(format!("{other:?}: {}", log.unwrap_or_default()))
                }
            }
        })
        .await;
    }
}

fn spawn(program: &Path, folder: &Path, port: u16) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"));
    Command::new(program)
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg(format!(
            "--config.file={}",
            folder.join("prometheus.yml").display()
        ))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .arg("--log.level=warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.unwrap())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
