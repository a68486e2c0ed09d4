//! Text as it was written: scalars with their tag, text and style, maps in
//! their order. What kustomize works on, where `0777`, `"0777"` and `511` must
//! stay apart until the very end.

mod read;

use crate::{ScalarStyle, YamlError};
pub use read::{SourceOptions, SourcePart, read_source, read_source_parts};
use std::borrow::Cow;

/// One document of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDocument<'a> {
    /// The line on which its content starts, counted from 1.
    pub line: u32,
    /// Its content; a plain empty scalar for an empty document.
    pub root: SourceNode<'a>,
}

/// One value as it was written, aliases expanded and merge keys applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceNode<'a> {
    /// The line of its first character, counted from 1.
    pub line: u32,
    /// The tag that was written, in full (`tag:yaml.org,2002:str`, `!custom`).
    pub tag: Option<String>,
    /// Whether it is a list or map in brackets.
    pub is_flow: bool,
    /// The value.
    pub content: SourceContent<'a>,
}

/// What a value is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceContent<'a> {
    /// Text that still has to be resolved.
    Scalar {
        /// The text, escapes and folds undone; borrowed where there are none.
        text: Cow<'a, str>,
        /// How it was written.
        style: ScalarStyle,
    },
    /// Values in order.
    List(Vec<SourceNode<'a>>),
    /// Keys and values in the order in which they were written.
    Map(Vec<(SourceNode<'a>, SourceNode<'a>)>),
}

impl SourceNode<'_> {
    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            SourceContent::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether this is `<<` without quotes or tagged as a merge.
    fn is_merge(&self) -> bool {
        match (&self.tag, &self.content) {
            (None, SourceContent::Scalar { text, style }) => {
                text == "<<" && *style == ScalarStyle::Plain
            }
            (Some(tag), SourceContent::Scalar { .. }) => tag == "tag:yaml.org,2002:merge",
            _ => false,
        }
    }

    fn error(&self, message: impl Into<String>) -> YamlError {
        YamlError::new(message, self.line, 1)
    }
}
