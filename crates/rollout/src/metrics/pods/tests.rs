use super::super::{
    BuiltinCheck, Check, QueryErrorKind, TemplateModel, Verdict, VerdictClass, checks,
};
use super::*;
use proptest::prelude::*;
use std::fmt::Write;
use trueup_kinds::canary::{
    CanaryMetric, CrossNamespaceReference, MetricProvider, MetricTemplateSpec, ThresholdRange,
};
use trueup_kinds::outgoing::ReceivedAnswer;
use trueup_object::{Value, from_json};

fn parse(text: &str) -> Exposition {
    Exposition::parse(text.as_bytes()).unwrap()
}

type Read = (String, Vec<(String, String)>, f64);

fn series(exposition: &Exposition) -> Vec<Read> {
    exposition
        .series()
        .map(|(key, value)| {
            let labels = key.labels.iter();
            let labels = labels.map(|(name, value)| (name.to_string(), value.to_string()));
            (key.name.to_string(), labels.collect(), value)
        })
        .collect()
}

#[test]
fn the_text_format_is_read() {
    let exposition = parse(
        "# HELP a_total Things.\n# TYPE a_total counter\n\
         a_total{code=\"200\",path=\"/x\\\\y\\\"z\\n\"} 1027 1395066363000\r\n\
         a_total { path = \"\" , code=\"500\", } 3\n\n  up 1\n\
         b_bucket{le=\"+Inf\"} 5 # {trace_id=\"x\"} 0.67 1\nrpc:rate 1e-3\nc NaN\nd +Inf\n# EOF\n",
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let found = series(&exposition);
    assert_eq!(
        found[0],
        (
            "a_total".into(),
            vec![pair("code", "200"), pair("path", "/x\\y\"z\n")],
            1027.0
        )
    );
    assert_eq!(
        found[1],
        (
            "a_total".into(),
            vec![pair("code", "500"), pair("path", "")],
            3.0
        )
    );
    assert_eq!(found[2].2, 5.0);
    assert!(found[3].2.is_nan());
    assert_eq!(found[4].2, f64::INFINITY);
    assert_eq!((found[5].0.as_str(), found[5].2), ("rpc:rate", 1e-3));
    assert_eq!(found[6].0, "up");
}

#[test]
fn what_is_no_text_of_metrics_is_refused_with_its_line() {
    for text in [
        "ok 1\n<html>",
        "ok 1\na",
        "ok 1\na{",
        "ok 1\na{b}",
        "ok 1\na{b=c} 1",
        "ok 1\na{b=\"c} 1",
        "ok 1\na{b=\"c\\",
        "ok 1\na{b=\"c\"d=\"e\"} 1",
        "ok 1\na{b=\"c\",b=\"d\"} 1",
        "ok 1\na{=\"c\"} 1",
        "ok 1\na{1b=\"c\"} 1",
        "ok 1\na{b=\"c\"} x",
        "ok 1\na 1 x",
        "ok 1\na 1 2 3",
        "ok 1\n{b=\"c\"} 1",
        "ok 1\n9a 1",
    ] {
        let error = Exposition::parse(text.as_bytes()).unwrap_err();
        assert!(
            matches!(error, ExpositionError::Line { line: 2, .. }),
            "{text}: {error}"
        );
    }
    assert_eq!(
        Exposition::parse(b"a{b=\"\xff\"} 1"),
        Err(ExpositionError::Encoding)
    );
}

#[test]
fn more_than_the_limits_is_refused() {
    let mut text = String::new();
    for at in 0..=MAX_SERIES {
        writeln!(text, "a{{n=\"{at}\"}} 1").unwrap();
    }
    assert_eq!(
        Exposition::parse(text.as_bytes()),
        Err(ExpositionError::TooManySeries)
    );
    let kept = Exposition::parse_kept(text.as_bytes(), |name| name != "a").unwrap();
    assert_eq!(kept, Exposition::default());
    let large = vec![b'\n'; MAX_EXPOSITION_BYTES + 1];
    assert_eq!(Exposition::parse(&large), Err(ExpositionError::TooLarge));
    let labels: Vec<String> = (0..=MAX_LABELS).map(|at| format!("l{at}=\"\"")).collect();
    let text = format!("a{{{}}} 1", labels.join(","));
    assert!(Exposition::parse(text.as_bytes()).is_err());
}

#[test]
fn of_a_series_that_comes_twice_the_first_counts() {
    let exposition = parse("a{b=\"1\",c=\"2\"} 1\na{c=\"2\",b=\"1\"} 9\n");
    assert_eq!(series(&exposition).len(), 1);
    assert_eq!(series(&exposition)[0].2, 1.0);
}

fn scrape(uid: &str, started_s: i64, at_s: i64, text: &str) -> PodScrape {
    PodScrape {
        uid: uid.into(),
        started_ms: started_s * 1000,
        at_ms: at_s * 1000,
        metrics: parse(text),
    }
}

fn growth(window: &Window, name: &str) -> f64 {
    window.growth_of(name).map(|(_, growth)| growth).sum()
}

#[test]
fn growth_knows_resets_new_series_and_new_pods() {
    let before = [
        scrape("old", 0, 100, "a 10\nb 5\n"),
        scrape("reset", 0, 100, "a 10\n"),
        scrape("gone", 0, 100, "a 10\n"),
    ];
    let after = [
        scrape("old", 0, 160, "a 17\nb 5\nc{x=\"y\"} 2\n"),
        scrape("reset", 0, 160, "a 3\n"),
        scrape("newborn", 120, 160, "a 4\n"),
        scrape("stranger", 0, 160, "a 1000\n"),
    ];
    let window = Window::between(&before, &after);
    assert_eq!(growth(&window, "a"), 7.0 + 3.0 + 4.0);
    assert_eq!(growth(&window, "b"), 0.0);
    assert_eq!(growth(&window, "c"), 2.0);
    assert_eq!((window.seconds(), window.pods()), (60.0, 3));
    let first = Window::between(&[], &after);
    assert_eq!((first.seconds(), first.pods()), (0.0, 0));
}

#[test]
fn values_that_no_counter_has_do_not_count() {
    let before = [scrape("p", 0, 0, "a NaN\nb 1\nc -5\nd 1\n")];
    let after = [scrape("p", 0, 1, "a 2\nb NaN\nc -9\nd +Inf\n")];
    let window = Window::between(&before, &after);
    assert_eq!(growth(&window, "a"), 2.0);
    for name in ["b", "c", "d"] {
        assert_eq!(growth(&window, name), 0.0, "{name}");
    }
}

/// One Pod that told nothing at first and this at last.
fn window(text: &str) -> Window {
    Window::between(&[scrape("p", 0, 0, "")], &[scrape("p", 0, 60, text)])
}

/// Of 100 requests 90 took at most 100 ms, 9 more at most 250 ms.
const DURATIONS: &str = "http_request_duration_seconds_bucket{le=\"0.1\"} 90\n\
     http_request_duration_seconds_bucket{le=\"0.25\"} 99\n\
     http_request_duration_seconds_bucket{le=\"0.5\"} 100\n\
     http_request_duration_seconds_bucket{le=\"+Inf\"} 100\n\
     http_request_duration_seconds_sum 12.5\n\
     http_request_duration_seconds_count{status=\"200\"} 97\n\
     http_request_duration_seconds_count{status=\"503\"} 2\n\
     http_request_duration_seconds_count{status=\"5xx\"} 1\n";

#[test]
fn quantiles_are_those_of_prometheus() {
    let name = "http_request_duration_seconds";
    let durations = window(DURATIONS);
    let histogram = Histogram::of_window(&durations, name, |_| true).unwrap();
    for (share, expected) in [
        (0.0, 0.0),
        (0.45, 0.05),
        (0.9, 0.1),
        (0.945, 0.175),
        (0.99, 0.25),
        (0.995, 0.375),
        (1.0, 0.5),
    ] {
        let found = histogram.quantile(share).unwrap();
        assert!((found - expected).abs() < 1e-9, "{share}: {found}");
    }
    let beyond = window("a_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 10\n");
    let histogram = Histogram::of_window(&beyond, "a", |_| true).unwrap();
    assert_eq!(histogram.quantile(0.99), Some(1.0));
    let only = window("a_bucket{le=\"+Inf\"} 10\n");
    let histogram = Histogram::of_window(&only, "a", |_| true).unwrap();
    assert_eq!(histogram.quantile(0.99), None);
    assert_eq!(Histogram::of_window(&only, "b", |_| true), None);
}

#[test]
fn counts_that_fall_from_bucket_to_bucket_are_raised() {
    let window = window("a_bucket{le=\"1\"} 9\na_bucket{le=\"2\"} 7\na_bucket{le=\"+Inf\"} 10\n");
    let histogram = Histogram::of_window(&window, "a", |_| true).unwrap();
    assert_eq!(histogram.count(), 10.0);
    assert!(histogram.quantile(0.5).unwrap() <= 1.0);
}

fn settings(pairs: &[(&str, &'static str)]) -> Result<PodsSettings, PodsSettingsError> {
    PodsSettings::from_annotations(|name| {
        let pair = pairs.iter().find(|(key, _)| *key == name)?;
        Some(pair.1)
    })
}

#[test]
fn annotations_are_read_or_refused_by_name() {
    let found = settings(&[
        (METRICS_PROVIDER, "pods"),
        (METRICS_PORT, "9797"),
        (METRICS_PATH, "/stats/prometheus?filter=x"),
        (COMPARE, "request-duration, request-success-rate"),
        (COMPARE_SAMPLES, "50"),
    ])
    .unwrap();
    assert_eq!(found.builtin_checks, BuiltinSource::Pods);
    assert_eq!(found.port, Some(9797));
    let source = super::super::CheckSource::Builtin(BuiltinCheck::SuccessRate);
    let policy = found.comparison_of(&source).unwrap();
    assert_eq!(policy.least_samples, 50);
    assert_eq!(policy.least_effect, DEFAULT_SUCCESS_EFFECT);
    for (name, text) in [
        (METRICS_PROVIDER, "prometheus"),
        (METRICS_PORT, "0"),
        (METRICS_PORT, "http"),
        (METRICS_PATH, "metrics"),
        (METRICS_PATH, "/a b"),
        (METRICS_PATH, "/a\r\nX: y"),
        (METRICS_REQUESTS, "a{b}"),
        (METRICS_DURATION, ""),
        (LEAST_REQUESTS, "-1"),
        (COMPARE, "latency"),
        (COMPARE_SIGNIFICANCE, "1.5"),
        (COMPARE_SIGNIFICANCE, "NaN"),
        (COMPARE_EFFECT, "-0.1"),
    ] {
        assert_eq!(
            settings(&[(name, text)]).unwrap_err().annotation,
            name,
            "{text}"
        );
    }
}

fn model() -> TemplateModel {
    TemplateModel {
        name: "podinfo".into(),
        namespace: "test".into(),
        target: "podinfo".into(),
        ..TemplateModel::default()
    }
}

fn builtin(name: &str, min: Option<f64>, max: Option<f64>) -> Check {
    let metric = CanaryMetric {
        name: name.into(),
        threshold_range: Some(ThresholdRange { min, max }),
        ..CanaryMetric::default()
    };
    checks(&[metric], "test").remove(0)
}

fn judged(
    check: &Check,
    annotations: &[(&str, &'static str)],
    canary: &str,
    primary: &str,
) -> Verdict {
    let (model, settings) = (model(), settings(annotations).unwrap());
    let context = PodsContext {
        model: &model,
        settings: &settings,
        canary: &window(canary),
        primary: &window(primary),
        problem: None,
    };
    judge_pods(check, context, None)
}

#[test]
fn builtin_checks_are_made_of_what_pods_tell() {
    let rate = builtin("request-success-rate", Some(99.0), None);
    assert_eq!(
        judged(&rate, &[], DURATIONS, "").message(),
        Some("Halt podinfo.test advancement success rate 97.00% < 99%")
    );
    let duration = builtin("request-duration", None, Some(200.0));
    assert_eq!(
        judged(&duration, &[], DURATIONS, "").message(),
        Some("Halt podinfo.test advancement request duration 250ms > 200ms")
    );
    let average = "a_sum 12.5\na_count 50\n";
    let own = [(METRICS_DURATION, "a")];
    assert_eq!(
        judged(&duration, &own, average, "").message(),
        Some("Halt podinfo.test advancement request duration 250ms > 200ms")
    );
    let failing = "http_requests_total{code=\"500\"} 10\n";
    assert_eq!(
        judged(&rate, &[], failing, "").message(),
        Some("Halt podinfo.test advancement success rate 0.00% < 99%")
    );
}

#[test]
fn silence_is_told_with_its_reason() {
    let rate = builtin("request-success-rate", Some(99.0), None);
    let silent = "Halt advancement no values found for pods metric request-success-rate \
                  probably podinfo.test is not receiving traffic: no values found: ";
    let few = "http_requests_total{code=\"200\"} 3\n";
    for (text, annotations, reason) in [
        ("", &[][..], "the Pods tell of no known counter of requests"),
        (
            "other 1\n",
            &[],
            "the Pods tell of no known counter of requests",
        ),
        (
            few,
            &[(LEAST_REQUESTS, "10")],
            "3 requests, of at least 10 that are needed",
        ),
        (
            "http_requests_total{code=\"200\"} 0\n",
            &[],
            "0 requests, of at least 1 that are needed",
        ),
    ] {
        let verdict = judged(&rate, annotations, text, "");
        assert_eq!(verdict.class(), VerdictClass::NoData);
        assert_eq!(
            verdict.message(),
            Some(format!("{silent}{reason}").as_str())
        );
    }
    let (model, settings) = (model(), PodsSettings::default());
    let first = Window::between(&[], &[scrape("p", 0, 0, few)]);
    let context = PodsContext {
        model: &model,
        settings: &settings,
        canary: &first,
        primary: &first,
        problem: None,
    };
    let verdict = judge_pods(&rate, context, None);
    assert_eq!(verdict.class(), VerdictClass::NoData);
    let away = PodsContext {
        problem: Some("Pod podinfo-1 does not answer"),
        ..context
    };
    assert_eq!(
        judge_pods(&rate, away, None),
        Verdict::Error {
            message: "Metric query failed for request-success-rate: \
                      Pod podinfo-1 does not answer"
                .into()
        }
    );
}

fn histogram(counts: [u32; 3]) -> String {
    let name = "http_request_duration_seconds_bucket";
    let mut upto = 0;
    let mut text = String::new();
    for (bound, count) in ["0.1", "0.5", "+Inf"].iter().zip(counts) {
        upto += count;
        writeln!(text, "{name}{{le=\"{bound}\"}} {upto}").unwrap();
    }
    text
}

const COMPARED: [(&str, &str); 1] = [(COMPARE, "request-duration")];

#[test]
fn a_canary_slower_than_its_primary_fails_the_comparison() {
    let check = builtin("request-duration", None, None);
    let fast = histogram([80, 20, 0]);
    let verdict = judged(&check, &COMPARED, &histogram([20, 60, 20]), &fast);
    let Verdict::Failed { message, .. } = verdict else {
        panic!("{verdict:?}");
    };
    assert!(
        message.starts_with(
            "Halt podinfo.test advancement request-duration is worse than the primary's: \
             effect 0.640 ≥ 0.147, p "
        ),
        "{message}"
    );
    assert!(
        message.contains("100 samples of the canary and 100"),
        "{message}"
    );
    for (canary, class) in [
        (histogram([80, 20, 0]), VerdictClass::Passed),
        (histogram([100, 0, 0]), VerdictClass::Passed),
        (histogram([0, 10, 0]), VerdictClass::NoData),
    ] {
        assert_eq!(judged(&check, &COMPARED, &canary, &fast).class(), class);
    }
}

#[test]
fn a_primary_without_traffic_is_nobodys_fault() {
    let check = builtin("request-duration", None, None);
    for primary in ["", "other 1\n", &histogram([1, 0, 0])] {
        let verdict = judged(&check, &COMPARED, &histogram([100, 0, 0]), primary);
        let Verdict::Passed {
            note: Some(note), ..
        } = verdict
        else {
            panic!("{verdict:?}");
        };
        assert!(note.contains("was not compared"), "{note}");
    }
}

#[test]
fn success_rates_are_compared_by_their_difference() {
    let check = builtin("request-success-rate", Some(90.0), None);
    let requests = |good: u32, bad: u32| {
        format!(
            "http_requests_total{{code=\"200\"}} {good}\nhttp_requests_total{{code=\"500\"}} {bad}\n"
        )
    };
    let compared = [(COMPARE, "request-success-rate")];
    let primary = requests(2000, 2);
    let verdict = judged(&check, &compared, &requests(950, 50), &primary);
    assert_eq!(verdict.class(), VerdictClass::Failed, "{verdict:?}");
    let verdict = judged(&check, &compared, &requests(998, 2), &primary);
    assert_eq!(verdict.class(), VerdictClass::Passed, "{verdict:?}");
}

#[test]
fn averages_cannot_be_compared() {
    let check = builtin("request-duration", None, None);
    let annotations = [(COMPARE, "request-duration"), (METRICS_DURATION, "a")];
    let text = "a_sum 1\na_count 50\n";
    assert_eq!(
        judged(&check, &annotations, text, text).class(),
        VerdictClass::Error
    );
}

#[test]
fn histograms_with_other_bounds_are_compared_where_they_agree() {
    let one = window("a_bucket{le=\"1\"} 4\na_bucket{le=\"2\"} 6\na_bucket{le=\"+Inf\"} 10\n");
    let other = window("a_bucket{le=\"1\"} 5\na_bucket{le=\"3\"} 7\na_bucket{le=\"+Inf\"} 9\n");
    let one = Histogram::of_window(&one, "a", |_| true).unwrap();
    let other = Histogram::of_window(&other, "a", |_| true).unwrap();
    let counts = one.counts_beside(&other).unwrap();
    let expected = super::super::statistics::OrderedCounts::new([(4, 5), (6, 4)]).unwrap();
    assert_eq!(counts, expected);
}

#[test]
fn queries_are_answered() {
    let window = window(&format!(
        "{DURATIONS}jobs_total{{kind=\"a\",state=\"failed\"}} 6\n\
         jobs_total{{kind=\"b\",state=\"failed\"}} 3\njobs_total{{kind=\"b\"}} 30\n\
         depth{{queue=\"x\"}} 4\ndepth{{queue=\"y\"}} 9\n"
    ));
    for (query, expected) in [
        ("increase(jobs_total)", 39.0),
        ("rate( jobs_total{kind=\"b\"} )", 33.0 / 60.0),
        ("increase(jobs_total{state!=\"failed\"})", 30.0),
        ("increase(jobs_total{kind=~\"a|c\"})", 6.0),
        ("increase(jobs_total{kind!~\"a|c\"})", 33.0),
        ("increase(jobs_total{kind=~\"a|\"})", 6.0),
        (
            "ratio(jobs_total{state=\"failed\"}, jobs_total)",
            9.0 / 39.0,
        ),
        ("percent(jobs_total{state=\"none, such\"}, jobs_total)", 0.0),
        ("sum(depth)", 13.0),
        ("max(depth{queue=~\"x\"})", 4.0),
        ("average(http_request_duration_seconds)", 0.125),
        ("quantile(0.99, http_request_duration_seconds)", 0.25),
    ] {
        let parsed = PodsQuery::parse(query).unwrap();
        let found = parsed.value(&window).unwrap();
        assert!((found - expected).abs() < 1e-9, "{query}: {found}");
    }
    for (query, kind) in [
        ("increase(none)", QueryErrorKind::NoValues),
        ("sum(none)", QueryErrorKind::NoValues),
        ("quantile(0.5, none)", QueryErrorKind::NoValues),
        ("ratio(none, none)", QueryErrorKind::NoValues),
        ("average(jobs)", QueryErrorKind::NoValues),
    ] {
        let error = PodsQuery::parse(query).unwrap().value(&window).unwrap_err();
        assert_eq!(error.kind, kind, "{query}");
    }
}

#[test]
fn templates_ask_pods_where_they_say_so() {
    let template = |kind: &str, query: &str| MetricTemplateSpec {
        provider: MetricProvider {
            kind: kind.into(),
            ..MetricProvider::default()
        },
        query: query.into(),
    };
    let metric = CanaryMetric {
        name: "failed-jobs".into(),
        template_ref: Some(CrossNamespaceReference {
            name: "jobs".into(),
            ..CrossNamespaceReference::default()
        }),
        threshold: 10.0,
        ..CanaryMetric::default()
    };
    let check = checks(&[metric], "test").remove(0);
    let settings = PodsSettings::default();
    let pods = template("pods", "percent(jobs{state=\"NAME\"}, jobs)");
    assert!(asks_pods(&check, &settings, Some(&pods)));
    assert!(!asks_pods(
        &check,
        &settings,
        Some(&template("prometheus", ""))
    ));
    assert!(!asks_pods(
        &builtin("request-duration", None, None),
        &settings,
        None
    ));
    let render = |query: &str, model: &TemplateModel| match query {
        "" => Err("no query".to_owned()),
        query => Ok(query.replace("NAME", &model.name)),
    };
    let query = pods_query(&check, &model(), &pods, &render).unwrap();
    let window = window("jobs{state=\"podinfo\"} 3\njobs 9\n");
    let model = model();
    let context = PodsContext {
        model: &model,
        settings: &settings,
        canary: &window,
        primary: &window,
        problem: None,
    };
    assert_eq!(
        judge_pods(&check, context, Some(&query)).message(),
        Some("Halt podinfo.test advancement failed-jobs 25.00 > 10")
    );
    for (query, words) in [
        ("", "render error: no query"),
        ("up", "error: the query is none of"),
    ] {
        let verdict = pods_query(&check, &model, &template("pods", query), &render).unwrap_err();
        let message = verdict.message().unwrap();
        let expected = format!("Metric template jobs.test query {words}");
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn queries_want_what_they_ask_for() {
    for (query, name, wanted) in [
        ("increase(a_total)", "a_total", true),
        ("increase(a_total)", "a", false),
        ("average(a)", "a_sum", true),
        ("average(a)", "a_bucket", false),
        ("quantile(0.5, a)", "a_bucket", true),
        ("ratio(a, b)", "b", true),
    ] {
        let query = PodsQuery::parse(query).unwrap();
        assert_eq!(query.wants(name), wanted, "{query:?} {name}");
    }
}

#[test]
fn what_is_no_query_is_refused() {
    for text in [
        "",
        "up",
        "increase(a",
        "increase()",
        "increase(a, b)",
        "ratio(a)",
        "histogram(a)",
        "quantile(a)",
        "quantile(2, a)",
        "quantile(0.5)",
        "increase(a{b})",
        "increase(a{b=c})",
        "increase(a{b=\"c\")",
        "increase(a{b=~\"(\"})",
        "increase(a b)",
        "sum(rate(a))",
    ] {
        assert!(PodsQuery::parse(text).is_err(), "{text}");
    }
    let long = format!("increase({})", "a".repeat(MAX_PODS_QUERY_BYTES));
    assert_eq!(
        PodsQuery::parse(&long).unwrap_err(),
        PodsQueryError::TooLong
    );
    let explosive = "increase(a{b=~\"((a{1,99}){1,99}){1,99}\"})";
    assert!(matches!(
        PodsQuery::parse(explosive),
        Err(PodsQueryError::Expression(_))
    ));
}

fn pod(json: &str) -> Value {
    from_json(json.as_bytes()).unwrap()
}

fn address(pod: &Value, settings: &PodsSettings) -> Option<String> {
    let target = scrape_target(pod, settings)?;
    Some(scrape_request(&target).address.to_url())
}

#[test]
fn pods_are_asked_where_they_say() {
    let with = |annotations: &str, ports: &str, phase: &str| {
        pod(&format!(
            r#"{{"metadata":{{"name":"a","uid":"u","annotations":{annotations}}},
                "spec":{{"containers":[{{"ports":{ports}}}]}},
                "status":{{"phase":"{phase}","podIP":"10.0.0.7","startTime":"2026-01-02T03:04:05Z"}}}}"#
        ))
    };
    let ports =
        r#"[{"containerPort":9898,"name":"http"},{"containerPort":9797,"name":"http-metrics"}]"#;
    let one = r#"[{"containerPort":9898}]"#;
    let none = PodsSettings::default();
    let own = settings(&[(METRICS_PORT, "81"), (METRICS_PATH, "/m")]).unwrap();
    let marked = r#"{"prometheus.io/port":"8080","prometheus.io/path":"/stats"}"#;
    let dialled = r#"{"trueup.dev/dial":"127.64.0.3:4711"}"#;
    for (pod, settings, expected) in [
        (
            with("{}", ports, "Running"),
            &none,
            Some("http://10.0.0.7:9797/metrics"),
        ),
        (
            with("{}", one, "Running"),
            &none,
            Some("http://10.0.0.7:9898/metrics"),
        ),
        (
            with(marked, one, "Running"),
            &none,
            Some("http://10.0.0.7:8080/stats"),
        ),
        (
            with(marked, one, "Running"),
            &own,
            Some("http://10.0.0.7:81/m"),
        ),
        (
            with(dialled, one, "Running"),
            &none,
            Some("http://127.64.0.3:4711/metrics"),
        ),
        (with("{}", "[]", "Running"), &none, None),
        (with("{}", one, "Pending"), &none, None),
        (
            with(r#"{"trueup.dev/dial":"x y"}"#, one, "Running"),
            &none,
            None,
        ),
    ] {
        assert_eq!(address(&pod, settings).as_deref(), expected);
    }
    let target = scrape_target(&with("{}", one, "Running"), &none).unwrap();
    assert_eq!(target.started_ms, 1_767_323_045_000);
    let dying = pod(
        r#"{"metadata":{"name":"a","uid":"u","deletionTimestamp":"2026-01-02T03:04:05Z"},
            "status":{"phase":"Running","podIP":"10.0.0.7"}}"#,
    );
    assert_eq!(scrape_target(&dying, &own), None);
}

#[test]
fn answers_of_pods_are_read_or_told_by_the_pods_name() {
    let pod = pod(
        r#"{"metadata":{"name":"a","uid":"u"},"status":{"phase":"Running","podIP":"fd00::1"}}"#,
    );
    let target = scrape_target(&pod, &settings(&[(METRICS_PORT, "80")]).unwrap()).unwrap();
    let read = |status, body: &str| {
        scraped(&target, &ReceivedAnswer::new(status, body), 7, |name| {
            name == "a"
        })
    };
    let found = read(200, "a 1\nb 2\n").unwrap();
    assert_eq!((found.uid.as_str(), found.at_ms), ("u", 7));
    assert_eq!(series(&found.metrics).len(), 1);
    assert_eq!(read(404, "").unwrap_err(), "Pod a answers with status 404");
    assert!(
        read(200, "<html>")
            .unwrap_err()
            .starts_with("Pod a: line 1 ")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_is_too_much_to_read(text in "[a-z{}=\"\\\\,#0-9 .\\n_-]{0,200}") {
        let _ = Exposition::parse(text.as_bytes());
        let _ = PodsQuery::parse(&text);
    }

    #[test]
    fn what_is_written_is_read_again(
        labels in proptest::collection::btree_map("[a-z_][a-z0-9_]{0,5}", ".{0,8}", 0..4),
        value in -1e12_f64..1e12,
    ) {
        let pairs: Vec<String> = labels
            .iter()
            .map(|(name, value)| {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                format!("{name}=\"{value}\"")
            })
            .collect();
        let exposition = parse(&format!("metric{{{}}} {value}\n", pairs.join(",")));
        let (key, found) = exposition.series().next().unwrap();
        prop_assert_eq!(found, value);
        let read: Vec<(&str, &str)> =
            key.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let written: Vec<(&str, &str)> =
            labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        prop_assert_eq!(read, written);
    }

    #[test]
    fn growth_is_never_negative_and_never_more_than_the_value(
        before in proptest::collection::vec(any::<f64>(), 4),
        after in proptest::collection::vec(any::<f64>(), 4),
    ) {
        let text = |values: &[f64]| {
            let lines = values.iter().enumerate();
            lines.map(|(at, value)| format!("a{{n=\"{at}\"}} {value}\n")).collect::<String>()
        };
        let window = Window::between(
            &[scrape("p", 0, 0, &text(&before))],
            &[scrape("p", 0, 1, &text(&after))],
        );
        for (_, growth) in window.growth_of("a") {
            prop_assert!(growth >= 0.0);
        }
    }
}
