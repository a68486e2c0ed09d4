//! ingress-nginx: a second Ingress beside the user's, marked as its canary by
//! annotations.

use super::RouterError;
use super::error::describe;
use super::fields::Fields;
use super::manifest::Manifest;
use super::observed::Observed;
use super::provider::{Abilities, Traffic, TrafficProvider};
use super::subject::{Subject, TOOLKIT, hands_off};
use super::weights::Weights;
use std::collections::BTreeMap;
use trueup_object::{ObjectRef, Text, Value};

/// The header of requests whose match is one of a cookie.
const COOKIE: &str = "cookie";
/// What `kubectl apply` remembers, which is about the other Ingress.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

type Annotations = BTreeMap<Text, Option<Text>>;

/// ingress-nginx.
pub(super) struct Nginx;

impl TrafficProvider for Nginx {
    fn abilities(&self) -> Abilities {
        Abilities {
            weights: true,
            matches: true,
            ..Abilities::default()
        }
    }

    fn check(&self, subject: &Subject<'_>) -> Result<(), RouterError> {
        if ingress_name(subject).is_empty() {
            return Err(RouterError::invalid("ingress selector is empty"));
        }
        RequestMatch::of(subject).map(|_| ())
    }

    fn needs(&self, subject: &Subject<'_>) -> Vec<ObjectRef> {
        vec![source_ingress(subject), canary_ingress(subject)]
    }

    fn manifests(
        &self,
        subject: &Subject<'_>,
        observed: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        let source = observed.read(&source_ingress(subject))?;
        let metadata = source.section("metadata")?;
        let labels = metadata.text_map("labels")?.into_iter();
        let live = live_annotations(subject, observed)?;
        let manifest = routing_manifest(subject, traffic.weights, &live)?
            .labels(labels.filter(|(key, _)| !key.contains(TOOLKIT)).collect())
            .annotations(copied(subject, &metadata.text_map("annotations")?, &live))
            .annotations(hands_off())
            .field(&["spec"], Some(canary_spec(subject, observed)?));
        Ok(vec![manifest])
    }

    fn routes(
        &self,
        subject: &Subject<'_>,
        observed: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        let live = live_annotations(subject, observed)?;
        Ok(vec![routing_manifest(subject, traffic.weights, &live)?])
    }

    /// In an A/B test all of it goes to the canary once there is something by
    /// which requests are told apart.
    fn weights(&self, subject: &Subject<'_>, observed: &Observed) -> Result<Weights, RouterError> {
        let reference = canary_ingress(subject);
        observed.find(&reference)?;
        let annotations = live_annotations(subject, observed)?;
        let tells_apart = ["canary-by-header", "canary-by-cookie"]
            .iter()
            .any(|suffix| annotations.contains_key(&key(subject, suffix)));
        if subject.is_matched() && tells_apart {
            return Ok(Weights::of_canary(100));
        }
        let Some(weight) = annotations.get(&key(subject, "canary-weight")) else {
            return Ok(Weights::PRIMARY);
        };
        let parsed: i64 = weight.parse().map_err(|_| {
            let object = describe(&reference);
            RouterError::NoRoutes(format!("{object}: failed to convert {weight} to int").into())
        })?;
        Weights::of_shares(100 - parsed.clamp(0, 100), parsed.clamp(0, 100))
            .ok_or_else(|| RouterError::NoRoutes(describe(&reference)))
    }
}

fn ingress_name<'a>(subject: &Subject<'a>) -> &'a str {
    let ingress = subject.canary.spec.ingress_ref.as_ref();
    ingress
        .map(|ingress| ingress.name.as_str())
        .unwrap_or_default()
}

fn source_ingress(subject: &Subject<'_>) -> ObjectRef {
    subject.reference("networking.k8s.io/v1", "Ingress", ingress_name(subject))
}

fn canary_ingress(subject: &Subject<'_>) -> ObjectRef {
    let name = format!("{}-canary", ingress_name(subject));
    subject.reference("networking.k8s.io/v1", "Ingress", &name)
}

/// The key of an annotation of ingress-nginx.
fn key(subject: &Subject<'_>, suffix: &str) -> Text {
    let prefix = &subject.settings.ingress_annotations_prefix;
    format!("{prefix}/{suffix}").into()
}

fn live_annotations(
    subject: &Subject<'_>,
    observed: &Observed,
) -> Result<BTreeMap<Text, Text>, RouterError> {
    let reference = canary_ingress(subject);
    match observed.get(&reference) {
        None => Ok(BTreeMap::new()),
        Some(live) => Fields::of(describe(&reference), live)?
            .section("metadata")?
            .text_map("annotations"),
    }
}

/// The annotations of the source, without those that make a canary of it and
/// those that are about itself; and without what ingress-nginx was told on the
/// live canary but no longer is on the source.
fn copied(
    subject: &Subject<'_>,
    source: &BTreeMap<Text, Text>,
    live: &BTreeMap<Text, Text>,
) -> Annotations {
    let prefix = key(subject, "");
    let makes_canary = key(subject, "canary");
    let gone = live
        .keys()
        .filter(|key| key.starts_with(prefix.as_str()) && !key.starts_with(makes_canary.as_str()))
        .map(|key| (key.clone(), None));
    let kept = source.iter().filter(|(key, _)| {
        !key.starts_with(makes_canary.as_str())
            && !key.starts_with(LAST_APPLIED)
            && !key.contains(TOOLKIT)
    });
    let kept = kept.map(|(key, value)| (key.clone(), Some(value.clone())));
    gone.chain(kept).collect()
}

