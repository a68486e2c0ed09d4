use super::*;
use crate::targets::{
    Change, Fence, TargetKind, Tracking, content_hash, detect_change, initialize_primary,
    snapshot_of,
};
use trueup_kinds::canary::Phase;
use trueup_object::{from_json, value};

const IMAGE: &str = "quay.io/stefanprodan/podinfo:1.2.1";

/// What is found, and what the status should say from now on.
fn detect(world: &World) -> (Change, Option<Tracking>) {
    let found = detect_change(&world.view()).expect("all was read");
    (found.change, found.tracking)
}

/// Writes what was found into the status, as the shell does.
fn remember(world: &mut World) -> Change {
    let (change, tracking) = detect(world);
    if let Some(tracking) = tracking {
        world.canary.status.last_applied_spec = tracking.last_applied_spec;
        world.canary.status.last_promoted_spec = tracking.last_promoted_spec;
        world.canary.status.last_tracked_revision = tracking.last_tracked_revision;
        let again = detect(world);
        assert_eq!(again, (Change::Same, None), "it is written once");
    }
    change
}

/// A Deployment whose revision was promoted.
fn promoted() -> World {
    let mut world = World::deployment();
    world.settle(&|view| initialize_primary(view, "id"));
    let snapshot = snapshot_of(TargetKind::Deployment, world.get("Deployment", "podinfo"));
    let status = &mut world.canary.status;
    status.phase = Phase::Succeeded;
    status.last_applied_spec = snapshot.hash.clone();
    status.last_promoted_spec = snapshot.hash;
    status.last_tracked_revision = snapshot.fence.to_string().into();
    world
}

/// Writes to the target as a user does: the server counts it.
fn push(world: &mut World, path: &[&str], new: impl Into<Value>) {
    let generation = world
        .get("Deployment", "podinfo")
        .i64_at(&["metadata", "generation"]);
    world.change("Deployment", "podinfo", path, new);
    let next = generation.unwrap_or_default() + 1;
    world.change("Deployment", "podinfo", &["metadata", "generation"], next);
}

fn push_image(world: &mut World, image: &str) {
    const PATH: [&str; 4] = ["spec", "template", "spec", "containers"];
    let target = world.get("Deployment", "podinfo");
    let mut containers = target.at(&PATH).and_then(Value::as_list).unwrap().to_vec();
    containers[0].set_at(&["image"], image.into());
    push(world, &PATH, containers);
}

fn image_of(world: &World) -> String {
    let target = world.get("Deployment", "podinfo");
    let containers = target
        .at(&["spec", "template", "spec", "containers"])
        .unwrap();
    text(&containers.as_list().unwrap()[0], &["image"]).to_owned()
}

#[test]
fn digests_are_those_of_the_second_kind() {
    // The genuine ones of these three, from Flagger's branch.
    let template = value!({
        "metadata": {"labels": {"app": "podinfo"}},
        "spec": {"containers": [
            {"name": "podinfo", "image": "ghcr.io/stefanprodan/podinfo:6.0.0", "resources": {}},
        ]},
    });
    assert_eq!(content_hash(&template), "v2:2941eab5be2776bc");
    let service = value!({
        "selector": {"app": "podinfo"},
        "ports": [{"name": "http", "port": 9898, "targetPort": 0}],
    });
    assert_eq!(content_hash(&service), "v2:a426cf88d6c4eb4a");
}

