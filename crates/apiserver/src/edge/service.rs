//! The server as a `tower` service: HTTP in, HTTP out.

use super::authentication::Impersonation;
use super::authorization::{Attributes, MASTERS};
use super::body::Body;
use super::deadline::{self, Work};
use super::negotiation::error_format;
use super::reply::{Layout, Reply, ReplyBody};
use super::server::ApiServer;
use crate::core::{ApiError, Identity, Request};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    USER_AGENT, VARY,
};
use http::{HeaderMap, HeaderName, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::convert::Infallible;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The largest request body that is read.
pub const MAX_BODY_BYTES: usize = 3 * 1024 * 1024;
/// Answers of at least this size are compressed for clients that take it.
pub const COMPRESSED_FROM_BYTES: usize = 128 * 1024;

/// Errors of request bodies.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Who the requests of a service come from.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Somebody who is known already; `Authorization` is not looked at.
    Known(Identity),
    /// Whoever the bearer token says.
    Bearer,
}

/// A server as the transport of a client in the same process, or behind a
/// listener. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct ApiService {
    server: ApiServer,
    caller: Caller,
}

impl ApiServer {
    /// A service whose requests all come from `identity` (or whom it may
    /// impersonate): what `kube::Client::new` wants in the same process.
    #[must_use]
    pub fn service(&self, identity: Identity) -> ApiService {
        ApiService {
            server: self.clone(),
            caller: Caller::Known(identity),
        }
    }

    /// A service that asks each request for its bearer token.
    #[must_use]
    pub fn authenticating_service(&self) -> ApiService {
        ApiService {
            server: self.clone(),
            caller: Caller::Bearer,
        }
    }
}

impl<B> tower::Service<http::Request<B>> for ApiService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.respond(request).await) })
    }
}

impl ApiService {
    async fn respond<B>(self, request: http::Request<B>) -> http::Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let mut request = Request::new(
            parts.method.as_str(),
            parts.uri.path_and_query().map_or("/", |it| it.as_str()),
        );
        let text = |name: HeaderName| {
            parts
                .headers
                .get(name)
                .and_then(|it| it.to_str().ok())
                .map(str::to_owned)
        };
        request.content_type = text(CONTENT_TYPE);
        request.accept = joined(&parts.headers, &ACCEPT);
        request.user_agent = text(USER_AGENT);
        let who = checked_deadline(&request).and_then(|()| self.identify(&parts.headers, &request));
        let identity = match who {
            Ok(identity) => identity,
            Err(error) => {
                return finish(
                    Reply::error(&error, error_format(&request)),
                    &request,
                    &parts.headers,
                );
            }
        };
        request.body = match read_body(body).await {
            Ok(body) => body,
            Err(error) => {
                return finish(
                    Reply::error(&error, error_format(&request)),
                    &request,
                    &parts.headers,
                );
            }
        };
        let reply = self
            .server
            .handle(&request, &identity, self.server.clock().now());
        let reply = self.when_durable(reply).await;
        finish(reply, &request, &parts.headers)
    }

    /// Whether the one who asks, before impersonation, is never refused for the
    /// number of requests.
    pub(super) fn is_from_masters(&self, headers: &HeaderMap) -> bool {
        let asker = self.asker(headers);
        asker.is_ok_and(|asker| asker.groups.iter().any(|group| group == MASTERS))
    }

    /// Who asks, before impersonation.
    fn asker(&self, headers: &HeaderMap) -> Result<Identity, ApiError> {
        let inner = &self.server.inner;
        Ok(match &self.caller {
            Caller::Known(identity) => identity.clone(),
            Caller::Bearer => {
                let header = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
                inner.authentication.authenticate(
                    inner.core.store(),
                    header,
                    self.server.clock().now(),
                )?
            }
        })
    }

    /// Who asks, after impersonation.
    fn identify(&self, headers: &HeaderMap, request: &Request) -> Result<Identity, ApiError> {
        let asker = self.asker(headers)?;
        let Some(wanted) = Impersonation::read(headers)? else {
            return Ok(asker);
        };
        wanted.resolve(&asker, &Attributes::of(request), &|needed| {
            self.server.authorize(&asker, needed)
        })
    }

    /// An answer that tells of a write leaves only when the write is kept.
    async fn when_durable(&self, reply: Reply) -> Reply {
        if reply.revision == 0 {
            return reply;
        }
        match self
            .server
            .core()
            .store()
            .durable()
            .wait(reply.revision)
            .await
        {
            Ok(()) => reply,
            Err(_) => {
                let error = ApiError::internal("the write could not be kept; see the server's log");
                Reply::error(&error, Layout::Compact)
            }
        }
    }
}

/// Refuses a `timeout` that is none, of a request that would end by it.
fn checked_deadline(request: &Request) -> Result<(), ApiError> {
    if !request.query.contains("timeout=") || Work::of(request) == Work::LongRunning {
        return Ok(());
    }
    deadline::requested(&request.query).map(drop)
}

/// All values of a header in one, as lists in headers may be split.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|it| it.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

async fn read_body<B>(body: B) -> Result<Bytes, ApiError>
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            let message = format!("Request entity too large: limit is {MAX_BODY_BYTES}");
            Err(ApiError::new(413, "RequestEntityTooLarge", message))
        }
        Err(error) => Err(ApiError::bad_request(format!(
            "the request body could not be read: {error}"
        ))),
    }
}

/// The answer as HTTP, compressed if it is large and the client takes that,
/// left out if the client has it already.
fn finish(mut reply: Reply, request: &Request, asked: &HeaderMap) -> http::Response<Body> {
    let known = asked
        .get(IF_NONE_MATCH)
        .is_some_and(|tag| reply.headers.get(ETAG) == Some(tag));
    if known {
        reply.status = StatusCode::NOT_MODIFIED;
        reply.body = ReplyBody::Full(Bytes::new());
        reply.headers.remove(CONTENT_TYPE);
    }
    let body = match reply.body {
        ReplyBody::Watch(watch) => Body::watch(watch),
        ReplyBody::Full(bytes)
            if request.method == "GET"
                && bytes.len() >= COMPRESSED_FROM_BYTES
                && takes_gzip(asked) =>
        {
            Body::full(compress(bytes, &mut reply.headers))
        }
        ReplyBody::Full(bytes) => Body::full(bytes),
    };
    let mut response = http::Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let accepted = joined(asked, &ACCEPT_ENCODING).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && !parts.any(|it| it == "q=0")
    })
}

fn compress(bytes: Bytes, headers: &mut HeaderMap) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    let compressed = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    let Ok(compressed) = compressed else {
        return bytes;
    };
    headers.insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
    headers.insert(VARY, http::HeaderValue::from_static("Accept-Encoding"));
    compressed.into()
}
