//! Verdicts and their words, as Flagger has them.

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
