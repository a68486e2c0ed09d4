//! Strategic merges.

use super::list::merge_lists;
use crate::node::{Mapping, Node, Tag};
use crate::openapi::Schema;

/// What a patch says about the value it stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    Merge,
    Replace,
    Delete,
}

/// The key of a directive.
pub(super) const DIRECTIVE: &str = "$patch";

/// Why a patch can't be merged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MergeError {
    /// A patch has another kind of value than the resource.
    #[error("at {path:?}: expected {expected}, found {found}")]
    Kind {
        path: String,
        expected: &'static str,
        found: &'static str,
    },
    /// A directive that strategic merges do not have.
    #[error("at {path:?}: unknown patch strategy '{word}'")]
    Directive { path: String, word: String },
}

/// Merges a patch into a value. `None` is a value that is not there; null in
/// a patch and `$patch: delete` take values away.
pub(crate) fn merge(
    value: Option<Node>,
    patch: &Node,
    schema: Option<&Schema<'_>>,
    path: &mut Vec<String>,
) -> Result<Option<Node>, MergeError> {
    let value = match value {
        None => return adopt(patch, schema, path),
        Some(value) if value.is_null() => return adopt(patch, schema, path),
        Some(value) => value,
    };
    match (value, patch) {
        (_, patch) if patch.is_null() => Ok(None),
        (Node::Map(mut map), Node::Map(changes)) => {
            match directive_of_map(patch, path)? {
                Directive::Delete => return Ok(None),
                Directive::Replace => return adopt(patch, schema, path),
                Directive::Merge => {}
            }
            if let Some(schema) = schema {
                tidy_rest(&mut map, changes, schema, path)?;
            }
            for (key, change) in changes.iter().filter(|(key, _)| *key != DIRECTIVE) {
                path.push(key.to_owned());
                let inner = schema.and_then(|schema| schema.field(key));
                let now = map.get_mut(key).map(std::mem::take);
                let is_there = now.is_some();
                let tag = now
                    .as_ref()
                    .and_then(Node::as_scalar)
                    .map(|scalar| scalar.style);
                match merge(now, change, inner.as_ref(), path)? {
                    Some(mut then) => {
                        if let (Some(style), Some(scalar)) = (tag, then.as_scalar_mut()) {
                            scalar.style = style;
                        }
                        map.set(key, then);
                    }
                    None if is_there => {
                        map.remove(key);
                    }
                    None => {}
                }
                path.pop();
            }
            Ok(Some(Node::Map(map)))
        }
        (Node::List(items), Node::List(changes)) => {
            let Some(keys) = schema.and_then(Schema::merge_keys) else {
                return Ok(Some(Node::List(changes.clone())));
            };
            match directive_of_list(changes, path)? {
                Some((Directive::Delete, _)) => Ok(None),
                Some((Directive::Replace, rest)) => adopt(&Node::List(rest), schema, path),
                Some((Directive::Merge, rest)) => {
                    merge_lists(items, &rest, &keys, schema, path).map(Some)
                }
                None => merge_lists(items, changes, &keys, schema, path).map(Some),
            }
        }
        (Node::Scalar(_), Node::Scalar(_)) => Ok(Some(patch.clone())),
        (value, patch) => Err(MergeError::Kind {
            path: path.join("."),
            expected: value.kind_name(),
            found: patch.kind_name(),
        }),
    }
}

/// Merges lists with themselves where a patch has nothing to say: of items
/// with the same keys the last one stays.
fn tidy_rest(
    map: &mut Mapping,
    changes: &Mapping,
    schema: &Schema<'_>,
    path: &mut Vec<String>,
) -> Result<(), MergeError> {
    for (key, value) in map.iter_mut() {
        if changes.get(key).is_none() {
            path.push(key.to_owned());
            tidy(value, schema.field(key).as_ref(), path)?;
            path.pop();
        }
    }
    Ok(())
}

pub(super) fn tidy(
    value: &mut Node,
    schema: Option<&Schema<'_>>,
    path: &mut Vec<String>,
) -> Result<(), MergeError> {
    let Some(schema) = schema else {
        return Ok(());
    };
    match value {
        Node::Map(map) => tidy_rest(map, &Mapping::default(), schema, path),
        Node::List(items) => {
            let Some(keys) = schema.merge_keys() else {
                return Ok(());
            };
            let items = std::mem::take(items);
            *value = merge_lists(items, &[], &keys, Some(schema), path)?;
            Ok(())
        }
        Node::Scalar(_) => Ok(()),
    }
}

/// A patch where there was nothing: nulls and what is to be deleted fall away,
/// directives too.
pub(super) fn adopt(
    patch: &Node,
    schema: Option<&Schema<'_>>,
    path: &mut Vec<String>,
) -> Result<Option<Node>, MergeError> {
    match patch {
        Node::Scalar(scalar) if scalar.tag == Tag::Null => Ok(None),
        Node::Scalar(_) => Ok(Some(patch.clone())),
        Node::Map(map) => {
            if directive_of_map(patch, path) == Ok(Directive::Delete) {
                return Ok(None);
            }
            let mut made = Node::map();
            for entry in map.entries() {
                let key = entry.key.text.as_str();
                if key == DIRECTIVE && is_known(entry.value.text()) {
                    continue;
                }
                path.push(key.to_owned());
                let inner = schema.and_then(|schema| schema.field(key));
                if let (Some(value), Node::Map(members)) =
                    (adopt(&entry.value, inner.as_ref(), path)?, &mut made)
                {
                    members.push(entry.key.clone(), value);
                }
                path.pop();
            }
            Ok(Some(made))
        }
        Node::List(items) => {
            let Some(keys) = schema.and_then(Schema::merge_keys) else {
                return Ok(Some(patch.clone()));
            };
            // As in kustomize, a directive in a list that is new is an item.
            merge_lists(Vec::new(), items, &keys, schema, path).map(Some)
        }
    }
}

fn is_known(word: Option<&str>) -> bool {
    matches!(word, Some("merge" | "replace" | "delete"))
}

fn directive(word: &str, path: &[String]) -> Result<Directive, MergeError> {
    match word {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        word => Err(MergeError::Directive {
            path: path.join("."),
            word: word.to_owned(),
        }),
    }
}

fn directive_of_map(patch: &Node, path: &[String]) -> Result<Directive, MergeError> {
    match patch.get(DIRECTIVE).and_then(Node::text) {
        Some(word) => directive(word, path),
        None => Ok(Directive::Merge),
    }
}

/// The directive of a list: an item of its own that holds nothing else. Gives
/// the other items too.
fn directive_of_list(
    items: &[Node],
    path: &[String],
) -> Result<Option<(Directive, Vec<Node>)>, MergeError> {
    let Some(first) = items.iter().find(|item| item.get(DIRECTIVE).is_some()) else {
        return Ok(None);
    };
    if first.as_map().is_some_and(|map| map.len() > 1) {
        return Ok(None);
    }
    let Some(word) = first.get(DIRECTIVE).and_then(Node::text) else {
        return Ok(None);
    };
    let found = directive(word, path)?;
    let is_it = |item: &&Node| item.get(DIRECTIVE).and_then(Node::text) == Some(word);
    let rest = items.iter().filter(|item| !is_it(item)).cloned().collect();
    Ok(Some((found, rest)))
}
