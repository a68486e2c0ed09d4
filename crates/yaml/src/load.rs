//! From text to trees.

mod compose;
mod refusal;
mod tag;

use crate::{Document, YamlError};

/// How long a text may be.
pub const MAX_BYTES: usize = 64 << 20;

/// How deeply lists and maps may nest.
pub const MAX_DEPTH: usize = 128;

/// How many documents a text may hold.
pub const MAX_DOCUMENTS: usize = 65_536;

/// How many values a text may hold, aliases expanded.
pub const MAX_NODES: usize = 4_000_000;

/// How many values may come from aliases: far more than people write, far
/// fewer than a text made to explode asks for.
pub const MAX_ALIASED_NODES: usize = 100_000;

/// What to do with a key that a map has twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateKeys {
    /// An error at the second key.
    #[default]
    Refuse,
    /// The last value stays, and the document lists the key.
    LastWins,
}

/// Which words mean true and false.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Booleans {
    /// `true`, `yes`, `on` and their opposites.
    #[default]
    Words,
    /// `y` and `n` too, as Go's `yaml.v2` has it.
    WordsAndLetters,
}

/// How to load, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// What to do with a key that a map has twice.
    pub duplicate_keys: DuplicateKeys,
    /// Which words mean true and false.
    pub booleans: Booleans,
    /// At most this many bytes of text.
    pub max_bytes: usize,
    /// At most this many levels.
    pub max_depth: usize,
    /// At most this many documents.
    pub max_documents: usize,
    /// At most this many values in all.
    pub max_nodes: usize,
    /// At most this many values that come from aliases.
    pub max_aliased_nodes: usize,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            duplicate_keys: DuplicateKeys::Refuse,
            booleans: Booleans::Words,
            max_bytes: MAX_BYTES,
            max_depth: MAX_DEPTH,
            max_documents: MAX_DOCUMENTS,
            max_nodes: MAX_NODES,
            max_aliased_nodes: MAX_ALIASED_NODES,
        }
    }
}

/// Reads every document of a text, refusing duplicate keys, within the
/// default limits.
pub fn parse(text: &str) -> Result<Vec<Document>, YamlError> {
    parse_with(text, &LoadOptions::default())
}

/// Reads the first document of a text and looks at nothing behind it, as Go's
/// `Unmarshal` does; `None` for a text without any.
pub fn parse_first(text: &str, options: &LoadOptions) -> Result<Option<Document>, YamlError> {
    compose::first(text, options)
}

/// Reads every document of a text.
pub fn parse_with(text: &str, options: &LoadOptions) -> Result<Vec<Document>, YamlError> {
    compose::documents(text, options)
}

#[cfg(test)]
pub(crate) mod tests;
