use super::*;
use crate::targets::{initialize_primary, promote, take_snapshot};
use trueup_object::value;

const MAKE: Step<'_> = &|view| initialize_primary(view, "id");
const PROMOTE: Step<'_> = &|view| promote(view, &take_snapshot(view)?.hash, "id");

fn world(spec: &str) -> World {
    let mut world = World::empty();
    world.canary.spec.target_ref.kind = "Service".into();
    let mut target = yaml(&format!("{{apiVersion: v1, kind: Service, spec: {spec}}}"));
    target.set_at(
        &["metadata"],
        value!({
            "name": "podinfo", "namespace": "default", "uid": "u", "resourceVersion": "7",
            "labels": {"app.kubernetes.io/name": "podinfo", "other": "x"},
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{}",
                "kustomize.toolkit.fluxcd.io/checksum": "c",
            },
            "managedFields": [{"manager": "kubectl"}],
        }),
    );
    world.observed.found(stored(target));
    world
}

#[test]
fn an_external_name_has_a_canary_that_follows_and_a_primary_that_waits() {
    let mut world = world("{type: ExternalName, externalName: a.example}");
    world.settle(MAKE);
    for name in ["podinfo-primary", "podinfo-canary"] {
        let copy = world.get("Service", name);
        assert_eq!(text(copy, &["spec", "externalName"]), "a.example");
        assert_eq!(text(copy, &["metadata", "labels", "other"]), "x");
        assert_eq!(copy.at(&["metadata", "annotations"]), None);
        assert_eq!(copy.at(&["metadata", "managedFields"]), None);
    }
    world.change("Service", "podinfo", &["spec", "externalName"], "b.example");
    let writes = world.settle(MAKE);
    assert_eq!(
        format!("{writes:?}"),
        "[update Service/default/podinfo-canary]"
    );
    let primary = |world: &World| world.get("Service", "podinfo-primary").clone();
    assert_eq!(
        text(&primary(&world), &["spec", "externalName"]),
        "a.example"
    );
    world.settle(PROMOTE);
    let primary = primary(&world);
    assert_eq!(text(&primary, &["spec", "externalName"]), "b.example");
    assert_eq!(
        primary.at(&["metadata", "labels"]),
        Some(&value!({"app.kubernetes.io/name": "podinfo"}))
    );
    assert_eq!(
        text(
            &primary
                .at(&["metadata", "ownerReferences"])
                .unwrap()
                .as_list()
                .unwrap()[0],
            &["name"]
        ),
        "podinfo"
    );
}

#[test]
fn addresses_and_node_ports_are_each_ones_own() {
    let mut world = world(
        "{type: NodePort, clusterIP: 10.9.9.9, clusterIPs: [10.9.9.9], selector: {app: a}, \
          ports: [{name: http, port: 80, targetPort: 8080, protocol: TCP, nodePort: 30001}]}",
    );
    world.settle(MAKE);
    let copy = world.get("Service", "podinfo-canary");
    assert_eq!(
        text(copy, &["spec", "clusterIP"]),
        "10.0.0.1",
        "the server chose"
    );
    assert_eq!(copy.at(&["spec", "clusterIPs"]), None);
    let ports = value!([{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]);
    assert_eq!(copy.at(&["spec", "ports"]), Some(&ports));
    let chosen = value!([{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP",
        "nodePort": 30002}]);
    world.change(
        "Service",
        "podinfo-canary",
        &["spec", "ports"],
        chosen.clone(),
    );
    assert_eq!(world.decide(MAKE), Ok(Vec::new()));
    world.change(
        "Service",
        "podinfo",
        &["spec", "selector"],
        value!({"app": "b"}),
    );
    world.settle(MAKE);
    let copy = world.get("Service", "podinfo-canary");
    assert_eq!(copy.at(&["spec", "ports"]), Some(&chosen));
    assert_eq!(text(copy, &["spec", "clusterIP"]), "10.0.0.1");
}

#[test]
fn a_headless_service_has_headless_copies() {
    let mut world = world("{clusterIP: None, clusterIPs: [None], selector: {app: a}}");
    world.canary.spec.service.traffic_distribution = "PreferClose".into();
    world.settle(MAKE);
    let copy = world.get("Service", "podinfo-primary");
    assert_eq!(text(copy, &["spec", "clusterIP"]), "None");
    assert_eq!(text(copy, &["spec", "trafficDistribution"]), "PreferClose");
}

#[test]
fn a_service_of_somebody_else_under_the_name_of_a_copy_is_not_overwritten() {
    let mut world = world("{type: ExternalName, externalName: a.example}");
    world.settle(MAKE);
    world.remove(
        "Service",
        "podinfo-canary",
        &["metadata", "ownerReferences"],
    );
    world.change("Service", "podinfo", &["spec", "externalName"], "b.example");
    assert_eq!(
        world.decide(MAKE),
        Err(
            "service podinfo-canary.default was not made for this Canary; it is not overwritten \
             by a copy"
                .into()
        )
    );
}
