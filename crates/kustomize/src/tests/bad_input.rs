//! What people get wrong, and what the build says about it: the file, the
//! line, and what to do.

use super::{CONFIG, error, path, tree};
use crate::{BuildOptions, LoadRestrictor, build};

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n\
                   spec: {template: {spec: {containers: [{name: web, image: web}]}}}\n";

#[test]
fn every_mistake_is_told_with_its_place() {
    let component =
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: x-\n";
    for (what, files, message) in [
        (
            "a component used as a base",
            vec![
                ("kustomization.yaml", "resources:\n- part\n"),
                ("part/kustomization.yaml", component),
            ],
            "kustomization.yaml:2: part is a Component, expected a Kustomization",
        ),
        (
            "a base used as a component",
            vec![
                ("kustomization.yaml", "components:\n- base\n"),
                ("base/kustomization.yaml", "resources: []\n"),
            ],
            "kustomization.yaml:2: base is a Kustomization, expected a Component",
        ),
        (
            "a patch without a match",
            vec![
                (
                    "kustomization.yaml",
                    "resources: [a.yaml]\npatches:\n- path: p.yaml\n",
                ),
                ("a.yaml", CONFIG),
                ("p.yaml", WEB),
            ],
            "p.yaml:1: no resource matches strategic merge patch Deployment.v1.apps/web.[noNs]: no matches for Id Deployment.v1.apps/web.[noNs]",
        ),
        (
            "a JSON patch that leads nowhere",
            vec![
                (
                    "kustomization.yaml",
                    "resources: [a.yaml]\npatches:\n- target: {kind: ConfigMap}\n  patch: |\n    - op: replace\n      path: /data/x/y\n      value: 1\n",
                ),
                ("a.yaml", CONFIG),
            ],
            "kustomization.yaml:3: patching ConfigMap.v1.[noGrp]/a.[noNs]: ",
        ),
        (
            "a JSON patch without a target",
            vec![
                (
                    "kustomization.yaml",
                    "resources: [a.yaml]\npatches:\n- patch: '[{\"op\": \"remove\", \"path\": \"/data\"}]'\n",
                ),
                ("a.yaml", CONFIG),
            ],
            "kustomization.yaml:3: must specify a target for a JSON patch",
        ),
        (
            "a generator's file that is not there",
            vec![(
                "kustomization.yaml",
                "configMapGenerator:\n- name: a\n  files: [gone.txt]\n",
            )],
            "kustomization.yaml:2: resource \"gone.txt\" does not exist (gone.txt)",
        ),
        (
            "a generator without a name",
            vec![(
                "kustomization.yaml",
                "secretGenerator:\n- literals: [a=b]\n",
            )],
            "kustomization.yaml:2: a Secret must have a name",
        ),
        (
            "a list where a map belongs",
            vec![("kustomization.yaml", "resources: []\ncommonLabels:\n- a\n")],
            "kustomization.yaml:3: expected commonLabels to be a map of texts, found a list",
        ),
        (
            "a list where an object belongs",
            vec![
                ("kustomization.yaml", "resources: [a.yaml]\n"),
                ("a.yaml", "- 1\n"),
            ],
            "a.yaml:1: expected an object, found a list",
        ),
        (
            "a misspelt field of a patch",
            vec![("kustomization.yaml", "patches:\n- file: p.yaml\n")],
            "kustomization.yaml:2: unknown field \"file\"",
        ),
        (
            "a file outside of the root",
            vec![
                ("app/kustomization.yaml", "resources:\n- ../a.yaml\n"),
                ("a.yaml", CONFIG),
            ],
            "app/kustomization.yaml:2: \"../a.yaml\" is a.yaml, which is not in or below app",
        ),
        (
            "charts",
            vec![("kustomization.yaml", "helmCharts:\n- name: x\n")],
            "kustomization.yaml:2: the chart \"x\" lies outside of the source and has not been fetched",
        ),
        (
            "a plugin that is a program",
            vec![
                ("kustomization.yaml", "transformers: [t.yaml]\n"),
                (
                    "t.yaml",
                    "apiVersion: example.com/v1\nkind: Run\nmetadata: {name: x}\n",
                ),
            ],
            "t.yaml:1: example.com/v1/Run is no builtin plugin; others are not run",
        ),
        (
            "a replica count for nobody",
            vec![
                (
                    "kustomization.yaml",
                    "resources: [a.yaml]\nreplicas:\n- {name: web, count: 3}\n",
                ),
                ("a.yaml", CONFIG),
            ],
            "kustomization.yaml:3: resource with name web does not match a config with the following GVK",
        ),
        (
            "a replacement from nothing",
            vec![
                (
                    "kustomization.yaml",
                    "resources: [a.yaml]\nreplacements:\n- source: {kind: Secret, name: s}\n  targets: [{select: {kind: ConfigMap}}]\n",
                ),
                ("a.yaml", CONFIG),
            ],
            "kustomization.yaml:3: nothing selected by Secret.[noVer].[noGrp]/s.[noNs]",
        ),
        (
            "a variable of nothing",
            vec![
                (
                    "kustomization.yaml",
                    "resources: [a.yaml]\nvars:\n- name: X\n  objref: {apiVersion: v1, kind: Secret, name: s}\n",
                ),
                ("a.yaml", CONFIG),
            ],
            "kustomization.yaml:3: var 'X' cannot be mapped to a field in the set of known resources",
        ),
    ] {
        let folder = if files[0].0.starts_with("app/") {
            "app"
        } else {
            "."
        };
        let found = error(&files, folder);
        assert!(
            found.starts_with(message),
            "{what}: {found}\nexpected {message}"
        );
    }
}

