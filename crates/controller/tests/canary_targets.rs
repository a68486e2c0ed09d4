//! Canaries of every kind of target, and on other routers than NGINX.

use super::canary_world::{
    announced_weights, apex, begun, canary, canary_world, definition, delete, deployment, image,
    image_of, push, push_to, reaches, replicas, serve, workload,
};
use super::world::World;
use std::time::Duration;
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

/// A Canary `podinfo` with more fields of its specification.
fn canary_with(fields: Value) -> Value {
    let mut object = canary("podinfo", Value::map());
    for (key, value) in fields.as_map().unwrap() {
        object.set_at(&["spec", key], value.clone());
    }
    object
}

/// An analysis of some iterations, without weights.
fn iterations(count: i64) -> Value {
    value!({"interval": "10s", "threshold": 2, "iterations": count})
}

fn on_istio() -> [Value; 2] {
    let of = |plural, kind| definition("networking.istio.io", "v1beta1", plural, kind);
    [
        of("virtualservices", "VirtualService"),
        of("destinationrules", "DestinationRule"),
    ]
}

/// The weights of primary and canary in the first list of backends of a route.
async fn weights(world: &World, api_version: &str, kind: &str, path: [&str; 3]) -> Vec<i64> {
    let Some(route) = world.get(api_version, kind, "podinfo").await else {
        return Vec::new();
    };
    let rules = route.at(&[path[0], path[1]]).and_then(Value::as_list);
    let Some([first, ..]) = rules else {
        return Vec::new();
    };
    let backends = first.get(path[2]).and_then(Value::as_list);
    let backends = backends.unwrap_or_default().iter();
    backends
        .map(|it| it.i64_at(&["weight"]).unwrap_or_default())
        .collect()
}

async fn istio_weights(world: &World) -> Vec<i64> {
    let api = "networking.istio.io/v1beta1";
    weights(world, api, "VirtualService", ["spec", "http", "route"]).await
}

