//! The sample's web application: small enough to be run as a process for each
//! Pod, and as good or as bad as its manifest says.

mod failures;
mod metrics;

pub use failures::{ErrorRate, NoErrorRate};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use failures::Failures;
use metrics::{AppMetrics, METRICS_CONTENT_TYPE};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// The header that tells an answer's version.
pub const VERSION_HEADER: &str = "x-version";

/// How the application is.
#[derive(Clone, Debug, PartialEq)]
pub struct AppSettings {
    /// What it says of itself.
    pub version: String,
    /// How long each answer takes, in milliseconds.
    pub latency_ms: u64,
    /// Which share of its answers are errors.
    pub error_rate: ErrorRate,
}

/// Serves the application until `shutdown`, then lets running requests end:
/// `/` answers with the version or an error, `/healthz` always, `/metrics`
/// tells requests by status and how long they took.
///
/// # Errors
///
/// When the listener fails for good.
pub async fn serve_app(
    listener: TcpListener,
    settings: AppSettings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, routes(settings))
        .with_graceful_shutdown(shutdown)
        .await
}

/// What answers share.
struct App {
    settings: AppSettings,
    failures: Failures,
    metrics: AppMetrics,
}

fn routes(settings: AppSettings) -> Router {
    let app = App {
        failures: Failures::new(settings.error_rate),
        metrics: AppMetrics::new(),
        settings,
    };
    Router::new()
        .route("/", get(home))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(scraped))
        .with_state(Arc::new(app))
}

async fn home(State(app): State<Arc<App>>) -> Response {
    let began = Instant::now();
    tokio::time::sleep(Duration::from_millis(app.settings.latency_ms)).await;
    let version = &app.settings.version;
    let (status, text) = if app.failures.next() {
        let text = format!("shop {version} has failed\n");
        (StatusCode::INTERNAL_SERVER_ERROR, text)
    } else {
        (StatusCode::OK, format!("shop {version}\n"))
    };
    app.metrics.answered(status, began.elapsed());
    let mut response = (status, text).into_response();
    if let Ok(version) = HeaderValue::from_str(version) {
        let name = HeaderName::from_static(VERSION_HEADER);
        response.headers_mut().insert(name, version);
    }
    response
}

async fn scraped(State(app): State<Arc<App>>) -> Response {
    let mut response = app.metrics.text().into_response();
    let kind = HeaderValue::from_static(METRICS_CONTENT_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
