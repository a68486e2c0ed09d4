mod bad_input;
mod elsewhere;
mod growth;
mod recorded;
mod roots;
mod tables;
mod urls;
mod work;

use crate::{Additions, Answers, BuildError, BuildOptions, Limits, Root, build, build_tracked};
use trueup_artifact::{MemoryTree, TreePath};
use trueup_object::Value;

fn in_namespace(name: &str) -> Additions {
    Additions {
        namespace: Some(name.into()),
        ..Additions::default()
    }
}

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

fn names(files: &[(&str, &str)], folder: &str) -> Vec<String> {
    let build = build(&tree(files), &path(folder), None, &BuildOptions::default()).unwrap();
    build
        .manifests()
        .unwrap()
        .iter()
        .map(|it| it.reference().to_string())
        .collect()
}

fn error(files: &[(&str, &str)], folder: &str) -> String {
    build(&tree(files), &path(folder), None, &BuildOptions::default())
        .unwrap_err()
        .to_string()
}

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";
const ACCOUNT: &str = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: runner}\n";

#[test]
fn files_and_folders_are_built_in_the_order_in_which_they_are_named() {
    let files = [
        (
            "base/kustomization.yml",
            "resources: [deeper/../account.yaml]\n",
        ),
        ("base/account.yaml", ACCOUNT),
        (
            "app/Kustomization",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- config.yaml\n- ../base\n",
        ),
        ("app/config.yaml", CONFIG),
        ("app/ignored.yaml", "not an object"),
    ];
    assert_eq!(
        names(&files, "app"),
        ["ConfigMap/a", "ServiceAccount/runner"]
    );
}

#[test]
fn the_outer_namespace_wins_and_references_follow() {
    let binding = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: b}\n\
                   roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\nsubjects:\n\
                   - {kind: ServiceAccount, name: runner, namespace: inner}\n\
                   - {kind: ServiceAccount, name: default}\n\
                   - {kind: ServiceAccount, name: stranger, namespace: elsewhere}\n";
    let files = [
        (
            "base/kustomization.yaml",
            "namespace: inner\nresources: [all.yaml]\n",
        ),
        (
            "base/all.yaml",
            &format!(
                "{ACCOUNT}---\n{binding}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: x}}\n"
            ),
        ),
        (
            "app/kustomization.yaml",
            "namespace: outer\nresources: [../base]\n",
        ),
    ];
    let build = build(&tree(&files), &path("app"), None, &BuildOptions::default()).unwrap();
    let manifests = build.manifests().unwrap();
    let names: Vec<String> = manifests
        .iter()
        .map(|it| it.reference().to_string())
        .collect();
    assert_eq!(
        names,
        [
            "ServiceAccount/outer/runner",
            "ClusterRoleBinding/b",
            "Namespace/outer"
        ]
    );
    let subjects = manifests[1]
        .value
        .get("subjects")
        .and_then(Value::as_list)
        .unwrap();
    let spaces: Vec<Option<&str>> = subjects
        .iter()
        .map(|it| it.str_at(&["namespace"]))
        .collect();
    // As kustomize: a subject is found by where its account was first or is now.
    assert_eq!(spaces, [Some("inner"), Some("outer"), Some("elsewhere")]);
}

#[test]
fn an_override_takes_the_place_of_the_root_s_own_namespace() {
    let files = [
        (
            "kustomization.yaml",
            "namespace: own\nresources: [a.yaml]\n",
        ),
        ("a.yaml", CONFIG),
    ];
    let build = build(
        &tree(&files),
        &path("."),
        Some(&in_namespace("given")),
        &BuildOptions::default(),
    )
    .unwrap();
    assert_eq!(build.manifests().unwrap()[0].namespace(), "given");
}

