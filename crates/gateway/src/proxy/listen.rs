//! Connections of clients.

use super::Passing;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

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
/// How long to wait after the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stop, stopping) = watch::channel(());
    let mut running = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            Some(_) = running.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, client, place)) = accepted else {
            continue;
        };
        let (answer, stopping) = (answer.clone(), stopping.clone());
        running.spawn(async move {
            connection(stream, client, answer, stopping).await;
            drop(place);
        });
    }
    drop(listener);
    drop(stop);
    let end = async { while running.join_next().await.is_some() {} };
    let grace = Duration::from_millis(SHUTDOWN_GRACE_MS);
    if tokio::time::timeout(grace, end).await.is_err() {
        running.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, client)) => Some((stream, client, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection<A: Answer>(
    stream: TcpStream,
    client: SocketAddr,
    answer: A,
    mut stopping: watch::Receiver<()>,
) {
    // Small answers must not wait for more; without it they are only slower.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| {
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(answer.answer(request, client).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEAD_TIMEOUT_MS))
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = &mut connection => result,
        // The sender never sends; it is dropped to stop.
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a client's connection ended early");
    }
}
