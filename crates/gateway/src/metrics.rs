//! Numbers for Prometheus.
//!
//! Answers are told by the Pod that gave them, under the names and labels of
//! the builtin queries for `gatewayapi` (`kubernetes_namespace`,
//! `kubernetes_pod_name`, `status`), so that a Canary's checks need no metrics
//! of the application.

use crate::endpoints::{Endpoint, PodName};
use crate::routing::{RouteName, ServicePort};
use http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The media type of the text form of all metrics.
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long the numbers of a Pod are told that is no endpoint any more.
pub const KEPT_MS: u64 = 15 * 60 * 1_000;

/// Bounds of the histogram, in seconds.
const BUCKETS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

type Labels<const N: usize> = [(&'static str, String); N];
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// What became of a copy of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MirrorOutcome {
    /// It was answered, whatever the answer was.
    Answered,
    /// No endpoint answered.
    Failed,
    /// None was made: the body is too large, or too many are on their way.
    Skipped,
}

/// All metrics of a gateway.
#[derive(Debug)]
pub(crate) struct GatewayMetrics {
    registry: Registry,
    answers: Histograms<3>,
    requests: Family<Labels<3>, Counter>,
    retries: Family<Labels<2>, Counter>,
    mirrors: Family<Labels<3>, Counter>,
    pods: Mutex<HashMap<PodName, Told>>,
}

/// What is told of a Pod.
#[derive(Debug, Default)]
struct Told {
    statuses: BTreeSet<StatusCode>,
    gone_since: Option<Instant>,
}

impl GatewayMetrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            answers: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            requests: Family::default(),
            retries: Family::default(),
            mirrors: Family::default(),
            pods: Mutex::default(),
        };
        metrics.register();
        metrics
    }

    /// The registry adds `_total` to the names of counters.
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "http_request_duration_seconds",
            "From a request to the begin of its answer, by Pod and status",
            self.answers.clone(),
        );
        registry.register(
            "trueup_gateway_requests",
            "Requests by route and status; without a route where none was for them",
            self.requests.clone(),
        );
        registry.register(
            "trueup_gateway_retries",
            "Attempts that another one followed, by Service",
            self.retries.clone(),
        );
        registry.register(
            "trueup_gateway_mirrored_requests",
            "Copies of requests by Service and outcome",
            self.mirrors.clone(),
        );
    }

    /// All of them as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to memory does not fail.
        let _written = encode(&mut text, &self.registry);
        text
    }

    /// An endpoint has answered, or has failed to.
    pub(crate) fn answered(&self, endpoint: &Endpoint, status: StatusCode, took: Duration) {
        let Some(pod) = &endpoint.pod else {
            return;
        };
        let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        pods.entry(pod.clone()).or_default().statuses.insert(status);
        let labels = pod_labels(pod, status);
        self.answers
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// Forgets Pods that are no endpoints and have not been for a while.
    pub(crate) fn keep_only(&self, present: &HashSet<PodName>) {
        let mut pods = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        pods.retain(|pod, told| {
            if present.contains(pod) {
                told.gone_since = None;
                return true;
            }
            let since = told.gone_since.get_or_insert_with(Instant::now);
            let is_kept = since.elapsed() < Duration::from_millis(KEPT_MS);
            if !is_kept {
                for status in &told.statuses {
                    self.answers.remove(&pod_labels(pod, *status));
                }
            }
            is_kept
        });
    }

    /// A client has got its answer.
    pub(crate) fn finished(&self, route: Option<&RouteName>, status: StatusCode) {
        let text = |part: fn(&RouteName) -> &str| route.map(part).unwrap_or_default().to_owned();
        let labels = [
            ("namespace", text(|route| &route.namespace)),
            ("route", text(|route| &route.name)),
            ("status", status.as_str().to_owned()),
        ];
        self.requests.get_or_create(&labels).inc();
    }

    /// An attempt is followed by another.
    pub(crate) fn retried(&self, service: &ServicePort) {
        self.retries.get_or_create(&service_labels(service)).inc();
    }

    /// What became of a copy.
    pub(crate) fn mirrored(&self, service: &ServicePort, outcome: MirrorOutcome) {
        let [namespace, service] = service_labels(service);
        let outcome = match outcome {
            MirrorOutcome::Answered => "answered",
            MirrorOutcome::Failed => "failed",
            MirrorOutcome::Skipped => "skipped",
        };
        let labels = [namespace, service, ("outcome", outcome.to_owned())];
        self.mirrors.get_or_create(&labels).inc();
    }
}

fn pod_labels(pod: &PodName, status: StatusCode) -> Labels<3> {
    [
        ("kubernetes_namespace", pod.namespace.to_string()),
        ("kubernetes_pod_name", pod.name.to_string()),
        ("status", status.as_str().to_owned()),
    ]
}

fn service_labels(service: &ServicePort) -> Labels<2> {
    [
        ("namespace", service.namespace.to_string()),
        ("service", service.service.to_string()),
    ]
}
