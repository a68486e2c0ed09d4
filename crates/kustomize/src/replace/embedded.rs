//! Values inside of texts that are JSON or YAML themselves.

use super::targets::{Change, change_at};
use crate::field_path::lookup;
use crate::node::{Layout, Node, read_documents};
use trueup_object::{Text, to_json};
use trueup_yaml::SourceOptions;

/// Changes a value inside of a text on the way of the path, if there is such
/// a text and it holds such a value. The text stays JSON or YAML as it was.
pub(super) fn change(node: &mut Node, path: &[Text], change: &Change<'_>) -> bool {
    let is_text = |length: &usize| matches!(lookup(node, &path[..*length]), Some(Node::Scalar(scalar)) if !scalar.text.is_empty());
    let Some(length) = (1..path.len()).find(is_text) else {
        return false;
    };
    let Some(Node::Scalar(scalar)) = lookup(node, &path[..length]) else {
        return false;
    };
    let before = scalar.text.clone();
    let Ok(documents) = read_documents(&before, &SourceOptions::default()) else {
        return false;
    };
    let Some((_, mut inner)) = documents.into_iter().next() else {
        return false;
    };
    if !matches!(change_at(&mut inner, &path[length..], change), Ok(1..)) {
        return false;
    }
    let Some(after) = written(&inner, &before) else {
        return false;
    };
    let text = Node::string(after);
    let set = Change {
        value: &text,
        depth: 0,
        options: None,
        creates: false,
        growth: change.growth,
    };
    change_at(node, &path[..length], &set).is_ok()
}

fn written(inner: &Node, before: &str) -> Option<String> {
    if !before.trim_start().starts_with(['{', '[']) {
        let layout = Layout::of(before);
        return Some(inner.to_source_like(&layout).trim().to_owned());
    }
    let json = to_json(&inner.value().ok()?);
    let compact = String::from_utf8(json).ok()?;
    if before.contains('\n') && before.contains("  ") {
        return Some(indented(&compact));
    }
    Some(compact)
}

/// JSON with a member or item a line, two spaces a level.
fn indented(json: &str) -> String {
    let mut made = String::new();
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        if in_text {
            made.push(character);
            in_text = escaped || character != '"';
            escaped = character == '\\' && !escaped;
            continue;
        }
        match character {
            '{' | '[' => {
                made.push(character);
                let closing = if character == '{' { '}' } else { ']' };
                if characters.next_if_eq(&closing).is_some() {
                    made.push(closing);
                    continue;
                }
                depth += 1;
                line(&mut made, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut made, depth);
                made.push(character);
            }
            ',' => {
                made.push(character);
                line(&mut made, depth);
            }
            ':' => made.push_str(": "),
            '"' => {
                in_text = true;
                made.push(character);
            }
            other => made.push(other),
        }
    }
    made
}

fn line(made: &mut String, depth: usize) {
    made.push('\n');
    made.push_str(&"  ".repeat(depth));
}
