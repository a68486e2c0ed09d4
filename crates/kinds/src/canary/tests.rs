use super::*;
use crate::{Conditions, Resource, condition_type, definition};
use jiff::Timestamp;
use std::time::Duration;
use trueup_object::{Text, Value, encode, from_json, value};

/// Every field of the API, each once.
const FULL: &str = r#"{
  "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
  "metadata": {"name": "web", "namespace": "apps", "generation": 3},
  "spec": {
    "provider": "istio", "metricsServer": "http://prometheus:9090", "progressDeadlineSeconds": 60,
    "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    "autoscalerRef": {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "web",
      "primaryScalerQueries": {"a": "b"}, "primaryScalerReplicas": {"minReplicas": 2, "maxReplicas": 5}},
    "ingressRef": {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "web"},
    "routeRef": {"apiVersion": "apisix.apache.org/v2", "kind": "ApisixRoute", "name": "web"},
    "upstreamRef": {"apiVersion": "gloo.solo.io/v1", "kind": "Upstream", "name": "web", "namespace": "gloo"},
    "skipAnalysis": true, "revertOnDeletion": true, "suspend": true,
    "service": {
      "name": "shop", "port": 80, "portName": "http2", "targetPort": "web", "appProtocol": "http",
      "trafficDistribution": "PreferClose", "portDiscovery": true, "headless": true, "timeout": "5s",
      "backendTimeout": "4s", "gateways": ["g"], "hosts": ["h"], "delegation": true,
      "gatewayRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "n", "name": "g",
        "sectionName": "s", "port": 443}],
      "trafficPolicy": {"tls": {"mode": "DISABLE"}, "loadBalancer": {"simple": "RANDOM"},
        "connectionPool": {"http": {"maxRetries": 1}}, "outlierDetection": {"interval": "1s"}},
      "match": [{"name": "m", "uri": {"prefix": "/"}, "scheme": {"exact": "http"}, "method": {"regex": "GET|PUT"},
        "authority": {"exact": "h"}, "headers": {"x": {"exact": "y"}}, "port": 80, "sourceLabels": {"a": "b"},
        "gateways": ["g"], "queryParams": {"q": {"exact": "1"}}, "ignoreUriCase": true,
        "withoutHeaders": {"z": {"exact": "0"}}, "sourceNamespace": "n"}],
      "rewrite": {"uri": "/", "authority": "h", "type": "ReplacePrefixMatch"},
      "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx"},
      "headers": {"request": {"set": {"a": "b"}, "add": {"c": "d"}, "remove": ["e"]}, "response": {"remove": ["f"]}},
      "mirror": [{"backendRef": {"group": "", "kind": "Service", "name": "m", "namespace": "n", "port": 80}}],
      "corsPolicy": {"allowOrigin": ["*"], "allowOrigins": [{"exact": "o"}], "allowMethods": ["GET"],
        "allowHeaders": ["h"], "exposeHeaders": ["e"], "maxAge": "24h", "allowCredentials": false},
      "meshName": "mesh", "backends": ["b"], "apex": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
      "primary": {"labels": {"a": "b"}}, "canary": {"annotations": {"c": "d"}},
      "unmanagedMetadata": {"annotations": ["a"], "labels": ["l"]}
    },
    "analysis": {
      "interval": "30s", "iterations": 5, "mirror": true, "mirrorWeight": 50, "maxWeight": 50, "stepWeight": 10,
      "stepWeights": [1, 2, 10], "stepWeightPromotion": 25, "threshold": 5, "primaryReadyThreshold": 90,
      "canaryReadyThreshold": 80,
      "alerts": [{"name": "a", "severity": "error", "providerRef": {"name": "p", "namespace": "n"}}],
      "metrics": [{"name": "m", "interval": "1m", "threshold": 99.5, "thresholdRange": {"min": 1, "max": 2.5},
        "query": "q", "templateRef": {"name": "t", "namespace": "n"}, "templateVariables": {"a": "b"}}],
      "webhooks": [{"type": "pre-rollout", "name": "w", "url": "http://w", "muteAlert": true, "timeout": "15s",
        "metadata": {"a": "b"}, "retries": 2, "disableTLS": true}],
      "match": [{"headers": {"x": {"suffix": "y"}}, "queryParams": {"q": {"prefix": "1"}}, "sourceLabels": {"a": "b"}}],
      "sessionAffinity": {"cookieName": "c", "primaryCookieName": "p", "domain": "d", "httpOnly": true, "maxAge": 60,
        "partitioned": true, "path": "/", "sameSite": "Lax", "secure": true}
    }
  },
  "status": {
    "phase": "Progressing", "failedChecks": 1, "canaryWeight": 20, "iterations": 0,
    "previousSessionAffinityCookie": "a=b", "sessionAffinityCookie": "c=d", "primarySessionAffinityCookie": "e=f",
    "trackedConfigs": {"configmap/web": "241889ca0604e333"}, "lastAppliedSpec": "5c6b", "lastPromotedSpec": "7f",
    "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 3, "lastHandledReconcileAt": "now",
    "lastHandledRequest": "abort/1", "lastTrackedRevision": "u/1", "sourceRevision": "main@sha1:00",
    "runStartedTime": "2026-01-02T03:04:05.25Z", "lastStepTime": "2026-01-02T03:04:05.5Z", "noDataChecks": 1,
    "erroredChecks": 2, "routedWeight": 20, "mirrored": true, "pendingStep": "RollBack",
    "checks": [{"time": "2026-01-02T03:04:05Z", "weight": 20, "verdict": "Failed", "message": "m",
      "readings": [{"metric": "m", "value": "1.00", "threshold": "at least 2", "interval": "1m"}]}],
    "conditions": [{"type": "Promoted", "status": "Unknown", "reason": "Progressing", "message": "m",
      "lastUpdateTime": "2026-01-02T03:04:05Z", "lastTransitionTime": "2026-01-02T03:04:05Z",
      "observedGeneration": 3}]
  }
}"#;

