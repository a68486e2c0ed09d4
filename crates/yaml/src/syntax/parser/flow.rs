//! Lists and maps in brackets.

use super::{Context, Expected, Parser, Step, empty};
use crate::syntax::token::TokenKind;
use crate::syntax::{Event, Mark, Properties, SyntaxError};

/// Whether a comma has to stand before an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Later,
}

impl<'a> Parser<'a> {
    /// The comma between entries in brackets.
    fn separator(
        &mut self,
        start: Mark,
        place: Place,
        message: &'static str,
    ) -> Result<(), SyntaxError> {
        let found = self.scanner.peek()?.start;
        if place == Place::First || self.take_if(&TokenKind::FlowEntry)?.is_some() {
            return Ok(());
        }
        let error = SyntaxError::parser(message, start, found);
        Err(match self.next_is(&TokenKind::StreamEnd)? {
            true => error.at_start(),
            false => error,
        })
    }

    pub(super) fn flow_item(&mut self, start: Mark, place: Place) -> Step<'a> {
        if !self.next_is(&TokenKind::FlowSequenceEnd)? {
            self.separator(start, place, "did not find expected ',' or ']'")?;
        }
        let found = self.scanner.peek()?.start;
        if self.take_if(&TokenKind::FlowSequenceEnd)?.is_some() {
            return Ok((Event::SequenceEnd, found));
        }
        self.stack.push(Expected::FlowItem(start, Place::Later));
        if self.take_if(&TokenKind::Key)?.is_some() {
            self.stack.push(Expected::PairKey);
            let properties = Properties::default().in_brackets();
            return Ok((Event::MappingStart(properties), found));
        }
        self.node(Context::Flow)
    }

    pub(super) fn pair_key(&mut self) -> Step<'a> {
        self.stack.push(Expected::PairValue);
        let token = self.scanner.peek()?;
        let end = token.end;
        match token.kind {
            // What ends the key is lost with it: `[? ]` never closes.
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd => {
                self.scanner.take();
                empty(end)
            }
            _ => self.node(Context::Flow),
        }
    }

    pub(super) fn pair_value(&mut self) -> Step<'a> {
        self.stack.push(Expected::PairEnd);
        if self.take_if(&TokenKind::Value)?.is_none() {
            return self.empty_here();
        }
        let here = self.scanner.peek()?.start;
        let ends = |kind: &TokenKind<'_>| {
            matches!(kind, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd)
        };
        self.node_unless(ends, Context::Flow, here)
    }

    pub(super) fn flow_key(&mut self, start: Mark, place: Place) -> Step<'a> {
        if !self.next_is(&TokenKind::FlowMappingEnd)? {
            self.separator(start, place, "did not find expected ',' or '}'")?;
        }
        let found = self.scanner.peek()?.start;
        if self.take_if(&TokenKind::FlowMappingEnd)?.is_some() {
            return Ok((Event::MappingEnd, found));
        }
        self.stack.push(Expected::FlowKey(start, Place::Later));
        if self.take_if(&TokenKind::Key)?.is_none() {
            self.stack.push(Expected::FlowNoValue);
            return self.node(Context::Flow);
        }
        self.stack.push(Expected::FlowValue);
        let here = self.scanner.peek()?.start;
        let ends = |kind: &TokenKind<'_>| {
            matches!(
                kind,
                TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd
            )
        };
        self.node_unless(ends, Context::Flow, here)
    }

    pub(super) fn flow_value(&mut self) -> Step<'a> {
        if self.take_if(&TokenKind::Value)?.is_none() {
            return self.empty_here();
        }
        let here = self.scanner.peek()?.start;
        let ends =
            |kind: &TokenKind<'_>| matches!(kind, TokenKind::FlowEntry | TokenKind::FlowMappingEnd);
        self.node_unless(ends, Context::Flow, here)
    }
}
