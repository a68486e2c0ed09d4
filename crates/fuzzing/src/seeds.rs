//! The targets over the seeds in `fuzz/seeds` and mutations of these.
//!
//! `TRUEUP_FUZZ_MUTATIONS` says how many mutations of each seed are tried,
//! `TRUEUP_FUZZ_SEED` where the random numbers start. A failure prints the
//! input, which then belongs among the seeds.

use crate::{TARGETS, Target};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

const MUTATIONS: u64 = 40;
const SEED: u64 = 1;
/// Longer inputs teach nothing that shorter ones don't.
const MAX_INPUT_BYTES: usize = 8 << 10;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut seeds: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder().join("seeds").join(target))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .collect();
    seeds.sort();
    seeds
}

/// The words of libFuzzer's dictionary, each in quotes on a line of its own.
fn words() -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(folder().join("dictionary.txt")).unwrap();
    let quoted = |line: &str| Some(line.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    text.lines()
        .filter_map(quoted)
        .map(|word| {
            word.replace("\\x0a", "\n")
                .replace("\\\"", "\"")
                .into_bytes()
        })
        .collect()
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// One small change: a byte, a word, a line moved, doubled, dropped or taken
/// from another seed.
fn mutate(
    input: &[u8],
    all: &[(String, Vec<u8>)],
    words: &[Vec<u8>],
    random: &mut fastrand::Rng,
) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let at = random.usize(..=bytes.len());
    let mut rows = lines(input);
    let row = random.usize(..rows.len().max(1));
    match random.u8(..7) {
        0 if at < bytes.len() => bytes[at] = random.u8(..128),
        1 => drop(bytes.splice(at..at, random.choice(words).unwrap().iter().copied())),
        2 => drop(bytes.drain(at..(at + random.usize(1..9)).min(input.len()))),
        3 if row < rows.len() => {
            rows.remove(row);
            bytes = rows.concat();
        }
        4 if row < rows.len() => {
            rows.insert(random.usize(..=rows.len()), rows[row]);
            bytes = rows.concat();
        }
        5 => {
            let (_, other) = random.choice(all).unwrap();
            let foreign = lines(other);
            rows.insert(row.min(rows.len()), random.choice(foreign).unwrap_or(b""));
            bytes = rows.concat();
        }
        _ => bytes.insert(
            at,
            *random.choice(b" \n\t:-[]{}&*!|>'\"%@?#,<~0aY").unwrap(),
        ),
    }
    bytes.truncate(MAX_INPUT_BYTES);
    bytes
}

fn run(target: Target, name: &str, seed: &str, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
        panic!(
            "{name}, from the seed {seed}, fails for {:?}",
            String::from_utf8_lossy(input)
        );
    }
}

fn play(name: &str) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let (seeds, words) = (seeds(name), words());
    assert!(!seeds.is_empty() && !words.is_empty(), "no seeds of {name}");
    let mut random = fastrand::Rng::with_seed(number("TRUEUP_FUZZ_SEED", SEED));
    for (seed, input) in &seeds {
        run(*target, name, seed, input);
        let mut changed = input.clone();
        for _ in 0..number("TRUEUP_FUZZ_MUTATIONS", MUTATIONS) {
            // Some changes build on others.
            if random.u8(..4) == 0 {
                changed.clone_from(input);
            }
            changed = mutate(&changed, &seeds, &words, &mut random);
            run(*target, name, seed, &changed);
        }
    }
}

#[test]
fn any_text_loads_within_its_limits_or_is_refused_where_it_breaks() {
    play("load");
}

#[test]
fn what_is_printed_loads_as_it_was() {
    play("emit");
}

#[test]
fn patches_merge_or_are_refused() {
    play("patch");
}

#[test]
fn templates_execute_each_time_alike_or_are_refused() {
    play("template");
}

#[test]
fn roots_build_each_time_alike_or_are_refused() {
    play("kustomize");
}

#[test]
fn expressions_are_read_within_their_depth_or_are_refused() {
    play("expression");
}
