//! Installed, checked, upgraded and removed as a user would.

use crate::world::{World, in_a_world, is_there, object};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use trueup_cluster::WriteOptions;
use trueup_object::{ManifestLimits, ObjectRef, Value, read_manifests, value};

const NAMESPACE: &str = "flux-system";

fn reference(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    ObjectRef::of(&object(api_version, kind, name)).unwrap()
}

fn here(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        namespace: NAMESPACE.into(),
        ..reference(api_version, kind, name)
    }
}

fn namespace() -> ObjectRef {
    reference("v1", "Namespace", NAMESPACE)
}

fn definition_of_kustomizations() -> ObjectRef {
    let name = "kustomizations.kustomize.toolkit.fluxcd.io";
    reference("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
}

fn deployment() -> ObjectRef {
    here("apps/v1", "Deployment", "trueup")
}

/// An object that an installation of ours left.
fn ours(mut object: Value) -> Value {
    for (key, text) in [
        ("app.kubernetes.io/part-of", "flux"),
        ("app.kubernetes.io/managed-by", "trueup"),
        ("app.kubernetes.io/instance", NAMESPACE),
        ("app.kubernetes.io/version", "v0.0.1"),
    ] {
        object.set_at(&["metadata", "labels", key], text.into());
    }
    object
}

/// A definition that is none of today's.
fn old_definition(plural: &str, kind: &str) -> Value {
    ours(value!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": (format!("{plural}.old.trueup.dev"))},
        "spec": {
            "group": "old.trueup.dev", "scope": "Cluster",
            "names": {"kind": kind, "plural": plural},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }],
        },
    }))
}

