//! From a client's request to its answer.

use super::attempt::{Attempts, Failure};
use super::headers::prepare_response;
use super::outgoing::{Outgoing, Unsendable};
use super::pool::Pool;
use super::{Passing, Routing};
use crate::metrics::{GatewayMetrics, MirrorOutcome};
use crate::routing::{Choice, Forward, Redirect, RequestFacts, Rule, ServicePort, choose};
use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// How many copies of requests may be on their way; more are not made.
pub const MAX_MIRRORS_IN_FLIGHT: usize = 256;

/// Answers requests by what the routes say. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    attempts: Attempts,
    mirrors: Arc<Semaphore>,
}

impl Proxy {
    pub(crate) fn new(routing: watch::Receiver<Routing>, metrics: Arc<GatewayMetrics>) -> Self {
        let attempts = Attempts {
            routing,
            pool: Pool::default(),
            metrics,
        };
        Self {
            attempts,
            mirrors: Arc::new(Semaphore::new(MAX_MIRRORS_IN_FLIGHT)),
        }
    }

    /// Closes connections to endpoints that are gone once they are done, until
    /// the routing comes from nowhere any more.
    pub(crate) async fn keep_house(mut self) {
        loop {
            let endpoints = Arc::clone(&self.attempts.routing.borrow_and_update().endpoints);
            let addresses = endpoints.all().map(|endpoint| endpoint.address);
            self.attempts.pool.keep_only(addresses.collect());
            let pods = endpoints.all().filter_map(|endpoint| endpoint.pod.clone());
            self.attempts.metrics.keep_only(&pods.collect());
            if self.attempts.routing.changed().await.is_err() {
                return;
            }
        }
    }

    /// Answers a request.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> Response<Passing> {
        let table = Arc::clone(&self.attempts.routing.borrow().table);
        let facts = RequestFacts::of(&request);
        let choice = choose(&table, &facts, &mut |below| fastrand::u64(..below));
        let (rule, response) = match choice {
            Choice::Forward(forward) => {
                let rule = forward.rule;
                (
                    Some(rule),
                    self.forward(&forward, request, client.ip()).await,
                )
            }
            Choice::Redirect {
                rule,
                redirect,
                prefix,
            } => (Some(rule), redirected(&request, rule, redirect, prefix)),
            Choice::Refuse { rule, status } => (rule, refused(status)),
        };
        let route = rule.map(|rule| &rule.route);
        self.attempts.metrics.finished(route, response.status());
        response
    }

    async fn forward(
        &self,
        forward: &Forward<'_>,
        request: Request<Incoming>,
        client: IpAddr,
    ) -> Response<Passing> {
        let outgoing = match Outgoing::of(request).await {
            Ok(outgoing) => outgoing.filtered(forward, client),
            Err(problem) => Err(problem),
        };
        let mut outgoing = match outgoing {
            Ok(outgoing) => outgoing,
            Err(problem) => return unsendable(&problem),
        };
        self.mirror(forward, &outgoing);
        match self.send(forward, &mut outgoing).await {
            Ok(response) => passed_on(forward, response),
            Err(failure) => failure.response(),
        }
    }

    async fn send(
        &self,
        forward: &Forward<'_>,
        outgoing: &mut Outgoing,
    ) -> Result<Response<Incoming>, Failure> {
        let timeouts = forward.rule.timeouts;
        let sending = self
            .attempts
            .send(forward.service, timeouts.backend_request, outgoing);
        match timeouts.request {
            Some(limit) => timeout(limit, sending)
                .await
                .unwrap_or(Err(Failure::TimedOut)),
            None => sending.await,
        }
    }

    /// Sends copies on their way; nobody waits for their answers.
    fn mirror(&self, forward: &Forward<'_>, outgoing: &Outgoing) {
        for service in &forward.mirrors {
            let copy = outgoing.copy();
            let place = Arc::clone(&self.mirrors).try_acquire_owned();
            let (Some(copy), Ok(place)) = (copy, place) else {
                let metrics = &self.attempts.metrics;
                metrics.mirrored(service, MirrorOutcome::Skipped);
                continue;
            };
            let (attempts, service) = (self.attempts.clone(), (*service).clone());
            let limit = forward.rule.timeouts;
            let limit = limit.backend_request.or(limit.request);
            tokio::spawn(async move {
                mirrored(&attempts, &service, limit, copy).await;
                drop(place);
            });
        }
    }
}

async fn mirrored(
    attempts: &Attempts,
    service: &ServicePort,
    limit: Option<std::time::Duration>,
    mut copy: Outgoing,
) {
    let outcome = match attempts.send(service, limit, &mut copy).await {
        Ok(response) => {
            // To its end, so that the connection can be used again.
            let mut body = Passing::streamed(response.into_body());
            while let Some(Ok(_)) = body.frame().await {}
            MirrorOutcome::Answered
        }
        Err(_) => MirrorOutcome::Failed,
    };
    attempts.metrics.mirrored(service, outcome);
}

fn passed_on(forward: &Forward<'_>, response: Response<Incoming>) -> Response<Passing> {
    let mut response = response.map(Passing::streamed);
    let headers = response.headers_mut();
    prepare_response(headers);
    forward.backend.filters.response_headers.apply(headers);
    forward.rule.filters.response_headers.apply(headers);
    response
}

fn redirected(
    request: &Request<Incoming>,
    rule: &Rule,
    redirect: &Redirect,
    prefix: Option<&str>,
) -> Response<Passing> {
    let uri = request.uri();
    let header = request.headers().get(HOST);
    let header = header.and_then(|it| it.to_str().ok());
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let host = authority.or(header).unwrap_or_default();
    let query = uri.query().unwrap_or_default();
    let location = redirect.location(host, uri.path(), query, prefix);
    let Ok(location) = HeaderValue::from_str(&location) else {
        return refused(StatusCode::BAD_REQUEST);
    };
    let mut response = Response::new(Passing::text(""));
    *response.status_mut() = redirect.status;
    response.headers_mut().insert(LOCATION, location);
    rule.filters.response_headers.apply(response.headers_mut());
    response
}

fn refused(status: StatusCode) -> Response<Passing> {
    let text = match status {
        StatusCode::NOT_FOUND => "no route is for this\n",
        StatusCode::INTERNAL_SERVER_ERROR => "the route leads to no backend\n",
        _ => "this request can't be passed on\n",
    };
    let mut response = Response::new(Passing::text(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

fn unsendable(problem: &Unsendable) -> Response<Passing> {
    tracing::debug!(%problem, "a request can't be passed on");
    refused(StatusCode::BAD_REQUEST)
}
