//! The exact texts that are sent, for each provider.

use super::{
    BuiltinCheck, Observer, TargetWorkload, TemplateModel, builtin_query, collapse_whitespace,
    metrics_provider,
};

fn model() -> TemplateModel {
    TemplateModel {
        name: "podinfo".into(),
        namespace: "default".into(),
        target: "podinfo".into(),
        service: "podinfo-svc".into(),
        ingress: "front".into(),
        route: "way".into(),
        interval: "1m".into(),
        ..TemplateModel::default()
    }
}

fn query(provider: &str, check: BuiltinCheck) -> String {
    let observer = Observer::of_provider(provider);
    builtin_query(observer, check, TargetWorkload::Deployment, &model()).query
}

/// Provider, metric, matchers of the success rate before and behind that of
/// the status, and what ends the list of all requests.
const SUCCESS_RATES: &[(&str, &str, &str, &str, &str, &str)] = &[
    (
        "istio",
        "istio_requests_total",
        r#"reporter="destination", destination_workload_namespace="default", destination_workload=~"podinfo""#,
        r#"response_code!~"5.*""#,
        "",
        "",
    ),
    (
        "linkerd",
        "response_total",
        r#"namespace="default", deployment=~"podinfo""#,
        r#"classification!="failure""#,
        r#", direction="inbound""#,
        "",
    ),
    (
        "kubernetes",
        "http_request_duration_seconds_count",
        r#"kubernetes_namespace="default", kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)""#,
        r#"status!~"5.*""#,
        "",
        "",
    ),
    (
        "nginx",
        "nginx_ingress_controller_requests",
        r#"namespace="default", ingress="front", canary!="""#,
        r#"status!~"5.*""#,
        "",
        "",
    ),
    (
        "traefik",
        "traefik_service_request_duration_seconds_bucket",
        r#"service=~"default-podinfo-canary-[0-9a-zA-Z-]+@kubernetescrd""#,
        r#"code!~"5..""#,
        r#", le="+Inf""#,
        "",
    ),
    (
        "contour",
        "envoy_cluster_upstream_rq",
        r#"envoy_cluster_name=~"default_podinfo-svc-canary_[0-9a-zA-Z-]+""#,
        r#"envoy_response_code!~"5.*""#,
        "",
        ",",
    ),
    (
        "gloo",
        "envoy_cluster_upstream_rq",
        r#"envoy_cluster_name=~"default-podinfo-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+""#,
        r#"envoy_response_code!~"5.*""#,
        "",
        ",",
    ),
    (
        "appmesh",
        "envoy_cluster_upstream_rq",
        r#"kubernetes_namespace="default", kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)""#,
        r#"envoy_response_code!~"5.*""#,
        "",
        "",
    ),
    (
        "kuma",
        "envoy_cluster_upstream_rq",
        r#"service=~"podinfo-canary_default_svc_[0-9a-zA-Z-]+""#,
        r#"envoy_response_code!~"5.*""#,
        "",
        ",",
    ),
    (
        "osm",
        "osm_request_total",
        r#"destination_namespace="default", destination_kind="Deployment", destination_name="podinfo""#,
        r#"response_code!~"5.*""#,
        "",
        "",
    ),
    (
        "apisix",
        "apisix_http_status",
        r#"route=~"default_way-podinfo-canary_.+""#,
        r#"code!~"5..""#,
        "",
        "",
    ),
    (
        "knative",
        "envoy_cluster_upstream_rq",
        r#"envoy_cluster_name=~"default/way""#,
        r#"envoy_response_code!~"5.*""#,
        "",
        ",",
    ),
];

#[test]
fn success_rates_are_asked_in_the_known_words() {
    for (provider, metric, before, good, behind, end) in SUCCESS_RATES {
        let all = format!("sum( rate( {metric}{{ {before}{behind}{end} }}[1m] ) )");
        let good = format!("sum( rate( {metric}{{ {before}, {good}{behind} }}[1m] ) )");
        let asked = query(provider, BuiltinCheck::SuccessRate);
        assert_eq!(asked, format!(" {good} / {all} * 100"), "{provider}");
        assert_eq!(collapse_whitespace(&asked), asked, "{provider}");
    }
}

