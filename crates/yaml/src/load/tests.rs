#![expect(
    clippy::disallowed_methods,
    reason = "reads recorded cases where they are there"
)]

use super::*;
use crate::{Content, Node};
use flate2::read::GzDecoder;
use proptest::prelude::*;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

pub(crate) fn shared(path: &str) -> PathBuf {
    let base = std::env::var_os("TRUEUP_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    base.join(path)
}

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
        println!("skipped: YAML read: helm/yaml-load.jsonl.gz is missing");
        return;
    };
    let options = LoadOptions {
        duplicate_keys: DuplicateKeys::LastWins,
        booleans: Booleans::WordsAndLetters,
        ..LoadOptions::default()
    };
    let (mut total, mut agree) = (0_u32, 0_u32);
    let (mut refused, mut same_words) = (0_u32, 0_u32);
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let case: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let text = case["t"].as_str().unwrap();
        if text.contains('\u{fffd}') && case["v2err"].as_str().is_some_and(|e| e.contains("UTF-8"))
        {
            // The broken bytes did not survive the recording.
            continue;
        }
        let loaded = parse_first(text, &options);
        let good = match (&loaded, case.get("v2")) {
            (Ok(first), Some(expected)) => {
                let first = first
                    .as_ref()
                    .map_or(serde_json::Value::Null, |d| to_json(&d.root));
                same(&first, expected)
            }
            (Err(_), None) => true,
            _ => false,
        };
        total += 1;
        agree += u32::from(good);
        if let (Err(error), Some(told)) = (&loaded, case["v2err"].as_str()) {
            let ours = format!("error converting YAML to JSON: {}", error.go_text());
            refused += 1;
            same_words += u32::from(ours == told);
            if ours != told && std::env::var_os("TRUEUP_SHOW").is_some() {
                println!("{text:?}\n   told {told}\n   ours {ours}");
            }
        }
        if !good && std::env::var_os("TRUEUP_SHOW").is_some() {
            let ours = loaded.map(|d| d.map(|d| to_json(&d.root).to_string()));
            println!(
                "{text:?}\n   want {} {}\n   have {ours:?}",
                case["v2"], case["v2err"]
            );
        }
    }
    println!("{agree} of {total} recorded texts load as recorded");
    println!("{same_words} of {refused} refusals are told in the recorded words");
    println!("recorded cases: YAML read: {total} ran, 0 skipped");
    assert_eq!((agree, same_words), (total, refused));
}

fn json(text: &str) -> String {
    to_json(&parse(text).unwrap()[0].root).to_string()
}

fn error(text: &str) -> YamlError {
    parse(text).unwrap_err()
}

#[test]
fn scalars_mean_what_go_takes_them_for() {
    for (text, expected) in [
        ("yes", "true"),
        ("Off", "false"),
        ("y", "\"y\""),
        ("~", "null"),
        ("0o17", "15"),
        ("017", "15"),
        ("0b11", "3"),
        ("0x_1F", "31"),
        ("1_000", "1000"),
        ("08", "8.0"),
        ("1e3", "1000.0"),
        (".5", "0.5"),
        ("+1", "1"),
        ("12:30:45", "\"12:30:45\""),
        ("2026-01-02", "\"2026-01-02\""),
        ("18446744073709551615", "18446744073709551615"),
        ("'yes'", "\"yes\""),
        ("!!str 12", "\"12\""),
        ("!!int 12", "12"),
        ("!!float 12", "12.0"),
        ("!!binary aGk=", "\"hi\""),
        ("!custom 12", "\"12\""),
    ] {
        assert_eq!(json(text), expected, "{text}");
    }
}

#[test]
fn keys_become_text() {
    assert_eq!(
        json("1: a\nyes: b\n1.5: c\n<<: {d: e}\n"),
        r#"{"1":"a","1.5":"c","d":"e","true":"b"}"#
    );
    assert_eq!(error("~: a\n").line, 1);
    assert_eq!(error("a: 1\n? [b]\n: c\n").line, 2);
}

