//! AWS App Mesh, version v1beta2: virtual nodes for the two Services, and a
//! virtual router with a virtual service for the apex and for the canary.

use super::RouterError;
use super::app_mesh::{
    Retries, abilities, check_matches, gateway_annotations, logging, planned_routes, protocol,
    route_match,
};
use super::duration;
use super::error::describe;
use super::manifest::Manifest;
use super::observed::Observed;
use super::provider::{Abilities, Traffic, TrafficProvider};
use super::shares::Shares;
use super::subject::{Subject, hands_off};
use super::weights::Weights;
use trueup_kinds::canary::TargetPort;
use trueup_object::{ObjectRef, Text, Value, value};

const API_VERSION: &str = "appmesh.k8s.aws/v1beta2";
/// How names of virtual services of AWS begin.
const AMAZON_NAME: &str = "arn:aws";

/// AWS App Mesh, v1beta2.
pub(super) struct AppMeshV1beta2;

impl TrafficProvider for AppMeshV1beta2 {
    fn abilities(&self) -> Abilities {
        abilities()
    }

    fn check(&self, subject: &Subject<'_>) -> Result<(), RouterError> {
        check_matches(subject)
    }

    fn needs(&self, subject: &Subject<'_>) -> Vec<ObjectRef> {
        let names = subject.names;
        let mut needs = vec![target(subject)];
        for name in [&names.primary, &names.canary] {
            needs.push(object(subject, "VirtualNode", name));
        }
        for kind in ["VirtualRouter", "VirtualService"] {
            for name in [&names.apex, &names.canary] {
                needs.push(object(subject, kind, name));
            }
        }
        needs
    }

    fn manifests(
        &self,
        subject: &Subject<'_>,
        observed: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        let names = subject.names;
        let (key, value) = pod_label(subject, observed)?;
        let primary_value: Text = format!("{value}-primary").into();
        let all_to_canary = route(
            subject,
            &names.canary,
            route_match(subject, None)?,
            targets(subject, Weights::of_canary(100)),
        );
        Ok(vec![
            node(subject, &names.primary, &key, primary_value),
            node(subject, &names.canary, &key, value),
            apex_router(subject, traffic.weights)?,
            router(subject, &names.canary)
                .field(&["spec", "routes"], Some(value!([all_to_canary]))),
            service(subject, &names.apex).annotations(gateway_annotations(subject)),
            service(subject, &names.canary),
        ])
    }

    fn routes(
        &self,
        subject: &Subject<'_>,
        _: &Observed,
        traffic: &Traffic,
    ) -> Result<Vec<Manifest>, RouterError> {
        Ok(vec![apex_router(subject, traffic.weights)?])
    }

    /// The first route is the one that is shifted.
    fn weights(&self, subject: &Subject<'_>, observed: &Observed) -> Result<Weights, RouterError> {
        let reference = object(subject, "VirtualRouter", &subject.names.apex);
        let spec = observed.read(&reference)?.section("spec")?;
        let mut shares = Shares::of_services(subject);
        if let Some(route) = spec.items("routes")?.first() {
            let action = route.below(&["httpRoute", "action"])?;
            for target in action.items("weightedTargets")? {
                let node = target.section("virtualNodeRef")?;
                let weight = target.integer("weight")?.unwrap_or(0);
                shares.count(node.text("name")?, weight);
            }
        }
        shares.weights(&reference)
    }
}

fn object(subject: &Subject<'_>, kind: &str, name: &str) -> ObjectRef {
    subject.reference(API_VERSION, kind, name)
}

/// The workload, whose Pods the nodes select.
fn target(subject: &Subject<'_>) -> ObjectRef {
    let target = &subject.canary.spec.target_ref;
    subject.reference(&target.api_version, &target.kind, &target.name)
}

/// The label by which the Pods of the target are selected.
fn pod_label(subject: &Subject<'_>, observed: &Observed) -> Result<(Text, Text), RouterError> {
    let reference = target(subject);
    let spec = observed.read(&reference)?.section("spec")?;
    let selector = if reference.kind.kind == "Service" {
        spec.text_map("selector")?
    } else {
        spec.section("selector")?.text_map("matchLabels")?
    };
    let keys = &subject.settings.selector_labels;
    let found = keys
        .iter()
        .find_map(|key| Some((key.clone(), selector.get(key)?.clone())));
    found.ok_or_else(|| {
        let (object, keys) = (describe(&reference), keys.join(", "));
        RouterError::invalid(format!("{object} selects its Pods by none of {keys}"))
    })
}

