//! Numbers for Prometheus.

use crate::summary::Summary;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Labels = [(&'static str, &'static str); 1];

/// The media type of the text form of all metrics.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What became of a task that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TaskResult {
    Succeeded,
    Failed,
    UnderWay,
    Full,
    Refused,
}

impl TaskResult {
    fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::UnderWay => "under_way",
            Self::Full => "full",
            Self::Refused => "refused",
        }
    }
}

/// All metrics of the server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    tasks: Family<Labels, Counter>,
    running: Gauge,
    requests: Family<Labels, Counter>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Registry::default(),
            tasks: Family::default(),
            running: Gauge::default(),
            requests: Family::default(),
        };
        metrics.registered()
    }

    /// The registry adds `_total` to the names of counters.
    fn registered(mut self) -> Self {
        self.registry.register(
            "trueup_loadtest_tasks",
            "Tasks that were asked for, by what became of them",
            self.tasks.clone(),
        );
        self.registry.register(
            "trueup_loadtest_tasks_running",
            "Tasks that are under way",
            self.running.clone(),
        );
        self.registry.register(
            "trueup_loadtest_requests",
            "Requests that loads have sent, by class of status, or error",
            self.requests.clone(),
        );
        self
    }

    pub(crate) fn task(&self, result: TaskResult) {
        self.tasks.get_or_create(&[("result", result.name())]).inc();
    }

    pub(crate) fn begun(&self) {
        self.running.inc();
    }

    pub(crate) fn ended(&self, result: TaskResult) {
        self.running.dec();
        self.task(result);
    }

    /// Counts what a load has sent.
    pub(crate) fn load(&self, summary: &Summary) {
        for (status, count) in &summary.statuses {
            let class = match status {
                0..200 => "1xx",
                200..300 => "2xx",
                300..400 => "3xx",
                400..500 => "4xx",
                _ => "5xx",
            };
            self.requests
                .get_or_create(&[("code", class)])
                .inc_by(*count);
        }
        if summary.failures() > 0 {
            let failures = self.requests.get_or_create(&[("code", "error")]);
            failures.inc_by(summary.failures());
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes any text");
        text
    }
}
