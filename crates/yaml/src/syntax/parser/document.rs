//! Where documents begin and end, and what is said before them.

use super::{Context, Expected, Parser, Step, empty};
use crate::YamlError;
use crate::syntax::token::{Token, TokenKind};
use crate::syntax::{Event, Mark, SyntaxError};

/// The version of YAML that a text may name.
const VERSION: (u8, u8) = (1, 1);

impl<'a> Parser<'a> {
    pub(super) fn first_document(&mut self) -> Step<'a> {
        let token = self.scanner.peek()?;
        let start = token.start;
        let explicit = matches!(
            token.kind,
            TokenKind::Version(..)
                | TokenKind::TagPrefix(..)
                | TokenKind::DocumentStart
                | TokenKind::StreamEnd
        );
        if explicit {
            return self.explicit_document();
        }
        self.directives()?;
        self.stack
            .extend([Expected::DocumentEnd, Expected::BlockNode]);
        Ok((Event::DocumentStart, start))
    }

    pub(super) fn next_document(&mut self) -> Step<'a> {
        while self.take_if(&TokenKind::DocumentEnd)?.is_some() {}
        self.explicit_document()
    }

    fn explicit_document(&mut self) -> Step<'a> {
        let token = self.scanner.peek()?;
        let start = token.start;
        if token.kind == TokenKind::StreamEnd {
            return Ok((Event::StreamEnd, start));
        }
        self.directives()?;
        let found = self.scanner.peek()?.start;
        let Some(marker) = self.take_if(&TokenKind::DocumentStart)? else {
            let message = "did not find expected <document start>";
            return Err(SyntaxError::parser(message, Mark::default(), found));
        };
        self.stack
            .extend([Expected::DocumentEnd, Expected::DocumentContent(marker)]);
        Ok((Event::DocumentStart, start))
    }

    fn directives(&mut self) -> Result<(), SyntaxError> {
        let refuse = |message, at| Err(SyntaxError::parser(message, Mark::default(), at));
        let mut has_version = false;
        loop {
            let Token { kind, start, .. } = self.scanner.peek()?.clone();
            match kind {
                TokenKind::Version(..) if has_version => {
                    return refuse("found duplicate %YAML directive", start);
                }
                TokenKind::Version(major, minor) if (major, minor) != VERSION => {
                    return refuse("found incompatible YAML document", start);
                }
                TokenKind::Version(..) => has_version = true,
                TokenKind::TagPrefix(handle, prefix) => {
                    if self.tag_prefixes.iter().any(|(known, _)| *known == handle) {
                        return refuse("found duplicate %TAG directive", start);
                    }
                    self.tag_prefixes.push((handle, prefix));
                }
                _ => return Ok(()),
            }
            self.scanner.take();
        }
    }

    pub(super) fn document_content(&mut self, marker: Mark) -> Step<'a> {
        let token = self.scanner.peek()?;
        match token.kind {
            TokenKind::Version(..)
            | TokenKind::TagPrefix(..)
            | TokenKind::DocumentStart
            | TokenKind::DocumentEnd
            | TokenKind::StreamEnd => empty(marker),
            _ => self.node(Context::Block),
        }
    }

    pub(super) fn document_end(&mut self) -> Step<'a> {
        let start = self.scanner.peek()?.start;
        self.take_if(&TokenKind::DocumentEnd)?;
        self.tag_prefixes.clear();
        self.stack.push(Expected::NextDocument);
        Ok((Event::DocumentEnd, start))
    }
}

/// Go's reader takes no control characters but tab, line feed and carriage
/// return, not even in comments.
pub(super) fn refuse_control_characters(text: &str) -> Result<(), YamlError> {
    let allowed = |c: char| {
        matches!(
            c,
            '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..
        )
    };
    let Some(at) = text.find(|c| !allowed(c)) else {
        return Ok(());
    };
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |line| line.chars().count())
        + 1;
    let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    let message = "control characters are not allowed";
    Err(YamlError::new(message, number(line), number(column)))
}
