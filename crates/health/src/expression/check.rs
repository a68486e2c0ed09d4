//! What can be said of an expression before it is evaluated.

use super::token::{Kind, Token};
use super::{MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_OPERATORS, functions, operators as of_values};
use kube_cel::cel::common::ast::{EntryExpr, Expr, LiteralValue, operators};
use kube_cel::cel::parser::Expression as Node;

/// Refuses a text whose nesting the parser would follow too deep (brackets and
/// choices in each other, chains of operators), and one that it would take for
/// another: it reads two signs `!` or `-` before one operand as one. The
/// parser's own limit must not be reached: it panics there.
pub(super) fn signs(tokens: &[Token<'_>]) -> Result<(), String> {
    let (mut nesting, mut operators) = (Nesting::default(), 0_usize);
    let (mut second_last, mut last) = (None, None);
    for token in tokens.iter().filter(|token| token.kind != Kind::Blank) {
        let sign = sign_of(token);
        nesting.read(sign, last.is_some_and(ends_operand));
        match sign {
            Some("[") => operators += 1,
            Some("(" | "{" | ")" | "]" | "}" | "," | ":") | None => {}
            Some(operator) => operators += operator.len(),
        }
        if nesting.depth() > usize::from(MAX_EXPRESSION_DEPTH) {
            return Err(too_deep());
        }
        if operators > MAX_EXPRESSION_OPERATORS {
            return Err(format!(
                "it has more than {MAX_EXPRESSION_OPERATORS} signs of operators"
            ));
        }
        let is_double = match sign {
            Some("!") => last.and_then(sign_of) == Some("!"),
            // The first of two may stand between two operands.
            Some("-") => {
                last.and_then(sign_of) == Some("-") && !second_last.is_some_and(ends_operand)
            }
            _ => false,
        };
        if is_double {
            let sign = token.source;
            return Err(format!("two signs {sign} before one operand"));
        }
        (second_last, last) = (last, Some(token));
    }
    Ok(())
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

fn sign_of<'a>(token: &Token<'a>) -> Option<&'a str> {
    (token.kind == Kind::Sign).then_some(token.source)
}

fn ends_operand(token: &Token<'_>) -> bool {
    sign_of(token).is_none_or(|sign| matches!(sign, ")" | "]" | "}"))
}

fn too_deep() -> String {
    format!("it is nested more than {MAX_EXPRESSION_DEPTH} deep")
}

/// Refuses a tree that is too deep to be evaluated.
pub(super) fn depth(tree: &Node) -> Result<(), String> {
    let mut level = vec![tree];
    for _ in 0..=MAX_EXPRESSION_DEPTH {
        level = level.into_iter().flat_map(children).collect();
        if level.is_empty() {
            return Ok(());
        }
    }
    Err(too_deep())
}

/// The expressions right below one.
fn children(node: &Node) -> Vec<&Node> {
    match &node.expr {
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

fn entries<'a>(entries: impl Iterator<Item = &'a EntryExpr>) -> Vec<&'a Node> {
    entries
        .flat_map(|entry| match entry {
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
            EntryExpr::StructField(field) => vec![&field.value],
        })
        .collect()
}

/// Refuses functions that there are none of.
pub(super) fn functions(tree: &Node) -> Result<(), String> {
    if let Expr::Call(call) = &tree.expr {
        let name = match call.target.as_deref().map(|target| &target.expr) {
            Some(Expr::Ident(space)) if functions::is_name_space(space) => {
                format!("{space}.{}", call.func_name)
            }
            _ => call.func_name.clone(),
        };
        let is_known = |name: &str| functions::is_known(name) || of_values::is_operator(name);
        if !is_known(&name) && !is_known(&call.func_name) {
            return Err(format!("undeclared reference to '{name}'"));
        }
    }
    children(tree).into_iter().try_for_each(functions)
}

/// Refuses variables that there are none of.
pub(super) fn variables(tree: &Node, names: &[&str]) -> Result<(), String> {
    let unknown = |name: &str| Err(format!("undeclared reference to '{name}'"));
    match &tree.expr {
        Expr::Ident(name) => {
            let name = name.strip_prefix('.').unwrap_or(name);
            let known = names.contains(&name) || functions::type_of_name(name).is_some();
            if known { Ok(()) } else { unknown(name) }
        }
        Expr::Call(call) if matches!(call.func_name.as_str(), "optMap" | "optFlatMap") => {
            call.target.iter().try_for_each(|it| variables(it, names))?;
            match call.args.as_slice() {
                [
                    Node {
                        expr: Expr::Ident(variable),
                        ..
                    },
                    body,
                ] => variables(body, &[names, &[variable.as_str()]].concat()),
                _ => Err(format!("{} takes a name and an expression", call.func_name)),
            }
        }
        Expr::Call(call) => {
            let is_name_space = |it: &&Node| {
                matches!(&it.expr, Expr::Ident(space)
                    if functions::is_name_space(space) && !names.contains(&space.as_str()))
            };
            let target = call.target.as_deref().filter(|it| !is_name_space(it));
            target
                .into_iter()
                .chain(&call.args)
                .try_for_each(|it| variables(it, names))
        }
        Expr::Comprehension(it) => {
            variables(&it.iter_range, names)?;
            variables(&it.accu_init, names)?;
            let inner = [names, &[it.iter_var.as_str(), it.accu_var.as_str()]].concat();
            variables(&it.loop_cond, &inner)?;
            variables(&it.loop_step, &inner)?;
            variables(&it.result, &[names, &[it.accu_var.as_str()]].concat())
        }
        _ => children(tree)
            .into_iter()
            .try_for_each(|it| variables(it, names)),
    }
}

/// Refuses an expression whose result can be seen to be no truth value. A
/// field of an object may hold anything: as with Flux, it has to be compared
/// with something.
pub(super) fn truth(tree: &Node) -> Result<(), String> {
    let found = match &tree.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => return Ok(()),
        Expr::Literal(LiteralValue::Int(_)) => "int",
        Expr::Literal(LiteralValue::UInt(_)) => "uint",
        Expr::Literal(LiteralValue::Double(_)) => "double",
        Expr::Literal(LiteralValue::String(_)) => "string",
        Expr::Literal(LiteralValue::Bytes(_)) => "bytes",
        Expr::Literal(LiteralValue::Null) => "null",
        Expr::List(_) => "list",
        Expr::Map(_) | Expr::Struct(_) => "map",
        Expr::Ident(_) => "map(string, dyn)",
        Expr::Select(select) if !select.test => "dyn",
        Expr::Call(call) => match call.func_name.as_str() {
            operators::INDEX => "dyn",
            "size" => "int",
            "string" => "string",
            operators::OPT_INDEX | operators::OPT_SELECT => "optional_type(dyn)",
            operators::CONDITIONAL => {
                return call.args.iter().skip(1).try_for_each(truth);
            }
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    Err(format!(
        "CEL expression output type mismatch: expected bool, got {found}"
    ))
}
