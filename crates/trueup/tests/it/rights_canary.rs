//! A Canary served with no more than the rights of an installation without
//! cluster-admin.

use crate::rights::{Right, exported, rights_of};
use crate::world::{World, in_a_world, object, until, with};
use std::collections::BTreeSet;
use trueup_object::{ObjectRef, Value, value};

/// Resources that other Canaries have: their rights are held to recorded cases
/// of their providers, or to those of Deployments.
const OF_OTHERS: [&str; 12] = [
    "daemonsets",
    "scaledobjects",
    "destinationrules",
    "virtualservices",
    "ingresses",
    "httpproxies",
    "traefikservices",
    "upstreams",
    "routetables",
    "virtualnodes",
    "virtualrouters",
    "trafficsplits",
];

/// Of these whatever is granted for Deployments is, and nothing else.
const LIKE_DEPLOYMENTS: [(&str, &str); 2] = [("apps", "daemonsets"), ("keda.sh", "scaledobjects")];

/// What is asked for only when somebody else writes at the same moment, when a
/// copy can't be changed, or by an admission plugin that this API has not.
const SELDOM: [(&str, &str, &str); 4] = [
    ("flagger.app", "canaries", "get"),
    ("flagger.app", "canaries/finalizers", "update"),
    ("", "configmaps", "delete"),
    ("", "secrets", "delete"),
];

