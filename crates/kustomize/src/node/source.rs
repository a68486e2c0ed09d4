//! From the text of a file to trees.

use super::separate::parts;
use super::{Entry, Mapping, Node, Scalar, Tag, resolve_plain};
use std::borrow::Cow;
use std::collections::HashMap;
use trueup_yaml::{
    ScalarStyle, SourceContent, SourceDocument, SourceNode, SourceOptions, YamlError, read_source,
    read_source_parts,
};

const CORE: &str = "tag:yaml.org,2002:";

/// The documents of a text, each with the line on which it starts. A key that
/// a map has twice is an error, as in Go's `yaml.v3`.
pub(crate) fn read_documents(
    text: &str,
    options: &SourceOptions,
) -> Result<Vec<(u32, Node)>, YamlError> {
    nodes(read_source(text, options)?)
}

/// The documents of a file of resources or patches, each with the line on
/// which it starts, separated as kustomize does it.
pub(crate) fn read_separated(
    text: &str,
    options: &SourceOptions,
) -> Result<Vec<(u32, Node)>, YamlError> {
    if !text.contains("\r\n") {
        return nodes(read_source_parts(&parts(text)?, options)?);
    }
    let text = text.replace("\r\n", "\n");
    nodes(read_source_parts(&parts(&text)?, options)?)
}

fn nodes(documents: Vec<SourceDocument<'_>>) -> Result<Vec<(u32, Node)>, YamlError> {
    documents
        .into_iter()
        .map(|document| Ok((document.line, node(document.root)?)))
        .collect()
}

fn node(source: SourceNode<'_>) -> Result<Node, YamlError> {
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

/// Up to this many members are compared one by one.
const MAX_COMPARED: usize = 16;

fn map(entries: Vec<(SourceNode<'_>, SourceNode<'_>)>) -> Result<Mapping, YamlError> {
    refuse_second_keys(&entries)?;
    let mut result = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let SourceContent::Scalar { text, style } = key.content else {
            return Err(YamlError::new("expected a text as key", key.line, 1));
        };
        result.push(Entry {
            key: scalar(key.tag.as_deref(), text, style),
            value: node(value)?,
        });
    }
    Ok(result.into_iter().collect())
}

/// Refuses a map that has a key twice.
fn refuse_second_keys(entries: &[(SourceNode<'_>, SourceNode<'_>)]) -> Result<(), YamlError> {
    let keys = || entries.iter().map(|(key, _)| key);
    if entries.len() <= MAX_COMPARED {
        for (place, key) in keys().enumerate() {
            let before = keys().take(place);
            let same = |it: &&SourceNode<'_>| it.text().is_some() && it.text() == key.text();
            if let Some(first) = before.into_iter().find(same) {
                return Err(second(key, first.line));
            }
        }
        return Ok(());
    }
    let mut lines = HashMap::with_capacity(entries.len());
    for key in keys() {
        let first = key.text().and_then(|text| lines.insert(text, key.line));
        if let Some(first) = first {
            return Err(second(key, first));
        }
    }
    Ok(())
}

fn second(key: &SourceNode<'_>, first: u32) -> YamlError {
    let text = key.text().unwrap_or_default();
    YamlError::new(
        format!("mapping key {text:?} already defined at line {first}"),
        key.line,
        1,
    )
}

fn scalar(tag: Option<&str>, text: Cow<'_, str>, style: ScalarStyle) -> Scalar {
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
        text: match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        },
        tag,
        style,
    }
}
