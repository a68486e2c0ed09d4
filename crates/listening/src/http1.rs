//! HTTP/1.1 on one connection.

use super::Stopping;
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::HttpService;
use hyper_util::rt::TokioIo;
use std::error::Error;
use tokio::net::TcpStream;

/// Answers the requests of a connection one after the other until the client
/// ends it or the end is asked for; a request in progress is answered before.
/// A connection that breaks is told to the log only.
pub async fn serve_http1<S, B>(
    stream: TcpStream,
    builder: &Builder,
    service: S,
    mut stopping: Stopping,
) where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = &mut connection => result,
        () = stopping.asked_for() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a client's connection ended early");
    }
}
