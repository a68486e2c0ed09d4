//! Numbers for Prometheus, under the names that Flux's controllers use.

use crate::canary::CanaryMetrics;
use crate::machine::{Kind, ObjectKey};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::time::Duration;

type Labels<const N: usize> = [(&'static str, String); N];
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;

/// The media type of the text form of all metrics.
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What was remembered could be used again.
pub(crate) const CACHE_HIT: &str = "cache_hit";
/// Nothing that was remembered could be used.
pub(crate) const CACHE_MISS: &str = "cache_miss";

/// How a run ended, in controller-runtime's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunResult {
    /// Nothing more to do until something happens.
    Success,
    /// It comes again after a time.
    RequeueAfter,
    /// It failed.
    Error,
}

impl RunResult {
    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::RequeueAfter => "requeue_after",
            Self::Error => "error",
        }
    }
}

/// All metrics of the controllers.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    canaries: CanaryMetrics,
    durations: Histograms<3>,
    runs: Family<Labels<2>, Counter>,
    errors: Family<Labels<1>, Counter>,
    panics: Family<Labels<1>, Counter>,
    times: Histograms<1>,
    active: Family<Labels<1>, Gauge>,
    limits: Family<Labels<1>, Gauge>,
    depth: Family<Labels<1>, Gauge>,
    adds: Family<Labels<1>, Counter>,
    cache: Family<Labels<4>, Counter>,
}

/// 10 ms, doubling to about 20 minutes less than Flux's last bucket of 30.
fn reconcile_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 2.0, 18))
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let mut metrics = Self {
            canaries: CanaryMetrics::new(&mut registry),
            registry,
            durations: Family::new_with_constructor(reconcile_buckets),
            runs: Family::default(),
            errors: Family::default(),
            panics: Family::default(),
            times: Family::new_with_constructor(reconcile_buckets),
            active: Family::default(),
            limits: Family::default(),
            depth: Family::default(),
            adds: Family::default(),
            cache: Family::default(),
        };
        metrics.register();
        // Seen from the first scrape on, before anything has happened.
        Kind::EXPECTED
            .iter()
            .for_each(|kind| metrics.queue(*kind, 0, 0, 0));
        metrics
    }

    /// The registry adds `_total` to the names of counters.
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "gotk_reconcile_duration_seconds",
            "How long a reconciliation took, by object",
            self.durations.clone(),
        );
        registry.register(
            "controller_runtime_reconcile",
            "Reconciliations by result",
            self.runs.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Failed reconciliations",
            self.errors.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_panics",
            "Panics contained",
            self.panics.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "How long a reconciliation took, by controller",
            self.times.clone(),
        );
        registry.register(
            "controller_runtime_active_workers",
            "Objects worked on now",
            self.active.clone(),
        );
        registry.register(
            "controller_runtime_max_concurrent_reconciles",
            "Objects worked on at once at most",
            self.limits.clone(),
        );
        registry.register(
            "workqueue_depth",
            "Objects that wait to be worked on",
            self.depth.clone(),
        );
        registry.register(
            "workqueue_adds",
            "Times that an object was to be worked on",
            self.adds.clone(),
        );
        registry.register(
            "gotk_cache_events",
            "Whether what was remembered could be used again",
            self.cache.clone(),
        );
    }

    pub(crate) fn finished(&self, key: &ObjectKey, took: Duration, result: RunResult) {
        let seconds = took.as_secs_f64();
        self.durations.get_or_create(&object(key)).observe(seconds);
        self.times
            .get_or_create(&controller(key.kind))
            .observe(seconds);
        let [name] = controller(key.kind);
        self.runs
            .get_or_create(&[name.clone(), ("result", result.name().to_owned())])
            .inc();
        if result == RunResult::Error {
            self.errors.get_or_create(&[name]).inc();
        }
    }

    /// Those of Canaries.
    pub(crate) fn canaries(&self) -> &CanaryMetrics {
        &self.canaries
    }

    pub(crate) fn panicked(&self, kind: Kind) {
        self.panics.get_or_create(&controller(kind)).inc();
    }

    pub(crate) fn started(&self, kind: Kind) {
        self.adds.get_or_create(&queue(kind)).inc();
    }

    pub(crate) fn queue(&self, kind: Kind, depth: usize, running: usize, limit: usize) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.depth.get_or_create(&queue(kind)).set(number(depth));
        self.active
            .get_or_create(&controller(kind))
            .set(number(running));
        self.limits
            .get_or_create(&controller(kind))
            .set(number(limit));
    }

    /// A render was remembered ([`CACHE_HIT`]) or had to be made
    /// ([`CACHE_MISS`]).
    pub(crate) fn cache_event(&self, key: &ObjectKey, event: &'static str) {
        self.cache.get_or_create(&cache_labels(key, event)).inc();
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.durations.remove(&object(key));
        self.canaries.forget(key);
        for event in [CACHE_HIT, CACHE_MISS] {
            self.cache.remove(&cache_labels(key, event));
        }
    }

    /// All metrics in OpenMetrics' text form, see [`METRICS_CONTENT_TYPE`].
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

fn object(key: &ObjectKey) -> Labels<3> {
    [
        ("kind", key.kind.name().to_owned()),
        ("name", key.name.to_string()),
        ("namespace", key.namespace.to_string()),
    ]
}

fn cache_labels(key: &ObjectKey, event: &'static str) -> Labels<4> {
    let [kind, name, namespace] = object(key);
    [("event_type", event.to_owned()), kind, name, namespace]
}

fn controller(kind: Kind) -> Labels<1> {
    [("controller", kind.name().to_lowercase())]
}

fn queue(kind: Kind) -> Labels<1> {
    [("name", kind.name().to_lowercase())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_cluster::ClusterKey;

    #[test]
    fn names_and_labels_are_those_that_dashboards_look_for() {
        let metrics = Metrics::new();
        let key = ObjectKey {
            cluster: ClusterKey::local(),
            kind: Kind::Kustomization,
            namespace: "fleet".into(),
            name: "apps".into(),
        };
        metrics.finished(&key, Duration::from_millis(30), RunResult::Error);
        metrics.queue(Kind::Kustomization, 3, 1, 4);
        metrics.cache_event(&key, CACHE_MISS);
        let text = metrics.text();
        for line in [
            r#"gotk_reconcile_duration_seconds_count{kind="Kustomization",name="apps",namespace="fleet"} 1"#,
            r#"controller_runtime_reconcile_total{controller="kustomization",result="error"} 1"#,
            r#"controller_runtime_reconcile_errors_total{controller="kustomization"} 1"#,
            r#"workqueue_depth{name="kustomization"} 3"#,
            r#"gotk_cache_events_total{event_type="cache_miss",kind="Kustomization",name="apps",namespace="fleet"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        metrics.forget(&key);
        assert!(!metrics.text().contains("name=\"apps\""));
    }
}