fn full() -> Value {
    from_json(FULL.as_bytes()).unwrap()
}

fn canary(change: impl FnOnce(&mut Value)) -> Result<Canary, FieldErrors> {
    let mut object = full();
    change(&mut object);
    Canary::decode(&object)
}

fn analysis(fields: &Value) -> CanaryAnalysis {
    trueup_object::decode(fields).unwrap()
}

#[test]
fn every_field_is_read_and_written_back() {
    let object = full();
    let read = Canary::decode(&object).unwrap();
    for part in ["spec", "status"] {
        let written = match part {
            "spec" => encode(&read.spec).unwrap(),
            _ => encode(&read.status).unwrap(),
        };
        assert!(
            written.same_number(object.get(part).unwrap()),
            "{written:?}"
        );
    }
}

/// The paths of all fields of a schema; what a map holds stands for itself.
fn schema_paths(path: &str, schema: &Value, out: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_map) {
        for (key, below) in properties.iter() {
            let path = format!("{path}.{key}");
            out.push(path.clone());
            schema_paths(&path, below, out);
        }
    }
    if let Some(items) = schema.get("items") {
        schema_paths(path, items, out);
    }
}

fn value_paths(path: &str, value: &Value, out: &mut Vec<String>) {
    for item in value.as_list().unwrap_or_default() {
        value_paths(path, item, out);
    }
    for (key, below) in value
        .as_map()
        .into_iter()
        .flat_map(trueup_object::Map::iter)
    {
        let path = format!("{path}.{key}");
        out.push(path.clone());
        value_paths(&path, below, out);
    }
}

