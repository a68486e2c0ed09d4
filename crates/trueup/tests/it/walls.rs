//! The walls of ARCHITECTURE.md, read out of the manifests: which crate may
//! import which, which crates may only be used in tests, and which must not
//! come in at all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Floor, crate, and the crates of ours that it may name in `[dependencies]`.
const FLOORS: &[(u8, &str, &[&str])] = &[
    (1, "cel", &[]),
    (1, "gocompat", &[]),
    (1, "yaml", &["gocompat"]),
    (2, "object", &["yaml"]),
    (2, "gotemplate", &["gocompat"]),
    (3, "schema", &["object", "cel"]),
    (3, "kinds", &["object"]),
    (3, "artifact", &["object"]),
    (3, "health", &["object", "cel"]),
    (4, "kustomize", &["schema", "artifact"]),
    (4, "rollout", &["gotemplate", "kinds"]),
    (4, "notify", &["kinds"]),
    (5, "render", &["kustomize", "kinds"]),
    (5, "plan", &["schema", "kinds", "health"]),
    (6, "source", &["artifact", "kinds"]),
    (6, "cluster", &["plan"]),
    (6, "listening", &[]),
    (6, "apiserver", &["object", "schema", "listening"]),
    (7, "workloads", &["cluster"]),
    (7, "gateway", &["cluster", "listening"]),
    (
        7,
        "controller",
        &["cluster", "source", "render", "plan", "rollout", "notify"],
    ),
    (7, "loadtest", &["cluster", "source", "rollout"]),
    (7, "gitserver", &["listening"]),
    (8, "web", &["controller"]),
    (
        9,
        "demo",
        &[
            "web",
            "apiserver",
            "workloads",
            "gateway",
            "gitserver",
            "loadtest",
        ],
    ),
    (9, "trueup", &["demo"]),
];

/// Crates that serve tests and upkeep only; nothing above may ship them.
const DEVELOPMENT: &[&str] = &["fuzzing", "replay", "testkit", "xtask"];

/// Crates of others that must not be in what we ship.
const BANNED: &[&str] = &[
    "ring",
    "openssl",
    "openssl-sys",
    "native-tls",
    "serde_yaml",
    "git2",
    "libgit2-sys",
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names under a table of a manifest, for manifests that write one
/// dependency a line, as ours do.
fn names_in(manifest: &str, table: &str) -> BTreeSet<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != table)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['=', '.', ' ']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn ours(names: BTreeSet<String>) -> BTreeSet<String> {
    names
        .into_iter()
        .filter_map(|name| name.strip_prefix("trueup-").map(str::to_owned))
        .collect()
}

/// What a crate may name: its row, and all that its row may name in turn.
fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut allowed = BTreeMap::new();
    for (_, name, row) in FLOORS {
        let mut all: BTreeSet<&str> = row.iter().copied().collect();
        if row.contains(&"object")
            || row
                .iter()
                .any(|below| *below != "gocompat" && *below != "yaml")
        {
            all.extend(["object", "yaml", "gocompat"]);
        }
        for below in *row {
            all.extend(allowed.get(below).into_iter().flatten().copied());
        }
        allowed.insert(*name, all);
    }
    allowed
}

#[test]
fn every_crate_imports_only_what_its_row_allows() {
    let allowed = allowed();
    for (name, may) in &allowed {
        let path = workspace().join("crates").join(name).join("Cargo.toml");
        let manifest = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for import in ours(names_in(&manifest, "[dependencies]")) {
            assert!(
                may.contains(import.as_str()),
                "crate {name} may not import {import}: allowed are {may:?}"
            );
        }
    }
}

#[test]
fn every_crate_has_a_row() {
    let rows: BTreeSet<&str> = FLOORS
        .iter()
        .map(|(_, name, _)| *name)
        .chain(DEVELOPMENT.iter().copied())
        .collect();
    for entry in std::fs::read_dir(workspace().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            rows.contains(name.as_str()),
            "crate {name} has no row in the table of floors"
        );
    }
}

#[test]
fn floors_only_look_down() {
    let floor: BTreeMap<&str, u8> = FLOORS
        .iter()
        .map(|(floor, name, _)| (*name, *floor))
        .collect();
    for (here, name, row) in FLOORS {
        for below in *row {
            assert!(
                floor[below] <= *here,
                "{name} on floor {here} looks up to {below}"
            );
        }
    }
}

#[test]
fn the_deciding_crates_are_kept_pure_by_clippy() {
    for (_, name, _) in FLOORS.iter().filter(|(floor, ..)| *floor <= 5) {
        let config = workspace().join("crates").join(name).join("clippy.toml");
        let text = std::fs::read_to_string(&config).unwrap_or_default();
        assert!(
            text.contains("std::time::SystemTime::now"),
            "{name} lacks the pure clippy.toml"
        );
    }
}

/// On the platform of the test: what others need may not have been downloaded.
#[test]
fn nothing_banned_is_shipped() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "trueup", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}"])
        .args(["--locked", "--offline"])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).unwrap();
    let shipped: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(
        shipped.contains("trueup-object"),
        "cargo tree told nothing: {tree}"
    );
    for name in BANNED
        .iter()
        .chain(&["trueup-fuzzing", "trueup-replay", "trueup-testkit", "xtask"])
    {
        assert!(!shipped.contains(name), "{name} must not be shipped");
    }
}
