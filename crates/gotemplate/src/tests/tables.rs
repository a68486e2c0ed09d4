//! The tables of Go's own tests, as they were recorded.

use super::go_values::{comparison_data, data_of, functions, reflected_data, t};
use super::recorded::{Outcome, play, text};
use crate::error::ParseError;
use crate::parse::{Branch, Keyword, Node};
use crate::{Limits, Options, Template, Value};
use serde_json::Value as Json;
use trueup_gocompat::quote::{Plain, quote};

const TABLES: &str = "helm/tables.jsonl.gz";

fn options() -> Options {
    Options {
        functions: functions(),
        ..Options::default()
    }
}

/// Parses and executes: what is written, or the error.
fn outcome(name: &str, input: &str, data: &Value) -> Result<String, String> {
    let template = Template::parse(name, input, options()).map_err(|error| error.to_string())?;
    let written = template.execute(data).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&written).into_owned())
}

fn compare(found: Result<String, String>, expected: &str) -> Outcome {
    match found {
        Ok(found) if found == expected => Outcome::Agrees,
        Ok(found) | Err(found) => Outcome::Differs(found),
    }
}

/// The recording doesn't tell an error from nothing written.
fn compare_or_fails(found: Result<String, String>, expected: &str) -> Outcome {
    match found {
        Err(_) if expected.is_empty() => Outcome::Agrees,
        found => compare(found, expected),
    }
}

fn contains(found: Result<String, String>, expected: &str) -> Outcome {
    match found {
        Err(found) if found.contains(expected) => Outcome::Agrees,
        Ok(found) | Err(found) => Outcome::Differs(found),
    }
}

/// Why a row needs what this crate doesn't have.
fn needs(name: &str, input: &str) -> Option<&'static str> {
    let mentions = |words: &[&str]| words.iter().any(|word| input.contains(word));
    if mentions(&[".MII", ".MI32S", ".MI64S", ".MUI", ".MI8S"]) {
        return Some("maps whose keys are no texts");
    }
    if mentions(&[".SICap"]) {
        return Some("slices with room behind their end");
    }
    if mentions(&["ReturnCountFunc", "ReturnTypeFunc"]) {
        return Some("functions that Go itself refuses");
    }
    if mentions(&[".NonEmptyInterfaceNil"]) {
        return Some("nil in an interface with methods");
    }
    if mentions(&["tmpl1.tmpl"]) {
        return Some("files");
    }
    if name == "bug11" {
        return Some("pointers that are nil");
    }
    name.contains("iter.Seq")
        .then_some("functions that iterate")
}

fn check_execution(case: &Json) -> Option<Outcome> {
    if let (Some(text), Some(expected)) = (text(case, "in"), text(case, "exp")) {
        let found = outcome("js", "{{js .}}", &text.into());
        return Some(compare(found, expected));
    }
    if let (Some(expression), Some(expected)) = (text(case, "expr"), text(case, "truth")) {
        if expression.contains(".V1") {
            return Some(Outcome::LeftOut("structs that can be compared"));
        }
        let input = format!("{{{{{expression}}}}}");
        let found = outcome("expression", &input, &comparison_data());
        return Some(compare_or_fails(found, expected));
    }
    if let (Some(input), Some(expected)) = (text(case, "text"), text(case, "out")) {
        let found = outcome("t", input, &reflected_data());
        return Some(match expected.strip_prefix("ERROR: ") {
            Some(expected) => contains(found, expected),
            None => compare(found, expected),
        });
    }
    if text(case, "src").is_some() {
        return Some(Outcome::LeftOut("pointers that are nil"));
    }
    let (name, input) = (text(case, "name")?, text(case, "input")?);
    if let Some(reason) = needs(name, input) {
        return Some(Outcome::LeftOut(reason));
    }
    if let Some(expected) = text(case, "wantErr") {
        if input.contains("GetU") {
            return Some(Outcome::LeftOut("pointers that are nil"));
        }
        return Some(contains(outcome("t", input, &t()), expected));
    }
    let Some(expected) = text(case, "output") else {
        return Some(Outcome::LeftOut("no outcome recorded"));
    };
    let data = text(case, "data").map_or_else(|| data_of(name, input), Value::from);
    Some(compare_or_fails(outcome(name, input, &data), expected))
}

#[test]
fn templates_execute_as_in_the_tables_of_go() {
    play("text/template: execution", TABLES, |case| {
        let suite = text(case, "suite")?;
        (suite == "text/template/exec_test.go").then(|| check_execution(case))?
    });
}

