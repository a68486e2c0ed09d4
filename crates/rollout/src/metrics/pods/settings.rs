//! How a Canary's Pods are asked, by annotations of the Canary.

use super::super::statistics::{
    ComparisonPolicy, DEFAULT_LEAST_SAMPLES, DEFAULT_SIGNIFICANCE, Worse,
};
use super::super::{BuiltinCheck, CheckSource};
use trueup_kinds::Canary;

/// `pods`: the builtin checks ask the Pods.
pub const METRICS_PROVIDER: &str = "trueup.dev/metrics-provider";
/// The port that Pods tell at.
pub const METRICS_PORT: &str = "trueup.dev/metrics-port";
/// The path that Pods tell at.
pub const METRICS_PATH: &str = "trueup.dev/metrics-path";
/// The counter of requests, by name.
pub const METRICS_REQUESTS: &str = "trueup.dev/metrics-requests";
/// The histogram of durations, by name without ending.
pub const METRICS_DURATION: &str = "trueup.dev/metrics-duration";
/// How many requests a window needs for a verdict.
pub const LEAST_REQUESTS: &str = "trueup.dev/least-requests";
/// The builtin checks that also compare with the primary.
pub const COMPARE: &str = "trueup.dev/compare";
/// See [`ComparisonPolicy::significance`].
pub const COMPARE_SIGNIFICANCE: &str = "trueup.dev/compare-significance";
/// See [`ComparisonPolicy::least_effect`].
pub const COMPARE_EFFECT: &str = "trueup.dev/compare-effect";
/// See [`ComparisonPolicy::least_samples`].
pub const COMPARE_SAMPLES: &str = "trueup.dev/compare-samples";

/// From which effect on durations differ: what is commonly called small.
pub const DEFAULT_DURATION_EFFECT: f64 = 0.147;
/// From which effect on success rates differ: one of a hundred requests.
pub const DEFAULT_SUCCESS_EFFECT: f64 = 0.01;
/// The word that asks for the Pods.
pub const PODS: &str = "pods";

/// How Pods are asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodsSettings {
    /// Whether the builtin checks ask the Pods.
    pub builtin_checks: BuiltinSource,
    /// The port; that of the Pod's own marks where it is not given.
    pub port: Option<u16>,
    /// The path; that of the Pod's own marks where it is not given.
    pub path: Option<String>,
    /// The counter of requests.
    pub requests: Option<String>,
    /// The histogram or summary of durations.
    pub duration: Option<String>,
    /// How many requests a window needs; at least 1.
    pub least_requests: u64,
    compared: Vec<BuiltinCheck>,
    significance: Option<f64>,
    least_effect: Option<f64>,
    least_samples: Option<u64>,
}

/// Who answers the builtin checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BuiltinSource {
    /// Prometheus, as in Flagger.
    #[default]
    MetricsServer,
    /// The Pods.
    Pods,
}

/// An annotation that can't be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the annotation {annotation} must be {expected}")]
pub struct PodsSettingsError {
    /// Its name.
    pub annotation: &'static str,
    /// What it must be.
    pub expected: &'static str,
}

impl PodsSettings {
    /// The settings of a Canary.
    ///
    /// # Errors
    /// An annotation that can't be followed.
    pub fn of(canary: &Canary) -> Result<Self, PodsSettingsError> {
        let annotations = &canary.metadata.annotations;
        Self::from_annotations(|name| annotations.get(name).map(|value| value.as_str()))
    }

    /// The settings of annotations, by name.
    ///
    /// # Errors
    /// An annotation that can't be followed.
    pub fn from_annotations<'a>(
        given: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Self, PodsSettingsError> {
        let read = |annotation: &'static str| Given {
            annotation,
            text: given(annotation).map(str::trim),
        };
        let provider = read(METRICS_PROVIDER).parsed("`pods`", |text| (text == PODS).then_some(()));
        let share = "a number from 0 to 1";
        let name = "the name of a metric";
        Ok(Self {
            builtin_checks: match provider? {
                Some(()) => BuiltinSource::Pods,
                None => BuiltinSource::MetricsServer,
            },
            port: read(METRICS_PORT)
                .parsed("a port", |text| text.parse().ok().filter(|it| *it > 0))?,
            path: read(METRICS_PATH).parsed("a path that begins with /", path)?,
            requests: read(METRICS_REQUESTS).parsed(name, metric_name)?,
            duration: read(METRICS_DURATION).parsed(name, metric_name)?,
            least_requests: read(LEAST_REQUESTS)
                .parsed("a whole number", |text| text.parse().ok())?
                .unwrap_or(1),
            compared: read(COMPARE)
                .parsed(
                    "names of builtin checks, separated by commas",
                    builtin_checks,
                )?
                .unwrap_or_default(),
            significance: read(COMPARE_SIGNIFICANCE).parsed(share, share_of_one)?,
            least_effect: read(COMPARE_EFFECT).parsed(share, share_of_one)?,
            least_samples: read(COMPARE_SAMPLES)
                .parsed("a whole number", |text| text.parse().ok())?,
        })
    }

    /// When a builtin check's canary is worse than its primary; nothing where
    /// it is not compared.
    #[must_use]
    pub fn comparison_of(&self, source: &CheckSource) -> Option<ComparisonPolicy> {
        let CheckSource::Builtin(check) = source else {
            return None;
        };
        let (worse, effect) = match check {
            BuiltinCheck::Duration => (Worse::Higher, DEFAULT_DURATION_EFFECT),
            BuiltinCheck::SuccessRate => (Worse::Lower, DEFAULT_SUCCESS_EFFECT),
        };
        self.compared.contains(check).then(|| ComparisonPolicy {
            worse,
            significance: self.significance.unwrap_or(DEFAULT_SIGNIFICANCE),
            least_effect: self.least_effect.unwrap_or(effect),
            least_samples: self.least_samples.unwrap_or(DEFAULT_LEAST_SAMPLES),
        })
    }
}

struct Given<'a> {
    annotation: &'static str,
    text: Option<&'a str>,
}

impl Given<'_> {
    fn parsed<T>(
        &self,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, PodsSettingsError> {
        let error = || PodsSettingsError {
            annotation: self.annotation,
            expected,
        };
        self.text
            .map(|text| parse(text).ok_or_else(error))
            .transpose()
    }
}

pub(super) fn path(text: &str) -> Option<String> {
    let plain = text.starts_with('/')
        && text.len() <= 1024
        && text.bytes().all(|it| it.is_ascii_graphic() && it != b'#');
    plain.then(|| text.to_owned())
}

fn metric_name(text: &str) -> Option<String> {
    let possible = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b':');
    (!text.is_empty() && text.bytes().all(possible)).then(|| text.to_owned())
}

fn share_of_one(text: &str) -> Option<f64> {
    text.parse().ok().filter(|it| (0.0..=1.0).contains(it))
}

fn builtin_checks(text: &str) -> Option<Vec<BuiltinCheck>> {
    let names = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names.map(BuiltinCheck::named).collect()
}
