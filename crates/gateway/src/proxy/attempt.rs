//! Sending a request to endpoints until one answers.

use super::outgoing::Outgoing;
use super::pool::{Connection, Pool, SendError};
use super::{Passing, Routing};
use crate::endpoints::Endpoint;
use crate::metrics::GatewayMetrics;
use crate::routing::ServicePort;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// How often a request is sent before it has failed.
pub const MAX_ATTEMPTS: u32 = 6;
/// How long is waited when all endpoints were tried: others may come.
pub const RETRY_PAUSE_MS: u64 = 100;

/// Who sends.
#[derive(Clone, Debug)]
pub(super) struct Attempts {
    pub routing: watch::Receiver<Routing>,
    pub pool: Pool,
    pub metrics: Arc<GatewayMetrics>,
}

/// Why a request got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The Service has no ready endpoint.
    NoEndpoint,
    /// No endpoint took it.
    Unreachable,
    /// An endpoint took it and broke off.
    Broken,
    /// There was no answer in time.
    TimedOut,
}

impl Failure {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NoEndpoint => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable | Self::Broken => StatusCode::BAD_GATEWAY,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    pub(super) fn response(self) -> Response<Passing> {
        let text = match self {
            Self::NoEndpoint => "no endpoint is ready\n",
            Self::Unreachable => "no endpoint can be reached\n",
            Self::Broken => "the endpoint broke off\n",
            Self::TimedOut => "no answer in time\n",
        };
        let mut response = Response::new(Passing::text(text));
        *response.status_mut() = self.status();
        response
    }
}

/// Whether another attempt may follow.
enum Attempt {
    Answered(Response<Incoming>),
    Again(Failure),
    Failed(Failure),
}

impl Attempts {
    /// Sends a request to endpoints of a Service, each for at most `limit`.
    /// One that was not reached is followed by the next; one that broke off
    /// only if the request may be repeated.
    pub(super) async fn send(
        &self,
        service: &ServicePort,
        limit: Option<Duration>,
        outgoing: &mut Outgoing,
    ) -> Result<Response<Incoming>, Failure> {
        let mut tried: Vec<SocketAddr> = Vec::new();
        let mut failure = Failure::NoEndpoint;
        for attempt in 0..MAX_ATTEMPTS {
            // Looked up anew each time: endpoints may have come or gone.
            let endpoints = Arc::clone(&self.routing.borrow().endpoints);
            let Some(endpoint) = endpoints.next(service, &tried) else {
                if attempt == 0 {
                    break;
                }
                tried.clear();
                sleep(Duration::from_millis(RETRY_PAUSE_MS)).await;
                continue;
            };
            match self.attempt(&endpoint, limit, outgoing).await {
                Attempt::Answered(response) => return Ok(response),
                Attempt::Failed(failure) => return Err(failure),
                Attempt::Again(why) => {
                    self.metrics.retried(service);
                    tracing::debug!(?service, address = %endpoint.address, ?why, "another attempt");
                    failure = why;
                    tried.push(endpoint.address);
                }
            }
        }
        Err(failure)
    }

    async fn attempt(
        &self,
        endpoint: &Endpoint,
        limit: Option<Duration>,
        outgoing: &mut Outgoing,
    ) -> Attempt {
        let began = Instant::now();
        let exchange = self.exchange(endpoint.address, outgoing);
        let outcome = match limit {
            Some(limit) => timeout(limit, exchange).await,
            None => Ok(exchange.await),
        };
        let outcome = outcome.unwrap_or(Err(Failure::TimedOut));
        let status = match &outcome {
            Ok(response) => response.status(),
            Err(failure) => failure.status(),
        };
        if !matches!(outcome, Err(Failure::Unreachable)) {
            self.metrics.answered(endpoint, status, began.elapsed());
        }
        match outcome {
            Ok(response) => Attempt::Answered(response),
            Err(Failure::Unreachable) => Attempt::Again(Failure::Unreachable),
            Err(Failure::Broken) if outgoing.is_repeatable() => Attempt::Again(Failure::Broken),
            Err(failure) => Attempt::Failed(failure),
        }
    }

    /// Sends a request to one endpoint.
    async fn exchange(
        &self,
        address: SocketAddr,
        outgoing: &mut Outgoing,
    ) -> Result<Response<Incoming>, Failure> {
        // A kept connection may be closed while the request is on its way,
        // which only those survive that may be sent again.
        while let Some(kept) = self.kept(address, outgoing) {
            match send(kept, outgoing).await {
                Err(Failure::Unreachable) => {}
                outcome => return outcome,
            }
        }
        let connection = self.pool.connect(address).await;
        send(connection.map_err(|_| Failure::Unreachable)?, outgoing).await
    }

    fn kept(&self, address: SocketAddr, outgoing: &Outgoing) -> Option<Connection> {
        let is_repeatable = outgoing.is_repeatable();
        is_repeatable.then(|| self.pool.take(address)).flatten()
    }
}

/// Sends on a connection; [`Failure::Unreachable`] if nothing was sent.
async fn send(
    connection: Connection,
    outgoing: &mut Outgoing,
) -> Result<Response<Incoming>, Failure> {
    let request = outgoing.take().ok_or(Failure::Broken)?;
    match connection.send(request).await {
        Ok(response) => Ok(response),
        Err(SendError::NotSent(request)) => {
            outgoing.put_back(*request);
            Err(Failure::Unreachable)
        }
        Err(SendError::Broken(error)) => {
            tracing::debug!(%error, "an endpoint broke off");
            Err(Failure::Broken)
        }
    }
}
