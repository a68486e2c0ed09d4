use super::*;
use trueup_kinds::canary::{
    CanaryMetric, CrossNamespaceReference, MetricProvider, MetricTemplateSpec, ThresholdRange,
};
use trueup_kinds::outgoing::{Credentials, ReceivedAnswer};

fn model() -> TemplateModel {
    TemplateModel {
        name: "podinfo".into(),
        namespace: "test".into(),
        target: "podinfo".into(),
        service: "podinfo".into(),
        ..TemplateModel::default()
    }
}

/// Puts the interval where a template says so, and fails where it says that.
fn render(query: &str, model: &TemplateModel) -> Result<String, String> {
    if query.contains("{{ fail }}") {
        return Err("template parsing failed: no such function".into());
    }
    Ok(query.replace("{{ interval }}", &model.interval))
}

fn at_least(name: &str, min: f64) -> CanaryMetric {
    CanaryMetric {
        name: name.into(),
        threshold_range: Some(ThresholdRange {
            min: Some(min),
            max: None,
        }),
        ..CanaryMetric::default()
    }
}

fn begin(metric: &CanaryMetric, provider: &str, template: Option<TemplateInput<'_>>) -> Turn {
    let model = model();
    let context = CheckContext {
        model: &model,
        metrics_provider: provider,
        workload: TargetWorkload::Deployment,
        metrics_server: "http://prometheus:9090",
        render: &render,
        now: "2026-01-02T03:04:05Z".parse().unwrap(),
    };
    begin_check(
        &checks(std::slice::from_ref(metric), "test")[0],
        context,
        template,
    )
}

fn vector(value: &str) -> ReceivedAnswer {
    let body = format!(
        r#"{{"data":{{"resultType":"vector","result":[{{"metric":{{}},"value":[1,"{value}"]}}]}}}}"#
    );
    ReceivedAnswer::new(200, body)
}

