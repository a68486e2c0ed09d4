use super::*;
use crate::targets::{
    HandsOff, conflicts, current_revision, first_needs, hands_off, initialize_primary,
    ready_endpoints, reconcile_apex_service,
};
use trueup_kinds::parse_time;
use trueup_object::{FieldPath, value};

fn canary(name: &str, target: &str, created: &str, uid: &str) -> Canary {
    let mut canary = World::empty().canary;
    canary.metadata.name = name.into();
    canary.metadata.uid = uid.into();
    canary.metadata.creation_timestamp = parse_time(created);
    canary.spec.target_ref.name = target.into();
    canary
}

#[test]
fn of_two_canaries_with_one_target_the_younger_is_refused() {
    let old = canary("z", "web", "2026-01-01T00:00:00Z", "9");
    let young = canary("a", "web", "2026-01-01T00:00:01Z", "1");
    let other = canary("other", "api", "2026-01-01T00:00:02Z", "2");
    let mut elsewhere = canary("a", "web", "2026-01-01T00:00:03Z", "3");
    elsewhere.metadata.namespace = "elsewhere".into();
    for order in [
        [&young, &old, &other, &elsewhere],
        [&elsewhere, &other, &old, &young],
    ] {
        let refused = conflicts(order);
        let told: Vec<_> = refused
            .iter()
            .map(|((namespace, name), why)| format!("{namespace}/{name}: {why}"))
            .collect();
        assert_eq!(
            told,
            [
                "default/a: Deployment web is already the target of the older Canary z; delete one \
              of the two"
            ]
        );
    }
}

#[test]
fn in_the_same_second_the_lesser_uid_is_older() {
    let first = canary("z", "web", "2026-01-01T00:00:00Z", "1");
    let second = canary("a", "web", "2026-01-01T00:00:00Z", "2");
    let refused = conflicts([&second, &first]);
    assert_eq!(
        refused.keys().map(|key| key.1.as_str()).collect::<Vec<_>>(),
        ["a"]
    );
}

#[test]
fn two_targets_with_one_apex_are_refused_too() {
    let first = canary("a", "web", "2026-01-01T00:00:00Z", "1");
    let mut second = canary("b", "api", "2026-01-01T00:00:01Z", "2");
    second.spec.service.name = "web".into();
    // One that is refused takes nothing from a third.
    let third = canary("c", "api", "2026-01-01T00:00:02Z", "3");
    let refused = conflicts([&first, &second, &third]);
    assert_eq!(refused.len(), 1);
    assert_eq!(
        refused[&("default".into(), "b".into())].to_string(),
        "Service web is already the apex of the older Canary a; set another spec.service.name"
    );
}

#[test]
fn an_applier_leaves_what_a_canary_writes_alone() {
    let mut world = World::deployment();
    let live = |world: &World, kind: &str, name: &str| {
        let live = world.observed.get(&reference(kind, name));
        hands_off(&reference(kind, name), live, [&world.canary])
    };
    let fields = |keys: &[&[&str]]| {
        HandsOff::Fields(keys.iter().map(|keys| FieldPath::of_keys(keys)).collect())
    };
    assert_eq!(
        live(&world, "Deployment", "podinfo"),
        fields(&[&["spec", "replicas"]])
    );
    assert_eq!(
        live(&world, "Service", "podinfo"),
        HandsOff::Nothing,
        "it is made first"
    );
    world.observed.found(yaml(
        "{apiVersion: v1, kind: Service, metadata: {name: podinfo, namespace: default}}",
    ));
    assert_eq!(
        live(&world, "Service", "podinfo"),
        fields(&[&["spec", "ports"], &["spec", "selector"]])
    );
    world.settle(&|view| initialize_primary(view, "id"));
    for (kind, name) in [
        ("Deployment", "podinfo-primary"),
        ("ConfigMap", "podinfo-config-env-primary"),
        ("Secret", "podinfo-secret-env-primary"),
    ] {
        assert_eq!(live(&world, kind, name), HandsOff::Object, "{kind} {name}");
    }
    assert_eq!(
        live(&world, "ConfigMap", "podinfo-config-env"),
        HandsOff::Nothing
    );
    world.canary.metadata.namespace = "elsewhere".into();
    assert_eq!(live(&world, "Deployment", "podinfo"), HandsOff::Nothing);
}

