//! Scalars without quotes.

use super::cursor::Breaks;
use super::scanner::Scanner;
use super::token::TokenKind;
use super::{Mark, ScalarStyle, SyntaxError};
use std::borrow::Cow;

/// A plain scalar while it is read: whole as long as it stands on one line.
struct Pieces {
    folded: String,
    /// Byte offsets of the piece that is not in `folded` yet.
    start: usize,
    end: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn plain_scalar(&mut self) -> Result<(), SyntaxError> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark();
        let from = self.cursor.position();
        let mut pieces = Pieces {
            folded: String::new(),
            start: from,
            end: from,
        };
        let mut breaks = Breaks::default();
        let mut on_new_line = false;
        let indent = self.indent.map_or(0, |indent| indent + 1);
        while !self.cursor.at_document_marker() && self.cursor.peek() != b'#' {
            let from = self.cursor.position();
            self.plain_run();
            if self.cursor.position() > from {
                if std::mem::take(&mut on_new_line) {
                    pieces
                        .folded
                        .push_str(self.cursor.between(pieces.start, pieces.end));
                    breaks.fold_into(&mut pieces.folded);
                    pieces.start = from;
                }
                pieces.end = self.cursor.position();
            }
            if !self.cursor.is_blank() && !self.cursor.is_break() {
                break;
            }
            on_new_line = self.plain_gap(on_new_line, indent, &mut breaks, start)?;
            if !self.in_flow() && self.cursor.mark().column < indent {
                break;
            }
        }
        let last = self.cursor.between(pieces.start, pieces.end);
        let text = match pieces.folded {
            folded if folded.is_empty() => Cow::Borrowed(last),
            folded => Cow::Owned(folded + last),
        };
        self.push(TokenKind::Scalar(text, ScalarStyle::Plain), start);
        if on_new_line {
            self.simple_key_allowed = true;
        }
        Ok(())
    }

    /// Moves over characters up to a blank or to what ends the scalar.
    fn plain_run(&mut self) {
        let in_flow = self.in_flow();
        loop {
            self.cursor.advance_while(|byte| match byte {
                b' ' | b'\t' | b':' => false,
                b',' | b'?' | b'[' | b']' | b'{' | b'}' => !in_flow,
                _ => true,
            });
            if self.cursor.peek() != b':' || self.cursor.is_space_at(1) {
                return;
            }
            self.cursor.advance();
        }
    }

    /// Moves over blanks and line breaks; tells whether a line ended.
    fn plain_gap(
        &mut self,
        mut on_new_line: bool,
        indent: usize,
        breaks: &mut Breaks,
        start: Mark,
    ) -> Result<bool, SyntaxError> {
        loop {
            if self.cursor.is_blank() {
                let is_tab = self.cursor.peek() == b'\t';
                if on_new_line && is_tab && self.cursor.mark().column < indent {
                    let message = "found a tab character that violates indentation";
                    return Err(SyntaxError::scanner(message, start, self.cursor.mark()));
                }
                self.cursor.advance();
            } else if self.cursor.is_break() {
                let found = self.cursor.take_break();
                match on_new_line {
                    true => breaks.add(found),
                    false => breaks.set_first(found),
                }
                on_new_line = true;
            } else {
                return Ok(on_new_line);
            }
        }
    }
}