#[test]
fn what_can_t_be_built_is_refused_with_file_and_line() {
    for (files, message) in [
        (
            vec![("x.yaml", CONFIG)],
            ".: no kustomization.yaml, kustomization.yml or Kustomization in this folder",
        ),
        (
            vec![("kustomization.yaml", ""), ("Kustomization", "")],
            ".: more than one kustomization file: kustomization.yaml, Kustomization",
        ),
        (
            vec![("kustomization.yaml", "# nothing\n")],
            "kustomization.yaml: is empty, expected a kustomization",
        ),
        (
            vec![("kustomization.yaml", "kind: Kustomization\n")],
            "kustomization.yaml:1: kustomization is empty: it names nothing to build",
        ),
        (
            vec![("kustomization.yaml", "kind: Kustomization\nresorces: []\n")],
            "kustomization.yaml:2: unknown field \"resorces\", did you mean \"resources\"?",
        ),
        (
            vec![(
                "kustomization.yaml",
                "resources: []\npatches:\n- path: a.yaml\n",
            )],
            "kustomization.yaml:3: resource \"a.yaml\" does not exist (a.yaml)",
        ),
        (
            vec![("kustomization.yaml", "kind: Component\n")],
            "kustomization.yaml:1: kustomization is empty: it names nothing to build",
        ),
        (
            vec![
                (
                    "kustomization.yaml",
                    "resources: [x.yaml]\nreplacements:\n- source: {kind: ConfigMap, name: a}\n  targets:\n  - select: {kind: ConfigMap}\n    fieldPaths: [spec.items.*.image]\n    options: {create: true}\n",
                ),
                ("x.yaml", CONFIG),
            ],
            "kustomization.yaml:3: field \"spec.items.*.image\" of replacement target ConfigMap.v1.[noGrp]/a.[noNs]: expected a list, found a map",
        ),
        (
            vec![("kustomization.yaml", "resources: a.yaml\n")],
            "kustomization.yaml:1: expected resources to be a list, found a text",
        ),
        (
            vec![("kustomization.yaml", "resources:\n- gone.yaml\n")],
            "kustomization.yaml:2: resource \"gone.yaml\" does not exist (gone.yaml)",
        ),
        (
            vec![(
                "kustomization.yaml",
                "resources:\n- https://example.com/x.yaml\n",
            )],
            "kustomization.yaml:2: the file https://example.com/x.yaml lies outside of the source and has not been fetched",
        ),
        (
            vec![(
                "kustomization.yaml",
                "resources:\n- github.com/a/b?ref=v1\n",
            )],
            "kustomization.yaml:2: the Git repository https://github.com/a/b?ref=v1 lies outside of the source and has not been fetched",
        ),
        (
            vec![("kustomization.yaml", "resources:\n- ../../x.yaml\n")],
            "kustomization.yaml:2: resource \"../../x.yaml\": path \"../../x.yaml\" leads out of the source",
        ),
        (
            vec![
                ("kustomization.yaml", "resources: [a.yaml]\n"),
                ("a.yaml", "a: [\n"),
            ],
            "a.yaml:1: did not find expected node content",
        ),
        (
            vec![
                ("kustomization.yaml", "resources: [a.yaml, b.yaml]\n"),
                ("a.yaml", CONFIG),
                ("b.yaml", CONFIG),
            ],
            "b.yaml:1: may not add resource with an already registered id: ConfigMap.v1.[noGrp]/a.[noNs] (it is in a.yaml:1)",
        ),
    ] {
        let found = error(&files, ".");
        assert!(found.starts_with(message), "{found}\nexpected {message}");
    }
}

#[test]
fn an_unserved_field_that_says_nothing_is_passed_over() {
    let files = [
        (
            "kustomization.yaml",
            "resources: [a.yaml]\npatches: []\nnamePrefix: ''\nmetadata: {name: x}\n",
        ),
        ("a.yaml", CONFIG),
    ];
    assert_eq!(names(&files, "."), ["ConfigMap/a"]);
}

#[test]
fn roots_that_lead_back_are_named_in_order() {
    let files = [
        ("a/kustomization.yaml", "resources: [../b]\n"),
        ("b/kustomization.yaml", "resources: [../c]\n"),
        ("c/kustomization.yaml", "resources: [../b]\n"),
    ];
    assert_eq!(
        error(&files, "a"),
        "kustomization roots form a cycle: b → c → b"
    );
}

