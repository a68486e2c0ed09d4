use super::*;
use crate::targets::{
    ConfigTracking, configs_changed, initialize_primary, promote, take_snapshot, tracked_configs,
};
use trueup_kinds::canary::CanaryStatus;
use trueup_object::{from_json, value};

const MAKE: Step<'_> = &|view| initialize_primary(view, "id");
const PROMOTE: Step<'_> = &|view| promote(view, &take_snapshot(view)?.hash, "id");

type Digests = std::collections::BTreeMap<trueup_object::Text, trueup_object::Text>;

fn digests(world: &mut World) -> Result<Option<Digests>, String> {
    // Everything that is not there is marked as absent on the way.
    let step: Step<'_> = &|view| tracked_configs(view).map(|_| Vec::new());
    world.decide(step)?;
    Ok(tracked_configs(&world.view()).expect("all was read"))
}

/// A Deployment that reads one ConfigMap.
fn small(config: Value) -> World {
    let mut world = World::deployment();
    let name = text(&config, &["metadata", "name"]).to_owned();
    let pod = value!({"containers": [{"name": "a", "image": "i:1",
        "envFrom": [{"configMapRef": {"name": name}}]}]});
    world.change("Deployment", "podinfo", &["spec", "template", "spec"], pod);
    world.observed.found(config);
    world
}

fn config_map(content: &str) -> Value {
    yaml(&format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c, namespace: default}}, {content}}}"
    ))
}

#[test]
fn digests_are_flaggers() {
    for (content, digest) in [
        ("data: {color: red}", "241889ca0604e333"),
        // SHA-256 of what Go makes of it.
        ("data: {}", "74234e98afe7498f"),
        (
            r#"data: {b: "<&>", a: "\"\\\n\t\u2028\u0001\b\f"}"#,
            "55ddd486b315d6d0",
        ),
    ] {
        let mut world = small(config_map(content));
        let expected = [("configmap/c".into(), digest.into())].into();
        assert_eq!(digests(&mut world), Ok(Some(expected)), "{content}");
    }
}

#[test]
fn digests_of_odd_texts_are_flaggers() {
    for line in include_str!("data/server_cases.jsonl").lines() {
        let case = from_json(line.as_bytes()).unwrap();
        if text(&case, &["kind"]) == "Data" {
            let mut object = config_map("data: {}");
            object.set_at(&["data"], case.get("sent").unwrap().clone());
            let digest = text(&case, &["hash"]).into();
            let found = digests(&mut small(object));
            assert_eq!(
                found,
                Ok(Some([("configmap/c".into(), digest)].into())),
                "{line}"
            );
        }
    }
}

#[test]
fn of_what_the_pods_read_all_that_is_tracked_has_a_digest() {
    let mut world = World::deployment();
    let found = digests(&mut world).unwrap().unwrap();
    assert_eq!(found.len(), 12);
    assert_eq!(
        found["configmap/podinfo-config-init-all-env"],
        "241889ca0604e333"
    );
    // {"apiKey":"dGVzdA=="}
    assert_eq!(found["secret/podinfo-secret-projected"], "3930f0692c2295eb");
    for name in found.keys() {
        assert!(
            !name.contains("disabled") && !name.contains("registry"),
            "{name}"
        );
    }
    world.options.config_tracking = ConfigTracking::Disabled;
    assert_eq!(digests(&mut world), Ok(None));
}

#[test]
fn one_that_is_missing_is_refused_unless_it_is_optional() {
    let mut world = World::deployment();
    world
        .observed
        .absent(reference("ConfigMap", "podinfo-config-env"));
    assert_eq!(
        digests(&mut world),
        Err(
            "GetTargetConfigs failed: configmap podinfo-config-env.default get query error: \
             configmaps \"podinfo-config-env\" not found"
                .into()
        )
    );
}

#[test]
fn a_new_a_changed_and_a_lost_one_are_changes() {
    let status = |tracked: Option<Digests>| CanaryStatus {
        tracked_configs: tracked,
        last_tracked_revision: "uid/1".into(),
        ..CanaryStatus::default()
    };
    let one: Digests = [("configmap/a".into(), "aa".into())].into();
    let other: Digests = [("configmap/a".into(), "bb".into())].into();
    let two: Digests = [
        ("configmap/a".into(), "aa".into()),
        ("secret/b".into(), "bb".into()),
    ]
    .into();
    for (remembered, current, changed) in [
        (None, Some(Digests::new()), false),
        (None, Some(one.clone()), true),
        (Some(one.clone()), Some(one.clone()), false),
        (Some(one.clone()), Some(other), true),
        (Some(one.clone()), Some(two.clone()), true),
        (Some(two), Some(one.clone()), true),
        (Some(one), None, false),
    ] {
        assert_eq!(
            configs_changed(&status(remembered.clone()), current.as_ref()),
            changed,
            "{remembered:?} {current:?}"
        );
    }
}

