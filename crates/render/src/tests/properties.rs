//! What holds for every tree: the inputs say all that a render depends on.

use super::{path, request};
use crate::{Answers, inputs_unchanged, render_tracked};
use bytes::Bytes;
use proptest::prelude::*;
use trueup_artifact::MemoryTree;

const PATHS: [&str; 14] = [
    "apps/a.yaml",
    "apps/b.yml",
    "apps/notes.txt",
    "apps/kustomization.yaml",
    "apps/Kustomization",
    "apps/sub/c.yaml",
    "apps/sub/kustomization.yml",
    "apps/sub/deep/d.yaml",
    "base/kustomization.yaml",
    "base/e.yaml",
    "base/f.yaml",
    "other/kustomization.yaml",
    "other/g.yaml",
    "h.yaml",
];

const TEXTS: [&str; 10] = [
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: x}\n",
    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a}\n",
    "resources: [../base]\n",
    "resources: [e.yaml, ../other]\nnamespace: n\n",
    "resources: [g.yaml, ../apps]\n",
    "resources: [gone.yaml]\n",
    "namespace: n\n",
    "a: [\n",
    "",
];

type Files = Vec<(usize, usize)>;

fn files() -> impl Strategy<Value = Files> {
    prop::collection::vec((0..PATHS.len(), 0..TEXTS.len()), 0..10)
}

/// What is done to a tree: a text written, a link made, or a path removed.
fn changes() -> impl Strategy<Value = Vec<(usize, Option<usize>)>> {
    prop::collection::vec((0..PATHS.len(), prop::option::of(0..TEXTS.len() + 2)), 1..3)
}

fn tree(files: &Files) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for (place, text) in files {
        tree.write_file(
            &path(PATHS[*place]),
            Bytes::from_static(TEXTS[*text].as_bytes()),
        )
        .unwrap();
    }
    tree
}

fn changed(before: &MemoryTree, changes: &[(usize, Option<usize>)]) -> MemoryTree {
    let mut tree = before.clone();
    for (place, what) in changes {
        let place = path(PATHS[*place]);
        match what {
            None => {
                tree.remove(&place);
            }
            Some(text) if *text < TEXTS.len() => {
                tree.write_file(&place, Bytes::from_static(TEXTS[*text].as_bytes()))
                    .unwrap();
            }
            Some(link) => {
                tree.remove(&place);
                tree.add_symlink(
                    &place,
                    if *link == TEXTS.len() {
                        "h.yaml"
                    } else {
                        "/etc"
                    },
                )
                .unwrap();
            }
        }
    }
    tree
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn unchanged_inputs_mean_an_unchanged_result(files in files(), changes in changes(), folder in 0_usize..5) {
        let folder = ["apps", "", "base", "other", "apps/sub"][folder];
        let before = tree(&files);
        let first = render_tracked(&before, &request(folder), Answers::none());
        prop_assert!(inputs_unchanged(&before, Answers::none(), &first.inputs).unwrap());
        let after = changed(&before, &changes);
        if inputs_unchanged(&after, Answers::none(), &first.inputs).unwrap() {
            let second = render_tracked(&after, &request(folder), Answers::none());
            match (first.result, second.result) {
                (Ok(first), Ok(second)) => prop_assert_eq!(first.manifests, second.manifests),
                (first, second) => prop_assert_eq!(first, second),
            }
        }
    }
}