fn node(subject: &Subject<'_>, name: &Text, label: &str, label_value: Text) -> Manifest {
    let mut pod_labels = Value::map();
    pod_labels.set_at(&[label], label_value.into());
    let host = format!("{}.svc.cluster.local.", subject.qualified(name));
    let backends: Value = subject.service().backends.iter().map(backend).collect();
    let mut listener = listener(subject);
    if let Some(timeout) = timeout(subject) {
        listener.set_at(&["timeout", "http"], timeout);
    }
    Manifest::with_apex_metadata(object(subject, "VirtualNode", name), subject)
        .field(
            &["spec", "podSelector"],
            Some(value!({"matchLabels": pod_labels})),
        )
        .field(&["spec", "listeners"], Some(value!([listener])))
        .field(
            &["spec", "serviceDiscovery"],
            Some(value!({"dns": {"hostname": host}})),
        )
        .field(&["spec", "backends"], Some(backends))
        .field(&["spec", "logging"], logging(subject))
}

fn backend(name: &Text) -> Value {
    if name.starts_with(AMAZON_NAME) {
        value!({"virtualService": {"virtualServiceARN": name.clone()}})
    } else {
        value!({"virtualService": {"virtualServiceRef": {"name": name.clone()}}})
    }
}

fn apex_router(subject: &Subject<'_>, weights: Weights) -> Result<Manifest, RouterError> {
    let routes = routes(subject, weights)?;
    Ok(router(subject, &subject.names.apex).route(&["spec", "routes"], Some(routes)))
}

fn router(subject: &Subject<'_>, name: &str) -> Manifest {
    Manifest::new(object(subject, "VirtualRouter", name))
        .annotations(hands_off())
        .field(&["spec", "listeners"], Some(value!([(listener(subject))])))
}

fn service(subject: &Subject<'_>, name: &Text) -> Manifest {
    Manifest::new(object(subject, "VirtualService", name))
        .annotations(hands_off())
        .field(
            &[
                "spec",
                "provider",
                "virtualRouter",
                "virtualRouterRef",
                "name",
            ],
            Some(name.clone().into()),
        )
}

fn listener(subject: &Subject<'_>) -> Value {
    let port = match &subject.service().target_port {
        Some(TargetPort::Number(port)) if *port > 0 => i64::from(*port),
        _ => subject.port(),
    };
    value!({"portMapping": {"port": port, "protocol": protocol(subject)}})
}

fn timeout(subject: &Subject<'_>) -> Option<Value> {
    let milliseconds = duration::milliseconds(&subject.service().timeout)?;
    Some(value!({"perRequest": {"unit": "ms", "value": milliseconds}}))
}

fn routes(subject: &Subject<'_>, weights: Weights) -> Result<Value, RouterError> {
    let planned = planned_routes(subject, weights).into_iter();
    let routes = planned.map(|planned| {
        let targets = match planned.weights {
            Some(weights) => targets(subject, weights),
            None => value!([(weighted_target(&subject.names.primary, 100))]),
        };
        let requests = route_match(subject, planned.requests)?;
        let mut route = route(subject, &planned.name, requests, targets);
        if let Some(priority) = planned.priority {
            route.set_at(&["priority"], priority.into());
        }
        Ok(route)
    });
    routes.collect()
}

fn route(subject: &Subject<'_>, name: &str, requests: Value, targets: Value) -> Value {
    let mut route = value!({
        "name": name,
        "httpRoute": {"match": requests, "action": {"weightedTargets": targets}},
    });
    if let Some(timeout) = timeout(subject) {
        route.set_at(&["httpRoute", "timeout"], timeout);
    }
    if let Some(retries) = Retries::of(subject) {
        let policy = value!({
            "maxRetries": retries.attempts,
            "perRetryTimeout": {"unit": "ms", "value": retries.timeout_ms},
            "httpRetryEvents": retries.events,
        });
        route.set_at(&["httpRoute", "retryPolicy"], policy);
    }
    route
}

fn targets(subject: &Subject<'_>, weights: Weights) -> Value {
    value!([
        (weighted_target(&subject.names.canary, weights.canary())),
        (weighted_target(&subject.names.primary, weights.primary())),
    ])
}

fn weighted_target(node: &str, weight: u8) -> Value {
    value!({"virtualNodeRef": {"name": node}, "weight": i64::from(weight)})
}
