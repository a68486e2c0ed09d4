use super::*;
use crate::targets::{Port, discover};
use trueup_kinds::canary::TargetPort;

/// Label, value, and ports by name.
type Found = (String, String, Vec<(String, u16)>);

fn found(world: &World) -> Result<Found, String> {
    match discover(&world.view()) {
        Ok(Some(found)) => {
            let ports = found.ports.into_iter();
            let ports = ports.map(|Port { name, number }| (name.to_string(), number));
            Ok((found.label.into(), found.value.into(), ports.collect()))
        }
        Ok(None) => Err("no Pods".into()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn the_first_label_of_the_installation_that_the_selector_has_tells_the_pods() {
    let mut world = World::deployment();
    assert_eq!(found(&world), Ok(("name".into(), "podinfo".into(), vec![])));
    world.change(
        "Deployment",
        "podinfo",
        &["spec", "selector", "matchLabels", "app"],
        "web",
    );
    assert_eq!(found(&world), Ok(("app".into(), "web".into(), vec![])));
}

#[test]
fn a_selector_without_any_of_the_labels_is_refused_in_flaggers_words() {
    let mut world = World::deployment();
    world.options = TargetOptions::default();
    world.remove(
        "Deployment",
        "podinfo",
        &["spec", "selector", "matchLabels", "name"],
    );
    assert_eq!(
        found(&world).unwrap_err(),
        "getSelectorLabel failed: deployment podinfo.default spec.selector.matchLabels must \
         contain one of [app name app.kubernetes.io/name]"
    );
    let mut world = World::daemon_set();
    world.remove("DaemonSet", "podinfo", &["spec", "selector"]);
    assert_eq!(
        found(&world).unwrap_err(),
        "getSelectorLabel failed: daemonset podinfo.default spec.selector.matchLabels must \
         contain one of [app name]'"
    );
}

#[test]
fn a_target_that_is_not_there_is_named() {
    let mut world = World::empty();
    let step: Step<'_> = &|view| discover(view).map(|_| Vec::new());
    assert_eq!(
        world.decide(step),
        Err(
            "deployment podinfo.default get query error: deployments.apps \"podinfo\" not found"
                .into()
        )
    );
}

#[test]
fn kinds_that_are_not_served_are_refused_by_name() {
    let mut world = World::empty();
    world.canary.spec.target_ref.kind = "StatefulSet".into();
    assert_eq!(
        found(&world).unwrap_err(),
        "TargetRef.Kind invalid: StatefulSet"
    );
    world.canary.spec.target_ref.kind = "Service".into();
    assert_eq!(found(&world).unwrap_err(), "no Pods");
    world.canary.spec.target_ref.api_version = "serving.knative.dev/v1".into();
    assert_eq!(
        found(&world).unwrap_err(),
        "targetRef podinfo: Services of Knative are not supported as targets"
    );
}

#[test]
fn ports_of_containers_are_found_but_not_those_of_proxies_nor_the_service_port() {
    let rest = vec![
        ("http-metrics".into(), 8080),
        ("tcp-podinfo-2".into(), 8888),
    ];
    let number = |port| Some(TargetPort::Number(port));
    let name = Some(TargetPort::Name("http".into()));
    for (port, target_port, expected) in [
        (9898, None, rest.clone()),
        (80, number(9898), rest.clone()),
        (9898, number(9898), rest.clone()),
        (80, name.clone(), rest.clone()),
        // A Service can't have the number 8080 twice.
        (8080, name, vec![("tcp-podinfo-2".to_owned(), 8888)]),
        (80, number(0), rest),
    ] {
        let mut world = World::deployment();
        world.canary.spec.service.port_discovery = true;
        world.canary.spec.service.port = port;
        world.canary.spec.service.target_port = target_port.clone();
        let ports = found(&world).map(|found| found.2);
        assert_eq!(
            ports,
            Ok(expected),
            "port {port}, target port {target_port:?}"
        );
    }
}

#[test]
fn a_label_that_would_be_too_long_for_the_primary_is_refused() {
    let mut world = World::deployment();
    let long = "a".repeat(60);
    world.change(
        "Deployment",
        "podinfo",
        &["spec", "selector", "matchLabels", "name"],
        long.as_str(),
    );
    let message = found(&world).unwrap_err();
    assert!(message.contains("must be no more than 63"), "{message}");
}
