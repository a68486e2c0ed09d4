//! Roots and files from outside of the tree.

use super::{CONFIG, path, tree};
use crate::{
    Answer, Answers, AskedNeed, Build, BuildError, BuildOptions, Inputs, LoadRestrictor, Need,
    Outcome, RemoteRoot, Root, build_tracked, inputs_unchanged,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use trueup_artifact::MemoryTree;

type Files<'a> = &'a [(&'a str, &'a str)];

/// What there is outside: repositories by URL and reference, files by URL.
#[derive(Default)]
struct World<'a> {
    repositories: BTreeMap<&'a str, Files<'a>>,
    files: BTreeMap<&'a str, &'a str>,
}

impl World<'_> {
    fn answer(&self, need: &Need) -> Answer {
        let failed = |why: &str| Answer::Failed(why.to_owned());
        match need {
            Need::Repository(repository) => {
                match self.repositories.get(repository.to_string().as_str()) {
                    Some(files) => Answer::Tree(Arc::new(tree(files))),
                    None => failed("no such repository"),
                }
            }
            Need::File { url } => match self.files.get(url.as_str()) {
                Some(text) => Answer::Bytes(text.as_bytes().to_vec().into()),
                None => failed("HTTP status 404"),
            },
            Need::Chart(_) => failed("no charts"),
        }
    }

    /// Builds until nothing is asked for; the needs of each round.
    fn build(&self, files: Files<'_>, folder: &str) -> (Outcome, Answers, Vec<Vec<Need>>) {
        let (source, mut answers, mut rounds) = (tree(files), Answers::default(), Vec::new());
        loop {
            let outcome = run(&source, folder, &answers);
            let Err(BuildError::NeedsInput { needs }) = &outcome.result else {
                return (outcome, answers, rounds);
            };
            assert!(!needs.is_empty());
            for AskedNeed { need, .. } in needs {
                assert!(answers.get(need).is_none(), "{need} is asked for twice");
                answers.insert(need.clone(), self.answer(need));
            }
            rounds.push(needs.iter().map(|asked| asked.need.clone()).collect());
        }
    }

    fn built(&self, files: Files<'_>) -> String {
        text(&self.build(files, "").0.result.unwrap())
    }

    fn refused(&self, files: Files<'_>) -> String {
        self.build(files, "").0.result.unwrap_err().to_string()
    }
}

fn run(source: &MemoryTree, folder: &str, answers: &Answers) -> Outcome {
    let options = BuildOptions {
        load_restrictor: LoadRestrictor::None,
        ..BuildOptions::default()
    };
    build_tracked(source, Root::Folder(&path(folder)), None, &options, answers)
}

fn text(build: &Build) -> String {
    build.to_yaml().unwrap()
}

fn config(name: &str) -> String {
    CONFIG.replace("name: a", &format!("name: {name}"))
}

#[test]
fn everything_that_is_known_to_be_needed_is_asked_for_at_once() {
    let (b, c) = (config("b"), config("c"));
    let deep: Files = &[
        ("kustomization.yaml", "resources: [c.yaml]"),
        ("c.yaml", &c),
    ];
    let world = World {
        repositories: BTreeMap::from([
            (
                "https://github.com/o/r?ref=v1",
                &[
                    (
                        "base/kustomization.yaml",
                        "resources: [a.yaml, github.com/o/deep]",
                    ),
                    ("base/a.yaml", CONFIG),
                ] as Files,
            ),
            ("https://github.com/o/deep", deep),
            (
                "https://github.com/o/component",
                &[("kustomization.yaml", "kind: Component\nnamePrefix: x-\n")],
            ),
        ]),
        files: BTreeMap::from([
            ("https://h/b.yaml", b.as_str()),
            ("http://h/settings", "k=v\n"),
        ]),
    };
    let files: Files = &[
        (
            "kustomization.yaml",
            "resources: [sub, 'github.com/o/r//base?ref=v1', https://h/b.yaml]\ncomponents: [github.com/o/component]\n",
        ),
        (
            "sub/kustomization.yaml",
            "configMapGenerator: [{name: g, envs: [http://h/settings]}]\n",
        ),
    ];
    let (outcome, _, rounds) = world.build(files, "");
    let text = text(&outcome.result.unwrap());
    for name in ["x-a", "x-b", "x-c", "x-g"] {
        assert!(text.contains(&format!("name: {name}")), "{text}");
    }
    let sizes: Vec<usize> = rounds.iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 1], "{rounds:?}");
}

