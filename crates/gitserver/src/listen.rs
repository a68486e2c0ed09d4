//! Connections.

use crate::http_service::answer;
use crate::server::Inner;
use crate::{GitServer, GitServerError};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long a client may take for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How long running requests may go on after a stop was asked for.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait after the system refused a connection, for lack of file
/// handles for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl GitServer {
    /// Serves connections until `shutdown` resolves, then lets running
    /// requests end for a few seconds.
    pub async fn serve(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), GitServerError> {
        // An unusable listener is told at once; later trouble passes.
        listener
            .local_addr()
            .map_err(|source| GitServerError::Listen { source })?;
        let connections = Arc::new(Semaphore::new(self.inner.options.max_connections));
        let (stop, stopping) = watch::channel(());
        let mut running = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                () = &mut shutdown => break,
                Some(_) = running.join_next() => continue,
                accepted = accept(&listener, &connections) => accepted,
            };
            let Some((stream, permit)) = accepted else {
                continue;
            };
            let (inner, stopping) = (Arc::clone(&self.inner), stopping.clone());
            running.spawn(async move {
                connection(inner, stream, stopping).await;
                drop(permit);
            });
        }
        drop(listener);
        drop(stop);
        let end = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_TIMEOUT, end).await.is_err() {
            running.shutdown().await;
        }
        Ok(())
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(inner: Arc<Inner>, stream: TcpStream, mut stopping: watch::Receiver<()>) {
    // Small answers must not wait for more to come.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(Arc::clone(&inner), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
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
        tracing::debug!(%error, "a connection ended early");
    }
}
