//! Lines that start with `%`.

use super::scanner::{Scanner, is_word_byte};
use super::token::TokenKind;
use super::{Mark, SyntaxError};

/// Digits of one part of a version.
const MAX_VERSION_DIGITS: usize = 2;

impl<'a> Scanner<'a> {
    pub(super) fn directive(&mut self) -> Result<(), SyntaxError> {
        self.end_content()?;
        let start = self.cursor.mark();
        self.cursor.advance();
        let kind = match self.directive_name(start)? {
            "YAML" => self.version(start)?,
            "TAG" => self.tag_prefix(start)?,
            _ => return Err(self.tag_error("found unknown directive name", start)),
        };
        self.push(kind, start);
        self.finish_line(start)
    }

    fn directive_name(&mut self, start: Mark) -> Result<&'a str, SyntaxError> {
        let from = self.cursor.position();
        self.cursor.advance_while(is_word_byte);
        let name = self.cursor.since(from);
        if name.is_empty() {
            return Err(self.tag_error("could not find expected directive name", start));
        }
        if !self.cursor.is_space_at(0) {
            let message = "found unexpected non-alphabetical character";
            return Err(self.tag_error(message, start));
        }
        Ok(name)
    }

    fn version(&mut self, start: Mark) -> Result<TokenKind<'a>, SyntaxError> {
        self.cursor.skip_blanks();
        let major = self.version_number(start)?;
        if self.cursor.peek() != b'.' {
            let message = "did not find expected digit or '.' character";
            return Err(self.tag_error(message, start));
        }
        self.cursor.advance();
        Ok(TokenKind::Version(major, self.version_number(start)?))
    }

    fn version_number(&mut self, start: Mark) -> Result<u8, SyntaxError> {
        let from = self.cursor.position();
        self.cursor.advance_while(|byte| byte.is_ascii_digit());
        let digits = self.cursor.since(from);
        if digits.len() > MAX_VERSION_DIGITS {
            return Err(self.tag_error("found extremely long version number", start));
        }
        digits
            .parse()
            .map_err(|_| self.tag_error("did not find expected version number", start))
    }

    fn tag_prefix(&mut self, start: Mark) -> Result<TokenKind<'a>, SyntaxError> {
        self.cursor.skip_blanks();
        let handle = self.tag_handle(start)?;
        if handle != "!" && (handle.len() < 2 || !handle.ends_with('!')) {
            return Err(self.tag_error("did not find expected '!'", start));
        }
        if !self.cursor.is_blank() {
            return Err(self.tag_error("did not find expected whitespace", start));
        }
        self.cursor.skip_blanks();
        let prefix = self.tag_uri("", start)?;
        if !self.cursor.is_space_at(0) {
            let message = "did not find expected whitespace or line break";
            return Err(self.tag_error(message, start));
        }
        Ok(TokenKind::TagPrefix(handle, prefix))
    }
}
