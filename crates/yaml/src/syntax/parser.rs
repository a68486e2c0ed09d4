//! From tokens to events: which event comes next, and the values in block
//! style. Documents and values in brackets have files of their own.

mod document;
mod flow;

use super::scanner::Scanner;
use super::token::TokenKind;
use super::{Dialect, Event, Mark, Properties, ScalarStyle, SyntaxError, SyntaxLimits};
use crate::YamlError;
use flow::Place;
use std::borrow::Cow;

/// What the tag handle `!!` stands for.
const CORE_PREFIX: &str = "tag:yaml.org,2002:";

/// What is expected next. The innermost expectation is on top of a stack.
#[derive(Clone, Copy, Debug)]
enum Expected {
    FirstDocument,
    NextDocument,
    /// After a marker that ends here.
    DocumentContent(Mark),
    DocumentEnd,
    BlockNode,
    /// The next item of a list that starts at a mark.
    BlockItem(Mark),
    /// The next item of a list as far left as the key before it.
    IndentlessItem,
    BlockKey(Mark),
    BlockValue,
    FlowItem(Mark, Place),
    /// The key, value and end of a map of one entry in a list: `[a: b]`.
    PairKey,
    PairValue,
    PairEnd,
    FlowKey(Mark, Place),
    FlowValue,
    /// Where a key of a flow map came without sign: it has no value.
    FlowNoValue,
}

/// Which values may stand somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Flow,
    Block,
    /// After a key, where a list needs no indentation.
    BlockOrIndentless,
}

type Step<'a> = Result<(Event<'a>, Mark), SyntaxError>;

/// Reads a text event by event.
pub(crate) struct Parser<'a> {
    scanner: Scanner<'a>,
    dialect: Dialect,
    stack: Vec<Expected>,
    /// Handles and what they stand for, in this document.
    tag_prefixes: Vec<(&'a str, String)>,
    has_failed: bool,
}