#[test]
fn the_same_base_twice_is_two_objects_of_one_name() {
    let files = [
        ("a/kustomization.yaml", "resources: [../c, ../b]\n"),
        ("b/kustomization.yaml", "resources: [../c]\n"),
        ("c/kustomization.yaml", "resources: [x.yaml]\n"),
        ("c/x.yaml", CONFIG),
    ];
    assert_eq!(
        error(&files, "a"),
        "c/x.yaml:1: may not add resource with an already registered id: ConfigMap.v1.[noGrp]/a.[noNs] (it is in c/x.yaml:1)"
    );
}

#[test]
fn a_namespace_that_makes_two_objects_one_is_refused() {
    let two = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: x}\n---\n\
               apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: y}\n";
    let files = [
        ("kustomization.yaml", "namespace: z\nresources: [a.yaml]\n"),
        ("a.yaml", two),
    ];
    assert_eq!(
        error(&files, "."),
        "a.yaml:5: namespace transformation produces ID conflict: ConfigMap.v1.[noGrp]/a.z is also in a.yaml:1"
    );
}

#[test]
fn links_that_lead_out_of_the_tree_are_refused() {
    let mut with_link = tree(&[("kustomization.yaml", "resources: [link.yaml]\n")]);
    with_link
        .add_symlink(&path("link.yaml"), "/etc/passwd")
        .unwrap();
    let found = build(&with_link, &path("."), None, &BuildOptions::default())
        .unwrap_err()
        .to_string();
    assert_eq!(
        found,
        "kustomization.yaml:1: resource \"link.yaml → /etc/passwd\": path \"/etc/passwd\" is absolute, expected one relative to the root of the source"
    );
}

#[test]
fn limits_are_named() {
    let files = [
        ("kustomization.yaml", "resources: [a.yaml]\n"),
        ("a.yaml", CONFIG),
    ];
    for (limits, part) in [
        (
            Limits {
                max_file_bytes: 30,
                ..Limits::default()
            },
            "a.yaml: size in bytes is 51, more than the limit of 30",
        ),
        (
            Limits {
                max_files: 1,
                ..Limits::default()
            },
            "a.yaml: number of files is 2, more than the limit of 1",
        ),
        (
            Limits {
                max_total_bytes: 60,
                ..Limits::default()
            },
            "a.yaml: size of all files in bytes is 71",
        ),
        (
            Limits {
                max_objects: 0,
                ..Limits::default()
            },
            "a.yaml: number of objects is 1, more than the limit of 0",
        ),
    ] {
        let found = build(
            &tree(&files),
            &path("."),
            None,
            &BuildOptions {
                limits,
                ..BuildOptions::default()
            },
        )
        .unwrap_err()
        .to_string();
        assert!(found.starts_with(part), "{found}");
    }
}

#[test]
fn a_root_in_thought_is_built_like_a_written_one() {
    let files = tree(&[
        ("app/a.yaml", CONFIG),
        ("app/sub/kustomization.yaml", "resources: [b.yaml]\n"),
        ("app/sub/b.yaml", ACCOUNT),
    ]);
    let of = |resources: &[TreePath], additions: Option<&Additions>| {
        let folder = &path("app");
        let root = Root::Resources { folder, resources };
        let options = BuildOptions::default();
        build_tracked(&files, root, additions, &options, Answers::none()).result
    };
    let resources = [path("app/a.yaml"), path("app/sub")];
    let made = of(&resources, Some(&in_namespace("x"))).unwrap();
    assert_eq!(
        made.manifests()
            .unwrap()
            .iter()
            .map(|it| it.namespace())
            .collect::<Vec<_>>(),
        ["x", "x"]
    );
    assert!(matches!(
        of(&[path("app/gone")], None),
        Err(BuildError::Missing { .. })
    ));
}
