//! From trees to text with its order and types, as inside of another text.

use super::output::at_no_line;
use super::{Mapping, Node, Scalar, Tag};
use std::collections::HashMap;
use trueup_object::Value;
use trueup_yaml::{Content, ScalarStyle, SourceContent, SourceNode, SourceOptions, read_source};

/// Which lists and maps of a text are in brackets.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    in_brackets: bool,
    /// The lists and maps in it, by key or by place.
    members: HashMap<String, Layout>,
}

impl Layout {
    /// That of the first document of a text; of a text that can't be read, all
    /// in blocks.
    pub fn of(text: &str) -> Self {
        let options = SourceOptions::default();
        let documents = read_source(text, &options);
        let first = documents.ok().and_then(|all| all.into_iter().next());
        first.map_or_else(Self::default, |document| Self::of_node(&document.root))
    }

    fn of_node(node: &SourceNode<'_>) -> Self {
        let is_scalar = |it: &SourceNode<'_>| matches!(it.content, SourceContent::Scalar { .. });
        let members = match &node.content {
            SourceContent::Scalar { .. } => HashMap::new(),
            SourceContent::List(items) => (items.iter().enumerate())
                .filter(|(_, item)| !is_scalar(item))
                .map(|(place, item)| (place.to_string(), Self::of_node(item)))
                .collect(),
            SourceContent::Map(entries) => (entries.iter())
                .filter(|(_, value)| !is_scalar(value))
                .filter_map(|(key, value)| Some((key.text()?.to_owned(), Self::of_node(value))))
                .collect(),
        };
        Self {
            in_brackets: node.is_flow,
            members,
        }
    }
}

impl Node {
    /// The text of this tree with its order and types, in block style.
    pub fn to_source(&self) -> String {
        self.to_source_like(&Layout::default())
    }

    /// As [`Node::to_source`], with brackets where the layout has them.
    pub fn to_source_like(&self, layout: &Layout) -> String {
        let mut text = String::new();
        write_block(self, 0, Some(layout), &mut text);
        text
    }

    /// A list or map that is written in lines of its own.
    fn is_block(&self, layout: Option<&Layout>) -> bool {
        let has_members = match self {
            Self::Scalar(_) => false,
            Self::List(items) => !items.is_empty(),
            Self::Map(map) => !map.is_empty(),
        };
        has_members && layout.is_none_or(|layout| !layout.in_brackets)
    }
}

/// Writes a value that begins on a line of its own.
fn write_block(node: &Node, depth: usize, layout: Option<&Layout>, text: &mut String) {
    let indent = "  ".repeat(depth);
    let below = |key: &str| layout.and_then(|layout| layout.members.get(key));
    match node {
        Node::Map(map) if node.is_block(layout) => {
            for entry in map.entries() {
                text.push_str(&indent);
                write_scalar(&entry.key, text);
                text.push(':');
                write_member(&entry.value, depth, below(&entry.key.text), text);
            }
        }
        Node::List(items) if node.is_block(layout) => {
            for (place, item) in items.iter().enumerate() {
                text.push_str(&indent);
                text.push('-');
                write_item(item, depth, below(&place.to_string()), text);
            }
        }
        other => {
            text.push_str(&indent);
            write_inline(other, depth, text);
            text.push('\n');
        }
    }
}

fn write_member(node: &Node, depth: usize, layout: Option<&Layout>, text: &mut String) {
    if !node.is_block(layout) {
        text.push(' ');
        write_inline(node, depth, text);
        text.push('\n');
        return;
    }
    text.push('\n');
    let depth = depth + usize::from(node.as_map().is_some());
    write_block(node, depth, layout, text);
}

fn write_item(node: &Node, depth: usize, layout: Option<&Layout>, text: &mut String) {
    let mut inner = String::new();
    write_block(node, depth + 1, layout, &mut inner);
    text.push(' ');
    text.push_str(inner.trim_start_matches(' '));
}

