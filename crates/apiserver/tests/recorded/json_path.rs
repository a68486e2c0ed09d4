//! The small JSONPath of recorded cases: `.key`, `['key']`, `[0]`, `[*]`,
//! `[?(@.k=="v")]`, `.length()`; a missing thing is null.

use regex::Regex;
use serde_json::{Value, json};
use std::sync::LazyLock;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    let tokens = r#"^(?:(\.length\(\))|\.([A-Za-z0-9_\-]+)|\[(\d+)\]|\['([^']+)'\]|\[\?\(@\.([A-Za-z0-9_]+)=="([^"]*)"\)\])"#;
    Regex::new(tokens).unwrap()
});

/// The value at a path.
pub fn find(document: &Value, path: &str) -> Value {
    let rest = path.strip_prefix('$').expect("a path begins with $");
    if let Some((head, tail)) = rest.split_once("[*]") {
        let list = find(document, &format!("${head}"));
        let items = list.as_array().cloned().unwrap_or_default();
        return items
            .iter()
            .map(|item| find(item, &format!("${tail}")))
            .collect();
    }
    let mut rest = rest;
    let mut current = document.clone();
    while !rest.is_empty() {
        let token = TOKEN
            .captures(rest)
            .unwrap_or_else(|| panic!("bad path {path}"));
        rest = &rest[token[0].len()..];
        current = step(&current, &token);
    }
    current
}

fn step(current: &Value, token: &regex::Captures<'_>) -> Value {
    let group = |index: usize| token.get(index).map(|it| it.as_str());
    if group(1).is_some() {
        return json!(match current {
            Value::Array(list) => list.len(),
            Value::Object(map) => map.len(),
            Value::String(text) => text.len(),
            _ => 0,
        });
    }
    if let Some(key) = group(2).or(group(4)) {
        return current.get(key).cloned().unwrap_or_default();
    }
    if let Some(index) = group(3) {
        return current
            .get(index.parse::<usize>().unwrap())
            .cloned()
            .unwrap_or_default();
    }
    let (key, wanted) = (group(5).unwrap(), group(6).unwrap());
    let items = current.as_array().cloned().unwrap_or_default();
    items
        .into_iter()
        .find(|item| item.get(key).and_then(Value::as_str) == Some(wanted))
        .unwrap_or_default()
}
