//! Nodes written as Go writes them: in errors the context, in tests the tree.

use super::token::quoted;
use super::tree::{Call, Command, NodeRef, Operand, OperandKind, Pipe};
use std::fmt::{Display, Formatter, Result};
use std::sync::Arc;

impl Display for NodeRef<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        match self {
            Self::Action(_, pipe) => write!(out, "{{{{{pipe}}}}}"),
            Self::Call(call) => call.fmt(out),
            Self::Pipe(pipe) => pipe.fmt(out),
            Self::Command(command) => command.fmt(out),
            Self::Operand(operand) => operand.fmt(out),
        }
    }
}

impl Display for Call {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        write!(out, "{{{{template {}", quoted(&self.name))?;
        if let Some(pipe) = &self.pipe {
            write!(out, " {pipe}")?;
        }
        out.write_str("}}")
    }
}

impl Display for Pipe {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        if !self.variables.is_empty() {
            let sign = if self.assigns { "=" } else { ":=" };
            write!(out, "{} {sign} ", self.variables.join(", "))?;
        }
        for (index, command) in self.commands.iter().enumerate() {
            let separator = if index > 0 { " | " } else { "" };
            write!(out, "{separator}{command}")?;
        }
        Ok(())
    }
}

impl Display for Command {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        for (index, operand) in self.operands.iter().enumerate() {
            let separator = if index > 0 { " " } else { "" };
            out.write_str(separator)?;
            in_parentheses(operand, out)?;
        }
        Ok(())
    }
}

fn in_parentheses(operand: &Operand, out: &mut Formatter<'_>) -> Result {
    match &operand.kind {
        OperandKind::Pipe(pipe) => write!(out, "({pipe})"),
        _ => operand.fmt(out),
    }
}

impl Display for Operand {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        match &self.kind {
            OperandKind::Bool(value) => value.fmt(out),
            OperandKind::Chain { base, fields } => {
                in_parentheses(base, out)?;
                chained(fields, out)
            }
            OperandKind::Dot => out.write_str("."),
            OperandKind::Field(fields) => chained(fields, out),
            OperandKind::Function(name) => out.write_str(name),
            OperandKind::Nil => out.write_str("nil"),
            OperandKind::Number(number) => out.write_str(&number.text),
            OperandKind::Pipe(pipe) => pipe.fmt(out),
            OperandKind::String { quoted, .. } => quoted.fmt(out),
            OperandKind::Variable { name, fields } => {
                out.write_str(name)?;
                chained(fields, out)
            }
        }
    }
}

fn chained(fields: &[Arc<str>], out: &mut Formatter<'_>) -> Result {
    fields.iter().try_for_each(|field| write!(out, ".{field}"))
}
