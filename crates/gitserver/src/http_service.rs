//! Requests and answers of Git's smart HTTP protocol.

use crate::access::host_is_allowed;
use crate::feed::{Encoding, FeedLimits, too_large};
use crate::server::Inner;
use crate::session::{self, Failure, Input, Output};
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use std::convert::Infallible;
use std::sync::Arc;

/// How long the protocol version that a client asks for may be.
const MAX_GIT_PROTOCOL_BYTES: usize = 256;

pub(crate) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    UploadPack,
    ReceivePack,
}

impl Service {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "git-upload-pack" => Some(Self::UploadPack),
            "git-receive-pack" => Some(Self::ReceivePack),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    /// The references, before anything else.
    Advertise {
        repository: &'a str,
        service: Service,
    },
    /// One exchange.
    Exchange {
        repository: &'a str,
        service: Service,
    },
}

/// Answers one request; a failure is an answer too.
pub(crate) async fn answer(
    inner: Arc<Inner>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let result = handle(inner, request).await;
    Ok(result.unwrap_or_else(|failure| refusal(&failure)))
}

async fn handle(inner: Arc<Inner>, request: Request<Incoming>) -> Result<Response<Body>, Failure> {
    if !host_is_allowed(request.headers(), request.uri(), &inner.options.hosts) {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "this server is not known by that host name",
        ));
    }
    let (parts, body) = request.into_parts();
    let route = route(&parts.method, parts.uri.path(), parts.uri.query())?;
    let (Route::Advertise { repository, .. } | Route::Exchange { repository, .. }) = route;
    let credentials = inner.options.credentials.get(repository);
    if !credentials.is_none_or(|credentials| credentials.admit(&parts.headers)) {
        return Err(Failure::new(
            StatusCode::UNAUTHORIZED,
            "authentication required",
        ));
    }
    if inner.repository(repository).is_err() {
        return Err(not_found());
    }
    let name = repository.to_owned();
    match route {
        Route::Advertise { service, .. } => {
            advertise(inner, name, service, &parts.headers, body).await
        }
        Route::Exchange { service, .. } => {
            exchange(inner, name, service, &parts.headers, body).await
        }
    }
}

fn not_found() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "there is no such repository")
}

fn route<'a>(method: &Method, path: &'a str, query: Option<&str>) -> Result<Route<'a>, Failure> {
    let path = path.strip_prefix('/').ok_or_else(not_found)?;
    let (expected, route) = if let Some(repository) = path.strip_suffix("/info/refs") {
        let repository = repository_name(repository)?;
        (
            Method::GET,
            Route::Advertise {
                repository,
                service: asked_service(query)?,
            },
        )
    } else {
        let (repository, service) = path.rsplit_once('/').ok_or_else(not_found)?;
        let service = Service::parse(service).ok_or_else(not_found)?;
        (
            Method::POST,
            Route::Exchange {
                repository: repository_name(repository)?,
                service,
            },
        )
    };
    if *method != expected {
        return Err(Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("expected {expected}"),
        ));
    }
    Ok(route)
}

fn asked_service(query: Option<&str>) -> Result<Service, Failure> {
    let asked = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("service="));
    asked.and_then(Service::parse).ok_or_else(|| {
        Failure::new(
            StatusCode::FORBIDDEN,
            "only Git's smart protocol is spoken here",
        )
    })
}

/// A repository goes by its name with or without `.git`.
fn repository_name(text: &str) -> Result<&str, Failure> {
    let name = text.strip_suffix(".git").unwrap_or(text);
    if crate::is_repository_name(name) {
        Ok(name)
    } else {
        Err(not_found())
    }
}

async fn advertise(
    inner: Arc<Inner>,
    name: String,
    service: Service,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    let protocol = git_protocol(headers);
    let second_version =
        protocol.is_some_and(|protocol| protocol.split(':').any(|part| part == "version=2"));
    let prefix = if second_version && service == Service::UploadPack {
        Bytes::new()
    } else {
        let line = format!("# service=git-{}\n", service.name());
        format!("{:04x}{line}0000", line.len() + 4).into()
    };
    let output = run(inner, name, service, headers, body, Step::Advertise).await?;
    let content_type = format!("application/x-git-{}-advertisement", service.name());
    respond(output, prefix, &content_type).await
}

