//! Regular expressions as Go's package `regexp` reads and applies them.
//!
//! Go's syntax is translated into that of the crate `regex`, whose engine
//! prefers the same match (the leftmost, then the first alternative) and is
//! linear in the text as well.

mod class;
mod error;
mod escape;
mod group;
mod repeat;
mod template;
mod translate;

pub use error::{RegexpError, RegexpMistake};

use regex::{Captures, Regex, RegexBuilder};

/// How long an expression may be, in bytes.
pub const MAX_REGEXP_BYTES: usize = 64 << 10;

/// How deeply groups may nest; Go allows 1,000.
pub const MAX_REGEXP_DEPTH: usize = 200;

/// How much a compiled expression may take, in bytes.
const MAX_COMPILED_BYTES: usize = 8 << 20;

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Regexp {
    expression: Regex,
    /// The names of the groups; the whole match has none.
    names: Vec<Option<String>>,
    is_empty: bool,
}

impl Regexp {
    /// Compiles an expression of at most [`MAX_REGEXP_BYTES`], refusing what
    /// Go refuses in Go's words.
    pub fn compile(text: &str) -> Result<Self, RegexpError> {
        Self::compile_within(text, MAX_COMPILED_BYTES)
    }

    /// As [`Regexp::compile`], for an expression that may take no more than
    /// some bytes once it is compiled; it is [`RegexpMistake::TooLarge`] if
    /// it would.
    pub fn compile_within(text: &str, max_compiled_bytes: usize) -> Result<Self, RegexpError> {
        let too_large = || RegexpError::new(RegexpMistake::TooLarge, "");
        if text.len() > MAX_REGEXP_BYTES {
            return Err(too_large());
        }
        let translated = translate::translate(text)?;
        let expression = RegexBuilder::new(&translated.expression)
            .size_limit(max_compiled_bytes)
            .nest_limit(u32::MAX)
            .build()
            .map_err(|_| too_large())?;
        Ok(Self {
            expression,
            names: translated.names,
            is_empty: text.is_empty(),
        })
    }

    /// Whether the text holds a match.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.expression.is_match(text)
    }

    /// The first match.
    #[must_use]
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.expression.find(text).map(|found| found.as_str())
    }

    /// Every match that does not overlap one before it.
    pub fn find_all<'r, 't: 'r>(&'r self, text: &'t str) -> impl Iterator<Item = &'t str> + 'r {
        self.expression.find_iter(text).map(|found| found.as_str())
    }

    /// The text between the matches, as `Split` with no limit gives it: an
    /// empty match at the start divides nothing.
    #[must_use]
    pub fn split<'t>(&self, text: &'t str) -> Vec<&'t str> {
        if text.is_empty() && !self.is_empty {
            return vec![""];
        }
        let mut parts = Vec::new();
        let (mut start, mut end) = (0, 0);
        for found in self.expression.find_iter(text) {
            end = found.start();
            if found.end() != 0 {
                parts.push(&text[start..end]);
            }
            start = found.end();
        }
        if end != text.len() {
            parts.push(&text[start..]);
        }
        parts
    }

    /// The text with every match replaced by a template, in which `$1`,
    /// `${1}`, `$name` and `${name}` stand for what a group matched and `$$`
    /// for a dollar sign.
    #[must_use]
    pub fn replace_all(&self, text: &str, template: &str) -> String {
        let expand = |captures: &Captures<'_>| template::expand(template, captures, &self.names);
        self.expression.replace_all(text, expand).into_owned()
    }

    /// As [`Regexp::replace_all`], but the replacement is taken as it is.
    #[must_use]
    pub fn replace_all_literal(&self, text: &str, replacement: &str) -> String {
        let literal = regex::NoExpand(replacement);
        self.expression.replace_all(text, literal).into_owned()
    }
}

#[cfg(test)]
mod tests;
