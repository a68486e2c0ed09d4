//! The tree that a build works on: scalars keep the text, the tag and the
//! style that they were written with, since transformers copy them from one
//! place to another; maps keep their order.

mod output;
mod resolve;
mod separate;
mod source;
mod text;

pub(crate) use output::OutputError;
pub(crate) use resolve::resolve_plain;
pub(crate) use source::{read_documents, read_separated};
pub(crate) use text::Layout;
pub(crate) use trueup_yaml::ScalarStyle;

use trueup_object::Text;

/// A value of a resource, a patch or a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// Text with a meaning.
    Scalar(Scalar),
    /// Values in order.
    List(Vec<Node>),
    /// Members in order.
    Map(Mapping),
}

/// Text, what it means and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// The text, escapes undone.
    pub text: Text,
    /// What it means.
    pub tag: Tag,
    /// How it was written.
    pub style: ScalarStyle,
}

/// What a scalar means, by the rules of Go's `yaml.v3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tag {
    Null,
    Bool,
    Integer,
    Float,
    String,
    Timestamp,
    Binary,
    /// A tag of the user's own; its value is text.
    Custom,
}

/// Members of a map in order, each key once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapping {
    entries: Vec<Entry>,
}

/// One member of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub key: Scalar,
    pub value: Node,
}

impl Default for Node {
    fn default() -> Self {
        Self::null()
    }
}

impl Scalar {
    /// Text without quotes whose tag says that it is text.
    pub fn string(text: impl Into<Text>) -> Self {
        Self {
            text: text.into(),
            tag: Tag::String,
            style: ScalarStyle::Plain,
        }
    }

    /// Text without quotes that means what YAML says.
    pub fn plain(text: impl Into<Text>) -> Self {
        let text = text.into();
        Self {
            tag: resolve_plain(&text),
            text,
            style: ScalarStyle::Plain,
        }
    }

    pub fn null() -> Self {
        Self::plain("null")
    }
}

impl Node {
    pub fn string(text: impl Into<Text>) -> Self {
        Self::Scalar(Scalar::string(text))
    }

    pub fn null() -> Self {
        Self::Scalar(Scalar::null())
    }

    pub fn map() -> Self {
        Self::Map(Mapping::default())
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if scalar.tag == Tag::Null)
    }

    /// How many lists and maps stand in each other here at most.
    pub fn depth(&self) -> usize {
        match self {
            Self::Scalar(_) => 0,
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Map(map) => {
                let members = map.iter().map(|(_, value)| value.depth());
                1 + members.max().unwrap_or(0)
            }
        }
    }

    /// Whether nothing is said here: null, or a map or list without members.
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Scalar(scalar) => scalar.tag == Tag::Null,
            Self::List(items) => items.is_empty(),
            Self::Map(map) => map.is_empty(),
        }
    }

    pub fn as_map(&self) -> Option<&Mapping> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn as_map_mut(&mut self) -> Option<&mut Mapping> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Node]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Node>> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_scalar(&self) -> Option<&Scalar> {
        match self {
            Self::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub fn as_scalar_mut(&mut self) -> Option<&mut Scalar> {
        match self {
            Self::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar that is not null.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(scalar) if scalar.tag != Tag::Null => Some(&scalar.text),
            _ => None,
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_map_mut()?.get_mut(key)
    }

    /// The value at the end of a path of map keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The value at the end of a path of map keys, for changing.
    pub fn at_mut(&mut self, path: &[&str]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, key| node.get_mut(key))
    }

    /// The text at the end of a path of map keys; empty if there is none.
    pub fn text_at(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Node::text).unwrap_or("")
    }

    /// As [`Node::text_at`], sharing the text.
    pub fn shared_text_at(&self, path: &[&str]) -> Text {
        match self.at(path) {
            Some(Self::Scalar(scalar)) if scalar.tag != Tag::Null => scalar.text.clone(),
            _ => Text::new(),
        }
    }

    /// The value at a path of map keys, made if it is missing. What is in the
    /// way and is no map is replaced by one.
    pub fn entry_at(&mut self, path: &[&str]) -> &mut Node {
        let mut here = self;
        for key in path {
            if !matches!(here, Self::Map(_)) {
                *here = Self::map();
            }
            let Self::Map(map) = here else {
                unreachable!("it was made a map above")
            };
            here = map.entry(key);
        }
        here
    }

    /// Sets the value at a path of map keys.
    pub fn set_at(&mut self, path: &[&str], value: Node) {
        *self.entry_at(path) = value;
    }

    /// Removes the value at a path of map keys and returns it.
    pub fn remove_at(&mut self, path: &[&str]) -> Option<Node> {
        let (last, parents) = path.split_last()?;
        self.at_mut(parents)?.as_map_mut()?.remove(last)
    }

    /// Writes another text in the place of this value, with its style: in
    /// quotes it stays a text, without it means what YAML says.
    pub fn write(&mut self, text: &str) {
        let style = self.as_scalar().map_or(ScalarStyle::Plain, |it| it.style);
        *self = Self::Scalar(Scalar {
            style,
            ..match style {
                ScalarStyle::Plain => Scalar::plain(text),
                _ => Scalar::string(text),
            }
        });
    }

    /// What the value is called in messages.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Scalar(scalar) => match scalar.tag {
                Tag::Null => "nothing",
                Tag::Bool => "a truth value",
                Tag::Integer | Tag::Float => "a number",
                _ => "a text",
            },
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Mapping {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries
            .iter()
            .map(|entry| (entry.key.text.as_str(), &entry.value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Node)> {
        self.entries
            .iter_mut()
            .map(|entry| (entry.key.text.as_str(), &mut entry.value))
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries
            .iter()
            .find(|entry| entry.key.text == key)
            .map(|entry| &entry.value)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries
            .iter_mut()
            .find(|entry| entry.key.text == key)
            .map(|entry| &mut entry.value)
    }

    /// The value of a key; a null is put there if it is missing.
    pub fn entry(&mut self, key: &str) -> &mut Node {
        let place = self.entries.iter().position(|entry| entry.key.text == key);
        let place = place.unwrap_or_else(|| {
            self.entries.push(Entry {
                key: Scalar::string(key),
                value: Node::null(),
            });
            self.entries.len() - 1
        });
        &mut self.entries[place].value
    }

    /// Sets the value of a key, at its place or behind all others.
    pub fn set(&mut self, key: &str, value: Node) {
        *self.entry(key) = value;
    }

    /// Puts a member behind all others; the key must not be there.
    pub fn push(&mut self, key: Scalar, value: Node) {
        self.entries.push(Entry { key, value });
    }

    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let place = self
            .entries
            .iter()
            .position(|entry| entry.key.text == key)?;
        Some(self.entries.remove(place).value)
    }
}

impl FromIterator<Entry> for Mapping {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().collect(),
        }
    }
}
