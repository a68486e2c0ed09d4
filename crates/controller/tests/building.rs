//! Everything that a Kustomization says about building, from the
//! specification to the cluster.

use super::world::{NAMESPACE, World, map};
use trueup_object::{Value, value};
use trueup_testkit::virtual_time;

const SERVICE: &str = "apiVersion: v1
kind: Service
metadata: {name: web, namespace: apps}
spec:
  ports: [{port: 80}]
";
const COMPONENT: &str = "apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [extra.yaml]
";

/// A world with a commit of these files and a Kustomization of `./apps`.
async fn world(files: &[(&str, &str)], spec: Value) -> (World, String) {
    let world = World::new(31).await;
    let revision = world.commit("first", files);
    world.repository().await;
    world.kustomization("apps", "./apps", spec).await;
    (world, revision)
}

/// A ConfigMap or Secret beside the Kustomization.
async fn variables(world: &World, kind: &str, name: &str, pairs: Value) {
    let mut object =
        value!({"apiVersion": "v1", "metadata": {"name": name, "namespace": NAMESPACE}});
    object.set_at(&["kind"], kind.into());
    let field = if kind == "Secret" {
        "stringData"
    } else {
        "data"
    };
    object.set_at(&[field], pairs);
    world.apply(&object).await;
}

async fn data(world: &World, name: &str, key: &str) -> Option<String> {
    let found = world.config_map(name).await?;
    found.str_at(&["data", key]).map(str::to_owned)
}

#[test]
fn every_field_of_the_build_reaches_the_cluster() {
    virtual_time(async {
        let extra = map("extra", &[("a", "b")]);
        let files = [
            ("apps/a.yaml", map("a", &[("k", "v")])),
            ("apps/web.yaml", SERVICE.to_owned()),
            ("extra/kustomization.yaml", COMPONENT.to_owned()),
            ("extra/extra.yaml", extra),
        ];
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        let spec = value!({
            "namePrefix": "p-", "nameSuffix": "-s", "targetNamespace": "apps",
            "components": ["../extra", "../gone"], "ignoreMissingComponents": true,
            "commonMetadata": {"labels": {"team": "x"}, "annotations": {"note": "y"}},
            "buildMetadata": ["originAnnotations"],
            "patches": [{"target": {"kind": "Service"},
                "patch": "- {op: replace, path: /spec/ports/0/port, value: 8080}"}],
            "images": [{"name": "web", "newTag": "2"}],
        });
        let (world, revision) = world(&files, spec).await;
        world.applied("apps", &revision).await;
        let found = world.config_map("p-a-s").await.unwrap();
        let at = |path: &[&str]| found.str_at(path).map(str::to_owned);
        assert_eq!(at(&["metadata", "labels", "team"]).as_deref(), Some("x"));
        assert_eq!(
            at(&["metadata", "annotations", "note"]).as_deref(),
            Some("y")
        );
        let origin = at(&["metadata", "annotations", "config.kubernetes.io/origin"]);
        assert_eq!(origin.as_deref(), Some("path: a.yaml\n"));
        assert!(world.config_map("p-extra-s").await.is_some());
        let service = world.get("v1", "Service", "p-web-s").await.unwrap();
        let ports = service
            .at(&["spec", "ports"])
            .and_then(Value::as_list)
            .unwrap();
        assert_eq!(ports[0].i64_at(&["port"]), Some(8080));
    });
}