#[test]
fn the_sample_has_every_field_of_the_schema() {
    let definition = definition("canaries.flagger.app").unwrap();
    let versions = definition.at(&["spec", "versions"]).unwrap();
    let schema = versions.as_list().unwrap()[0]
        .at(&["schema", "openAPIV3Schema"])
        .unwrap();
    let mut wanted = Vec::new();
    schema_paths("", schema, &mut wanted);
    let mut given = Vec::new();
    value_paths("", &full(), &mut given);
    // The traffic policy is carried as it is.
    wanted.retain(|path| !path.starts_with(".spec.service.trafficPolicy."));
    let missing: Vec<_> = wanted.iter().filter(|it| !given.contains(it)).collect();
    // The three parts with the same shape need not all be whole.
    let shown: Vec<&str> = missing.iter().map(|it| it.as_str()).collect();
    assert_eq!(
        shown,
        [
            ".spec.service.canary.labels",
            ".spec.service.corsPolicy.allowOrigins.prefix",
            ".spec.service.corsPolicy.allowOrigins.regex",
            ".spec.service.headers.response.add",
            ".spec.service.headers.response.set",
            ".spec.service.match.authority.prefix",
            ".spec.service.match.authority.regex",
            ".spec.service.match.method.exact",
            ".spec.service.match.method.prefix",
            ".spec.service.match.scheme.prefix",
            ".spec.service.match.scheme.regex",
            ".spec.service.match.uri.exact",
            ".spec.service.match.uri.regex",
            ".spec.service.primary.annotations",
        ]
    );
}

#[test]
fn a_number_that_makes_no_sense_is_an_error_at_its_field() {
    let errors = canary(|object| {
        object.set_at(&["spec", "analysis", "stepWeight"], 0.5.into());
        object.set_at(&["spec", "analysis", "threshold"], 1e300.into());
        object.set_at(
            &["spec", "analysis", "stepWeights"],
            value!([10, "x", 0.25]),
        );
        object.set_at(&["spec", "service", "port"], 70_000.into());
        object.set_at(&["status", "phase"], "Sleeping".into());
    })
    .unwrap_err();
    let paths: Vec<&str> = errors.0.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths.len(), 5, "{errors}");
    for path in [
        "spec.analysis.stepWeight",
        "spec.analysis.stepWeights[1]",
        "spec.analysis.threshold",
        "spec.service.port",
        "status.phase",
    ] {
        assert!(paths.contains(&path), "{errors}");
    }
    let text = errors.to_string();
    assert!(
        text.contains(
            "spec.analysis.stepWeight: invalid value: floating point `0.5`, expected a whole number"
        ),
        "{text}"
    );
    assert!(!text.contains("column"), "{text}");
}

#[test]
fn a_whole_number_may_have_a_point() {
    let read = canary(|object| {
        object.set_at(&["spec", "analysis", "stepWeight"], 10.0.into());
    });
    assert_eq!(read.unwrap().spec.analysis.step_weight, 10);
}

#[test]
fn no_object_makes_the_reader_panic() {
    for object in [
        value!(null),
        value!([1]),
        value!({"spec": 5}),
        value!({"spec": {"analysis": "x", "service": {"targetPort": {}}}, "metadata": 3}),
        value!({"spec": {"analysis": {"webhooks": [[[]], null, 1]}}}),
        value!({"metadata": {"labels": {"a": 1, "b": 2}, "finalizers": {}}}),
    ] {
        let errors = Canary::decode(&object).unwrap_err();
        assert!(!errors.0.is_empty() && errors.0.len() <= MAX_FIELD_ERRORS);
        assert!(Canary::read(&object).is_err());
    }
    let template = MetricTemplate::decode(&value!({"spec": {"query": 5}}));
    assert_eq!(template.unwrap_err().0[0].path, "spec.query");
    let many: Value = (0..1000).map(|_| value!({"type": "x"})).collect();
    let errors = canary(|object| object.set_at(&["spec", "analysis", "webhooks"], many));
    assert_eq!(errors.unwrap_err().0.len(), MAX_FIELD_ERRORS);
}

#[test]
fn an_absent_type_and_an_empty_one_are_the_same() {
    for kind in [
        value!({}),
        value!({"type": ""}),
        value!({"type": "rollout"}),
    ] {
        let webhook: CanaryWebhook = trueup_object::decode(&kind).unwrap();
        assert_eq!(webhook.kind, WebhookType::Rollout);
        assert_eq!(webhook.timeout_or_default(), DEFAULT_WEBHOOK_TIMEOUT);
    }
    let alert: CanaryAlert = trueup_object::decode(&value!({"severity": ""})).unwrap();
    assert_eq!(alert.severity, AlertSeverity::Info);
}

