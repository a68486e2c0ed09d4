//! The kustomize base and the chart in `install/`, made from what
//! `trueup install` applies and held to it.

mod base;
mod chart;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use trueup_kinds::InstallOptions;
use trueup_object::{Value, to_yaml};

/// What stands at the head of every file.
const HEAD: &str = "# Made by the program; refresh with\n\
                    # UPDATE_GENERATED=1 cargo test --release -p trueup\n";

/// Files by their path below `install/`.
type Files = BTreeMap<String, String>;

fn options() -> InstallOptions {
    InstallOptions::new(concat!("v", env!("CARGO_PKG_VERSION")))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../install")
}

/// Documents of one file.
fn documents<'a>(manifests: impl IntoIterator<Item = &'a Value>) -> String {
    manifests
        .into_iter()
        .map(|manifest| format!("---\n{}", to_yaml(manifest)))
        .collect()
}

fn is_kind(manifest: &Value, kinds: &[&str]) -> bool {
    manifest
        .str_at(&["kind"])
        .is_some_and(|kind| kinds.contains(&kind))
}

/// Kinds that say who may do what.
const RIGHTS: [&str; 5] = [
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
];

/// Kinds of the process and what protects it.
const WORKLOAD: [&str; 4] = ["ResourceQuota", "Service", "Deployment", "NetworkPolicy"];

#[test]
fn the_base_and_the_chart_are_up_to_date() {
    let mut files = base::files();
    files.extend(chart::files());
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        for (path, text) in &files {
            let path = folder().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
    for (path, text) in &files {
        let found = std::fs::read_to_string(folder().join(path)).unwrap_or_default();
        assert!(
            found == *text,
            "install/{path} is out of date: run UPDATE_GENERATED=1 cargo test --release -p trueup"
        );
    }
    let strays: Vec<String> = all_files(&folder())
        .into_iter()
        .map(|path| path.strip_prefix(folder()).unwrap().display().to_string())
        .filter(|path| !files.contains_key(path))
        .collect();
    assert_eq!(strays, [""; 0], "files that nothing makes");
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                all_files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