#[test]
fn variables_come_in_order_and_the_specification_wins() {
    virtual_time(async {
        let manifest = map(
            "a",
            &[
                ("one", "${one}"),
                ("two", "${two}"),
                ("three", "${three}"),
                ("four", "${four:=default}"),
            ],
        );
        let spec = value!({"postBuild": {
            "substitute": {"three": "inline"},
            "substituteFrom": [
                {"kind": "ConfigMap", "name": "first"},
                {"kind": "Secret", "name": "second"},
                {"kind": "ConfigMap", "name": "gone", "optional": true},
            ],
        }});
        let (world, revision) = world(&[("apps/a.yaml", &manifest)], spec).await;
        variables(
            &world,
            "ConfigMap",
            "first",
            value!({"one": "a\nb", "two": "x", "three": "x"}),
        )
        .await;
        variables(
            &world,
            "Secret",
            "second",
            value!({"two": "second", "three": "x"}),
        )
        .await;
        world.applied("apps", &revision).await;
        for (key, wanted) in [
            ("one", "ab"),
            ("two", "second"),
            ("three", "inline"),
            ("four", "default"),
        ] {
            assert_eq!(
                data(&world, "a", key).await.as_deref(),
                Some(wanted),
                "{key}"
            );
        }
    });
}

#[test]
fn a_change_of_what_is_referred_to_is_applied_at_once() {
    virtual_time(async {
        let manifest = map("a", &[("v", "${v:=none}")]);
        let spec = value!({"postBuild": {"substituteStrategy": "Always", "substituteFrom": [
            {"kind": "ConfigMap", "name": "settings", "optional": true},
        ]}});
        let (world, revision) = world(&[("apps/a.yaml", &manifest)], spec).await;
        world.applied("apps", &revision).await;
        assert_eq!(data(&world, "a", "v").await.as_deref(), Some("none"));
        for value in ["one", "two"] {
            variables(&world, "ConfigMap", "settings", value!({"v": value})).await;
            let what = format!("v is {value}");
            world
                .until(&what, async || {
                    data(&world, "a", "v").await.as_deref() == Some(value)
                })
                .await;
        }
        let settings = trueup_object::ObjectRef {
            kind: trueup_object::GroupVersionKind::new("v1", "ConfigMap"),
            namespace: NAMESPACE.into(),
            name: "settings".into(),
        };
        world
            .admin
            .delete(&settings, &Default::default())
            .await
            .unwrap();
        world
            .until("v is none", async || {
                data(&world, "a", "v").await.as_deref() == Some("none")
            })
            .await;
    });
}

#[test]
fn what_is_referred_to_and_missing_is_named_and_waited_for() {
    virtual_time(async {
        let manifest = map("a", &[("v", "${v}")]);
        let spec = value!({"retryInterval": "1h", "postBuild": {"substituteFrom": [
            {"kind": "Secret", "name": "passwords"},
        ]}});
        let (world, revision) = world(&[("apps/a.yaml", &manifest)], spec).await;
        let message = world.fails("apps", "BuildFailed").await;
        assert!(
            message.contains(
                "substitute from 'Secret/passwords' error: secrets \"passwords\" not found"
            ),
            "{message}"
        );
        assert!(world.config_map("a").await.is_none());
        world.rest().await;
        let began = tokio::time::Instant::now();
        variables(&world, "Secret", "passwords", value!({"v": "x"})).await;
        world.applied("apps", &revision).await;
        assert!(
            began.elapsed() < std::time::Duration::from_secs(60),
            "not by the interval"
        );
    });
}

#[test]
fn a_missing_variable_is_named_with_object_and_file_and_nothing_is_applied() {
    virtual_time(async {
        let files = [
            ("apps/a.yaml", map("a", &[])),
            ("apps/b.yaml", map("b", &[("v", "${gone}")])),
        ];
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        let spec = value!({"postBuild": {"substitute": {"other": "x"}}});
        let (world, revision) = world(&files, spec).await;
        let message = world.fails("apps", "BuildFailed").await;
        for word in [
            "apps/b.yaml",
            "ConfigMap/apps/b",
            "variable not set (strict mode): \"gone\"",
        ] {
            assert!(message.contains(word), "{word:?} in {message:?}");
        }
        assert!(world.config_map("a").await.is_none());
        let patch = value!({"spec": {"postBuild": {"substitute": {"gone": "found"}}}});
        world.patch_kustomization("apps", patch).await;
        world.applied("apps", &revision).await;
        assert_eq!(data(&world, "b", "v").await.as_deref(), Some("found"));
    });
}

