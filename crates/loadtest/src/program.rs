//! Runs programs that are allowed.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// The most bytes that are kept of what a program prints.
pub const MAX_OUTPUT_BYTES: usize = 64 << 10;

/// How a task ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// What it printed.
    pub output: String,
    /// What went wrong, if anything did.
    pub failure: Option<String>,
}

/// Runs a program with its arguments, without a shell and without input, in
/// the environment of this process. What it prints is read to the end and kept
/// up to [`MAX_OUTPUT_BYTES`]. After `timeout`, and when the future is
/// dropped, it is killed.
pub(crate) async fn run(words: &[String], timeout: Duration) -> Ended {
    let Some((program, arguments)) = words.split_first() else {
        return failed("no program is named");
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return failed(&format!("start {program}: {error}")),
    };
    let printed = Printed::default();
    let reading = futures::future::join(
        printed.keep(child.stdout.take()),
        printed.keep(child.stderr.take()),
    );
    let ending = async {
        reading.await;
        child.wait().await
    };
    let failure = match tokio::time::timeout(timeout, ending).await {
        Ok(Ok(status)) => failure_of(status),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("killed after {timeout:?}")),
    };
    Ended {
        output: printed.text(),
        failure,
    }
}

fn failed(words: &str) -> Ended {
    Ended {
        output: String::new(),
        failure: Some(words.to_owned()),
    }
}

/// In the words of Go's `os/exec`, as far as they say the same.
fn failure_of(status: ExitStatus) -> Option<String> {
    if status.success() {
        return None;
    }
    Some(match (status.code(), signal_of(status)) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal: {}", signal_name(signal)),
        (None, None) => status.to_string(),
    })
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
const fn signal_of(_status: ExitStatus) -> Option<i32> {
    None
}

/// Signals whose numbers are the same on every Unix, as Go calls them.
fn signal_name(signal: i32) -> String {
    match signal {
        1 => "hangup".to_owned(),
        2 => "interrupt".to_owned(),
        3 => "quit".to_owned(),
        6 => "aborted".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        13 => "broken pipe".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    }
}

/// What a program prints, in the order in which it comes.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    async fn keep(&self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut piece = vec![0; 4096];
        // A pipe that can't be read has come to its end, too.
        while let Ok(length @ 1..) = pipe.read(&mut piece).await {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let free = MAX_OUTPUT_BYTES - kept.len();
            kept.extend_from_slice(&piece[..length.min(free)]);
        }
    }

    fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    async fn sh(script: &str, timeout: Duration) -> Ended {
        run(&["sh", "-c", script].map(str::to_owned), timeout).await
    }

    #[tokio::test]
    async fn what_a_program_says_and_how_it_ends_is_told() {
        let good = sh("echo out; echo err >&2", LONG).await;
        assert_eq!(good.failure, None);
        assert!(good.output.contains("out\n") && good.output.contains("err\n"));
        let bad = sh("printf why; exit 3", LONG).await;
        assert_eq!(
            (bad.output.as_str(), bad.failure.as_deref()),
            ("why", Some("exit status 3"))
        );
        let killed = sh("kill -9 $$", LONG).await;
        assert_eq!(killed.failure.as_deref(), Some("signal: killed"));
        let missing = run(&["/no/such/program".to_owned()], LONG).await;
        assert!(
            missing
                .failure
                .unwrap()
                .starts_with("start /no/such/program")
        );
        assert!(run(&[], LONG).await.failure.is_some());
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_killed_and_what_it_said_is_kept() {
        let ended = sh("echo begun; exec sleep 3600", Duration::from_millis(500)).await;
        assert!(ended.failure.unwrap().starts_with("killed after"));
        assert!(matches!(ended.output.as_str(), "begun\n" | ""));
    }

    #[tokio::test]
    async fn what_it_prints_without_end_is_read_and_not_kept() {
        let ended = sh("head -c 1000000 /dev/zero", LONG).await;
        assert_eq!(
            (ended.output.len(), ended.failure),
            (MAX_OUTPUT_BYTES, None)
        );
    }
}
