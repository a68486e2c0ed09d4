//! What the application tells of its answers.

use axum::http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// The media type of the text form.
pub(super) const METRICS_CONTENT_TYPE: &str =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the histogram, in seconds.
const BUCKETS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

type Labels = [(&'static str, String); 1];

/// Requests by status, and how long they took.
#[derive(Debug)]
pub(super) struct AppMetrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    durations: Family<Labels, Histogram, fn() -> Histogram>,
}

impl AppMetrics {
    /// The registry adds `_total` to the names of counters.
    pub(super) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let durations = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> _);
        registry.register("http_requests", "Requests by status", requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "How long answers took, by status",
            durations.clone(),
        );
        Self {
            registry,
            requests,
            durations,
        }
    }

    pub(super) fn answered(&self, status: StatusCode, took: Duration) {
        let labels = [("status", status.as_str().to_owned())];
        self.requests.get_or_create(&labels).inc();
        let seconds = took.as_secs_f64();
        self.durations.get_or_create(&labels).observe(seconds);
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory does not fail.
        let _written = encode(&mut text, &self.registry);
        text
    }
}
