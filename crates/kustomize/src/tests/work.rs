//! How the work of a build grows: ids worked out are counted, time is not
//! looked at.

use super::path;
use crate::id::counted;
use crate::{BuildOptions, build};
use trueup_artifact::MemoryTree;

/// An overlay of so many files and patches, each of one object.
fn overlay(objects: usize) -> MemoryTree {
    let (mut base, mut overlay) = ("resources:\n".to_owned(), String::new());
    overlay.push_str("resources: [../base]\nnamePrefix: a-\nnamespace: b\npatches:\n");
    let mut files = Vec::new();
    for number in 0..objects {
        base.push_str(&format!("- c{number}.yaml\n"));
        let object = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{number}}}\n");
        overlay.push_str(&format!(
            "- patch: '{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c{number}}}, data: {{a: b}}}}'\n"
        ));
        files.push((format!("base/c{number}.yaml"), object.into_bytes()));
    }
    files.push(("base/kustomization.yaml".to_owned(), base.into_bytes()));
    files.push((
        "overlay/kustomization.yaml".to_owned(),
        overlay.into_bytes(),
    ));
    MemoryTree::from_files(files).unwrap()
}

fn ids_for(objects: usize) -> usize {
    let tree = overlay(objects);
    let before = counted::ids();
    let built = build(&tree, &path("overlay"), None, &BuildOptions::default()).unwrap();
    assert_eq!(built.len(), objects);
    counted::ids() - before
}

#[test]
fn four_times_the_files_and_patches_are_four_times_the_work() {
    let (few, many) = (ids_for(50), ids_for(200));
    assert!(few >= 50 && many <= 5 * few, "{few}, then {many}");
}
