//! Listeners: TLS for `kubectl` and everybody else, plain HTTP on loopback
//! for tests.

use super::body::Body;
use super::certificates::{CertificateError, Certificates};
use super::deadline::{self, Work};
use super::patience::{Activity, StallGuard};
use super::reply::{Reply, ReplyBody, TEXT, line};
use super::server::ApiServer;
use super::service::ApiService;
use crate::core::Request;
use http::HeaderMap;
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
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use trueup_listening::ListenLimits;
use trueup_object::{to_json, value};

/// How long a client may take for the TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How many bytes the headers of one request may have, as in Go's server.
pub const MAX_HEADER_BYTES: usize = 1024 * 1024;
/// How many headers one request may have.
pub const MAX_HEADERS: usize = 512;
/// How often a quiet HTTP/2 connection is asked whether it is still there.
pub const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long it may take to say that it is.
pub const PING_TIMEOUT: Duration = Duration::from_secs(15);
/// How long requests in progress may go on after the end was asked for.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// How many requests one HTTP/2 connection may have open, watches included.
pub const MAX_STREAMS: u32 = 1000;

/// What the listeners allow. The defaults are those of the genuine server,
/// where it has such a limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections may be open; more wait to be accepted.
    pub max_connections: usize,
    /// How many requests that change nothing may be in progress. What goes on
    /// until it is ended, such as a watch, is not counted; who is in
    /// `system:masters` is never refused.
    pub max_reading_in_flight: usize,
    /// How many requests that may change something may be in progress.
    pub max_mutating_in_flight: usize,
    /// How long a request may take, but for what goes on until it is ended; a
    /// request may ask for less by `timeout`.
    pub request_timeout_ms: u64,
    /// How long a client may take to send the headers of a request.
    pub header_timeout_ms: u64,
    /// How long a connection may be open without a request in progress; up to
    /// twice as long.
    pub idle_timeout_ms: u64,
    /// How long a client may take nothing of what is written to it.
    pub stall_timeout_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_reading_in_flight: 400,
            max_mutating_in_flight: 200,
            request_timeout_ms: 60_000,
            header_timeout_ms: 32_000,
            idle_timeout_ms: 90_000,
            stall_timeout_ms: 60_000,
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
            reading: Arc::new(Semaphore::new(limits.max_reading_in_flight)),
            mutating: Arc::new(Semaphore::new(limits.max_mutating_in_flight)),
            timeout: Duration::from_millis(limits.request_timeout_ms),
            ended: ended.clone(),
            activity: Activity::default(),
        };
        let serve = |stream, _, _| {
            let connection = Connection {
                transport: transport.clone(),
                service: LimitedService {
                    activity: Activity::default(),
                    ..service.clone()
                },
                ended: ended.clone(),
                limits,
            };
            connection.run(stream)
        };
        let bounds = ListenLimits {
            max_connections: limits.max_connections,
            grace: SHUTDOWN_GRACE,
        };
        let shutdown = async {
            shutdown.await;
            drop(end);
        };
        trueup_listening::listen(listener, bounds, serve, shutdown).await;
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
    limits: Limits,
}

impl Connection {
    async fn run(self, stream: TcpStream) {
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
        let limits = self.limits;
        let builder = builder(&limits);
        let stall = Duration::from_millis(limits.stall_timeout_ms);
        let activity = self.service.activity.clone();
        let stream = TokioIo::new(StallGuard::new(stream, stall));
        let mut connection = std::pin::pin!(builder.serve_connection(stream, self.service));
        let idle = activity.idle(Duration::from_millis(limits.idle_timeout_ms));
        let result = tokio::select! {
            result = connection.as_mut() => result,
            // Nothing is in progress that could be lost.
            () = idle => Ok(()),
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

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_timeout_ms))
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .max_concurrent_streams(MAX_STREAMS);
    builder
}

/// The service with a bound on requests in progress and on their time.
#[derive(Clone)]
struct LimitedService {
    service: ApiService,
    reading: Arc<Semaphore>,
    mutating: Arc<Semaphore>,
    timeout: Duration,
    ended: watch::Receiver<()>,
    /// Of this connection.
    activity: Activity,
}

/// A place among the requests in progress, for those that are counted.
type Place = Option<OwnedSemaphorePermit>;

/// Too many requests are in progress.
struct TooMany;

impl LimitedService {
    fn admit(&self, work: Work, headers: &HeaderMap) -> Result<Place, TooMany> {
        let places = match work {
            Work::LongRunning => return Ok(None),
            Work::Reading => &self.reading,
            Work::Mutating => &self.mutating,
        };
        match places.clone().try_acquire_owned() {
            Ok(place) => Ok(Some(place)),
            Err(_) if self.service.is_from_masters(headers) => Ok(None),
            Err(_) => Err(TooMany),
        }
    }

    async fn respond(mut self, request: http::Request<Incoming>) -> http::Response<Body> {
        let target = request.uri().path_and_query().map_or("/", |it| it.as_str());
        let asked = Request::new(request.method().as_str(), target);
        let work = Work::of(&asked);
        let Ok(place) = self.admit(work, request.headers()) else {
            return too_many();
        };
        let in_progress = self.activity.begin();
        let answer = tower::Service::call(&mut self.service, request);
        let answer = if work == Work::LongRunning {
            answer.await
        } else {
            // A time that can't be read is refused by the service.
            let wanted = deadline::requested(&asked.query).ok().flatten();
            let time = wanted.map_or(self.timeout, |wanted| wanted.min(self.timeout));
            match tokio::time::timeout(time, answer).await {
                Ok(answer) => answer,
                Err(_) => return took_too_long(),
            }
        };
        drop(place);
        let Ok(mut response) = answer;
        let mut ended = self.ended;
        // The sender says nothing: that it is gone is the message.
        response.body_mut().end_at(async move {
            drop(ended.changed().await);
            drop(in_progress);
        });
        response
    }
}

impl hyper::service::Service<http::Request<Incoming>> for LimitedService {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.respond(request).await) })
    }
}

fn too_many() -> http::Response<Body> {
    plain(
        Reply::text(429, "Too many requests, please try again later.\n")
            .with_header(RETRY_AFTER, "1"),
    )
}

/// The genuine server writes this one status without its kind, as text.
fn took_too_long() -> http::Response<Body> {
    let message = "Timeout: request did not complete within the allotted timeout";
    let status = value!({
        "metadata": {}, "status": "Failure", "message": message, "reason": "Timeout",
        "details": {}, "code": 504
    });
    plain(Reply::full(504, TEXT, line(to_json(&status))))
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
