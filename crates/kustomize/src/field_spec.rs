//! Places in resources: `metadata/name` of every kind, `spec/containers[]/image`
//! of Pods.

use crate::id::Gvk;
use crate::node::{Mapping, Node, Scalar, Tag};
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

    /// The segments of the path.
    pub fn segments(&self) -> Vec<Text> {
        split_path(&self.path, '/')
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
        walk(object, &self.segments(), make, visit)
    }
}

fn walk(
    node: &mut Node,
    path: &[Text],
    make: Make,
    visit: &mut dyn FnMut(&mut Node) -> Result<(), WalkError>,
) -> Result<(), WalkError> {
    let Some((first, rest)) = path.split_first() else {
        return visit(node);
    };
    match node {
        Node::List(items) => items
            .iter_mut()
            .try_for_each(|item| walk(item, path, make, visit)),
        Node::Map(map) => {
            let name = first.strip_suffix("[]");
            let key = name.unwrap_or(first);
            if key.is_empty() {
                return Err(WalkError::EmptyField);
            }
            let made = match (make, name, rest) {
                (Make::Nothing, ..) | (_, Some(_), _) => None,
                (make, None, []) => made_node(make),
                (_, None, _) => Some(Node::map()),
            };
            match member(map, key, made, name.is_some()) {
                Some(next) => walk(next, rest, make, visit),
                None => Ok(()),
            }
        }
        Node::Scalar(scalar) if scalar.tag == Tag::Null => Ok(()),
        Node::Scalar(_) => Err(WalkError::NotATree),
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
    let mut pieces = path.split(delimiter).peekable();
    let mut parts: Vec<String> = Vec::new();
    let mut joined = false;
    if path.contains(delimiter) && pieces.peek().is_some_and(|first| first.is_empty()) {
        pieces.next();
    }
    for piece in pieces {
        match parts.last_mut() {
            Some(last) if joined => {
                last.pop();
                last.push(delimiter);
                last.push_str(piece);
            }
            _ => parts.push(piece.to_owned()),
        }
        joined = piece.ends_with('\\');
    }
    parts.into_iter().map(Text::from).collect()
}
