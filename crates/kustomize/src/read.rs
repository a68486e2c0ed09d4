//! Resources as files and texts hold them.

use crate::files::file_position;
use crate::node::{Node, read_separated};
use crate::resource::Resource;
use crate::{BuildError, Limits};
use std::collections::VecDeque;
use trueup_object::Position;
use trueup_yaml::SourceOptions;

/// How many lists of objects one text may hold, those in lists counted too.
const MAX_LISTS: usize = 100_000;

/// The resources of a file, lists of objects unfolded.
pub(crate) fn resources(
    name: &dyn std::fmt::Display,
    text: &str,
    limits: &Limits,
) -> Result<Vec<Resource>, BuildError> {
    from_text(&file_position(name), text, limits)
}

/// The resources of a text. `place` is the file with line 0, or the line of a
/// file that the text is written in.
pub(crate) fn from_text(
    place: &Position,
    text: &str,
    limits: &Limits,
) -> Result<Vec<Resource>, BuildError> {
    let options = SourceOptions {
        max_bytes: usize::try_from(limits.max_file_bytes).unwrap_or(usize::MAX),
        max_documents: limits.max_objects.max(1),
        ..SourceOptions::default()
    };
    // A text inside of another file stands where that file says.
    let at = |line: u32| Position {
        file: place.file.clone(),
        line: if place.line == 0 { line } else { place.line },
    };
    let refused = |line: u32, message: String| BuildError::BadFile {
        position: at(line),
        message,
    };
    let documents =
        read_separated(text, &options).map_err(|error| refused(error.line, error.message))?;
    let mut waiting: VecDeque<(u32, Node)> = documents.into();
    let mut resources = Vec::new();
    let mut lists = 0;
    while let Some((line, node)) = waiting.pop_front() {
        if node.is_nothing() {
            continue;
        }
        check(&node).map_err(|message| refused(line, message))?;
        match items(&node).map_err(|message| refused(line, message))? {
            None => resources.push(Resource::new(node, at(line))),
            Some(items) => {
                lists += 1;
                if lists > MAX_LISTS {
                    return Err(refused(line, format!("more than {MAX_LISTS} lists")));
                }
                waiting.extend(items.iter().map(|item| (line, item.clone())));
            }
        }
    }
    Ok(resources)
}

/// Every object has a kind, and all but lists a name.
fn check(node: &Node) -> Result<(), String> {
    if node.as_map().is_none() {
        return Err(format!("expected an object, found {}", node.kind_name()));
    }
    let kind = node.text_at(&["kind"]);
    if kind.is_empty() {
        return Err("missing kind in object".to_owned());
    }
    if !kind.ends_with("List") && node.text_at(&["metadata", "name"]).is_empty() {
        return Err(format!("missing metadata.name in object of kind {kind}"));
    }
    match null_item(node) {
        Some(path) => Err(format!("empty item at {path} in object of kind {kind}")),
        None => Ok(()),
    }
}

/// The items of a list of objects; `None` for any other object.
fn items(node: &Node) -> Result<Option<&[Node]>, String> {
    let kind = node.text_at(&["kind"]);
    if !kind.ends_with("List") {
        return Ok(None);
    }
    match node.get("items") {
        None => Ok(None),
        Some(Node::List(items)) => Ok(Some(items)),
        Some(items) if items.is_null() => Ok(Some(&[])),
        Some(items) => Err(format!(
            "expected a list in {kind}/items, found {}",
            items.kind_name()
        )),
    }
}

/// The path of a list in maps that has a null item.
fn null_item(node: &Node) -> Option<String> {
    match node {
        Node::Map(map) => map.iter().find_map(|(key, value)| {
            null_item(value).map(|rest| match rest.as_str() {
                "" => key.to_owned(),
                rest => format!("{key}/{rest}"),
            })
        }),
        Node::List(items) => items.iter().any(Node::is_null).then(String::new),
        Node::Scalar(_) => None,
    }
}
