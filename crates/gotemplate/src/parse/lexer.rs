//! Cuts a text into tokens.

use super::token::{Token, TokenKind, quoted};
use std::borrow::Cow;
use trueup_gocompat::fmt::{Buffer, Directive, Integer};
use trueup_gocompat::utf8::{decode_first, is_digit, is_letter};

/// What both ends of an action look like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delimiters<'t> {
    pub(super) left: &'t [u8],
    pub(super) right: &'t [u8],
}

/// Which words are keywords although they might be functions.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoopWords {
    pub(super) break_is_keyword: bool,
    pub(super) continue_is_keyword: bool,
}

/// Where the lexer is: outside or inside of an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Text,
    Action,
}

pub(super) struct Lexer<'t> {
    input: &'t [u8],
    delimiters: Delimiters<'t>,
    words: LoopWords,
    place: Place,
    /// The next byte to read.
    position: usize,
    /// Where the token at hand starts, and on which line.
    start: usize,
    line: usize,
    parentheses: usize,
}

const OPEN_COMMENT: &[u8] = b"/*";
const CLOSE_COMMENT: &[u8] = b"*/";

type Lexed<'t> = Option<Token<'t>>;

impl<'t> Lexer<'t> {
    pub(super) fn new(input: &'t [u8], delimiters: Delimiters<'t>, words: LoopWords) -> Self {
        Self {
            input,
            delimiters,
            words,
            place: Place::Text,
            position: 0,
            start: 0,
            line: 1,
            parentheses: 0,
        }
    }

