use super::*;
use crate::targets::{reconcile_apex_service, reconcile_backend_services, restore_apex_service};
use trueup_kinds::canary::{CustomMetadata, TargetPort, UnmanagedMetadata};
use trueup_object::value;

const BACKENDS: Step<'_> = &reconcile_backend_services;
const APEX: Step<'_> = &reconcile_apex_service;

fn made(world: &mut World) {
    world.settle(BACKENDS);
    world.settle(APEX);
}

fn custom(key: &str, value: &str) -> Option<CustomMetadata> {
    let entries = || [(key.into(), value.into())].into();
    Some(CustomMetadata {
        labels: entries(),
        annotations: entries(),
    })
}

#[test]
fn the_three_services_select_by_the_label_and_say_hands_off() {
    let mut world = World::deployment();
    world.canary.spec.service.app_protocol = "http".into();
    world.canary.spec.service.headless = true;
    world.canary.spec.service.traffic_distribution = "PreferClose".into();
    made(&mut world);
    for (name, selects) in [
        ("podinfo", "podinfo-primary"),
        ("podinfo-primary", "podinfo-primary"),
        ("podinfo-canary", "podinfo"),
    ] {
        let service = world.get("Service", name);
        assert_eq!(
            service.at(&["spec", "selector"]),
            Some(&value!({"name": selects}))
        );
        let metadata = value!({
            "name": name, "namespace": "default", "uid": (format!("uid-of-{name}")),
            "labels": {"name": name},
            "annotations": {
                "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
                "helm.toolkit.fluxcd.io/driftDetection": "disabled",
            },
            "ownerReferences": [{
                "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "podinfo",
                "uid": "canary-uid", "controller": true, "blockOwnerDeletion": true,
            }],
        });
        assert_eq!(service.get("metadata"), Some(&metadata));
        let ports = value!([{
            "name": "http", "protocol": "TCP", "port": 9898, "targetPort": 9898,
            "appProtocol": "http",
        }]);
        assert_eq!(service.at(&["spec", "ports"]), Some(&ports));
        assert_eq!(text(service, &["spec", "clusterIP"]), "None");
        assert_eq!(
            text(service, &["spec", "trafficDistribution"]),
            "PreferClose"
        );
    }
}

#[test]
fn names_and_ports_follow_the_canary() {
    let mut world = World::deployment();
    world.canary.spec.service.name = "web".into();
    world.canary.spec.service.port = 80;
    world.canary.spec.service.target_port = Some(TargetPort::Name("http".into()));
    world.canary.spec.service.port_discovery = true;
    made(&mut world);
    for name in ["web", "web-primary", "web-canary"] {
        let ports = world.get("Service", name).at(&["spec", "ports"]);
        let expected = value!([
            {"name": "http", "protocol": "TCP", "port": 80, "targetPort": "http"},
            {"name": "http-metrics", "protocol": "TCP", "port": 8080, "targetPort": 8080},
            {"name": "tcp-podinfo-2", "protocol": "TCP", "port": 8888, "targetPort": 8888},
        ]);
        assert_eq!(ports, Some(&expected));
    }
    world.canary.spec.service.port_name = "grpc".into();
    made(&mut world);
    let port = &world
        .get("Service", "web-canary")
        .at(&["spec", "ports"])
        .unwrap();
    assert_eq!(text(&port.as_list().unwrap()[0], &["name"]), "grpc");
}

#[test]
fn what_was_changed_by_hand_is_corrected_and_node_ports_stay() {
    let mut world = World::deployment();
    made(&mut world);
    let ports = value!([{"name": "http", "port": 8080, "nodePort": 30080, "protocol": "TCP"}]);
    world.change("Service", "podinfo-canary", &["spec", "ports"], ports);
    world.change(
        "Service",
        "podinfo",
        &["spec", "selector"],
        value!({"name": "podinfo"}),
    );
    assert_eq!(
        format!("{:?}", world.settle(BACKENDS)),
        "[update Service/default/podinfo-canary]"
    );
    assert_eq!(
        format!("{:?}", world.settle(APEX)),
        "[update Service/default/podinfo]"
    );
    let ports = value!([{
        "name": "http", "protocol": "TCP", "port": 9898, "targetPort": 9898, "nodePort": 30080,
    }]);
    let canary = world.get("Service", "podinfo-canary");
    assert_eq!(canary.at(&["spec", "ports"]), Some(&ports));
}

#[test]
fn an_order_of_ports_and_what_the_server_fills_in_is_no_difference() {
    let mut world = World::deployment();
    world.canary.spec.service.port_discovery = true;
    made(&mut world);
    let mut ports = world
        .get("Service", "podinfo")
        .at(&["spec", "ports"])
        .and_then(Value::as_list)
        .unwrap()
        .to_vec();
    ports.reverse();
    world.change("Service", "podinfo", &["spec", "ports"], Value::from(ports));
    world.change(
        "Service",
        "podinfo",
        &["spec", "ipFamilyPolicy"],
        "SingleStack",
    );
    assert_eq!(world.decide(APEX), Ok(Vec::new()));
}

