mod additions;
mod hostile;
mod properties;
mod substitution;

use crate::*;
use bytes::Bytes;
use trueup_artifact::{MemoryTree, TreeError};
use trueup_kustomize::Additions;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

fn tree(files: &[(&str, &str)]) -> MemoryTree {
    MemoryTree::from_files(
        files
            .iter()
            .map(|(path, text)| (*path, text.as_bytes().to_vec())),
    )
    .unwrap()
}

fn path(text: &str) -> TreePath {
    TreePath::parse(text).unwrap()
}

fn request(folder: &str) -> RenderRequest {
    RenderRequest {
        path: folder.into(),
        additions: Additions::default(),
        common_metadata: None,
        substitution: None,
        encrypted: Encrypted::Refused,
        owner_name: "apps".into(),
        owner_namespace: "flux-system".into(),
        limits: Limits::default(),
    }
}

fn in_namespace(name: &str) -> Additions {
    Additions {
        namespace: Some(name.into()),
        ..Additions::default()
    }
}

fn names(rendered: &Rendered) -> Vec<String> {
    rendered
        .manifests
        .iter()
        .map(|it| it.reference().to_string())
        .collect()
}

fn config(name: &str) -> String {
    CONFIG.replace("name: a", &format!("name: {name}"))
}

#[test]
fn a_target_namespace_that_is_no_name_is_refused() {
    let files = tree(&[("a.yaml", CONFIG)]);
    for name in ["Bad_Ns/../x", "a.b", "-", &"x".repeat(64)] {
        let wanted = RenderRequest {
            additions: in_namespace(name),
            ..request("")
        };
        let error = render(&files, &wanted).unwrap_err();
        assert_eq!(error.reason(), trueup_kinds::reason::BUILD_FAILED);
        let said = error.to_string();
        assert!(
            said.starts_with(&format!("spec.targetNamespace {name:?}: ")),
            "{said}"
        );
    }
}

#[test]
fn a_folder_without_a_kustomization_is_all_its_manifests_and_inner_roots() {
    let files = tree(&[
        ("apps/z.yml", &config("z")),
        ("apps/sub/b.yaml", &config("b")),
        ("apps/sub/readme.md", "no manifest"),
        (
            "apps/root/kustomization.yaml",
            "namespace: inner\nresources: [c.yaml]\n",
        ),
        ("apps/root/c.yaml", &config("c")),
        ("apps/root/not-named.yaml", &config("d")),
        (
            "apps/kustomize.yaml",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Thing\nmetadata: {name: x}\n",
        ),
        ("other/broken.yaml", "a: ["),
    ]);
    let rendered = render(&files, &request("./apps/")).unwrap();
    assert_eq!(
        names(&rendered),
        ["ConfigMap/inner/c", "ConfigMap/b", "ConfigMap/z"]
    );
    let labels = rendered.manifests[0].labels().unwrap();
    assert_eq!(
        labels
            .get("kustomize.toolkit.fluxcd.io/name")
            .and_then(|it| it.as_str()),
        Some("apps")
    );
    assert_eq!(
        labels
            .get("kustomize.toolkit.fluxcd.io/namespace")
            .and_then(|it| it.as_str()),
        Some("flux-system")
    );
}

#[test]
fn the_target_namespace_is_set_on_everything() {
    let files = tree(&[
        ("a.yaml", CONFIG),
        (
            "root/kustomization.yaml",
            "namespace: inner\nresources: [b.yaml]\n",
        ),
        ("root/b.yaml", &config("b")),
    ]);
    let request = RenderRequest {
        additions: in_namespace("given"),
        ..request("")
    };
    assert_eq!(
        names(&render(&files, &request).unwrap()),
        ["ConfigMap/given/a", "ConfigMap/given/b"]
    );
}

#[test]
fn what_can_t_be_rendered_names_file_and_cause() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {}\nsops: {mac: x}\n";
    for (files, folder, message, reason) in [
        (
            vec![("a.yaml", CONFIG)],
            "./gone",
            "kustomization path not found: gone",
            "ArtifactFailed",
        ),
        (
            vec![("a.yaml", CONFIG)],
            "a.yaml",
            "kustomization path not found: a.yaml: is not a folder",
            "ArtifactFailed",
        ),
        (
            vec![("a.yaml", CONFIG)],
            "../x",
            "spec.path: path \"../x\" leads out of the source",
            "ArtifactFailed",
        ),
        (
            vec![("a.yaml", "a: [\n")],
            "",
            "a.yaml:1: did not find expected node content",
            "BuildFailed",
        ),
        (
            vec![("values.yaml", "\nreplicas: 2\n")],
            "",
            "values.yaml:2: missing kind in object",
            "BuildFailed",
        ),
        (
            vec![("s.yaml", secret)],
            "",
            "s.yaml:1: Secret/s is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
            "BuildFailed",
        ),
        (
            vec![("a.yaml", CONFIG), ("b/c.yaml", CONFIG)],
            "",
            "b/c.yaml:1: may not add resource with an already registered id: ConfigMap.v1.[noGrp]/a.[noNs] (it is in a.yaml:1)",
            "BuildFailed",
        ),
    ] {
        let error = render(&tree(&files), &request(folder)).unwrap_err();
        assert!(
            error.to_string().starts_with(message),
            "{error}\nexpected {message}"
        );
        assert_eq!(error.reason(), reason, "{message}");
    }
}

