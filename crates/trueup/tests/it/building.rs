//! `trueup build kustomization` and `trueup diff kustomization`: what the
//! controllers would apply, told before a push.

use crate::world::{World, in_a_world, object, run, with};
use tokio::process::Command;
use trueup_object::value;

const DIFFERENT: &str = "⚠️ identified at least one change, exiting with non-zero exit code\n";

/// The folder of the clone that stands for a path.
fn path(world: &World, folder: &str) -> String {
    format!("--path={}", world.fleet.folder.join(folder).display())
}

async fn deployed(world: &World, folder: &str) {
    world.deploy(folder).await;
    world.applied(folder, &world.fleet.head().await).await;
}

/// Runs `trueup diff kustomization`; compares exit code and output.
async fn differs(world: &World, folder: &str, flags: &[&str], code: i32, expected: &str) {
    let path = path(world, folder);
    let line = [&["diff", "kustomization", folder, &path][..], flags].concat();
    let answer = world.try_trueup(&line).await;
    let out = world.plain(&answer.out).await;
    assert_eq!(out, expected, "{answer:?}");
    assert_eq!(answer.code, Some(code), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_applied_is_built_the_same_and_differs_in_nothing() {
    in_a_world("build", async |world| {
        deployed(world, "api").await;
        let built = "\
apiVersion: v1
data:
  colour: green
kind: ConfigMap
metadata:
  labels:
    kustomize.toolkit.fluxcd.io/name: api
    kustomize.toolkit.fluxcd.io/namespace: NAMESPACE
  name: api
  namespace: NAMESPACE
---
";
        let build = ["build", "kustomization", "api", &path(world, "api")];
        world.prints(&build, built).await;
        differs(world, "api", &[], 0, "").await;
        deployed(world, "web").await;
        differs(world, "web", &[], 0, "").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_diff_tells_fields_new_objects_and_what_is_pruned() {
    in_a_world("diff", async |world| {
        deployed(world, "web").await;
        world
            .fleet
            .edit("web/deployment.yaml", "replicas: 2", "replicas: 3");
        world
            .fleet
            .edit("web/deployment.yaml", "nginx:1.28.0", "nginx:1.29.0");
        world.fleet.remove("web/service.yaml");
        let settings =
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  a: b\n";
        world.fleet.write("web/settings.yaml", settings);
        let expected = "\
► Deployment/NAMESPACE/web drifted

spec.replicas
± value change
- 2
+ 3

spec.template.spec.containers[name=\"web\"].image
± value change
- nginx:1.28.0
+ nginx:1.29.0

► ConfigMap/NAMESPACE/settings created
► Service/NAMESPACE/web deleted
";
        differs(world, "web", &[], 1, expected).await;
        differs(world, "web", &["--progress-bar=false"], 1, expected).await;
        let path = path(world, "web");
        world
            .tells(&["diff", "ks", "web", &path], 1, DIFFERENT)
            .await;
        let live = world
            .live(&world.reference("apps/v1", "Deployment", "web"))
            .await;
        assert_eq!(live.i64_at(&["spec", "replicas"]), Some(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_secrets_appear_in_no_diff() {
    in_a_world("diff-secret", async |world| {
        let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\nstringData:\n  a: hunter2\n  b: stays\n";
        world.fleet.write("api/token.yaml", secret);
        world.fleet.push("A token").await;
        deployed(world, "api").await;
        world.fleet.edit("api/token.yaml", "hunter2", "hunter3");
        world.fleet.edit("api/token.yaml", "  b: stays\n", "  c: comes\n");
        let expected = "\
► Secret/NAMESPACE/token drifted

data.a
± value change
- *** (before)
+ *** (after)

data.b
- removed
- ***

data.c
+ added
+ ***

";
        differs(world, "api", &[], 1, expected).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_variables_take_from_secrets_appears_in_no_diff() {
    in_a_world("diff-variable", async |world| {
        let token = value!({"token": "hunter2"});
        let secret = with(object("v1", "Secret", "vars"), &["stringData"], token);
        world.apply(&secret).await;
        world.fleet.edit("api/settings.yaml", "green", "${token}");
        let commit = world.fleet.push("A variable").await;
        world.follow_fleet().await;
        let mut api = world.kustomization("api");
        let from = value!([{"kind": "Secret", "name": "vars"}]);
        api.set_at(&["spec", "postBuild", "substituteFrom"], from);
        world.apply(&api).await;
        world.applied("api", &commit).await;
        world
            .fleet
            .edit("api/settings.yaml", "${token}", "new-${token}");
        let expected = "\
► ConfigMap/NAMESPACE/api drifted

data.colour
± value change
- *** (before)
+ *** (after)

";
        differs(world, "api", &[], 1, expected).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_of_a_namespace_and_a_kind_that_come_with_them_are_new() {
    in_a_world("diff-new", async |world| {
        world.fleet.write("all/keep.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: keep\n");
        world.fleet.push("All").await;
        let mut kustomization = world.kustomization("all");
        kustomization.remove_at(&["spec", "targetNamespace"]);
        kustomization.set_at(&["spec", "path"], "./none".into());
        world.follow_fleet().await;
        world.apply(&kustomization).await;
        let other = format!("{}-other", world.namespace);
        let manifests = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {other}\n---\napiVersion: v1\nkind: ConfigMap\n\
             metadata:\n  name: keep\n  namespace: {other}\n---\napiVersion: apiextensions.k8s.io/v1\n\
             kind: CustomResourceDefinition\nmetadata:\n  name: things.example.com\nspec:\n  group: example.com\n  \
             scope: Namespaced\n  names: {{kind: Thing, plural: things}}\n  versions:\n    - name: v1\n      \
             served: true\n      storage: true\n      schema: {{openAPIV3Schema: {{type: object}}}}\n---\n\
             apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: one\n  namespace: {other}\n"
        );
        world.fleet.write("all/keep.yaml", &manifests);
        let expected = "\
► Namespace/NAMESPACE-other created
► ConfigMap/NAMESPACE-other/keep created
► CustomResourceDefinition/things.example.com created
► Thing/NAMESPACE-other/one created
";
        differs(world, "all", &[], 1, expected).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_diff_that_fails_tells_every_failure_and_the_rest() {
    in_a_world("diff-bad", async |world| {
        deployed(world, "web").await;
        world.fleet.edit("web/deployment.yaml", "replicas: 2", "replicas: many");
        world.fleet.edit("web/service.yaml", "port: 80", "port: 81");
        let path = path(world, "web");
        let answer = world.try_trueup(&["diff", "ks", "web", &path]).await;
        assert_eq!(answer.code, Some(2), "{answer:?}");
        assert!(answer.out.contains("drifted") && answer.out.contains("+ 81\n"), "{answer:?}");
        assert!(answer.err.contains("✗ Deployment/") && answer.err.contains("dry-run failed"), "{answer:?}");
        let missing = ["diff", "ks", "unknown", &path];
        world
            .tells(
                &missing,
                2,
                "✗ failed to get kustomization object: get Kustomization/NAMESPACE/unknown: \
                 kustomizations.kustomize.toolkit.fluxcd.io \"unknown\" not found\n  hint: `trueup get \
                 all -A` shows what there is, and where\n",
            )
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kustomizations_in_kustomizations_are_compared_too() {
    in_a_world("diff-deep", async |world| {
        let inner = format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: api\n\
             spec:\n  interval: 1h\n  path: ./api\n  prune: true\n  targetNamespace: {}\n  sourceRef:\n    \
             kind: GitRepository\n    name: fleet\n",
            world.namespace
        );
        world.fleet.write("all/api.yaml", &inner);
        let commit = world.fleet.push("All").await;
        deployed(world, "all").await;
        world.applied("api", &commit).await;
        world.fleet.edit("api/settings.yaml", "green", "blue");
        let sources = format!(
            "--local-sources=GitRepository/{}/fleet={}",
            world.namespace,
            world.fleet.folder.display()
        );
        let expected = "\
📁 Kustomization/NAMESPACE/api changed
► ConfigMap/NAMESPACE/api drifted

data.colour
± value change
- green
+ blue

";
        differs(world, "all", &["--recursive", &sources], 1, expected).await;
        differs(world, "all", &[], 0, "").await;
        let build = ["build", "ks", "all", &path(world, "all"), "-r", &sources];
        let built = world.trueup(&build).await.out;
        assert!(built.contains("kind: Kustomization\n") && built.contains("colour: blue\n"), "{built}");
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_builds_without_any_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "ks.txt",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: app\nspec:\n  \
         interval: 1h\n  prune: true\n  namePrefix: my-\n  postBuild:\n    substitute: {colour: red}\n    \
         substituteFrom: [{kind: Secret, name: unread}]\n  sourceRef: {kind: GitRepository, name: fleet}\n",
    );
    write(
        "settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: ${colour}\n  \
         size: ${size:=big}\n",
    );
    write(
        "secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\nstringData:\n  a: ENC[AES256_GCM,data:x]\n\
         sops:\n  mac: ENC[AES256_GCM,data:y]\n",
    );
    write(
        "left.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: left\n",
    );
    let flag = |name: &str, file: &str| format!("--{name}={}", folder.path().join(file).display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command
        .args([
            "build",
            "kustomization",
            "app",
            "--dry-run",
            "--ignore-paths=left.yaml",
        ])
        .args([flag("path", ""), flag("kustomization-file", "ks.txt")])
        .env("HOME", "/nowhere");
    let expected = "\
apiVersion: v1
kind: Secret
metadata:
  labels:
    kustomize.toolkit.fluxcd.io/name: app
    kustomize.toolkit.fluxcd.io/namespace: flux-system
  name: my-token
stringData:
  a: '**SOPS**'
---
apiVersion: v1
data:
  colour: red
  size: big
kind: ConfigMap
metadata:
  labels:
    kustomize.toolkit.fluxcd.io/name: app
    kustomize.toolkit.fluxcd.io/namespace: flux-system
  name: my-settings
---
";
    let answer = run(&mut command, None).await;
    assert_eq!(
        (answer.code, answer.out.as_str()),
        (Some(0), expected),
        "{answer:?}"
    );
    for (flags, expected) in [
        (
            &["--path=/nowhere"][..],
            "✗ /nowhere: No such file or directory",
        ),
        (&["--path=."], "✗ kubeconfig /nowhere/.kube/config"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
        command
            .args(["build", "ks", "app"])
            .args(flags)
            .env("HOME", "/nowhere");
        let answer = run(&mut command, None).await;
        assert_eq!(answer.code, Some(1), "{answer:?}");
        assert!(answer.err.starts_with(expected), "{answer:?}");
    }
}

#[tokio::test]
async fn kustomizations_that_stand_in_each_other_are_built_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, name: &str, path: &str| {
        let text = format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  \
             namespace: flux-system\nspec:\n  interval: 1h\n  prune: true\n  path: {path}\n  sourceRef: \
             {{kind: GitRepository, name: fleet}}\n"
        );
        let file = folder.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("one.txt", "one", "./x");
    write("x/two.yaml", "two", "./y");
    write("y/three.yaml", "three", "./x");
    let shown = |file: &str| folder.path().join(file).display().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command
        .args(["build", "ks", "one", "--dry-run", "--recursive"])
        .arg(format!("--path={}", shown("x")))
        .arg(format!("--kustomization-file={}", shown("one.txt")))
        .arg(format!(
            "--local-sources=GitRepository/flux-system/fleet={}",
            shown("")
        ))
        .env("HOME", "/nowhere");
    let answer = run(&mut command, None).await;
    let names = answer
        .out
        .lines()
        .filter(|line| line.starts_with("  name: "));
    let expected = ["  name: two", "  name: three", "  name: two"];
    assert_eq!(names.collect::<Vec<_>>(), expected, "{answer:?}");
    assert_eq!(answer.code, Some(0), "{answer:?}");
}
