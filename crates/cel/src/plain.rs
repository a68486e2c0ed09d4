//! An expression as it is written for the parser.

use crate::token::{Kind, Token};

/// A text in which the parser finds the tokens that we found, and nothing that
/// it would take for something else.
pub(crate) struct Plain {
    pub(crate) text: String,
    /// Where each token begins, here and in the text that it was read from; at
    /// last the ends of both.
    begins: Vec<(usize, usize)>,
}

impl Plain {
    pub(crate) fn of(tokens: &[Token<'_>]) -> Self {
        let (mut text, mut begins) = (String::new(), Vec::with_capacity(tokens.len() + 1));
        let (mut origin, mut is_behind_literal) = (0, false);
        for token in tokens {
            let literal = match &token.kind {
                Kind::Literal(literal) => Some(literal.as_str()),
                _ => None,
            };
            // The quotes of two that touch each other would be read as one.
            if is_behind_literal && literal.is_some() {
                text.push(' ');
            }
            is_behind_literal = literal.is_some();
            begins.push((text.len(), origin));
            origin += token.source.len();
            match (&token.kind, literal) {
                (_, Some(literal)) => text.push_str(literal),
                (Kind::Undone, _) => text.push_str(&" ".repeat(token.source.len())),
                _ => text.push_str(token.source),
            }
        }
        begins.push((text.len(), origin));
        Self { text, begins }
    }

    /// Where the token at a line and a column, both counted from one, stands
    /// in the text that was read; `None` outside of it.
    pub(crate) fn origin(&self, line: usize, column: usize) -> Option<usize> {
        let lines = self.text.split_inclusive('\n');
        let start: usize = lines.take(line.checked_sub(1)?).map(str::len).sum();
        let characters = self.text.get(start..)?.char_indices().map(|(at, _)| at);
        let rest = self.text.len() - start;
        let within = characters.chain([rest]).nth(column.checked_sub(1)?)?;
        let begun = self
            .begins
            .partition_point(|(here, _)| *here <= start + within);
        let (_, origin) = self.begins.get(begun.checked_sub(1)?)?;
        Some(*origin)
    }
}
