//! AWS App Mesh, version v1beta1: virtual nodes for the Services, and a
//! virtual service for the apex and one for the canary.

use super::RouterError;
use super::duration;
use super::manifest::Manifest;
use super::observed::Observed;
use super::provider::{Abilities, Traffic, TrafficProvider};
use super::requests::path_prefix;
use super::shares::Shares;
use super::subject::{Subject, hands_off, tree};
use super::weights::Weights;
use trueup_kinds::canary::HttpMatch;
use trueup_object::{ObjectRef, Text, Value, value};

const API_VERSION: &str = "appmesh.k8s.aws/v1beta1";
/// Asks for an access log, on the `Canary`.
const ACCESS_LOG: &str = "appmesh.flagger.app/accesslog";
/// How long one try may take where nothing that is a duration is given.
const DEFAULT_TRY_TIMEOUT_MS: i64 = 250;
/// The failures that are tried again where none are given.
const DEFAULT_RETRY_EVENT: &str = "gateway-error";
/// The priority of the first route for requests that match.
const MATCHED_PRIORITY: i64 = 10;
/// The priority of the route for all others; a lower one comes first.
const OTHERS_PRIORITY: i64 = 20;
/// The most kinds of requests that can be told apart.
const MAX_MATCHED_ROUTES: usize = 10;

/// AWS App Mesh, v1beta1.
pub(super) struct AppMesh;

impl TrafficProvider for AppMesh {
    fn abilities(&self) -> Abilities {
        abilities()
    }

    fn check(&self, subject: &Subject<'_>) -> Result<(), RouterError> {
        if subject.service().mesh_name.is_empty() {
            return Err(RouterError::invalid("mesh name cannot be empty"));
        }
        check_matches(subject)
    }

    fn needs(&self, subject: &Subject<'_>) -> Vec<ObjectRef> {
        let names = subject.names;
        let nodes = [&names.apex, &names.primary, &names.canary];
        let nodes = nodes.map(|name| virtual_node(subject, name));
        let services = [&names.apex, &names.canary];
        let services = services.map(|name| virtual_service(subject, name));
        nodes.into_iter().chain(services).collect()
    }

    fn manifests(
        &self,
        subject: &Subject<'_>,
        _: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        let names = subject.names;
        let apex = service_manifest(subject, &names.apex)
            .annotations(gateway_annotations(subject))
            .route(&["spec", "routes"], Some(routes(subject, traffic.weights)?));
        let all_to_canary = route(subject, &names.canary, Weights::of_canary(100));
        let canary = service_manifest(subject, &names.canary)
            .field(&["spec", "routes"], Some(value!([all_to_canary])));
        Ok(vec![
            node_manifest(subject, &names.apex, &names.primary),
            node_manifest(subject, &names.primary, &names.primary),
            node_manifest(subject, &names.canary, &names.canary),
            apex,
            canary,
        ])
    }

    /// The first route is the one that is shifted.
    fn weights(&self, subject: &Subject<'_>, observed: &Observed) -> Result<Weights, RouterError> {
        let reference = virtual_service(subject, &subject.names.apex);
        let spec = observed.read(&reference)?.section("spec")?;
        let mut shares = Shares::of_services(subject);
        if let Some(route) = spec.items("routes")?.first() {
            for target in route.below(&["http", "action"])?.items("weightedTargets")? {
                let weight = target.integer("weight")?.unwrap_or(0);
                shares.count(target.text("virtualNodeName")?, weight);
            }
        }
        shares.weights(&reference)
    }
}

pub(super) fn abilities() -> Abilities {
    Abilities {
        weights: true,
        matches: true,
        ..Abilities::default()
    }
}

/// Refuses matches without a header: they would pick every request.
pub(super) fn check_matches(subject: &Subject<'_>) -> Result<(), RouterError> {
    let matches = &subject.analysis().matches;
    if matches.iter().any(|requests| requests.headers.is_empty()) {
        return Err(RouterError::invalid(
            "App Mesh tells requests apart by headers: an item of spec.analysis.match has none",
        ));
    }
    if matches.len() > MAX_MATCHED_ROUTES {
        return Err(RouterError::invalid(format!(
            "App Mesh tells at most {MAX_MATCHED_ROUTES} kinds of requests apart, spec.analysis.match has {}",
            matches.len()
        )));
    }
    Ok(())
}

