//! The patterns of gobwas/glob with `/` between the parts of a name.

use super::{MAX_GLOB_BYTES, push_literal, push_range, whole};
use regex::Regex;

/// Why a pattern is none, in gobwas' words where it refuses it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// A class that is not closed.
    #[error("unexpected end of input")]
    UnexpectedEnd,
    /// A range of characters with more behind it.
    #[error("expected close range character")]
    ExpectedClose,
    /// An empty class.
    #[error("could not parse range")]
    EmptyClass,
    /// A range whose end is before its start.
    #[error("hi character '{high}' should be greater than lo '{low}'")]
    Reversed {
        /// The first character.
        low: char,
        /// The last character.
        high: char,
    },
    /// The replacement character, which gobwas takes for broken UTF-8.
    #[error("could not read rune")]
    Unreadable,
    /// The pattern is longer than [`MAX_GLOB_BYTES`] or compiles to too much.
    #[error("the pattern is too large")]
    TooLarge,
}

/// A compiled pattern: `*` stands for any characters but `/`, `**` for any at
/// all, `?` for one that is no `/`, `[abc]`, `[a-z]` and `[!a-z]` for one,
/// `{a,b}` for either; `\` takes a character as it is.
#[derive(Clone, Debug)]
pub struct Glob {
    expression: Regex,
}

impl Glob {
    /// Reads a pattern of at most [`MAX_GLOB_BYTES`]. Braces that are not
    /// closed end with the pattern.
    pub fn compile(pattern: &str) -> Result<Self, GlobError> {
        if pattern.len() > MAX_GLOB_BYTES {
            return Err(GlobError::TooLarge);
        }
        let expression = Translation::of(pattern)?;
        let expression = whole(&expression).ok_or(GlobError::TooLarge)?;
        Ok(Self { expression })
    }

    /// Whether the pattern matches the whole name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.expression.is_match(name)
    }
}

struct Translation<'a> {
    rest: &'a str,
    expression: String,
    open_braces: usize,
}

impl<'a> Translation<'a> {
    fn of(pattern: &'a str) -> Result<String, GlobError> {
        let mut translation = Self {
            rest: pattern,
            expression: String::new(),
            open_braces: 0,
        };
        while let Some(character) = translation.next()? {
            translation.item(character)?;
        }
        let closing = ")".repeat(translation.open_braces);
        Ok(translation.expression + &closing)
    }

    fn next(&mut self) -> Result<Option<char>, GlobError> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        match next {
            Some('\u{fffd}') => Err(GlobError::Unreadable),
            next => Ok(next),
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn item(&mut self, character: char) -> Result<(), GlobError> {
        match character {
            '*' if self.take('*') => self.expression.push_str(".*"),
            '*' => self.expression.push_str("[^/]*"),
            '?' => self.expression.push_str("[^/]"),
            '[' => self.class()?,
            '{' => {
                self.open_braces += 1;
                self.expression.push_str("(?:");
            }
            ',' if self.open_braces > 0 => self.expression.push('|'),
            '}' if self.open_braces > 0 => {
                self.open_braces -= 1;
                self.expression.push(')');
            }
            '\\' => {
                if let Some(escaped) = self.next()? {
                    push_literal(&mut self.expression, escaped);
                }
            }
            _ => push_literal(&mut self.expression, character),
        }
        Ok(())
    }

    /// What stands between brackets: one range or a set of characters. The
    /// opening one is read already.
    fn class(&mut self) -> Result<(), GlobError> {
        let negated = self.take('!');
        self.expression.push_str(if negated { "[^" } else { "[" });
        let mut characters = self.rest.chars();
        match (characters.next(), characters.next()) {
            (Some(low), Some('-')) => self.range(low)?,
            _ => self.set()?,
        }
        self.expression.push(']');
        Ok(())
    }

    fn range(&mut self, low: char) -> Result<(), GlobError> {
        self.next()?;
        self.next()?;
        let high = self.next()?.ok_or(GlobError::UnexpectedEnd)?;
        match self.next()? {
            Some(']') => {}
            Some(_) => return Err(GlobError::ExpectedClose),
            None => return Err(GlobError::UnexpectedEnd),
        }
        if high < low {
            return Err(GlobError::Reversed { low, high });
        }
        push_range(&mut self.expression, low, high);
        Ok(())
    }

    fn set(&mut self) -> Result<(), GlobError> {
        let mut is_empty = true;
        loop {
            let character = match self.next()?.ok_or(GlobError::UnexpectedEnd)? {
                ']' if is_empty => return Err(GlobError::EmptyClass),
                ']' => return Ok(()),
                '\\' => self.next()?.ok_or(GlobError::UnexpectedEnd)?,
                character => character,
            };
            push_literal(&mut self.expression, character);
            is_empty = false;
        }
    }
}