#[test]
fn metadata_of_our_services_is_what_the_canary_says_and_keys_of_others_stay() {
    let mut world = World::deployment();
    world.canary.spec.service.apex = custom("test", "expectedvalue");
    world.canary.spec.service.unmanaged_metadata = Some(UnmanagedMetadata {
        annotations: vec!["unmanaged".into()],
        labels: vec!["unmanaged".into()],
    });
    made(&mut world);
    for member in ["labels", "annotations"] {
        for (key, value) in [
            ("unmanaged", "true"),
            ("test", "newvalue"),
            ("removable", "true"),
        ] {
            world.change("Service", "podinfo", &["metadata", member, key], value);
        }
    }
    world.settle(APEX);
    let apex = world.get("Service", "podinfo");
    for member in ["labels", "annotations"] {
        assert_eq!(text(apex, &["metadata", member, "test"]), "expectedvalue");
        assert_eq!(text(apex, &["metadata", member, "unmanaged"]), "true");
        assert_eq!(apex.at(&["metadata", member, "removable"]), None);
    }
    assert_eq!(text(apex, &["metadata", "labels", "name"]), "podinfo");
}

#[test]
fn labels_of_one_service_do_not_reach_another() {
    let mut world = World::deployment();
    world.canary.spec.service.apex = custom("apex", "a");
    world.canary.spec.service.canary = custom("canary", "c");
    let before = world.canary.clone();
    made(&mut world);
    assert_eq!(world.canary, before);
    let labels = |name: &str| {
        world
            .get("Service", name)
            .at(&["metadata", "labels"])
            .cloned()
    };
    assert_eq!(
        labels("podinfo"),
        Some(value!({"apex": "a", "name": "podinfo"}))
    );
    assert_eq!(
        labels("podinfo-canary"),
        Some(value!({"canary": "c", "name": "podinfo-canary"}))
    );
    assert_eq!(
        labels("podinfo-primary"),
        Some(value!({"name": "podinfo-primary"}))
    );
}

fn service_of_somebody(annotations: &Value) -> Value {
    let mut service = yaml(
        "{apiVersion: v1, kind: Service, metadata: {name: podinfo, namespace: default, \
          labels: {team: web}}, spec: {selector: {name: podinfo, tier: front}, \
          ports: [{name: http, port: 80, targetPort: http, protocol: TCP}]}}",
    );
    service.set_at(&["metadata", "annotations"], annotations.clone());
    service
}

#[test]
fn an_apex_that_was_there_keeps_its_labels_and_is_put_back() {
    let mut world = World::deployment();
    world
        .observed
        .found(service_of_somebody(&value!({"note": "text"})));
    world.settle(APEX);
    let apex = world.get("Service", "podinfo");
    assert_eq!(
        apex.at(&["metadata", "labels"]),
        Some(&value!({"team": "web"}))
    );
    assert_eq!(text(apex, &["metadata", "annotations", "note"]), "text");
    let hands_off = [
        "metadata",
        "annotations",
        "kustomize.toolkit.fluxcd.io/reconcile",
    ];
    assert_eq!(text(apex, &hands_off), "disabled");
    assert_eq!(
        apex.at(&["spec", "selector"]),
        Some(&value!({"name": "podinfo-primary"}))
    );
    world.settle(&restore_apex_service);
    let apex = world.get("Service", "podinfo");
    assert_eq!(
        apex.at(&["spec", "selector"]),
        Some(&value!({"name": "podinfo"}))
    );
}

#[test]
fn the_selector_that_kubectl_applied_is_put_back() {
    for (applied, selector) in [
        (
            r#"{"spec":{"selector":{"name":"podinfo","tier":"front"}}}"#,
            value!({"name": "podinfo", "tier": "front"}),
        ),
        (r#"{"spec":"#, value!({"name": "podinfo"})),
        (
            r#"{"spec":{"selector":{"name":"podinfo-primary"}}}"#,
            value!({"name": "podinfo"}),
        ),
    ] {
        let mut world = World::deployment();
        let note = value!({"kubectl.kubernetes.io/last-applied-configuration": applied});
        world.observed.found(service_of_somebody(&note));
        world.settle(APEX);
        world.settle(&restore_apex_service);
        let apex = world.get("Service", "podinfo");
        assert_eq!(apex.at(&["spec", "selector"]), Some(&selector), "{applied}");
    }
}

#[test]
fn an_apex_that_goes_with_the_canary_or_is_gone_is_left_alone() {
    let mut world = World::deployment();
    assert_eq!(world.decide(&restore_apex_service), Ok(Vec::new()));
    made(&mut world);
    assert_eq!(world.decide(&restore_apex_service), Ok(Vec::new()));
}

#[test]
fn ownership_is_by_a_controlling_canary_of_the_same_name() {
    for (kind, name, controller, owned) in [
        ("Canary", "podinfo", true, true),
        ("Deployment", "podinfo", true, false),
        ("Canary", "notpodinfo", true, false),
        ("Canary", "podinfo", false, false),
    ] {
        let mut world = World::deployment();
        let mut service = service_of_somebody(&Value::map());
        service.set_at(
            &["metadata", "ownerReferences"],
            value!([{"apiVersion": "flagger.app/v1alpha3", "kind": kind, "name": name,
                "controller": controller}]),
        );
        world.observed.found(service);
        world.settle(APEX);
        let label = world
            .get("Service", "podinfo")
            .at(&["metadata", "labels", "team"]);
        assert_eq!(label.is_none(), owned, "{kind} {name} {controller}");
    }
}

#[test]
fn a_canary_without_a_port_is_refused() {
    let mut world = World::deployment();
    world.canary.spec.service.port = 0;
    assert_eq!(
        world.decide(APEX),
        Err("service podinfo.default: spec.service.port must be between 1 and 65535".into())
    );
}
