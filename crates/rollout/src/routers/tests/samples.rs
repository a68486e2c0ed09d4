//! For each provider Canaries of every kind that it knows.

use super::super::{RouterSettings, provider::PROVIDERS};
use trueup_kinds::Canary;
use trueup_object::{Value, from_yaml, value};

/// A `Canary` and what has to be in the cluster before.
pub(super) struct Sample {
    pub(super) title: String,
    pub(super) canary: Canary,
    pub(super) settings: RouterSettings,
    pub(super) before: Vec<Value>,
    /// The weights that a run comes by.
    pub(super) weights: Vec<u8>,
    pub(super) mirrors: bool,
}

const CANARY: &str = r#"
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: {name: podinfo, namespace: test, uid: 6e4a}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: podinfo}
  ingressRef: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: podinfo}
  service:
    port: 9898
    targetPort: 9899
    timeout: 30s
    meshName: global
    hosts: [app.example.com]
    gateways: [istio-system/public]
    gatewayRefs: [{name: public, namespace: infra}]
    backends: [backend.test, "arn:aws:appmesh:eu-west-1:1:mesh/m/virtualService/s"]
    match: [{uri: {prefix: /app}}]
    rewrite: {uri: /}
    retries: {attempts: 3, perTryTimeout: 1s, retryOn: "gateway-error,connect-failure"}
    headers: {request: {add: {x-a: "1"}}, response: {remove: [token]}}
    corsPolicy: {allowOrigin: [example.com], maxAge: 24h}
    trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}
    apex: {labels: {team: web}, annotations: {note: kept}}
  analysis:
    interval: 1m
    threshold: 5
    stepWeight: 10
"#;

/// All samples of all providers.
pub(super) fn all() -> Vec<Sample> {
    let mut samples = Vec::new();
    for entry in PROVIDERS {
        let abilities = entry.provider.abilities();
        samples.push(sample(entry.name, "weights", |_| {}));
        if abilities.matches {
            samples.push(sample(entry.name, "match", |canary| {
                let matches = value!([{"headers": {"x-user": {"exact": "insider"}}}]);
                canary.set_at(&["spec", "analysis", "match"], matches);
                canary.set_at(&["spec", "analysis", "iterations"], 5.into());
            }));
        }
        if abilities.affinity {
            samples.push(sample(entry.name, "affinity", |canary| {
                let affinity = value!({
                    "cookieName": "flagger-cookie",
                    "primaryCookieName": "primary-cookie",
                    "secure": true,
                });
                canary.set_at(&["spec", "analysis", "sessionAffinity"], affinity);
            }));
        }
        if entry.name == "istio" {
            samples.push(sample(entry.name, "connections", |canary| {
                canary.set_at(&["spec", "service", "appProtocol"], "TCP".into());
                canary.set_at(&["spec", "service", "match"], value!([{"port": 9898}]));
            }));
        }
    }
    samples
}

fn sample(provider: &str, kind: &str, change: impl Fn(&mut Value)) -> Sample {
    let mut object = from_yaml(CANARY).unwrap();
    object.set_at(&["spec", "provider"], provider.into());
    change(&mut object);
    let canary = Canary::decode(&object).unwrap();
    // What ingress-nginx tells apart by a header it does not share.
    let is_all_or_nothing = provider == "nginx" && kind == "match";
    let weights = match provider {
        "kubernetes" => Vec::new(),
        _ if is_all_or_nothing => vec![0, 100],
        _ => (0..=100).collect(),
    };
    let abilities = super::super::provider::find(provider)
        .unwrap()
        .provider
        .abilities();
    Sample {
        title: format!("{provider}, {kind}"),
        mirrors: abilities.mirror && kind == "weights",
        canary,
        settings: RouterSettings {
            ingress_class: Some("contour".into()),
            ..RouterSettings::default()
        },
        before: before(provider),
        weights,
    }
}

/// What others have made.
fn before(provider: &str) -> Vec<Value> {
    let service = |name: &str| {
        value!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "test"},
            "spec": {"selector": {"app": name}},
        })
    };
    match provider {
        "nginx" => vec![value!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {
                "name": "podinfo", "namespace": "test",
                "annotations": {"nginx.ingress.kubernetes.io/rewrite-target": "/"},
                "labels": {"team": "web"},
            },
            "spec": {"ingressClassName": "nginx", "rules": [
                {"host": "no-paths.example.com"},
                {"host": "app.example.com", "http": {"paths": [
                    {"path": "/", "pathType": "Prefix", "backend": {
                        "service": {"name": "podinfo", "port": {"number": 9898}},
                    }},
                ]}},
            ]},
        })],
        "gloo" => vec![service("podinfo-primary"), service("podinfo-canary")],
        "appmesh:v1beta2" => vec![value!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "podinfo", "namespace": "test"},
            "spec": {"selector": {"matchLabels": {"name": "podinfo-pods"}}},
        })],
        _ => Vec::new(),
    }
}