#[test]
fn names_follow_the_service_or_the_target() {
    let mut spec = canary(|_| ()).unwrap().spec;
    assert_eq!(spec.service_names().canary, "shop-canary");
    assert_eq!(spec.primary_name(), "web-primary");
    spec.service.name = Text::new();
    let names = spec.service_names();
    assert_eq!([names.apex, names.primary], ["web", "web-primary"]);
}

#[test]
fn the_strategy_follows_from_iterations_and_match() {
    for (fields, strategy, word) in [
        (value!({"stepWeight": 10}), Strategy::Canary, "canary"),
        (
            value!({"match": [{}], "stepWeight": 1}),
            Strategy::Canary,
            "canary",
        ),
        (value!({"iterations": 3}), Strategy::BlueGreen, "blue-green"),
        (
            value!({"iterations": 3, "match": [{}]}),
            Strategy::AbTesting,
            "ab-testing",
        ),
    ] {
        assert_eq!(Strategy::of(&analysis(&fields)), strategy);
        assert_eq!(strategy.to_string(), word);
    }
}

#[test]
fn weights_follow_each_other_as_in_flagger() {
    for (fields, weights) in [
        (value!({"stepWeight": 20}), vec![20, 40, 60, 80, 100]),
        (
            value!({"stepWeight": 20, "maxWeight": 50}),
            vec![20, 40, 60],
        ),
        (value!({"stepWeight": 60, "maxWeight": 500}), vec![60, 100]),
        (value!({"stepWeights": [1, 2, 10, 80]}), vec![1, 2, 10, 80]),
        (value!({"stepWeights": [50, 150]}), vec![50, 100]),
        (value!({"stepWeight": i64::MAX}), vec![100]),
        (value!({"stepWeights": [10, 10]}), vec![10]),
        (value!({}), vec![]),
    ] {
        assert_eq!(analysis(&fields).weights(), weights, "{fields:?}");
    }
    let edited = analysis(&value!({"stepWeights": [10, 20, 40]}));
    assert_eq!(edited.next_weight(15), 100);
}

#[test]
fn the_interval_has_a_default_and_a_floor() {
    for (text, seconds) in [
        ("", 60),
        ("soon", 60),
        ("10", 60),
        ("10ms", 10),
        ("3s", 10),
        ("-5m", 10),
        ("30s", 30),
        ("2m", 120),
    ] {
        let analysis = analysis(&value!({"interval": text}));
        let interval = analysis.interval_or_default(MIN_ANALYSIS_INTERVAL);
        assert_eq!(interval, Duration::from_secs(seconds), "{text:?}");
    }
}

#[test]
fn what_can_t_be_done_is_named() {
    let problems = |change: &dyn Fn(&mut CanarySpec)| -> Vec<String> {
        let mut spec = canary(|_| ()).unwrap().spec;
        spec.skip_analysis = false;
        change(&mut spec);
        let found = spec.problems("istio");
        found.iter().map(ToString::to_string).collect()
    };
    assert_eq!(problems(&|_| ()), Vec::<String>::new());
    let steps = |weights: Vec<i64>| {
        problems(&move |spec| {
            spec.analysis.iterations = 0;
            spec.analysis.step_weight = 0;
            spec.analysis.step_weights.clone_from(&weights);
        })
    };
    assert_eq!(steps(vec![10, 20]), Vec::<String>::new());
    assert_eq!(
        steps(vec![10, 10]),
        ["spec.analysis.stepWeights[1]: 10 is not above 10, the weight before"]
    );
    assert_eq!(
        steps(vec![]),
        ["spec.analysis: one of stepWeight, stepWeights and iterations must be above 0"]
    );
    let other = problems(&|spec| {
        spec.service.port = 0;
        spec.target_ref.kind = "StatefulSet".into();
        spec.analysis.step_weight_promotion = -1;
        spec.analysis.session_affinity = Some(SessionAffinity {
            cookie_name: "c".into(),
            primary_cookie_name: "c".into(),
            ..SessionAffinity::default()
        });
    });
    assert_eq!(other.len(), 4, "{other:?}");
}