#[test]
fn a_url_of_the_web_is_a_file_first_and_a_root_if_it_is_none() {
    let repository: Files = &[
        ("kustomization.yaml", "resources: [a.yaml]"),
        ("a.yaml", CONFIG),
    ];
    let files: Files = &[("kustomization.yaml", "resources: [https://h/o/r]")];
    let mut world = World::default();
    world.repositories.insert("https://h/o/r", repository);
    assert!(world.built(files).contains("name: a"));
    world
        .files
        .insert("https://h/o/r", "<!DOCTYPE html>\n<html>\n");
    assert!(world.built(files).contains("name: a"));
    let b = config("b");
    world.files.insert("https://h/o/r", &b);
    let (outcome, _, rounds) = world.build(files, "");
    assert!(text(&outcome.result.unwrap()).contains("name: b"));
    assert_eq!(rounds.len(), 1, "the repository is not asked for");
    world = World::default();
    assert_eq!(
        world.refused(files),
        "kustomization.yaml:1: the Git repository https://h/o/r: no such repository; read as a file: HTTP status 404"
    );
}

#[test]
fn a_file_of_the_tree_goes_before_a_repository_and_a_folder_does_not() {
    let b = config("b");
    let mut world = World::default();
    let named = "resources: [github.com/o/r]";
    assert!(
        world
            .built(&[("kustomization.yaml", named), ("github.com/o/r", &b)])
            .contains("name: b")
    );
    let folder: Files = &[
        ("kustomization.yaml", named),
        ("github.com/o/r/kustomization.yaml", "resources: [b.yaml]"),
        ("github.com/o/r/b.yaml", &b),
    ];
    assert!(world.refused(folder).contains("no such repository"));
    world.repositories.insert(
        "https://github.com/o/r",
        &[
            ("kustomization.yaml", "resources: [a.yaml]"),
            ("a.yaml", CONFIG),
        ],
    );
    assert!(world.built(folder).contains("name: a"));
}

#[test]
fn a_remote_root_is_a_world_of_its_own() {
    let named = "resources: [github.com/o/r//a/b]";
    let of = |inner: &'static str| {
        let files: &'static [(&str, &str)] = Box::leak(Box::new([
            ("a/b/kustomization.yaml", inner),
            ("a/c/kustomization.yaml", "resources: [c.yaml]"),
            ("a/c/c.yaml", CONFIG),
            ("a/x.yaml", CONFIG),
        ]));
        World {
            repositories: BTreeMap::from([("https://github.com/o/r", files as Files)]),
            ..World::default()
        }
    };
    let files: Files = &[("kustomization.yaml", named), ("own.yaml", CONFIG)];
    assert!(of("resources: [../c]").built(files).contains("name: a"));
    let of_it = "kustomization.yaml:1: in https://github.com/o/r//a/b: a/b/kustomization.yaml:1: ";
    for (inner, wanted) in [
        // The restrictor holds in there, whatever holds out here.
        (
            "resources: [../x.yaml]",
            "\"../x.yaml\" is a/x.yaml, which is not in or below a/b",
        ),
        (
            "resources: [../../../own.yaml]",
            "resource \"../../../own.yaml\": path \"../../../own.yaml\" leads out of the source",
        ),
        (
            "resources: [gone.yaml]",
            "resource \"gone.yaml\" does not exist (a/b/gone.yaml)",
        ),
    ] {
        assert_eq!(of(inner).refused(files), format!("{of_it}{wanted}"));
    }
    let text = of("resources: [../c]")
        .refused(&[("kustomization.yaml", "resources: [github.com/o/r//a/gone]")]);
    assert!(text.contains("github.com/o/r//a/gone"), "{text}");
}

#[test]
fn cycles_over_repositories_are_found() {
    let world = World {
        repositories: BTreeMap::from([
            (
                "https://github.com/o/one",
                &[(
                    "kustomization.yaml",
                    "resources: ['github.com/o/two//x?timeout=5']",
                )] as Files,
            ),
            (
                "https://github.com/o/two",
                &[(
                    "x/kustomization.yaml",
                    "resources: [https://github.com/o/one]",
                )],
            ),
        ]),
        ..World::default()
    };
    for start in ["github.com/o/one", "https://github.com/o/one"] {
        let text = world.refused(&[("kustomization.yaml", &format!("resources: [{start}]"))]);
        assert!(
            text.contains("kustomization roots form a cycle: "),
            "{text}"
        );
    }
}

