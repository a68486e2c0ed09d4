//! The syntax of YAML as Go's libraries take it: from text to events.
//!
//! The rules are those of libyaml (YAML 1.1), which Go's `yaml.v2` and
//! `yaml.v3` follow: what ends a plain scalar, where tabs may stand, which
//! keys need no question mark, which line breaks fold. A parser of YAML 1.2
//! would take texts that they refuse, and the other way round.

mod block_scalar;
mod cursor;
mod directive;
mod parser;
mod plain_scalar;
mod quoted_scalar;
mod scanner;
mod simple_key;
mod tag;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use parser::Parser;

use crate::YamlError;
use std::borrow::Cow;

/// A place in a text, counted from 0, in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Characters before it.
    pub index: usize,
    /// Lines before it.
    pub line: usize,
    /// Characters before it on its line.
    pub column: usize,
}

impl Mark {
    /// The line, counted from 1.
    pub(crate) fn line_number(self) -> u32 {
        u32::try_from(self.line + 1).unwrap_or(u32::MAX)
    }

    /// The column, counted from 1.
    pub(crate) fn column_number(self) -> u32 {
        u32::try_from(self.column + 1).unwrap_or(u32::MAX)
    }
}

/// Whose reading is followed where Go's two libraries differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `yaml.v2`, behind `sigs.k8s.io/yaml`: Helm, the API server, clients.
    Version2,
    /// `yaml.v3`, behind kustomize: it looks two tokens further ahead, so
    /// that mistakes right behind a document are found too.
    Version3,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ScalarStyle {
    /// Without quotes.
    #[default]
    Plain,
    /// In single quotes.
    SingleQuoted,
    /// In double quotes.
    DoubleQuoted,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
}

/// What may stand before a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Properties<'a> {
    /// The name after `&`.
    pub anchor: Option<&'a str>,
    /// The tag in full: `tag:yaml.org,2002:str`, `!custom`, `!`.
    pub tag: Option<String>,
    /// Whether it is a list or map in brackets.
    pub is_flow: bool,
}

impl Properties<'_> {
    /// Those of a list or map in brackets.
    pub(crate) fn in_brackets(self) -> Self {
        Self {
            is_flow: true,
            ..self
        }
    }
}

/// What the parser finds, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    DocumentStart,
    DocumentEnd,
    StreamEnd,
    Alias(&'a str),
    Scalar(Cow<'a, str>, ScalarStyle, Properties<'a>),
    SequenceStart(Properties<'a>),
    SequenceEnd,
    MappingStart(Properties<'a>),
    MappingEnd,
}

/// Who finds a mistake: Go counts the lines of the two differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finder {
    /// From 1, except that the first line goes unsaid.
    Scanner,
    /// From 0, where line 0 goes unsaid.
    Parser,
}

/// A mistake in the syntax.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    message: Cow<'static, str>,
    finder: Finder,
    /// Where it was noticed.
    at: Mark,
    /// Where the value starts that it spoils.
    context: Mark,
    /// Where to look for it.
    place: Mark,
}

impl SyntaxError {
    fn scanner(message: &'static str, context: Mark, at: Mark) -> Self {
        Self {
            message: message.into(),
            finder: Finder::Scanner,
            at,
            context,
            place: at,
        }
    }

    /// The mistake is that something was not closed: look at its start.
    fn at_start(self) -> Self {
        let start = self.context;
        self.placed_at(start)
    }

    fn placed_at(self, place: Mark) -> Self {
        Self { place, ..self }
    }

    fn parser(message: &'static str, context: Mark, at: Mark) -> Self {
        Self {
            finder: Finder::Parser,
            ..Self::scanner(message, context, at)
        }
    }

    /// The mistake with its place and with the line that Go tells.
    pub(crate) fn told(self, dialect: Dialect) -> YamlError {
        let told = match dialect {
            Dialect::Version2 => self.line_of_version_2(),
            Dialect::Version3 => self.line_of_version_3(),
        };
        YamlError {
            message: self.message.into_owned(),
            line: self.place.line_number(),
            column: self.place.column_number(),
            go_line: u32::try_from(told).ok().filter(|line| *line > 0),
            go_words: None,
        }
    }

    fn line_of_version_2(&self) -> usize {
        match (self.at.line, self.finder) {
            (0, _) => self.context.line,
            (line, Finder::Scanner) => line + 1,
            (line, Finder::Parser) => line,
        }
    }

    fn line_of_version_3(&self) -> usize {
        let line = match self.context.line {
            0 => self.at.line,
            line => line,
        };
        line + usize::from(line > 0 && self.finder == Finder::Scanner)
    }
}

/// How much the scanner takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SyntaxLimits {
    /// At most this many levels of lists and maps.
    pub max_depth: usize,
}
