//! Tags: `!!str`, `!custom`, `!<tag:example.org,2026:x>`.

use super::scanner::{Scanner, is_word_byte};
use super::token::TokenKind;
use super::{Mark, SyntaxError};

impl<'a> Scanner<'a> {
    pub(super) fn tag(&mut self) -> Result<(), SyntaxError> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark();
        let (handle, suffix) = match self.cursor.peek_at(1) {
            b'<' => ("", self.verbatim_tag(start)?),
            _ => self.short_tag(start)?,
        };
        if !self.cursor.is_space_at(0) {
            let message = "did not find expected whitespace or line break";
            return Err(SyntaxError::scanner(message, start, self.cursor.mark()));
        }
        self.push(TokenKind::Tag(handle, suffix), start);
        Ok(())
    }

    fn verbatim_tag(&mut self, start: Mark) -> Result<String, SyntaxError> {
        self.cursor.advance_by(2);
        let name = self.tag_uri("", start)?;
        if self.cursor.peek() != b'>' {
            let message = "did not find the expected '>'";
            return Err(SyntaxError::scanner(message, start, self.cursor.mark()));
        }
        self.cursor.advance();
        Ok(name)
    }

    fn short_tag(&mut self, start: Mark) -> Result<(&'a str, String), SyntaxError> {
        let handle = self.tag_handle(start)?;
        if handle.len() > 1 && handle.ends_with('!') {
            return Ok((handle, self.tag_uri("", start)?));
        }
        let suffix = self.tag_uri(handle, start)?;
        Ok(match suffix.is_empty() {
            true => ("", "!".to_owned()),
            false => ("!", suffix),
        })
    }

    /// `!`, `!!` or `!name!`; `!name` where no second mark follows.
    pub(super) fn tag_handle(&mut self, start: Mark) -> Result<&'a str, SyntaxError> {
        if self.cursor.peek() != b'!' {
            return Err(self.tag_error("did not find expected '!'", start));
        }
        let from = self.cursor.position();
        self.cursor.advance();
        self.cursor.advance_while(is_word_byte);
        if self.cursor.peek() == b'!' {
            self.cursor.advance();
        }
        Ok(self.cursor.since(from))
    }

    /// The rest of a tag; `head` was read already, its mark does not count.
    pub(super) fn tag_uri(&mut self, head: &str, start: Mark) -> Result<String, SyntaxError> {
        let mut uri = Vec::from(head.as_bytes().get(1..).unwrap_or_default());
        let mut found = !head.is_empty();
        loop {
            let from = self.cursor.position();
            self.cursor.advance_while(is_uri_byte);
            let run = self.cursor.since(from);
            uri.extend_from_slice(run.as_bytes());
            found |= !run.is_empty();
            if self.cursor.peek() != b'%' {
                break;
            }
            self.uri_escape(&mut uri, start)?;
            found = true;
        }
        if !found {
            return Err(self.tag_error("did not find expected tag URI", start));
        }
        String::from_utf8(uri)
            .map_err(|_| self.tag_error("found an incorrect leading UTF-8 octet", start))
    }

    /// The bytes of one character, each written as `%` and two digits.
    fn uri_escape(&mut self, uri: &mut Vec<u8>, start: Mark) -> Result<(), SyntaxError> {
        let first = self.uri_byte(start)?;
        let more = match first {
            0..=0x7f => 0,
            0xc0..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf7 => 3,
            _ => return Err(self.tag_error("found an incorrect leading UTF-8 octet", start)),
        };
        uri.push(first);
        self.cursor.advance_by(3);
        for _ in 0..more {
            let next = self.uri_byte(start)?;
            if next & 0xc0 != 0x80 {
                return Err(self.tag_error("found an incorrect trailing UTF-8 octet", start));
            }
            uri.push(next);
            self.cursor.advance_by(3);
        }
        Ok(())
    }

    fn uri_byte(&self, start: Mark) -> Result<u8, SyntaxError> {
        let digit = |ahead| char::from(self.cursor.peek_at(ahead)).to_digit(16);
        let byte = match (self.cursor.peek(), digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
            _ => None,
        };
        byte.ok_or_else(|| self.tag_error("did not find URI escaped octet", start))
    }

    pub(super) fn tag_error(&self, message: &'static str, start: Mark) -> SyntaxError {
        SyntaxError::scanner(message, start, self.cursor.mark())
    }
}

fn is_uri_byte(byte: u8) -> bool {
    is_word_byte(byte)
        || matches!(
            byte,
            b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',' | b'.' | b'!'
        )
        || matches!(byte, b'~' | b'*' | b'\'' | b'(' | b')' | b'[' | b']')
}
