//! Services and where they lead, budgets, autoscalers.

use crate::world::{World, condition};
use trueup_object::{Value, value};
use trueup_workloads::Kind::{
    Deployment, EndpointSlice, Endpoints, HorizontalPodAutoscaler, PodDisruptionBudget, Service,
};

fn service(spec: Value) -> Value {
    value!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "n", "labels": {"team": "a"}}, "spec": spec,
    })
}

fn plain() -> Value {
    service(value!({
        "clusterIP": "10.0.0.9", "ipFamilies": ["IPv4"], "selector": {"app": "web"},
        "ports": [
            {"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"},
            {"name": "admin", "port": 81, "targetPort": 9090, "protocol": "TCP"},
            {"name": "none", "port": 82, "targetPort": "nowhere", "protocol": "TCP"},
            {"name": "u", "port": 83, "targetPort": 53, "protocol": "UDP"},
        ],
    }))
}

/// A Pod that nobody runs.
fn pod(name: &str, ip: &str, ready: &str) -> Value {
    value!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "n", "labels": {"app": "web"}},
        "spec": {"nodeName": "elsewhere", "containers": [
            {"name": "app", "image": "web:1", "ports": [{"name": "web", "containerPort": 8080, "protocol": "TCP"}]},
        ]},
        "status": {
            "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        },
    })
}

fn node() -> Value {
    value!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "elsewhere", "labels": {"topology.kubernetes.io/zone": "z1"}},
    })
}

fn world(objects: impl IntoIterator<Item = Value>) -> World {
    let mut world = World::new(1);
    for object in objects {
        world.put(object);
    }
    world.settle();
    world
}

fn names(ports: &Value) -> Vec<&str> {
    let ports = ports.as_list().unwrap();
    ports
        .iter()
        .map(|port| port.str_at(&["name"]).unwrap())
        .collect()
}

#[test]
fn a_service_without_pods_has_one_slice_that_says_so() {
    let mut world = world([plain()]);
    let slices = world.all(EndpointSlice);
    let [slice] = slices.as_slice() else {
        panic!("{slices:?}");
    };
    assert_eq!(slice.value().get("endpoints"), Some(&Value::Null));
    assert_eq!(slice.label("kubernetes.io/service-name"), Some("web"));
    assert_eq!(slice.label("team"), Some("a"));
    assert!(world.get(Endpoints, "web").value().get("subsets").is_none());
    let writes = world.writes;
    world.settle();
    assert_eq!(world.writes, writes);
}

#[test]
fn endpoints_tell_state_node_zone_and_ports_in_the_genuine_order() {
    let world = world([
        node(),
        pod("a", "10.9.0.1", "True"),
        pod("b", "10.9.0.2", "False"),
        plain(),
    ]);
    let slice = world.all(EndpointSlice).remove(0);
    assert_eq!(
        names(slice.value().get("ports").unwrap()),
        ["http", "admin", "u"]
    );
    let endpoints = slice.value().get("endpoints").unwrap().as_list().unwrap();
    let a = &endpoints[0];
    assert_eq!(a.get("addresses"), Some(&value!(["10.9.0.1"])));
    assert_eq!(
        a.get("conditions"),
        Some(&value!({"ready": true, "serving": true, "terminating": false}))
    );
    assert_eq!(
        (a.str_at(&["nodeName"]), a.str_at(&["zone"])),
        (Some("elsewhere"), Some("z1"))
    );
    assert_eq!(
        endpoints[1].get("conditions"),
        Some(&value!({"ready": false, "serving": false, "terminating": false}))
    );
    let live = world.get(Endpoints, "web");
    let subset = &live.value().get("subsets").unwrap().as_list().unwrap()[0];
    assert_eq!(names(subset.get("ports").unwrap()), ["http", "u", "admin"]);
    let ip = |key: &str| {
        subset.get(key).unwrap().as_list().unwrap()[0]
            .str_at(&["ip"])
            .map(str::to_owned)
    };
    assert_eq!(ip("addresses").as_deref(), Some("10.9.0.1"));
    assert_eq!(ip("notReadyAddresses").as_deref(), Some("10.9.0.2"));
}

#[test]
fn a_pod_on_an_unknown_node_is_published_only_where_all_are() {
    let mut spec = plain();
    let world_without = world([pod("a", "10.9.0.1", "True"), spec.clone()]);
    assert_eq!(
        world_without.all(EndpointSlice)[0].value().get("endpoints"),
        Some(&Value::Null)
    );
    spec.set_at(&["spec", "publishNotReadyAddresses"], true.into());
    let world_with = world([pod("a", "10.9.0.1", "False"), spec]);
    let endpoints = world_with.all(EndpointSlice)[0]
        .value()
        .get("endpoints")
        .cloned()
        .unwrap();
    assert_eq!(
        endpoints.as_list().unwrap()[0].get("conditions"),
        Some(&value!({"ready": true, "serving": false, "terminating": false}))
    );
}

