//! Gateway API: an `HTTPRoute` for the apex, on the gateways that the `Canary`
//! names. Linkerd, Istio, Contour, Traefik and others route by it, too.

mod defaults;
mod filters;
mod matches;
mod readiness;

use super::RouterError;
use super::affinity::{
    AffinityRules, COOKIE, CookieRule, LiveCookies, SET_COOKIE, cookie_named, is_cookie_of,
};
use super::fields::Fields;
use super::manifest::Manifest;
use super::observed::Observed;
use super::provider::{Abilities, Traffic, TrafficProvider};
use super::shares::Shares;
use super::subject::{Subject, tree};
use super::weights::Weights;
use trueup_object::{ObjectRef, Text, Value, value};

/// The type of the filter that copies requests.
const REQUEST_MIRROR: &str = "RequestMirror";

/// One version of the API.
pub(super) struct GatewayApi {
    api_version: &'static str,
    extent: Extent,
}

/// What a version of the API has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All that is served.
    Whole,
    /// No timeouts, no cross-origin filter, and no cookie of the primary's: as
    /// much as Flagger writes in the older version.
    Older,
}

impl GatewayApi {
    /// The stable version.
    pub(super) const V1: Self = Self {
        api_version: "gateway.networking.k8s.io/v1",
        extent: Extent::Whole,
    };
    /// The version before.
    pub(super) const V1BETA1: Self = Self {
        api_version: "gateway.networking.k8s.io/v1beta1",
        extent: Extent::Older,
    };

    fn reference(&self, subject: &Subject<'_>) -> ObjectRef {
        subject.reference(self.api_version, "HTTPRoute", &subject.names.apex)
    }

    /// The live rules.
    fn live_rules<'o>(
        &self,
        subject: &Subject<'_>,
        observed: &'o Observed,
    ) -> Result<Vec<Fields<'o>>, RouterError> {
        let route = observed.read(&self.reference(subject))?;
        route.section("spec")?.items("rules")
    }

    /// The rules of the route, the first that fits a request counts.
    fn rules(&self, subject: &Subject<'_>, traffic: &Traffic) -> Result<Value, RouterError> {
        if subject.is_matched() {
            return self.matched_rules(subject, traffic.weights);
        }
        self.weighted_rules(subject, traffic)
    }

    /// Requests that match are shared, all others go to the primary.
    fn matched_rules(&self, subject: &Subject<'_>, weights: Weights) -> Result<Value, RouterError> {
        let primary = backend(subject, &subject.names.primary, 100);
        let mut matched = self.rule(
            subject,
            matches::matched(subject)?,
            shared(subject, weights),
        );
        if weights.is_mirrored() {
            add_filter(&mut matched, mirror(subject));
        }
        let others = self.rule(subject, matches::base(subject)?, value!([primary]));
        Ok(value!([matched, others]))
    }

    fn weighted_rules(
        &self,
        subject: &Subject<'_>,
        traffic: &Traffic,
    ) -> Result<Value, RouterError> {
        let mut rules = Vec::new();
        let mut primary_backend =
            backend(subject, &subject.names.primary, traffic.weights.primary());
        let mut canary_backend = backend(subject, &subject.names.canary, traffic.weights.canary());
        match AffinityRules::of(subject, traffic.weights, &traffic.cookies)? {
            AffinityRules::None => {}
            AffinityRules::Stick { canary, primary } => {
                let primary = primary.filter(|_| self.extent == Extent::Whole);
                add_filter(&mut canary_backend, set_cookie(canary.set_cookie.clone()));
                rules.push(self.sticky_rule(subject, &canary, Weights::of_canary(100))?);
                if let Some(primary) = primary {
                    add_filter(&mut primary_backend, set_cookie(primary.set_cookie.clone()));
                    rules.push(self.sticky_rule(subject, &primary, Weights::PRIMARY)?);
                }
            }
            AffinityRules::Forget(forget) => {
                let requests = matches::narrowed_by(subject, forget.requests)?;
                let mut rule = self.rule(subject, requests, shared(subject, Weights::PRIMARY));
                filters::add_response_header(&mut rule, SET_COOKIE, forget.set_cookie);
                rules.push(rule);
            }
        }
        let backends = value!([primary_backend, canary_backend]);
        let mut weighted = self.rule(subject, matches::base(subject)?, backends);
        if traffic.weights.is_mirrored() {
            add_filter(&mut weighted, mirror(subject));
        }
        rules.push(weighted);
        Ok(rules.into())
    }

    fn sticky_rule(
        &self,
        subject: &Subject<'_>,
        sticky: &CookieRule,
        weights: Weights,
    ) -> Result<Value, RouterError> {
        let requests = matches::narrowed_by(subject, sticky.requests.clone())?;
        Ok(self.rule(subject, requests, shared(subject, weights)))
    }

    fn rule(&self, subject: &Subject<'_>, matches: Value, backends: Value) -> Value {
        let service = subject.service();
        let mut rule = value!({"matches": matches, "backendRefs": backends});
        let filters = filters::of(service, self.extent == Extent::Whole);
        if !filters.is_empty() {
            rule.set_at(&["filters"], filters.into());
        }
        if self.extent == Extent::Whole {
            for (key, timeout) in [
                ("request", &service.timeout),
                ("backendRequest", &service.backend_timeout),
            ] {
                if !timeout.is_empty() {
                    rule.set_at(&["timeouts", key], timeout.clone().into());
                }
            }
        }
        rule
    }
}

