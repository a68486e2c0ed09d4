//! Paths with dots, as replacements and variables write them:
//! `spec.containers.[name=web].image`, `spec.ports[0].port`,
//! `metadata.annotations.[example.com/x]`.

use crate::field_spec::split_path;
use crate::node::Node;
use trueup_object::Text;

/// The segments of a path. What stands in brackets stays together: with its
/// brackets where it picks an item by a key, without where it is a key.
pub(crate) fn split(path: &str) -> Vec<Text> {
    let pieces = split_path(path, '.');
    let mut parts: Vec<Text> = Vec::new();
    let mut pieces = pieces.into_iter();
    while let Some(piece) = pieces.next() {
        if !piece.starts_with('[') || piece.ends_with(']') {
            parts.push(piece);
            continue;
        }
        let mut whole = piece.to_string();
        for more in pieces.by_ref() {
            whole.push('.');
            whole.push_str(&more);
            if more.ends_with(']') {
                break;
            }
        }
        match whole.contains('=') {
            true => parts.push(whole.into()),
            false => parts.push(whole.trim_matches(['[', ']']).into()),
        }
    }
    parts
}

/// The segments of a path in which `ports[0]` is `ports` and `0`.
pub(crate) fn split_bracketed(path: &str) -> Vec<Text> {
    let mut parts = Vec::new();
    for part in split(path) {
        match part.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
            Some((name, index)) if !name.is_empty() => {
                parts.push(name.into());
                parts.push(index.into());
            }
            _ => parts.push(part),
        }
    }
    parts
}

/// How a segment picks an item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// All items.
    All,
    /// The item at a place.
    Index(usize),
    /// The last item.
    Last,
    /// The items whose key has a value; an empty key is the item itself.
    Key(Text, Text),
}

/// Reads a segment as a pick; `None` for a key of a map.
pub(crate) fn pick(segment: &str) -> Option<Pick> {
    if segment == "*" {
        return Some(Pick::All);
    }
    if segment == "-" {
        return Some(Pick::Last);
    }
    if let Ok(index) = segment.parse() {
        return Some(Pick::Index(index));
    }
    let inner = segment.strip_prefix('[')?.strip_suffix(']')?;
    let (key, value) = inner.split_once('=')?;
    Some(Pick::Key(key.into(), value.into()))
}

/// Whether an item of a list is picked.
pub(crate) fn is_picked(item: &Node, key: &str, value: &str) -> bool {
    match key {
        "" => item.text() == Some(value),
        key => item.get(key).and_then(Node::text) == Some(value),
    }
}

/// The one value at a path; the first item where several are picked.
pub(crate) fn lookup<'a>(node: &'a Node, path: &[Text]) -> Option<&'a Node> {
    let Some((first, rest)) = path.split_first() else {
        return Some(node);
    };
    let next = match node {
        Node::Map(map) => map.get(first)?,
        Node::List(items) => match pick(first)? {
            Pick::Index(index) => items.get(index)?,
            Pick::Last => items.last()?,
            Pick::Key(key, value) => items.iter().find(|item| is_picked(item, &key, &value))?,
            Pick::All => return None,
        },
        Node::Scalar(_) => return None,
    };
    lookup(next, rest)
}