/// A cluster of its own, in which no controllers run but those installed.
pub async fn in_a_cluster(name: &str, test: impl AsyncFnOnce(&mut World)) {
    in_a_world(name, async |world| {
        if world.is_shared() {
            println!("skipped: {name}: installs cluster-wide, and others use this cluster");
            return;
        }
        test(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_comes_is_checked_and_goes_and_leaves_what_was_applied() {
    in_a_cluster("install", async |world| {
        world.deploy("web").await;
        world.applied("web", &world.fleet.head().await).await;
        world.kill_controllers();
        world.trueup_anywhere(&["check", "--pre"]).await;
        let check = world.try_trueup_anywhere(&["check"]).await;
        assert!(!check.success);
        assert!(
            check
                .err
                .contains("no controllers found in the 'flux-system' namespace"),
            "{}",
            check.err
        );

        world.trueup_anywhere(&["install", "--dry-run"]).await;
        assert_eq!(world.find(&namespace()).await, None);

        let installed = world.trueup_anywhere(&["install"]).await;
        assert!(
            installed.out.contains("Namespace/flux-system created"),
            "{}",
            installed.out
        );
        assert!(
            installed.err.contains("trueup: deployment ready"),
            "{}",
            installed.err
        );
        let check = world.trueup_anywhere(&["check"]).await;
        for words in [
            "distribution: flux-v",
            "bootstrapped: false",
            "all checks passed",
        ] {
            assert!(check.err.contains(words), "{}", check.err);
        }
        let version = world.trueup_anywhere(&["version"]).await;
        for words in ["client: v", "distribution: flux-v", "trueup: v"] {
            assert!(version.out.contains(words), "{}", version.out);
        }
        let again = world.trueup_anywhere(&["install"]).await;
        let changed: Vec<&str> = again
            .out
            .lines()
            .filter(|it| !it.ends_with(" unchanged"))
            .collect();
        assert_eq!(changed, [""; 0]);

        let refused = world.try_trueup_anywhere(&["uninstall"]).await;
        assert!(
            !refused.success && refused.err.contains("--silent"),
            "{}",
            refused.err
        );
        world.trueup_anywhere(&["uninstall", "--dry-run"]).await;
        world.live(&deployment()).await;
        world.live(&world.kustomization_reference("web")).await;

        let removed = world.trueup_anywhere(&["uninstall", "--silent"]).await;
        for words in [
            "✔ Deployment/flux-system/trueup deleted",
            "/web finalizers deleted",
            "✔ CustomResourceDefinition/kustomizations.kustomize.toolkit.fluxcd.io deleted",
            "✔ Namespace/flux-system deleted",
            "✔ uninstall finished",
        ] {
            assert!(removed.err.contains(words), "{words}: {}", removed.err);
        }
        assert_eq!(world.find(&definition_of_kustomizations()).await, None);
        assert_eq!(world.find(&namespace()).await, None);
        world
            .live(&world.reference("apps/v1", "Deployment", "web"))
            .await;
        world.trueup_anywhere(&["uninstall", "--silent"]).await;

        world.trueup_anywhere(&["install"]).await;
        let kept = ["uninstall", "--silent", "--keep-namespace"];
        world.trueup_anywhere(&kept).await;
        assert_eq!(world.find(&deployment()).await, None);
        world.live(&namespace()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_takes_away_what_the_new_version_lacks_but_no_definition_with_objects() {
    in_a_cluster("upgrade", async |world| {
        world.kill_controllers();
        world.trueup_anywhere(&["install"]).await;
        let mut service = ours(object("v1", "Service", "old"));
        service.set_at(&["metadata", "namespace"], NAMESPACE.into());
        service.set_at(&["spec"], value!({"ports": [{"port": 80}]}));
        let (used, unused) = (
            old_definition("used", "Used"),
            old_definition("unused", "Unused"),
        );
        for leftover in [&service, &used, &unused] {
            world.apply(leftover).await;
        }
        let used_object = object("old.trueup.dev/v1", "Used", "one");
        crate::world::until(async || {
            world.session.cluster().invalidate_discovery();
            let options = WriteOptions::new("tests");
            let made = world.session.create(&used_object, &options).await;
            made.map(|_| ()).map_err(|error| error.to_string())
        })
        .await;
        let upgraded = world
            .trueup_anywhere(&["install", "--version", "v9.9.9"])
            .await;
        assert!(upgraded.err.contains("by v9.9.9"), "{}", upgraded.err);
        assert!(
            upgraded.err.contains("1 objects of its kind exist"),
            "{}",
            upgraded.err
        );
        assert_eq!(world.find(&ObjectRef::of(&service).unwrap()).await, None);
        world.is_gone(&ObjectRef::of(&unused).unwrap()).await;
        world.live(&ObjectRef::of(&used_object).unwrap()).await;
        let live = world.live(&deployment()).await;
        assert!(format!("{live:?}").contains("trueup:v9.9.9"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flux_that_was_there_first_keeps_what_it_installed() {
    in_a_cluster("beside", async |world| {
        world.kill_controllers();
        let flux = |mut object: Value| {
            object.set_at(
                &["metadata", "labels", "app.kubernetes.io/part-of"],
                "flux".into(),
            );
            object.set_at(
                &["metadata", "labels", "app.kubernetes.io/version"],
                "v2.9.0".into(),
            );
            object
        };
        world
            .apply(&flux(object("v1", "Namespace", NAMESPACE)))
            .await;
        for definition in trueup_kinds::definitions() {
            world.apply(&flux(definition)).await;
        }
        let mut controller = flux(object("apps/v1", "Deployment", "kustomize-controller"));
        controller.set_at(&["metadata", "namespace"], NAMESPACE.into());
        controller.set_at(
            &["spec"],
            value!({
                "selector": {"matchLabels": {"app": "k"}},
                "template": {
                    "metadata": {"labels": {"app": "k"}},
                    "spec": {"containers": [{"name": "manager", "image": "flux:1"}]},
                },
            }),
        );
        world.apply(&controller).await;

        let elsewhere = world.try_trueup_anywhere(&["install", "-n", "other"]).await;
        assert!(!elsewhere.success);
        assert!(
            elsewhere.err.contains("both would act"),
            "{}",
            elsewhere.err
        );

        let before = world.live(&definition_of_kustomizations()).await;
        let installed = world.trueup_anywhere(&["install"]).await;
        assert!(
            installed.err.contains("Flux v2.9.0's and stays as it is"),
            "{}",
            installed.err
        );
        assert_eq!(world.live(&definition_of_kustomizations()).await, before);

        let forced = world.trueup_anywhere(&["install", "--force"]).await;
        assert!(!forced.err.contains("stays as it is"), "{}", forced.err);
        let taken = world.live(&definition_of_kustomizations()).await;
        assert_eq!(
            taken.str_at(&["metadata", "labels", "app.kubernetes.io/managed-by"]),
            Some("trueup")
        );

        let removed = world.trueup_anywhere(&["uninstall", "-s"]).await;
        assert!(
            removed.err.contains("kustomize-controller uses them"),
            "{}",
            removed.err
        );
        assert_eq!(world.find(&deployment()).await, None);
        world.live(&definition_of_kustomizations()).await;
        world.live(&namespace()).await;
        world.live(&ObjectRef::of(&controller).unwrap()).await;
    })
    .await;
}

fn trueup(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_trueup"))
        .args(arguments)
        .env_remove("FLUX_SYSTEM_NAMESPACE")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn objects(yaml: &[u8]) -> BTreeMap<ObjectRef, Value> {
    let manifests = read_manifests("out.yaml", yaml, &ManifestLimits::default()).unwrap();
    let pairs = manifests.into_iter().map(|it| (it.reference(), it.value));
    pairs.collect()
}

#[test]
fn the_kustomize_base_builds_to_what_is_exported() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../install/kustomize");
    let built = objects(&trueup(&["build", "kustomize", base.to_str().unwrap()]));
    let exported = objects(&trueup(&["install", "--export"]));
    assert_eq!(
        built.keys().collect::<Vec<_>>(),
        exported.keys().collect::<Vec<_>>()
    );
    assert_eq!(built, exported);
}

/// Runs the genuine `helm`; it must succeed.
fn helm(arguments: &[&str]) -> Vec<u8> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../install/chart");
    let home = tempfile::tempdir().unwrap();
    let output = Command::new("helm")
        .args(arguments)
        .arg(chart)
        .env("HOME", home.path())
        .output()
        .unwrap();
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&told)
    );
    output.stdout
}

#[test]
fn helm_takes_the_chart_and_makes_what_is_exported() {
    if !is_there("helm") {
        println!("skipped: chart: helm is not on PATH");
        return;
    }
    helm(&["lint", "--strict"]);
    let release = [
        "template",
        "--include-crds",
        "--namespace",
        NAMESPACE,
        "trueup",
    ];
    let made = objects(&helm(&release));
    let mut exported = objects(&trueup(&["install", "--export"]));
    exported.remove(&namespace());
    assert_eq!(
        made.keys().collect::<Vec<_>>(),
        exported.keys().collect::<Vec<_>>()
    );
    for (object, wanted) in &mut exported {
        let managed_by = ["metadata", "labels", "app.kubernetes.io/managed-by"];
        wanted.set_at(&managed_by, "Helm".into());
        if &*object.kind.kind == "CustomResourceDefinition" {
            let keep = ["metadata", "annotations", "helm.sh/resource-policy"];
            wanted.set_at(&keep, "keep".into());
        }
        assert_eq!(&made[object], wanted, "{object}");
    }
    let plain = objects(&helm(&["template", "trueup"]));
    let named = "imagePullSecrets[0].name=regcred";
    for setting in [
        "clusterAdmin=false",
        "watchAllNamespaces=false",
        "networkPolicy=false",
        "definitions.install=false",
        "replicas=2",
        "extraArgs[0]=--no-remote-bases",
        "env[0].name=SLACK_URL",
        "canaries.enabled=false",
        "canaries.configTracking.enabled=false",
        "canaries.meshProvider=nginx",
        "canaries.slack.channel=general",
        named,
    ] {
        let made = objects(&helm(&["template", "--set", setting, "trueup"]));
        assert_ne!(made, plain, "{setting}");
    }
}

#[test]
fn what_can_not_be_a_name_is_refused_before_anything_is_done() {
    for (flag, text, words) in [
        ("--namespace", "Flux System", "not a namespace's name"),
        ("--version", "v 1", "label's value"),
        ("--image", "a b", "not an image's name"),
        ("--cluster-domain", "cluster local", "not a domain"),
        ("--toleration-keys", "a b", "not a taint's key"),
        ("--image-pull-secret", "A_", "not a Secret's name"),
        ("--components", "helm-controller", "not served yet"),
        ("--components", "guitar-controller", "no component"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_trueup"))
            .args(["install", "--export", flag, text])
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{flag} {text}"
        );
        assert!(err.contains(words), "{err}");
    }
}
