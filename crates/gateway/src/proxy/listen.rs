//! Connections of clients.

use super::Passing;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use trueup_listening::{ListenLimits, Stopping, serve_http1};

/// How many connections of clients may be open; more wait to be accepted.
pub const MAX_CONNECTIONS: usize = 1_024;
/// How long a client may take for the head of a request, and how long a
/// connection may be without one.
pub const HEAD_TIMEOUT_MS: u64 = 60_000;
/// How many bytes the head of a request may have.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How many headers a request may have.
pub const MAX_HEADERS: usize = 128;
/// How long running requests may go on after the end was asked for.
pub const SHUTDOWN_GRACE_MS: u64 = 5_000;

/// Who answers the requests of a client at an address.
pub(crate) trait Answer: Clone + Send + 'static {
    /// Answers one.
    fn answer(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> impl Future<Output = Response<Passing>> + Send;
}

impl Answer for super::Proxy {
    async fn answer(&self, request: Request<Incoming>, client: SocketAddr) -> Response<Passing> {
        Self::answer(self, request, client).await
    }
}

/// Serves connections until `shutdown`, then lets running requests end.
pub(crate) async fn listen<A: Answer>(
    listener: TcpListener,
    answer: A,
    shutdown: impl Future<Output = ()>,
) {
    let limits = ListenLimits {
        max_connections: MAX_CONNECTIONS,
        grace: Duration::from_millis(SHUTDOWN_GRACE_MS),
    };
    let serve = |stream, client, stopping| connection(stream, client, answer.clone(), stopping);
    trueup_listening::listen(listener, limits, serve, shutdown).await;
}

async fn connection<A: Answer>(
    stream: TcpStream,
    client: SocketAddr,
    answer: A,
    stopping: Stopping,
) {
    let service = service_fn(move |request| {
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(answer.answer(request, client).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEAD_TIMEOUT_MS))
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS);
    serve_http1(stream, &builder, service, stopping).await;
}
