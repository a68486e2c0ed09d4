//! One run of git for one request.

use crate::feed::{Encoding, FeedLimits, feed};
use bytes::Bytes;
use http::StatusCode;
use hyper::body::Incoming;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// How large a push may be, unpacked from its transport encoding.
pub const MAX_PUSH_BYTES: u64 = 2 << 30;

/// How large the request of a fetch may be: what the client has and wants.
pub const MAX_FETCH_REQUEST_BYTES: u64 = 32 << 20;

/// How long a client may send or take nothing.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long one request may last.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// How many pieces of output wait for a slow client.
const PIECES_WAITING: usize = 8;

/// How much of git's standard error is kept for the log.
const MAX_LOGGED_BYTES: usize = 4096;

const PIECE_BYTES: usize = 32 << 10;

/// Why a request fails, as the client is told.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub status: StatusCode,
    pub message: String,
}

impl Failure {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }
}

/// What is fed to git, and within which limits.
pub(crate) struct Input {
    pub body: Incoming,
    pub encoding: Encoding,
    pub limits: FeedLimits,
}

/// The output of git, or why there is none.
pub(crate) type Output = mpsc::Receiver<Result<Bytes, Failure>>;

/// Starts git and streams to and from it in a task of its own. The output
/// ends after `finish` has run. If nobody takes the output any more, git is
/// killed; `finish` runs nevertheless.
pub(crate) fn start(
    mut command: Command,
    input: Input,
    request_timeout: Duration,
    finish: impl Future<Output = ()> + Send + 'static,
) -> Result<Output, Failure> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| {
        tracing::error!(%error, "git could not be started");
        Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "git could not be started",
        )
    })?;
    let (sender, receiver) = mpsc::channel(PIECES_WAITING);
    tokio::spawn(async move {
        let failure =
            match tokio::time::timeout(request_timeout, exchange(child, input, &sender)).await {
                Ok(result) => result.err(),
                Err(_) => Some(Failure::new(
                    StatusCode::GATEWAY_TIMEOUT,
                    "the request took too long",
                )),
            };
        // The child is gone by now, killed if it had to be.
        finish.await;
        if let Some(failure) = failure {
            let _ = sender.send(Err(failure)).await;
        }
    });
    Ok(receiver)
}

async fn exchange(
    mut child: Child,
    input: Input,
    sender: &mpsc::Sender<Result<Bytes, Failure>>,
) -> Result<(), Failure> {
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(Failure::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "git has no pipes",
        ));
    };
    let idle_timeout = input.limits.idle_timeout;
    let feeding = feed(input.body, stdin, input.encoding, input.limits);
    let pumping = pump(stdout, sender, idle_timeout);
    let complaints = read_start(stderr);
    tokio::pin!(feeding, pumping, complaints);
    let (mut fed, mut said, mut spoke) = (false, String::new(), Spoke::Nothing);
    let mut listening = true;
    let result = loop {
        tokio::select! {
            result = &mut feeding, if !fed => match result {
                Ok(()) => fed = true,
                Err(failure) => break Err(failure),
            },
            text = &mut complaints, if listening => {
                said = text;
                listening = false;
            }
            result = &mut pumping => match result {
                Ok(pumped) => {
                    spoke = pumped;
                    break Ok(());
                }
                Err(failure) => break Err(failure),
            },
            () = sender.closed() => {
                break Err(Failure::new(StatusCode::BAD_REQUEST, "the client went away"));
            }
        }
    };
    if result.is_err() {
        let _ = child.kill().await;
        return result;
    }
    let status = child.wait().await;
    if listening {
        said = complaints.await;
    }
    match status {
        Ok(status) if status.success() => Ok(()),
        // Why it gave up is in what it wrote ("not our ref"): the client has
        // to get that whole, and Git's packets tell it where they end.
        Ok(status) if status.code().is_some() && spoke == Spoke::Something => {
            tracing::debug!(?status, stderr = said, "git refused");
            Ok(())
        }
        status => {
            tracing::debug!(?status, stderr = said, "git failed");
            Err(Failure::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("git failed: {said}"),
            ))
        }
    }
}

/// Whether git wrote anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoke {
    Nothing,
    Something,
}

async fn pump(
    mut stdout: impl AsyncRead + Unpin,
    sender: &mpsc::Sender<Result<Bytes, Failure>>,
    idle_timeout: Duration,
) -> Result<Spoke, Failure> {
    let mut spoke = Spoke::Nothing;
    loop {
        let mut piece = bytes::BytesMut::with_capacity(PIECE_BYTES);
        let read = stdout.read_buf(&mut piece).await;
        if read.map_err(|_| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "git broke off"))? == 0
        {
            return Ok(spoke);
        }
        spoke = Spoke::Something;
        let sent = tokio::time::timeout(idle_timeout, sender.send(Ok(piece.freeze()))).await;
        if !matches!(sent, Ok(Ok(()))) {
            return Err(Failure::new(
                StatusCode::REQUEST_TIMEOUT,
                "the client took no output",
            ));
        }
    }
}

/// The start of a stream, which is read to its end.
async fn read_start(mut stream: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut piece = [0; 1024];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        let room = MAX_LOGGED_BYTES - kept.len();
        kept.extend_from_slice(&piece[..read.min(room)]);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}
