//! Pipelines, commands, variables and constants.

use super::frame::Variable;
use super::{Executed, Execution, Slot};
use crate::parse::{Command, NodeRef, Number, Operand, OperandKind, Pipe};
use crate::value::Value;
use std::sync::Arc;

/// What a command gets beside its first operand: the operands after it, and
/// the value that a pipe hands on.
pub(super) struct Arguments<'t> {
    pub(super) operands: &'t [Operand],
    pub(super) piped: Option<Slot>,
}

impl Arguments<'_> {
    pub(super) fn none() -> Self {
        Self {
            operands: &[],
            piped: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.operands.is_empty() && self.piped.is_none()
    }

    pub(super) fn count(&self) -> usize {
        self.operands.len() + usize::from(self.piped.is_some())
    }
}

impl<'t> Execution<'t, '_> {
    /// The value of a pipeline; its variables are set.
    pub(super) fn pipeline(&mut self, dot: &Slot, pipe: &'t Pipe) -> Executed<Slot> {
        self.at(NodeRef::Pipe(pipe));
        let kept = self.budget.begin_evaluation();
        self.limited(kept)?;
        let mut piped = None;
        for command in &pipe.commands {
            self.spend(1)?;
            let value = self.command(dot, command, piped)?;
            // Whatever an interface holds comes out of it.
            piped = Some(Slot::plain(value.value));
        }
        let value = piped.unwrap_or_else(Slot::nothing);
        for name in &pipe.variables {
            if pipe.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push(Variable {
                    name: name.clone(),
                    value: value.clone(),
                });
            }
        }
        self.budget.evaluations -= 1;
        Ok(value)
    }

    /// Sets the variable of this name that was declared last.
    pub(super) fn assign(&mut self, name: &Arc<str>, value: Slot) -> Executed<()> {
        let known = self.variables[self.first_variable..]
            .iter_mut()
            .rfind(|variable| variable.name == *name);
        match known {
            Some(variable) => {
                variable.value = value;
                Ok(())
            }
            None => Err(self.undefined(name)),
        }
    }

    fn undefined(&self, name: &str) -> Box<crate::error::ExecuteError> {
        self.fail(format!("undefined variable: {name}"))
    }

    fn command(&mut self, dot: &Slot, command: &'t Command, piped: Option<Slot>) -> Executed<Slot> {
        let Some((first, operands)) = command.operands.split_first() else {
            return Ok(Slot::nothing());
        };
        let arguments = Arguments { operands, piped };
        match &first.kind {
            OperandKind::Field(names) => {
                self.at(NodeRef::Operand(first));
                self.fields(dot, dot.clone(), first, names, arguments)
            }
            OperandKind::Chain { .. } => self.chain(dot, first, arguments),
            OperandKind::Function(name) => {
                self.at(NodeRef::Operand(first));
                self.function(dot, name, NodeRef::Command(command), arguments)
            }
            OperandKind::Pipe(pipe) => {
                self.refuse_arguments(first, &arguments)?;
                self.pipeline(dot, pipe)
            }
            OperandKind::Variable { .. } => self.variable(dot, first, arguments),
            OperandKind::Bool(_)
            | OperandKind::Dot
            | OperandKind::Nil
            | OperandKind::Number(_)
            | OperandKind::String { .. } => {
                self.at(NodeRef::Operand(first));
                self.refuse_arguments(first, &arguments)?;
                self.constant(dot, first)
            }
        }
    }

    fn refuse_arguments(&self, first: &Operand, arguments: &Arguments<'_>) -> Executed<()> {
        if arguments.is_empty() {
            return Ok(());
        }
        // A pipeline is shown without its parentheses here.
        Err(self.fail(format!("can't give argument to non-function {first}")))
    }

    /// What stands for itself, where nothing asks for a type.
    fn constant(&mut self, dot: &Slot, operand: &'t Operand) -> Executed<Slot> {
        Ok(match &operand.kind {
            OperandKind::Bool(value) => Slot::plain(Value::Bool(*value)),
            OperandKind::Number(number) => self.number(number)?,
            OperandKind::String { text, .. } => Slot::plain(Value::String(text.clone())),
            OperandKind::Nil => return Err(self.fail("nil is not a command")),
            _ => dot.clone(),
        })
    }

    /// A number whose type only its own form tells.
    pub(super) fn number(&self, number: &Number) -> Executed<Slot> {
        let value = match (number.complex, number.float, number.signed) {
            (Some((real, imaginary)), ..) => Value::Complex(real, imaginary),
            (_, Some(float), _) if number.is_float_literal() => Value::Float(float),
            (_, _, Some(signed)) => Value::int(signed),
            _ if number.unsigned.is_some() => {
                return Err(self.fail(format!("{} overflows int", number.text)));
            }
            _ => Value::Nil,
        };
        Ok(Slot::plain(value))
    }

    /// A variable, or fields of its value.
    pub(super) fn variable(
        &mut self,
        dot: &Slot,
        operand: &'t Operand,
        arguments: Arguments<'t>,
    ) -> Executed<Slot> {
        self.at(NodeRef::Operand(operand));
        let OperandKind::Variable { name, fields } = &operand.kind else {
            return Ok(Slot::nothing());
        };
        let known = self.variables[self.first_variable..]
            .iter()
            .rfind(|variable| variable.name == *name);
        let Some(variable) = known else {
            return Err(self.undefined(name));
        };
        let value = variable.value.clone();
        if fields.is_empty() {
            self.refuse_arguments(operand, &arguments)?;
            return Ok(value);
        }
        self.fields(dot, value, operand, fields, arguments)
    }

    /// Fields of what a function or a parenthesised pipeline gives.
    pub(super) fn chain(
        &mut self,
        dot: &Slot,
        operand: &'t Operand,
        arguments: Arguments<'t>,
    ) -> Executed<Slot> {
        self.at(NodeRef::Operand(operand));
        let OperandKind::Chain { base, fields } = &operand.kind else {
            return Ok(Slot::nothing());
        };
        self.at(NodeRef::Operand(base));
        let value = match &base.kind {
            OperandKind::Pipe(pipe) => self.pipeline(dot, pipe)?,
            OperandKind::Function(name) => {
                self.function(dot, name, NodeRef::Operand(base), Arguments::none())?
            }
            _ => self.constant(dot, base)?,
        };
        self.fields(dot, value, operand, fields, arguments)
    }
}