fn write_inline(node: &Node, depth: usize, text: &mut String) {
    match node {
        Node::Scalar(scalar) => {
            let is_block = scalar.style == ScalarStyle::Literal && scalar.text.contains('\n');
            if is_block {
                write_literal(scalar, depth, text);
            } else {
                write_scalar(scalar, text);
            }
        }
        collection => write_flow(collection, text),
    }
}

/// Writes a value in brackets on one line.
fn write_flow(node: &Node, text: &mut String) {
    match node {
        Node::Scalar(scalar) => write_flow_scalar(scalar, text),
        Node::List(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { ", " });
                write_flow(item, text);
            }
            text.push(']');
        }
        Node::Map(map) => write_flow_map(map, text),
    }
}

fn write_flow_map(map: &Mapping, text: &mut String) {
    text.push('{');
    for (place, entry) in map.entries().iter().enumerate() {
        text.push_str(if place == 0 { "" } else { ", " });
        write_flow_scalar(&entry.key, text);
        text.push_str(": ");
        write_flow(&entry.value, text);
    }
    text.push('}');
}

/// A scalar between brackets, where more characters need quotes.
fn write_flow_scalar(scalar: &Scalar, text: &mut String) {
    let is_bare = matches!(scalar.style, ScalarStyle::Plain);
    let many_lines = scalar.text.contains('\n');
    let style = match scalar.style {
        _ if many_lines => ScalarStyle::DoubleQuoted,
        _ if is_bare && scalar.text.contains([',', '?', '[', ']', '{', '}', ':']) => {
            ScalarStyle::SingleQuoted
        }
        ScalarStyle::Literal | ScalarStyle::Folded => ScalarStyle::DoubleQuoted,
        style => style,
    };
    let scalar = Scalar {
        style,
        ..scalar.clone()
    };
    write_scalar(&scalar, text);
}

fn write_literal(scalar: &Scalar, depth: usize, text: &mut String) {
    let keep = match scalar.text.ends_with('\n') {
        true => "",
        false => "-",
    };
    text.push_str(&format!("|{keep}"));
    let indent = "  ".repeat(depth + 1);
    for line in scalar.text.trim_end_matches('\n').split('\n') {
        text.push('\n');
        if !line.is_empty() {
            text.push_str(&indent);
            text.push_str(line);
        }
    }
}

/// A scalar as it was written, or in quotes where it would mean something else.
fn write_scalar(scalar: &Scalar, text: &mut String) {
    let value = scalar.text.as_str();
    match scalar.style {
        ScalarStyle::SingleQuoted => {
            text.push_str(&format!("'{}'", value.replace('\'', "''")));
        }
        ScalarStyle::DoubleQuoted => {
            let json = trueup_object::to_json(&Value::from(value));
            text.push_str(&String::from_utf8_lossy(&json));
        }
        _ if scalar.tag == Tag::String => {
            text.push_str(
                trueup_yaml::emit(&at_no_line(Content::String(value.to_owned()))).trim_end(),
            );
        }
        _ => text.push_str(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::read_documents;

    #[test]
    fn brackets_stay_brackets_and_values_in_them_get_quotes() {
        let text = "\
a: {b: old, c: 'it''s', \"f g\": [1, two,
  {h: i}], j: [], k: {}, l: ~, m: http://x/y}
w:
  - [a]
  - b: {c: d}
";
        let documents = read_documents(text, &SourceOptions::default()).unwrap();
        let mut node = documents[0].1.clone();
        node.at_mut(&["a", "b"]).unwrap().write("n, ew: [1]");
        assert_eq!(
            node.to_source_like(&Layout::of(text)),
            "\
a: {b: 'n, ew: [1]', c: 'it''s', \"f g\": [1, two, {h: i}], j: [], k: {}, l: ~, m: 'http://x/y'}
w:
- [a]
- b: {c: d}
"
        );
        assert!(node.to_source().starts_with("a:\n  b: 'n, ew: [1]'\n"));
    }
}
