use crate::{BuildError, Limits, build, build_resources};
use trueup_artifact::{MemoryTree, TreePath};
use trueup_object::{Value, to_yaml};

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
    let build = build(&tree(files), &path(folder), None, &Limits::default()).unwrap();
    build
        .manifests
        .iter()
        .map(|it| it.reference().to_string())
        .collect()
}

fn error(files: &[(&str, &str)], folder: &str) -> String {
    build(&tree(files), &path(folder), None, &Limits::default())
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
    let build = build(&tree(&files), &path("app"), None, &Limits::default()).unwrap();
    let names: Vec<String> = build
        .manifests
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
    let subjects = build.manifests[1]
        .value
        .get("subjects")
        .and_then(Value::as_list)
        .unwrap();
    let spaces: Vec<Option<&str>> = subjects
        .iter()
        .map(|it| it.str_at(&["namespace"]))
        .collect();
    assert_eq!(spaces, [Some("outer"), Some("outer"), Some("elsewhere")]);
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
    let build = build(&tree(&files), &path("."), Some("given"), &Limits::default()).unwrap();
    assert_eq!(build.manifests[0].namespace(), "given");
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
            "kustomization.yaml: names no resources",
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
            "kustomization.yaml:2: field \"patches\" of kustomize is not served by this version of Trueup; it serves resources and namespace",
        ),
        (
            vec![("kustomization.yaml", "kind: Component\n")],
            "kustomization.yaml:1: expected kind to be \"Kustomization\", found \"Component\"",
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
            "kustomization.yaml:2: resource \"https://example.com/x.yaml\" is remote; only files and folders of the source are built",
        ),
        (
            vec![(
                "kustomization.yaml",
                "resources:\n- github.com/a/b?ref=v1\n",
            )],
            "kustomization.yaml:2: resource \"github.com/a/b?ref=v1\" is remote; only files and folders of the source are built",
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
            "a.yaml:1: unclosed bracket",
        ),
        (
            vec![
                ("kustomization.yaml", "resources: [a.yaml, b.yaml]\n"),
                ("a.yaml", CONFIG),
                ("b.yaml", CONFIG),
            ],
            "ConfigMap/a is there twice in one build: a.yaml:1 and b.yaml:1",
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
        "ConfigMap/a is there twice in one build: c/x.yaml:1 and c/x.yaml:1"
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
        "ConfigMap/z/a is there twice in one build: a.yaml:1 and a.yaml:5, once their namespace is set"
    );
}