#[test]
fn a_link_out_of_the_tree_is_an_error_and_one_within_is_passed_over() {
    let mut files = tree(&[("apps/a.yaml", CONFIG)]);
    files
        .add_symlink(&path("apps/b.yaml"), "../apps/a.yaml")
        .unwrap();
    let rendered = render(&files, &request("apps")).unwrap();
    assert_eq!(names(&rendered), ["ConfigMap/a"]);
    assert_eq!(rendered.diagnostics.len(), 1);
    for target in ["../../etc/passwd", "/etc/passwd"] {
        let mut outside = files.clone();
        outside.add_symlink(&path("apps/c.yaml"), target).unwrap();
        let error = render(&outside, &request("apps")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("apps/c.yaml: symbolic link to {target:?} leads out of the source")
        );
    }
}

/// A tree that fails when a file is read.
#[derive(Debug)]
struct Unreadable(MemoryTree);

impl FileTree for Unreadable {
    fn entry(&self, path: &TreePath) -> Result<Option<Entry>, TreeError> {
        self.0.entry(path)
    }

    fn list(&self, path: &TreePath) -> Result<Vec<(String, Entry)>, TreeError> {
        self.0.list(path)
    }

    fn read(&self, path: &TreePath) -> Result<Bytes, TreeError> {
        panic!("{path} was read")
    }
}

fn monorepo() -> MemoryTree {
    tree(&[
        (
            "apps/web/kustomization.yaml",
            "resources: [../../base, web.yaml]\n",
        ),
        ("apps/web/web.yaml", &config("web")),
        ("apps/web/notes.txt", "x"),
        ("base/kustomization.yaml", "resources: [base.yaml]\n"),
        ("base/base.yaml", &config("base")),
        ("base/unused.yaml", &config("unused")),
        ("plain/a.yaml", CONFIG),
        ("plain/sub/b.yaml", &config("b")),
        ("plain/sub/readme.md", "x"),
        ("other/x.yaml", &config("x")),
    ])
}

type Change = (&'static str, Option<&'static str>);

fn unchanged_after(folder: &str, (file, content): Change) -> bool {
    let before = monorepo();
    let outcome = render_tracked(&before, &request(folder), Answers::none());
    assert!(outcome.result.is_ok());
    let mut after = before.clone();
    match content {
        Some(text) => after
            .write_file(&path(file), Bytes::from_static(text.as_bytes()))
            .unwrap(),
        None => assert!(after.remove(&path(file))),
    }
    inputs_unchanged(&Unreadable(after), Answers::none(), &outcome.inputs).unwrap()
}

#[test]
fn a_commit_elsewhere_changes_no_input() {
    for change in [
        ("other/x.yaml", Some("y")),
        ("apps/web/notes.txt", Some("y")),
        ("base/unused.yaml", None),
        ("apps/new/a.yaml", Some("y")),
    ] {
        assert!(unchanged_after("apps/web", change), "{change:?}");
    }
    for change in [
        ("plain/sub/readme.md", Some("y")),
        ("base/base.yaml", Some("y")),
        ("new.yaml", Some("y")),
    ] {
        assert!(unchanged_after("plain", change), "{change:?}");
    }
}

#[test]
fn a_commit_that_could_matter_changes_an_input() {
    for change in [
        ("apps/web/web.yaml", Some("y")),
        ("apps/web/web.yaml", None),
        ("base/base.yaml", Some("y")),
        ("base/kustomization.yaml", Some("resources: []")),
        ("base/Kustomization", Some("resources: []")),
        ("base/kustomization.yaml", None),
    ] {
        assert!(!unchanged_after("apps/web", change), "{change:?}");
    }
    for change in [
        ("plain/a.yaml", Some("y")),
        ("plain/new.yaml", Some("y")),
        ("plain/sub/deeper/new.yaml", Some("y")),
        ("plain/sub/b.yaml", None),
        ("plain/kustomization.yaml", Some("resources: []")),
        ("plain/sub/kustomization.yml", Some("resources: []")),
    ] {
        assert!(!unchanged_after("plain", change), "{change:?}");
    }
}

#[test]
fn a_failed_render_has_inputs_too() {
    let broken = tree(&[("apps/a.yaml", "a: [\n")]);
    let outcome = render_tracked(&broken, &request("apps"), Answers::none());
    assert!(outcome.result.is_err());
    assert!(inputs_unchanged(&broken, Answers::none(), &outcome.inputs).unwrap());
    let mut mended = broken.clone();
    mended
        .write_file(&path("apps/a.yaml"), Bytes::from_static(CONFIG.as_bytes()))
        .unwrap();
    assert!(!inputs_unchanged(&mended, Answers::none(), &outcome.inputs).unwrap());
    let missing = render_tracked(&broken, &request("gone/deeper"), Answers::none());
    let mut made = broken.clone();
    made.write_file(
        &path("gone/deeper/a.yaml"),
        Bytes::from_static(CONFIG.as_bytes()),
    )
    .unwrap();
    assert!(inputs_unchanged(&broken, Answers::none(), &missing.inputs).unwrap());
    assert!(!inputs_unchanged(&made, Answers::none(), &missing.inputs).unwrap());
}

#[test]
fn the_digest_is_that_of_the_objects_in_whatever_order() {
    let one = render(
        &tree(&[("a.yaml", CONFIG), ("b.yaml", &config("b"))]),
        &request(""),
    )
    .unwrap();
    let other = render(
        &tree(&[("y.yaml", CONFIG), ("x.yaml", &config("b"))]),
        &request(""),
    )
    .unwrap();
    let third = render(&tree(&[("a.yaml", CONFIG)]), &request("")).unwrap();
    assert_eq!(digest(&one.manifests), digest(&other.manifests));
    assert_ne!(digest(&one.manifests), digest(&third.manifests));
}
