//! The pieces that the lexer cuts a text into.

use trueup_gocompat::quote::{Plain, quote};
use trueup_gocompat::utf8::first_characters;

/// What kind of piece it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TokenKind {
    /// Not lexable; the piece is the reason.
    Error,
    Bool,
    /// A character that stands for itself: a comma and the like.
    Character,
    CharacterConstant,
    Complex,
    Assign,
    Declare,
    End,
    Field,
    Identifier,
    LeftDelimiter,
    LeftParenthesis,
    Number,
    Pipe,
    RawString,
    RightDelimiter,
    RightParenthesis,
    Space,
    String,
    Text,
    Variable,
    Dot,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    EndKeyword,
    If,
    Range,
    Template,
    With,
}

impl TokenKind {
    /// The keyword that a word is.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Some(match word {
            "block" => Self::Block,
            "break" => Self::Break,
            "continue" => Self::Continue,
            "define" => Self::Define,
            "else" => Self::Else,
            "end" => Self::EndKeyword,
            "if" => Self::If,
            "nil" => Self::Nil,
            "range" => Self::Range,
            "template" => Self::Template,
            "with" => Self::With,
            _ => return None,
        })
    }

    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Dot
                | Self::Nil
                | Self::Block
                | Self::Break
                | Self::Continue
                | Self::Define
                | Self::Else
                | Self::EndKeyword
                | Self::If
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A piece of the text and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind,
    /// Bytes before it.
    pub(super) position: usize,
    /// The line on which it starts, counted from 1.
    pub(super) line: usize,
    pub(super) text: std::borrow::Cow<'t, [u8]>,
}

impl Token<'_> {
    /// Stands where no token was read yet.
    pub(super) fn none() -> Self {
        Self {
            kind: TokenKind::Error,
            position: 0,
            line: 0,
            text: std::borrow::Cow::Borrowed(&[]),
        }
    }

    /// The token in a message.
    pub(super) fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.text);
        if self.kind == TokenKind::End {
            return "EOF".to_owned();
        }
        if self.kind == TokenKind::Error {
            return text.into_owned();
        }
        if self.kind.is_keyword() {
            return format!("<{text}>");
        }
        if self.text.len() > 10 {
            let start = first_characters(&self.text, 10);
            return format!("{}...", quoted(start));
        }
        quoted(&self.text)
    }

    /// The text of identifiers, fields and variables, which are UTF-8.
    pub(super) fn word(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }
}

/// A text in Go's quotes.
pub(super) fn quoted(text: &[u8]) -> String {
    String::from_utf8_lossy(&quote(text, Plain::Printable)).into_owned()
}
