//! From the text of a file to trees.

use super::{Entry, Mapping, Node, Scalar, Tag, resolve_plain};
use trueup_yaml::{ScalarStyle, SourceContent, SourceNode, SourceOptions, YamlError, read_source};

const CORE: &str = "tag:yaml.org,2002:";

/// The documents of a text, each with the line on which it starts. A key that
/// a map has twice is an error, as in Go's `yaml.v3`.
pub(crate) fn read_documents(
    text: &str,
    options: &SourceOptions,
) -> Result<Vec<(u32, Node)>, YamlError> {
    read_source(text, options)?
        .into_iter()
        .map(|document| Ok((document.line, node(document.root)?)))
        .collect()
}

fn node(source: SourceNode) -> Result<Node, YamlError> {
    Ok(match source.content {
        SourceContent::Scalar { text, style } => {
            Node::Scalar(scalar(source.tag.as_deref(), text, style))
        }
        SourceContent::List(items) => {
            Node::List(items.into_iter().map(node).collect::<Result<_, _>>()?)
        }
        SourceContent::Map(entries) => Node::Map(map(entries)?),
    })
}

fn map(entries: Vec<(SourceNode, SourceNode)>) -> Result<Mapping, YamlError> {
    let mut seen = std::collections::HashMap::new();
    let mut result = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let line = key.line;
        let SourceContent::Scalar { text, style } = key.content else {
            return Err(YamlError::new("expected a text as key", line, 1));
        };
        if let Some(first) = seen.insert(text.clone(), line) {
            return Err(YamlError::new(
                format!("mapping key {text:?} already defined at line {first}"),
                line,
                1,
            ));
        }
        result.push(Entry {
            key: scalar(key.tag.as_deref(), text, style),
            value: node(value)?,
        });
    }
    Ok(result.into_iter().collect())
}

fn scalar(tag: Option<&str>, text: String, style: ScalarStyle) -> Scalar {
    let tag = match tag.and_then(|tag| tag.strip_prefix(CORE)) {
        Some("null") => Tag::Null,
        Some("bool") => Tag::Bool,
        Some("int") => Tag::Integer,
        Some("float") => Tag::Float,
        Some("timestamp") => Tag::Timestamp,
        Some("binary") => Tag::Binary,
        Some("str") => Tag::String,
        Some(_) => Tag::Custom,
        None if tag.is_some() => Tag::Custom,
        None if style == ScalarStyle::Plain => resolve_plain(&text),
        None => Tag::String,
    };
    Scalar {
        text: text.into(),
        tag,
        style,
    }
}