fn virtual_node(subject: &Subject<'_>, name: &str) -> ObjectRef {
    subject.reference(API_VERSION, "VirtualNode", name)
}

/// The virtual service of a Service, which is called by its host name.
fn virtual_service(subject: &Subject<'_>, name: &str) -> ObjectRef {
    subject.reference(API_VERSION, "VirtualService", &subject.qualified(name))
}

fn node_manifest(subject: &Subject<'_>, name: &str, service: &str) -> Manifest {
    let host = subject.qualified(service);
    let mesh = subject.service().mesh_name.clone();
    let backends = subject.service().backends.iter();
    let backends: Value = backends
        .map(|name| value!({"virtualService": {"virtualServiceName": name.clone()}}))
        .collect();
    Manifest::with_apex_metadata(virtual_node(subject, name), subject)
        .field(&["spec", "meshName"], Some(mesh.into()))
        .field(&["spec", "listeners"], Some(listeners(subject)))
        .field(
            &["spec", "serviceDiscovery"],
            Some(value!({"dns": {"hostName": host}})),
        )
        .field(&["spec", "backends"], Some(backends))
        .field(&["spec", "logging"], logging(subject))
}

fn service_manifest(subject: &Subject<'_>, name: &Text) -> Manifest {
    let mesh = subject.service().mesh_name.clone();
    let router = value!({"name": name.clone(), "listeners": listeners(subject)});
    Manifest::new(virtual_service(subject, name))
        .annotations(hands_off())
        .field(&["spec", "meshName"], Some(mesh.into()))
        .field(&["spec", "virtualRouter"], Some(router))
}

fn listeners(subject: &Subject<'_>) -> Value {
    value!([{"portMapping": {"port": subject.port(), "protocol": protocol(subject)}}])
}

pub(super) fn protocol(subject: &Subject<'_>) -> &'static str {
    if subject.service().port_name.contains("grpc") {
        "grpc"
    } else {
        "http"
    }
}

/// An access log to the standard output, where it is asked for.
pub(super) fn logging(subject: &Subject<'_>) -> Option<Value> {
    let asked = subject.canary.metadata.annotations.get(ACCESS_LOG);
    asked
        .is_some_and(|asked| asked == "enabled")
        .then(|| value!({"accessLog": {"file": {"path": "/dev/stdout"}}}))
}

/// What App Mesh Gateway is told of the virtual service of the apex.
pub(super) fn gateway_annotations(subject: &Subject<'_>) -> Vec<(Text, Option<Text>)> {
    let service = subject.service();
    if service.hosts.is_empty() {
        return Vec::new();
    }
    // Each host is followed by a comma, as the gateway expects it.
    let domains: String = service
        .hosts
        .iter()
        .map(|host| format!("{host},"))
        .collect();
    let mut annotations = vec![("expose", Text::from("true")), ("domain", domains.into())];
    if !service.timeout.is_empty() {
        annotations.push(("timeout", service.timeout.clone()));
    }
    let attempts = service
        .retries
        .as_ref()
        .map_or(0, |retries| retries.attempts);
    if attempts > 0 {
        annotations.push(("retries", attempts.to_string().into()));
    }
    let annotations = annotations.into_iter();
    annotations
        .map(|(key, value)| (format!("gateway.appmesh.k8s.aws/{key}").into(), Some(value)))
        .collect()
}

/// Routes that must be told apart by priority: one for each kind of request
/// that matches, then one for all others. Without a match there is only one.
pub(super) struct PlannedRoute<'a> {
    pub(super) name: String,
    pub(super) priority: Option<i64>,
    pub(super) requests: Option<&'a HttpMatch>,
    /// `None` leads to the primary only.
    pub(super) weights: Option<Weights>,
}

