//! Reads recorded cases where they are.

use flate2::read::GzDecoder;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// What became of a case.
pub(super) enum Outcome {
    Agrees,
    /// What was found where something else was expected.
    Differs(String),
    /// Not played, for this reason.
    LeftOut(&'static str),
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads recorded cases where they are there"
)]
pub(super) fn folder() -> PathBuf {
    std::env::var_os("TRUEUP_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    )
}

/// Plays the cases of a file, prints how many ran and why others did not, and
/// fails where one differs.
#[expect(
    clippy::disallowed_methods,
    reason = "reads recorded cases where they are there"
)]
pub(super) fn play(name: &str, file: &str, mut check: impl FnMut(&Json) -> Option<Outcome>) {
    let Ok(cases) = std::fs::File::open(folder().join(file)) else {
        println!("skipped: {name}: {file} is missing");
        return;
    };
    let mut agreeing = 0;
    let mut differing = Vec::new();
    let mut left_out = std::collections::BTreeMap::<&str, usize>::new();
    for line in BufReader::new(GzDecoder::new(cases)).lines() {
        let case: Json = serde_json::from_str(&line.unwrap()).unwrap();
        match check(&case) {
            None => {}
            Some(Outcome::Agrees) => agreeing += 1,
            Some(Outcome::Differs(found)) => differing.push(format!("{case}\n  found: {found}")),
            Some(Outcome::LeftOut(reason)) => *left_out.entry(reason).or_default() += 1,
        }
    }
    let ran = agreeing + differing.len();
    let skipped: usize = left_out.values().sum();
    println!("recorded cases: {name}: {ran} ran, {agreeing} agree, {skipped} skipped");
    for (reason, count) in left_out {
        println!("  skipped {count}: {reason}");
    }
    assert!(
        differing.is_empty(),
        "{} differ:\n{}",
        differing.len(),
        differing.join("\n")
    );
    assert!(ran > 0, "no case of {name} in {file}");
}

pub(super) fn text<'a>(case: &'a Json, field: &str) -> Option<&'a str> {
    case.get(field).and_then(Json::as_str)
}
