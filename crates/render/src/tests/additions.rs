//! What a specification adds to the kustomization file.

use super::{config, names, path, tree};
use crate::*;
use trueup_artifact::MemoryTree;
use trueup_kinds::{Kustomization, Resource};
use trueup_object::Value;

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  template:
    spec:
      containers:
        - {name: web, image: 'web:1'}
        - {name: side, image: 'side:1'}
";

/// The request of a Kustomization with this `spec`, given as YAML.
fn spec(text: &str) -> RenderRequest {
    let text = format!(
        "metadata: {{name: apps, namespace: flux-system}}\nspec:\n  interval: 1m\n  prune: true\n  sourceRef: {{kind: GitRepository, name: fleet}}\n{}",
        text.lines()
            .map(|line| format!("  {line}\n"))
            .collect::<String>()
    );
    let object = trueup_object::from_yaml(&text).unwrap();
    RenderRequest::of(&Kustomization::read(&object).unwrap())
}

fn rendered(files: &MemoryTree, text: &str) -> Rendered {
    render(files, &spec(text)).unwrap_or_else(|error| panic!("{error}"))
}

fn images(rendered: &Rendered) -> Vec<String> {
    let containers = rendered.manifests[0]
        .value
        .at(&["spec", "template", "spec", "containers"]);
    let containers = containers.and_then(Value::as_list).unwrap();
    containers
        .iter()
        .map(|it| it.str_at(&["image"]).unwrap().to_owned())
        .collect()
}

#[test]
fn names_and_namespace_of_the_file_are_replaced() {
    let files = tree(&[
        (
            "kustomization.yaml",
            "namePrefix: a-\nnameSuffix: -z\nnamespace: own\nresources: [a.yaml]\n",
        ),
        ("a.yaml", &config("a")),
    ]);
    let rendered = rendered(
        &files,
        "namePrefix: p-\nnameSuffix: -s\ntargetNamespace: given",
    );
    assert_eq!(names(&rendered), ["ConfigMap/given/p-a-s"]);
}

#[test]
fn patches_come_behind_those_of_the_file() {
    let files = tree(&[
        (
            "kustomization.yaml",
            "resources: [a.yaml]\npatches:\n  - target: {kind: Deployment}\n    patch: '[{op: add, path: /metadata/labels/x, value: file}]'\n",
        ),
        ("a.yaml", DEPLOYMENT),
    ]);
    let rendered = rendered(
        &files,
        "patches:
  - target: {kind: Deploy.*, labelSelector: app=web}
    patch: |
      - {op: replace, path: /metadata/labels/x, value: spec}
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec: {replicas: 3}",
    );
    let deployment = &rendered.manifests[0].value;
    assert_eq!(
        deployment.str_at(&["metadata", "labels", "x"]),
        Some("spec")
    );
    assert_eq!(deployment.i64_at(&["spec", "replicas"]), Some(3));
}

