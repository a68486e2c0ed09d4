//! Ways to reach a remote. HTTP is served; SSH finds its place here.

use bytes::{Bytes, BytesMut};

use super::http::HttpTransport;
use super::packet::{Packet, take_packet};
use crate::error::Failure;

/// A way to talk to `upload-pack` of one remote.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Smart HTTP.
    Http(HttpTransport),
}

impl Transport {
    /// Opens the conversation: the remote's capabilities, for old servers with
    /// its references.
    pub(crate) async fn advertise(&mut self, max_bytes: u64) -> Result<PacketStream, Failure> {
        match self {
            Transport::Http(http) => http.advertise(max_bytes).await,
        }
    }

    /// Sends one request and answers the stream of packets that comes back.
    pub(crate) async fn request(
        &self,
        body: Vec<u8>,
        version: ProtocolVersion,
        max_bytes: u64,
    ) -> Result<PacketStream, Failure> {
        match self {
            Transport::Http(http) => http.request(body, version, max_bytes).await,
        }
    }
}

/// Which protocol the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProtocolVersion {
    /// The old one: references come first, unasked.
    Zero,
    /// Commands.
    Two,
}

/// Packets as they arrive, under a limit.
#[derive(Debug)]
pub(crate) struct PacketStream {
    body: Body,
    buffer: BytesMut,
    received_bytes: u64,
    max_bytes: u64,
}

#[derive(Debug)]
pub(crate) enum Body {
    Http(reqwest::Response),
}

impl PacketStream {
    pub(crate) fn new(body: Body, max_bytes: u64) -> Self {
        PacketStream {
            body,
            buffer: BytesMut::new(),
            received_bytes: 0,
            max_bytes,
        }
    }

    /// The next packet, `None` at the end. A packet `ERR` is a failure.
    pub(crate) async fn next(&mut self) -> Result<Option<Packet>, Failure> {
        loop {
            if let Some(packet) = take_packet(&mut self.buffer)? {
                return match server_error(&packet) {
                    Some(failure) => Err(failure),
                    None => Ok(Some(packet)),
                };
            }
            match self.chunk().await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Failure::protocol("the answer was cut off")),
            }
        }
    }

    /// The next packet, which must be there.
    pub(crate) async fn require(&mut self) -> Result<Packet, Failure> {
        self.next()
            .await?
            .ok_or_else(|| Failure::protocol("the answer ended too early"))
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let chunk = match &mut self.body {
            Body::Http(response) => response.chunk().await.map_err(super::http::broken)?,
        };
        self.received_bytes += chunk.as_ref().map_or(0, Bytes::len) as u64;
        if self.received_bytes > self.max_bytes {
            return Err(Failure::limit(
                "the answer of the server",
                format_args!("{} bytes", self.max_bytes),
            ));
        }
        Ok(chunk)
    }

    /// How much came so far.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes
    }
}

/// What a packet `ERR` says.
fn server_error(packet: &Packet) -> Option<Failure> {
    let line = packet.any_line()?;
    line.strip_prefix("ERR ").map(remote_failure)
}

/// How the server's own messages begin.
pub(crate) const SERVER_SAYS: &str = "the server says";

/// What the server says went wrong, shortened to one line.
pub(crate) fn remote_failure(message: &str) -> Failure {
    const MAX_MESSAGE: usize = 300;
    let message = message.trim();
    let line: String = message
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|one| !one.is_control())
        .take(MAX_MESSAGE)
        .collect();
    Failure::protocol(format!("{SERVER_SAYS}: {line}"))
}