pub(super) fn planned_routes<'a>(subject: &Subject<'a>, weights: Weights) -> Vec<PlannedRoute<'a>> {
    let apex = &subject.names.apex;
    if !subject.is_matched() {
        return vec![PlannedRoute {
            name: apex.to_string(),
            priority: None,
            requests: None,
            weights: Some(weights),
        }];
    }
    let matches = subject.analysis().matches.iter();
    let matched = (0_i64..)
        .zip(matches)
        .map(|(place, requests)| PlannedRoute {
            name: match place {
                0 => format!("{apex}-a"),
                _ => format!("{apex}-a-{place}"),
            },
            priority: Some(MATCHED_PRIORITY + place),
            requests: Some(requests),
            weights: Some(weights),
        });
    let others = PlannedRoute {
        name: format!("{apex}-b"),
        priority: Some(OTHERS_PRIORITY),
        requests: None,
        weights: None,
    };
    matched.chain([others]).collect()
}

/// What a route is for.
pub(super) fn route_match(
    subject: &Subject<'_>,
    requests: Option<&HttpMatch>,
) -> Result<Value, RouterError> {
    let mut route_match = value!({"prefix": path_prefix(&subject.service().matches)});
    if let Some(requests) = requests {
        let headers = requests.headers.iter();
        let headers =
            headers.map(|(name, text)| Ok(value!({"name": name.clone(), "match": tree(text)?})));
        route_match.set_at(
            &["headers"],
            headers.collect::<Result<Value, RouterError>>()?,
        );
    }
    Ok(route_match)
}

fn routes(subject: &Subject<'_>, weights: Weights) -> Result<Value, RouterError> {
    let planned = planned_routes(subject, weights).into_iter();
    let routes = planned.map(|planned| {
        let targets = match planned.weights {
            Some(weights) => targets(subject, weights),
            None => value!([(target(&subject.names.primary, 100))]),
        };
        let requests = route_match(subject, planned.requests)?;
        let mut route = http_route(subject, &planned.name, requests, targets);
        if let Some(priority) = planned.priority {
            route.set_at(&["priority"], priority.into());
        }
        Ok(route)
    });
    routes.collect()
}

fn route(subject: &Subject<'_>, name: &str, weights: Weights) -> Value {
    let requests = value!({"prefix": path_prefix(&subject.service().matches)});
    http_route(subject, name, requests, targets(subject, weights))
}

fn http_route(subject: &Subject<'_>, name: &str, requests: Value, targets: Value) -> Value {
    let mut route = value!({
        "name": name,
        "http": {"match": requests, "action": {"weightedTargets": targets}},
    });
    if let Some(policy) = retry_policy(subject) {
        route.set_at(&["http", "retryPolicy"], policy);
    }
    route
}

fn targets(subject: &Subject<'_>, weights: Weights) -> Value {
    value!([
        (target(&subject.names.canary, weights.canary())),
        (target(&subject.names.primary, weights.primary())),
    ])
}

fn target(node: &str, weight: u8) -> Value {
    value!({"virtualNodeName": node, "weight": i64::from(weight)})
}

/// How failed requests are tried again.
pub(super) struct Retries {
    pub(super) attempts: i64,
    pub(super) timeout_ms: i64,
    pub(super) events: Value,
}

impl Retries {
    pub(super) fn of(subject: &Subject<'_>) -> Option<Self> {
        let retries = subject.service().retries.as_ref()?;
        let events = if retries.retry_on.is_empty() {
            DEFAULT_RETRY_EVENT
        } else {
            &retries.retry_on
        };
        Some(Self {
            attempts: retries.attempts.max(1),
            timeout_ms: duration::milliseconds(&retries.per_try_timeout)
                .unwrap_or(DEFAULT_TRY_TIMEOUT_MS),
            events: events.split(',').map(|event| event.trim().into()).collect(),
        })
    }
}

fn retry_policy(subject: &Subject<'_>) -> Option<Value> {
    let retries = Retries::of(subject)?;
    Some(value!({
        "perRetryTimeoutMillis": retries.timeout_ms,
        "maxRetries": retries.attempts,
        "httpRetryEvents": retries.events,
    }))
}