async fn exchange(
    inner: Arc<Inner>,
    name: String,
    service: Service,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Response<Body>, Failure> {
    let expected = format!("application/x-git-{}-request", service.name());
    if headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|found| found != expected.as_str())
    {
        return Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("expected {expected}"),
        ));
    }
    if service == Service::ReceivePack {
        inner.remember_refs(&name).await.map_err(|error| {
            tracing::warn!(%error, repository = name, "references could not be read before a push");
            Failure::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the repository could not be read",
            )
        })?;
    }
    let output = run(inner, name, service, headers, body, Step::Exchange).await?;
    let content_type = format!("application/x-git-{}-result", service.name());
    respond(output, Bytes::new(), &content_type).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Advertise,
    Exchange,
}

async fn run(
    inner: Arc<Inner>,
    name: String,
    service: Service,
    headers: &HeaderMap,
    body: Incoming,
    step: Step,
) -> Result<Output, Failure> {
    let limits = FeedLimits {
        max_bytes: match (step, service) {
            (Step::Advertise, _) => 0,
            (_, Service::UploadPack) => inner.options.max_fetch_request_bytes,
            (_, Service::ReceivePack) => inner.options.max_push_bytes,
        },
        idle_timeout: inner.options.idle_timeout,
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > limits.max_bytes) {
        return Err(too_large(limits.max_bytes));
    }
    let input = Input {
        body,
        encoding: encoding(headers)?,
        limits,
    };
    let mut command = inner.git.command();
    command.arg(service.name()).arg("--stateless-rpc");
    if step == Step::Advertise {
        command.arg("--advertise-refs");
    }
    command.arg(crate::names::folder(&inner.root, &name));
    if let Some(protocol) = git_protocol(headers) {
        command.env("GIT_PROTOCOL", protocol);
    }
    let owner = Arc::clone(&inner);
    let permit = inner
        .processes
        .acquire()
        .await
        .map_err(|_| Failure::new(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping"))?;
    permit.forget();
    let moves_refs = service == Service::ReceivePack && step == Step::Exchange;
    let finish = async move {
        owner.processes.add_permits(1);
        if moves_refs {
            owner.tell_moved_refs(&name).await;
        }
    };
    session::start(command, input, inner.options.request_timeout, finish)
        .inspect_err(|_| inner.processes.add_permits(1))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Failure> {
    match headers
        .get(header::CONTENT_ENCODING)
        .map(HeaderValue::as_bytes)
    {
        None | Some(b"identity") => Ok(Encoding::Plain),
        Some(b"gzip" | b"x-gzip") => Ok(Encoding::Gzip),
        Some(_) => Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "expected gzip or no content encoding",
        )),
    }
}

/// The protocol version asked for, if it is nothing but words.
fn git_protocol(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get("git-protocol")?.to_str().ok()?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'=' | b':' | b'.' | b'_' | b'-');
    (text.len() <= MAX_GIT_PROTOCOL_BYTES && text.bytes().all(fits)).then_some(text)
}

/// Waits for the first output, so that an early failure still gets a status
/// of its own, and streams the rest.
async fn respond(
    mut output: Output,
    prefix: Bytes,
    content_type: &str,
) -> Result<Response<Body>, Failure> {
    let first = match output.recv().await {
        Some(Ok(piece)) => piece,
        Some(Err(failure)) => return Err(failure),
        None => Bytes::new(),
    };
    let start = [prefix, first]
        .into_iter()
        .filter(|piece| !piece.is_empty())
        .map(Ok);
    let rest = stream::unfold(output, |mut output| async move {
        let piece = output
            .recv()
            .await?
            .map_err(|failure| std::io::Error::other(failure.message));
        Some((piece, output))
    });
    let pieces = futures::StreamExt::chain(stream::iter(start), rest);
    let frames = futures::TryStreamExt::map_ok(pieces, Frame::data);
    let mut response = Response::new(BodyExt::boxed_unsync(StreamBody::new(frames)));
    let content_type =
        HeaderValue::from_str(content_type).unwrap_or(HeaderValue::from_static("text/plain"));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    no_cache(response.headers_mut());
    Ok(response)
}

fn refusal(failure: &Failure) -> Response<Body> {
    let text = Bytes::from(format!("{}\n", failure.message));
    let body = Full::new(text)
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = failure.status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if failure.status == StatusCode::UNAUTHORIZED {
        headers.insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"Git\""),
        );
    }
    no_cache(headers);
    response
}

fn no_cache(headers: &mut HeaderMap) {
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, max-age=0, must-revalidate"),
    );
}