#[test]
fn on_istio_a_route_that_was_changed_by_hand_is_made_right_with_its_weights() {
    virtual_time(async {
        let (world, _) = canary_world(41).await;
        serve(&world, &on_istio()).await;
        begun(&world, &canary_with(value!({"provider": "istio"}))).await;
        assert_eq!(istio_weights(&world).await, [100, 0]);
        push(&world, "v2").await;
        let shares = async |wanted: [i64; 2]| {
            let what = format!("{wanted:?}");
            world
                .until(&what, async || istio_weights(&world).await == wanted)
                .await;
        };
        shares([80, 20]).await;
        let api = "networking.istio.io/v1beta1";
        let patch = value!({"spec": {"hosts": ["elsewhere"]}});
        let before = world.faults.writes().len();
        world
            .patch(api, "VirtualService", "podinfo", "person", patch)
            .await;
        world
            .until("the host is right again", async || {
                let service = world.get(api, "VirtualService", "podinfo").await.unwrap();
                let hosts = service.at(&["spec", "hosts"]).and_then(Value::as_list);
                hosts.is_some_and(|hosts| hosts.iter().any(|it| it == &"podinfo".into()))
            })
            .await;
        assert_eq!(istio_weights(&world).await, [80, 20]);
        let written = world.faults.writes();
        let all_to_primary = written[before..].iter().any(|it| {
            it.path.contains("/virtualservices/")
                && String::from_utf8_lossy(&it.body).contains(r#""weight":100"#)
        });
        assert!(!all_to_primary);
        reaches(&world, "Succeeded").await;
        assert_eq!(announced_weights(&world), [10, 20, 30, 40, 50]);
        assert_eq!(istio_weights(&world).await, [100, 0]);
    });
}

#[test]
fn a_gateway_that_has_not_accepted_a_route_is_waited_for() {
    virtual_time(async {
        let (world, _) = canary_world(42).await;
        let (group, kind) = ("gateway.networking.k8s.io", "HTTPRoute");
        serve(&world, &[definition(group, "v1", "httproutes", kind)]).await;
        let mut object = canary_with(value!({"provider": "gatewayapi:v1"}));
        object.set_at(
            &["spec", "service", "gatewayRefs"],
            value!([{"name": "gateway"}]),
        );
        begun(&world, &object).await;
        let api = format!("{group}/v1");
        let shared = async || weights(&world, &api, kind, ["spec", "rules", "backendRefs"]).await;
        assert_eq!(shared().await, [100, 0]);
        let accepted = async |status: &str| {
            let condition = value!({"type": "Accepted", "status": status, "reason": "NoMatchingParent",
                "message": "no gateway", "observedGeneration": 1000});
            let parent = value!({"parentRef": {"name": "gateway"}, "controllerName": "test/gateway",
                "conditions": [condition]});
            let patch = value!({"status": {"parents": [parent]}});
            world.patch(&api, kind, "podinfo", "gateway", patch).await;
        };
        accepted("False").await;
        push(&world, "v2").await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(shared().await, [100, 0]);
        assert_eq!(announced_weights(&world), [0; 0]);
        accepted("True").await;
        reaches(&world, "Succeeded").await;
        assert_eq!(announced_weights(&world), [10, 20, 30, 40, 50]);
    });
}

#[test]
fn with_services_alone_a_revision_is_tried_beside_the_traffic() {
    virtual_time(async {
        let (world, _) = canary_world(43).await;
        let fields = value!({"provider": "kubernetes", "analysis": (iterations(3))});
        begun(&world, &canary_with(fields)).await;
        assert_eq!(apex(&world).await.as_deref(), Some("podinfo-primary"));
        push(&world, "v2").await;
        reaches(&world, "Succeeded").await;
        for step in 1..=3 {
            let text = format!("Advance podinfo.apps canary iteration {step}/3");
            assert!(world.told(&text), "{text}");
        }
        assert_eq!(image(&world, "podinfo-primary").await, "podinfo:v2");
        assert_eq!(apex(&world).await.as_deref(), Some("podinfo-primary"));
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
    });
}

#[test]
fn an_ab_test_takes_the_requests_with_a_header_and_gives_them_back() {
    virtual_time(async {
        let (world, _) = canary_world(44).await;
        let mut analysis = iterations(2);
        let header = value!([{"headers": {"x-user": {"exact": "insider"}}}]);
        analysis.set_at(&["match"], header);
        begun(&world, &canary_with(value!({"analysis": analysis}))).await;
        let header = async || {
            let api = "networking.k8s.io/v1";
            let ingress = world.get(api, "Ingress", "podinfo-canary").await?;
            let key = "nginx.ingress.kubernetes.io/canary-by-header";
            let header = ingress.str_at(&["metadata", "annotations", key]);
            header.map(str::to_owned)
        };
        assert_eq!(header().await, None);
        push(&world, "v2").await;
        let what = "the header leads to the canary";
        world
            .until(what, async || header().await.as_deref() == Some("x-user"))
            .await;
        reaches(&world, "Succeeded").await;
        assert_eq!(header().await, None);
    });
}

#[test]
fn a_daemon_set_rests_by_a_node_selector_between_its_runs() {
    virtual_time(async {
        let (world, _) = canary_world(45).await;
        delete(&world, "apps/v1", "Deployment", "podinfo").await;
        world.apply(&workload("DaemonSet", "v1")).await;
        let target = value!({"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "podinfo"});
        begun(&world, &canary_with(value!({"targetRef": target}))).await;
        let rests = async || {
            let target = world.get("apps/v1", "DaemonSet", "podinfo").await.unwrap();
            let path = [
                "spec",
                "template",
                "spec",
                "nodeSelector",
                "flagger.app/scale-to-zero",
            ];
            target.at(&path).is_some()
        };
        assert!(rests().await);
        push_to(&world, "DaemonSet", "v2").await;
        world.until("its Pods come", async || !rests().await).await;
        reaches(&world, "Succeeded").await;
        assert_eq!(
            image_of(&world, "DaemonSet", "podinfo-primary").await,
            "podinfo:v2"
        );
        assert!(rests().await);
        assert_eq!(announced_weights(&world), [10, 20, 30, 40, 50]);
    });
}

#[test]
fn a_service_without_pods_is_followed_by_its_copies() {
    virtual_time(async {
        let (world, _) = canary_world(46).await;
        serve(&world, &on_istio()).await;
        delete(&world, "apps/v1", "Deployment", "podinfo").await;
        let service = |host: &str| {
            value!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": "podinfo", "namespace": "apps"},
                "spec": {"type": "ExternalName", "externalName": host}})
        };
        let host = async |name: &str| {
            let service = world.get("v1", "Service", name).await?;
            let host = service.str_at(&["spec", "externalName"]);
            host.map(str::to_owned)
        };
        world.apply(&service("one.example")).await;
        let target = value!({"apiVersion": "v1", "kind": "Service", "name": "podinfo"});
        let fields = value!({"provider": "istio", "targetRef": target});
        begun(&world, &canary_with(fields)).await;
        assert_eq!(
            host("podinfo-primary").await.as_deref(),
            Some("one.example")
        );
        world.apply(&service("two.example")).await;
        world
            .until("the canary follows", async || {
                host("podinfo-canary").await.as_deref() == Some("two.example")
            })
            .await;
        assert_eq!(
            host("podinfo-primary").await.as_deref(),
            Some("one.example")
        );
        reaches(&world, "Succeeded").await;
        assert_eq!(
            host("podinfo-primary").await.as_deref(),
            Some("two.example")
        );
        assert_eq!(announced_weights(&world), [10, 20, 30, 40, 50]);
    });
}

#[test]
fn an_autoscaler_gets_a_copy_and_sets_how_many_pods_a_run_begins_with() {
    virtual_time(async {
        let (world, _) = canary_world(47).await;
        let autoscaler = value!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "podinfo", "namespace": "apps"},
            "spec": {"minReplicas": 2, "maxReplicas": 4, "scaleTargetRef":
                {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"}},
        });
        world.apply(&autoscaler).await;
        let reference = value!({"apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler", "name": "podinfo"});
        begun(&world, &canary_with(value!({"autoscalerRef": reference}))).await;
        let (api, kind) = ("autoscaling/v2", "HorizontalPodAutoscaler");
        let copy = world.get(api, kind, "podinfo-primary").await.unwrap();
        let scaled = copy.str_at(&["spec", "scaleTargetRef", "name"]);
        assert_eq!(scaled, Some("podinfo-primary"));
        assert_eq!(copy.i64_at(&["spec", "maxReplicas"]), Some(4));
        push(&world, "v2").await;
        world
            .until("two Pods", async || {
                replicas(&world, "podinfo").await == Some(2)
            })
            .await;
        reaches(&world, "Succeeded").await;
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
    });
}

