//! How deep an expression is nested, told of its text before the parser
//! follows it, and of its tree.

use crate::token::Token;
use crate::{MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_OPERATORS, ReadError, Tree};
use kube_cel::cel::common::ast::{EntryExpr, Expr};

/// How far a text makes the parser go by recursion.
#[derive(Default)]
pub(crate) struct Extent {
    /// How deep brackets and choices stand in each other.
    pub(crate) depth: usize,
    /// How many signs of operators there are: a chain of them is a deep tree.
    pub(crate) operators: usize,
}

/// Refuses a text whose nesting the parser would follow too deep: brackets and
/// choices in each other, chains of operators. The parser's own limit must not
/// be reached: it panics there.
pub(crate) fn check_signs(tokens: &[Token<'_>]) -> Result<Extent, ReadError> {
    let (mut nesting, mut extent) = (Nesting::default(), Extent::default());
    let mut last: Option<&Token<'_>> = None;
    for token in tokens.iter().filter(|token| token.is_read()) {
        let sign = token.sign();
        nesting.read(sign, last.is_some_and(Token::ends_operand));
        match sign {
            Some("[") => extent.operators += 1,
            Some("(" | "{" | ")" | "]" | "}" | "," | ":") | None => {}
            Some(operator) => extent.operators += operator.len(),
        }
        extent.depth = extent.depth.max(nesting.depth());
        if extent.depth > usize::from(MAX_EXPRESSION_DEPTH) {
            return Err(ReadError::TooDeep);
        }
        if extent.operators > MAX_EXPRESSION_OPERATORS {
            return Err(ReadError::TooManyOperators);
        }
        last = Some(token);
    }
    Ok(extent)
}

/// What is open at a place of a text: brackets, and choices `a ? b : c`, of
/// which the last part holds whatever follows.
#[derive(Default)]
struct Nesting {
    /// How many choices began outside of all brackets.
    outermost: usize,
    /// How many began within each bracket that is open.
    brackets: Vec<usize>,
}

impl Nesting {
    /// Reads a sign; `?` is a choice where it stands behind an operand.
    fn read(&mut self, sign: Option<&str>, is_behind_operand: bool) {
        let choices = self.brackets.last_mut().unwrap_or(&mut self.outermost);
        match sign {
            Some("(" | "[" | "{") => self.brackets.push(0),
            Some(")" | "]" | "}") => {
                self.brackets.pop();
            }
            Some("?") if is_behind_operand => *choices += 1,
            Some(",") => *choices = 0,
            _ => {}
        }
    }

    fn depth(&self) -> usize {
        self.outermost
            + self
                .brackets
                .iter()
                .map(|choices| choices + 1)
                .sum::<usize>()
    }
}

/// How many levels a tree has. One that was read has no more than
/// [`MAX_EXPRESSION_DEPTH`] below the first.
#[must_use]
pub fn depth(tree: &Tree) -> usize {
    let (mut level, mut depth) = (vec![tree], 0);
    while !level.is_empty() {
        level = level.into_iter().flat_map(operands).collect();
        depth += 1;
    }
    depth
}

/// Refuses a tree that is too deep to be walked by recursion.
pub(crate) fn check_tree(tree: &Tree) -> Result<(), ReadError> {
    match depth(tree) > usize::from(MAX_EXPRESSION_DEPTH) + 1 {
        true => Err(ReadError::TooDeep),
        false => Ok(()),
    }
}

/// The expressions right below one.
#[must_use]
pub fn operands(tree: &Tree) -> Vec<&Tree> {
    match &tree.expr {
        Expr::Call(call) => call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => entries(map.entries.iter().map(|entry| &entry.expr)),
        Expr::Struct(message) => entries(message.entries.iter().map(|entry| &entry.expr)),
        Expr::Comprehension(it) => vec![
            &it.iter_range,
            &it.accu_init,
            &it.loop_cond,
            &it.loop_step,
            &it.result,
        ],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn entries<'a>(entries: impl Iterator<Item = &'a EntryExpr>) -> Vec<&'a Tree> {
    entries
        .flat_map(|entry| match entry {
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
            EntryExpr::StructField(field) => vec![&field.value],
        })
        .collect()
}