fn nothing() -> ReceivedAnswer {
    ReceivedAnswer::new(200, r#"{"data":{"resultType":"vector","result":[]}}"#)
}

/// The queries that were sent for these answers, and the verdict.
#[track_caller]
fn played(mut turn: Turn, answers: &[Result<ReceivedAnswer, String>]) -> (Vec<String>, Verdict) {
    let mut sent = Vec::new();
    let mut answers = answers.iter();
    loop {
        match turn {
            Turn::Done(verdict) => {
                assert_eq!(answers.next(), None, "an answer was not asked for");
                return (sent, verdict);
            }
            Turn::Send { request, inquiry } => {
                sent.push(request.address.query().to_owned());
                turn = inquiry.answer(answers.next().expect("an answer").clone());
            }
        }
    }
}

#[test]
fn a_builtin_check_asks_prometheus_and_is_judged() {
    let metric = at_least("request-success-rate", 99.0);
    let (sent, verdict) = played(begin(&metric, "istio", None), &[Ok(vector("100"))]);
    assert_eq!(sent.len(), 1);
    assert_eq!(verdict.value(), Some(100.0));
    let (_, verdict) = played(begin(&metric, "istio", None), &[Ok(vector("98.5"))]);
    assert_eq!(
        verdict.message(),
        Some("Halt podinfo.test advancement success rate 98.50% < 99%")
    );
}

#[test]
fn durations_of_pods_come_in_seconds() {
    let metric = CanaryMetric {
        threshold: 500.0,
        ..CanaryMetric::default()
    };
    let metric = CanaryMetric {
        name: "request-duration".into(),
        ..metric
    };
    let (_, verdict) = played(begin(&metric, "kubernetes", None), &[Ok(vector("0.515"))]);
    assert_eq!(
        verdict.message(),
        Some("Halt podinfo.test advancement request duration 515ms > 500ms")
    );
    let (_, verdict) = played(begin(&metric, "istio", None), &[Ok(vector("0.515"))]);
    assert_eq!(verdict.value(), Some(0.515));
}

#[test]
fn a_canary_that_only_fails_has_a_success_rate_of_zero() {
    let metric = at_least("request-success-rate", 99.0);
    let (sent, verdict) = played(
        begin(&metric, "nginx", None),
        &[Ok(nothing()), Ok(vector("12.5"))],
    );
    assert!(sent[0].contains("%2F"), "{sent:?}");
    assert!(!sent[1].contains("%2F"), "{sent:?}");
    assert_eq!(
        verdict.message(),
        Some("Halt podinfo.test advancement success rate 0.00% < 99%")
    );
}

#[test]
fn without_requests_there_is_no_data() {
    let metric = at_least("request-success-rate", 99.0);
    for second in [Ok(nothing()), Ok(vector("0")), Err("refused".to_owned())] {
        let (_, verdict) = played(begin(&metric, "nginx", None), &[Ok(vector("NaN")), second]);
        assert_eq!(verdict.class(), VerdictClass::NoData);
    }
    let (_, verdict) = played(
        begin(&metric, "kubernetes", None),
        &[Ok(nothing()), Ok(nothing())],
    );
    assert_eq!(
        verdict.message(),
        Some(
            "Halt advancement no values found for kubernetes metric request-success-rate \
             probably podinfo.test is not receiving traffic: no values found"
        )
    );
}

#[test]
fn who_does_not_answer_is_an_error() {
    let metric = at_least("request-success-rate", 99.0);
    let turn = begin(&metric, "istio", None);
    let (_, verdict) = played(turn, &[Err("no answer within 5s".to_owned())]);
    assert_eq!(verdict.class(), VerdictClass::Error);
    assert_eq!(
        verdict.message(),
        Some("Prometheus query failed: running query failed: request failed: no answer within 5s")
    );
}

#[test]
fn an_interval_that_is_none_is_not_put_into_a_query() {
    let metric = CanaryMetric {
        interval: "1m]) or vector(100".into(),
        ..at_least("request-success-rate", 99.0)
    };
    let Turn::Done(verdict) = begin(&metric, "istio", None) else {
        panic!("it was asked");
    };
    assert_eq!(verdict.class(), VerdictClass::Error);
}

#[test]
fn an_inline_query_that_is_no_template_is_an_error() {
    let inline = |query: &str| CanaryMetric {
        query: query.into(),
        ..at_least("errors", 1.0)
    };
    let (sent, verdict) = played(
        begin(&inline("rate(x[{{ interval }}])"), "istio", None),
        &[Ok(vector("0.5"))],
    );
    assert_eq!(sent, ["query=rate%28x%5B1m%5D%29"]);
    assert_eq!(
        verdict.message(),
        Some("Halt podinfo.test advancement errors 0.50 < 1")
    );
    let (sent, verdict) = played(begin(&inline("{{ fail }}"), "istio", None), &[]);
    assert!(sent.is_empty());
    assert_eq!(
        verdict.message(),
        Some("Prometheus query failed for errors: template parsing failed: no such function")
    );
}

fn template(kind: &str, query: &str) -> MetricTemplateSpec {
    MetricTemplateSpec {
        provider: MetricProvider {
            kind: kind.into(),
            address: "http://other:9090".into(),
            ..MetricProvider::default()
        },
        query: query.into(),
    }
}

fn by_template() -> CanaryMetric {
    CanaryMetric {
        template_ref: Some(CrossNamespaceReference {
            name: "latency".into(),
            namespace: "flagger".into(),
            ..CrossNamespaceReference::default()
        }),
        ..at_least("latency", 1.0)
    }
}

#[test]
fn what_is_wrong_with_a_template_is_told_by_its_name() {
    let found = |kind, query| (template(kind, query), None::<Credentials>);
    let later = found("splunk", "q");
    let broken = found("prometheus", "{{ fail }}");
    fn input(found: &(MetricTemplateSpec, Option<Credentials>)) -> TemplateInput<'_> {
        TemplateInput::Found {
            spec: &found.0,
            credentials: found.1.as_ref(),
        }
    }
    for (given, words) in [
        (TemplateInput::Unreadable("not found"), "error: not found"),
        (
            TemplateInput::SecretUnreadable {
                secret: "s",
                error: "not found",
            },
            "secret s error: not found",
        ),
        (
            input(&later),
            "provider splunk error: the provider type splunk is not served yet",
        ),
        (
            input(&broken),
            "query render error: template parsing failed: no such function",
        ),
    ] {
        let Turn::Done(verdict) = begin(&by_template(), "istio", Some(given)) else {
            panic!("{words}: it was asked");
        };
        let expected = format!("Metric template latency.flagger {words}");
        assert_eq!(verdict.message(), Some(expected.as_str()));
        assert_eq!(verdict.class(), VerdictClass::Error);
    }
}

#[test]
fn a_template_without_interval_has_that_of_the_builtin_checks() {
    let spec = template("prometheus", "rate(x[{{ interval }}])");
    let input = TemplateInput::Found {
        spec: &spec,
        credentials: None,
    };
    let turn = begin(&by_template(), "istio", Some(input));
    let (sent, verdict) = played(turn, &[Ok(nothing())]);
    assert_eq!(sent, ["query=rate%28x%5B1m%5D%29"]);
    assert_eq!(
        verdict.message(),
        Some("Halt advancement no values found for custom metric: latency: no values found")
    );
}

#[test]
fn a_metric_without_question_is_an_error() {
    let Turn::Done(verdict) = begin(&at_least("other", 1.0), "istio", None) else {
        panic!("it was asked");
    };
    assert_eq!(
        verdict.message(),
        Some("Metric query failed for no usable metrics template and query were configured")
    );
}