#[test]
fn merge_keys_replace_what_stands_before_them() {
    let text = "base: &b {a: 1, b: 2}\nother: &o {b: 3, c: 4}\none:\n  a: 9\n  <<: *b\ntwo:\n  <<: [*o, *b]\n  a: 8\n";
    let all = to_json(&parse(text).unwrap()[0].root);
    assert_eq!(all["one"].to_string(), r#"{"a":1,"b":2}"#);
    assert_eq!(all["two"].to_string(), r#"{"a":8,"b":3,"c":4}"#);
    assert_eq!(error("a:\n  <<: 1\n").line, 2);
}

#[test]
fn a_key_twice_is_refused_with_both_lines_or_the_last_one_wins() {
    let text = "a: 1\nb: 2\na: 3\n";
    assert_eq!(
        error(text).to_string(),
        "line 3, column 1: key \"a\" is already set in this map, on line 1"
    );
    let options = LoadOptions {
        duplicate_keys: DuplicateKeys::LastWins,
        ..LoadOptions::default()
    };
    assert_eq!(
        to_json(&parse_with(text, &options).unwrap()[0].root).to_string(),
        r#"{"a":3,"b":2}"#
    );
    let many: String = (0..100).map(|n| format!("k{n}: 1\n")).collect();
    assert_eq!(error(&format!("{many}k50: 2\n")).line, 101);
}

#[test]
fn what_json_cannot_hold_is_told_as_go_tells_it() {
    let null = "unsupported map key of type: %!s(<nil>), key: <nil>, value: ";
    for (text, told) in [
        ("b: .nan\na: [1, -.inf]\n", "json: unsupported value: -Inf"),
        (
            "a: {~: {1: yes}}\n",
            &format!("{null}map[interface {{}}]interface {{}}{{1:true}}"),
        ),
        ("~: 1\n~:\n", &format!("{null}<nil>")),
        (
            "a: {{ .Values.x }}\n",
            "yaml: invalid map key: map[interface {}]interface {}{\".Values.x\":interface {}(nil)}",
        ),
        (
            "a: .inf\n? [1.5, \"\u{feff}\", &x 18446744073709551615, *x]\n",
            "yaml: invalid map key: []interface {}{1.5, \"\\ufeff\", 0xffffffffffffffff, 0xffffffffffffffff}",
        ),
        (
            "? {a: 1}\n: 2\nb: @\n",
            "yaml: line 3: found character that cannot start any token",
        ),
        ("a: 1\n---\nb: .nan\n", "json: unsupported value: NaN"),
    ] {
        assert_eq!(error(text).go_text(), told, "{text:?}");
    }
}

#[test]
fn documents_know_their_lines() {
    let text = "\u{feff}# comment\r\na: 1\r\n---\r\n\r\nb: 2\r\n...\r\n---\r\n";
    let documents = parse(text).unwrap();
    assert_eq!(
        documents
            .iter()
            .map(|document| document.line)
            .collect::<Vec<_>>(),
        [2, 5, 7]
    );
    assert!(documents[2].root.is_null());
    let place = documents[1]
        .root
        .get("b")
        .map(|node| (node.line, node.column));
    assert_eq!(place, Some((5, 4)));
    assert!(parse("").unwrap().is_empty() && parse("# only\n").unwrap().is_empty());
}

#[test]
fn broken_texts_are_refused_where_they_break() {
    for (text, line) in [
        ("a: 1\n b: 2\n", 2),
        ("a: [1,\n", 1),
        ("a: 1\nb: \"x\n", 2),
        ("a:\n\t- 1\n", 2),
        ("a: 1\nb: @x\n", 2),
        ("a: \u{1}\n", 1),
        ("x: 1\na: .inf\n", 2),
        ("a: *none\n", 1),
        ("a: &a [*a]\n", 1),
        ("a: !!int x\n", 1),
        ("a: !!binary '%'\n", 1),
    ] {
        assert_eq!(error(text).line, line, "{text:?}: {}", error(text));
    }
}

#[test]
fn a_text_made_to_explode_is_refused_where_it_does() {
    let mut text = String::from("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let item = format!("*l{}", level - 1);
        text.push_str(&format!(
            "l{level}: &l{level} [{}]\n",
            vec![item; 10].join(", ")
        ));
    }
    let found = error(&text);
    assert!(
        found.message.contains("excessive aliasing") && found.line == 5,
        "{found}"
    );
}

#[test]
fn every_limit_holds() {
    let tight = |change: fn(&mut LoadOptions)| {
        let mut options = LoadOptions::default();
        change(&mut options);
        options
    };
    for (text, options) in [
        ("a: 12345\n", tight(|o| o.max_bytes = 8)),
        ("[[[1]]]\n", tight(|o| o.max_depth = 2)),
        ("a:\n  b:\n    c: 1\n", tight(|o| o.max_depth = 2)),
        ("1\n---\n2\n---\n3\n", tight(|o| o.max_documents = 2)),
        ("[1, 2, 3]\n", tight(|o| o.max_nodes = 3)),
        ("a: &a [1, 2]\nb: *a\n", tight(|o| o.max_aliased_nodes = 2)),
    ] {
        assert!(parse(text).is_ok(), "{text:?}");
        assert!(parse_with(text, &options).is_err(), "{text:?}");
    }
    let nested = "&a [".repeat(100) + &"]".repeat(100);
    assert!(parse(&nested).is_ok());
    assert!(parse_with(&nested, &tight(|o| o.max_nodes = 1000)).is_err());
    for deep in ["[".repeat(100_000), "- ".repeat(100_000)] {
        let found = parse(&deep).unwrap_err();
        assert_eq!(found.message, "nested more than 128 levels deep");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-a1 \n\t:\\[\\]{},&*!|>'\"%@?#~<.\u{e9}\u{feff}]{0,40}") {
        let _ = parse(&text);
    }
}
