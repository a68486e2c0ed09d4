//! What is made of a check's answer, in Flagger's words.

use super::{Bounds, BuiltinCheck, Check, CheckSource, Observer, QueryError, TemplateModel};
use trueup_gocompat::{GoDuration, format_duration, format_float};
use trueup_kinds::canary::MetricReading;

/// A number that a provider answered with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The number that is judged.
    pub value: f64,
    /// Among how many series it is the one that is taken: more than one means
    /// that the query doesn't say which it wants.
    pub series: usize,
}

impl Answer {
    /// The only number there was.
    #[must_use]
    pub const fn only(value: f64) -> Self {
        Self { value, series: 1 }
    }
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The value is within bounds.
    Passed {
        /// The value; durations in milliseconds.
        value: f64,
        /// What a person should know nevertheless.
        note: Option<String>,
    },
    /// The value is out of bounds.
    Failed {
        /// The value; durations in milliseconds.
        value: f64,
        /// The event's words.
        message: String,
    },
    /// There is nothing to judge: no series, no number, too few samples.
    NoData {
        /// The event's words.
        message: String,
    },
    /// The question could not be asked, or was not answered.
    Error {
        /// The event's words.
        message: String,
    },
}

/// The classes of verdicts, each of which may have a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictClass {
    /// See [`Verdict::Passed`].
    Passed,
    /// See [`Verdict::Failed`].
    Failed,
    /// See [`Verdict::NoData`].
    NoData,
    /// See [`Verdict::Error`].
    Error,
}

impl Verdict {
    /// Its class.
    #[must_use]
    pub const fn class(&self) -> VerdictClass {
        match self {
            Self::Passed { .. } => VerdictClass::Passed,
            Self::Failed { .. } => VerdictClass::Failed,
            Self::NoData { .. } => VerdictClass::NoData,
            Self::Error { .. } => VerdictClass::Error,
        }
    }

    /// The words of the warning; none where the check passed.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Passed { .. } => None,
            Self::Failed { message, .. } | Self::NoData { message } | Self::Error { message } => {
                Some(message)
            }
        }
    }

    /// The value that was judged; durations in milliseconds.
    #[must_use]
    pub const fn value(&self) -> Option<f64> {
        match self {
            Self::Passed { value, .. } | Self::Failed { value, .. } => Some(*value),
            Self::NoData { .. } | Self::Error { .. } => None,
        }
    }
}

/// Whom a verdict's words speak of.
#[derive(Clone, Copy, Debug)]
pub struct CheckSubject<'a> {
    /// Names of the Canary and its target.
    pub model: &'a TemplateModel,
    /// See [`super::metrics_provider`].
    pub metrics_provider: &'a str,
}

/// The verdict on a check's answer, a duration in milliseconds.
#[must_use]
pub fn judge(
    check: &Check,
    subject: CheckSubject<'_>,
    answer: Result<Answer, QueryError>,
) -> Verdict {
    match answer {
        Ok(answer) => judge_value(check, subject, answer),
        Err(error) if error.is_no_data() => Verdict::NoData {
            message: no_data_message(check, subject, &error),
        },
        Err(error) => Verdict::Error {
            message: error_message(check, subject, &error),
        },
    }
}

fn judge_value(check: &Check, subject: CheckSubject<'_>, answer: Answer) -> Verdict {
    let value = answer.value;
    let Some(excess) = out_of_bounds(check, value) else {
        return Verdict::Passed {
            value,
            note: many_series_note(check, answer),
        };
    };
    let canary = subject.model.canary();
    let words = excess_words(check, value, excess);
    Verdict::Failed {
        value,
        message: format!("Halt {canary} advancement {words}"),
    }
}

fn many_series_note(check: &Check, answer: Answer) -> Option<String> {
    (answer.series > 1).then(|| {
        format!(
            "the query of {} returned {} series, of which the last was taken",
            check.name, answer.series
        )
    })
}

