//! The node's side of a supervised process.

use super::images::Program;
use super::supervisor::{Order, Report, TERMINATE};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines, Take};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a supervisor may take to start its process.
const START_TIMEOUT_MS: u64 = 60_000;

/// All that a supervisor may report.
const MAX_REPORTS_BYTES: u64 = 64 * 1024;

/// Output read in one go.
const CHUNK_BYTES: usize = 8 * 1024;

/// How long the output of a process that has ended may stay open: one that
/// left its group could hold it.
const DRAIN_TIMEOUT_MS: u64 = 1_000;

/// The exit code of a process whose supervisor was killed with it.
const KILLED_CODE: i32 = 128 + 9;

/// What a process is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// To end: SIGTERM.
    Terminate,
    /// It is ended, with all that it started: SIGKILL.
    Kill,
}

/// A process that runs under its supervisor. When it is dropped the
/// supervisor's input ends, and with that the process.
pub(super) struct Supervised {
    supervisor: Child,
    group: Option<Pid>,
    input: ChildStdin,
    reports: Lines<BufReader<Take<ChildStdout>>>,
    output: ChildStderr,
}

impl Supervised {
    /// Starts a process; the error says why it can't be. Values of its
    /// environment are in no message.
    pub(super) async fn start(supervisor: &Program, order: &Order) -> Result<Self, String> {
        let mut supervised = Self::spawn(supervisor).map_err(|error| {
            format!(
                "spawn the supervisor {}: {error}",
                supervisor.path.display()
            )
        })?;
        let limit = Duration::from_millis(START_TIMEOUT_MS);
        let outcome = match timeout(limit, supervised.order(order)).await {
            Ok(outcome) => outcome.map_err(|why| format!("{}: {why}", order.program)),
            Err(_) => Err(format!("the supervisor did not answer within {limit:?}")),
        };
        match outcome {
            Ok(()) => Ok(supervised),
            Err(why) => {
                supervised.reap().await;
                Err(why)
            }
        }
    }

    fn spawn(supervisor: &Program) -> io::Result<Self> {
        let mut child = Command::new(&supervisor.path)
            .args(&supervisor.arguments)
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let missing = || io::Error::other("a pipe is missing");
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        let output = child.stdout.take().ok_or_else(missing)?;
        Ok(Self {
            group: number.and_then(Pid::from_raw),
            input: child.stdin.take().ok_or_else(missing)?,
            reports: BufReader::new(output.take(MAX_REPORTS_BYTES)).lines(),
            output: child.stderr.take().ok_or_else(missing)?,
            supervisor: child,
        })
    }

    async fn order(&mut self, order: &Order) -> Result<(), String> {
        let told = self.input.write_all(&order.line()).await;
        match self.report().await {
            Some(Report::Started) => Ok(()),
            Some(Report::Failed(why)) => Err(why),
            Some(Report::Exited(_)) | None => match told {
                Err(error) => Err(format!("the supervisor does not take its order: {error}")),
                Ok(()) => Err("the supervisor ended without a report".to_owned()),
            },
        }
    }

    async fn report(&mut self) -> Option<Report> {
        self.reports
            .next_line()
            .await
            .ok()
            .flatten()
            .as_deref()
            .and_then(Report::of)
    }

    /// Follows the process to its end and returns its exit code. What it
    /// prints goes to `print`.
    pub(super) async fn follow(
        mut self,
        mut controls: mpsc::Receiver<Control>,
        mut print: impl FnMut(&[u8]) + Send,
    ) -> i32 {
        let mut chunk = vec![0; CHUNK_BYTES];
        let (mut prints, mut controlled) = (true, true);
        let code = loop {
            tokio::select! {
                report = self.reports.next_line() => match report {
                    Ok(Some(line)) => if let Some(Report::Exited(code)) = Report::of(&line) {
                        break code;
                    },
                    Ok(None) | Err(_) => break KILLED_CODE,
                },
                read = self.output.read(&mut chunk), if prints => match read {
                    Ok(0) | Err(_) => prints = false,
                    Ok(length) => print(&chunk[..length]),
                },
                control = controls.recv(), if controlled => match control {
                    Some(control) => self.control(control).await,
                    None => controlled = false,
                },
            }
        };
        self.kill_group();
        let drained = async {
            while let Ok(length @ 1..) = self.output.read(&mut chunk).await {
                print(&chunk[..length]);
            }
        };
        // What is still to come then comes from nobody that we know.
        let _ = timeout(Duration::from_millis(DRAIN_TIMEOUT_MS), drained).await;
        self.reap().await;
        code
    }

    async fn control(&mut self, control: Control) {
        match control {
            Control::Terminate => {
                if let Err(error) = self.input.write_all(&[TERMINATE]).await {
                    tracing::debug!(%error, "a supervisor that has ended is told to terminate");
                }
            }
            Control::Kill => self.kill_group(),
        }
    }

    /// Kills the supervisor and all that is in its group. Its number is not
    /// given to others before it is waited for.
    fn kill_group(&self) {
        if let Some(group) = self.group {
            // None is left where all have ended by themselves.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    async fn reap(mut self) {
        self.kill_group();
        if let Err(error) = self.supervisor.wait().await {
            tracing::debug!(%error, "waiting for a supervisor");
        }
    }
}
