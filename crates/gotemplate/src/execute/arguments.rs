//! Arguments against the types of parameters.

use super::evaluate::Arguments;
use super::{Executed, Execution, Slot};
use crate::parse::{NodeRef, Number, Operand, OperandKind};
use crate::types::Type;
use crate::value::Value;

impl<'t> Execution<'t, '_> {
    /// An operand as an argument for a parameter of this type.
    pub(super) fn argument(
        &mut self,
        dot: &Slot,
        of: &Type,
        operand: &'t Operand,
    ) -> Executed<Slot> {
        self.at(NodeRef::Operand(operand));
        let value = match &operand.kind {
            OperandKind::Dot => dot.clone(),
            OperandKind::Nil if of.admits_nil() => return Ok(untyped_nil(of)),
            OperandKind::Nil => return Err(self.fail(format!("cannot assign nil to {of}"))),
            OperandKind::Field(names) => {
                self.fields(dot, dot.clone(), operand, names, Arguments::none())?
            }
            OperandKind::Variable { .. } => self.variable(dot, operand, Arguments::none())?,
            OperandKind::Pipe(pipe) => self.pipeline(dot, pipe)?,
            OperandKind::Function(name) => {
                self.function(dot, name, NodeRef::Operand(operand), Arguments::none())?
            }
            OperandKind::Chain { .. } => self.chain(dot, operand, Arguments::none())?,
            OperandKind::Bool(_) | OperandKind::Number(_) | OperandKind::String { .. } => {
                return self.typed_constant(of, operand);
            }
        };
        self.validate(value, of)
    }

    /// A constant takes the type of the parameter, if it can.
    fn typed_constant(&self, of: &Type, operand: &Operand) -> Executed<Slot> {
        let (value, expected) = match of {
            Type::Any | Type::Reflected => return self.untyped_constant(operand),
            Type::Bool => (as_bool(operand), "bool"),
            Type::Integer(kind) => {
                let signed = as_number(operand).and_then(|number| number.signed);
                let value = signed.map(|signed| Value::Integer(signed, *kind));
                (value, "integer")
            }
            Type::Unsigned(kind) => {
                let unsigned = as_number(operand).and_then(|number| number.unsigned);
                let value = unsigned.map(|unsigned| Value::Unsigned(unsigned, *kind));
                (value, "unsigned integer")
            }
            Type::Float => {
                let float = as_number(operand).and_then(|number| number.float);
                (float.map(Value::Float), "float")
            }
            Type::Complex => {
                let complex = as_number(operand).and_then(|number| number.complex);
                let value = complex.map(|(real, imaginary)| Value::Complex(real, imaginary));
                (value, "complex")
            }
            Type::String => (as_text(operand), "string"),
            Type::List(_) | Type::Map(_) | Type::Function(_) | Type::Named(_) => {
                let message = format!("can't handle {operand} for arg of type {of}");
                return Err(self.fail(message));
            }
        };
        match value {
            Some(value) => Ok(Slot::plain(value)),
            None => Err(self.fail(format!("expected {expected}; found {operand}"))),
        }
    }

    fn untyped_constant(&self, operand: &Operand) -> Executed<Slot> {
        match as_number(operand) {
            Some(number) => self.number(number),
            None => {
                let value = as_bool(operand).or_else(|| as_text(operand));
                Ok(Slot::plain(value.unwrap_or_default()))
            }
        }
    }

    /// The value as one of the parameter's type, or why it is none.
    pub(super) fn validate(&self, slot: Slot, of: &Type) -> Executed<Slot> {
        if slot.is_nothing() {
            if of.admits_nil() {
                return Ok(untyped_nil(of));
            }
            return Err(self.fail(format!("invalid value; expected {of}")));
        }
        if matches!(of, Type::Any | Type::Reflected) {
            return Ok(slot);
        }
        match slot.value.type_of() {
            Some(_) if slot.value.is_assignable_to(of) => Ok(Slot::plain(slot.value)),
            found => {
                let found = found.unwrap_or(Type::Any);
                Err(self.fail(format!("wrong type for value; expected {of}; got {found}")))
            }
        }
    }
}

/// What a parameter of the type gets for nil.
fn untyped_nil(of: &Type) -> Slot {
    if *of == Type::Reflected {
        Slot::nothing()
    } else {
        Slot::zero(of)
    }
}

fn as_number(operand: &Operand) -> Option<&Number> {
    match &operand.kind {
        OperandKind::Number(number) => Some(number),
        _ => None,
    }
}

fn as_bool(operand: &Operand) -> Option<Value> {
    match &operand.kind {
        OperandKind::Bool(value) => Some(Value::Bool(*value)),
        _ => None,
    }
}

fn as_text(operand: &Operand) -> Option<Value> {
    match &operand.kind {
        OperandKind::String { text, .. } => Some(Value::String(text.clone())),
        _ => None,
    }
}