#[test]
fn a_reference_that_could_mean_two_objects_is_refused() {
    let two = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: x}\n---\n\
               apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: y}\n---\n\
               apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n\
               roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\n\
               subjects: [{kind: ServiceAccount, name: a}]\n";
    let files = [
        (
            "kustomization.yaml",
            "resources: [a.yaml]\nnamePrefix: p-\n",
        ),
        ("a.yaml", two),
    ];
    let found = error(&files, ".");
    assert!(
        found.contains("found multiple possible referrals"),
        "{found}"
    );
    assert!(found.contains("ServiceAccount.v1.[noGrp]/p-a.x"), "{found}");
}

#[test]
fn a_base_outside_of_the_tree_is_refused_also_by_a_link() {
    let mut files = tree(&[("app/kustomization.yaml", "resources: [base]\n")]);
    files
        .add_symlink(&path("app/base"), "../../elsewhere")
        .unwrap();
    let found = build(&files, &path("app"), None, &BuildOptions::default()).unwrap_err();
    assert_eq!(
        found.to_string(),
        "app/kustomization.yaml:1: resource \"app/base → ../../elsewhere\": path \"../../elsewhere\" leads out of the source"
    );
}

#[test]
fn a_link_within_the_tree_leads_where_it_leads() {
    let mut files = tree(&[
        ("app/kustomization.yaml", "resources: [base, link.yaml]\n"),
        ("shared/kustomization.yaml", "resources: [a.yaml]\n"),
        ("shared/a.yaml", CONFIG),
        ("b.yaml", WEB),
    ]);
    files.add_symlink(&path("app/base"), "../shared").unwrap();
    files
        .add_symlink(&path("app/link.yaml"), "../b.yaml")
        .unwrap();
    let open = BuildOptions {
        load_restrictor: LoadRestrictor::None,
        ..BuildOptions::default()
    };
    assert_eq!(build(&files, &path("app"), None, &open).unwrap().len(), 2);
    let found = build(&files, &path("app"), None, &BuildOptions::default()).unwrap_err();
    assert_eq!(
        found.to_string(),
        "app/kustomization.yaml:1: \"link.yaml\" is b.yaml, which is not in or below app"
    );
}

#[test]
fn links_in_a_circle_end() {
    let mut files = tree(&[("kustomization.yaml", "resources: [a]\n")]);
    files.add_symlink(&path("a"), "b").unwrap();
    files.add_symlink(&path("b"), "a").unwrap();
    let found = build(&files, &path("."), None, &BuildOptions::default()).unwrap_err();
    assert!(
        found.to_string().contains("number of links is 41"),
        "{found}"
    );
}

#[test]
fn a_file_that_is_no_text_or_too_large_is_named() {
    let mut files = tree(&[("kustomization.yaml", "resources: [a.yaml]\n")]);
    files
        .write_file(&path("a.yaml"), vec![0xff, 0xfe, b'x'].into())
        .unwrap();
    let found = build(&files, &path("."), None, &BuildOptions::default()).unwrap_err();
    assert_eq!(found.to_string(), "a.yaml: expected UTF-8 text");

    let large = vec![b'#'; 100 << 20];
    files.write_file(&path("a.yaml"), large.into()).unwrap();
    let found = build(&files, &path("."), None, &BuildOptions::default()).unwrap_err();
    assert_eq!(
        found.to_string(),
        "a.yaml: size in bytes is 104857600, more than the limit of 16777216"
    );
}

#[test]
fn a_hundred_thousand_resources_are_built_or_refused_by_number() {
    let mut text = String::new();
    for number in 0..100_000 {
        text.push_str(&format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number}}}\n---\n"
        ));
    }
    let files = tree(&[
        (
            "kustomization.yaml",
            "resources: [a.yaml]\nnamePrefix: p-\n",
        ),
        ("a.yaml", &text),
    ]);
    let mut options = BuildOptions::default();
    let found = build(&files, &path("."), None, &options).unwrap_err();
    assert!(
        found.to_string().contains("more than 50000 documents"),
        "{found}"
    );
    options.limits.max_objects = 200_000;
    let made = build(&files, &path("."), None, &options).unwrap();
    assert_eq!(made.len(), 100_000);
}

/// Each line holds the one above ten times.
fn laughs() -> String {
    let mut text = String::from("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let items = vec![format!("*l{}", level - 1); 10].join(", ");
        text.push_str(&format!("l{level}: &l{level} [{items}]\n"));
    }
    text
}

/// The limit is reached on the fifth line, and nothing below it is read.
#[test]
fn texts_made_to_explode_are_refused_where_they_do_with_their_file() {
    let (laughs, deep) = (laughs(), format!("a: 1\nb: {}\n", "[".repeat(100_000)));
    for (text, line, reason) in [
        (&laughs, 5, "excessive aliasing"),
        (&deep, 2, "nested more than 128 levels deep"),
    ] {
        let resource = [
            ("kustomization.yaml", "resources: [x.yaml]"),
            ("x.yaml", text),
        ];
        let root = [("kustomization.yaml", text.as_str())];
        let patch = [
            ("kustomization.yaml", "patches: [{path: x.yaml}]"),
            ("x.yaml", text),
        ];
        for (files, file) in [
            (resource.as_slice(), "x.yaml"),
            (patch.as_slice(), "x.yaml"),
            (root.as_slice(), "kustomization.yaml"),
        ] {
            let found = error(files, ".");
            let place = format!("{file}:{line}");
            assert!(found.contains(&place) && found.contains(reason), "{found}");
        }
    }
}
