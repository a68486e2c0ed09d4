//! Health of custom resources as Argo CD's published cases have it, played as
//! a second opinion. We follow kstatus, as Flux does; docs/differences.md says
//! where that makes a difference.

use crate::{HealthStatus, assess};
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::io::Read;
use trueup_object::{Value, from_json};

/// How many cases agree at least.
const FLOOR: usize = 456;
/// How many there are where kstatus counts an object as it should be that
/// the other says has failed, at most.
const CURRENT_THOUGH_DEGRADED: usize = 243;

#[expect(
    clippy::disallowed_methods,
    reason = "recorded cases are read in tests"
)]
fn cases() -> Option<Vec<Value>> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("TRUEUP_SHARED").unwrap_or_else(|_| default.to_owned());
    let bytes = std::fs::read(format!("{shared}/health/custom-resources.jsonl.gz")).ok()?;
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    let lines = text.lines();
    Some(
        lines
            .map(|line| from_json(line.as_bytes()).unwrap())
            .collect(),
    )
}

/// Whether two words mean the same. What Argo CD calls suspended may be
/// as it should be or on its way for kstatus, which has no word for it.
fn agrees(ours: HealthStatus, theirs: &str) -> bool {
    use HealthStatus::{Current, Failed, InProgress, Terminating, Unknown};
    match theirs {
        "Healthy" => ours == Current,
        "Progressing" => matches!(ours, InProgress | Terminating),
        "Degraded" => ours == Failed,
        "Suspended" => matches!(ours, Current | InProgress),
        "Missing" | "Unknown" => matches!(ours, InProgress | Unknown),
        _ => false,
    }
}

#[test]
fn recorded_opinions_of_custom_resources_are_compared() {
    let Some(cases) = cases() else {
        println!("skipped: health: no recorded cases here");
        return;
    };
    let mut pairs: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut agreed = 0;
    for case in &cases {
        let object = case.get("object").unwrap();
        let theirs = case.str_at(&["health", "status"]).unwrap();
        let ours = assess(object).status;
        agreed += usize::from(agrees(ours, theirs));
        *pairs
            .entry((theirs.to_owned(), ours.to_string()))
            .or_default() += 1;
    }
    for ((theirs, ours), count) in &pairs {
        println!("{theirs} is {ours} here: {count}");
    }
    println!(
        "recorded cases: health: {} ran, 0 skipped, {agreed} agreed",
        cases.len()
    );
    assert!(agreed >= FLOOR, "{agreed} agree, {FLOOR} did");
    let missed = pairs.get(&("Degraded".to_owned(), "Current".to_owned()));
    assert!(missed.copied().unwrap_or(0) <= CURRENT_THOUGH_DEGRADED);
}
