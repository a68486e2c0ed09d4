//! From text to tokens.

use super::cursor::Cursor;
use super::simple_key::SimpleKey;
use super::token::{Token, TokenKind};
use super::{Dialect, Mark, SyntaxError, SyntaxLimits};
use std::collections::VecDeque;

/// Cuts a text into tokens, and marks where blocks start and end.
pub(super) struct Scanner<'a> {
    pub(super) cursor: Cursor<'a>,
    dialect: Dialect,
    limits: SyntaxLimits,
    queue: VecDeque<Token<'a>>,
    /// How many tokens were handed out.
    pub(super) taken: usize,
    /// The column of the block that is open; `None` outside of all.
    pub(super) indent: Option<usize>,
    outer_indents: Vec<Option<usize>>,
    /// One for the block, one more for each open bracket.
    pub(super) simple_keys: Vec<SimpleKey>,
    pub(super) simple_key_allowed: bool,
    /// The next token is at the head of the queue, and final.
    ready: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect, limits: SyntaxLimits) -> Self {
        Self {
            cursor: Cursor::new(text),
            dialect,
            limits,
            queue: VecDeque::new(),
            taken: 0,
            indent: None,
            outer_indents: Vec::new(),
            simple_keys: vec![SimpleKey::default()],
            simple_key_allowed: true,
            ready: false,
        }
    }

    /// The next token.
    pub(super) fn peek(&mut self) -> Result<&Token<'a>, SyntaxError> {
        if !self.ready {
            self.prepare()?;
        }
        Ok(&self.queue[0])
    }

    /// Hands out the token that was looked at last.
    pub(super) fn take(&mut self) -> Option<Token<'a>> {
        self.ready = false;
        self.taken += 1;
        self.queue.pop_front()
    }

    /// Reads until the next token can't turn out to be a key any more.
    fn prepare(&mut self) -> Result<(), SyntaxError> {
        let behind = match self.dialect {
            Dialect::Version2 => 0,
            Dialect::Version3 => 2,
        };
        while self.queue.len() <= behind || self.head_may_be_key()? {
            self.fetch()?;
        }
        self.ready = true;
        Ok(())
    }

    fn fetch(&mut self) -> Result<(), SyntaxError> {
        self.skip_to_token();
        self.close_blocks(Some(self.cursor.mark().column));
        if self.cursor.at_end() {
            return self.stream_end();
        }
        let at_line_start = self.cursor.mark().column == 0;
        let spaced = self.cursor.is_space_at(1);
        let in_flow = self.in_flow();
        match self.cursor.peek() {
            b'%' if at_line_start => self.directive(),
            b'-' if self.cursor.is_marker(b'-') => self.document_marker(TokenKind::DocumentStart),
            b'.' if self.cursor.is_marker(b'.') => self.document_marker(TokenKind::DocumentEnd),
            b'[' => self.bracket_open(TokenKind::FlowSequenceStart),
            b'{' => self.bracket_open(TokenKind::FlowMappingStart),
            b']' => self.bracket_close(TokenKind::FlowSequenceEnd),
            b'}' => self.bracket_close(TokenKind::FlowMappingEnd),
            b',' => self.flow_entry(),
            b'-' if spaced => self.block_entry(),
            b'?' if in_flow || spaced => self.key(),
            b':' if in_flow || spaced => self.value(),
            b'*' | b'&' => self.anchor(),
            b'!' => self.tag(),
            b'|' | b'>' if !in_flow => self.block_scalar(),
            b'\'' | b'"' => self.quoted_scalar(),
            _ if self.starts_plain_scalar() => self.plain_scalar(),
            _ => {
                let here = self.cursor.mark();
                let message = "found character that cannot start any token";
                Err(SyntaxError::scanner(message, here, here))
            }
        }
    }

    fn starts_plain_scalar(&self) -> bool {
        let next = self.cursor.peek_at(1);
        match self.cursor.peek() {
            b'-' => !matches!(next, b' ' | b'\t'),
            b'?' | b':' => !self.in_flow() && !self.cursor.is_space_at(1),
            b'\t' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|' | b'>'
            | b'\'' | b'"' | b'%' | b'@' | b'`' => false,
            _ => true,
        }
    }

    /// Go means to skip a byte order mark where a line starts, but looks for it
    /// where its buffer starts: in a text that has two, the first character of
    /// each line is skipped until the buffer moves on.
    fn skip_as_byte_order_mark(&mut self) {
        let at_line_start = self.cursor.mark().column == 0 && !self.cursor.at_end();
        if at_line_start && self.cursor.starts_with_byte_order_mark() {
            self.cursor.advance();
        }
    }

    /// Skips spaces, comments and empty lines. A tab may not indent what could
    /// be a key.
    fn skip_to_token(&mut self) {
        loop {
            self.skip_as_byte_order_mark();
            let tabs = self.in_flow() || !self.simple_key_allowed;
            self.cursor
                .advance_while(|byte| byte == b' ' || (tabs && byte == b'\t'));
            if self.cursor.peek() == b'#' {
                self.cursor.skip_line_content();
            }
            if self.cursor.take_break().is_none() {
                return;
            }
            if !self.in_flow() {
                self.simple_key_allowed = true;
            }
        }
    }

    pub(super) fn in_flow(&self) -> bool {
        self.simple_keys.len() > 1
    }

    pub(super) fn next_token_number(&self) -> usize {
        self.taken + self.queue.len()
    }

    pub(super) fn push(&mut self, kind: TokenKind<'a>, start: Mark) {
        let end = self.cursor.mark();
        self.queue.push_back(Token { kind, start, end });
    }

    /// Puts a token that stands for no character before that with a number;
    /// at the end where there is none, or where that was handed out already.
    pub(super) fn insert(&mut self, number: Option<usize>, kind: TokenKind<'a>, mark: Mark) {
        let place = number.and_then(|number| number.checked_sub(self.taken));
        let token = Token {
            kind,
            start: mark,
            end: mark,
        };
        self.queue.insert(place.unwrap_or(self.queue.len()), token);
    }

    /// Moves over `length` characters and makes a token of them.
    pub(super) fn sign(&mut self, kind: TokenKind<'a>, length: usize) {
        let start = self.cursor.mark();
        self.cursor.advance_by(length);
        self.push(kind, start);
    }

    fn check_depth(&self) -> Result<(), SyntaxError> {
        if self.outer_indents.len() + self.simple_keys.len() - 1 <= self.limits.max_depth {
            return Ok(());
        }
        let here = self.cursor.mark();
        let message = format!("nested more than {} levels deep", self.limits.max_depth);
        Err(SyntaxError {
            message: message.into(),
            ..SyntaxError::scanner("", here, here)
        })
    }

    /// Opens a block if this column is further right than that of the block
    /// around it.
    pub(super) fn open_block(
        &mut self,
        before: Option<usize>,
        kind: TokenKind<'a>,
        mark: Mark,
    ) -> Result<(), SyntaxError> {
        if self.in_flow() || self.indent.is_some_and(|indent| indent >= mark.column) {
            return Ok(());
        }
        self.outer_indents.push(self.indent);
        self.indent = Some(mark.column);
        self.check_depth()?;
        self.insert(before, kind, mark);
        Ok(())
    }

    /// Closes the blocks that are further right than a column, or all.
    fn close_blocks(&mut self, column: Option<usize>) {
        if self.in_flow() {
            return;
        }
        let here = self.cursor.mark();
        while self.indent > column {
            self.insert(None, TokenKind::BlockEnd, here);
            self.indent = self.outer_indents.pop().flatten();
        }
    }

    /// Ends all that ends with a document.
    pub(super) fn end_content(&mut self) -> Result<(), SyntaxError> {
        self.close_blocks(None);
        self.drop_simple_key()?;
        self.simple_key_allowed = false;
        Ok(())
    }

    fn stream_end(&mut self) -> Result<(), SyntaxError> {
        self.cursor.close_last_line();
        self.end_content()?;
        self.push(TokenKind::StreamEnd, self.cursor.mark());
        Ok(())
    }

    fn document_marker(&mut self, kind: TokenKind<'a>) -> Result<(), SyntaxError> {
        self.end_content()?;
        self.sign(kind, 3);
        Ok(())
    }

    fn bracket_open(&mut self, kind: TokenKind<'a>) -> Result<(), SyntaxError> {
        self.save_simple_key()?;
        self.push_simple_key_level();
        self.check_depth()?;
        self.simple_key_allowed = true;
        self.sign(kind, 1);
        Ok(())
    }

    fn bracket_close(&mut self, kind: TokenKind<'a>) -> Result<(), SyntaxError> {
        self.drop_simple_key()?;
        self.pop_simple_key_level();
        self.simple_key_allowed = false;
        self.sign(kind, 1);
        Ok(())
    }

    fn flow_entry(&mut self) -> Result<(), SyntaxError> {
        self.drop_simple_key()?;
        self.simple_key_allowed = true;
        self.sign(TokenKind::FlowEntry, 1);
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), SyntaxError> {
        if !self.in_flow() {
            self.require_allowed("block sequence entries are not allowed in this context")?;
            let here = self.cursor.mark();
            self.open_block(None, TokenKind::BlockSequenceStart, here)?;
        }
        self.drop_simple_key()?;
        self.simple_key_allowed = true;
        self.sign(TokenKind::BlockEntry, 1);
        Ok(())
    }

    fn key(&mut self) -> Result<(), SyntaxError> {
        if !self.in_flow() {
            self.require_allowed("mapping keys are not allowed in this context")?;
            let here = self.cursor.mark();
            self.open_block(None, TokenKind::BlockMappingStart, here)?;
        }
        self.drop_simple_key()?;
        self.simple_key_allowed = !self.in_flow();
        self.sign(TokenKind::Key, 1);
        Ok(())
    }

    pub(super) fn require_allowed(&self, message: &'static str) -> Result<(), SyntaxError> {
        if self.simple_key_allowed {
            return Ok(());
        }
        let here = self.cursor.mark();
        Err(SyntaxError::scanner(message, here, here))
    }

    /// `&name` or `*name`.
    fn anchor(&mut self) -> Result<(), SyntaxError> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark();
        let is_alias = self.cursor.peek() == b'*';
        self.cursor.advance();
        let from = self.cursor.position();
        self.cursor.advance_while(is_word_byte);
        let name = self.cursor.since(from);
        let ends = self.cursor.is_space_at(0)
            || matches!(
                self.cursor.peek(),
                b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`'
            );
        if name.is_empty() || !ends {
            let message = "did not find expected alphabetic or numeric character";
            return Err(SyntaxError::scanner(message, start, self.cursor.mark()));
        }
        let kind = match is_alias {
            true => TokenKind::Alias(name),
            false => TokenKind::Anchor(name),
        };
        self.push(kind, start);
        Ok(())
    }
}

/// What names of anchors, tags and directives are made of.
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
