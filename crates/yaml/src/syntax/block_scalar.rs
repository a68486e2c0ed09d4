//! Scalars in block style: `|` keeps lines, `>` folds them.

use super::scanner::Scanner;
use super::token::TokenKind;
use super::{Mark, ScalarStyle, SyntaxError};

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// The sign and what stands behind it.
struct Header {
    style: ScalarStyle,
    chomping: Chomping,
    /// How much further right than the block around it the lines start;
    /// `None` where the first line tells.
    indentation: Option<usize>,
    start: Mark,
}

impl Scanner<'_> {
    pub(super) fn block_scalar(&mut self) -> Result<(), SyntaxError> {
        self.drop_simple_key()?;
        self.simple_key_allowed = true;
        let header = self.block_header()?;
        let outer = self.indent.unwrap_or(0);
        let mut indent = header.indentation.map(|more| outer + more);
        let mut text = String::new();
        let mut first_break = None;
        let mut more_breaks = String::new();
        let mut after_blank = false;
        self.block_breaks(&mut indent, &mut more_breaks, header.start)?;
        while Some(self.cursor.mark().column) == indent && !self.cursor.at_end() {
            let on_blank = self.cursor.is_blank();
            let folds = header.style == ScalarStyle::Folded
                && first_break == Some('\n')
                && !after_blank
                && !on_blank;
            match folds {
                true if more_breaks.is_empty() => text.push(' '),
                true => {}
                false => text.extend(first_break),
            }
            text.push_str(&more_breaks);
            more_breaks.clear();
            after_blank = on_blank;
            let from = self.cursor.position();
            self.cursor.skip_line_content();
            text.push_str(self.cursor.since(from));
            first_break = self.cursor.take_break();
            self.block_breaks(&mut indent, &mut more_breaks, header.start)?;
        }
        if header.chomping != Chomping::Strip {
            text.extend(first_break);
        }
        if header.chomping == Chomping::Keep {
            text.push_str(&more_breaks);
        }
        self.push(TokenKind::Scalar(text.into(), header.style), header.start);
        Ok(())
    }

    fn block_header(&mut self) -> Result<Header, SyntaxError> {
        let start = self.cursor.mark();
        let style = match self.cursor.peek() {
            b'|' => ScalarStyle::Literal,
            _ => ScalarStyle::Folded,
        };
        self.cursor.advance();
        let mut chomping = self.chomping();
        let indentation = self.indentation(start)?;
        if chomping.is_none() {
            chomping = self.chomping();
        }
        self.finish_line(start)?;
        Ok(Header {
            style,
            chomping: chomping.unwrap_or(Chomping::Clip),
            indentation,
            start,
        })
    }

    fn chomping(&mut self) -> Option<Chomping> {
        let chomping = match self.cursor.peek() {
            b'+' => Chomping::Keep,
            b'-' => Chomping::Strip,
            _ => return None,
        };
        self.cursor.advance();
        Some(chomping)
    }

    fn indentation(&mut self, start: Mark) -> Result<Option<usize>, SyntaxError> {
        let digit = self.cursor.peek();
        if digit == b'0' {
            let message = "found an indentation indicator equal to 0";
            return Err(SyntaxError::scanner(message, start, self.cursor.mark()));
        }
        if !digit.is_ascii_digit() {
            return Ok(None);
        }
        self.cursor.advance();
        Ok(Some(usize::from(digit - b'0')))
    }

    /// Moves over the rest of a line, which may only be a comment.
    pub(super) fn finish_line(&mut self, start: Mark) -> Result<(), SyntaxError> {
        self.cursor.skip_blanks();
        if self.cursor.peek() == b'#' {
            self.cursor.skip_line_content();
        }
        if !self.cursor.is_break_or_end() {
            let message = "did not find expected comment or line break";
            return Err(SyntaxError::scanner(message, start, self.cursor.mark()));
        }
        self.cursor.take_break();
        Ok(())
    }

    /// Moves over empty lines and the indentation of the next one; where the
    /// indentation is not known yet, the deepest of these lines tells it.
    fn block_breaks(
        &mut self,
        indent: &mut Option<usize>,
        breaks: &mut String,
        start: Mark,
    ) -> Result<(), SyntaxError> {
        let mut deepest = 0;
        loop {
            let left_of = |column: usize| indent.is_none_or(|indent| column < indent);
            while self.cursor.peek() == b' ' && left_of(self.cursor.mark().column) {
                self.cursor.advance();
            }
            let column = self.cursor.mark().column;
            deepest = deepest.max(column);
            if self.cursor.peek() == b'\t' && left_of(column) {
                let message = "found a tab character where an indentation space is expected";
                return Err(SyntaxError::scanner(message, start, self.cursor.mark()));
            }
            let Some(found) = self.cursor.take_break() else {
                break;
            };
            breaks.push(found);
        }
        if indent.is_none() {
            let least = self.indent.map_or(1, |outer| outer + 1);
            *indent = Some(deepest.max(least));
        }
        Ok(())
    }
}
