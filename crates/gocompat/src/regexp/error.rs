//! Why an expression is none, in Go's words.

use std::fmt;

/// What is wrong with an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegexpMistake {
    /// A range in a class runs backwards, or the class is unknown.
    CharacterRange,
    /// `\` before a character that means nothing.
    Escape,
    /// The name of a group is none, or not closed.
    NamedCapture,
    /// `(?` with something that Go does not have.
    PerlSyntax,
    /// One repetition right behind another.
    NestedRepetition,
    /// A count that is too large, or whose maximum is below its minimum.
    RepeatCount,
    /// A class that is not closed.
    MissingBracket,
    /// A group that is not closed.
    MissingParenthesis,
    /// A repetition of nothing.
    MissingArgument,
    /// `\` at the end.
    TrailingBackslash,
    /// `)` without a group.
    UnexpectedParenthesis,
    /// Groups nest deeper than [`super::MAX_REGEXP_DEPTH`].
    TooDeep,
    /// The expression is longer than [`super::MAX_REGEXP_BYTES`] or compiles
    /// to too much.
    TooLarge,
}

impl RegexpMistake {
    fn text(self) -> &'static str {
        match self {
            Self::CharacterRange => "invalid character class range",
            Self::Escape => "invalid escape sequence",
            Self::NamedCapture => "invalid named capture",
            Self::PerlSyntax => "invalid or unsupported Perl syntax",
            Self::NestedRepetition => "invalid nested repetition operator",
            Self::RepeatCount => "invalid repeat count",
            Self::MissingBracket => "missing closing ]",
            Self::MissingParenthesis => "missing closing )",
            Self::MissingArgument => "missing argument to repetition operator",
            Self::TrailingBackslash => "trailing backslash at end of expression",
            Self::UnexpectedParenthesis => "unexpected )",
            Self::TooDeep => "expression nests too deeply",
            Self::TooLarge => "expression too large",
        }
    }
}

/// An expression that Go would not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexpError {
    /// What is wrong.
    pub mistake: RegexpMistake,
    /// The part of the expression that is.
    pub part: String,
}

impl RegexpError {
    pub(super) fn new(mistake: RegexpMistake, part: &str) -> Self {
        Self {
            mistake,
            part: part.to_owned(),
        }
    }
}

impl fmt::Display for RegexpError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, part) = (self.mistake.text(), &self.part);
        write!(formatter, "error parsing regexp: {text}: `{part}`")
    }
}

impl std::error::Error for RegexpError {}