#[test]
fn a_canary_that_reverts_gives_everything_back_before_it_goes() {
    virtual_time(async {
        let (world, _) = canary_world(48).await;
        let mut target = deployment("v1");
        target.set_at(&["spec", "replicas"], Value::from(2));
        world.apply(&target).await;
        let apex_service = value!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "podinfo", "namespace": "apps"},
            "spec": {"selector": {"app": "podinfo"},
                "ports": [{"name": "http", "port": 80, "targetPort": 9898}]}});
        world.apply(&apex_service).await;
        begun(&world, &canary_with(value!({"revertOnDeletion": true}))).await;
        assert_eq!(apex(&world).await.as_deref(), Some("podinfo-primary"));
        assert_eq!(replicas(&world, "podinfo").await, Some(0));
        let (api, kind) = ("flagger.app/v1beta1", "Canary");
        delete(&world, api, kind, "podinfo").await;
        let what = "the Canary is gone";
        world
            .until(what, async || {
                world.get(api, kind, "podinfo").await.is_none()
            })
            .await;
        assert!(world.told("Terminated canary podinfo.apps"));
        assert_eq!(replicas(&world, "podinfo").await, Some(2));
        assert_eq!(apex(&world).await.as_deref(), Some("podinfo"));
        world
            .until("the primary goes with it", async || {
                world
                    .get("apps/v1", "Deployment", "podinfo-primary")
                    .await
                    .is_none()
            })
            .await;
    });
}

#[test]
fn a_route_that_is_gone_keeps_no_canary_from_going() {
    virtual_time(async {
        let (world, _) = canary_world(49).await;
        serve(&world, &on_istio()).await;
        let fields = value!({"provider": "istio", "revertOnDeletion": true, "suspend": false});
        begun(&world, &canary_with(fields)).await;
        let (api, kind) = ("flagger.app/v1beta1", "Canary");
        delete(
            &world,
            "networking.istio.io/v1beta1",
            "VirtualService",
            "podinfo",
        )
        .await;
        delete(&world, api, kind, "podinfo").await;
        let what = "the Canary is gone";
        world
            .until(what, async || {
                world.get(api, kind, "podinfo").await.is_none()
            })
            .await;
        assert_eq!(replicas(&world, "podinfo").await, Some(1));
    });
}
