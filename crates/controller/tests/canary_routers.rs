//! Routes that somebody has broken so that nobody can read or set them right,
//! for every provider that has objects for them.

use super::canary_world::{
    begun, canary, canary_world, definition, delete, image, ingress, ingress_to, push, reaches,
    ready, refused, replicas, serve,
};
use super::world::World;
use std::time::Duration;
use trueup_cluster::Form;
use trueup_kinds::Canary;
use trueup_object::{Value, value};
use trueup_rollout::routers::{Observed, Router, RouterSettings, supported};
use trueup_testkit::virtual_time;

/// A provider, and a field of one of its objects that can be broken.
struct Case {
    provider: &'static str,
    /// Group, version, plural and kind of its objects.
    kinds: &'static [[&'static str; 4]],
    /// The object that shares the traffic: its kind among those, and its name.
    route: (usize, &'static str),
    /// The field that says how.
    path: &'static [&'static str],
}

impl Case {
    fn route(&self) -> (String, &'static str, &'static str) {
        let [group, version, _, kind] = self.kinds[self.route.0];
        (format!("{group}/{version}"), kind, self.route.1)
    }

    /// What is told of the broken field.
    fn words(&self) -> String {
        let (_, kind, name) = self.route();
        let path = self.path.join(".");
        format!("{kind} {name}.apps: {path} is string, expected a list")
    }

    fn broken_route(&self) -> Value {
        let (api_version, kind, name) = self.route();
        let mut route = value!({"apiVersion": api_version, "kind": kind,
            "metadata": {"name": name, "namespace": "apps"}});
        route.set_at(self.path, "broken".into());
        route
    }

    async fn serve(&self, world: &World) {
        let definitions = self.kinds.iter();
        let definitions = definitions
            .map(|[group, version, plural, kind]| definition(group, version, plural, kind));
        serve(world, &definitions.collect::<Vec<_>>()).await;
    }

    fn canary(&self) -> Value {
        let mut object = canary("podinfo", Value::map());
        object.set_at(&["spec", "provider"], self.provider.into());
        object.set_at(&["spec", "progressDeadlineSeconds"], Value::from(60));
        object.set_at(&["spec", "service", "meshName"], "mesh".into());
        let gateways = value!([{"name": "gateway"}]);
        object.set_at(&["spec", "service", "gatewayRefs"], gateways);
        object
    }

    async fn breaks(&self, world: &World) {
        let (api_version, kind, name) = self.route();
        let mut patch = Value::map();
        patch.set_at(self.path, "broken".into());
        world.patch(&api_version, kind, name, "person", patch).await;
    }

    async fn taken_away(&self, world: &World) {
        let (api_version, kind, name) = self.route();
        delete(world, &api_version, kind, name).await;
    }
}

const APP_MESH: &str = "appmesh.k8s.aws";
const GATEWAY_API: &str = "gateway.networking.k8s.io";
const ISTIO: &str = "networking.istio.io";
const SPLIT: &str = "split.smi-spec.io";

