//! Places in resources: `metadata/name` of every kind, `spec/containers[]/image`
//! of Pods.

use crate::id::Gvk;
use crate::node::{Mapping, Node, Scalar, Tag};
use std::borrow::Cow;
use trueup_object::Text;

/// A place in the resources of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FieldSpec {
    /// The resources that have it; empty parts fit all.
    pub gvk: Gvk,
    /// The path as it is written: `a/b[]/c`, with `\/` for a slash in a key.
    pub path: Text,
    /// Whether the place is made where it is missing.
    pub create: bool,
}

/// What is put at a place that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Make {
    /// Nothing is made, whatever the place says.
    Nothing,
    Map,
    Scalar,
}

/// Why a path can't be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WalkError {
    /// A text, number or null is where the path goes on.
    #[error("expected sequence or mapping node")]
    NotATree,
    /// A segment of the path is empty.
    #[error("cannot set or create an empty field name")]
    EmptyField,
    /// What was to be done at the place failed.
    #[error("{0}")]
    Refused(String),
}

impl FieldSpec {
    pub fn fits(&self, gvk: &Gvk) -> bool {
        gvk.is_selected_by(&self.gvk)
    }

    /// Whether this place is there already for kustomize if the other is to be
    /// added: the path is the same, and the other means this kind too.
    pub fn covers(&self, other: &FieldSpec) -> bool {
        self.path == other.path && self.gvk.is_selected_by(&other.gvk)
    }

    /// Calls `visit` with every value at this place of an object. Lists on the
    /// way are gone through, one by one. What is missing is passed over, or
    /// made if the spec and `make` say so.
    pub fn visit(
        &self,
        object: &mut Node,
        make: Make,
        visit: &mut dyn FnMut(&mut Node) -> Result<(), WalkError>,
    ) -> Result<(), WalkError> {
        let make = if self.create { make } else { Make::Nothing };
        let path = match self.path.strip_prefix('/') {
            Some(rest) => rest,
            None => &self.path,
        };
        let mut walk = Walk { make, visit };
        walk.on(object, Some(path), 0)
    }
}

/// How deeply a path may lead, and what is copied there may nest.
pub(crate) const MAX_DEPTH: usize = trueup_yaml::MAX_DEPTH;

/// One way to the values of a place.
struct Walk<'a> {
    make: Make,
    visit: &'a mut dyn FnMut(&mut Node) -> Result<(), WalkError>,
}

impl Walk<'_> {
    /// Goes on from a value; `None` is the end of the path.
    fn on(&mut self, node: &mut Node, path: Option<&str>, depth: usize) -> Result<(), WalkError> {
        let Some(path) = path else {
            return (self.visit)(node);
        };
        if depth > MAX_DEPTH {
            let message = format!("the path is more than {MAX_DEPTH} levels deep");
            return Err(WalkError::Refused(message));
        }
        match node {
            Node::List(items) => items
                .iter_mut()
                .try_for_each(|item| self.on(item, Some(path), depth)),
            Node::Map(map) => {
                let (first, rest) = split_first(path, '/');
                let name = first.strip_suffix("[]");
                let key = name.unwrap_or(&first);
                if key.is_empty() {
                    return Err(WalkError::EmptyField);
                }
                let made = match (self.make, name, rest) {
                    (Make::Nothing, ..) | (_, Some(_), _) => None,
                    (make, None, None) => made_node(make),
                    (_, None, _) => Some(Node::map()),
                };
                match member(map, key, made, name.is_some()) {
                    Some(next) => self.on(next, rest, depth + 1),
                    None => Ok(()),
                }
            }
            Node::Scalar(scalar) if scalar.tag == Tag::Null => Ok(()),
            Node::Scalar(_) => Err(WalkError::NotATree),
        }
    }
}

/// The member of a map; made if it is missing or null and `made` is given. A
/// null that the path calls a list becomes one.
fn member<'a>(
    map: &'a mut Mapping,
    key: &str,
    made: Option<Node>,
    is_list: bool,
) -> Option<&'a mut Node> {
    if let Some(made) = made {
        let here = map.entry(key);
        if here.is_null() {
            *here = made;
        }
        return Some(here);
    }
    let here = map.get_mut(key)?;
    if here.is_null() && is_list {
        *here = Node::List(Vec::new());
    }
    Some(here)
}

fn made_node(make: Make) -> Option<Node> {
    match make {
        Make::Nothing => None,
        Make::Map => Some(Node::map()),
        Make::Scalar => Some(Node::Scalar(Scalar::string(""))),
    }
}

/// The parts of a path between delimiters; a backslash before one makes it
/// part of a key. A delimiter at the start says nothing.
pub(crate) fn split_path(path: &str, delimiter: char) -> Vec<Text> {
    let mut rest = Some(path.strip_prefix(delimiter).unwrap_or(path));
    let mut parts = Vec::new();
    while let Some(path) = rest {
        let (first, others) = split_first(path, delimiter);
        parts.push(first.as_ref().into());
        rest = others;
    }
    parts
}

/// The first part of a path, and the rest if there is any.
fn split_first(path: &str, delimiter: char) -> (Cow<'_, str>, Option<&str>) {
    let Some((first, mut rest)) = path.split_once(delimiter) else {
        return (path.into(), None);
    };
    let Some(first) = first.strip_suffix('\\') else {
        return (first.into(), Some(rest));
    };
    let mut joined = first.to_owned();
    loop {
        joined.push(delimiter);
        let Some((piece, others)) = rest.split_once(delimiter) else {
            joined.push_str(rest);
            return (joined.into(), None);
        };
        rest = others;
        let unescaped = piece.strip_suffix('\\');
        joined.push_str(unescaped.unwrap_or(piece));
        if unescaped.is_none() {
            return (joined.into(), Some(rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_at_delimiters_that_are_not_escaped() {
        for (path, parts) in [
            ("a/b[]/c", &["a", "b[]", "c"][..]),
            ("/a", &["a"]),
            ("a\\/b\\/c/d", &["a/b/c", "d"]),
            ("a\\/b", &["a/b"]),
            ("a\\", &["a\\"]),
            ("a//b", &["a", "", "b"]),
            ("", &[""]),
            ("/", &[""]),
            ("\\/", &["/"]),
        ] {
            assert_eq!(split_path(path, '/'), parts, "{path:?}");
        }
    }

    #[test]
    fn a_path_without_end_is_refused_before_it_is_made() {
        let spec = FieldSpec {
            path: "a/".repeat(100_000).as_str().into(),
            create: true,
            ..FieldSpec::default()
        };
        let mut object = Node::map();
        let refused = spec.visit(&mut object, Make::Map, &mut |_| Ok(()));
        assert!(matches!(refused, Err(WalkError::Refused(_))));
    }
}
