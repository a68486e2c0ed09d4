//! Listeners: TLS for `kubectl` and everybody else, plain HTTP on loopback
//! for tests.

use super::body::Body;
use super::certificates::{CertificateError, Certificates};
use super::reply::{Layout, Reply, ReplyBody};
use super::server::ApiServer;
use super::service::ApiService;
use crate::core::ApiError;
use http::header::RETRY_AFTER;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// How long a client may take for the TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send the headers of a request.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long requests in progress may go on after the end was asked for.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// How many requests one HTTP/2 connection may have open, watches included.
pub const MAX_STREAMS: u32 = 1000;
/// How long to wait after the system refused a connection, as it does when
/// there are too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the listeners allow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections may be open.
    pub max_connections: usize,
    /// How many requests may be in progress, watches not counted once they
    /// have begun.
    pub max_requests_in_flight: usize,
    /// How long a request may take, watches not counted once they have begun.
    pub request_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_requests_in_flight: 600,
            request_timeout_ms: 60_000,
        }
    }
}

/// How to listen with TLS.
#[derive(Debug)]
pub struct ServeOptions {
    /// The certificates to show.
    pub certificates: Certificates,
    /// What is allowed.
    pub limits: Limits,
}

/// Why listening ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The certificates can't be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The listener is gone.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// Plain HTTP was asked for on an address that others can reach.
    #[error("{0} is no loopback address: plain HTTP would show tokens to the network")]
    NotLoopback(std::net::SocketAddr),
}

impl ApiServer {
    /// Serves HTTPS (HTTP/1.1 and HTTP/2) with bearer tokens, until
    /// `shutdown` is done; then requests in progress get
    /// 5 seconds, and watches end.
    pub async fn serve_tls(
        &self,
        listener: TcpListener,
        options: ServeOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let acceptor = TlsAcceptor::from(Arc::new(options.certificates.server_config()?));
        self.serve(listener, Transport::Tls(acceptor), options.limits, shutdown)
            .await
    }

    /// Serves plain HTTP with bearer tokens on a loopback address.
    pub async fn serve_plain(
        &self,
        listener: TcpListener,
        limits: Limits,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback(address));
        }
        self.serve(listener, Transport::Plain, limits, shutdown)
            .await
    }

    async fn serve(
        &self,
        listener: TcpListener,
        transport: Transport,
        limits: Limits,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ServeError> {
        let (end, ended) = watch::channel(());
        let service = LimitedService {
            service: self.authenticating_service(),
            in_flight: Arc::new(Semaphore::new(limits.max_requests_in_flight)),
            timeout: Duration::from_millis(limits.request_timeout_ms),
            ended: ended.clone(),
        };
        let places = Arc::new(Semaphore::new(limits.max_connections));
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = async {
                let place = places.clone().acquire_owned().await;
                (listener.accept().await, place)
            };
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                (accepted, place) = accepted => match accepted {
                    Ok((stream, _)) => {
                        let connection = Connection {
                            transport: transport.clone(),
                            service: service.clone(),
                            ended: ended.clone(),
                        };
                        connections.spawn(async move {
                            connection.run(stream).await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        drop(end);
        let rest = async { while connections.join_next().await.is_some() {} };
        // What is left after the grace is cut off when the set is dropped.
        drop(tokio::time::timeout(SHUTDOWN_GRACE, rest).await);
        Ok(())
    }
}

#[derive(Clone)]
enum Transport {
    Plain,
    Tls(TlsAcceptor),
}

struct Connection {
    transport: Transport,
    service: LimitedService,
    ended: watch::Receiver<()>,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
        // Small answers must not wait for more; without it they are only slower.
        drop(stream.set_nodelay(true));
        match &self.transport {
            Transport::Plain => self.serve(stream).await,
            Transport::Tls(acceptor) => {
                match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => self.serve(stream).await,
                    Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                    Err(_) => tracing::debug!("TLS handshake took too long"),
                }
            }
        }
    }

    async fn serve(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS);
        let mut connection =
            std::pin::pin!(builder.serve_connection(TokioIo::new(stream), self.service));
        let result = tokio::select! {
            result = connection.as_mut() => result,
            _ = self.ended.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(%error, "a connection broke");
        }
    }
}

/// The service with a bound on requests in progress and on their time.
#[derive(Clone)]
struct LimitedService {
    service: ApiService,
    in_flight: Arc<Semaphore>,
    timeout: Duration,
    ended: watch::Receiver<()>,
}

impl hyper::service::Service<http::Request<Incoming>> for LimitedService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let Self {
            mut service,
            in_flight,
            timeout,
            mut ended,
        } = self.clone();
        Box::pin(async move {
            let Ok(place) = in_flight.try_acquire_owned() else {
                return Ok(too_many());
            };
            let answer = tower::Service::call(&mut service, request);
            let answer = tokio::time::timeout(timeout, answer).await;
            drop(place);
            let Ok(Ok(mut response)) = answer else {
                return Ok(took_too_long());
            };
            // The sender says nothing: that it is gone is the message.
            response
                .body_mut()
                .end_at(async move { drop(ended.changed().await) });
            Ok(response)
        })
    }
}

fn too_many() -> http::Response<Body> {
    plain(
        Reply::text(429, "Too many requests, please try again later.\n")
            .with_header(RETRY_AFTER, "1"),
    )
}

fn took_too_long() -> http::Response<Body> {
    let message = "Timeout: request did not complete within the allotted timeout";
    plain(Reply::error(
        &ApiError::new(504, "Timeout", message),
        Layout::Compact,
    ))
}

fn plain(reply: Reply) -> http::Response<Body> {
    let body = match reply.body {
        ReplyBody::Full(bytes) => Body::full(bytes),
        ReplyBody::Watch(watch) => Body::watch(watch),
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
