use super::*;
use crate::{Content, Node};
use flate2::read::GzDecoder;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

pub(crate) fn shared(path: &str) -> PathBuf {
    let base = std::env::var_os("TRUEUP_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    base.join(path)
}

/// Share of recorded texts that must load as recorded.
const LOAD_FLOOR_PERCENT: f64 = 90.0;

fn to_json(node: &Node) -> serde_json::Value {
    match &node.content {
        Content::Null => serde_json::Value::Null,
        Content::Bool(truth) => (*truth).into(),
        Content::Integer(number) => (*number).into(),
        Content::Unsigned(number) => (*number).into(),
        Content::Float(number) => (*number).into(),
        Content::String(text) => text.clone().into(),
        Content::List(items) => items.iter().map(to_json).collect(),
        Content::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.clone(), to_json(&entry.value)))
            .collect(),
    }
}

/// Equality where `1` and `1.0` are the same number.
fn same(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

#[test]
fn recorded_texts_load_as_go_loads_them() {
    let Ok(file) = std::fs::File::open(shared("helm/yaml-load.jsonl.gz")) else {
        println!("skipped: helm/yaml-load.jsonl.gz is missing");
        return;
    };
    let options = LoadOptions {
        duplicate_keys: DuplicateKeys::LastWins,
        ..LoadOptions::default()
    };
    let (mut total, mut agree) = (0_u32, 0_u32);
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let case: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = case["t"].as_str().unwrap();
        let loaded = parse_with(text, &options);
        let good = match (&loaded, case.get("v2")) {
            (Ok(documents), Some(expected)) => {
                let first = documents
                    .first()
                    .map_or(serde_json::Value::Null, |d| to_json(&d.root));
                same(&first, expected)
            }
            (Err(_), None) => true,
            _ => false,
        };
        total += 1;
        agree += u32::from(good);
        if !good && std::env::var_os("TRUEUP_SHOW").is_some() {
            let ours = loaded.map(|d| d.first().map(|d| to_json(&d.root).to_string()));
            println!(
                "{text:?}\n   want {} {}\n   have {ours:?}",
                case["v2"], case["v2err"]
            );
        }
    }
    let percent = f64::from(agree) * 100.0 / f64::from(total);
    println!("{agree} of {total} recorded texts load as recorded ({percent:.2} %)");
    assert!(percent >= LOAD_FLOOR_PERCENT);
}