#[test]
fn references_to_other_namespaces_are_named_where_they_are_forbidden() {
    let spec = canary(|_| ()).unwrap().spec;
    let found = spec.cross_namespace_problems("web", "apps");
    let paths: Vec<&str> = found.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "spec.upstreamRef.namespace",
            "spec.analysis.metrics[0].templateRef.namespace",
            "spec.analysis.alerts[0].providerRef.namespace"
        ]
    );
    assert_eq!(
        found[1].message,
        "can't access metric template t.n from web.apps, cross-namespace references are blocked"
    );
}

#[test]
fn a_cookie_has_its_attributes_in_order() {
    let affinity = canary(|_| ())
        .unwrap()
        .spec
        .analysis
        .session_affinity
        .unwrap();
    assert_eq!(
        affinity.set_cookie("c=1", affinity.max_age_or_default()),
        "c=1; Max-Age=60; Domain=d; HttpOnly; Partitioned; Path=/; SameSite=Lax; Secure"
    );
    assert_eq!(SessionAffinity::default().max_age_or_default(), 86_400);
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[test]
fn promoted_moves_only_with_status_or_reason() {
    let mut conditions = Conditions::default();
    let mut change = |phase, second| {
        change_conditions(&mut conditions, phase, "Deployment", "d", 1, at(second));
        let found = conditions.get(PROMOTED).unwrap().clone();
        (
            found.last_update_time.unwrap().as_second(),
            found.last_transition_time.as_second(),
            conditions.clone(),
        )
    };
    let (update, transition, set) = change(Phase::Progressing, 1);
    assert_eq!((update, transition), (1, 1));
    assert!(set.is_true(condition_type::RECONCILING) && !set.is_true(condition_type::READY));
    let (update, transition, _) = change(Phase::Progressing, 2);
    assert_eq!((update, transition), (1, 1));
    let (update, transition, _) = change(Phase::Promoting, 3);
    assert_eq!((update, transition), (3, 1));
    let (update, transition, set) = change(Phase::Succeeded, 4);
    assert_eq!((update, transition), (4, 4));
    assert!(set.is_true(condition_type::READY) && set.get(condition_type::RECONCILING).is_none());
    let (_, _, set) = change(Phase::Failed, 5);
    assert!(set.is_true(condition_type::STALLED) && set.is_false(condition_type::READY));
    assert_eq!(
        set.get(PROMOTED).unwrap().message,
        "Canary analysis failed, Deployment scaled to zero."
    );
}

#[test]
fn checks_are_kept_up_to_a_limit() {
    let mut status = CanaryStatus::default();
    for second in 0..30 {
        status.record(CheckRecord {
            verdict: "Passed".into(),
            ..record(second)
        });
    }
    assert_eq!(status.checks.len(), MAX_CHECK_RECORDS);
    assert_eq!(status.checks[0].time, at(20));
}

fn record(second: i64) -> CheckRecord {
    CheckRecord {
        time: at(second),
        weight: 10,
        verdict: Text::new(),
        message: Text::new(),
        readings: Vec::new(),
    }
}

#[test]
fn readings_stay_until_metrics_are_asked_again() {
    let mut status = CanaryStatus::default();
    let with_reading = |second| CheckRecord {
        readings: vec![MetricReading {
            metric: "errors".into(),
            value: "1.00".into(),
            threshold: Text::new(),
            interval: "1m".into(),
        }],
        ..record(second)
    };
    status.record(with_reading(0));
    status.record(record(1));
    let kept = |status: &CanaryStatus| -> Vec<usize> {
        let checks = status.checks.iter();
        checks.map(|check| check.readings.len()).collect()
    };
    assert_eq!(kept(&status), [1, 0]);
    status.record(with_reading(2));
    assert_eq!(kept(&status), [0, 0, 1]);
}