#[test]
fn durations_are_asked_in_the_known_words() {
    let p99 =
        |series: &str| format!(" histogram_quantile( 0.99, sum( rate( {series}[1m] ) ) by (le) )");
    for (provider, series) in [
        (
            "istio",
            r#"istio_request_duration_milliseconds_bucket{ reporter="destination", destination_workload_namespace="default", destination_workload=~"podinfo" }"#,
        ),
        (
            "linkerd",
            r#"response_latency_ms_bucket{ namespace="default", deployment=~"podinfo", direction="inbound" }"#,
        ),
        (
            "gatewayapi:v1",
            r#"http_request_duration_seconds_bucket{ kubernetes_namespace="default", kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)" }"#,
        ),
        (
            "contour",
            r#"envoy_cluster_upstream_rq_time_bucket{ envoy_cluster_name=~"default_podinfo-svc-canary_[0-9a-zA-Z-]+", }"#,
        ),
        (
            "gloo",
            r#"envoy_cluster_upstream_rq_time_bucket{ envoy_cluster_name=~"default-podinfo-canaryupstream-[0-9a-zA-Z-]+_[0-9a-zA-Z-]+", }"#,
        ),
        (
            "appmesh:v1beta2",
            r#"envoy_cluster_upstream_rq_time_bucket{ kubernetes_namespace="default", kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)" }"#,
        ),
        (
            "kuma",
            r#"envoy_cluster_upstream_rq_time_bucket{ service=~"podinfo-canary_default_svc_[0-9a-zA-Z-]+", }"#,
        ),
        (
            "osm",
            r#"osm_request_duration_ms_bucket{ destination_namespace="default", destination_kind="Deployment", destination_name="podinfo" }"#,
        ),
        (
            "apisix",
            r#"apisix_http_latency_bucket{ type=~"request", route=~"default_way-podinfo-canary_.+" }"#,
        ),
        (
            "knative",
            r#"envoy_cluster_upstream_rq_time_bucket{ envoy_cluster_name=~"default/way", }"#,
        ),
    ] {
        let asked = query(provider, BuiltinCheck::Duration);
        assert_eq!(asked, p99(series), "{provider}");
    }
    assert_eq!(
        query("traefik", BuiltinCheck::Duration),
        p99(
            r#"traefik_service_request_duration_seconds_bucket{ service=~"default-podinfo-canary-[0-9a-zA-Z-]+@kubernetescrd" }"#
        ) + " * 1000"
    );
    let nginx = |part: &str| {
        format!(
            r#"sum( rate( nginx_ingress_controller_response_duration_seconds_{part}{{ namespace="default", ingress="front", canary!="" }}[1m] ) )"#
        )
    };
    assert_eq!(
        query("nginx", BuiltinCheck::Duration),
        format!(" {} / {} * 1000", nginx("sum"), nginx("count"))
    );
}

#[test]
fn skipper_is_asked_by_the_names_of_its_routes() {
    let model = TemplateModel {
        namespace: "my-space".into(),
        ingress: "a.b".into(),
        service: "back_end".into(),
        ..model()
    };
    let route = r#"route=~"kube(ew)?_my_space__a_b_canary__.*__back_end_canary(_[0-9]+)?""#;
    let ask = |check| {
        let workload = TargetWorkload::Deployment;
        builtin_query(Observer::Skipper, check, workload, &model).query
    };
    let bucket = "skipper_response_duration_seconds_bucket";
    assert_eq!(
        ask(BuiltinCheck::SuccessRate),
        format!(
            r#" sum(rate({bucket}{{{route},code!~"5..",le="+Inf"}}[1m])) / sum(rate({bucket}{{{route},le="+Inf"}}[1m])) * 100"#
        )
    );
    let serve = "skipper_serve_route_duration_seconds";
    assert_eq!(
        ask(BuiltinCheck::Duration),
        format!(
            " sum(rate({serve}_sum{{{route}}}[1m])) / sum(rate({serve}_count{{{route}}}[1m])) * 1000"
        )
    );
}

#[test]
fn daemon_sets_have_pods_with_one_word_less() {
    let ask = |provider| {
        let observer = Observer::of_provider(provider);
        let workload = TargetWorkload::DaemonSet;
        builtin_query(observer, BuiltinCheck::SuccessRate, workload, &model()).query
    };
    for provider in ["kubernetes", "gatewayapi:v1", "appmesh"] {
        let asked = ask(provider);
        assert!(
            asked.contains(r#"kubernetes_pod_name=~"podinfo-[0-9a-zA-Z]+""#),
            "{asked}"
        );
    }
}

#[test]
fn providers_have_the_measurements_of_flagger() {
    for (provider, observer) in [
        ("appmesh:v1beta2", Observer::AppMesh),
        ("gloo", Observer::Gloo),
        ("gatewayapi:v1beta1", Observer::Pods),
        ("linkerd", Observer::Linkerd),
        ("istio", Observer::Istio),
        ("smi:v1alpha3", Observer::Istio),
        ("linkerd:service", Observer::Istio),
        ("kubernetes:service", Observer::Istio),
        ("", Observer::Istio),
    ] {
        assert_eq!(Observer::of_provider(provider), observer, "{provider}");
    }
}

#[test]
fn a_linkerd_installation_measures_for_all_providers() {
    let deployment = TargetWorkload::Deployment;
    for (mesh, own, target, name) in [
        ("istio", None, deployment, "istio"),
        ("istio", Some(""), deployment, "istio"),
        ("istio", Some("nginx"), deployment, "nginx"),
        ("linkerd", Some("nginx"), deployment, "linkerd"),
        ("smi:crossover", None, deployment, "crossover"),
        ("nginx", None, TargetWorkload::Service, "nginx:service"),
    ] {
        assert_eq!(metrics_provider(mesh, own, target), name);
    }
}
