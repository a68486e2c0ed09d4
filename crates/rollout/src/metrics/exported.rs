//! The metrics that a controller of canaries shows of itself, under Flagger's
//! names, since dashboards and alerts ask for them.

use trueup_kinds::canary::Phase;

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricType {
    /// It goes up and down.
    Gauge,
    /// It only grows.
    Counter,
    /// Values by size, in Prometheus's default buckets.
    Histogram,
}

/// One metric of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportedMetric {
    /// Its name, whole.
    pub name: &'static str,
    /// How it behaves.
    pub kind: MetricType,
    /// What it tells.
    pub help: &'static str,
    /// Its labels in their order. The value of `name` is the target's name,
    /// not the Canary's.
    pub labels: &'static [&'static str],
}

/// Bounds of [`MetricType::Histogram`], in seconds: those of Prometheus's
/// client for Go.
pub const DEFAULT_BUCKETS_SECONDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

const fn metric(
    name: &'static str,
    kind: MetricType,
    labels: &'static [&'static str],
    help: &'static str,
) -> ExportedMetric {
    ExportedMetric {
        name,
        kind,
        help,
        labels,
    }
}

/// `flagger_info`: 1, with what is running.
pub const INFO: ExportedMetric = metric(
    "flagger_info",
    MetricType::Gauge,
    &["version", "mesh_provider"],
    "The version that runs and the provider of traffic that it uses by default",
);
/// `flagger_canary_total`.
pub const TOTAL: ExportedMetric = metric(
    "flagger_canary_total",
    MetricType::Gauge,
    &["namespace"],
    "How many Canary objects there are",
);
/// `flagger_canary_status`, see [`status_value`].
pub const STATUS: ExportedMetric = metric(
    "flagger_canary_status",
    MetricType::Gauge,
    &["name", "namespace"],
    "The last run: 0 while it goes on, 1 when all is well, 2 after a failure",
);
/// `flagger_canary_weight`, of the target and of its primary.
pub const WEIGHT: ExportedMetric = metric(
    "flagger_canary_weight",
    MetricType::Gauge,
    &["workload", "namespace"],
    "The share of traffic that a workload gets, in percent",
);
/// `flagger_canary_duration_seconds`: of one look, not of a run.
pub const DURATION: ExportedMetric = metric(
    "flagger_canary_duration_seconds",
    MetricType::Histogram,
    &["name", "namespace"],
    "How long one step of an analysis took",
);
/// `flagger_canary_metric_analysis`: durations in seconds.
pub const ANALYSIS: ExportedMetric = metric(
    "flagger_canary_metric_analysis",
    MetricType::Gauge,
    &["name", "namespace", "metric"],
    "The last value of a check",
);
/// `flagger_canary_successes_total`.
pub const SUCCESSES: ExportedMetric = metric(
    "flagger_canary_successes_total",
    MetricType::Counter,
    &[
        "name",
        "namespace",
        "deployment_strategy",
        "analysis_status",
    ],
    "How many runs were promoted",
);
/// `flagger_canary_failures_total`.
pub const FAILURES: ExportedMetric = metric(
    "flagger_canary_failures_total",
    MetricType::Counter,
    &[
        "name",
        "namespace",
        "deployment_strategy",
        "analysis_status",
    ],
    "How many runs failed",
);

/// All of them.
pub const EXPORTED_METRICS: [ExportedMetric; 8] = [
    INFO, DURATION, TOTAL, STATUS, WEIGHT, ANALYSIS, SUCCESSES, FAILURES,
];

/// `analysis_status` of a run that was watched.
pub const COMPLETED: &str = "completed";
/// `analysis_status` of a run that was not.
pub const SKIPPED: &str = "skipped";

/// The value of [`STATUS`] in a phase.
#[must_use]
pub const fn status_value(phase: Phase) -> u8 {
    match phase {
        Phase::Progressing => 0,
        Phase::Failed => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_flaggers_and_come_once() {
        let mut names: Vec<_> = EXPORTED_METRICS.iter().map(|it| it.name).collect();
        assert!(names.iter().all(|name| name.starts_with("flagger_")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EXPORTED_METRICS.len());
    }

    #[test]
    fn only_progressing_and_failed_are_told_apart_from_the_rest() {
        assert_eq!(status_value(Phase::Progressing), 0);
        assert_eq!(status_value(Phase::Failed), 2);
        for phase in [Phase::Waiting, Phase::Promoting, Phase::Succeeded] {
            assert_eq!(status_value(phase), 1);
        }
    }
}
