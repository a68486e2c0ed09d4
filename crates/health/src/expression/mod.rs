//! Expressions in the Common Expression Language, evaluated under limits.
//!
//! The crate `trueup-cel` reads their text. The evaluator is ours: it reads
//! objects in place and counts every step, so that an expression can be stopped
//! after the same work everywhere, without a clock. Functions are those of
//! Flux's environment: the standard library, optional values, and the
//! extensions for strings, sets and Base64.

mod check;
mod conversions;
mod datum;
mod evaluate;
mod fault;
mod format;
mod functions;
mod operators;
mod text;
mod time;

pub use fault::Fault;
pub use trueup_cel::{MAX_EXPRESSION_BYTES, MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_OPERATORS};

use datum::Datum;
use evaluate::{Machine, Meter};
use std::sync::Arc;
use trueup_cel::{Syntax, Tree as Node};
use trueup_object::{GroupVersionKind, Text, Value};

/// How many steps an evaluation may take. A step is one operation of the
/// expression, one element looked at, or 16 bytes of text or of a literal read
/// or made. Regular expressions take more: for their length and size, and for
/// the size and the text that is searched.
pub const MAX_EXPRESSION_STEPS: u64 = 1_000_000;

/// An expression that was read.
#[derive(Clone, Debug)]
pub struct Expression {
    text: Text,
    tree: Arc<Node>,
    depth: usize,
}

/// Two are the same if they are written the same.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to parse the CEL expression '{text}': {cause}")]
pub struct CompileError {
    /// The text, cut where it is long.
    pub text: Text,
    /// What is wrong with it.
    pub cause: String,
}

/// Why an expression has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to evaluate the CEL expression '{text}': {fault}")]
pub struct EvaluationError {
    /// The text of the expression, cut where it is long.
    pub text: Text,
    /// What went wrong.
    pub fault: Fault,
}

impl Expression {
    /// Reads an expression about the fields of one object, which are its
    /// variables. Which there are shows only when it is evaluated.
    pub fn of_object(text: &str) -> Result<Self, CompileError> {
        let tree = parse(text)?;
        check::functions(&tree).map_err(|cause| refused(text, cause))?;
        Ok(Self::new(text, tree))
    }

    /// Reads an expression about these variables and no others.
    pub fn of_variables(text: &str, names: &[&str]) -> Result<Self, CompileError> {
        let tree = parse(text)?;
        check::functions(&tree)
            .and_then(|()| check::variables(&tree, names))
            .and_then(|()| check::truth(&tree))
            .map_err(|cause| refused(text, cause))?;
        Ok(Self::new(text, tree))
    }

    fn new(text: &str, tree: Node) -> Self {
        Self {
            text: text.into(),
            depth: trueup_cel::depth(&tree),
            tree: Arc::new(tree),
        }
    }

    /// Whether the expression is true of an object, whose fields are the
    /// variables. What goes wrong with a Secret is told without its values.
    pub fn is_true_of(&self, object: &Value) -> Result<bool, EvaluationError> {
        let field = |name: &str| object.get(name).map(Datum::of);
        let truth = self.truth(&field);
        truth.map_err(|fault| self.failed(fault, &[object]))
    }

    /// Whether the expression is true for these variables. What goes wrong
    /// is told without values if one of them is a Secret.
    pub fn is_true_for(&self, variables: &[(&str, &Value)]) -> Result<bool, EvaluationError> {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| Datum::of(value))
        };
        self.truth(&find).map_err(|fault| {
            let objects: Vec<&Value> = variables.iter().map(|(_, value)| *value).collect();
            self.failed(fault, &objects)
        })
    }

    fn truth<'a>(&'a self, variables: &dyn Fn(&str) -> Option<Datum<'a>>) -> Result<bool, Fault> {
        let meter = Meter::new(MAX_EXPRESSION_STEPS);
        let mut machine = Machine::new(variables, &meter);
        match trueup_cel::walk(self.depth, || machine.evaluate(&self.tree))? {
            Datum::Bool(truth) => Ok(truth),
            _ => Err(Fault::NotBoolean),
        }
    }

    fn failed(&self, fault: Fault, objects: &[&Value]) -> EvaluationError {
        let is_of_secret = objects.iter().any(|object| is_secret(object));
        EvaluationError {
            text: cut(&self.text),
            fault: match is_of_secret {
                true => fault.without_values(),
                false => fault,
            },
        }
    }
}

fn is_secret(object: &Value) -> bool {
    GroupVersionKind::of(object).is_some_and(|it| it.group.is_empty() && it.kind == "Secret")
}

fn parse(text: &str) -> Result<Node, CompileError> {
    trueup_cel::read(text, Syntax::WithOptionals)
        .map_err(|error| refused(text, cut_at(MAX_CAUSE_BYTES, &error.to_string())))
}

fn refused(text: &str, cause: impl Into<String>) -> CompileError {
    CompileError {
        text: cut(text),
        cause: cause.into(),
    }
}

/// How much a message tells of why a text is no expression.
const MAX_CAUSE_BYTES: usize = 2048;
/// How much of an expression, a key or a cause a message quotes.
const MAX_QUOTED_BYTES: usize = 256;

fn cut(text: &str) -> Text {
    cut_at(MAX_QUOTED_BYTES, text)
}

fn cut_at(max_bytes: usize, text: &str) -> Text {
    if text.len() <= max_bytes {
        return text.into();
    }
    let end = text.floor_char_boundary(max_bytes);
    format!("{}…", &text[..end]).into()
}

#[cfg(test)]
mod tests;
