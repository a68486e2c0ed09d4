//! Contour: an `HTTPProxy` that one of the user's includes.

use super::RouterError;
use super::manifest::Manifest;
use super::observed::Observed;
use super::provider::{Abilities, Traffic, TrafficProvider};
use super::requests::path_prefix;
use super::shares::Shares;
use super::subject::Subject;
use super::weights::Weights;
use trueup_kinds::canary::{HttpMatch, HttpRetry, StringMatch};
use trueup_object::{Map, ObjectRef, Value, value};

/// Where requests of Linkerd's proxies must go, which the ingress has in front.
const LINKERD_OVERRIDE: &str = "l5d-dst-override";
/// How long a connection may be idle where a timeout is given.
const IDLE_TIMEOUT: &str = "5m";

/// Contour.
pub(super) struct Contour;

impl TrafficProvider for Contour {
    fn abilities(&self) -> Abilities {
        Abilities {
            weights: true,
            matches: true,
            ..Abilities::default()
        }
    }

    fn check(&self, subject: &Subject<'_>) -> Result<(), RouterError> {
        let matches = &subject.analysis().matches;
        if matches.iter().any(|requests| requests.headers.is_empty()) {
            return Err(RouterError::invalid(
                "Contour tells requests apart by headers: an item of spec.analysis.match has none",
            ));
        }
        Ok(())
    }

    fn needs(&self, subject: &Subject<'_>) -> Vec<ObjectRef> {
        vec![http_proxy(subject)]
    }

    fn manifests(
        &self,
        subject: &Subject<'_>,
        _: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        let manifest = Manifest::with_apex_metadata(http_proxy(subject), subject)
            .route(&["spec", "routes"], Some(routes(subject, traffic.weights)));
        let class = subject.settings.ingress_class.clone();
        Ok(vec![match class {
            Some(class) => manifest.field(&["spec", "ingressClassName"], Some(class.into())),
            None => manifest,
        }])
    }

    /// The first route is the one that is shifted.
    fn weights(&self, subject: &Subject<'_>, observed: &Observed) -> Result<Weights, RouterError> {
        let reference = http_proxy(subject);
        let spec = observed.read(&reference)?.section("spec")?;
        let mut shares = Shares::of_services(subject);
        if let Some(route) = spec.items("routes")?.first() {
            for service in route.items("services")? {
                shares.count(
                    service.text("name")?,
                    service.integer("weight")?.unwrap_or(0),
                );
            }
        }
        shares.weights(&reference)
    }
}

fn http_proxy(subject: &Subject<'_>) -> ObjectRef {
    subject.reference("projectcontour.io/v1", "HTTPProxy", &subject.names.apex)
}

/// One route for each kind of request that matches, then one for all others;
/// without a match only that one, which is then shifted.
fn routes(subject: &Subject<'_>, weights: Weights) -> Value {
    let matches = &subject.analysis().matches;
    let prefix = path_prefix(&subject.service().matches);
    let others = if matches.is_empty() {
        weights
    } else {
        Weights::PRIMARY
    };
    let matched = matches
        .iter()
        .map(|requests| route(subject, header_conditions(prefix, requests), weights));
    let all_others = route(subject, value!([{"prefix": prefix}]), others);
    matched.chain([all_others]).collect()
}

fn route(subject: &Subject<'_>, conditions: Value, weights: Weights) -> Value {
    let service = subject.service();
    let mut route = value!({
        "conditions": conditions,
        "services": [
            (backend(subject, &subject.names.primary, weights.primary())),
            (backend(subject, &subject.names.canary, weights.canary())),
        ],
    });
    if !service.timeout.is_empty() {
        let policy = value!({"response": service.timeout.clone(), "idle": IDLE_TIMEOUT});
        route.set_at(&["timeoutPolicy"], policy);
    }
    if let Some(retries) = &service.retries {
        route.set_at(&["retryPolicy"], retry_policy(retries));
    }
    route
}

fn backend(subject: &Subject<'_>, name: &str, weight: u8) -> Value {
    let (namespace, port) = (subject.namespace(), subject.port());
    let destination = format!("{name}.{namespace}.svc.cluster.local:{port}");
    value!({
        "name": name,
        "port": port,
        "weight": i64::from(weight),
        "requestHeadersPolicy": {"set": [{"name": LINKERD_OVERRIDE, "value": destination}]},
    })
}

fn retry_policy(retries: &HttpRetry) -> Value {
    let mut policy = value!({"count": retries.attempts});
    if !retries.per_try_timeout.is_empty() {
        policy.set_at(&["perTryTimeout"], retries.per_try_timeout.clone().into());
    }
    if !retries.retry_on.is_empty() {
        let events = retries.retry_on.split(',').map(|event| event.trim().into());
        policy.set_at(&["retryOn"], events.collect::<Value>());
    }
    policy
}

/// All of them must hold; a route may have the prefix only once.
fn header_conditions(prefix: &str, requests: &HttpMatch) -> Value {
    let headers = requests.headers.iter().enumerate();
    let conditions = headers.map(|(place, (name, text))| {
        let mut condition = value!({"header": header_condition(name, text)});
        if place == 0 {
            condition.set_at(&["prefix"], prefix.into());
        }
        condition
    });
    conditions.collect()
}

fn header_condition(name: &str, text: &StringMatch) -> Value {
    let mut condition = Map::new();
    condition.insert("name", name);
    // A header can't be asked how it begins or ends.
    for (key, given) in [
        ("exact", &text.exact),
        ("contains", &text.prefix),
        ("contains", &text.suffix),
        ("regex", &text.regex),
    ] {
        if !given.is_empty() {
            condition.insert(key, given.clone());
            return condition.into();
        }
    }
    condition.insert("present", true);
    condition.into()
}
