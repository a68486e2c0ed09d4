//! A client's request as it goes to a backend, perhaps more than once.

use super::body::{BodyError, Passing};
use super::headers::prepare_request;
use crate::routing::{Filters, Forward, PathChange};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::fmt;
use std::net::IpAddr;

/// How large a body is held back to be sent again or copied; larger ones, and
/// those that don't tell their size, are passed on as they come.
pub const MAX_HELD_BODY_BYTES: u64 = 64 * 1024;

/// A request that can be sent.
#[derive(Debug)]
pub(super) struct Outgoing {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: OutgoingBody,
}

#[derive(Debug)]
enum OutgoingBody {
    Held(Bytes),
    /// Until it is sent.
    Once(Option<Passing>),
}

/// Why a request can't be passed on.
#[derive(Debug)]
pub(super) enum Unsendable {
    /// Its body broke off.
    Body(BodyError),
    /// Its target makes no address.
    Target,
}

impl fmt::Display for Unsendable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(error) => error.fmt(formatter),
            Self::Target => formatter.write_str("its target makes no address"),
        }
    }
}

impl Outgoing {
    /// Takes a request with a body that is small and tells so whole.
    pub(super) async fn of(request: Request<Incoming>) -> Result<Self, Unsendable> {
        let (parts, body) = request.into_parts();
        let size = body_size(&parts.headers, &body);
        let body = if size.is_some_and(|size| size <= MAX_HELD_BODY_BYTES) {
            let whole = Passing::streamed(body).collect().await;
            OutgoingBody::Held(whole.map_err(Unsendable::Body)?.to_bytes())
        } else {
            OutgoingBody::Once(Some(Passing::streamed(body)))
        };
        Ok(Self {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
        })
    }

    /// Changes head and target as the filters of a choice say.
    pub(super) fn filtered(
        mut self,
        forward: &Forward<'_>,
        client: IpAddr,
    ) -> Result<Self, Unsendable> {
        prepare_request(&mut self.headers, client);
        if let Some(authority) = self.uri.authority() {
            // The target's host counts more than the header's (RFC 9112 §3.2.2).
            let host = HeaderValue::from_str(authority.as_str());
            self.headers
                .insert(HOST, host.map_err(|_| Unsendable::Target)?);
        }
        let mut path = self.uri.path().to_owned();
        for filters in [&forward.rule.filters, &forward.backend.filters] {
            self.filter(filters, forward.prefix, &mut path)?;
        }
        let target = match self.uri.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let target = PathAndQuery::try_from(target).map_err(|_| Unsendable::Target)?;
        self.uri = Uri::from(target);
        Ok(self)
    }

    fn filter(
        &mut self,
        filters: &Filters,
        prefix: Option<&str>,
        path: &mut String,
    ) -> Result<(), Unsendable> {
        filters.request_headers.apply(&mut self.headers);
        let Some(rewrite) = &filters.rewrite else {
            return Ok(());
        };
        if let Some(host) = &rewrite.host {
            let host = HeaderValue::from_str(host).map_err(|_| Unsendable::Target)?;
            self.headers.insert(HOST, host);
        }
        let changed = |change: &PathChange| change.of(path, prefix);
        if let Some(changed) = rewrite.path.as_ref().map(changed) {
            *path = changed;
        }
        Ok(())
    }

    /// Whether it may be sent again though it may have been answered already:
    /// its method promises that this changes nothing (RFC 9110 §9.2.2), and
    /// its body is at hand.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method.is_idempotent() && matches!(self.body, OutgoingBody::Held(_))
    }

    /// A copy, where the body is at hand.
    pub(super) fn copy(&self) -> Option<Self> {
        let OutgoingBody::Held(body) = &self.body else {
            return None;
        };
        Some(Self {
            method: self.method.clone(),
            uri: self.uri.clone(),
            headers: self.headers.clone(),
            body: OutgoingBody::Held(body.clone()),
        })
    }

    /// The request to be sent; `None` if its body has gone.
    pub(super) fn take(&mut self) -> Option<Request<Passing>> {
        let body = match &mut self.body {
            OutgoingBody::Held(bytes) => Passing::whole(bytes.clone()),
            OutgoingBody::Once(body) => body.take()?,
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        *request.version_mut() = Version::HTTP_11;
        Some(request)
    }

    /// Takes a request back that was not sent.
    pub(super) fn put_back(&mut self, request: Request<Passing>) {
        if let OutgoingBody::Once(body) = &mut self.body {
            *body = Some(request.into_body());
        }
    }
}

/// The size of a body that tells it; none has the size 0.
fn body_size(headers: &HeaderMap, body: &Incoming) -> Option<u64> {
    let told = headers
        .get(CONTENT_LENGTH)
        .and_then(|it| it.to_str().ok()?.parse().ok());
    http_body::Body::size_hint(body).exact().or(told)
}
