//! Checks: what a Canary's list of metrics asks for, in the order in which it
//! is asked.

use super::BuiltinCheck;
use std::collections::BTreeMap;
use trueup_kinds::canary::{CanaryMetric, DEFAULT_METRIC_INTERVAL, ThresholdRange};
use trueup_object::Text;

/// The most metrics of one Canary.
pub const MAX_METRICS: usize = 100;

/// What a value is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bounds {
    /// `thresholdRange`.
    Range(ThresholdRange),
    /// The deprecated `threshold`: the least success rate, the most of
    /// anything else.
    Threshold(f64),
}

/// Where the value of a check comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckSource {
    /// One of the builtin queries.
    Builtin(BuiltinCheck),
    /// The metric's own PromQL.
    Inline(Text),
    /// A `MetricTemplate`.
    Template {
        /// Its name.
        name: Text,
        /// Its namespace.
        namespace: Text,
    },
    /// Nowhere: the metric has neither a builtin name nor query or template.
    Missing,
}

/// One check of an analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The metric's name.
    pub name: Text,
    /// Where the value comes from.
    pub source: CheckSource,
    /// The window, such as `1m`.
    pub interval: Text,
    /// What a template may speak of by name.
    pub variables: BTreeMap<Text, Text>,
    /// What passes.
    pub bounds: Bounds,
}

impl Check {
    /// The value as the exported metric has it: durations in seconds.
    #[must_use]
    pub fn exported_value(&self, value: f64) -> f64 {
        match self.source {
            CheckSource::Builtin(BuiltinCheck::Duration) => value / 1000.0,
            _ => value,
        }
    }
}

/// The checks of an analysis in their order: builtin and inline queries as the
/// metrics are listed, then templates as they are listed. One metric may be
/// several checks. The first that doesn't pass ends the analysis of a tick.
/// Metrics beyond [`MAX_METRICS`] are left out; the caller refuses a Canary
/// that has them.
#[must_use]
pub fn checks(metrics: &[CanaryMetric], canary_namespace: &str) -> Vec<Check> {
    let metrics = &metrics[..metrics.len().min(MAX_METRICS)];
    let first = metrics.iter().flat_map(|metric| {
        direct_sources(metric)
            .into_iter()
            .map(move |source| check(metric, source))
    });
    let second = metrics.iter().filter_map(|metric| {
        template_source(metric, canary_namespace).map(|source| check(metric, source))
    });
    first.chain(second).collect()
}

fn direct_sources(metric: &CanaryMetric) -> Vec<CheckSource> {
    let builtin = BuiltinCheck::named(&metric.name).map(CheckSource::Builtin);
    let inline = (!metric.query.is_empty()).then(|| CheckSource::Inline(metric.query.clone()));
    builtin.into_iter().chain(inline).collect()
}

fn template_source(metric: &CanaryMetric, canary_namespace: &str) -> Option<CheckSource> {
    if let Some(template) = &metric.template_ref {
        return Some(CheckSource::Template {
            name: template.name.clone(),
            namespace: template.namespace_or(canary_namespace).into(),
        });
    }
    direct_sources(metric)
        .is_empty()
        .then_some(CheckSource::Missing)
}

fn check(metric: &CanaryMetric, source: CheckSource) -> Check {
    let interval = match metric.interval.as_str() {
        "" => DEFAULT_METRIC_INTERVAL,
        given => given,
    };
    Check {
        name: metric.name.clone(),
        source,
        interval: interval.into(),
        variables: metric.template_variables.clone(),
        bounds: match metric.threshold_range {
            Some(range) => Bounds::Range(range),
            None => Bounds::Threshold(metric.threshold),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_kinds::canary::CrossNamespaceReference;

    fn metric(name: &str) -> CanaryMetric {
        CanaryMetric {
            name: name.into(),
            ..CanaryMetric::default()
        }
    }

    #[test]
    fn templates_come_after_builtin_and_inline_queries() {
        let reference = |name: &str, namespace: &str| CrossNamespaceReference {
            name: name.into(),
            namespace: namespace.into(),
            ..CrossNamespaceReference::default()
        };
        let template = CanaryMetric {
            template_ref: Some(reference("t", "")),
            ..metric("custom")
        };
        let inline = CanaryMetric {
            query: "up".into(),
            interval: "5m".into(),
            ..metric("inline")
        };
        let both = CanaryMetric {
            template_ref: Some(reference("u", "other")),
            ..inline.clone()
        };
        let found = checks(
            &[
                template,
                metric("nothing"),
                inline,
                metric("request-duration"),
                both,
            ],
            "test",
        );
        let sources: Vec<_> = found.iter().map(|check| &check.source).collect();
        let template = |name: &str, namespace: &str| CheckSource::Template {
            name: name.into(),
            namespace: namespace.into(),
        };
        assert_eq!(
            sources,
            [
                &CheckSource::Inline("up".into()),
                &CheckSource::Builtin(BuiltinCheck::Duration),
                &CheckSource::Inline("up".into()),
                &template("t", "test"),
                &CheckSource::Missing,
                &template("u", "other"),
            ]
        );
        assert_eq!(found[0].interval, "5m");
        assert_eq!(found[3].interval, "1m");
    }
}