/// A specification that can't be built: the message names what is wrong, and
/// the specification mended heals.
fn a_bad_specification(bad: Value, words: &'static [&'static str], mended: Value) {
    virtual_time(async move {
        let manifest = map("a", &[("v", "x")]);
        let (world, revision) = world(&[("apps/a.yaml", &manifest)], bad).await;
        let message = world.fails("apps", "BuildFailed").await;
        for word in words {
            assert!(message.contains(word), "{word:?} in {message:?}");
        }
        assert!(world.config_map("a").await.is_none());
        world
            .patch_kustomization("apps", value!({"spec": mended}))
            .await;
        world.applied("apps", &revision).await;
    });
}

#[test]
fn a_component_that_is_missing_is_named() {
    a_bad_specification(
        value!({"components": ["../gone"]}),
        &["spec.components[0]", "gone"],
        value!({"ignoreMissingComponents": true}),
    );
}

#[test]
fn a_component_from_elsewhere_is_refused() {
    a_bad_specification(
        value!({"components": ["https://example.com/x"]}),
        &["component path 'https://example.com/x' must be local and relative"],
        value!({"components": null}),
    );
}

#[test]
fn a_patch_that_fits_nothing_is_named() {
    a_bad_specification(
        value!({"patches": [{"patch": "- {op: remove, path: /data/gone}", "target": {"kind": "ConfigMap"}}]}),
        &["spec.patches[0]"],
        value!({"patches": null}),
    );
}

#[test]
fn a_variable_s_bad_name_is_named_with_its_place() {
    a_bad_specification(
        value!({"postBuild": {"substitute": {"bad-name": "x"}}}),
        &[
            "spec.postBuild.substitute",
            "'bad-name' var name is invalid",
        ],
        value!({"postBuild": null}),
    );
}

#[test]
fn values_of_secrets_are_shown_nowhere() {
    virtual_time(async {
        let manifest = map("a", &[("password", "${password}")]);
        let spec =
            value!({"postBuild": {"substituteFrom": [{"kind": "Secret", "name": "passwords"}]}});
        let (world, revision) = world(&[("apps/a.yaml", &manifest)], spec).await;
        variables(
            &world,
            "Secret",
            "passwords",
            value!({"password": "Hunter2!"}),
        )
        .await;
        world.applied("apps", &revision).await;
        world
            .patch(
                "v1",
                "ConfigMap",
                "a",
                "somebody",
                value!({"data": {"password": "Changed1"}}),
            )
            .await;
        world
            .until("corrected", async || {
                data(&world, "a", "password").await.as_deref() == Some("Hunter2!")
            })
            .await;
        variables(
            &world,
            "Secret",
            "passwords",
            value!({"password": "Hunter3!"}),
        )
        .await;
        world
            .until("new", async || {
                data(&world, "a", "password").await.as_deref() == Some("Hunter3!")
            })
            .await;
        world.rest().await;
        assert!(
            world.told(".data.password from *** back to ***"),
            "{}",
            world.picture()
        );
        let bad = map("${password}", &[]);
        world.push("bad", &[("apps/a.yaml", &bad)]);
        let message = world.fails("apps", "BuildFailed").await;
        assert!(message.contains("***"), "{message}");
        let picture = world.picture();
        for secret in ["Hunter2", "Hunter3", "Changed1"] {
            assert!(!picture.contains(secret), "{picture}");
        }
    });
}

#[test]
fn an_object_that_is_marked_keeps_its_dollars() {
    virtual_time(async {
        let manifest = map("a", &[("v", "${v}")]).replace(
            "  name: a\n",
            "  name: a\n  annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}\n",
        );
        let spec = value!({"postBuild": {"substitute": {"v": "x"}}});
        let (world, revision) = world(&[("apps/a.yaml", &manifest)], spec).await;
        world.applied("apps", &revision).await;
        assert_eq!(data(&world, "a", "v").await.as_deref(), Some("${v}"));
    });
}