#[test]
fn an_applier_leaves_the_rest_of_a_daemon_set_alone() {
    let world = World::daemon_set();
    let object = reference("DaemonSet", "podinfo");
    let path = [
        "spec",
        "template",
        "spec",
        "nodeSelector",
        "flagger.app/scale-to-zero",
    ];
    assert_eq!(
        hands_off(&object, world.observed.get(&object), [&world.canary]),
        HandsOff::Fields(vec![FieldPath::of_keys(&path)])
    );
}

#[test]
fn ready_endpoints_are_counted_by_revision() {
    let slice = |service: &str, endpoints: Value| {
        value!({
            "metadata": {"labels": {"kubernetes.io/service-name": service}},
            "endpoints": (endpoints),
        })
    };
    let pod = |name: &str| value!({"targetRef": {"kind": "Pod", "name": name}});
    let with = |name: &str, ready: bool| {
        let mut endpoint = pod(name);
        endpoint.set_at(&["conditions", "ready"], ready.into());
        endpoint
    };
    let slices = [
        slice(
            "web",
            value!([(pod("a")), (with("b", true)), (with("c", false)), {"addresses": ["10.0.0.9"]}]),
        ),
        // The second family of addresses of the same Pods.
        slice("web", value!([(pod("a")), (pod("d"))])),
        slice("api", value!([(pod("e"))])),
        value!({"endpoints": 7}),
    ];
    let labelled = |name: &str, label: &str, hash: &str| {
        let mut pod = value!({"metadata": {"name": name}});
        pod.set_at(&["metadata", "labels", label], hash.into());
        pod
    };
    let pods = [
        labelled("a", "pod-template-hash", "new"),
        labelled("b", "pod-template-hash", "old"),
        labelled("c", "pod-template-hash", "new"),
        labelled("d", "controller-revision-hash", "new"),
        labelled("e", "pod-template-hash", "new"),
        value!(null),
    ];
    let found = ready_endpoints("web", &slices, &pods);
    assert_eq!((found.total, found.unknown), (4, 1));
    assert_eq!(
        found.by_revision,
        [("new".into(), 2), ("old".into(), 1)].into()
    );
    assert!(!found.are_all_of("new"));
    assert!(ready_endpoints("api", &slices, &pods).are_all_of("new"));
    assert_eq!(ready_endpoints("none", &slices, &pods).total, 0);
}

#[test]
fn what_a_look_needs_is_named_at_once() {
    let world = World::empty();
    let names = |needs: Vec<ObjectRef>| needs.iter().map(ObjectRef::to_string).collect::<Vec<_>>();
    let mut canary = world.canary.clone();
    canary.spec.autoscaler_ref = Some(trueup_kinds::canary::AutoscalerReference {
        kind: "ScaledObject".into(),
        name: "s".into(),
        ..Default::default()
    });
    let needs = first_needs(&canary, &world.options).unwrap();
    assert_eq!(
        names(needs),
        [
            "Deployment/default/podinfo",
            "Deployment/default/podinfo-primary",
            "Service/default/podinfo",
            "Service/default/podinfo-primary",
            "Service/default/podinfo-canary",
            "ScaledObject/default/s",
            "ScaledObject/default/s-primary",
        ]
    );
    let step = reconcile_apex_service(&world.view());
    let Err(TargetError::NeedsRead(unread)) = step else {
        panic!("{step:?}");
    };
    assert_eq!(names(unread), ["Deployment/default/podinfo"]);
}

#[test]
fn the_revision_of_the_template_is_the_newest_of_its_own() {
    let workload = |observed: i64| {
        value!({
            "metadata": {"uid": "u", "generation": 3},
            "status": {"observedGeneration": observed},
        })
    };
    let replica_set = |uid: &str, number: &str, hash: &str| {
        let mut set = value!({"metadata": {"ownerReferences": [{"uid": uid}]}});
        let path = [
            "metadata",
            "annotations",
            "deployment.kubernetes.io/revision",
        ];
        set.set_at(&path, number.into());
        set.set_at(&["metadata", "labels", "pod-template-hash"], hash.into());
        set
    };
    let sets = [
        replica_set("u", "9", "old"),
        replica_set("u", "10", "new"),
        replica_set("other", "11", "foreign"),
        value!({"metadata": []}),
    ];
    assert_eq!(current_revision(&workload(3), &sets), Some("new".into()));
    assert_eq!(current_revision(&workload(2), &sets), None);
    let mut history = value!({"revision": 4, "metadata": {"ownerReferences": [{"uid": "u"}]}});
    history.set_at(
        &["metadata", "labels", "controller-revision-hash"],
        "four".into(),
    );
    assert_eq!(
        current_revision(&workload(3), &[history]),
        Some("four".into())
    );
}
