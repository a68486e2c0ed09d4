//! Scalars in quotes.

use super::cursor::Breaks;
use super::scanner::Scanner;
use super::token::TokenKind;
use super::{Mark, ScalarStyle, SyntaxError};

impl Scanner<'_> {
    pub(super) fn quoted_scalar(&mut self) -> Result<(), SyntaxError> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark();
        let quote = self.cursor.peek();
        self.cursor.advance();
        let mut text = String::new();
        let mut breaks = Breaks::default();
        loop {
            self.refuse_unclosed(start)?;
            let line_joined = self.quoted_run(quote, start, &mut text)?;
            if self.cursor.peek() == quote {
                break;
            }
            self.quoted_gap(line_joined, &mut breaks, &mut text);
        }
        self.cursor.advance();
        let style = match quote {
            b'\'' => ScalarStyle::SingleQuoted,
            _ => ScalarStyle::DoubleQuoted,
        };
        self.push(TokenKind::Scalar(text.into(), style), start);
        Ok(())
    }

    fn refuse_unclosed(&self, start: Mark) -> Result<(), SyntaxError> {
        let message = if self.cursor.at_document_marker() {
            "found unexpected document indicator"
        } else if self.cursor.at_end() {
            "found unexpected end of stream"
        } else {
            return Ok(());
        };
        Err(SyntaxError::scanner(message, start, self.cursor.mark()).at_start())
    }

    /// Reads up to a blank or the quote; tells whether a backslash took the
    /// line break away.
    fn quoted_run(
        &mut self,
        quote: u8,
        start: Mark,
        text: &mut String,
    ) -> Result<bool, SyntaxError> {
        loop {
            let from = self.cursor.position();
            self.cursor.advance_while(|byte| match byte {
                b' ' | b'\t' => false,
                b'\\' => quote == b'\'',
                _ => byte != quote,
            });
            text.push_str(self.cursor.since(from));
            match self.cursor.peek() {
                b'\'' if quote == b'\'' && self.cursor.peek_at(1) == b'\'' => {
                    text.push('\'');
                    self.cursor.advance_by(2);
                }
                b'\\' if quote == b'"' && self.cursor.is_break_at(1) => {
                    self.cursor.advance();
                    self.cursor.take_break();
                    return Ok(true);
                }
                b'\\' if quote == b'"' => text.push(self.escape(start)?),
                _ => return Ok(false),
            }
        }
    }

    /// Reads blanks and line breaks between two runs.
    fn quoted_gap(&mut self, line_joined: bool, breaks: &mut Breaks, text: &mut String) {
        let mut on_new_line = line_joined;
        let from = self.cursor.position();
        loop {
            if self.cursor.is_blank() {
                self.cursor.advance();
            } else if self.cursor.is_break() {
                let found = self.cursor.take_break();
                match on_new_line {
                    true => breaks.add(found),
                    false => breaks.set_first(found),
                }
                on_new_line = true;
            } else {
                break;
            }
        }
        match on_new_line {
            true => breaks.fold_into(text),
            false => text.push_str(self.cursor.since(from)),
        }
    }

    /// The character that a backslash and what follows it stand for.
    fn escape(&mut self, start: Mark) -> Result<char, SyntaxError> {
        let here = self.cursor.mark();
        let digits = match self.cursor.peek_at(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            letter => {
                let Some(meaning) = escaped(letter) else {
                    let message = "found unknown escape character";
                    return Err(SyntaxError::scanner(message, start, here));
                };
                self.cursor.advance_by(2);
                return Ok(meaning);
            }
        };
        self.cursor.advance_by(2);
        let here = self.cursor.mark();
        let mut code = 0_u32;
        for ahead in 0..digits {
            let digit = char::from(self.cursor.peek_at(ahead)).to_digit(16);
            let Some(digit) = digit else {
                let message = "did not find expected hexdecimal number";
                return Err(SyntaxError::scanner(message, start, here));
            };
            code = code << 4 | digit;
        }
        let Some(meaning) = char::from_u32(code) else {
            let message = "found invalid Unicode character escape code";
            return Err(SyntaxError::scanner(message, start, here));
        };
        self.cursor.advance_by(digits);
        Ok(meaning)
    }
}

fn escaped(letter: u8) -> Option<char> {
    Some(match letter {
        b'0' => '\0',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\u{b}',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'e' => '\u{1b}',
        b' ' => ' ',
        b'"' => '"',
        b'\'' => '\'',
        b'\\' => '\\',
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}
