//! The queries of the two builtin checks, as Flagger asks them of Prometheus.
//!
//! A query depends on what routes the traffic, since each mesh and ingress
//! controller measures under names of its own. The texts are facts: dashboards,
//! recording rules and stand-ins for Prometheus know them, so they are the
//! same to the byte, up to a blank in front and where a comma ends a list.

use super::TemplateModel;

/// The builtin checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltinCheck {
    /// `request-success-rate`: the share of requests without server error, in
    /// percent.
    SuccessRate,
    /// `request-duration`: how long requests take, in milliseconds.
    Duration,
}

impl BuiltinCheck {
    /// The builtin check of a metric's name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::SuccessRate, Self::Duration]
            .into_iter()
            .find(|it| it.name() == name)
    }

    /// The name that a Canary gives to the metric.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SuccessRate => "request-success-rate",
            Self::Duration => "request-duration",
        }
    }
}

/// Whose measurements the builtin checks are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observer {
    /// Istio's proxies; also where the provider is unknown, SMI's or a Service.
    Istio,
    /// Linkerd's proxies.
    Linkerd,
    /// The application itself, by Pod: Kubernetes without mesh, Gateway API.
    Pods,
    /// The NGINX ingress controller.
    Nginx,
    /// Traefik.
    Traefik,
    /// Contour's Envoy.
    Contour,
    /// Gloo's Envoy.
    Gloo,
    /// App Mesh's Envoys.
    AppMesh,
    /// Kuma's Envoys.
    Kuma,
    /// Open Service Mesh.
    Osm,
    /// APISIX.
    Apisix,
    /// Knative's Envoy.
    Knative,
    /// Skipper.
    Skipper,
}

/// What kind of target a Canary has, as far as queries care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetWorkload {
    /// Pods of ReplicaSets, with two more words behind the target's name: a
    /// Deployment, a Knative Service.
    Deployment,
    /// Pods with one more word behind the target's name.
    DaemonSet,
    /// A Service without workload.
    Service,
}

/// The name of the metrics provider in messages: `spec.provider`, or else the
/// controller's mesh provider, which wins where it is Linkerd; with `:service`
/// behind it for a Service.
#[must_use]
pub fn metrics_provider(
    mesh_provider: &str,
    canary_provider: Option<&str>,
    target: TargetWorkload,
) -> String {
    let own = canary_provider.filter(|it| !it.is_empty());
    let name = match own {
        Some(_) if mesh_provider.contains("linkerd") => "linkerd",
        Some(own) => own,
        None if mesh_provider.contains("crossover") => "crossover",
        None => mesh_provider,
    };
    match target {
        TargetWorkload::Deployment | TargetWorkload::DaemonSet => name.to_owned(),
        TargetWorkload::Service => format!("{name}:service"),
    }
}

impl Observer {
    /// Whose measurements a provider's are, see [`metrics_provider`].
    #[must_use]
    pub fn of_provider(provider: &str) -> Self {
        match provider {
            _ if provider.starts_with("appmesh") => Self::AppMesh,
            "linkerd" => Self::Linkerd,
            "contour" => Self::Contour,
            _ if provider.starts_with("gloo") => Self::Gloo,
            "nginx" => Self::Nginx,
            "kubernetes" | "pods" => Self::Pods,
            _ if provider.starts_with("gatewayapi") => Self::Pods,
            "skipper" => Self::Skipper,
            "traefik" => Self::Traefik,
            "osm" => Self::Osm,
            "kuma" => Self::Kuma,
            "apisix" => Self::Apisix,
            "knative" => Self::Knative,
            _ => Self::Istio,
        }
    }

    /// What to multiply an answer to the duration's query with, to have
    /// milliseconds.
    #[must_use]
    pub const fn milliseconds_per_unit(self) -> f64 {
        match self {
            Self::Pods => 1000.0,
            _ => 1.0,
        }
    }

    /// What Flagger puts in front of an error of the success rate's query.
    pub(super) const fn wraps_success_rate_errors(self) -> bool {
        !matches!(self, Self::Pods)
    }
}

/// A builtin check's question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltinQuery {
    /// What is asked first, Flagger's own query with single blanks.
    pub query: String,
    /// Where the first has no answer: how many requests a second there were at
    /// all. More than none means that not one of them succeeded, for
    /// Prometheus has no series of requests that never happened.
    pub all_requests: Option<String>,
}

