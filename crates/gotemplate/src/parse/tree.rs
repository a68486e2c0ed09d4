//! What a template is made of.

use super::number::Number;
use crate::text::Text;
use std::sync::Arc;

/// One template: a text of its own, or what a `define` in another holds.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Text,
    /// The text it comes from, under the name that errors give.
    pub(crate) source: Arc<SourceText>,
    pub(crate) nodes: Vec<Node>,
}

/// A text that was parsed, for the places of errors.
#[derive(Debug)]
pub(crate) struct SourceText {
    pub(crate) name: Text,
    pub(crate) text: Text,
}

impl SourceText {
    /// The place as errors give it: name, line, bytes before it on its line.
    pub(crate) fn place(&self, position: usize) -> String {
        let before = &self.text[..position.min(self.text.len())];
        let newlines = before.iter().filter(|byte| **byte == b'\n').count();
        let column = before
            .iter()
            .rev()
            .take_while(|byte| **byte != b'\n')
            .count();
        format!("{}:{}:{column}", self.name, newlines + 1)
    }
}

impl Tree {
    /// Whether there is nothing but space: such a body replaces no other.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.iter().all(|node| match node {
            Node::Text(text) => String::from_utf8_lossy(text).trim().is_empty(),
            _ => false,
        })
    }
}

#[derive(Debug)]
pub(crate) enum Node {
    Text(Text),
    Action { position: usize, pipe: Pipe },
    Branch(Branch),
    Break,
    Continue,
    Template(Call),
}

/// `{{template "name" pipe}}`
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) position: usize,
    pub(crate) name: Text,
    pub(crate) pipe: Option<Pipe>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keyword {
    If,
    Range,
    With,
}

/// `if`, `range` or `with`. Each `else if` and `else with` is an arm of its
/// own: that is the same as one within the `else` of the one before.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) keyword: Keyword,
    /// At least one.
    pub(crate) arms: Vec<Arm>,
    pub(crate) otherwise: Option<Vec<Node>>,
}

#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) pipe: Pipe,
    pub(crate) nodes: Vec<Node>,
}

/// `$x := command | command`
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) position: usize,
    pub(crate) assigns: bool,
    pub(crate) variables: Vec<Arc<str>>,
    pub(crate) commands: Vec<Command>,
}

/// Operands that stand side by side.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) position: usize,
    /// At least one.
    pub(crate) operands: Vec<Operand>,
}

#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) position: usize,
    pub(crate) kind: OperandKind,
}

#[derive(Debug)]
pub(crate) enum OperandKind {
    Bool(bool),
    /// Fields of what another operand gives: `(pipe).Field`.
    Chain {
        base: Box<Operand>,
        fields: Vec<Arc<str>>,
    },
    Dot,
    Field(Vec<Arc<str>>),
    Function(Arc<str>),
    Nil,
    Number(Number),
    Pipe(Pipe),
    String {
        quoted: Text,
        text: Text,
    },
    /// A variable, with its dollar sign, and fields of its value.
    Variable {
        name: Arc<str>,
        fields: Vec<Arc<str>>,
    },
}

/// What is being executed, for errors.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NodeRef<'t> {
    Action(usize, &'t Pipe),
    Call(&'t Call),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
}

impl NodeRef<'_> {
    pub(crate) fn position(self) -> usize {
        match self {
            Self::Action(position, _) => position,
            Self::Call(call) => call.position,
            Self::Pipe(pipe) => pipe.position,
            Self::Command(command) => command.position,
            Self::Operand(operand) => operand.position,
        }
    }
}