    /// The next token; after the last one, ends without end.
    pub(super) fn next(&mut self) -> Token<'t> {
        loop {
            let lexed = match self.place {
                Place::Text => self.lex_text(),
                Place::Action => Some(self.lex_in_action()),
            };
            if let Some(token) = lexed {
                return token;
            }
        }
    }

    fn rest(&self) -> &'t [u8] {
        &self.input[self.position..]
    }

    fn peek(&self) -> Option<char> {
        decode_first(self.rest()).map(|(character, _)| character)
    }

    fn take(&mut self) -> Option<char> {
        let (character, width) = decode_first(self.rest())?;
        self.position += width;
        Some(character)
    }

    /// Takes the next character if it is one of these.
    fn accept(&mut self, set: &str) -> bool {
        let fits = self.peek().is_some_and(|character| set.contains(character));
        if fits {
            self.take();
        }
        fits
    }

    fn accept_all(&mut self, set: &str) {
        while self.accept(set) {}
    }

    /// Forgets what was read since the last token.
    fn skip(&mut self) {
        let skipped = &self.input[self.start..self.position];
        self.line += skipped.iter().filter(|byte| **byte == b'\n').count();
        self.start = self.position;
    }

    fn emit(&mut self, kind: TokenKind) -> Token<'t> {
        let token = Token {
            kind,
            position: self.start,
            line: self.line,
            text: Cow::Borrowed(&self.input[self.start..self.position]),
        };
        self.skip();
        token
    }

    /// Ends the text with a reason.
    fn fail(&mut self, reason: impl Into<String>) -> Token<'t> {
        let token = Token {
            kind: TokenKind::Error,
            position: self.start,
            line: self.line,
            text: Cow::Owned(reason.into().into_bytes()),
        };
        self.input = &[];
        self.position = 0;
        self.start = 0;
        token
    }

    /// Text up to a left delimiter; `None` where there is none to give.
    fn lex_text(&mut self) -> Lexed<'t> {
        let Some(length) = find(self.rest(), self.delimiters.left) else {
            self.position = self.input.len();
            let is_empty = self.position == self.start;
            return Some(self.emit(if is_empty {
                TokenKind::End
            } else {
                TokenKind::Text
            }));
        };
        let delimiter = self.position + length;
        let inside = &self.input[delimiter + self.delimiters.left.len()..];
        let text = &self.input[self.position..delimiter];
        let kept = if starts_with_trim_marker(inside) {
            trim_end(text)
        } else {
            text
        };
        self.position += kept.len();
        let token = (!kept.is_empty()).then(|| self.emit(TokenKind::Text));
        self.position = delimiter;
        self.skip();
        token.or_else(|| self.lex_left_delimiter())
    }

    fn lex_left_delimiter(&mut self) -> Lexed<'t> {
        self.position += self.delimiters.left.len();
        let marker = if starts_with_trim_marker(self.rest()) {
            2
        } else {
            0
        };
        if self.rest()[marker..].starts_with(OPEN_COMMENT) {
            self.position += marker;
            self.skip();
            return self.lex_comment();
        }
        let token = self.emit(TokenKind::LeftDelimiter);
        self.place = Place::Action;
        self.position += marker;
        self.skip();
        self.parentheses = 0;
        Some(token)
    }

    fn lex_comment(&mut self) -> Lexed<'t> {
        self.position += OPEN_COMMENT.len();
        let Some(length) = find(self.rest(), CLOSE_COMMENT) else {
            return Some(self.fail("unclosed comment"));
        };
        self.position += length + CLOSE_COMMENT.len();
        let Some(delimiter) = self.right_delimiter(self.position) else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.pass_right_delimiter(delimiter);
        self.skip();
        None
    }

    /// The right delimiter that stands at a place, with its trim marker.
    fn right_delimiter(&self, at: usize) -> Option<RightDelimiter> {
        let rest = self.input.get(at..)?;
        let marked = matches!(rest, [b' ' | b'\t' | b'\r' | b'\n', b'-', ..]);
        if marked && rest[2..].starts_with(self.delimiters.right) {
            return Some(RightDelimiter::Trimming);
        }
        rest.starts_with(self.delimiters.right)
            .then_some(RightDelimiter::Plain)
    }

    /// Goes past the delimiter and the spaces that it trims.
    fn pass_right_delimiter(&mut self, delimiter: RightDelimiter) {
        if delimiter == RightDelimiter::Plain {
            self.position += self.delimiters.right.len();
            return;
        }
        self.position += 2 + self.delimiters.right.len();
        let rest = self.rest();
        self.position += rest.iter().take_while(|byte| is_space(**byte)).count();
    }

    fn lex_right_delimiter(&mut self, delimiter: RightDelimiter) -> Token<'t> {
        if delimiter == RightDelimiter::Trimming {
            self.position += 2;
            self.skip();
        }
        self.position += self.delimiters.right.len();
        let token = self.emit(TokenKind::RightDelimiter);
        if delimiter == RightDelimiter::Trimming {
            let rest = self.rest();
            self.position += rest.iter().take_while(|byte| is_space(**byte)).count();
            self.skip();
        }
        self.place = Place::Text;
        token
    }

    fn lex_in_action(&mut self) -> Token<'t> {
        if let Some(delimiter) = self.right_delimiter(self.position) {
            if self.parentheses == 0 {
                return self.lex_right_delimiter(delimiter);
            }
            return self.fail("unclosed left paren");
        }
        let Some(character) = self.peek() else {
            return self.fail("unclosed action");
        };
        match character {
            ' ' | '\t' | '\r' | '\n' => self.lex_space(),
            '"' => self.lex_quoted('"', TokenKind::String, "unterminated quoted string"),
            '\'' => self.lex_quoted(
                '\'',
                TokenKind::CharacterConstant,
                "unterminated character constant",
            ),
            '`' => self.lex_raw_string(),
            '$' => self.lex_name(TokenKind::Variable, TokenKind::Variable),
            '.' if !matches!(self.rest(), [_] | [_, b'0'..=b'9', ..]) => {
                self.lex_name(TokenKind::Field, TokenKind::Dot)
            }
            '.' | '+' | '-' | '0'..='9' => self.lex_number(),
            _ if is_alphanumeric(character) => self.lex_identifier(),
            _ => self.lex_punctuation(character),
        }
    }

    fn lex_punctuation(&mut self, character: char) -> Token<'t> {
        self.take();
        match character {
            '=' => self.emit(TokenKind::Assign),
            '|' => self.emit(TokenKind::Pipe),
            ':' if self.accept("=") => self.emit(TokenKind::Declare),
            ':' => self.fail("expected :="),
            '(' => {
                self.parentheses += 1;
                self.emit(TokenKind::LeftParenthesis)
            }
            ')' if self.parentheses == 0 => self.fail("unexpected right paren"),
            ')' => {
                self.parentheses -= 1;
                self.emit(TokenKind::RightParenthesis)
            }
            '!'..='~' => self.emit(TokenKind::Character),
            _ => {
                let shown = code_point(Some(character));
                self.fail(format!("unrecognized character in action: {shown}"))
            }
        }
    }

    /// Spaces; the last one may belong to a right delimiter.
    fn lex_space(&mut self) -> Token<'t> {
        let spaces = self
            .rest()
            .iter()
            .take_while(|byte| is_space(**byte))
            .count();
        let last = self.position + spaces - 1;
        if self.right_delimiter(last) != Some(RightDelimiter::Trimming) {
            self.position += spaces;
        } else if spaces == 1 {
            return self.lex_right_delimiter(RightDelimiter::Trimming);
        } else {
            self.position = last;
        }
        self.emit(TokenKind::Space)
    }

    fn take_word(&mut self) {
        while self.peek().is_some_and(is_alphanumeric) {
            self.take();
        }
    }

    fn lex_identifier(&mut self) -> Token<'t> {
        self.take_word();
        if !self.at_terminator() {
            return self.fail_at_character();
        }
        let word = &self.input[self.start..self.position];
        let kind = match std::str::from_utf8(word).unwrap_or_default() {
            "break" if !self.words.break_is_keyword => TokenKind::Identifier,
            "continue" if !self.words.continue_is_keyword => TokenKind::Identifier,
            "true" | "false" => TokenKind::Bool,
            word => TokenKind::of_word(word).unwrap_or(TokenKind::Identifier),
        };
        self.emit(kind)
    }

    /// A name after a dot or a dollar sign, or that sign alone.
    fn lex_name(&mut self, kind: TokenKind, alone: TokenKind) -> Token<'t> {
        self.take();
        if self.at_terminator() {
            return self.emit(alone);
        }
        self.take_word();
        if !self.at_terminator() {
            return self.fail_at_character();
        }
        self.emit(kind)
    }

    fn fail_at_character(&mut self) -> Token<'t> {
        let shown = code_point(self.peek());
        self.fail(format!("bad character {shown}"))
    }

    /// Whether what follows can end a name.
    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(_) => self.rest().starts_with(self.delimiters.right),
        }
    }

    fn lex_quoted(&mut self, quote: char, kind: TokenKind, reason: &str) -> Token<'t> {
        self.take();
        loop {
            match self.take() {
                None | Some('\n') => return self.fail(reason),
                Some('\\') if matches!(self.take(), None | Some('\n')) => return self.fail(reason),
                Some(character) if character == quote => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn lex_raw_string(&mut self) -> Token<'t> {
        match self.rest()[1..].iter().position(|byte| *byte == b'`') {
            Some(length) => {
                self.position += length + 2;
                self.emit(TokenKind::RawString)
            }
            None => self.fail("unterminated raw quoted string"),
        }
    }

    fn lex_number(&mut self) -> Token<'t> {
        if !self.scan_number() {
            return self.fail_at_number();
        }
        if !matches!(self.peek(), Some('+' | '-')) {
            return self.emit(TokenKind::Number);
        }
        if !self.scan_number() || self.input[self.position - 1] != b'i' {
            return self.fail_at_number();
        }
        self.emit(TokenKind::Complex)
    }

    fn fail_at_number(&mut self) -> Token<'t> {
        let shown = quoted(&self.input[self.start..self.position]);
        self.fail(format!("bad number syntax: {shown}"))
    }

    /// Goes past what looks like a number; the parser knows whether it is one.
    fn scan_number(&mut self) -> bool {
        const DECIMAL: &str = "0123456789_";
        const HEXADECIMAL: &str = "0123456789abcdefABCDEF_";
        self.accept("+-");
        let mut digits = DECIMAL;
        if self.accept("0") {
            if self.accept("xX") {
                digits = HEXADECIMAL;
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_all(digits);
        if self.accept(".") {
            self.accept_all(digits);
        }
        let exponent = match digits {
            DECIMAL => "eE",
            HEXADECIMAL => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.accept_all(DECIMAL);
        }
        self.accept("i");
        let ends = !self.peek().is_some_and(is_alphanumeric);
        if !ends {
            self.take();
        }
        ends
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RightDelimiter {
    Plain,
    /// With a space and a minus before it.
    Trimming,
}

/// Without the spaces at the end that Go trims.
fn trim_end(text: &[u8]) -> &[u8] {
    let last = text.iter().rposition(|byte| !is_space(*byte));
    &text[..last.map_or(0, |last| last + 1)]
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_alphanumeric(character: char) -> bool {
    character == '_' || is_letter(character) || is_digit(character)
}

fn starts_with_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b'-', b' ' | b'\t' | b'\r' | b'\n', ..])
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    let first = *pattern.first()?;
    let mut from = 0;
    loop {
        from += text[from..].iter().position(|byte| *byte == first)?;
        if text[from..].starts_with(pattern) {
            return Some(from);
        }
        from += 1;
    }
}

/// A character as Go's `%#U` shows it; the end of the text has the number -1.
fn code_point(character: Option<char>) -> String {
    let bits = character.map_or(u64::MAX, u64::from);
    let directive = Directive {
        sharp: true,
        ..Directive::default()
    };
    let mut out = Buffer::new(64);
    directive.write_unicode(&mut out, Integer { bits, signed: true });
    String::from_utf8_lossy(&out.into_bytes().unwrap_or_default()).into_owned()
}