impl TrafficProvider for GatewayApi {
    fn abilities(&self) -> Abilities {
        Abilities {
            weights: true,
            matches: true,
            mirror: true,
            affinity: true,
        }
    }

    fn check(&self, subject: &Subject<'_>) -> Result<(), RouterError> {
        if subject.service().gateway_refs.is_empty() {
            return Err(RouterError::invalid(
                "GatewayRefs must be specified when using Gateway API as a provider.",
            ));
        }
        self.rules(subject, &Traffic::default()).map(|_| ())
    }

    fn needs(&self, subject: &Subject<'_>) -> Vec<ObjectRef> {
        vec![self.reference(subject)]
    }

    fn manifests(
        &self,
        subject: &Subject<'_>,
        _: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        let service = subject.service();
        let hosts: Value = service.hosts.iter().cloned().map(Value::from).collect();
        let rules = self.rules(subject, traffic)?;
        let parents = tree(&service.gateway_refs)?;
        let manifest = Manifest::with_apex_metadata(self.reference(subject), subject)
            .completed_field(&["spec", "parentRefs"], Some(parents), defaults::parents)
            .field(
                &["spec", "hostnames"],
                Some(hosts).filter(|_| !service.hosts.is_empty()),
            )
            .completed_route(&["spec", "rules"], Some(rules), defaults::rules);
        Ok(vec![manifest])
    }

    fn weights(&self, subject: &Subject<'_>, observed: &Observed) -> Result<Weights, RouterError> {
        let rules = self.live_rules(subject, observed)?;
        let reference = self.reference(subject);
        let shares =
            Shares::of_rules(&rules, |rule| shares(subject, rule))?.map(|(_, shares)| shares);
        let shares = shares.unwrap_or_else(|| Shares::of_services(subject));
        let weights = shares.weights(&reference)?;
        Ok(weights.with_found_mirror(is_mirrored(subject, &rules)?))
    }

    fn check_ready(&self, subject: &Subject<'_>, observed: &Observed) -> Result<(), RouterError> {
        let reference = self.reference(subject);
        readiness::check(&reference, &observed.read(&reference)?)
    }