/// The templates that Go's table of calls knows.
const SHARED_TEMPLATES: &str = r#"
    {{define "x"}}TEXT{{end}}
    {{define "dotV"}}{{.V}}{{end}}
    {{define "dot"}}{{.}}{{end}}
    {{define "nested"}}{{template "dot" .}}{{end}}
"#;

fn check_call(case: &Json) -> Option<Outcome> {
    if let (Some(name), Some(input)) = (text(case, "name"), text(case, "input")) {
        let parsed = Template::parse(name, input, options());
        let is_refused = ["missing end", "malformed name"].contains(&name);
        return Some(if parsed.is_err() == is_refused {
            Outcome::Agrees
        } else {
            Outcome::Differs(format!("{parsed:?}"))
        });
    }
    let (Some(name), Some(input), Some(expected)) =
        (text(case, "f0"), text(case, "f1"), text(case, "f2"))
    else {
        return Some(Outcome::LeftOut("steps that depend on the row before"));
    };
    if let Some(reason) = needs(name, input) {
        return Some(Outcome::LeftOut(reason));
    }
    let mut template = Template::parse("root", SHARED_TEMPLATES, options()).unwrap();
    template.add(name, input).unwrap();
    let data = text(case, "f3").map_or_else(t, Value::from);
    let found = template
        .execute_named(name, &data)
        .map(|written| String::from_utf8(written).unwrap())
        .map_err(|error| error.to_string());
    Some(compare(found, expected))
}

#[test]
fn templates_call_each_other_as_in_the_tables_of_go() {
    play("text/template: several templates", TABLES, |case| {
        let suite = text(case, "suite")?;
        (suite == "text/template/multi_test.go").then(|| check_call(case))?
    });
}

/// A tree as Go's tests write it: texts in quotes.
fn shown(nodes: &[Node]) -> String {
    nodes.iter().map(shown_node).collect()
}

fn shown_node(node: &Node) -> String {
    match node {
        Node::Text(text) => String::from_utf8_lossy(&quote(text, Plain::Printable)).into_owned(),
        Node::Action { pipe, .. } => format!("{{{{{pipe}}}}}"),
        Node::Branch(branch) => shown_arms(branch, 0),
        Node::Break => "{{break}}".to_owned(),
        Node::Continue => "{{continue}}".to_owned(),
        Node::Template(call) => call.to_string(),
    }
}

fn shown_arms(branch: &Branch, index: usize) -> String {
    let keyword = match branch.keyword {
        Keyword::If => "if",
        Keyword::Range => "range",
        Keyword::With => "with",
    };
    let arm = &branch.arms[index];
    let rest = if index + 1 < branch.arms.len() {
        format!("{{{{else}}}}{}", shown_arms(branch, index + 1))
    } else {
        let otherwise = branch.otherwise.as_deref().map(shown);
        otherwise.map_or(String::new(), |nodes| format!("{{{{else}}}}{nodes}"))
    };
    format!(
        "{{{{{keyword} {}}}}}{}{rest}{{{{end}}}}",
        arm.pipe,
        shown(&arm.nodes)
    )
}

fn parse_as_go_tests(name: &str, input: &str) -> Result<String, ParseError> {
    let nested = name.starts_with("paren nesting");
    let limits = Limits {
        parentheses: if nested { 3 } else { 1_000 },
        ..Limits::default()
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let name = if nested { "test" } else { name };
    let template = Template::parse(name, input, options)?;
    Ok(shown(&template.tree(name.as_bytes()).unwrap().nodes))
}

fn check_parse(case: &Json) -> Option<Outcome> {
    let (name, input) = (text(case, "name")?, text(case, "input")?);
    let Some(expected) = text(case, "result") else {
        return Some(Outcome::LeftOut("no outcome recorded"));
    };
    if expected.contains("{{/*") {
        return Some(Outcome::LeftOut("comments in the tree"));
    }
    Some(match parse_as_go_tests(name, input) {
        Ok(found) if found == expected => Outcome::Agrees,
        // The recording doesn't tell an error from an empty tree; of some
        // refused texts it has the text itself.
        Err(error) if error.message.contains(expected) || expected == input => Outcome::Agrees,
        Ok(found) => Outcome::Differs(found),
        Err(error) => Outcome::Differs(error.message),
    })
}

#[test]
fn templates_parse_as_in_the_tables_of_go() {
    play("text/template: parsing", TABLES, |case| {
        let suite = text(case, "suite")?;
        (suite == "text/template/parse/parse_test.go").then(|| check_parse(case))?
    });
}
