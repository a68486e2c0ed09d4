//! Rows of the tables of the genuine engine's parts: merges, hashes,
//! replacements, variables. Rows that ask for a way of merging that no build takes differ.

use super::recorded::{Verdict, judge, play, printed};
use super::{path, tree};
use crate::hash::hash;
use crate::node::{Node, Scalar, read_documents};
use crate::openapi::OpenApi;
use crate::patch::merge::merge;
use crate::resource::Resource;
use crate::vars::{Expanded, expand};
use crate::{BuildOptions, build};
use std::sync::LazyLock;
use trueup_object::{Position, Value};
use trueup_yaml::SourceOptions;

/// How many rows agree at least.
const TABLES_FLOOR: usize = 186;

static OPENAPI: LazyLock<OpenApi> = LazyLock::new(OpenApi::builtin);

#[test]
fn rows_of_tables_are_those_of_the_genuine_engine() {
    play("tables", TABLES_FLOOR, name, |row| match suite(row) {
        "merge2" => merged(row),
        "hasher" => hashed(row),
        "replacement" => replaced(row),
        "refvar" => expanded(row),
        _ => Verdict::PassedOver,
    });
}

fn name(row: &Value) -> String {
    let names = ["_name", "description", "desc", "name"];
    let name = names.iter().find_map(|key| row.str_at(&[key]));
    format!("{}: {}", suite(row), name.unwrap_or_default())
}

/// The folder that holds the table.
fn suite(row: &Value) -> &str {
    let suite = row.str_at(&["suite"]).unwrap_or_default();
    suite.rsplit('/').nth(1).unwrap_or_default()
}

fn node(text: &str) -> Option<Node> {
    let documents = read_documents(text, &SourceOptions::default()).unwrap();
    documents.into_iter().next().map(|(_, node)| node)
}

/// Text in the shape that output has.
fn shape(text: &str) -> Result<String, String> {
    match node(text) {
        Some(node) => printed(&node).map_err(|error| error.to_string()),
        None => Ok(String::new()),
    }
}

fn merged(row: &Value) -> Verdict {
    let (Some(dest), Some(source)) = (row.str_at(&["dest"]), row.str_at(&["source"])) else {
        return Verdict::PassedOver;
    };
    let patch = node(source).unwrap_or_default();
    let kind = patch.text_at(&["kind"]).to_owned();
    let schema = OPENAPI.of_kind(patch.text_at(&["apiVersion"]), &kind);
    let made = match merge(node(dest), &patch, schema.as_ref(), &mut Vec::new()) {
        Ok(Some(made)) => printed(&made).map_err(|error| error.to_string()),
        Ok(None) => Ok(String::new()),
        Err(error) => Err(error.to_string()),
    };
    compare(row, "expected", made)
}

/// Compares with a text of the row, both in the shape of output.
fn compare(row: &Value, wanted: &str, made: Result<String, String>) -> Verdict {
    let mut row = row.clone();
    if let Some(text) = row.str_at(&[wanted]).map(shape) {
        row.set_at(&[wanted], Value::string(text.unwrap()));
    }
    judge(&row, wanted, made)
}

fn hashed(row: &Value) -> Verdict {
    let texts = ["cmYaml", "secretYaml", "res"];
    let text = texts.iter().find_map(|key| row.str_at(&[key]));
    let (Some(text), Some(_)) = (text, row.str_at(&["hash"])) else {
        return Verdict::PassedOver;
    };
    let resource = Resource::new(node(text).unwrap_or_default(), Position::default());
    judge(
        row,
        "hash",
        hash(&resource).map_err(|error| error.to_string()),
    )
}

fn replaced(row: &Value) -> Verdict {
    let (Some(input), Some(rules)) = (row.str_at(&["input"]), row.str_at(&["replacements"])) else {
        return Verdict::PassedOver;
    };
    let made = built(input, rules);
    let mut row = row.clone();
    match row.str_at(&["expected"]).map(|text| built(text, "")) {
        Some(Ok(text)) => row.set_at(&["expected"], Value::string(text)),
        // Objects without a name can be replaced into, but are no resources.
        Some(Err(_)) => return Verdict::PassedOver,
        None => {}
    }
    judge(&row, "expected", made)
}

/// Rows of one text and what it becomes; they leave out what the variables are.
fn expanded(row: &Value) -> Verdict {
    let is_of_texts = row
        .str_at(&["suite"])
        .unwrap_or_default()
        .ends_with("expand_test.go");
    let (Some(input), true) = (row.str_at(&["input"]), is_of_texts) else {
        return Verdict::PassedOver;
    };
    let variables = [
        ("VAR_A", "A"),
        ("VAR_B", "B"),
        ("VAR_C", "C"),
        ("VAR_REF", "$(VAR_A)"),
        ("VAR_EMPTY", ""),
    ];
    let variables = variables.map(|(name, value)| (name.into(), Scalar::string(value)));
    let growth = crate::growth::Growth::new(&crate::Limits::default());
    let made = match expand(input, &variables.into(), &growth) {
        Ok(Expanded::Text(text)) => text,
        Ok(Expanded::Value(value)) => value.text.to_string(),
        Err(error) => return judge(row, "expected", Err(error)),
    };
    judge(row, "expected", Ok(made))
}

fn built(input: &str, rules: &str) -> Result<String, String> {
    let root = format!("resources: [input.yaml]\n{rules}");
    let files = tree(&[("kustomization.yaml", &root), ("input.yaml", input)]);
    build(&files, &path("."), None, &BuildOptions::default())
        .and_then(|made| made.to_yaml())
        .map_err(|error| error.to_string())
}
