//! From the body of a request to the standard input of git.

use crate::session::Failure;
use bytes::Bytes;
use flate2::write::GzDecoder;
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::io::Write;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;

/// How much compressed data is unpacked at once: deflate makes at most some
/// thousand bytes out of one, so this bounds what is held in memory.
const UNPACKED_AT_ONCE_BYTES: usize = 4096;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Gzip,
}

/// What may be fed, and how fast it must come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FeedLimits {
    pub max_bytes: u64,
    pub idle_timeout: Duration,
}

/// Writes the whole body to git and closes its input. Git may stop reading
/// early; that is for its exit status to explain.
pub(crate) async fn feed(
    mut body: Incoming,
    mut stdin: ChildStdin,
    encoding: Encoding,
    limits: FeedLimits,
) -> Result<(), Failure> {
    let mut decoder = GzDecoder::new(Vec::new());
    let mut fed_bytes: u64 = 0;
    loop {
        let frame = tokio::time::timeout(limits.idle_timeout, body.frame())
            .await
            .map_err(|_| {
                Failure::new(StatusCode::REQUEST_TIMEOUT, "the request came too slowly")
            })?;
        let Some(frame) = frame else { break };
        let frame =
            frame.map_err(|_| Failure::new(StatusCode::BAD_REQUEST, "the request broke off"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        for part in data.chunks(UNPACKED_AT_ONCE_BYTES) {
            let plain = match encoding {
                Encoding::Plain => data.slice_ref(part),
                Encoding::Gzip => unpack(&mut decoder, part)?,
            };
            fed_bytes += plain.len() as u64;
            if fed_bytes > limits.max_bytes {
                return Err(too_large(limits.max_bytes));
            }
            if write(&mut stdin, &plain, limits.idle_timeout)
                .await?
                .is_closed()
            {
                return Ok(());
            }
        }
    }
    if encoding == Encoding::Gzip {
        decoder.try_finish().map_err(|_| not_gzip())?;
        write(
            &mut stdin,
            &std::mem::take(decoder.get_mut()),
            limits.idle_timeout,
        )
        .await?;
    }
    let _ = stdin.shutdown().await;
    Ok(())
}

pub(crate) fn too_large(limit: u64) -> Failure {
    Failure::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the request is larger than {limit} bytes"),
    )
}

fn not_gzip() -> Failure {
    Failure::new(
        StatusCode::BAD_REQUEST,
        "the request is no whole gzip stream",
    )
}

fn unpack(decoder: &mut GzDecoder<Vec<u8>>, part: &[u8]) -> Result<Bytes, Failure> {
    decoder.write_all(part).map_err(|_| not_gzip())?;
    Ok(std::mem::take(decoder.get_mut()).into())
}

/// Whether git still reads its input.
#[derive(Clone, Copy)]
enum Pipe {
    Open,
    Closed,
}

impl Pipe {
    fn is_closed(self) -> bool {
        matches!(self, Self::Closed)
    }
}

async fn write(stdin: &mut ChildStdin, data: &[u8], patience: Duration) -> Result<Pipe, Failure> {
    match tokio::time::timeout(patience, stdin.write_all(data)).await {
        Ok(Ok(())) => Ok(Pipe::Open),
        Ok(Err(_)) => Ok(Pipe::Closed),
        Err(_) => Err(Failure::new(
            StatusCode::GATEWAY_TIMEOUT,
            "git took no input for too long",
        )),
    }
}
