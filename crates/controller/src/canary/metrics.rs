//! Numbers for Prometheus, under Flagger's names.

use crate::machine::ObjectKey;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use trueup_kinds::Canary;
use trueup_kinds::canary::{Phase, TOTAL_WEIGHT};
use trueup_rollout::machine::{AnalysisDone, Observation, RoutesSeen, RunResult};
use trueup_rollout::metrics::exported::{
    self, DEFAULT_BUCKETS_SECONDS, ExportedMetric, MetricType, status_value,
};

type Labels<const N: usize> = [(&'static str, String); N];
type Number = Gauge<f64, AtomicU64>;
type Histograms = Family<Labels<2>, Histogram, fn() -> Histogram>;

/// What the counters' names end with; the registry adds it. A gauge of Flagger's
/// ends so, too.
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
    info: Family<Labels<2>, Gauge>,
    /// The series of each Canary, which go with it.
    series: Mutex<BTreeMap<ObjectKey, Series>>,
}

/// What series of a Canary there are beside those of its names.
#[derive(Debug, Default)]
struct Series {
    /// The labels of a Canary.
    names: Labels<2>,
    /// The workloads with a weight.
    workloads: BTreeSet<String>,
    /// The checks with a value.
    checks: BTreeSet<String>,
    /// The strategies and results of runs.
    results: BTreeSet<(String, &'static str)>,
}

/// Registers a metric under its name in Flagger.
fn register<M: Metric + Clone>(registry: &mut Registry, exported: ExportedMetric, metric: &M) {
    let name = match exported.kind {
        MetricType::Counter => exported.name.trim_end_matches(TOTAL_SUFFIX),
        MetricType::Gauge | MetricType::Histogram => exported.name,
    };
    registry.register(name, exported.help, metric.clone());
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
            info: Family::default(),
            series: Mutex::default(),
        };
        register(registry, exported::TOTAL, &metrics.total);
        register(registry, exported::INFO, &metrics.info);
        register(registry, exported::STATUS, &metrics.status);
        register(registry, exported::WEIGHT, &metrics.weight);
        register(registry, exported::DURATION, &metrics.duration);
        register(registry, exported::ANALYSIS, &metrics.analysis);
        register(registry, exported::SUCCESSES, &metrics.successes);
        register(registry, exported::FAILURES, &metrics.failures);
        metrics
    }

    /// What runs, and its default provider of traffic.
    pub(crate) fn runs(&self, version: &str, provider: &str) {
        let labels = [
            ("version", version.to_owned()),
            ("mesh_provider", provider.to_owned()),
        ];
        self.info.get_or_create(&labels).set(1);
    }

    /// How many Canaries a namespace has.
    pub(crate) fn count_objects(&self, namespace: &str, count: usize) {
        let labels = [("namespace", namespace.to_owned())];
        if count == 0 {
            self.total.remove(&labels);
            return;
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.total.get_or_create(&labels).set(count);
    }

    /// What a step has seen.
    pub(super) fn observed(&self, key: &ObjectKey, canary: &Canary, seen: &Observation) {
        let status = f64::from(status_value(canary.status.phase));
        self.status.get_or_create(&names(canary)).set(status);
        let weights = weights(canary, seen);
        for (workload, weight) in &weights {
            let labels = weight_labels(workload, &key.namespace);
            self.weight.get_or_create(&labels).set(*weight);
        }
        let workloads = weights.into_iter().map(|(workload, _)| workload);
        self.note(key, canary, |series| series.workloads.extend(workloads));
    }

    /// The value of a check.
    pub(super) fn analysed(&self, key: &ObjectKey, canary: &Canary, check: &str, value: f64) {
        let labels = check_labels(names(canary), check);
        self.analysis.get_or_create(&labels).set(value);
        self.note(key, canary, |series| {
            series.checks.insert(check.to_owned());
        });
    }

    /// How long the work on a Canary took.
    pub(super) fn took(&self, key: &ObjectKey, canary: &Canary, took: Duration) {
        let histogram = self.duration.get_or_create(&names(canary));
        histogram.observe(took.as_secs_f64());
        drop(histogram);
        self.note(key, canary, |_| {});
    }

    /// The end of a run.
    pub(super) fn count(&self, key: &ObjectKey, canary: &Canary, result: &RunResult) {
        let analysis = match result.analysis {
            AnalysisDone::Completed => exported::COMPLETED,
            AnalysisDone::Skipped => exported::SKIPPED,
        };
        let strategy = result.strategy.to_string();
        let labels = result_labels(names(canary), &strategy, analysis);
        let counters = match result.phase {
            Phase::Failed => &self.failures,
            _ => &self.successes,
        };
        counters.get_or_create(&labels).inc();
        self.note(key, canary, |series| {
            series.results.insert((strategy, analysis));
        });
    }

    /// Forgets a Canary that is gone, with all that was told of it.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        if let Some(series) = self.lock().remove(key) {
            self.remove(&key.namespace, &series);
        }
    }

    /// Notes series of a Canary. Those under the names that it had before are
    /// no longer its.
    fn note(&self, key: &ObjectKey, canary: &Canary, note: impl FnOnce(&mut Series)) {
        let names = names(canary);
        let mut all = self.lock();
        let series = all.entry(key.clone()).or_default();
        if series.names != names {
            let before = std::mem::take(series);
            series.names = names;
            self.remove(&key.namespace, &before);
        }
        note(series);
    }

    fn remove(&self, namespace: &str, series: &Series) {
        let names = || series.names.clone();
        self.status.remove(&names());
        self.duration.remove(&names());
        for workload in &series.workloads {
            self.weight.remove(&weight_labels(workload, namespace));
        }
        for check in &series.checks {
            self.analysis.remove(&check_labels(names(), check));
        }
        for (strategy, analysis) in &series.results {
            let labels = result_labels(names(), strategy, analysis);
            self.successes.remove(&labels);
            self.failures.remove(&labels);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Series>> {
        // What a panic leaves unnoted stays until the process ends.
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The weights of target and primary, where the routes tell them.
fn weights(canary: &Canary, seen: &Observation) -> Vec<(String, i64)> {
    let RoutesSeen::Live(live) = seen.routes else {
        return Vec::new();
    };
    let target = canary.spec.target_ref.name.to_string();
    let primary = canary.spec.primary_name().to_string();
    vec![
        (target, live.canary_weight),
        (primary, TOTAL_WEIGHT - live.canary_weight),
    ]
}

fn weight_labels(workload: &str, namespace: &str) -> Labels<2> {
    [
        ("workload", workload.to_owned()),
        ("namespace", namespace.to_owned()),
    ]
}

fn check_labels([name, namespace]: Labels<2>, check: &str) -> Labels<3> {
    [name, namespace, ("metric", check.to_owned())]
}

fn result_labels([name, namespace]: Labels<2>, strategy: &str, analysis: &str) -> Labels<4> {
    [
        name,
        namespace,
        ("deployment_strategy", strategy.to_owned()),
        ("analysis_status", analysis.to_owned()),
    ]
}

/// The labels of a Canary: its target's name, as in Flagger.
fn names(canary: &Canary) -> Labels<2> {
    [
        ("name", canary.spec.target_ref.name.to_string()),
        ("namespace", canary.metadata.namespace.to_string()),
    ]
}
