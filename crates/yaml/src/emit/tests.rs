#![expect(
    clippy::disallowed_methods,
    reason = "reads recorded cases where they are there"
)]

use super::*;
use crate::load::tests::shared;
use crate::{Content, Entry, Node, parse};
use flate2::read::GzDecoder;
use proptest::prelude::*;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader};

/// Share of recorded values that must print as recorded.
const EMIT_FLOOR_PERCENT: f64 = 99.9;

fn node(content: Content) -> Node {
    Node {
        line: 1,
        column: 1,
        content,
    }
}

fn from_json(json: &Json) -> Node {
    node(match json {
        Json::Null => Content::Null,
        Json::Bool(truth) => Content::Bool(*truth),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Content::Integer(number),
            (_, Some(number)) => Content::Unsigned(number),
            _ => Content::Float(number.as_f64().unwrap()),
        },
        Json::String(text) => Content::String(text.clone()),
        Json::Array(items) => Content::List(items.iter().map(from_json).collect()),
        Json::Object(members) => Content::Map(
            members
                .iter()
                .map(|(key, value)| entry(key, from_json(value)))
                .collect(),
        ),
    })
}

fn entry(key: &str, value: Node) -> Entry {
    Entry {
        key: key.to_owned(),
        line: 1,
        column: 1,
        value,
    }
}

#[test]
fn recorded_values_print_as_go_prints_them() {
    let Ok(file) = std::fs::File::open(shared("helm/yaml-emit.jsonl.gz")) else {
        println!("skipped: YAML printed: helm/yaml-emit.jsonl.gz is missing");
        return;
    };
    let (mut total, mut agree, mut refused) = (0_u32, 0_u32, 0_u32);
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let case: Json = serde_json::from_str(&line.unwrap()).unwrap();
        if case.get("err").is_some() {
            refused += 1;
            continue;
        }
        let printed = emit(&from_json(&case["v"]));
        let good = case["y"] == printed.as_str();
        total += 1;
        agree += u32::from(good);
        if !good && std::env::var_os("TRUEUP_SHOW").is_some() {
            println!(
                "{}\n   want {}\n   have {}",
                case["v"],
                case["y"],
                Json::from(printed)
            );
        }
    }
    let percent = f64::from(agree) * 100.0 / f64::from(total);
    println!(
        "{agree} of {total} recorded values print as recorded ({percent:.2} %); {refused} that Go refuses are left out"
    );
    println!("recorded cases: YAML printed: {total} ran, {refused} skipped");
    assert!(percent >= EMIT_FLOOR_PERCENT);
}

#[test]
fn manifests_print_as_people_know_them() {
    let text = "apiVersion: v1\ndata:\n  empty: \"\"\n  number: \"012\"\n  \"on\": \"yes\"\n  script: |\n    #!/bin/sh\n    echo hi\nitems:\n- a: 1\n  b: []\n- - x\n  - {}\nkey2: 1\nkey10: 2\n";
    let documents = parse(text).unwrap();
    assert_eq!(emit(&documents[0].root), text);
}

#[test]
fn long_lines_are_folded_after_column_80() {
    let text = "word ".repeat(40);
    let tree = node(Content::Map(vec![entry(
        "k",
        node(Content::String(text.trim_end().to_owned())),
    )]));
    let printed = emit(&tree);
    assert!(
        printed.lines().count() > 2 && printed.lines().all(|line| line.len() < 90),
        "{printed}"
    );
    assert_eq!(
        parse(&printed).unwrap()[0].root.get("k").unwrap().content,
        Content::String(text.trim_end().to_owned())
    );
}

#[test]
fn breaks_of_old_mainframes_fold_as_on_the_way_through_json() {
    for (text, wanted) in [
        ("a\u{85}b", "a b\n"),
        ("a \u{85} \u{85} b", "|-\n  a\n  b\n"),
        ("a\u{85}", "'a '\n"),
        ("\u{85}", "' '\n"),
    ] {
        let printed = emit(&node(Content::String(text.to_owned())));
        assert_eq!(printed, wanted, "{text:?}");
    }
}

/// A node without its places.
fn bare(tree: Node) -> Node {
    node(match tree.content {
        Content::List(items) => Content::List(items.into_iter().map(bare).collect()),
        Content::Map(mut entries) => {
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            Content::Map(
                entries
                    .into_iter()
                    .map(|e| entry(&e.key, bare(e.value)))
                    .collect(),
            )
        }
        other => other,
    })
}

/// Go prints the key `<<` without quotes, so that it reads back as a merge.
fn key() -> impl Strategy<Value = String> {
    "[ -~]{1,6}".prop_filter("a merge", |key| key != "<<")
}

fn tree() -> impl Strategy<Value = Node> {
    let text = prop_oneof![
        "[ -~\n]{0,12}",
        "[a-z0-9:.# -]{0,120}",
        "(yes|null|~|0x1|1e3|2020-01-01|<<|12:30|\\.inf|- a|\u{e9}\u{1f600})"
    ];
    let leaf = prop_oneof![
        Just(Content::Null),
        any::<bool>().prop_map(Content::Bool),
        any::<i64>().prop_map(Content::Integer),
        text.prop_map(Content::String),
    ]
    .prop_map(node);
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| node(Content::List(items))),
            prop::collection::btree_map(key(), inner, 0..4).prop_map(|members| {
                node(Content::Map(
                    members
                        .into_iter()
                        .map(|(key, value)| entry(&key, value))
                        .collect(),
                ))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_the_same(tree in tree()) {
        let printed = emit(&tree);
        let documents = parse(&printed).map_err(|e| TestCaseError::fail(format!("{e}: {printed}")))?;
        prop_assert_eq!(bare(documents[0].root.clone()), bare(tree), "{}", printed);
    }
}
