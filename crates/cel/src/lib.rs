//! Expressions in the Common Expression Language: from text to tree, under
//! limits.
//!
//! The grammar is the CEL specification's; the parser is that of the crate
//! `cel`. It panics at its own limit of nesting, needs much of the stack for
//! each level, and takes some literals and doubled signs for others. So every
//! text is looked through first, is written for the parser in the way that it
//! reads right, and is read on a stack that suffices. No other crate calls it.
//!
//! Floor 1: knows nothing of objects, or of what an expression is about.

mod literal;
mod nesting;
mod plain;
mod report;
mod stack;
#[cfg(test)]
mod tests;
mod token;

pub use kube_cel::cel::parser::Expression as Tree;
pub use nesting::{depth, operands};
pub use report::report;
pub use stack::walk;

use kube_cel::cel::parser::Parser;

/// How long the text of an expression may be.
pub const MAX_EXPRESSION_BYTES: usize = 16 * 1024;
/// How deep an expression may be nested: brackets and choices in each other,
/// and the tree that is made of it.
pub const MAX_EXPRESSION_DEPTH: u16 = 96;
/// How many signs of operators (`+`, `.`, `[`, `&`, …) an expression may have;
/// the word `in` counts as two.
pub const MAX_EXPRESSION_OPERATORS: usize = 1_000;

/// What an expression may be written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// The specification's own.
    Standard,
    /// Fields, indexes and entries that may be missing as well: `a.?b`,
    /// `a[?b]`, `[?a]`, `{?a: b}`.
    WithOptionals,
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is longer than [`MAX_EXPRESSION_BYTES`].
    #[error("it is {bytes} bytes long, more than {MAX_EXPRESSION_BYTES}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It is nested deeper than [`MAX_EXPRESSION_DEPTH`].
    #[error("it is nested more than {MAX_EXPRESSION_DEPTH} deep")]
    TooDeep,
    /// It has more than [`MAX_EXPRESSION_OPERATORS`].
    #[error("it has more than {MAX_EXPRESSION_OPERATORS} signs of operators")]
    TooManyOperators,
    /// It breaks the grammar.
    #[error("{report}")]
    Syntax {
        /// The mistakes, each as [`report()`] prints it.
        report: String,
    },
}

/// Reads an expression. Which names and functions there are is not looked at.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where all texts are read, and they were looked through"
)]
pub fn read(text: &str, syntax: Syntax) -> Result<Tree, ReadError> {
    if text.len() > MAX_EXPRESSION_BYTES {
        return Err(ReadError::TooLong { bytes: text.len() });
    }
    let mut tokens = token::tokens(text).map_err(|error| report::unreadable(text, &error))?;
    token::undo_doubled_signs(&mut tokens);
    let extent = nesting::check_signs(&tokens)?;
    let plain = plain::Plain::of(&tokens);
    let parser = Parser::new()
        .max_recursion_depth(MAX_EXPRESSION_DEPTH)
        .enable_optional_syntax(syntax == Syntax::WithOptionals);
    stack::parse(&extent, || {
        let read = parser.parse(&plain.text);
        let tree = read.map_err(|errors| report::mistakes(text, &plain, &errors))?;
        nesting::check_tree(&tree)?;
        Ok(tree)
    })
}