    fn cookies(
        &self,
        subject: &Subject<'_>,
        observed: &Observed,
    ) -> Result<LiveCookies, RouterError> {
        let mut found = LiveCookies::default();
        let Some(affinity) = subject.affinity() else {
            return Ok(found);
        };
        if observed.get(&self.reference(subject)).is_none() {
            return Ok(found);
        }
        let rules = self.live_rules(subject, observed)?;
        let Some((rule, _)) = Shares::of_rules(&rules, |rule| shares(subject, rule))? else {
            return Ok(found);
        };
        for backend in rule.items("backendRefs")? {
            let Some(header) = live_cookie(&backend)? else {
                continue;
            };
            match backend.text("name")? {
                Some(name) if name == subject.names.primary => {
                    found.primary = cookie_named(header, &affinity.primary_cookie_name);
                }
                Some(name) if name == subject.names.canary => {
                    found.canary = cookie_named(header, &affinity.cookie_name);
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// Both Services with their weights.
fn shared(subject: &Subject<'_>, weights: Weights) -> Value {
    value!([
        (backend(subject, &subject.names.primary, weights.primary())),
        (backend(subject, &subject.names.canary, weights.canary())),
    ])
}

fn backend(subject: &Subject<'_>, name: &Text, weight: u8) -> Value {
    value!({
        "group": "",
        "kind": "Service",
        "name": name.clone(),
        "port": subject.port(),
        "weight": i64::from(weight),
    })
}

/// The filter that sends copies of requests to the canary.
fn mirror(subject: &Subject<'_>) -> Value {
    value!({
        "type": REQUEST_MIRROR,
        "requestMirror": {"backendRef": {
            "group": "",
            "kind": "Service",
            "name": subject.names.canary.clone(),
            "port": subject.port(),
        }},
    })
}

/// The filter that hands out a cookie.
fn set_cookie(cookie: Text) -> Value {
    value!({
        "type": filters::RESPONSE_HEADERS,
        "responseHeaderModifier": {"add": [{"name": SET_COOKIE, "value": cookie}]},
    })
}

/// Adds a filter to a rule or a backend.
fn add_filter(to: &mut Value, filter: Value) {
    let filters = to
        .get("filters")
        .and_then(Value::as_list)
        .unwrap_or_default();
    let all = filters.iter().cloned().chain([filter]);
    let all: Value = all.collect();
    to.set_at(&["filters"], all);
}

fn is_sticky(subject: &Subject<'_>, rule: &Fields<'_>) -> Result<bool, RouterError> {
    let Some(affinity) = subject.affinity() else {
        return Ok(false);
    };
    for requests in rule.items("matches")? {
        for header in requests.items("headers")? {
            let pattern = header.text("value")?.unwrap_or_default();
            if header.text("name")? == Some(COOKIE) && is_cookie_of(affinity, pattern) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The weights of the backends of a rule; none of one for clients with cookies.
fn shares(subject: &Subject<'_>, rule: &Fields<'_>) -> Result<Option<Shares>, RouterError> {
    /// What the API takes an absent weight for.
    const DEFAULT_WEIGHT: i64 = 1;
    if is_sticky(subject, rule)? {
        return Ok(None);
    }
    let mut shares = Shares::of_services(subject);
    for backend in rule.items("backendRefs")? {
        let weight = backend.integer("weight")?.unwrap_or(DEFAULT_WEIGHT);
        shares.count(backend.text("name")?, weight);
    }
    Ok(Some(shares))
}

fn is_mirrored(subject: &Subject<'_>, rules: &[Fields<'_>]) -> Result<bool, RouterError> {
    for rule in rules {
        for filter in rule.items("filters")? {
            let backend = filter.below(&["requestMirror", "backendRef"])?;
            if filter.text("type")? == Some(REQUEST_MIRROR)
                && backend.text("name")? == Some(subject.names.canary.as_str())
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The cookie that a live backend hands out.
fn live_cookie<'o>(backend: &Fields<'o>) -> Result<Option<&'o str>, RouterError> {
    for filter in backend.items("filters")? {
        for header in filter.section("responseHeaderModifier")?.items("add")? {
            if header.text("name")? == Some(SET_COOKIE) {
                return header.text("value");
            }
        }
    }
    Ok(None)
}
