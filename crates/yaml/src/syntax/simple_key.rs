//! Keys without a question mark: only the colon behind them tells that they
//! are keys.

use super::scanner::Scanner;
use super::token::TokenKind;
use super::{Mark, SyntaxError};

/// How far behind the start of a key its colon may stand, in characters.
const MAX_SIMPLE_KEY_CHARACTERS: usize = 1024;

/// What may turn out to be a key, one for each level of brackets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SimpleKey {
    pub possible: bool,
    /// It stands where a map in block style needs a key.
    pub required: bool,
    /// Tokens are held back until it is known whether it is a key. Go's
    /// scanner forgets to for empty brackets, so that `[]: x` is a list and
    /// something behind it.
    pub awaited: bool,
    /// The number of its first token, counted from the start of the text.
    pub token: usize,
    pub mark: Mark,
}

impl Scanner<'_> {
    /// Whether a key is still possible; it has to end on its line.
    pub(super) fn may_be_key(&mut self, level: usize) -> Result<bool, SyntaxError> {
        let here = self.cursor.mark();
        let key = self.simple_keys[level];
        if !key.possible {
            return Ok(false);
        }
        let fits =
            key.mark.line >= here.line && key.mark.index + MAX_SIMPLE_KEY_CHARACTERS >= here.index;
        if fits {
            return Ok(true);
        }
        self.refuse_required(key)?;
        self.simple_keys[level].possible = false;
        Ok(false)
    }

    /// Whether the next token to hand out may be a key, so that more has to
    /// be read first.
    pub(super) fn head_may_be_key(&mut self) -> Result<bool, SyntaxError> {
        let head = self.taken;
        let found = self
            .simple_keys
            .iter()
            .rposition(|key| key.possible && key.awaited && key.token == head);
        found.map_or(Ok(false), |level| self.may_be_key(level))
    }

    fn refuse_required(&self, key: SimpleKey) -> Result<(), SyntaxError> {
        if !key.required {
            return Ok(());
        }
        let message = "could not find expected ':'";
        Err(SyntaxError::scanner(message, key.mark, self.cursor.mark()).at_start())
    }

    /// Remembers that a key may start here.
    pub(super) fn save_simple_key(&mut self) -> Result<(), SyntaxError> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let mark = self.cursor.mark();
        let required = !self.in_flow() && self.indent == Some(mark.column);
        self.drop_simple_key()?;
        let token = self.next_token_number();
        if let Some(key) = self.simple_keys.last_mut() {
            *key = SimpleKey {
                possible: true,
                required,
                awaited: true,
                token,
                mark,
            };
        }
        Ok(())
    }

    /// Gives up the key of this level of brackets.
    pub(super) fn drop_simple_key(&mut self) -> Result<(), SyntaxError> {
        let Some(key) = self.simple_keys.last().copied().filter(|key| key.possible) else {
            return Ok(());
        };
        self.refuse_required(key)?;
        self.forget_simple_key();
        Ok(())
    }

    /// Starts a level of brackets.
    pub(super) fn push_simple_key_level(&mut self) {
        let token = self.next_token_number();
        self.simple_keys.push(SimpleKey {
            token,
            ..SimpleKey::default()
        });
    }

    /// Ends a level of brackets, and the wait for the key that started with
    /// them if nothing in them could have been one.
    pub(super) fn pop_simple_key_level(&mut self) {
        if !self.in_flow() {
            return;
        }
        let ended = self.simple_keys.pop().map(|key| key.token);
        if let Some(key) = self.simple_keys.last_mut() {
            key.awaited &= Some(key.token) != ended;
        }
    }

    fn forget_simple_key(&mut self) {
        if let Some(key) = self.simple_keys.last_mut() {
            key.possible = false;
        }
    }

    /// The colon behind a key, with or without a question mark.
    pub(super) fn value(&mut self) -> Result<(), SyntaxError> {
        let level = self.simple_keys.len() - 1;
        if self.may_be_key(level)? {
            let key = self.simple_keys[level];
            self.insert(Some(key.token), TokenKind::Key, key.mark);
            self.open_block(Some(key.token), TokenKind::BlockMappingStart, key.mark)?;
            self.forget_simple_key();
            self.simple_key_allowed = false;
        } else {
            if !self.in_flow() {
                self.require_allowed("mapping values are not allowed in this context")?;
                let here = self.cursor.mark();
                self.open_block(None, TokenKind::BlockMappingStart, here)?;
            }
            self.simple_key_allowed = !self.in_flow();
        }
        self.sign(TokenKind::Value, 1);
        Ok(())
    }
}