/// What shares the traffic.
fn routing_manifest(
    subject: &Subject<'_>,
    weights: Weights,
    live: &BTreeMap<Text, Text>,
) -> Result<Manifest, RouterError> {
    let annotations = routing(subject, weights, live)?;
    Ok(Manifest::new(canary_ingress(subject)).route_annotations(annotations))
}

/// The annotations that share the traffic: all that begin with `canary` are
/// ours.
fn routing(
    subject: &Subject<'_>,
    weights: Weights,
    live: &BTreeMap<Text, Text>,
) -> Result<Annotations, RouterError> {
    let makes_canary = key(subject, "canary");
    let ours = live
        .keys()
        .filter(|key| key.starts_with(makes_canary.as_str()));
    let mut annotations: Annotations = ours.map(|key| (key.clone(), None)).collect();
    let mut set = |suffix: &str, value: Text| {
        annotations.insert(key(subject, suffix), Some(value));
    };
    set("canary", "true".into());
    let requests = RequestMatch::of(subject)?;
    let weight = if subject.is_matched() {
        0
    } else {
        weights.canary()
    };
    set("canary-weight", weight.to_string().into());
    if weights.canary() > 0 {
        requests
            .into_annotations()
            .for_each(|(suffix, value)| set(suffix, value));
    }
    Ok(annotations)
}

/// What ingress-nginx can tell requests apart by: one header and one cookie.
#[derive(Default)]
struct RequestMatch {
    header: Option<Text>,
    header_value: Option<Text>,
    header_pattern: Option<Text>,
    cookie: Option<Text>,
}

impl RequestMatch {
    fn of(subject: &Subject<'_>) -> Result<Self, RouterError> {
        let mut found = Self::default();
        for requests in &subject.analysis().matches {
            if requests.headers.is_empty() {
                return Err(RouterError::invalid(
                    "NGINX tells requests apart by a header or a cookie: an item of spec.analysis.match has neither",
                ));
            }
            for (name, text) in &requests.headers {
                if name.eq_ignore_ascii_case(COOKIE) {
                    found.add_cookie(&text.exact)?;
                } else if text.prefix.is_empty() && text.suffix.is_empty() {
                    found.add_header(name, &text.exact, &text.regex)?;
                } else {
                    return Err(RouterError::invalid(format!(
                        "NGINX matches the header {name} by exact or regex only"
                    )));
                }
            }
        }
        Ok(found)
    }

    fn add_cookie(&mut self, name: &Text) -> Result<(), RouterError> {
        if name.is_empty() {
            return Err(RouterError::invalid(
                "NGINX matches a cookie by its name: spec.analysis.match needs headers.cookie.exact",
            ));
        }
        let before = self.cookie.replace(name.clone());
        one_only("cookie", before.as_ref(), name)
    }

    fn add_header(&mut self, name: &Text, value: &Text, pattern: &Text) -> Result<(), RouterError> {
        let before = self.header.replace(name.clone());
        one_only("header", before.as_ref(), name)?;
        let given = |text: &Text| Some(text.clone()).filter(|text| !text.is_empty());
        let (value, pattern) = (given(value), given(pattern));
        let differs =
            before.is_some() && (self.header_value != value || self.header_pattern != pattern);
        if differs {
            return Err(RouterError::invalid(format!(
                "NGINX matches one value of the header {name}, spec.analysis.match names two"
            )));
        }
        (self.header_value, self.header_pattern) = (value, pattern);
        Ok(())
    }

    fn into_annotations(self) -> impl Iterator<Item = (&'static str, Text)> {
        [
            ("canary-by-header", self.header),
            ("canary-by-header-value", self.header_value),
            ("canary-by-header-pattern", self.header_pattern),
            ("canary-by-cookie", self.cookie),
        ]
        .into_iter()
        .filter_map(|(suffix, value)| Some((suffix, value?)))
    }
}

fn one_only(what: &str, before: Option<&Text>, now: &Text) -> Result<(), RouterError> {
    match before {
        Some(before) if before != now => Err(RouterError::invalid(format!(
            "NGINX matches one {what}, spec.analysis.match names {before} and {now}"
        ))),
        _ => Ok(()),
    }
}

/// The specification of the source, leading to the canary where that leads to
/// the apex.
fn canary_spec(subject: &Subject<'_>, observed: &Observed) -> Result<Value, RouterError> {
    let reference = source_ingress(subject);
    let source = observed.read(&reference)?;
    let mut spec = observed
        .find(&reference)?
        .get("spec")
        .cloned()
        .unwrap_or_else(Value::map);
    let mut found = false;
    for (place, rule) in source.section("spec")?.items("rules")?.iter().enumerate() {
        for (path_place, path) in rule.section("http")?.items("paths")?.iter().enumerate() {
            let service = path.below(&["backend", "service"])?;
            if service.text("name")? == Some(subject.names.apex.as_str()) {
                found = true;
                set_backend(&mut spec, (place, path_place), &subject.names.canary);
            }
        }
    }
    if !found {
        let (apex, ingress) = (&subject.names.apex, ingress_name(subject));
        return Err(RouterError::invalid(format!(
            "backend {apex} not found in ingress {ingress}"
        )));
    }
    Ok(spec)
}

/// Sets the Service of one path of one rule.
fn set_backend(spec: &mut Value, (rule, path): (usize, usize), service: &Text) {
    let paths =
        item_mut(spec, &["rules"], rule).and_then(|rule| item_mut(rule, &["http", "paths"], path));
    if let Some(path) = paths {
        path.set_at(&["backend", "service", "name"], service.clone().into());
    }
}

fn item_mut<'a>(value: &'a mut Value, path: &[&str], place: usize) -> Option<&'a mut Value> {
    let list = path
        .iter()
        .try_fold(value, |value, key| value.as_map_mut()?.get_mut(key))?;
    list.as_list_mut()?.make_mut().get_mut(place)
}
