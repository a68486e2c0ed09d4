//! Plays recorded cases of Go's libraries.

use flate2::read::GzDecoder;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

#[expect(
    clippy::disallowed_methods,
    reason = "reads recorded cases where they are there"
)]
pub(crate) fn play(name: &str, file: &str, mut check: impl FnMut(&Json)) {
    let base = std::env::var_os("TRUEUP_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let Ok(cases) = std::fs::File::open(base.join(file)) else {
        println!("skipped: {name}: {file} is missing");
        return;
    };
    let mut count = 0;
    for line in BufReader::new(GzDecoder::new(cases)).lines() {
        check(&serde_json::from_str(&line.unwrap()).unwrap());
        count += 1;
    }
    println!("recorded cases: {name}: {count} ran, 0 skipped");
}