const fn split(provider: &'static str, kinds: &'static [[&'static str; 4]]) -> Case {
    Case {
        provider,
        kinds,
        route: (0, "podinfo"),
        path: &["spec", "backends"],
    }
}

static CASES: [Case; 12] = [
    Case {
        provider: "gatewayapi:v1",
        kinds: &[[GATEWAY_API, "v1", "httproutes", "HTTPRoute"]],
        route: (0, "podinfo"),
        path: &["spec", "rules"],
    },
    Case {
        provider: "gatewayapi:v1beta1",
        kinds: &[[GATEWAY_API, "v1beta1", "httproutes", "HTTPRoute"]],
        route: (0, "podinfo"),
        path: &["spec", "rules"],
    },
    Case {
        provider: "istio",
        kinds: &[
            [ISTIO, "v1beta1", "destinationrules", "DestinationRule"],
            [ISTIO, "v1beta1", "virtualservices", "VirtualService"],
        ],
        route: (1, "podinfo"),
        path: &["spec", "http"],
    },
    Case {
        provider: "appmesh",
        kinds: &[
            [APP_MESH, "v1beta1", "virtualnodes", "VirtualNode"],
            [APP_MESH, "v1beta1", "virtualservices", "VirtualService"],
        ],
        route: (1, "podinfo.apps"),
        path: &["spec", "routes"],
    },
    Case {
        provider: "appmesh:v1beta2",
        kinds: &[
            [APP_MESH, "v1beta2", "virtualnodes", "VirtualNode"],
            [APP_MESH, "v1beta2", "virtualrouters", "VirtualRouter"],
            [APP_MESH, "v1beta2", "virtualservices", "VirtualService"],
        ],
        route: (1, "podinfo"),
        path: &["spec", "routes"],
    },
    Case {
        provider: "gloo",
        kinds: &[
            ["gloo.solo.io", "v1", "upstreams", "Upstream"],
            ["gateway.solo.io", "v1", "routetables", "RouteTable"],
        ],
        route: (1, "podinfo"),
        path: &["spec", "routes"],
    },
    Case {
        provider: "traefik",
        kinds: &[[
            "traefik.io",
            "v1alpha1",
            "traefikservices",
            "TraefikService",
        ]],
        route: (0, "podinfo"),
        path: &["spec", "weighted", "services"],
    },
    split(
        "linkerd",
        &[[SPLIT, "v1alpha1", "trafficsplits", "TrafficSplit"]],
    ),
    split(
        "smi:v1alpha2",
        &[[SPLIT, "v1alpha2", "trafficsplits", "TrafficSplit"]],
    ),
    split(
        "smi:v1alpha3",
        &[[SPLIT, "v1alpha3", "trafficsplits", "TrafficSplit"]],
    ),
    split(
        "osm",
        &[[SPLIT, "v1alpha2", "trafficsplits", "TrafficSplit"]],
    ),
    Case {
        provider: "contour",
        kinds: &[["projectcontour.io", "v1", "httpproxies", "HTTPProxy"]],
        route: (0, "podinfo"),
        path: &["spec", "routes"],
    },
];

/// The canary's share as the live routes say it; `None` where they don't.
async fn live_weight(world: &World, canary: &Value) -> Option<u8> {
    let canary = Canary::decode(canary).unwrap();
    let settings = RouterSettings::default();
    let router = Router::of(&canary, &settings).unwrap();
    let mut observed = Observed::default();
    for reference in router.needs() {
        let found = world.admin.find(&reference, Form::Full).await.unwrap();
        if let Some(object) = found {
            observed.insert(reference, object.value().clone());
        }
    }
    router
        .routes(&observed)
        .ok()
        .map(|weights| weights.canary())
}

async fn has_weight(world: &World, canary: &Value, weight: u8) {
    world
        .until(&format!("weight {weight}"), async || {
            live_weight(world, canary).await == Some(weight)
        })
        .await;
}

/// The condition and an event say what is wrong.
async fn is_told(world: &World, words: &str) {
    world
        .until(words, async || {
            let found = ready(world, "podinfo").await;
            found.is_some_and(|it| it.0 != "True" && it.2.contains(words))
        })
        .await;
    assert!(world.told(words), "{words}");
}

/// Somebody's own route stands in the way before the beginning: the Canary is
/// refused in words, and the target is left as it is.
async fn is_refused_at_first(world: &World, case: &Case) {
    world.apply(&case.broken_route()).await;
    world.apply(&case.canary()).await;
    refused(world, "podinfo", &case.words()).await;
    assert_eq!(replicas(world, "podinfo").await.unwrap_or(1), 1);
    assert_eq!(replicas(world, "podinfo-primary").await, None);
    case.taken_away(world).await;
    reaches(world, "Initialized").await;
    has_weight(world, &case.canary(), 0).await;
}

/// In the middle of a run it is waited for, and then the canary loses its
/// traffic: by one write that makes the routes right.
async fn ends_the_run(world: &World, canary: &Value) {
    reaches(world, "Failed").await;
    has_weight(world, canary, 0).await;
    assert_eq!(image(world, "podinfo-primary").await, "podinfo:v1");
}

/// At rest no run begins until it is made right again.
async fn begins_no_run(world: &World, version: &str) {
    push(world, version).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    let found = super::canary_world::status(world, "podinfo").await;
    assert_eq!(found.str_at(&["phase"]), Some("Failed"));
    assert_eq!(image(world, "podinfo-primary").await, "podinfo:v1");
}

async fn promotes(world: &World, canary: &Value, version: &str) {
    reaches(world, "Succeeded").await;
    let image = image(world, "podinfo-primary").await;
    assert_eq!(image, format!("podinfo:{version}"));
    has_weight(world, canary, 0).await;
}

#[test]
fn routes_that_somebody_has_broken_are_told_of_and_served_again_once_they_are_right() {
    for (seed, case) in (100..).zip(&CASES) {
        println!("{}", case.provider);
        virtual_time(async {
            let (world, _) = canary_world(seed).await;
            case.serve(&world).await;
            is_refused_at_first(&world, case).await;
            push(&world, "v2").await;
            has_weight(&world, &case.canary(), 20).await;
            case.breaks(&world).await;
            is_told(&world, &case.words()).await;
            ends_the_run(&world, &case.canary()).await;
            case.breaks(&world).await;
            is_told(&world, &case.words()).await;
            begins_no_run(&world, "v3").await;
            case.taken_away(&world).await;
            promotes(&world, &case.canary(), "v3").await;
        });
    }
}

#[test]
fn an_ingress_that_does_not_lead_to_the_target_is_told_of_and_served_once_it_does() {
    virtual_time(async {
        let (world, _) = canary_world(120).await;
        let words = "backend podinfo not found in ingress podinfo";
        world.apply(&ingress_to("other")).await;
        let mut canary = canary("podinfo", Value::map());
        canary.set_at(&["spec", "provider"], "nginx".into());
        canary.set_at(&["spec", "progressDeadlineSeconds"], Value::from(60));
        world.apply(&canary).await;
        refused(&world, "podinfo", words).await;
        assert_eq!(replicas(&world, "podinfo-primary").await, None);
        world.apply(&ingress()).await;
        begun(&world, &canary).await;
        push(&world, "v2").await;
        has_weight(&world, &canary, 20).await;
        world.apply(&ingress_to("other")).await;
        is_told(&world, words).await;
        ends_the_run(&world, &canary).await;
        begins_no_run(&world, "v3").await;
        world.apply(&ingress()).await;
        promotes(&world, &canary, "v3").await;
    });
}

#[test]
fn every_provider_that_has_objects_for_routes_is_among_the_cases() {
    let same_code = ["nginx", "kubernetes", "smi:v1alpha1"];
    let mut wanted = supported();
    wanted.retain(|name| !same_code.contains(name));
    let mut tested: Vec<&str> = CASES.iter().map(|case| case.provider).collect();
    wanted.sort_unstable();
    tested.sort_unstable();
    assert_eq!(tested, wanted);
}