#[test]
fn endpoints_of_a_service_without_selector_are_mirrored() {
    let mut bare = plain();
    bare.remove_at(&["spec", "selector"]);
    let endpoints = value!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {"name": "web", "namespace": "n", "labels": {"x": "y"}},
        "subsets": [{"addresses": [{"ip": "1.2.3.4"}], "notReadyAddresses": [{"ip": "1.2.3.5"}], "ports": [{"name": "p", "port": 80, "protocol": "TCP"}]}],
    });
    let mut world = world([bare, endpoints]);
    let slice = world.all(EndpointSlice).remove(0);
    let managed = slice.label("endpointslice.kubernetes.io/managed-by");
    assert_eq!(managed, Some("endpointslicemirroring-controller.k8s.io"));
    assert_eq!(
        slice
            .value()
            .get("endpoints")
            .unwrap()
            .as_list()
            .unwrap()
            .len(),
        2
    );
    world.change(Endpoints, "web", |endpoints| {
        endpoints.set_at(
            &[
                "metadata",
                "labels",
                "endpointslice.kubernetes.io/skip-mirror",
            ],
            "true".into(),
        );
    });
    world.settle();
    assert!(world.all(EndpointSlice).is_empty());
}

#[test]
fn the_endpoints_of_a_service_go_with_it() {
    let mut world = world([node(), pod("a", "10.9.0.1", "True"), plain()]);
    let service = world.get(Service, "web");
    let key = trueup_workloads::Key::of(service.reference()).unwrap();
    world.cache.remove(&key, service.uid());
    let decision = trueup_workloads::decide(&key, &world.cache, &world.setting());
    assert_eq!(decision.actions.len(), 1);
    for action in decision.actions {
        world.perform(action);
    }
    assert!(world.find(Endpoints, "web").is_none());
}

fn budget(spec: Value) -> Value {
    let mut budget = value!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b", "namespace": "n"},
    });
    budget.set_at(&["spec"], spec);
    budget
}

fn status(world: &World, key: &str) -> Option<i64> {
    world
        .get(PodDisruptionBudget, "b")
        .value()
        .i64_at(&["status", key])
}

#[test]
fn a_budget_allows_what_is_healthy_beyond_what_it_wants() {
    let selector = value!({"matchLabels": {"app": "web"}});
    let mut spec = value!({"minAvailable": 1});
    spec.set_at(&["selector"], selector);
    let pods = [
        pod("a", "10.9.0.1", "True"),
        pod("b", "10.9.0.2", "True"),
        pod("c", "10.9.0.3", "False"),
    ];
    let world = world(pods.into_iter().chain([budget(spec)]));
    assert_eq!(status(&world, "expectedPods"), Some(3));
    assert_eq!(status(&world, "currentHealthy"), Some(2));
    assert_eq!(status(&world, "disruptionsAllowed"), Some(1));
    let budget = world.get(PodDisruptionBudget, "b");
    assert_eq!(
        condition(&budget, "DisruptionAllowed"),
        Some(("True".into(), "SufficientPods".into()))
    );
}

#[test]
fn a_percentage_is_of_what_the_controllers_want() {
    let deployment = value!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "n"},
        "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": (crate::world::template("web:1"))},
    });
    let spec = value!({"maxUnavailable": "50%", "selector": {"matchLabels": {"app": "web"}}});
    let world = world([deployment, budget(spec)]);
    assert_eq!(status(&world, "expectedPods"), Some(3));
    assert_eq!(status(&world, "desiredHealthy"), Some(1));
    assert_eq!(status(&world, "disruptionsAllowed"), Some(2));
}

fn autoscaler(spec: Value) -> Value {
    let mut object = value!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h", "namespace": "n"},
    });
    object.set_at(&["spec"], spec);
    object.set_at(
        &["spec", "scaleTargetRef"],
        value!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}),
    );
    object
}

#[test]
fn an_autoscaler_without_target_says_so() {
    let world = world([autoscaler(value!({"maxReplicas": 5}))]);
    let autoscaler = world.get(HorizontalPodAutoscaler, "h");
    assert_eq!(
        condition(&autoscaler, "AbleToScale"),
        Some(("False".into(), "FailedGetScale".into()))
    );
}

#[test]
fn an_autoscaler_keeps_its_target_between_the_bounds() {
    let deployment = value!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "n"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": (crate::world::template("web:1"))},
    });
    let metrics = value!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]);
    let mut spec = value!({"minReplicas": 3, "maxReplicas": 5});
    spec.set_at(&["metrics"], metrics);
    let mut world = world([deployment, autoscaler(spec)]);
    assert_eq!(
        world
            .get(Deployment, "web")
            .value()
            .i64_at(&["spec", "replicas"]),
        Some(3)
    );
    let autoscaler = world.get(HorizontalPodAutoscaler, "h");
    assert_eq!(
        condition(&autoscaler, "AbleToScale"),
        Some(("True".into(), "SucceededRescale".into()))
    );
    world.live(16);
    let autoscaler = world.get(HorizontalPodAutoscaler, "h");
    assert_eq!(
        condition(&autoscaler, "ScalingActive"),
        Some(("False".into(), "FailedGetResourceMetric".into()))
    );
}
