//! Istio: a `VirtualService` for the apex, and a `DestinationRule` for each of
//! the two Services behind it.

use super::RouterError;
use super::affinity::{AffinityRules, COOKIE, LiveCookies, SET_COOKIE, cookie_named, is_cookie_of};
use super::error::describe;
use super::fields::Fields;
use super::manifest::Manifest;
use super::observed::Observed;
use super::provider::{Abilities, Traffic, TrafficProvider};
use super::requests::narrowed;
use super::shares::Shares;
use super::subject::{DRIFT_DETECTION, RECONCILE, Subject, has_hands_off, tree};
use super::weights::Weights;
use super::write::Write;
use trueup_kinds::canary::{Headers, HttpMatch};
use trueup_object::{ObjectRef, Text, Value, from_json, to_json, value};

/// The largest specification of a `VirtualService` that is kept to be given
/// back: all annotations of an object may have 256 KiB.
pub const MAX_ORIGINAL_CONFIGURATION_BYTES: usize = 128 * 1024;

/// Where the specification of a `VirtualService` that was there before us is
/// kept.
const ORIGINAL_CONFIGURATION: &str = "flagger.kubernetes.io/original-configuration";
/// Where `kubectl apply` keeps what was applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The gateway of the proxies inside the mesh.
const MESH_GATEWAY: &str = "mesh";

/// Istio.
pub(super) struct Istio;

impl TrafficProvider for Istio {
    fn abilities(&self) -> Abilities {
        Abilities {
            weights: true,
            matches: true,
            mirror: true,
            affinity: true,
        }
    }

    fn check(&self, subject: &Subject<'_>) -> Result<(), RouterError> {
        let service = subject.service();
        let goes_nowhere = service.hosts.is_empty() && service.gateways.is_empty();
        if service.delegation && !goes_nowhere {
            let name = subject.qualified(&subject.names.apex);
            return Err(RouterError::invalid(format!(
                "VirtualService {name} cannot have hosts and gateways when delegation enabled"
            )));
        }
        rules(subject, &Traffic::default()).map(|_| ())
    }

    fn needs(&self, subject: &Subject<'_>) -> Vec<ObjectRef> {
        vec![
            destination_rule(subject, &subject.names.canary),
            destination_rule(subject, &subject.names.primary),
            virtual_service(subject),
        ]
    }

    fn manifests(
        &self,
        subject: &Subject<'_>,
        observed: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        let rules = rules(subject, traffic)?;
        let (http, tcp) = if is_tcp(subject) {
            (None, Some(rules))
        } else {
            (Some(rules), None)
        };
        let gateways = (!subject.service().delegation).then(|| gateways(subject));
        let virtual_service = Manifest::with_apex_metadata(virtual_service(subject), subject)
            .annotations(original_configuration(subject, observed))
            .field(&["spec", "hosts"], Some(hosts(subject)))
            .field(&["spec", "gateways"], gateways)
            .route(&["spec", "http"], http)
            .route(&["spec", "tcp"], tcp);
        Ok(vec![
            destination(subject, &subject.names.canary),
            destination(subject, &subject.names.primary),
            virtual_service,
        ])
    }

    fn weights(&self, subject: &Subject<'_>, observed: &Observed) -> Result<Weights, RouterError> {
        let reference = virtual_service(subject);
        let spec = observed.read(&reference)?.section("spec")?;
        let rules = spec.items(if is_tcp(subject) { "tcp" } else { "http" })?;
        let shares =
            Shares::of_rules(&rules, |rule| shares(subject, rule))?.map(|(_, shares)| shares);
        let shares = shares.unwrap_or_else(|| Shares::of_services(subject));
        let weights = shares.weights(&reference)?;
        Ok(weights.with_found_mirror(is_mirrored(subject, &rules)?))
    }

