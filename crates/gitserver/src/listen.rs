//! Connections.

use crate::http_service::answer;
use crate::server::Inner;
use crate::{GitServer, GitServerError};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use trueup_listening::{ListenLimits, Stopping, serve_http1};

/// How long a client may take for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How long running requests may go on after a stop was asked for.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

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
        let limits = ListenLimits {
            max_connections: self.inner.options.max_connections,
            grace: STOP_TIMEOUT,
        };
        let serve = |stream, _, stopping| connection(Arc::clone(&self.inner), stream, stopping);
        trueup_listening::listen(listener, limits, serve, shutdown).await;
        Ok(())
    }
}

async fn connection(inner: Arc<Inner>, stream: TcpStream, stopping: Stopping) {
    let service = service_fn(move |request| answer(Arc::clone(&inner), request));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    serve_http1(stream, &builder, service, stopping).await;
}
