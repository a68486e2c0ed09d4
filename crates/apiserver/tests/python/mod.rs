//! The official Python client over TLS, by a program of its own:
//! `client.py`.

use crate::place::{Place, Wants};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many checks the program makes.
const CHECKS: usize = 13;

/// A Python that has the client: the environment that `.ci/run` makes, else
/// the one on `PATH`.
fn python() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let prepared = workspace.join("target/ci-tools/python/bin/python");
    [prepared, PathBuf::from("python3")]
        .into_iter()
        .find(|python| {
            Command::new(python)
                .args(["-c", "import kubernetes.informer"])
                .output()
                .is_ok_and(|output| output.status.success())
        })
}

#[test]
fn the_python_client_finds_what_it_expects() {
    let name = "python client";
    let Some(python) = python() else {
        println!("skipped: {name}: no Python with the package kubernetes");
        return;
    };
    Place::with(name, Wants::Api, move |place| {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/client.py");
        let command = format!("{} {} $NS", python.display(), program.display());
        let output = place.shell(&command);
        let checks = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{checks}{errors}");
        assert_eq!(checks.lines().count(), CHECKS, "{checks}");
    });
}