    fn cookies(
        &self,
        subject: &Subject<'_>,
        observed: &Observed,
    ) -> Result<LiveCookies, RouterError> {
        let (reference, Some(affinity)) = (virtual_service(subject), subject.affinity()) else {
            return Ok(LiveCookies::default());
        };
        if observed.get(&reference).is_none() {
            return Ok(LiveCookies::default());
        }
        let rules = observed.read(&reference)?.section("spec")?.items("http")?;
        let mut found = LiveCookies::default();
        let Some((rule, _)) = Shares::of_rules(&rules, |rule| shares(subject, rule))? else {
            return Ok(found);
        };
        for route in rule.items("route")? {
            let added = route.below(&["headers", "response", "add"])?;
            let host = route.section("destination")?.text("host")?;
            let (Some(header), Some(host)) = (added.text(SET_COOKIE)?, host) else {
                continue;
            };
            let service = service_of(subject, host);
            if service == subject.names.primary {
                found.primary = cookie_named(header, &affinity.primary_cookie_name);
            } else if service == subject.names.canary {
                found.canary = cookie_named(header, &affinity.cookie_name);
            }
        }
        Ok(found)
    }

    fn restore(
        &self,
        subject: &Subject<'_>,
        observed: &Observed,
    ) -> Result<Vec<Write>, RouterError> {
        let reference = virtual_service(subject);
        let live = observed.find(&reference)?;
        let metadata = Fields::of(describe(&reference), live)?.section("metadata")?;
        let annotations = metadata.text_map("annotations")?;
        let kept = [(LAST_APPLIED, true), (ORIGINAL_CONFIGURATION, false)];
        let kept = kept
            .into_iter()
            .find_map(|(key, is_whole)| Some((key, is_whole, annotations.get(key)?)));
        let Some((key, is_whole, text)) = kept else {
            return Ok(Vec::new());
        };
        let spec = kept_specification(text, is_whole).ok_or_else(|| {
            let object = describe(&reference);
            RouterError::invalid(format!("{object} failed to unMarshal annotation {key}"))
        })?;
        let mut restored = live.clone();
        restored.set_at(&["spec"], spec);
        for key in [ORIGINAL_CONFIGURATION, RECONCILE, DRIFT_DETECTION] {
            restored.remove_at(&["metadata", "annotations", key]);
        }
        Ok(Write::replacing(live, restored).into_iter().collect())
    }
}

fn virtual_service(subject: &Subject<'_>) -> ObjectRef {
    subject.reference(
        "networking.istio.io/v1beta1",
        "VirtualService",
        &subject.names.apex,
    )
}

fn destination_rule(subject: &Subject<'_>, name: &str) -> ObjectRef {
    subject.reference("networking.istio.io/v1beta1", "DestinationRule", name)
}

fn destination(subject: &Subject<'_>, name: &Text) -> Manifest {
    let policy = subject.service().traffic_policy.clone();
    Manifest::new(destination_rule(subject, name))
        .field(&["spec", "host"], Some(name.clone().into()))
        .field(&["spec", "trafficPolicy"], policy.map(Value::Map))
}

/// Whether connections are routed, not requests.
fn is_tcp(subject: &Subject<'_>) -> bool {
    subject.service().app_protocol.eq_ignore_ascii_case("tcp")
}

/// The hosts that are asked for, and the apex.
fn hosts(subject: &Subject<'_>) -> Value {
    let (service, apex) = (subject.service(), &subject.names.apex);
    let mut hosts = service.hosts.clone();
    if !service.delegation && !hosts.iter().any(|host| host == apex || host == "*") {
        hosts.push(apex.clone());
    }
    hosts.into_iter().map(Value::from).collect()
}

fn gateways(subject: &Subject<'_>) -> Value {
    let given = &subject.service().gateways;
    if given.is_empty() {
        return value!([MESH_GATEWAY]);
    }
    given.iter().cloned().map(Value::from).collect()
}

/// The specification of a live `VirtualService` that is not ours, before it
/// becomes ours for the first time.
fn original_configuration(
    subject: &Subject<'_>,
    observed: &Observed,
) -> Option<(Text, Option<Text>)> {
    let live = observed.get(&virtual_service(subject))?;
    let annotations = live.at(&["metadata", "annotations"]);
    let is_kept = [ORIGINAL_CONFIGURATION, LAST_APPLIED]
        .iter()
        .any(|key| annotations.is_some_and(|annotations| annotations.get(key).is_some()));
    if is_kept || subject.owns(live) || has_hands_off(live) {
        return None;
    }
    let specification = String::from_utf8(to_json(live.get("spec")?)).ok()?;
    (specification.len() <= MAX_ORIGINAL_CONFIGURATION_BYTES)
        .then(|| (ORIGINAL_CONFIGURATION.into(), Some(specification.into())))
}

