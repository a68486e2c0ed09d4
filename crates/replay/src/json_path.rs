//! The small JSONPath of the recordings: `.key`, `['key']`, `[0]`, `[*]`,
//! `[?(@.k=="v")]`, `.length()`; a missing thing is null.

use regex::{Captures, Regex};
use std::sync::LazyLock;
use trueup_object::Value;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    let tokens = r#"^(?:(?<length>\.length\(\))|\.(?<key>[A-Za-z0-9_\-]+)|\[(?<index>\d+)\]|\['(?<quoted>[^']+)'\]|\[\?\(@\.(?<field>[A-Za-z0-9_]+)=="(?<value>[^"]*)"\)\])"#;
    Regex::new(tokens).expect("the pattern is constant")
});

/// The value at a path; fails with the rest of a path that can't be read.
pub fn find(document: &Value, path: &str) -> Result<Value, String> {
    let Some(rest) = path.strip_prefix('$') else {
        return Err(path.to_owned());
    };
    match rest.split_once("[*]") {
        None => walk(document, rest),
        Some((head, tail)) => {
            let list = walk(document, head)?;
            let items = list.as_list().unwrap_or_default();
            items
                .iter()
                .map(|item| find(item, &format!("${tail}")))
                .collect()
        }
    }
}

fn walk(document: &Value, mut rest: &str) -> Result<Value, String> {
    let mut current = document.clone();
    while !rest.is_empty() {
        let token = TOKEN.captures(rest).ok_or_else(|| rest.to_owned())?;
        rest = &rest[token[0].len()..];
        current = step(&current, &token);
    }
    Ok(current)
}

fn step(current: &Value, token: &Captures<'_>) -> Value {
    let named = |name: &str| token.name(name).map(|it| it.as_str());
    if named("length").is_some() {
        return length(current);
    }
    let found = if let Some(key) = named("key").or(named("quoted")) {
        current.get(key)
    } else if let Some(index) = named("index") {
        let index = index.parse::<usize>().ok();
        index.and_then(|index| current.as_list()?.get(index))
    } else {
        let field = named("field").unwrap_or_default();
        let items = current.as_list().unwrap_or_default();
        items
            .iter()
            .find(|item| item.get(field).and_then(Value::as_str) == named("value"))
    };
    found.cloned().unwrap_or_default()
}

fn length(value: &Value) -> Value {
    let length = match value {
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::String(text) => text.chars().count(),
        _ => 0,
    };
    Value::from(i64::try_from(length).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn every_form_finds_its_value_and_missing_things_are_null() {
        let document =
            value!({"items": [{"k": "a", "n": 1}, {"k": "b", "n": 2}], "x.y": {"z": [7]}});
        let found = |path| find(&document, path).unwrap();
        assert_eq!(found("$.items[*].n"), value!([1, 2]));
        assert_eq!(found("$.items[?(@.k==\"b\")].n"), value!(2));
        assert_eq!(found("$['x.y'].z[0]"), value!(7));
        assert_eq!(found("$.items.length()"), value!(2));
        assert_eq!(found("$.nope.length()"), value!(0));
        assert_eq!(found("$.nope[3].more"), Value::Null);
        assert_eq!(find(&document, "$.items[x]").unwrap_err(), "[x]");
    }
}
