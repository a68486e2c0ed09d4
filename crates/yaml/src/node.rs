use crate::emit::{Emit, View};

/// One document of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The line on which its content starts, counted from 1.
    pub line: u32,
    /// Its content; `null` for an empty document.
    pub root: Node,
    /// Keys that a map had already, in the order of the text.
    pub duplicates: Vec<Duplicate>,
}

/// A key that its map had already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The key as text.
    pub key: String,
    /// The line on which its value starts, counted from 1.
    pub line: u32,
}

/// One value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The line of its first character, counted from 1.
    pub line: u32,
    /// The column of its first character, counted from 1.
    pub column: u32,
    /// The value.
    pub content: Content,
}

/// A value with aliases expanded, merge keys applied and scalars resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number above the largest `i64`.
    Unsigned(u64),
    /// A finite number.
    Float(f64),
    /// Text.
    String(String),
    /// Values in order.
    List(Vec<Node>),
    /// Members in the order in which they were written, each key once.
    Map(Vec<Entry>),
}

/// One member of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key as text; numbers and truth values are written out.
    pub key: String,
    /// The line of the key, counted from 1.
    pub line: u32,
    /// The column of the key, counted from 1.
    pub column: u32,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The member `key` of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.content {
            Content::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == key)
                .map(|entry| &entry.value),
            _ => None,
        }
    }

    /// The node at the end of a path of map keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.content == Content::Null
    }

    /// What the value is called in messages.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self.content {
            Content::Null => "nothing",
            Content::Bool(_) => "a truth value",
            Content::Integer(_) | Content::Unsigned(_) | Content::Float(_) => "a number",
            Content::String(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }
}

impl Emit for Node {
    fn view(&self) -> View<'_, Self> {
        match &self.content {
            Content::Null => View::Null,
            Content::Bool(truth) => View::Bool(*truth),
            Content::Integer(number) => View::Integer(*number),
            Content::Unsigned(number) => View::Unsigned(*number),
            Content::Float(number) => View::Float(*number),
            Content::String(text) => View::Text(text),
            Content::List(items) => View::List(items.iter().collect()),
            Content::Map(entries) => View::Map(
                entries
                    .iter()
                    .map(|entry| (entry.key.as_str(), &entry.value))
                    .collect(),
            ),
        }
    }
}
