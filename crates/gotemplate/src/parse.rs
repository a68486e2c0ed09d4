//! From text to trees: the grammar of `text/template`.

mod control;
mod lexer;
mod number;
mod operand;
mod parser;
mod shown;
mod token;
mod tree;

pub(crate) use number::Number;
pub(crate) use parser::{Source, parse};
pub(crate) use tree::{
    Branch, Call, Command, Keyword, Node, NodeRef, Operand, OperandKind, Pipe, Tree,
};