impl<'a> Parser<'a> {
    /// Starts to read; fails for a text with control characters.
    pub(crate) fn new(
        text: &'a str,
        dialect: Dialect,
        limits: SyntaxLimits,
    ) -> Result<Self, YamlError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        document::refuse_control_characters(text)?;
        Ok(Self {
            scanner: Scanner::new(text, dialect, limits),
            dialect,
            stack: vec![Expected::FirstDocument],
            tag_prefixes: Vec::new(),
            has_failed: false,
        })
    }

    /// The next event and where it starts; the end again and again once it is
    /// reached.
    pub(crate) fn next(&mut self) -> Result<(Event<'a>, Mark), YamlError> {
        self.step().map_err(|error| {
            self.has_failed = true;
            error.told(self.dialect)
        })
    }

    /// Whether a mistake was found, so that there is no more to read.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// The reader found a mistake.
    pub(crate) fn stop(&mut self) {
        self.has_failed = true;
    }

    fn step(&mut self) -> Step<'a> {
        let Some(expected) = self.stack.pop() else {
            return Ok((Event::StreamEnd, Mark::default()));
        };
        match expected {
            Expected::FirstDocument => self.first_document(),
            Expected::NextDocument => self.next_document(),
            Expected::DocumentContent(marker) => self.document_content(marker),
            Expected::DocumentEnd => self.document_end(),
            Expected::BlockNode => self.node(Context::Block),
            Expected::BlockItem(start) => self.block_item(start),
            Expected::IndentlessItem => self.indentless_item(),
            Expected::BlockKey(start) => self.block_key(start),
            Expected::BlockValue => self.block_value(),
            Expected::FlowItem(start, place) => self.flow_item(start, place),
            Expected::PairKey => self.pair_key(),
            Expected::PairValue => self.pair_value(),
            Expected::PairEnd => Ok((Event::MappingEnd, self.scanner.peek()?.start)),
            Expected::FlowKey(start, place) => self.flow_key(start, place),
            Expected::FlowValue => self.flow_value(),
            Expected::FlowNoValue => self.empty_here(),
        }
    }

    /// Hands out the next token if it is of a kind; tells where it ends.
    fn take_if(&mut self, kind: &TokenKind<'_>) -> Result<Option<Mark>, SyntaxError> {
        let token = self.scanner.peek()?;
        if token.kind != *kind {
            return Ok(None);
        }
        let end = token.end;
        self.scanner.take();
        Ok(Some(end))
    }

    fn next_is(&mut self, kind: &TokenKind<'_>) -> Result<bool, SyntaxError> {
        Ok(self.scanner.peek()?.kind == *kind)
    }

    /// A value with its anchor and tag.
    fn node(&mut self, context: Context) -> Step<'a> {
        let token = self.scanner.peek()?;
        let start = token.start;
        if let TokenKind::Alias(name) = token.kind {
            self.scanner.take();
            return Ok((Event::Alias(name), start));
        }
        let properties = self.properties(start)?;
        let block = context != Context::Flow;
        let token = self.scanner.peek()?;
        let found = token.start;
        let (opened, expected) = match token.kind {
            TokenKind::Scalar(..) => return self.scalar(properties, start),
            TokenKind::BlockEntry if context == Context::BlockOrIndentless => {
                self.stack.push(Expected::IndentlessItem);
                return Ok((Event::SequenceStart(properties), start));
            }
            TokenKind::FlowSequenceStart => (
                Event::SequenceStart(properties.in_brackets()),
                Expected::FlowItem(found, Place::First),
            ),
            TokenKind::FlowMappingStart => (
                Event::MappingStart(properties.in_brackets()),
                Expected::FlowKey(found, Place::First),
            ),
            TokenKind::BlockSequenceStart if block => {
                (Event::SequenceStart(properties), Expected::BlockItem(found))
            }
            TokenKind::BlockMappingStart if block => {
                (Event::MappingStart(properties), Expected::BlockKey(found))
            }
            _ if properties != Properties::default() => {
                return Ok((empty_scalar(properties), start));
            }
            _ => return Err(self.no_content(start)?),
        };
        self.scanner.take();
        self.stack.push(expected);
        Ok((opened, start))
    }

    /// The mistake of a value that is missing; at the end of the text it is
    /// the innermost open bracket's.
    fn no_content(&mut self, start: Mark) -> Result<SyntaxError, SyntaxError> {
        let token = self.scanner.peek()?;
        let message = "did not find expected node content";
        let error = SyntaxError::parser(message, start, token.start);
        let at_end = token.kind == TokenKind::StreamEnd;
        let bracket = self.stack.iter().rev().find_map(|expected| match expected {
            Expected::FlowItem(start, _) | Expected::FlowKey(start, _) => Some(*start),
            _ => None,
        });
        Ok(match bracket.filter(|_| at_end) {
            Some(bracket) => error.placed_at(bracket),
            None => error,
        })
    }

    fn scalar(&mut self, properties: Properties<'a>, start: Mark) -> Step<'a> {
        let event = match self.scanner.take().map(|token| token.kind) {
            Some(TokenKind::Scalar(text, style)) => Event::Scalar(text, style, properties),
            _ => empty_scalar(properties),
        };
        Ok((event, start))
    }

    /// An anchor and a tag in either order.
    fn properties(&mut self, start: Mark) -> Result<Properties<'a>, SyntaxError> {
        let mut properties = Properties::default();
        loop {
            let token = self.scanner.peek()?;
            let at = token.start;
            match &token.kind {
                TokenKind::Anchor(name) if properties.anchor.is_none() => {
                    properties.anchor = Some(name);
                }
                TokenKind::Tag(handle, suffix) if properties.tag.is_none() => {
                    let (handle, suffix) = (*handle, suffix.clone());
                    properties.tag = Some(self.full_tag(handle, suffix, start, at)?);
                }
                _ => break,
            }
            self.scanner.take();
        }
        properties.tag = properties.tag.filter(|tag| !tag.is_empty());
        Ok(properties)
    }

    fn full_tag(
        &self,
        handle: &str,
        suffix: String,
        start: Mark,
        at: Mark,
    ) -> Result<String, SyntaxError> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        let declared = self.tag_prefixes.iter().find(|(known, _)| *known == handle);
        match (declared, handle) {
            (Some((_, prefix)), _) => Ok(format!("{prefix}{suffix}")),
            (None, "!") => Ok(format!("!{suffix}")),
            (None, "!!") => Ok(format!("{CORE_PREFIX}{suffix}")),
            (None, _) => Err(SyntaxError::parser("found undefined tag handle", start, at)),
        }
    }

    /// Nothing where a value could be.
    fn empty_here(&mut self) -> Step<'a> {
        let here = self.scanner.peek()?.start;
        empty(here)
    }

    /// A value, or nothing if one of `ends` follows.
    fn node_unless(
        &mut self,
        ends: impl Fn(&TokenKind<'_>) -> bool,
        context: Context,
        at: Mark,
    ) -> Step<'a> {
        match ends(&self.scanner.peek()?.kind) {
            true => empty(at),
            false => self.node(context),
        }
    }

    fn block_item(&mut self, start: Mark) -> Step<'a> {
        if let Some(end) = self.take_if(&TokenKind::BlockEntry)? {
            self.stack.push(Expected::BlockItem(start));
            let ends =
                |kind: &TokenKind<'_>| matches!(kind, TokenKind::BlockEntry | TokenKind::BlockEnd);
            return self.node_unless(ends, Context::Block, end);
        }
        let found = self.scanner.peek()?.start;
        if self.take_if(&TokenKind::BlockEnd)?.is_some() {
            return Ok((Event::SequenceEnd, found));
        }
        let message = "did not find expected '-' indicator";
        Err(SyntaxError::parser(message, start, found))
    }

    fn indentless_item(&mut self) -> Step<'a> {
        if let Some(end) = self.take_if(&TokenKind::BlockEntry)? {
            self.stack.push(Expected::IndentlessItem);
            let ends = |kind: &TokenKind<'_>| {
                matches!(
                    kind,
                    TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
                )
            };
            return self.node_unless(ends, Context::Block, end);
        }
        Ok((Event::SequenceEnd, self.scanner.peek()?.start))
    }

    fn block_key(&mut self, start: Mark) -> Step<'a> {
        if let Some(end) = self.take_if(&TokenKind::Key)? {
            self.stack
                .extend([Expected::BlockKey(start), Expected::BlockValue]);
            return self.node_unless(ends_block_entry, Context::BlockOrIndentless, end);
        }
        let found = self.scanner.peek()?.start;
        if self.take_if(&TokenKind::BlockEnd)?.is_some() {
            return Ok((Event::MappingEnd, found));
        }
        Err(SyntaxError::parser(
            "did not find expected key",
            start,
            found,
        ))
    }

    fn block_value(&mut self) -> Step<'a> {
        match self.take_if(&TokenKind::Value)? {
            Some(end) => self.node_unless(ends_block_entry, Context::BlockOrIndentless, end),
            None => self.empty_here(),
        }
    }
}

/// A value where none is written.
fn empty<'a>(at: Mark) -> Step<'a> {
    Ok((empty_scalar(Properties::default()), at))
}

fn empty_scalar(properties: Properties<'_>) -> Event<'_> {
    Event::Scalar(Cow::Borrowed(""), ScalarStyle::Plain, properties)
}

/// Whether a key or value in block style that is not written can have ended.
fn ends_block_entry(kind: &TokenKind<'_>) -> bool {
    matches!(
        kind,
        TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd
    )
}
