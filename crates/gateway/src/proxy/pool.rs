//! Connections to endpoints, kept for the next request.

use super::body::Passing;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::collections::{HashMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// How long an endpoint may take to accept a connection.
pub const CONNECT_TIMEOUT_MS: u64 = 2_000;
/// How long a connection without a request is kept.
pub const MAX_IDLE_MS: u64 = 30_000;
/// How many connections without a request are kept for each endpoint.
pub const MAX_IDLE_CONNECTIONS: usize = 32;
/// How many bytes the head of an answer may have.
pub const MAX_ANSWER_HEAD_BYTES: usize = 64 * 1024;

/// The kept connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    idle: HashMap<SocketAddr, Vec<Idle>>,
    /// Endpoints whose connections are kept; those of others are closed as
    /// soon as they have no request.
    wanted: HashSet<SocketAddr>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Passing>,
    since: Instant,
}

/// How sending a request ended without an answer.
#[derive(Debug)]
pub(super) enum SendError {
    /// It was not sent: it can be sent again, whatever it is.
    NotSent(Box<http::Request<Passing>>),
    /// It may have been sent.
    Broken(hyper::Error),
}

/// A connection to an endpoint.
#[derive(Debug)]
pub(super) struct Connection {
    address: SocketAddr,
    sender: SendRequest<Passing>,
    pool: Pool,
}

impl Pool {
    /// Keeps connections of these endpoints only.
    pub(super) fn keep_only(&self, wanted: HashSet<SocketAddr>) {
        let mut kept = self.lock();
        kept.idle.retain(|address, _| wanted.contains(address));
        kept.wanted = wanted;
    }

    /// A kept connection that is still open.
    pub(super) fn take(&self, address: SocketAddr) -> Option<Connection> {
        let mut kept = self.lock();
        let idle = kept.idle.get_mut(&address)?;
        while let Some(Idle { sender, since }) = idle.pop() {
            let is_fresh = since.elapsed() < Duration::from_millis(MAX_IDLE_MS);
            if is_fresh && sender.is_ready() {
                return Some(self.connection(address, sender));
            }
        }
        None
    }

    /// A new connection.
    pub(super) async fn connect(&self, address: SocketAddr) -> io::Result<Connection> {
        let patience = Duration::from_millis(CONNECT_TIMEOUT_MS);
        let stream = timeout(patience, TcpStream::connect(address)).await??;
        // Small requests must not wait for more; without it they are only slower.
        drop(stream.set_nodelay(true));
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_ANSWER_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, %address, "a connection to an endpoint broke");
            }
        });
        Ok(self.connection(address, sender))
    }

    fn connection(&self, address: SocketAddr, sender: SendRequest<Passing>) -> Connection {
        Connection {
            address,
            sender,
            pool: self.clone(),
        }
    }

    fn put(&self, address: SocketAddr, sender: SendRequest<Passing>) {
        let mut kept = self.lock();
        if !kept.wanted.contains(&address) {
            return;
        }
        let idle = kept.idle.entry(address).or_default();
        idle.retain(|one| {
            let is_fresh = one.since.elapsed() < Duration::from_millis(MAX_IDLE_MS);
            is_fresh && one.sender.is_ready()
        });
        if idle.len() < MAX_IDLE_CONNECTIONS {
            let since = Instant::now();
            idle.push(Idle { sender, since });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // What is kept is whole between any two statements.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Sends a request; the connection is kept once its answer is through.
    pub(super) async fn send(
        mut self,
        request: http::Request<Passing>,
    ) -> Result<http::Response<Incoming>, SendError> {
        match self.sender.try_send_request(request).await {
            Ok(response) => {
                tokio::spawn(async move {
                    if self.sender.ready().await.is_ok() {
                        self.pool.put(self.address, self.sender);
                    }
                });
                Ok(response)
            }
            Err(mut failed) => Err(match failed.take_message() {
                Some(request) => SendError::NotSent(Box::new(request)),
                None => SendError::Broken(failed.into_error()),
            }),
        }
    }
}