/// The specification in an annotation, which holds it or a whole object.
fn kept_specification(text: &str, is_whole: bool) -> Option<Value> {
    let kept = from_json(text.as_bytes()).ok()?;
    let specification = if is_whole {
        kept.get("spec")?.clone()
    } else {
        kept
    };
    specification.as_map().is_some().then_some(specification)
}

/// The rules of the `VirtualService`, the first that fits a request counts.
fn rules(subject: &Subject<'_>, traffic: &Traffic) -> Result<Value, RouterError> {
    if is_tcp(subject) {
        return Ok(value!([(tcp_rule(subject, traffic.weights))]));
    }
    if subject.is_matched() {
        return matched_rules(subject, traffic.weights);
    }
    weighted_rules(subject, traffic)
}

fn tcp_rule(subject: &Subject<'_>, weights: Weights) -> Value {
    let matches = subject.service().matches.iter();
    let matches: Value = matches
        .map(|connections| match connections.port {
            Some(port) => value!({"port": i64::from(port)}),
            None => Value::map(),
        })
        .collect();
    let mut rule = value!({"route": shared(subject, weights)});
    if !subject.service().matches.is_empty() {
        rule.set_at(&["match"], matches);
    }
    rule
}

/// Requests that match are shared, all others go to the primary. Its weight
/// there is what it is in the first rule, as Flagger has it: of a single
/// destination it means nothing.
fn matched_rules(subject: &Subject<'_>, weights: Weights) -> Result<Value, RouterError> {
    let service = subject.service();
    let requests = narrowed(&subject.analysis().matches, &service.matches)?;
    let primary = to(subject, &subject.names.primary, weights.primary());
    let headers = service.headers.as_ref();
    Ok(value!([
        (rule(subject, &requests, headers, shared(subject, weights))?),
        (rule(subject, &service.matches, headers, value!([primary]))?),
    ]))
}

fn weighted_rules(subject: &Subject<'_>, traffic: &Traffic) -> Result<Value, RouterError> {
    let service = subject.service();
    let (base, headers) = (&service.matches, service.headers.as_ref());
    let mut rules = Vec::new();
    let mut destinations = [
        to(subject, &subject.names.primary, traffic.weights.primary()),
        to(subject, &subject.names.canary, traffic.weights.canary()),
    ];
    match AffinityRules::of(subject, traffic.weights, &traffic.cookies)? {
        AffinityRules::None => {}
        AffinityRules::Stick { canary, primary } => {
            let requests = narrowed(&[canary.requests], base)?;
            let all = shared(subject, Weights::of_canary(100));
            rules.push(rule(subject, &requests, headers, all)?);
            set_cookie(&mut destinations[1], canary.set_cookie);
            if let Some(primary) = primary {
                let requests = narrowed(&[primary.requests], base)?;
                let all = shared(subject, Weights::PRIMARY);
                rules.push(rule(subject, &requests, headers, all)?);
                set_cookie(&mut destinations[0], primary.set_cookie);
            }
        }
        AffinityRules::Forget(forget) => {
            let requests = narrowed(&[forget.requests], base)?;
            let mut headers = headers.cloned().unwrap_or_default();
            let response = headers.response.get_or_insert_default();
            response.add.insert(SET_COOKIE.into(), forget.set_cookie);
            let all = shared(subject, Weights::PRIMARY);
            rules.push(rule(subject, &requests, Some(&headers), all)?);
        }
    }
    let mut weighted = rule(subject, base, headers, destinations.into_iter().collect())?;
    if traffic.weights.is_mirrored() {
        mirror(subject, &mut weighted);
    }
    rules.push(weighted);
    Ok(rules.into())
}

