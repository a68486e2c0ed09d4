//! The members of a map of a kustomization file, read as Go reads JSON into a
//! struct: names without regard to case, null for nothing, no other types.

use crate::BuildError;
use crate::kustomization::{Located, Pairs};
use crate::nearest::nearest;
use trueup_object::{Position, Text};
use trueup_yaml::{Content, Entry, Node};

/// The members of a map, all of them known.
pub(crate) struct Fields<'a> {
    file: Text,
    node: &'a Node,
    entries: &'a [Entry],
    /// Whether numbers and truth values are taken for texts, as by the reader
    /// of plugin configurations.
    is_lenient: bool,
}

impl<'a> Fields<'a> {
    /// The members of a node that must be a map with none but `known` members.
    /// Null is a map without any.
    pub fn of(
        file: &Text,
        node: &'a Node,
        what: &str,
        known: &[&'static str],
    ) -> Result<Self, BuildError> {
        let entries = match &node.content {
            Content::Map(entries) => entries.as_slice(),
            Content::Null => &[],
            _ => return Err(expected(file, node, what, "a map")),
        };
        for entry in entries {
            if !known
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&entry.key))
            {
                return Err(BuildError::UnknownField {
                    position: at(file, entry.line),
                    field: entry.key.as_str().into(),
                    nearest: nearest(&entry.key, known),
                });
            }
        }
        Ok(Self {
            file: file.clone(),
            node,
            entries,
            is_lenient: false,
        })
    }

    /// The members of a map that may have others too.
    pub fn open(place: &Position, node: &'a Node, what: &str) -> Result<Self, BuildError> {
        let entries = match &node.content {
            Content::Map(entries) => entries.as_slice(),
            Content::Null => &[],
            _ => return Err(expected(&place.file, node, what, "a map")),
        };
        Ok(Self {
            file: place.file.clone(),
            node,
            entries,
            is_lenient: true,
        })
    }

    pub fn file(&self) -> Text {
        self.file.clone()
    }

    pub fn position(&self) -> Position {
        at(&self.file, self.node.line)
    }

    /// The value of a field: the last one that is spelt so in any case.
    pub fn get(&self, name: &str) -> Option<&'a Node> {
        let mut all = self.entries.iter().rev();
        all.find(|entry| entry.key.eq_ignore_ascii_case(name))
            .map(|entry| &entry.value)
            .filter(|value| !value.is_null())
    }

    pub fn error_at(&self, name: &str, message: &str) -> BuildError {
        let line = self.get(name).map_or(self.node.line, |node| node.line);
        BuildError::BadFile {
            position: at(&self.file, line),
            message: message.to_owned(),
        }
    }

    /// Whether any other field than these is set.
    pub fn says_more_than(&self, names: &[&str]) -> bool {
        self.entries.iter().any(|entry| {
            let is_one = |name: &&str| name.eq_ignore_ascii_case(&entry.key);
            !entry.value.is_null() && !names.iter().any(is_one)
        })
    }

    /// A text; empty if there is none.
    pub fn text(&self, name: &str) -> Result<Text, BuildError> {
        match self.get(name) {
            None => Ok(Text::new()),
            Some(node) => text(&self.file, node, name),
        }
    }

    /// A truth value; false if there is none.
    pub fn flag(&self, name: &str) -> Result<bool, BuildError> {
        match self.get(name).map(|node| (node, &node.content)) {
            None => Ok(false),
            Some((_, Content::Bool(truth))) => Ok(*truth),
            Some((node, _)) => Err(expected(&self.file, node, name, "a truth value")),
        }
    }

    /// A whole number; zero if there is none.
    pub fn number(&self, name: &str) -> Result<i64, BuildError> {
        match self.get(name).map(|node| (node, &node.content)) {
            None => Ok(0),
            Some((_, Content::Integer(number))) => Ok(*number),
            Some((node, _)) => Err(expected(&self.file, node, name, "a whole number")),
        }
    }

    /// The items of a list; none if there is no list.
    pub fn items(&self, name: &str) -> Result<&'a [Node], BuildError> {
        match self.get(name).map(|node| (node, &node.content)) {
            None => Ok(&[]),
            Some((_, Content::List(items))) => Ok(items),
            Some((node, _)) => Err(expected(&self.file, node, name, "a list")),
        }
    }

    /// The items of a list, each read.
    pub fn list<T>(
        &self,
        name: &str,
        read: fn(&Text, &Node) -> Result<T, BuildError>,
    ) -> Result<Vec<T>, BuildError> {
        let items = self.items(name)?.iter();
        items.map(|item| read(&self.file, item)).collect()
    }

    /// A field that is read if it is there.
    pub fn optional<T>(
        &self,
        name: &str,
        read: impl Fn(&Node) -> Result<T, BuildError>,
    ) -> Result<Option<T>, BuildError> {
        self.get(name).map(read).transpose()
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Result<Vec<Text>, BuildError> {
        let items = self.items(name)?.iter();
        items.map(|item| text(&self.file, item, name)).collect()
    }

    /// A list of texts with their places.
    pub fn located(&self, name: &str) -> Result<Vec<Located<Text>>, BuildError> {
        let items = self.items(name)?.iter();
        items
            .map(|item| {
                Ok(Located {
                    value: text(&self.file, item, name)?,
                    position: at(&self.file, item.line),
                })
            })
            .collect()
    }

    /// A map of texts, sorted by key.
    pub fn pairs(&self, name: &str) -> Result<Pairs, BuildError> {
        let Some(node) = self.get(name) else {
            return Ok(Pairs::new());
        };
        let Content::Map(entries) = &node.content else {
            return Err(expected(&self.file, node, name, "a map of texts"));
        };
        let mut pairs = entries
            .iter()
            .map(|entry| {
                let value = match entry.value.is_null() {
                    true => Text::new(),
                    false if self.is_lenient => lenient_text(&entry.value).into(),
                    false => text(&self.file, &entry.value, &format!("{name}.{}", entry.key))?,
                };
                Ok((Text::from(entry.key.as_str()), value))
            })
            .collect::<Result<Pairs, BuildError>>()?;
        pairs.sort();
        Ok(pairs)
    }
}

pub(super) fn text(file: &Text, node: &Node, what: &str) -> Result<Text, BuildError> {
    match &node.content {
        Content::String(text) => Ok(text.as_str().into()),
        Content::Null => Ok(Text::new()),
        _ => Err(expected(file, node, what, "a text")),
    }
}

/// A scalar as it is printed.
fn lenient_text(node: &Node) -> String {
    match &node.content {
        Content::String(text) => text.clone(),
        _ => trueup_yaml::emit(node).trim_end().to_owned(),
    }
}

pub(super) fn at(file: &Text, line: u32) -> Position {
    Position {
        file: file.clone(),
        line,
    }
}

fn expected(file: &Text, node: &Node, what: &str, wanted: &str) -> BuildError {
    BuildError::BadFile {
        position: at(file, node.line),
        message: format!("expected {what} to be {wanted}, found {}", node.kind_name()),
    }
}
