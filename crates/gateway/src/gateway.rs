//! The gateway as a whole.

use crate::identity::GatewayIdentity;
use crate::metrics::{GatewayMetrics, METRICS_CONTENT_TYPE};
use crate::proxy::{Answer, Passing, Proxy, Routing, listen};
use crate::watching::{Follower, WallClock, write_statuses};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use trueup_cluster::Session;

/// What a gateway needs.
pub struct GatewayOptions {
    /// The cluster whose routes it follows.
    pub session: Session,
    /// Where requests come in. The port of its address is the one that its
    /// Gateways' listeners have to name.
    pub listener: TcpListener,
    /// Where its metrics are, at `/metrics`; `None` nowhere.
    pub metrics_listener: Option<TcpListener>,
    /// The wall clock, for times in statuses.
    pub wall_clock: WallClock,
}

impl fmt::Debug for GatewayOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GatewayOptions")
            .field("listener", &self.listener)
            .field("metrics_listener", &self.metrics_listener)
            .finish_non_exhaustive()
    }
}

/// Serves the Gateways of classes that name [`CONTROLLER_NAME`] until
/// `shutdown`, then lets running requests end.
///
/// [`CONTROLLER_NAME`]: crate::CONTROLLER_NAME
///
/// # Errors
///
/// When the listener has no address.
pub async fn serve(
    options: GatewayOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let identity = GatewayIdentity {
        address: options.listener.local_addr()?,
    };
    let metrics = Arc::new(GatewayMetrics::new());
    let (routing, routed) = watch::channel(Routing::default());
    let (statuses, wanted) = watch::channel(Vec::new());
    let follower = Follower {
        session: options.session.clone(),
        identity,
        wall_clock: options.wall_clock,
        routing,
        statuses,
    };
    let proxy = Proxy::new(routed, Arc::clone(&metrics));
    let beside = async {
        tokio::join!(
            follower.run(),
            write_statuses(options.session, wanted),
            proxy.clone().keep_house(),
            serve_metrics(options.metrics_listener, metrics),
        )
    };
    tokio::select! {
        () = listen(options.listener, proxy.clone(), shutdown) => {}
        _ = beside => {}
    }
    Ok(())
}

async fn serve_metrics(listener: Option<TcpListener>, metrics: Arc<GatewayMetrics>) {
    if let Some(listener) = listener {
        listen(listener, Scraped(metrics), std::future::pending()).await;
    }
}

/// Answers with the metrics.
#[derive(Clone)]
struct Scraped(Arc<GatewayMetrics>);

impl Answer for Scraped {
    async fn answer(&self, request: Request<Incoming>, _: SocketAddr) -> Response<Passing> {
        if request.uri().path() != "/metrics" {
            return empty(StatusCode::NOT_FOUND);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let mut response = Response::new(Passing::whole(self.0.text().into()));
        let kind = HeaderValue::from_static(METRICS_CONTENT_TYPE);
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

fn empty(status: StatusCode) -> Response<Passing> {
    let mut response = Response::new(Passing::text(""));
    *response.status_mut() = status;
    response
}