#[test]
fn links_are_named_not_followed() {
    let mut with_link = tree(&[("kustomization.yaml", "resources: [link.yaml]\n")]);
    with_link
        .add_symlink(&path("link.yaml"), "/etc/passwd")
        .unwrap();
    let found = build(&with_link, &path("."), None, &Limits::default())
        .unwrap_err()
        .to_string();
    assert_eq!(
        found,
        "link.yaml: is a symbolic link to \"/etc/passwd\", and links are not followed"
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
            "a.yaml:1: more than 0 objects in one file",
        ),
    ] {
        let found = build(&tree(&files), &path("."), None, &limits)
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
    let resources = [path("app/a.yaml"), path("app/sub")];
    let made = build_resources(
        &files,
        &path("app"),
        &resources,
        Some("x"),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(
        made.manifests
            .iter()
            .map(|it| it.namespace())
            .collect::<Vec<_>>(),
        ["x", "x"]
    );
    assert!(matches!(
        build_resources(
            &files,
            &path("app"),
            &[path("app/gone")],
            None,
            &Limits::default()
        ),
        Err(BuildError::Tree(_))
    ));
}

mod recorded {
    //! Builds of the genuine engine that need no more than is served.

    use super::*;
    use trueup_object::{from_json, from_yaml};

    /// Cases whose outcome differs on purpose, and why.
    const DIFFERENT: [(&str, &str); 4] = [
        (
            "TestDuplicateKeys",
            "a key that a map has twice is refused, not passed over",
        ),
        (
            "TestCustomOpenApiFieldDefaultVersion",
            "needs a version of the built-in types",
        ),
        (
            "TestBlankNamespace4240",
            "a blank namespace is no error of ours",
        ),
        (
            "TestNamedspacedServiceAccountsWithOverlap",
            "a subject is looked up in its own root first",
        ),
    ];

    #[expect(
        clippy::disallowed_methods,
        reason = "recorded cases are read in tests"
    )]
    fn cases() -> Option<Vec<Value>> {
        let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
        let shared = std::env::var("TRUEUP_SHARED").unwrap_or_else(|_| default.to_owned());
        let bytes = std::fs::read(format!("{shared}/kustomize/builds.jsonl.gz")).ok()?;
        let mut text = String::new();
        std::io::Read::read_to_string(
            &mut flate2::read::GzDecoder::new(bytes.as_slice()),
            &mut text,
        )
        .unwrap();
        Some(
            text.lines()
                .map(|line| from_json(line.as_bytes()).unwrap())
                .collect(),
        )
    }

    fn served(case: &Value) -> bool {
        let is_root = |name: &str| {
            crate::FILE_NAMES
                .iter()
                .any(|it| name.rsplit('/').next() == Some(it))
        };
        case.get("files")
            .unwrap()
            .as_map()
            .unwrap()
            .iter()
            .filter(|(name, _)| is_root(name))
            .all(|(_, text)| {
                let Ok(file) = from_yaml(text.as_str().unwrap()) else {
                    return false;
                };
                let known = ["apiVersion", "kind", "metadata", "resources", "namespace"];
                file.as_map()
                    .is_some_and(|map| map.keys().all(|key| known.contains(&key.as_str())))
            })
    }

    fn outcome(case: &Value) -> Result<Vec<Value>, String> {
        let mut files = MemoryTree::new();
        for (name, text) in case.get("files").unwrap().as_map().unwrap() {
            let text = text.as_str().unwrap().as_bytes().to_vec();
            files
                .add_file(&path(name.trim_start_matches('/')), text.into())
                .unwrap();
        }
        let folder = path(case.str_at(&["path"]).unwrap().trim_start_matches('/'));
        let made =
            build(&files, &folder, None, &Limits::default()).map_err(|error| error.to_string())?;
        Ok(made.manifests.into_iter().map(|it| it.value).collect())
    }

    fn sorted(mut texts: Vec<String>, case: &Value) -> Vec<String> {
        if case.str_at(&["reorder"]) != Some("none") {
            texts.sort();
        }
        texts
    }

    #[test]
    fn builds_equal_those_of_the_genuine_engine() {
        let Some(cases) = cases() else {
            println!("skipped: kustomize builds: kustomize/builds.jsonl.gz is missing");
            return;
        };
        let (mut ran, mut wrong) = (0, Vec::new());
        for case in cases.iter().filter(|case| served(case)) {
            let name = case.str_at(&["name"]).unwrap_or("");
            if DIFFERENT.iter().any(|(different, _)| name == *different) {
                continue;
            }
            ran += 1;
            match (outcome(case), case.str_at(&["output"])) {
                (Ok(made), Some(output)) => {
                    let documents = trueup_yaml::parse(output).unwrap();
                    let expected = documents.into_iter().filter(|it| !it.root.is_null());
                    let expected = expected
                        .map(|it| to_yaml(&Value::from_yaml(it.root)))
                        .collect();
                    let made = made.iter().map(to_yaml).collect();
                    if sorted(made, case) != sorted(expected, case) {
                        wrong.push(format!("{name}: another output"));
                    }
                }
                (Err(_), None) => {}
                // Names that Kubernetes would refuse are refused at once.
                (Err(error), Some(_)) if error.contains("metadata.name: ") => {}
                (made, _) => wrong.push(format!(
                    "{name}: {made:?}, expected {:?}",
                    case.get("error")
                )),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        println!(
            "recorded cases: kustomize builds: {ran} ran, {} skipped (fields not served yet)",
            cases.len() - ran
        );
        assert!(ran > 15);
    }
}
