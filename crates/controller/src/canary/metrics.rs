//! Numbers for Prometheus, under Flagger's names.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use trueup_kinds::Canary;
use trueup_kinds::canary::Phase;
use trueup_rollout::machine::{AnalysisDone, Observation, RoutesSeen, RunResult};
use trueup_rollout::metrics::exported::{
    self, DEFAULT_BUCKETS_SECONDS, ExportedMetric, status_value,
};

type Labels<const N: usize> = [(&'static str, String); N];
type Number = Gauge<f64, AtomicU64>;
type Histograms = Family<Labels<2>, Histogram, fn() -> Histogram>;

/// What the counters' names end with; the registry adds it.
const TOTAL_SUFFIX: &str = "_total";

/// Flagger's metrics.
#[derive(Debug)]
pub(crate) struct CanaryMetrics {
    total: Family<Labels<1>, Gauge>,
    status: Family<Labels<2>, Number>,
    weight: Family<Labels<2>, Gauge>,
    duration: Histograms,
    analysis: Family<Labels<3>, Number>,
    successes: Family<Labels<4>, Counter>,
    failures: Family<Labels<4>, Counter>,
}

fn duration_buckets() -> Histogram {
    Histogram::new(DEFAULT_BUCKETS_SECONDS)
}

impl CanaryMetrics {
    /// Registers all of them.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            total: Family::default(),
            status: Family::default(),
            weight: Family::default(),
            duration: Family::new_with_constructor(duration_buckets),
            analysis: Family::default(),
            successes: Family::default(),
            failures: Family::default(),
        };
        let name = |metric: ExportedMetric| metric.name.trim_end_matches(TOTAL_SUFFIX).to_owned();
        // A gauge whose name ends so in Flagger, too.
        registry.register(
            exported::TOTAL.name,
            exported::TOTAL.help,
            metrics.total.clone(),
        );
        registry.register(
            name(exported::STATUS),
            exported::STATUS.help,
            metrics.status.clone(),
        );
        registry.register(
            name(exported::WEIGHT),
            exported::WEIGHT.help,
            metrics.weight.clone(),
        );
        registry.register(
            name(exported::DURATION),
            exported::DURATION.help,
            metrics.duration.clone(),
        );
        registry.register(
            name(exported::ANALYSIS),
            exported::ANALYSIS.help,
            metrics.analysis.clone(),
        );
        registry.register(
            name(exported::SUCCESSES),
            exported::SUCCESSES.help,
            metrics.successes.clone(),
        );
        registry.register(
            name(exported::FAILURES),
            exported::FAILURES.help,
            metrics.failures.clone(),
        );
        metrics
    }

    /// How many Canaries a namespace has.
    pub(crate) fn count_objects(&self, namespace: &str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let labels = [("namespace", namespace.to_owned())];
        self.total.get_or_create(&labels).set(count);
    }

    /// What a step has seen.
    pub(super) fn observed(&self, canary: &Canary, seen: &Observation) {
        let status = f64::from(status_value(canary.status.phase));
        self.status.get_or_create(&names(canary)).set(status);
        let RoutesSeen::Live(live) = seen.routes else {
            return;
        };
        let weights = [
            (canary.spec.target_ref.name.to_string(), live.canary_weight),
            (
                canary.spec.primary_name().to_string(),
                trueup_kinds::canary::TOTAL_WEIGHT - live.canary_weight,
            ),
        ];
        for (workload, weight) in weights {
            let namespace = canary.metadata.namespace.to_string();
            let labels = [("workload", workload), ("namespace", namespace)];
            self.weight.get_or_create(&labels).set(weight);
        }
    }

    /// The value of a check.
    pub(super) fn analysed(&self, canary: &Canary, metric: &str, value: f64) {
        let [name, namespace] = names(canary);
        let labels = [name, namespace, ("metric", metric.to_owned())];
        self.analysis.get_or_create(&labels).set(value);
    }

    /// How long the work on a Canary took.
    pub(super) fn took(&self, canary: &Canary, took: Duration) {
        let histogram = self.duration.get_or_create(&names(canary));
        histogram.observe(took.as_secs_f64());
    }

    /// The end of a run.
    pub(super) fn count(&self, canary: &Canary, result: &RunResult) {
        let analysis = match result.analysis {
            AnalysisDone::Completed => "completed",
            AnalysisDone::Skipped => "skipped",
        };
        let [name, namespace] = names(canary);
        let labels = [
            name,
            namespace,
            ("deployment_strategy", result.strategy.to_string()),
            ("analysis_status", analysis.to_owned()),
        ];
        let counters = match result.phase {
            Phase::Failed => &self.failures,
            _ => &self.successes,
        };
        counters.get_or_create(&labels).inc();
    }
}

/// The labels of a Canary: its target's name, as in Flagger.
fn names(canary: &Canary) -> Labels<2> {
    [
        ("name", canary.spec.target_ref.name.to_string()),
        ("namespace", canary.metadata.namespace.to_string()),
    ]
}