#[test]
fn a_bad_patch_is_named_by_its_field() {
    let files = tree(&[("a.yaml", DEPLOYMENT)]);
    for (patch, said) in [
        (
            "- patch: '[{op: remove, path: /spec/gone}]'\n    target: {kind: Deployment}",
            "spec.patches[0]",
        ),
        ("- patch: 'a: ['", "spec.patches[0]"),
        (
            "- patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: gone}}'",
            "spec.patches[0]",
        ),
    ] {
        let error = render(&files, &spec(&format!("patches:\n  {patch}"))).unwrap_err();
        assert_eq!(error.reason(), trueup_kinds::reason::BUILD_FAILED);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn images_are_merged_by_name_tag_and_digest_as_one() {
    let files = tree(&[
        (
            "kustomization.yaml",
            "resources: [a.yaml]\nimages:\n  - {name: web, newName: registry/web, newTag: '2'}\n  - {name: side, digest: 'sha256:aa'}\n",
        ),
        ("a.yaml", DEPLOYMENT),
    ]);
    let merged = rendered(
        &files,
        "images:\n  - {name: web, newTag: '3'}\n  - {name: side, newName: other, newTag: '4'}\n  - {name: unknown, newTag: '5'}",
    );
    assert_eq!(images(&merged), ["registry/web:3", "other:4"]);
    let renamed = rendered(&files, "images:\n  - {name: web, newName: mirror/web}");
    assert_eq!(images(&renamed), ["mirror/web:2", "side@sha256:aa"]);
}

#[test]
fn components_are_folders_below_or_beside_the_path() {
    let files = tree(&[
        ("apps/a.yaml", &config("a")),
        (
            "extra/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [b.yaml]\nnamespace: extra\n",
        ),
        ("extra/b.yaml", &config("b")),
    ]);
    let with = rendered(&files, "path: ./apps\ncomponents: [../extra]");
    assert_eq!(names(&with), ["ConfigMap/extra/a", "ConfigMap/extra/b"]);
    let error = render(&files, &spec("path: ./apps\ncomponents: [../gone]")).unwrap_err();
    assert!(
        error.to_string().starts_with("spec.components[0]: "),
        "{error}"
    );
    let passed =
        "path: ./apps\nignoreMissingComponents: true\ncomponents: [../gone, ../../up, ../extra]";
    assert_eq!(names(&rendered(&files, passed)).len(), 2);
    for component in [
        "/extra",
        "https://example.com/extra",
        "git@example.com:x/y",
        "file:///x",
    ] {
        let text =
            format!("path: ./apps\nignoreMissingComponents: true\ncomponents: ['{component}']");
        assert_eq!(
            render(&files, &spec(&text)).unwrap_err().to_string(),
            format!("spec.components[0]: component path '{component}' must be local and relative")
        );
    }
}

#[test]
fn a_missing_component_that_comes_later_changes_an_input() {
    let files = tree(&[("apps/a.yaml", &config("a"))]);
    let request = spec("path: ./apps\nignoreMissingComponents: true\ncomponents: [../extra]");
    let outcome = render_tracked(&files, &request, Answers::none());
    assert!(inputs_unchanged(&files, Answers::none(), &outcome.inputs).unwrap());
    let mut later = files.clone();
    let component =
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: x-\n";
    later
        .write_file(
            &path("extra/kustomization.yaml"),
            component.as_bytes().to_vec().into(),
        )
        .unwrap();
    assert!(!inputs_unchanged(&later, Answers::none(), &outcome.inputs).unwrap());
}

#[test]
fn origins_and_transformers_are_written_where_asked_for() {
    let files = tree(&[("apps/a.yaml", &config("a"))]);
    let rendered = rendered(
        &files,
        "path: apps\nnamePrefix: p-\nbuildMetadata: [originAnnotations, transformerAnnotations]",
    );
    let annotation = |key: &str| rendered.manifests[0].annotation(key).map(str::to_owned);
    assert_eq!(
        annotation("config.kubernetes.io/origin").as_deref(),
        Some("path: a.yaml\n")
    );
    let transformers = annotation("alpha.config.kubernetes.io/transformations").unwrap();
    assert!(
        transformers.contains("configuredIn: kustomization.yaml"),
        "{transformers}"
    );
    assert!(
        transformers.contains("kind: PrefixTransformer"),
        "{transformers}"
    );
}

#[test]
fn a_file_without_resources_asks_for_origins_as_in_flux() {
    let files = tree(&[(
        "kustomization.yaml",
        "configMapGenerator:\n  - {name: made, literals: [a=b]}\ngeneratorOptions: {disableNameSuffixHash: true}\n",
    )]);
    let origin = "config.kubernetes.io/origin";
    let made = rendered(&files, "");
    assert_eq!(
        made.manifests[0].annotation(origin),
        Some(
            "configuredIn: kustomization.yaml\nconfiguredBy:\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n"
        )
    );
    let other = rendered(&files, "buildMetadata: [transformerAnnotations]");
    assert_eq!(other.manifests[0].annotation(origin), None);
}

#[test]
fn a_folder_or_a_file_that_holds_nothing_is_a_build_of_nothing() {
    let mut empty = MemoryTree::new();
    empty.add_directory(&path("apps")).unwrap();
    assert_eq!(
        rendered(&empty, "path: ./apps\nnamePrefix: x-").manifests,
        []
    );
    for text in ["", "---\n", "kind: Kustomization\n", "resources: []\n"] {
        let files = tree(&[
            ("apps/kustomization.yaml", text),
            ("apps/a.yaml", &config("a")),
        ]);
        assert_eq!(rendered(&files, "path: ./apps").manifests, [], "{text:?}");
    }
}

#[test]
fn common_metadata_goes_on_every_object_and_no_further() {
    let files = tree(&[("a.yaml", DEPLOYMENT), ("b.yaml", &config("b"))]);
    let rendered = rendered(
        &files,
        "commonMetadata:\n  labels: {app: other, team: x, 'kustomize.toolkit.fluxcd.io/name': stolen}\n  annotations: {note: y}",
    );
    for manifest in &rendered.manifests {
        let label = |key: &str| manifest.value.str_at(&["metadata", "labels", key]);
        assert_eq!((label("app"), label("team")), (Some("other"), Some("x")));
        assert_eq!(label("kustomize.toolkit.fluxcd.io/name"), Some("apps"));
        assert_eq!(manifest.annotation("note"), Some("y"));
    }
    let template = ["spec", "template", "metadata"];
    assert_eq!(rendered.manifests[0].value.at(&template), None);
}