/// A value as a person reads it, durations given in milliseconds: beside what
/// passes, in the words of the events.
#[must_use]
pub fn reading(check: &Check, value: f64) -> MetricReading {
    let (value, bound): (String, fn(f64) -> String) = match check.source {
        CheckSource::Builtin(BuiltinCheck::SuccessRate) => {
            (two_digits(value) + "%", |bound| format_float(bound) + "%")
        }
        CheckSource::Builtin(BuiltinCheck::Duration) => {
            (duration((value * 1000.0).round() / 1000.0), duration)
        }
        _ => (two_digits(value), format_float),
    };
    let threshold = match limits(check) {
        (None, None) => String::new(),
        (Some(least), None) => format!("at least {}", bound(least)),
        (None, Some(most)) => format!("at most {}", bound(most)),
        (Some(least), Some(most)) => format!("{} to {}", bound(least), bound(most)),
    };
    MetricReading {
        metric: check.name.clone(),
        value: value.into(),
        threshold: threshold.into(),
        interval: check.interval.clone(),
    }
}

/// A bound that a value is beyond.
#[derive(Clone, Copy)]
enum Excess {
    Below(f64),
    Above(f64),
}

fn out_of_bounds(check: &Check, value: f64) -> Option<Excess> {
    let (min, max) = limits(check);
    let below = min.filter(|min| value < *min).map(Excess::Below);
    below.or_else(|| max.filter(|max| value > *max).map(Excess::Above))
}

/// The least and the most that passes.
fn limits(check: &Check) -> (Option<f64>, Option<f64>) {
    match check.bounds {
        Bounds::Range(range) => (range.min, range.max),
        Bounds::Threshold(least) if is_success_rate(check) => (Some(least), None),
        Bounds::Threshold(most) => (None, Some(most)),
    }
}

fn is_success_rate(check: &Check) -> bool {
    check.source == CheckSource::Builtin(BuiltinCheck::SuccessRate)
}

fn excess_words(check: &Check, value: f64, excess: Excess) -> String {
    let (sign, bound) = match excess {
        Excess::Below(bound) => ('<', bound),
        Excess::Above(bound) => ('>', bound),
    };
    match check.source {
        CheckSource::Builtin(BuiltinCheck::SuccessRate) => {
            let (value, bound) = (two_digits(value), format_float(bound));
            format!("success rate {value}% {sign} {bound}%")
        }
        CheckSource::Builtin(BuiltinCheck::Duration) => {
            let (value, bound) = (duration_beside(value, bound), duration(bound));
            format!("request duration {value} {sign} {bound}")
        }
        _ => {
            let (value, bound) = (two_digits(value), format_float(bound));
            format!("{} {value} {sign} {bound}", check.name)
        }
    }
}

/// Go's `%.2f`.
fn two_digits(value: f64) -> String {
    if value.is_finite() {
        format!("{value:.2}")
    } else {
        format_float(value)
    }
}

/// A duration in Go's notation, of milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a float beyond the range becomes the nearest in it, as is wanted"
)]
fn duration(milliseconds: f64) -> String {
    let nanoseconds = (milliseconds * 1e6).round() as i64;
    let whole = format_duration(
        GoDuration {
            nanoseconds: nanoseconds.saturating_abs(),
        }
        .to_std()
        .unwrap_or_default(),
    );
    if nanoseconds < 0 {
        format!("-{whole}")
    } else {
        whole
    }
}

/// A measured duration in whole milliseconds, as Flagger shows it, unless it
/// would then look like the bound that it is beyond: then in microseconds.
fn duration_beside(measured: f64, bound: f64) -> String {
    let whole = measured.trunc();
    if whole == bound.trunc() || bound.fract() != 0.0 {
        duration((measured * 1000.0).round() / 1000.0)
    } else {
        duration(whole)
    }
}

fn no_data_message(check: &Check, subject: CheckSubject<'_>, error: &QueryError) -> String {
    let TemplateModel {
        target, namespace, ..
    } = subject.model;
    let name = &check.name;
    match check.source {
        CheckSource::Builtin(builtin) => {
            let provider = subject.metrics_provider;
            let reason = match builtin {
                BuiltinCheck::SuccessRate => format!(": {}", builtin_error(check, subject, error)),
                BuiltinCheck::Duration => String::new(),
            };
            format!(
                "Halt advancement no values found for {provider} metric {name} \
                 probably {target}.{namespace} is not receiving traffic{reason}"
            )
        }
        CheckSource::Inline(_) => format!("Halt advancement no values found for metric: {name}"),
        CheckSource::Template { .. } | CheckSource::Missing => {
            format!("Halt advancement no values found for custom metric: {name}: {error}")
        }
    }
}

