//! What can be said of an expression before it is evaluated.

use super::{functions, operators as of_values};
use kube_cel::cel::common::ast::{Expr, LiteralValue, operators};
use trueup_cel::{Tree as Node, operands};

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
    operands(tree).into_iter().try_for_each(functions)
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
        _ => operands(tree)
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
