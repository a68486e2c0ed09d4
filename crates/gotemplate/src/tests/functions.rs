//! Expressions of charts that use builtins alone, as Helm 4 evaluated them.

use super::recorded::{Outcome, folder, play, text};
use crate::{MissingKey, Options, Template, Value};
use serde_json::Value as Json;
use trueup_yaml::{Content, LoadOptions, Node, parse_first};

const NAME: &str = "c/templates/t";

/// The values as Helm has them: all numbers are floats.
fn of_yaml(node: &Node) -> Value {
    match &node.content {
        Content::Null => Value::Nil,
        Content::Bool(value) => (*value).into(),
        Content::Integer(number) => Value::Float(*number as f64),
        Content::Unsigned(number) => Value::Float(*number as f64),
        Content::Float(number) => Value::Float(*number),
        Content::String(text) => text.as_str().into(),
        Content::List(items) => Value::list(items.iter().map(of_yaml)),
        Content::Map(entries) => Value::map(
            entries
                .iter()
                .map(|entry| (entry.key.as_str(), of_yaml(&entry.value))),
        ),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads recorded values where they are there"
)]
fn values() -> Option<Value> {
    let text = std::fs::read_to_string(folder().join("helm/function-values.yaml")).ok()?;
    let document = parse_first(&text, &LoadOptions::default())
        .unwrap()
        .unwrap();
    Some(of_yaml(&document.root))
}

/// The error as Helm 4 writes it, on three lines.
fn on_lines(error: &str) -> Option<String> {
    let rest = error.strip_prefix("template: ")?;
    let (place, rest) = rest.split_once(": executing ")?;
    let (context, message) = rest.split_once(">: ")?;
    Some(format!("{place}\n  executing {context}>:\n    {message}"))
}

/// Whether a format has the verb `%p`.
fn prints_pointer(input: &str) -> bool {
    let is_flag = |c: char| "+-# 0123456789.".contains(c);
    let mut verbs = input.split('%').skip(1);
    verbs.any(|directive| directive.trim_start_matches(is_flag).starts_with('p'))
}

fn check(case: &Json, data: &Value) -> Option<Outcome> {
    let input = text(case, "tpl")?;
    // Helm has a function of its own with this name, and data of its own.
    let own = [
        "slice",
        ".Capabilities",
        ".Release",
        ".Chart",
        ".Files",
        ".Template",
    ];
    if own.iter().any(|word| input.contains(word)) {
        return Some(Outcome::LeftOut("functions and data of charts"));
    }
    let expected = text(case, "out").or_else(|| text(case, "err"))?;
    // The whole data is more than values: a chart, a release.
    if expected.contains("Capabilities") || expected.contains("common.Values") {
        return Some(Outcome::LeftOut("functions and data of charts"));
    }
    if prints_pointer(input) && !expected.starts_with("%!p(") {
        return Some(Outcome::LeftOut("addresses"));
    }
    let options = Options {
        missing_key: MissingKey::Zero,
        ..Options::default()
    };
    let Ok(template) = Template::parse(NAME, input, options) else {
        return Some(Outcome::LeftOut("functions and data of charts"));
    };
    let found = match template.execute(data) {
        // Helm drops the words wherever they are.
        Ok(written) => String::from_utf8_lossy(&written).replace("<no value>", ""),
        Err(error) => error.to_string(),
    };
    let agrees = found == expected || on_lines(&found).as_deref() == Some(expected);
    Some(if agrees {
        Outcome::Agrees
    } else {
        Outcome::Differs(found)
    })
}

#[test]
fn builtins_evaluate_as_in_charts() {
    let Some(values) = values() else {
        println!("skipped: builtins in charts: helm/function-values.yaml is missing");
        return;
    };
    let data = Value::map([("Values", values)]);
    play(
        "text/template: builtins in charts",
        "helm/function-cases.jsonl.gz",
        |case| check(case, &data),
    );
}