fn error_message(check: &Check, subject: CheckSubject<'_>, error: &QueryError) -> String {
    let name = &check.name;
    match check.source {
        CheckSource::Builtin(_) => format!(
            "Prometheus query failed: {}",
            builtin_error(check, subject, error)
        ),
        CheckSource::Inline(_) => format!("Prometheus query failed for {name}: {error}"),
        CheckSource::Template { .. } => format!("Metric query failed for {name}: {error}"),
        CheckSource::Missing => {
            "Metric query failed for no usable metrics template and query were configured"
                .to_owned()
        }
    }
}

fn builtin_error(check: &Check, subject: CheckSubject<'_>, error: &QueryError) -> String {
    let observer = Observer::of_provider(subject.metrics_provider);
    if is_success_rate(check) && !observer.wraps_success_rate_errors() {
        return error.to_string();
    }
    format!("running query failed: {error}")
}

#[cfg(test)]
mod tests {
    use super::super::checks;
    use super::*;
    use trueup_kinds::canary::{CanaryMetric, CrossNamespaceReference, ThresholdRange};

    fn model() -> TemplateModel {
        TemplateModel {
            name: "podinfo".into(),
            namespace: "test".into(),
            target: "podinfo".into(),
            ..TemplateModel::default()
        }
    }

    fn metric(name: &str, min: Option<f64>, max: Option<f64>) -> CanaryMetric {
        CanaryMetric {
            name: name.into(),
            threshold_range: Some(ThresholdRange { min, max }),
            ..CanaryMetric::default()
        }
    }

    fn verdict_of(metric: CanaryMetric, answer: Result<Answer, QueryError>) -> Verdict {
        let subject_model = model();
        let subject = CheckSubject {
            model: &subject_model,
            metrics_provider: "istio",
        };
        judge(&checks(&[metric], "test")[0], subject, answer)
    }

    fn message(metric: CanaryMetric, value: f64) -> Option<String> {
        let verdict = verdict_of(metric, Ok(Answer::only(value)));
        verdict.message().map(str::to_owned)
    }

    #[test]
    fn readings_stand_beside_what_passes() {
        let read = |metric: CanaryMetric, value| {
            let reading = reading(&checks(&[metric], "test")[0], value);
            assert_eq!(reading.interval, "1m");
            format!("{} ({})", reading.value, reading.threshold)
        };
        let rate = metric("request-success-rate", Some(99.0), None);
        assert_eq!(read(rate, 99.523), "99.52% (at least 99%)");
        let latency = metric("request-duration", None, Some(500.0));
        assert_eq!(read(latency, 114.987_65), "114.988ms (at most 500ms)");
        let inline = |min, max| CanaryMetric {
            query: "q".into(),
            ..metric("errors", min, max)
        };
        assert_eq!(read(inline(Some(1.0), Some(2.5)), 2.0), "2.00 (1 to 2.5)");
        assert_eq!(read(inline(None, None), f64::INFINITY), "+Inf ()");
    }

    #[test]
    fn bounds_pass_themselves_and_failures_have_flaggers_words() {
        let rate = |min, max| metric("request-success-rate", min, max);
        assert_eq!(message(rate(Some(99.0), None), 99.0), None);
        assert_eq!(message(rate(None, None), -1e9), None);
        assert_eq!(
            message(rate(Some(99.0), None), 98.995).as_deref(),
            Some("Halt podinfo.test advancement success rate 99.00% < 99%")
        );
        assert_eq!(
            message(rate(None, Some(50.5)), 100.0).as_deref(),
            Some("Halt podinfo.test advancement success rate 100.00% > 50.5%")
        );
        let custom = CanaryMetric {
            query: "q".into(),
            ..metric("404s-percentage", Some(1.0), Some(5e6))
        };
        assert_eq!(
            message(custom.clone(), f64::INFINITY).as_deref(),
            Some("Halt podinfo.test advancement 404s-percentage +Inf > 5e+06")
        );
        assert_eq!(
            message(custom, 0.126).as_deref(),
            Some("Halt podinfo.test advancement 404s-percentage 0.13 < 1")
        );
    }

