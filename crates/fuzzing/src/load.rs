//! Loading YAML.

use trueup_yaml::{
    Booleans, Content, Document, DuplicateKeys, LoadOptions, Node, SourceContent, SourceNode,
    YamlError, parse_first, parse_with, read_source,
};

/// Small enough that inputs of a fuzzer reach them.
const MAX_DEPTH: usize = 32;
const MAX_DOCUMENTS: usize = 64;
const MAX_NODES: usize = 20_000;
const MAX_ALIASED_NODES: usize = 2_000;

/// A text loads within its limits, or is refused at a line that it has; the
/// first document alone is the first of all; both readers see the same
/// documents.
pub fn load(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for options in variants() {
        let all = parse_with(text, &options);
        check_all(text, &all);
        check_first(text, &options, &all);
    }
    check_source(text);
}

fn variants() -> [LoadOptions; 2] {
    let strict = LoadOptions {
        max_depth: MAX_DEPTH,
        max_documents: MAX_DOCUMENTS,
        max_nodes: MAX_NODES,
        max_aliased_nodes: MAX_ALIASED_NODES,
        ..LoadOptions::default()
    };
    let lenient = LoadOptions {
        duplicate_keys: DuplicateKeys::LastWins,
        booleans: Booleans::WordsAndLetters,
        ..strict.clone()
    };
    [strict, lenient]
}

fn check_all(text: &str, loaded: &Result<Vec<Document>, YamlError>) {
    let documents = match loaded {
        Ok(documents) => documents,
        Err(error) => return check_error(text, error),
    };
    assert!(documents.len() <= MAX_DOCUMENTS, "too many documents");
    let nodes: usize = documents
        .iter()
        .map(|document| check_node(text, &document.root, 0))
        .sum();
    assert!(nodes <= MAX_NODES, "{nodes} values");
}

fn check_error(text: &str, error: &YamlError) {
    assert!(!error.message.is_empty(), "an error without a message");
    check_line(text, error.line);
    assert!(error.column >= 1, "column {}", error.column);
}

/// Lines are counted from 1; the end of a text counts as a line of its own.
fn check_line(text: &str, line: u32) {
    let breaks = text.matches(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    let lines = breaks.count() + 2;
    let fits = usize::try_from(line).is_ok_and(|line| (1..=lines).contains(&line));
    assert!(fits, "line {line} of {lines}");
}

/// Checks places, keys and depth; returns how many values there are.
fn check_node(text: &str, node: &Node, depth: usize) -> usize {
    check_line(text, node.line);
    let below = match &node.content {
        Content::List(items) => items
            .iter()
            .map(|item| check_node(text, item, depth + 1))
            .sum(),
        Content::Map(entries) => {
            let mut keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), entries.len(), "a key twice in a map");
            entries
                .iter()
                .map(|entry| check_node(text, &entry.value, depth + 1))
                .sum()
        }
        Content::Float(number) => {
            assert!(number.is_finite(), "a number that JSON can't have");
            0
        }
        _ => 0,
    };
    // An alias brings a tree of its own depth.
    assert!(depth <= 2 * MAX_DEPTH, "{depth} levels");
    below + 1
}

fn check_first(text: &str, options: &LoadOptions, all: &Result<Vec<Document>, YamlError>) {
    let first = parse_first(text, options);
    match all {
        Ok(documents) => assert_eq!(first.as_ref().ok(), Some(&documents.first().cloned())),
        Err(error) => {
            if let Err(found) = &first {
                assert_eq!(found, error, "the first mistake is told twice differently");
            }
        }
    }
}

fn check_source(text: &str) {
    let [options, _] = variants();
    match read_source(text, &options) {
        Ok(documents) => {
            assert!(documents.len() <= MAX_DOCUMENTS, "too many documents");
            let nodes: usize = documents.iter().map(|it| count(&it.root)).sum();
            assert!(nodes <= 2 * MAX_NODES, "{nodes} values");
        }
        Err(error) => check_error(text, &error),
    }
}

fn count(node: &SourceNode) -> usize {
    1 + match &node.content {
        SourceContent::Scalar { .. } => 0,
        SourceContent::List(items) => items.iter().map(count).sum(),
        SourceContent::Map(entries) => entries
            .iter()
            .map(|(key, value)| count(key) + count(value))
            .sum(),
    }
}
