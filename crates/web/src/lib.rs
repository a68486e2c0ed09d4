//! What the process shows over HTTP: metrics, health, artifact files.
//!
//! Floor 8: reads only what the controllers publish, and the files of the
//! artifact store.

// One test binary: what tests this crate from outside stands in it as well.
#[cfg(test)]
extern crate self as trueup_web;
#[cfg(test)]
#[path = "../tests/main.rs"]
mod tests;

mod files;
mod guard;
mod range;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use tokio::net::TcpListener;
use trueup_controller::{ControllerHandle, METRICS_CONTENT_TYPE};
use trueup_source::ArtifactStore;

pub use guard::Hosts;

/// Serves until `shutdown`, then lets what runs end. A listener on a loopback
/// address answers only to names of this machine, so that no web page can
/// read it by a name of its own.
///
/// # Errors
///
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    handle: ControllerHandle,
    artifacts: Option<ArtifactStore>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let hosts = Hosts::for_listener(listener.local_addr()?);
    axum::serve(listener, router(handle, artifacts, hosts))
        .with_graceful_shutdown(shutdown)
        .await
}

/// All routes: `/metrics`, `/healthz`, `/readyz`, and, where a store is given,
/// its artifact files under the paths of their URLs.
pub fn router(handle: ControllerHandle, artifacts: Option<ArtifactStore>, hosts: Hosts) -> Router {
    let mut routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .with_state(handle);
    if let Some(store) = artifacts {
        let files = Router::new().fallback(files::serve).with_state(store);
        routes = routes.fallback_service(files);
    }
    routes.layer(axum::middleware::from_fn_with_state(hosts, guard::check))
}

async fn metrics(State(handle): State<ControllerHandle>) -> Response {
    let mut response = Response::new(Body::from(handle.metrics_text()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(METRICS_CONTENT_TYPE),
    );
    response
}

/// Ready once every kind has been listed: from then on nothing is missed.
async fn ready(State(handle): State<ControllerHandle>) -> (StatusCode, &'static str) {
    if handle.ready() {
        (StatusCode::OK, "ok")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not all objects are known yet",
        )
    }
}