#[test]
fn a_change_of_bytes_is_a_change_but_not_when_flaggers_status_is_taken_over() {
    let mut before = small(config_map("data: {color: red}, binaryData: {a: AA==}"));
    let mut after = small(config_map("data: {color: red}, binaryData: {a: AQ==}"));
    let before = digests(&mut before).unwrap().unwrap();
    let after = digests(&mut after).unwrap().unwrap();
    let mut status = CanaryStatus {
        tracked_configs: Some(before),
        last_tracked_revision: "uid/1".into(),
        ..CanaryStatus::default()
    };
    assert!(configs_changed(&status, Some(&after)));
    status.tracked_configs = Some([("configmap/c".into(), "241889ca0604e333".into())].into());
    assert!(configs_changed(&status, Some(&after)), "bytes were added");
    status.last_tracked_revision = Default::default();
    assert!(
        !configs_changed(&status, Some(&after)),
        "Flagger knows no bytes"
    );
}

#[test]
fn copies_have_all_content_and_the_wanted_labels() {
    let mut world = small(config_map(
        "immutable: true, data: {color: red}, binaryData: {a: AA==}",
    ));
    world.change(
        "ConfigMap",
        "c",
        &["metadata", "labels"],
        value!({
            "app.kubernetes.io/name": "c", "other": "x", "app.kubernetes.io/toolkit.fluxcd.io": "y",
        }),
    );
    world.settle(MAKE);
    let copy = world.get("ConfigMap", "c-primary");
    assert_eq!(copy.get("data"), Some(&value!({"color": "red"})));
    assert_eq!(copy.get("binaryData"), Some(&value!({"a": "AA=="})));
    assert_eq!(copy.get("immutable"), None);
    let labels = copy.at(&["metadata", "labels"]);
    assert_eq!(labels, Some(&value!({"app.kubernetes.io/name": "c"})));
    let mut world = World::deployment();
    world.settle(MAKE);
    let secret = world.get("Secret", "podinfo-secret-env-primary");
    assert_eq!(
        (text(secret, &["type"]), text(secret, &["data", "apiKey"])),
        ("Opaque", "dGVzdA==")
    );
    assert!(!world.has("ConfigMap", "podinfo-config-tracker-disabled-primary"));
    assert!(!world.has("Secret", "podinfo-secret-registry-primary"));
}

#[test]
fn content_that_is_gone_is_gone_from_the_copy() {
    let mut world = small(config_map("data: {color: red}, binaryData: {a: AA==}"));
    world.settle(MAKE);
    world.remove("ConfigMap", "c", &["binaryData"]);
    world.settle(PROMOTE);
    assert_eq!(world.get("ConfigMap", "c-primary").get("binaryData"), None);
}

#[test]
fn a_copy_that_can_not_be_changed_is_made_anew() {
    let mut world = small(config_map("data: {color: red}"));
    world.settle(MAKE);
    world.change("ConfigMap", "c-primary", &["immutable"], true);
    world.change("ConfigMap", "c", &["data", "color"], "blue");
    let writes: Vec<String> = world
        .settle(PROMOTE)
        .iter()
        .map(|write| format!("{write:?}"))
        .collect();
    let [delete, create, ..] = writes.as_slice() else {
        panic!("{writes:?}");
    };
    assert_eq!(delete, "delete ConfigMap/default/c-primary");
    assert_eq!(create, "create ConfigMap/default/c-primary");
}

#[test]
fn a_copy_may_have_several_canaries_and_one_of_them_controls_it() {
    let mut world = small(config_map("data: {color: red}"));
    world.settle(MAKE);
    let first = world
        .get("ConfigMap", "c-primary")
        .at(&["metadata", "ownerReferences"])
        .cloned();
    world.canary.metadata.name = "second".into();
    world.canary.metadata.uid = "second-uid".into();
    world.settle(PROMOTE);
    let owners = world
        .get("ConfigMap", "c-primary")
        .at(&["metadata", "ownerReferences"])
        .unwrap();
    let owners = owners.as_list().unwrap().to_vec();
    assert_eq!(owners.len(), 2);
    assert_eq!(Some(Value::from(vec![owners[0].clone()])), first);
    assert_eq!(owners[1].get("controller"), Some(&Value::Bool(false)));
}

#[test]
fn what_somebody_else_has_under_the_name_of_a_copy_is_not_overwritten() {
    let mut world = small(config_map("data: {color: red}"));
    let mut own = config_map("data: {mine: alone}");
    own.set_at(&["metadata", "name"], "c-primary".into());
    world.observed.found(own);
    assert_eq!(
        world.decide(MAKE),
        Err(
            "createPrimaryDeployment failed: configmap/c-primary exists in namespace default and \
             belongs to no Canary; it is not overwritten by a copy"
                .into()
        )
    );
    // After a restore the owners are gone; the primary tells whose it is.
    world.observed.absent(reference("ConfigMap", "c-primary"));
    world.settle(MAKE);
    world.remove("ConfigMap", "c-primary", &["metadata", "ownerReferences"]);
    world.settle(PROMOTE);
}

#[test]
fn without_tracking_the_primary_reads_what_the_target_reads() {
    let mut world = World::deployment();
    world.options.config_tracking = ConfigTracking::Disabled;
    world.settle(MAKE);
    let primary = format!("{:?}", world.get("Deployment", "podinfo-primary"));
    assert!(primary.contains("podinfo-config-vol") && !primary.contains("vol-primary"));
    assert!(!world.has("ConfigMap", "podinfo-config-env-primary"));
}

#[test]
fn values_of_secrets_are_in_no_message() {
    let mut world = World::deployment();
    let writes = world.settle(MAKE);
    assert!(!format!("{writes:?}").contains("dGVzdA"));
}