fn rule(
    subject: &Subject<'_>,
    requests: &[HttpMatch],
    headers: Option<&Headers>,
    destinations: Value,
) -> Result<Value, RouterError> {
    let service = subject.service();
    let mut rule = value!({"route": destinations});
    if !requests.is_empty() {
        rule.set_at(&["match"], tree(&requests)?);
    }
    if let Some(rewrite) = &service.rewrite {
        rule.set_at(&["rewrite"], tree(rewrite)?);
        rule.remove_at(&["rewrite", "type"]);
    }
    if !service.timeout.is_empty() {
        rule.set_at(&["timeout"], service.timeout.clone().into());
    }
    if let Some(retries) = &service.retries {
        rule.set_at(&["retries"], tree(retries)?);
    }
    if let Some(policy) = &service.cors_policy {
        rule.set_at(&["corsPolicy"], tree(policy)?);
    }
    if let Some(headers) = headers {
        rule.set_at(&["headers"], tree(headers)?);
    }
    Ok(rule)
}

fn mirror(subject: &Subject<'_>, rule: &mut Value) {
    rule.set_at(&["mirror", "host"], subject.names.canary.clone().into());
    let percent = subject.analysis().mirror_weight;
    if percent > 0 {
        rule.set_at(&["mirrorPercentage", "value"], percent.into());
    }
}

/// Both Services with their weights.
fn shared(subject: &Subject<'_>, weights: Weights) -> Value {
    value!([
        (to(subject, &subject.names.primary, weights.primary())),
        (to(subject, &subject.names.canary, weights.canary())),
    ])
}

/// A destination. Its port is named where the hosts of an ingress gateway are
/// not those of the Services.
fn to(subject: &Subject<'_>, host: &Text, weight: u8) -> Value {
    let service = subject.service();
    let first = service.gateways.first();
    let is_ingress = first.is_some_and(|gateway| gateway != MESH_GATEWAY);
    let mut destination = value!({
        "destination": {"host": host.clone()},
        "weight": i64::from(weight),
    });
    if service.port_discovery && (is_ingress || service.delegation) {
        destination.set_at(&["destination", "port", "number"], subject.port().into());
    }
    destination
}

fn set_cookie(destination: &mut Value, cookie: Text) {
    let path = ["headers", "response", "add", SET_COOKIE];
    destination.set_at(&path, cookie.into());
}

fn is_sticky(subject: &Subject<'_>, rule: &Fields<'_>) -> Result<bool, RouterError> {
    let Some(affinity) = subject.affinity() else {
        return Ok(false);
    };
    for requests in rule.items("match")? {
        let cookie = requests.below(&["headers", COOKIE])?.text("regex")?;
        if cookie.is_some_and(|regex| is_cookie_of(affinity, regex)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The weights of the destinations of a rule; none of one for clients with cookies.
fn shares(subject: &Subject<'_>, rule: &Fields<'_>) -> Result<Option<Shares>, RouterError> {
    if is_sticky(subject, rule)? {
        return Ok(None);
    }
    let routes = rule.items("route")?;
    // A single destination gets everything without saying so.
    let default_weight = if routes.len() == 1 { 100 } else { 0 };
    let mut shares = Shares::of_services(subject);
    for route in &routes {
        let host = route.section("destination")?.text("host")?;
        let service = host.map(|host| service_of(subject, host));
        shares.count(service, route.integer("weight")?.unwrap_or(default_weight));
    }
    Ok(Some(shares))
}

/// The Service that a host is, which may be written in a longer form.
fn service_of<'h>(subject: &Subject<'_>, host: &'h str) -> &'h str {
    let suffix = format!(".{}", subject.namespace());
    let short = host.split_once('.').map_or(host, |(short, _)| short);
    let is_longer = host
        .strip_prefix(short)
        .is_some_and(|rest| rest == suffix || rest.starts_with(&format!("{suffix}.svc")));
    if is_longer { short } else { host }
}

fn is_mirrored(subject: &Subject<'_>, rules: &[Fields<'_>]) -> Result<bool, RouterError> {
    for rule in rules {
        let host = rule.section("mirror")?.text("host")?;
        if host.is_some_and(|host| service_of(subject, host) == subject.names.canary) {
            return Ok(true);
        }
    }
    Ok(false)
}