/// Each line: what was sent, what Kubernetes 1.36.3 makes of it by its
/// defaults, and the digest that Flagger's second algorithm has for that.
#[test]
fn digests_are_flaggers_with_a_servers_defaults_and_without() {
    let mut other = Vec::new();
    for line in include_str!("data/server_cases.jsonl").lines() {
        let case = from_json(line.as_bytes()).unwrap();
        let kind = match text(&case, &["kind"]) {
            "Deployment" => TargetKind::Deployment,
            "Service" => TargetKind::Service,
            _ => continue,
        };
        for form in ["kept", "sent"] {
            let mut target = Value::map();
            let path: &[&str] = match kind {
                TargetKind::Service => &["spec"],
                _ => &["spec", "template"],
            };
            target.set_at(path, case.get(form).unwrap().clone());
            let found = snapshot_of(kind, &target).hash;
            if found != text(&case, &["hash"]) {
                other.push(format!("{form}: {line}"));
            }
        }
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}

#[test]
fn fences_are_written_and_read() {
    for (text, uid, counter, revision) in [
        ("uid-1/5/3", "uid-1", "5", "3"),
        ("uid-1/5", "uid-1", "5", ""),
        ("/", "", "", ""),
    ] {
        let fence = Fence::parse(text);
        assert_eq!(
            (&*fence.uid, &*fence.counter, &*fence.revision),
            (uid, counter, revision)
        );
        assert_eq!(fence.to_string(), text);
    }
    assert_eq!(Fence::parse(""), Fence::default());
}

#[test]
fn the_number_of_a_rollout_is_taken_where_it_belongs_to_the_template() {
    let of = |fields: &str| {
        let mut target = yaml(fields);
        target.set_at(
            &[
                "metadata",
                "annotations",
                "deployment.kubernetes.io/revision",
            ],
            "3".into(),
        );
        target.set_at(&["metadata", "uid"], "uid-1".into());
        target.set_at(&["metadata", "generation"], 5.into());
        let snapshot = snapshot_of(TargetKind::Deployment, &target);
        snapshot.fence.to_string()
    };
    assert_eq!(of("{status: {observedGeneration: 5}}"), "uid-1/5/3");
    assert_eq!(of("{status: {observedGeneration: 4}}"), "uid-1/5");
    assert_eq!(
        of("{status: {observedGeneration: 5}, spec: {paused: true}}"),
        "uid-1/5"
    );
}

#[test]
fn a_change_of_the_template_is_a_revision_and_one_beside_it_is_not() {
    let mut world = promoted();
    assert_eq!(detect(&world), (Change::Same, None));
    push(&mut world, &["spec", "replicas"], 9);
    push(&mut world, &["metadata", "labels", "new"], "label");
    push(&mut world, &["spec", "strategy", "type"], "Recreate");
    assert_eq!(remember(&mut world), Change::Same);
    assert_eq!(world.canary.status.last_tracked_revision, "target-uid/4");
    push_image(&mut world, IMAGE);
    assert_eq!(detect(&world), (Change::NewRevision, None));
}

#[test]
fn no_status_yet_is_a_revision() {
    let mut world = promoted();
    world.canary.status = Default::default();
    assert_eq!(detect(&world), (Change::NewRevision, None));
}

#[test]
fn the_promoted_revision_pushed_again_is_none() {
    let mut world = promoted();
    let promoted_image = image_of(&world);
    push_image(&mut world, IMAGE);
    let found = detect_change(&world.view()).unwrap();
    assert!(found.is_new_revision());
    world.canary.status.phase = Phase::Failed;
    world.canary.status.last_applied_spec = found.snapshot.hash;
    world.canary.status.last_tracked_revision = found.snapshot.fence.to_string().into();
    assert_eq!(
        detect(&world),
        (Change::Same, None),
        "a failed revision is not tried again"
    );
    push_image(&mut world, &promoted_image);
    assert_eq!(remember(&mut world), Change::BackToPromoted);
    push_image(&mut world, IMAGE);
    assert_eq!(
        detect(&world).0,
        Change::NewRevision,
        "it has changed in between"
    );
}

#[test]
fn a_digest_that_drifts_while_nothing_was_written_is_absorbed() {
    // Status, fence then, fence now, what is found.
    for (then, now, expected) in [
        ("uid-1/5", "uid-1/5", Change::DriftAbsorbed),
        ("uid-1/5/3", "uid-1/7/3", Change::DriftAbsorbed),
        ("uid-1/5/3", "uid-1/7", Change::NewRevision),
        ("uid-1/5", "uid-1/7/3", Change::NewRevision),
        ("uid-1/5/3", "uid-1/7/4", Change::NewRevision),
        ("uid-1/5", "uid-1/6", Change::NewRevision),
        ("uid-1/0", "uid-1/0", Change::NewRevision),
        ("uid-2/5", "uid-1/5", Change::NewRevision),
    ] {
        let mut world = promoted();
        let fence = Fence::parse(now);
        let generation: i64 = fence.counter.parse().unwrap();
        world.change("Deployment", "podinfo", &["metadata", "uid"], fence.uid);
        world.change(
            "Deployment",
            "podinfo",
            &["metadata", "generation"],
            generation,
        );
        if !fence.revision.is_empty() {
            let path = [
                "metadata",
                "annotations",
                "deployment.kubernetes.io/revision",
            ];
            world.change("Deployment", "podinfo", &path, fence.revision);
            world.change(
                "Deployment",
                "podinfo",
                &["status", "observedGeneration"],
                generation,
            );
        }
        world.canary.status.last_applied_spec = "v2:of-another-algorithm".into();
        world.canary.status.last_promoted_spec = "v2:of-another-algorithm".into();
        world.canary.status.last_tracked_revision = then.into();
        assert_eq!(detect(&world).0, expected, "{then} {now}");
        if expected == Change::DriftAbsorbed {
            remember(&mut world);
            let status = &world.canary.status;
            assert_eq!(status.last_promoted_spec, status.last_applied_spec);
        }
    }
}

#[test]
fn the_promoted_digest_stays_when_another_one_drifts_during_a_run() {
    let mut world = promoted();
    world.canary.status.last_applied_spec = "v2:aaaa".into();
    world.canary.status.last_promoted_spec = "v2:pppp".into();
    assert_eq!(remember(&mut world), Change::DriftAbsorbed);
    assert_eq!(world.canary.status.last_promoted_spec, "v2:pppp");
}

#[test]
fn a_target_made_anew_is_a_revision() {
    let mut world = promoted();
    world.change("Deployment", "podinfo", &["metadata", "uid"], "another");
    assert_eq!(detect(&world).0, Change::NewRevision);
}

#[test]
fn a_status_of_an_earlier_flagger_is_taken_over_without_a_run() {
    for phase in [
        Phase::Initialized,
        Phase::Succeeded,
        Phase::Progressing,
        Phase::Waiting,
        Phase::WaitingPromotion,
        Phase::Promoting,
        Phase::Finalising,
        Phase::Failed,
    ] {
        let mut world = promoted();
        if !matches!(phase, Phase::Initialized | Phase::Succeeded) {
            push_image(&mut world, IMAGE);
        }
        let status = &mut world.canary.status;
        status.phase = phase;
        status.last_applied_spec = "6849403941".into();
        status.last_promoted_spec = "6849403940".into();
        status.last_tracked_revision = Default::default();
        assert_eq!(remember(&mut world), Change::TakenOver, "{phase}");
        let status = &world.canary.status;
        let is_promoted = status.last_promoted_spec == status.last_applied_spec;
        assert_eq!(
            is_promoted,
            matches!(phase, Phase::Initialized | Phase::Succeeded)
        );
    }
}

#[test]
fn images_that_differ_while_nothing_was_going_on_are_a_revision() {
    let mut world = promoted();
    push_image(&mut world, IMAGE);
    world.canary.status.last_applied_spec = "6849403941".into();
    world.canary.status.last_tracked_revision = Default::default();
    assert_eq!(detect(&world), (Change::NewRevision, None));
    world
        .observed
        .absent(reference("Deployment", "podinfo-primary"));
    assert!(
        detect_change(&world.view()).is_err(),
        "neither adopted nor started"
    );
}

#[test]
fn what_was_promoted_is_known_after_a_run_was_taken_over() {
    let mut world = promoted();
    let promoted_image = image_of(&world);
    push_image(&mut world, IMAGE);
    let status = &mut world.canary.status;
    status.phase = Phase::Failed;
    status.last_applied_spec = "6849403941".into();
    status.last_promoted_spec = "6849403940".into();
    status.last_tracked_revision = Default::default();
    assert_eq!(remember(&mut world), Change::TakenOver);
    assert_eq!(world.canary.status.last_promoted_spec, "6849403940");
    push_image(&mut world, &promoted_image);
    assert_eq!(remember(&mut world), Change::BackToPromoted);
    assert!(world.canary.status.last_promoted_spec.starts_with("v2:"));
}

#[test]
fn a_daemon_set_that_rests_is_the_same_revision() {
    let mut world = World::daemon_set();
    let hash =
        |world: &World| snapshot_of(TargetKind::DaemonSet, world.get("DaemonSet", "podinfo")).hash;
    let path = ["spec", "template", "spec", "nodeSelector"];
    let before = hash(&world);
    world.change(
        "DaemonSet",
        "podinfo",
        &[&path[..], &["flagger.app/scale-to-zero"]].concat(),
        "true",
    );
    assert_eq!(hash(&world), before);
    world.change(
        "DaemonSet",
        "podinfo",
        &[&path[..], &["zone"]].concat(),
        "a",
    );
    assert_ne!(hash(&world), before);
    world.remove("DaemonSet", "podinfo", &path);
    let without = hash(&world);
    world.change("DaemonSet", "podinfo", &path, Value::map());
    assert_eq!(hash(&world), without);
}

#[test]
fn the_fence_of_a_service_is_not_chased() {
    let mut world = World::empty();
    world.canary.spec.target_ref.kind = "Service".into();
    world.observed.found(yaml(
        "{apiVersion: v1, kind: Service, metadata: {name: podinfo, namespace: default, uid: u, \
          resourceVersion: '500'}, spec: {type: ExternalName, externalName: a.example}}",
    ));
    let snapshot = snapshot_of(TargetKind::Service, world.get("Service", "podinfo"));
    assert_eq!(snapshot.fence.to_string(), "u/500");
    world.canary.status.phase = Phase::Succeeded;
    world.canary.status.last_applied_spec = snapshot.hash.clone();
    world.canary.status.last_promoted_spec = snapshot.hash;
    world.canary.status.last_tracked_revision = "u/499".into();
    assert_eq!(detect(&world), (Change::Same, None));
    world.change("Service", "podinfo", &["spec", "externalName"], "b.example");
    assert_eq!(detect(&world).0, Change::NewRevision);
    world.canary.status.last_applied_spec = "6849403941".into();
    assert_eq!(remember(&mut world), Change::TakenOver);
}
