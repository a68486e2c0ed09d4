//! The supervisor: this binary in another mode, between the node and one
//! process, so that the process never outlives the node.
//!
//! The node spawns it as the leader of a process group of its own and holds
//! the other end of its standard input. First comes one line, the [`Order`];
//! then one byte for each signal to pass on. When that input ends, by the
//! node's will or because the node was killed, the whole group is killed.
//! What happens is told as lines at standard output ([`Report`]); the output
//! of the process goes to standard error.

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_current_process_group, kill_process, waitid,
};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use trueup_object::{Value, from_json, to_json, value};

/// One order: program, arguments and environment.
const MAX_ORDER_BYTES: u64 = 8 * 1024 * 1024;

/// Asks the supervisor to send SIGTERM to its process.
pub(super) const TERMINATE: u8 = b't';

/// What a supervisor is to run.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub program: String,
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
}

impl Order {
    /// One line of JSON.
    pub(super) fn line(&self) -> Vec<u8> {
        let arguments: Vec<Value> = self.arguments.iter().map(|it| it.as_str().into()).collect();
        let environment = self.environment.iter();
        let environment: trueup_object::Map = environment
            .map(|(name, text)| (name.as_str(), text.as_str().into()))
            .collect();
        let mut line = to_json(&value!({
            "program": (self.program.as_str()), "arguments": arguments, "environment": environment,
        }));
        line.push(b'\n');
        line
    }

    fn of(line: &[u8]) -> Option<Self> {
        let order = from_json(line).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let environment = order.get("environment")?.as_map()?.iter();
        Some(Self {
            program: order.str_at(&["program"])?.to_owned(),
            arguments: order
                .get("arguments")?
                .as_list()?
                .iter()
                .map(text)
                .collect::<Option<_>>()?,
            environment: environment
                .map(|(name, value)| Some((name.to_string(), text(value)?)))
                .collect::<Option<_>>()?,
        })
    }
}

/// What a supervisor tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The process runs.
    Started,
    /// It could not be started; why.
    Failed(String),
    /// It has ended: its exit code, or 128 and the number of its signal.
    Exited(i32),
}

impl Report {
    fn line(&self) -> String {
        match self {
            Self::Started => "started\n".into(),
            Self::Failed(why) => format!("failed {}\n", why.replace('\n', " ")),
            Self::Exited(code) => format!("exited {code}\n"),
        }
    }

    pub(super) fn of(line: &str) -> Option<Self> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("started", "") => Some(Self::Started),
            ("failed", why) => Some(Self::Failed(why.to_owned())),
            ("exited", code) => code.parse().ok().map(Self::Exited),
            _ => None,
        }
    }
}

/// Runs one process as the node at standard input orders, and ends with it.
/// To be called by a binary that is spawned as
/// [`ProcessOptions::supervisor`](super::ProcessOptions::supervisor), and
/// before it starts anything else.
#[must_use]
pub fn supervise() -> ExitCode {
    match supervise_order() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&Report::Failed(error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn supervise_order() -> io::Result<()> {
    let order = read_order()?;
    let mut child = Command::new(&order.program)
        .args(&order.arguments)
        .env_clear()
        .envs(&order.environment)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::from(io::stderr()))
        .spawn()?;
    let pid = Pid::from_child(&child);
    let reaped = Arc::new(Mutex::new(false));
    let seen = Arc::clone(&reaped);
    thread::Builder::new().spawn(move || obey(pid, &seen))?;
    tell(&Report::Started);
    let status = wait(&mut child, pid, &reaped)?;
    let signalled = || status.signal().map(|signal| 128 + signal);
    tell(&Report::Exited(
        status.code().or_else(signalled).unwrap_or(-1),
    ));
    end_group();
    Ok(())
}

fn read_order() -> io::Result<Order> {
    let mut line = Vec::new();
    io::stdin()
        .lock()
        .take(MAX_ORDER_BYTES)
        .read_until(b'\n', &mut line)?;
    let refused = || io::Error::other("no order of a process node at standard input");
    Order::of(&line).ok_or_else(refused)
}

/// Passes signals on until the node is gone, then ends everything.
fn obey(pid: Pid, reaped: &Mutex<bool>) {
    for byte in io::stdin().lock().bytes() {
        match byte {
            Ok(TERMINATE) => {
                let gone = reaped.lock().unwrap_or_else(PoisonError::into_inner);
                if !*gone {
                    // It may have ended by now: then there is nobody to tell.
                    let _ = kill_process(pid, Signal::TERM);
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    end_group();
}

/// Waits for the process. Its number is given free only while nobody sends a
/// signal to it.
fn wait(child: &mut Child, pid: Pid, reaped: &Mutex<bool>) -> io::Result<ExitStatus> {
    loop {
        match waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        ) {
            Err(rustix::io::Errno::INTR) => {}
            outcome => break outcome.map(drop)?,
        }
    }
    let mut gone = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    *gone = true;
    child.wait()
}

/// Kills the group of this process, and so this process.
fn end_group() {
    // Nobody is left to be told if it fails.
    let _ = kill_current_process_group(Signal::KILL);
}

fn tell(report: &Report) {
    let mut output = io::stdout().lock();
    // A node that does not listen any more has ended the input as well.
    let _ = output
        .write_all(report.line().as_bytes())
        .and_then(|()| output.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_reports_come_back_as_they_were() {
        let order = Order {
            program: "/bin/a b".into(),
            arguments: vec![String::new(), "line\nline \"quoted\" \u{1f600}".into()],
            environment: [("A".to_owned(), "\n=\\".to_owned())].into(),
        };
        let line = order.line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert!(Order::of(&line).is_some_and(|again| again == order));
        for report in [
            Report::Started,
            Report::Failed("no such file".into()),
            Report::Exited(-1),
        ] {
            assert_eq!(Report::of(report.line().trim_end()), Some(report));
        }
        assert!(Order::of(b"{}").is_none() && Order::of(b"").is_none());
        assert_eq!(Report::of("exited x"), None);
    }
}