#[test]
fn a_repository_that_needs_ever_more_is_stopped() {
    let mut answers = Answers::default();
    let source = tree(&[("kustomization.yaml", "resources: [github.com/o/r0]")]);
    for round in 0.. {
        let outcome = run(&source, "", &answers);
        let Err(BuildError::NeedsInput { needs }) = outcome.result else {
            let text = outcome.result.unwrap_err().to_string();
            assert!(text.contains("depth of kustomization roots"), "{text}");
            return;
        };
        let next = format!("resources: [github.com/o/r{}]", round + 1);
        let files = tree(&[("kustomization.yaml", &next)]);
        answers.insert(needs[0].need.clone(), Answer::Tree(Arc::new(files)));
        assert_eq!(needs.len(), 1);
    }
}

#[test]
fn one_file_can_ask_for_so_much_and_no_more() {
    let urls: Vec<String> = (0..=crate::MAX_NEEDS)
        .map(|n| format!("https://h/{n}.yaml"))
        .collect();
    let text = format!("resources: [{}]", urls.join(", "));
    let outcome = run(&tree(&[("kustomization.yaml", &text)]), "", Answers::none());
    let error = outcome.result.unwrap_err().to_string();
    assert!(
        error.contains("more than 100 things from elsewhere are needed"),
        "{error}"
    );
}

#[test]
fn objects_from_elsewhere_say_so() {
    let world = World {
        repositories: BTreeMap::from([(
            "https://github.com/o/r?ref=v1",
            &[
                ("base/kustomization.yaml", "resources: [a.yaml]"),
                ("base/a.yaml", CONFIG),
            ] as Files,
        )]),
        files: BTreeMap::from([(
            "https://h/o/r/b.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n",
        )]),
    };
    let files: Files = &[(
        "kustomization.yaml",
        "resources: ['github.com/o/r//base?ref=v1', https://h/o/r/b.yaml]\nbuildMetadata: [originAnnotations]\n",
    )];
    let (outcome, ..) = world.build(files, "");
    let build = outcome.result.unwrap();
    let positions: Vec<String> = build
        .manifests()
        .unwrap()
        .iter()
        .map(|it| it.position.to_string())
        .collect();
    assert_eq!(
        positions,
        [
            "https://github.com/o/r//base/a.yaml?ref=v1:1",
            "https://h/o/r/b.yaml:1"
        ]
    );
    let text = text(&build);
    assert!(
        text.contains("path: base/a.yaml\n      repo: https://github.com/o/r\n      ref: v1\n"),
        "{text}"
    );
    assert!(
        text.contains("path: b.yaml\n      repo: https://h/o/r\n"),
        "{text}"
    );
}

#[test]
fn what_was_fetched_is_part_of_the_inputs() {
    let repository: Files = &[
        ("kustomization.yaml", "resources: [a.yaml]"),
        ("a.yaml", CONFIG),
        ("other", "1"),
    ];
    let world = World {
        repositories: BTreeMap::from([("https://github.com/o/r", repository)]),
        files: BTreeMap::from([("https://h/p.yaml", "[]")]),
    };
    let files: Files = &[(
        "kustomization.yaml",
        "resources: [github.com/o/r, https://h/gone.yaml]",
    )];
    let (outcome, answers, _) = world.build(files, "");
    assert!(outcome.result.is_err());
    let holds = |answers: &Answers, inputs: &Inputs| {
        inputs_unchanged(&tree(files), answers, inputs).unwrap()
    };
    assert!(holds(&answers, &outcome.inputs));
    assert!(!holds(Answers::none(), &outcome.inputs));
    for need in answers
        .iter()
        .map(|(need, _)| need.clone())
        .collect::<Vec<_>>()
    {
        let mut others = answers.clone();
        others.insert(need, Answer::Failed("gone".to_owned()));
        assert!(!holds(&others, &outcome.inputs));
    }
    let need = Need::Repository(RemoteRoot::parse("github.com/o/r").unwrap().repository);
    let b = config("b");
    for (changed, still_holds) in [
        (
            [
                ("kustomization.yaml", "resources: [a.yaml]"),
                ("a.yaml", CONFIG),
                ("other", "2"),
            ],
            true,
        ),
        (
            [
                ("kustomization.yaml", "resources: [a.yaml]"),
                ("a.yaml", &b),
                ("other", "1"),
            ],
            false,
        ),
        (
            [
                ("kustomization.yaml", "resources: [a.yaml]"),
                ("a.yaml", CONFIG),
                ("Kustomization", ""),
            ],
            false,
        ),
    ] {
        let mut others = answers.clone();
        others.insert(need.clone(), Answer::Tree(Arc::new(tree(&changed))));
        assert_eq!(holds(&others, &outcome.inputs), still_holds, "{changed:?}");
    }
}