/// A definition of routes that takes anything.
fn definition_of_routes() -> Value {
    let group = "gateway.networking.k8s.io";
    let schema = value!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    value!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": (format!("httproutes.{group}")),
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": "HTTPRoute", "plural": "httproutes"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

fn deployment() -> Value {
    let from = value!([{"configMapRef": {"name": "colours"}}, {"secretRef": {"name": "login"}}]);
    let mut container = value!({"name": "shop", "image": "shop:1"});
    container.set_at(&["envFrom"], from);
    let pod = value!({"containers": [container]});
    let mut deployment = object("apps/v1", "Deployment", "shop");
    deployment.set_at(
        &["spec"],
        value!({
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {"metadata": {"labels": {"app": "shop"}}, "spec": pod},
        }),
    );
    deployment
}

/// All that a Canary can refer to in its namespace.
fn surroundings() -> Vec<Value> {
    let scaler = value!({
        "minReplicas": 1, "maxReplicas": 2,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
    });
    let service = value!({"selector": {"app": "shop"}, "ports": [{"port": 80}]});
    let template = value!({"provider": {"type": "pods"}, "query": "sum(up)"});
    let provider = value!({"type": "slack", "address": "http://127.0.0.1:9/hook"});
    let flagger = "flagger.app/v1beta1";
    let of = |api: &str, kind: &str, name: &str, spec: Value| {
        with(object(api, kind, name), &["spec"], spec)
    };
    vec![
        settings("ConfigMap", "colours", "blue"),
        settings("Secret", "login", "before"),
        deployment(),
        of("autoscaling/v2", "HorizontalPodAutoscaler", "shop", scaler),
        of("v1", "Service", "shop", service),
        of(flagger, "MetricTemplate", "up", template),
        of(flagger, "AlertProvider", "team", provider),
    ]
}

fn settings(kind: &str, name: &str, text: &str) -> Value {
    let key = match kind {
        "Secret" => "stringData",
        _ => "data",
    };
    with(object("v1", kind, name), &[key, "text"], text)
}

fn canary() -> Value {
    value!({
        "apiVersion": "flagger.app/v1beta1", "kind": "Canary",
        "metadata": {"name": "shop", "annotations": {"trueup.dev/metrics-provider": "pods"}},
        "spec": {
            "provider": "gatewayapi:v1",
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "autoscalerRef": {
                "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "shop",
            },
            "service": {"port": 80, "gatewayRefs": [{"name": "shop"}]},
            "revertOnDeletion": true,
            "analysis": {
                "interval": "1s", "threshold": 1000, "stepWeight": 50, "maxWeight": 100,
                "metrics": [{
                    "name": "up", "templateRef": {"name": "up"}, "thresholdRange": {"min": 0},
                }],
                "alerts": [{"name": "team", "severity": "info", "providerRef": {"name": "team"}}],
            },
        },
    })
}

impl World {
    /// A run that has a check, and is promoted then.
    async fn runs(&self) {
        let shop = self.reference("flagger.app/v1beta1", "Canary", "shop");
        let phase = |it: &Value, phase: &str| it.str_at(&["status", "phase"]) == Some(phase);
        self.becomes(&shop, |it| phase(it, "Initialized")).await;
        let patch = r#"{"spec":{"maxReplicas":3}}"#;
        let patch = ["patch", "hpa", "shop", "--type=merge", "-p", patch];
        self.kubectl(&patch).await;
        for changed in [
            settings("ConfigMap", "colours", "green"),
            settings("Secret", "login", "after"),
        ] {
            self.apply(&changed).await;
        }
        let is_checked = |it: &Value| {
            let checks = it.at(&["status", "checks"]).and_then(Value::as_list);
            phase(it, "Progressing") && !checks.unwrap_or_default().is_empty()
        };
        self.becomes(&shop, is_checked).await;
        self.trueup(&["canary", "promote", "shop"]).await;
        let copy = self.reference("v1", "ConfigMap", "colours-primary");
        let copy = self.live(&copy).await;
        assert_eq!(copy.str_at(&["data", "text"]), Some("green"));
        self.kubectl(&["delete", "canary", "shop"]).await;
        self.has_replicas("shop", 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_is_served_with_the_rights_for_it_and_no_others() {
    in_a_world("rights-canary", async |world| {
        if world.is_shared() {
            println!("skipped: rights-canary: defines kinds that others may use");
            return;
        }
        world.kill_controllers();
        let manifests = exported(world, &[]).await;
        for manifest in &manifests {
            world.apply(manifest).await;
        }
        world.apply(&definition_of_routes()).await;
        let routes = world.reference("gateway.networking.k8s.io/v1", "HTTPRoute", "none");
        until(async || {
            world.session.cluster().invalidate_discovery();
            let kinds = world
                .session
                .catalogue()
                .await
                .map_err(|it| it.to_string())?;
            let is_served = kinds.resource_of(&routes.kind).is_some();
            is_served
                .then_some(())
                .ok_or_else(|| "no routes".to_owned())
        })
        .await;
        let process = world.spawn_installed(&["--min-analysis-interval=1s"]).await;
        for part in surroundings() {
            world.apply(&part).await;
        }
        world.apply(&canary()).await;
        world.runs().await;
        uses_all_and_lacks_none(world, &manifests);
        drop(process);
    })
    .await;
}

fn uses_all_and_lacks_none(world: &World, manifests: &[Value]) {
    let is_role = |it: &&Value| {
        let reference = ObjectRef::of(it).unwrap();
        &*reference.kind.kind == "ClusterRole" && reference.name.contains("canaries")
    };
    let role = manifests.iter().find(is_role).unwrap();
    let used = world.asked(true);
    let is_excused = |(group, resource, verb): &&Right| {
        OF_OTHERS.contains(&resource.as_str())
            || SELDOM.contains(&(group.as_str(), resource.as_str(), verb.as_str()))
    };
    let granted = rights_of(role);
    let unused = granted.difference(&used).filter(|it| !is_excused(it));
    let unused: Vec<&Right> = unused.collect();
    assert_eq!(unused, [] as [&Right; 0], "rights that are not used");
    for (group, resource) in LIKE_DEPLOYMENTS {
        let known = verbs_for(&granted, "apps", "deployments");
        assert_eq!(verbs_for(&granted, group, resource), known, "{resource}");
    }
    let lacking: BTreeSet<Right> = world.asked(false);
    assert_eq!(lacking, BTreeSet::new(), "rights that are missing");
}

fn verbs_for<'a>(rights: &'a BTreeSet<Right>, group: &str, resource: &str) -> BTreeSet<&'a str> {
    let of_it = rights.iter().filter(|it| it.0 == group && it.1 == resource);
    of_it.map(|(_, _, verb)| verb.as_str()).collect()
}
