//! Gloo Edge: a `RouteTable` that a `VirtualService` of the user's delegates
//! to, and an `Upstream` for each of the two Services.

use super::RouterError;
use super::manifest::Manifest;
use super::observed::Observed;
use super::provider::{Abilities, Traffic, TrafficProvider};
use super::shares::Shares;
use super::subject::{Subject, is_included};
use super::weights::Weights;
use std::collections::BTreeMap;
use trueup_kinds::canary::{HttpMatch, StringMatch};
use trueup_object::{GroupVersionKind, Map, ObjectRef, Text, Value, value};

/// Fields of an `Upstream` that are taken over from the one that
/// `spec.upstreamRef` names.
const CONFIGURED_FIELDS: [&[&str]; 9] = [
    &["spec", "labels"],
    &["spec", "sslConfig"],
    &["spec", "circuitBreakers"],
    &["spec", "connectionConfig"],
    &["spec", "loadBalancerConfig"],
    &["spec", "useHttp2"],
    &["spec", "initialStreamWindowSize"],
    &["spec", "initialConnectionWindowSize"],
    &["spec", "httpProxyHostName"],
];

/// Gloo Edge.
pub(super) struct Gloo;

impl TrafficProvider for Gloo {
    fn abilities(&self) -> Abilities {
        Abilities {
            weights: true,
            matches: true,
            ..Abilities::default()
        }
    }

    fn check(&self, subject: &Subject<'_>) -> Result<(), RouterError> {
        matchers(subject).map(|_| ())
    }

    fn needs(&self, subject: &Subject<'_>) -> Vec<ObjectRef> {
        let names = subject.names;
        let mut needs = vec![
            service(subject, &names.primary),
            service(subject, &names.canary),
            upstream(subject, &primary_upstream(subject)),
            upstream(subject, &canary_upstream(subject)),
            route_table(subject),
        ];
        needs.extend(configured_upstream(subject));
        needs
    }

    fn manifests(
        &self,
        subject: &Subject<'_>,
        observed: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        let names = subject.names;
        let (primary, canary) = (primary_upstream(subject), canary_upstream(subject));
        Ok(vec![
            upstream_of(subject, observed, &primary, &names.primary)?,
            upstream_of(subject, observed, &canary, &names.canary)?,
            table(subject, traffic.weights)?,
        ])
    }

    fn routes(
        &self,
        subject: &Subject<'_>,
        _: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        Ok(vec![table(subject, traffic.weights)?])
    }

    /// The first route is the one that is shifted.
    fn weights(&self, subject: &Subject<'_>, observed: &Observed) -> Result<Weights, RouterError> {
        let reference = route_table(subject);
        let spec = observed.read(&reference)?.section("spec")?;
        let mut shares = Shares::of(primary_upstream(subject), canary_upstream(subject));
        if let Some(route) = spec.items("routes")?.first() {
            let multi = route.below(&["routeAction", "multi"])?;
            for destination in multi.items("destinations")? {
                let upstream = destination.below(&["destination", "upstream"])?;
                let weight = destination.integer("weight")?.unwrap_or(0);
                shares.count(upstream.text("name")?, weight);
            }
        }
        shares.weights(&reference)
    }
}

fn route_table(subject: &Subject<'_>) -> ObjectRef {
    subject.reference("gateway.solo.io/v1", "RouteTable", &subject.names.apex)
}

fn table(subject: &Subject<'_>, weights: Weights) -> Result<Manifest, RouterError> {
    let routes = routes(subject, weights)?;
    let manifest = Manifest::with_apex_metadata(route_table(subject), subject);
    Ok(manifest.route(&["spec", "routes"], Some(routes)))
}

fn service(subject: &Subject<'_>, name: &str) -> ObjectRef {
    subject.reference("v1", "Service", name)
}

fn upstream(subject: &Subject<'_>, name: &str) -> ObjectRef {
    subject.reference("gloo.solo.io/v1", "Upstream", name)
}

/// The `Upstream` whose settings are taken over.
fn configured_upstream(subject: &Subject<'_>) -> Option<ObjectRef> {
    let reference = subject.canary.spec.upstream_ref.as_ref()?;
    Some(ObjectRef {
        kind: GroupVersionKind::new("gloo.solo.io/v1", "Upstream"),
        namespace: reference.namespace_or(subject.namespace()).into(),
        name: reference.name.clone(),
    })
}

fn primary_upstream(subject: &Subject<'_>) -> String {
    upstream_name(subject, "primaryupstream")
}