/// The query of a builtin check.
#[must_use]
pub fn builtin_query(
    observer: Observer,
    check: BuiltinCheck,
    workload: TargetWorkload,
    model: &TemplateModel,
) -> BuiltinQuery {
    if observer == Observer::Skipper {
        return skipper_query(check, model);
    }
    let interval = &model.interval;
    let matchers = matchers(observer, workload, model);
    match check {
        BuiltinCheck::SuccessRate => {
            let requests = Requests::of(observer, matchers);
            let rate = |selector: &str| format!("sum( rate( {selector}[{interval}] ) )");
            let (good, all) = (rate(&requests.good()), rate(&requests.all()));
            BuiltinQuery {
                query: format!(" {good} / {all} * 100"),
                all_requests: Some(all),
            }
        }
        BuiltinCheck::Duration => BuiltinQuery {
            query: duration_query(observer, matchers, interval),
            all_requests: None,
        },
    }
}

/// The series that count requests, and what tells the good ones.
struct Requests {
    metric: &'static str,
    matchers: Vec<String>,
    /// Where it stands among the matchers, and the matcher.
    good: (usize, &'static str),
    list_end: ListEnd,
}

/// What ends a list of matchers that has no matcher of the status.
#[derive(Clone, Copy)]
enum ListEnd {
    Plain,
    Comma,
}

const ENVOY_GOOD: &str = r#"envoy_response_code!~"5.*""#;

impl Requests {
    fn of(observer: Observer, matchers: Vec<String>) -> Self {
        let last = matchers.len();
        let requests = |metric, good| Self {
            metric,
            matchers: matchers.clone(),
            good: (last, good),
            list_end: list_end(observer),
        };
        match observer {
            Observer::Istio | Observer::Skipper => {
                requests("istio_requests_total", r#"response_code!~"5.*""#)
            }
            Observer::Linkerd => Self {
                good: (2, r#"classification!="failure""#),
                ..requests("response_total", "")
            },
            Observer::Pods => requests("http_request_duration_seconds_count", r#"status!~"5.*""#),
            Observer::Nginx => requests("nginx_ingress_controller_requests", r#"status!~"5.*""#),
            Observer::Traefik => {
                let mut requests = requests(
                    "traefik_service_request_duration_seconds_bucket",
                    r#"code!~"5..""#,
                );
                requests.matchers.push(r#"le="+Inf""#.to_owned());
                requests
            }
            Observer::Osm => requests("osm_request_total", r#"response_code!~"5.*""#),
            Observer::Apisix => requests("apisix_http_status", r#"code!~"5..""#),
            Observer::Contour
            | Observer::Gloo
            | Observer::AppMesh
            | Observer::Kuma
            | Observer::Knative => requests("envoy_cluster_upstream_rq", ENVOY_GOOD),
        }
    }

    fn all(&self) -> String {
        selector(self.metric, &self.matchers, self.list_end)
    }

    fn good(&self) -> String {
        let mut matchers = self.matchers.clone();
        matchers.insert(self.good.0, self.good.1.to_owned());
        selector(self.metric, &matchers, ListEnd::Plain)
    }
}

/// What tells the canary's series from all others.
fn matchers(observer: Observer, workload: TargetWorkload, model: &TemplateModel) -> Vec<String> {
    let TemplateModel {
        namespace,
        target,
        service,
        ingress,
        route,
        ..
    } = model;
    let name = "[0-9a-zA-Z-]+";
    match observer {
        Observer::Istio | Observer::Skipper => vec![
            r#"reporter="destination""#.to_owned(),
            format!(r#"destination_workload_namespace="{namespace}""#),
            format!(r#"destination_workload=~"{target}""#),
        ],
        Observer::Linkerd => vec![
            format!(r#"namespace="{namespace}""#),
            format!(r#"deployment=~"{target}""#),
            r#"direction="inbound""#.to_owned(),
        ],
        Observer::Pods | Observer::AppMesh => vec![
            format!(r#"kubernetes_namespace="{namespace}""#),
            format!(r#"kubernetes_pod_name=~"{}""#, pod_names(target, workload)),
        ],
        Observer::Nginx => vec![
            format!(r#"namespace="{namespace}""#),
            format!(r#"ingress="{ingress}""#),
            r#"canary!="""#.to_owned(),
        ],
        Observer::Traefik => vec![format!(
            r#"service=~"{namespace}-{target}-canary-{name}@kubernetescrd""#
        )],
        Observer::Contour => vec![format!(
            r#"envoy_cluster_name=~"{namespace}_{service}-canary_{name}""#
        )],
        Observer::Gloo => vec![format!(
            r#"envoy_cluster_name=~"{namespace}-{target}-canaryupstream-{name}_{name}""#
        )],
        Observer::Kuma => vec![format!(
            r#"service=~"{target}-canary_{namespace}_svc_{name}""#
        )],
        Observer::Osm => vec![
            format!(r#"destination_namespace="{namespace}""#),
            r#"destination_kind="Deployment""#.to_owned(),
            format!(r#"destination_name="{target}""#),
        ],
        Observer::Apisix => vec![format!(
            r#"route=~"{namespace}_{route}-{target}-canary_.+""#
        )],
        Observer::Knative => vec![format!(r#"envoy_cluster_name=~"{namespace}/{route}""#)],
    }
}

/// Expressions of Prometheus match whole names, so that the Pods of
/// `<target>-primary`, whose names have one word more, are none of these.
fn pod_names(target: &str, workload: TargetWorkload) -> String {
    match workload {
        TargetWorkload::DaemonSet => format!("{target}-[0-9a-zA-Z]+"),
        _ => format!("{target}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"),
    }
}

const fn list_end(observer: Observer) -> ListEnd {
    match observer {
        Observer::Contour | Observer::Gloo | Observer::Kuma | Observer::Knative => ListEnd::Comma,
        _ => ListEnd::Plain,
    }
}

fn selector(metric: &str, matchers: &[String], end: ListEnd) -> String {
    let end = match end {
        ListEnd::Plain => "",
        ListEnd::Comma => ",",
    };
    format!("{metric}{{ {}{end} }}", matchers.join(", "))
}

fn duration_query(observer: Observer, mut matchers: Vec<String>, interval: &str) -> String {
    let series = match observer {
        Observer::Nginx => return average_query(&matchers, interval),
        Observer::Istio | Observer::Skipper => "istio_request_duration_milliseconds_bucket",
        Observer::Linkerd => "response_latency_ms_bucket",
        Observer::Pods => "http_request_duration_seconds_bucket",
        Observer::Traefik => "traefik_service_request_duration_seconds_bucket",
        Observer::Osm => "osm_request_duration_ms_bucket",
        Observer::Apisix => {
            matchers.insert(0, r#"type=~"request""#.to_owned());
            "apisix_http_latency_bucket"
        }
        _ => "envoy_cluster_upstream_rq_time_bucket",
    };
    let series = selector(series, &matchers, list_end(observer));
    let unit = match observer {
        Observer::Traefik => " * 1000",
        _ => "",
    };
    format!(" histogram_quantile( 0.99, sum( rate( {series}[{interval}] ) ) by (le) ){unit}")
}

/// NGINX's histograms have too few buckets for a quantile.
fn average_query(matchers: &[String], interval: &str) -> String {
    let rate = |part: &str| {
        let metric = format!("nginx_ingress_controller_response_duration_seconds_{part}");
        let series = selector(&metric, matchers, ListEnd::Plain);
        format!("sum( rate( {series}[{interval}] ) )")
    };
    format!(" {} / {} * 1000", rate("sum"), rate("count"))
}

/// Skipper knows routes, whose names hold the names of the objects with `_`
/// for whatever is neither letter, digit nor `_`.
fn skipper_query(check: BuiltinCheck, model: &TemplateModel) -> BuiltinQuery {
    let word = |text: &str| -> String {
        text.chars()
            .map(|it| if it.is_ascii_alphanumeric() { it } else { '_' })
            .collect()
    };
    let (namespace, ingress) = (word(&model.namespace), word(&model.ingress));
    let service = word(&model.service);
    let route = format!(
        r#"route=~"kube(ew)?_{namespace}__{ingress}_canary__.*__{service}_canary(_[0-9]+)?""#
    );
    let rate = |metric: &str, more: &str| {
        let interval = &model.interval;
        format!("sum(rate(skipper_{metric}{{{route}{more}}}[{interval}]))")
    };
    match check {
        BuiltinCheck::SuccessRate => {
            let bucket = "response_duration_seconds_bucket";
            let good = rate(bucket, r#",code!~"5..",le="+Inf""#);
            let all = rate(bucket, r#",le="+Inf""#);
            BuiltinQuery {
                query: format!(" {good} / {all} * 100"),
                all_requests: Some(all),
            }
        }
        BuiltinCheck::Duration => {
            let sum = rate("serve_route_duration_seconds_sum", "");
            let count = rate("serve_route_duration_seconds_count", "");
            BuiltinQuery {
                query: format!(" {sum} / {count} * 1000"),
                all_requests: None,
            }
        }
    }
}