    #[test]
    fn durations_are_told_as_go_tells_them() {
        let duration = |min, max| metric("request-duration", min, max);
        for (min, max, value, words) in [
            (None, Some(500.0), 515.7, "515ms > 500ms"),
            (None, Some(500.0), 1515.0, "1.515s > 500ms"),
            (None, Some(500.0), 500.4, "500.4ms > 500ms"),
            (None, Some(0.5), 0.75, "750µs > 500µs"),
            (Some(1000.0), None, 12.0, "12ms < 1s"),
            (None, Some(60_000.0), 90_000.0, "1m30s > 1m0s"),
        ] {
            let message = message(duration(min, max), value).unwrap();
            let expected = format!("Halt podinfo.test advancement request duration {words}");
            assert_eq!(message, expected);
        }
        assert_eq!(message(duration(None, Some(500.0)), 500.0), None);
    }

    #[test]
    fn the_deprecated_threshold_is_the_least_of_rates_and_the_most_of_the_rest() {
        let old = |name: &str, threshold| CanaryMetric {
            name: name.into(),
            threshold,
            ..CanaryMetric::default()
        };
        assert_eq!(message(old("request-success-rate", 0.0), 0.0), None);
        assert_eq!(message(old("request-success-rate", 99.0), 99.5), None);
        assert_eq!(
            message(old("request-duration", 0.0), 3.0).as_deref(),
            Some("Halt podinfo.test advancement request duration 3ms > 0s")
        );
    }

    #[test]
    fn silence_and_errors_have_words_of_their_own() {
        let none = || Err(QueryError::no_values());
        let failed = || Err(QueryError::failed("request failed: refused"));
        let inline = CanaryMetric {
            query: "q".into(),
            ..metric("x", None, None)
        };
        let template = CanaryMetric {
            template_ref: Some(CrossNamespaceReference {
                name: "t".into(),
                ..CrossNamespaceReference::default()
            }),
            ..metric("x", None, None)
        };
        let rate = metric("request-success-rate", None, None);
        let duration = metric("request-duration", None, None);
        let silent = "Halt advancement no values found for";
        let probably = "probably podinfo.test is not receiving traffic";
        for (metric, answer, class, words) in [
            (
                rate.clone(),
                none(),
                VerdictClass::NoData,
                format!(
                    "{silent} istio metric request-success-rate {probably}: running query failed: no values found"
                ),
            ),
            (
                duration,
                none(),
                VerdictClass::NoData,
                format!("{silent} istio metric request-duration {probably}"),
            ),
            (
                inline.clone(),
                none(),
                VerdictClass::NoData,
                format!("{silent} metric: x"),
            ),
            (
                template.clone(),
                none(),
                VerdictClass::NoData,
                format!("{silent} custom metric: x: no values found"),
            ),
            (
                rate,
                failed(),
                VerdictClass::Error,
                "Prometheus query failed: running query failed: request failed: refused".into(),
            ),
            (
                inline,
                failed(),
                VerdictClass::Error,
                "Prometheus query failed for x: request failed: refused".into(),
            ),
            (
                template,
                failed(),
                VerdictClass::Error,
                "Metric query failed for x: request failed: refused".into(),
            ),
        ] {
            let verdict = verdict_of(metric, answer);
            assert_eq!(verdict.class(), class);
            assert_eq!(verdict.message(), Some(words.as_str()));
        }
    }

    #[test]
    fn many_series_are_told_of() {
        let answer = Answer {
            value: 1.0,
            series: 3,
        };
        let verdict = verdict_of(metric("request-success-rate", None, None), Ok(answer));
        let Verdict::Passed {
            note: Some(note), ..
        } = verdict
        else {
            panic!("{verdict:?}");
        };
        assert!(note.contains("3 series"), "{note}");
    }
}