fn canary_upstream(subject: &Subject<'_>) -> String {
    upstream_name(subject, "canaryupstream")
}

fn upstream_name(subject: &Subject<'_>, side: &str) -> String {
    let (namespace, apex) = (subject.namespace(), &subject.names.apex);
    format!("{namespace}-{apex}-{side}-{}", subject.port())
}

fn upstream_of(
    subject: &Subject<'_>,
    observed: &Observed,
    name: &str,
    service_name: &Text,
) -> Result<Manifest, RouterError> {
    let service = observed.read(&service(subject, service_name))?;
    let selector = service.section("spec")?.text_map("selector")?;
    let namespace: Text = subject.namespace().into();
    let port = subject.port();
    let mut manifest = Manifest::new(upstream(subject, name))
        .field(
            &["spec", "kube", "serviceName"],
            Some(service_name.clone().into()),
        )
        .field(
            &["spec", "kube", "serviceNamespace"],
            Some(namespace.into()),
        )
        .field(&["spec", "kube", "servicePort"], Some(port.into()))
        .field(&["spec", "kube", "selector"], Some(text_tree(selector)));
    let Some(reference) = configured_upstream(subject) else {
        return Ok(manifest);
    };
    let configured = observed.find(&reference)?;
    let spec = observed.read(&reference)?.section("spec")?;
    let prefixes = &subject.settings.include_label_prefixes;
    let mut labels = spec.text_map("labels")?;
    labels.retain(|key, _| is_included(key, prefixes));
    manifest = manifest.labels(labels);
    for path in CONFIGURED_FIELDS {
        manifest = manifest.field(path, configured.at(path).cloned());
    }
    Ok(manifest)
}

fn text_tree(texts: BTreeMap<Text, Text>) -> Value {
    let texts = texts.into_iter();
    let map: Map = texts.map(|(key, text)| (key, Value::from(text))).collect();
    map.into()
}

/// Requests that match are shared and all others go to the primary; without a
/// match all are shared.
fn routes(subject: &Subject<'_>, weights: Weights) -> Result<Value, RouterError> {
    let shared = value!([
        (destination(subject, primary_upstream(subject), weights.primary())),
        (destination(subject, canary_upstream(subject), weights.canary())),
    ]);
    let mut shared_route = route(shared);
    if !subject.is_matched() {
        return Ok(value!([shared_route]));
    }
    shared_route.set_at(&["matchers"], matchers(subject)?);
    let primary = destination(subject, primary_upstream(subject), 100);
    Ok(value!([shared_route, (route(value!([primary])))]))
}

fn route(destinations: Value) -> Value {
    value!({
        "inheritablePathMatchers": true,
        "routeAction": {"multi": {"destinations": destinations}},
    })
}

fn destination(subject: &Subject<'_>, upstream: String, weight: u8) -> Value {
    value!({
        "destination": {"upstream": {"name": upstream, "namespace": subject.namespace()}},
        "weight": i64::from(weight),
    })
}

/// One for each kind of request that matches.
fn matchers(subject: &Subject<'_>) -> Result<Value, RouterError> {
    subject.analysis().matches.iter().map(matcher).collect()
}

fn matcher(requests: &HttpMatch) -> Result<Value, RouterError> {
    let mut matcher = Value::map();
    for (key, texts) in [
        ("headers", &requests.headers),
        ("queryParameters", &requests.query_params),
    ] {
        if !texts.is_empty() {
            let texts = texts.iter().map(|(name, text)| text_matcher(name, text));
            matcher.set_at(&[key], texts.collect::<Result<Value, _>>()?);
        }
    }
    if let Some(method) = requests.method.as_ref().filter(|it| !it.exact.is_empty()) {
        matcher.set_at(&["methods"], value!([(method.exact.clone())]));
    }
    if matcher == Value::map() {
        return Err(RouterError::invalid(
            "Gloo tells requests apart by headers, query parameters and methods: an item of spec.analysis.match has none",
        ));
    }
    Ok(matcher)
}

fn text_matcher(name: &Text, text: &StringMatch) -> Result<Value, RouterError> {
    if !text.prefix.is_empty() || !text.suffix.is_empty() {
        return Err(RouterError::invalid(format!(
            "Gloo matches {name} by exact or regex only"
        )));
    }
    if text.regex.is_empty() {
        return Ok(value!({"name": name.clone(), "value": text.exact.clone()}));
    }
    Ok(value!({"name": name.clone(), "value": text.regex.clone(), "regex": true}))
}
