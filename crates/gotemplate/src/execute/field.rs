//! Fields of maps and of the caller's objects.

use super::evaluate::Arguments;
use super::{Executed, Execution, Slot, quoted};
use crate::parse::{NodeRef, Operand};
use crate::template::MissingKey;
use crate::value::{Map, Member, Object, Value};
use std::sync::Arc;

impl<'t> Execution<'t, '_> {
    /// Field after field; the last one, if it is a method, gets the arguments.
    pub(super) fn fields(
        &mut self,
        dot: &Slot,
        mut receiver: Slot,
        operand: &'t Operand,
        names: &'t [Arc<str>],
        arguments: Arguments<'t>,
    ) -> Executed<Slot> {
        let Some((last, names)) = names.split_last() else {
            return Ok(receiver);
        };
        for name in names {
            receiver = self.field(dot, receiver, operand, name, Arguments::none())?;
        }
        self.field(dot, receiver, operand, last, arguments)
    }

    fn field(
        &mut self,
        dot: &Slot,
        receiver: Slot,
        operand: &'t Operand,
        name: &str,
        arguments: Arguments<'t>,
    ) -> Executed<Slot> {
        if receiver.is_nothing() {
            return self.field_of_nothing(name);
        }
        match &receiver.value {
            Value::Nil => Err(self.fail(format!("nil pointer evaluating interface {{}}.{name}"))),
            Value::Object(object) => self.member(dot, &receiver, object, operand, name, arguments),
            Value::Map(map) => {
                if !arguments.is_empty() {
                    let message = format!("{name} is not a method but has arguments");
                    return Err(self.fail(message));
                }
                self.entry(map, name)
            }
            _ => Err(self.no_field(&receiver, name)),
        }
    }

    fn no_field(&self, receiver: &Slot, name: &str) -> Box<crate::error::ExecuteError> {
        let of = receiver.static_type();
        self.fail(format!("can't evaluate field {name} in type {of}"))
    }

    fn field_of_nothing(&self, name: &str) -> Executed<Slot> {
        if self.template.options().missing_key == MissingKey::Error {
            let name = quoted(name.as_bytes());
            return Err(self.fail(format!("nil data; no entry for key {name}")));
        }
        Ok(Slot::nothing())
    }

    fn entry(&self, map: &Map, name: &str) -> Executed<Slot> {
        if let Some(value) = map.get(name.as_bytes()) {
            return Ok(Slot::of_type(map.element(), value.clone()));
        }
        match self.template.options().missing_key {
            MissingKey::Default => Ok(Slot::nothing()),
            MissingKey::Zero => Ok(Slot::zero(map.element())),
            MissingKey::Error => {
                let name = quoted(name.as_bytes());
                Err(self.fail(format!("map has no entry for key {name}")))
            }
        }
    }

    fn member(
        &mut self,
        dot: &Slot,
        receiver: &Slot,
        object: &Arc<dyn Object>,
        operand: &'t Operand,
        name: &str,
        arguments: Arguments<'t>,
    ) -> Executed<Slot> {
        let slot = match object.member(name) {
            Some(Member::Method(function)) => {
                let node = NodeRef::Operand(operand);
                return self.call_function(dot, &function, name, node, arguments);
            }
            Some(Member::Field(value)) => Slot::plain(value),
            Some(Member::Interface(value)) => Slot::boxed(value),
            None => return Err(self.no_field(receiver, name)),
        };
        if arguments.is_empty() {
            return Ok(slot);
        }
        let message = format!("{name} has arguments but cannot be invoked as function");
        Err(self.fail(message))
    }
}
