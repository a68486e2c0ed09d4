//! Calls of functions: builtins, those of the caller, methods.

use super::evaluate::Arguments;
use super::{Executed, Execution, Slot, quoted};
use crate::builtin::{Builtin, unboxed};
use crate::error::FunctionError;
use crate::function::{Call, Function};
use crate::parse::NodeRef;
use crate::types::{Signature, Type};
use crate::value::Value;

impl<'t> Execution<'t, '_> {
    /// Calls a function by its name. An error is told at the node.
    pub(super) fn function(
        &mut self,
        dot: &Slot,
        name: &str,
        node: NodeRef<'t>,
        arguments: Arguments<'t>,
    ) -> Executed<Slot> {
        let template = self.template;
        if let Some(function) = template.options().functions.get(name) {
            return self.call_function(dot, function, name, node, arguments);
        }
        match Builtin::named(name) {
            Some(builtin @ (Builtin::And | Builtin::Or)) => {
                self.short_circuit(dot, builtin, arguments)
            }
            Some(Builtin::Call) => self.call_value(dot, node, arguments),
            Some(builtin) => {
                let slots = self.arguments(dot, builtin.signature(), name, arguments)?;
                let result = builtin.call(&slots, self.budget);
                result.map_err(|error| self.failed_call(node, name, &error))
            }
            None => {
                let name = quoted(name.as_bytes());
                Err(self.fail(format!("{name} is not a defined function")))
            }
        }
    }

    pub(super) fn call_function(
        &mut self,
        dot: &Slot,
        function: &Function,
        name: &str,
        node: NodeRef<'t>,
        arguments: Arguments<'t>,
    ) -> Executed<Slot> {
        let slots = self.arguments(dot, function.signature(), name, arguments)?;
        let values: Vec<Value> = slots.into_iter().map(|slot| slot.value).collect();
        let result = self.invoke(function, &values);
        result.map_err(|error| self.failed_call(node, name, &error))
    }

    fn invoke(&mut self, function: &Function, values: &[Value]) -> Result<Slot, FunctionError> {
        let mut call = Call {
            template: self.template,
            budget: &mut *self.budget,
        };
        let value = function.call(&mut call, values)?;
        let kept = self.budget.check_depth(&value);
        kept.map_err(FunctionError::limit)?;
        Ok(Slot::of_type(&function.signature().result, value))
    }

    fn failed_call(
        &mut self,
        node: NodeRef<'t>,
        name: &str,
        error: &FunctionError,
    ) -> Box<crate::error::ExecuteError> {
        self.at(node);
        self.fail_because(error.cause, format!("error calling {name}: {error}"))
    }

    fn check_count(
        &self,
        signature: &Signature,
        name: &str,
        arguments: &Arguments<'_>,
    ) -> Executed<()> {
        let wanted = signature.parameters.len();
        let got = arguments.count();
        let problem = if signature.variadic.is_none() {
            (got != wanted).then(|| format!("want {wanted} got {got}"))
        } else {
            let got_operands = arguments.operands.len();
            (got < wanted).then(|| format!("want at least {wanted} got {got_operands}"))
        };
        match problem {
            Some(problem) => Err(self.fail(format!("wrong number of args for {name}: {problem}"))),
            None => Ok(()),
        }
    }

    /// The arguments, each of the type that the signature asks for.
    fn arguments(
        &mut self,
        dot: &Slot,
        signature: &Signature,
        name: &str,
        arguments: Arguments<'t>,
    ) -> Executed<Vec<Slot>> {
        self.check_count(signature, name, &arguments)?;
        let mut slots = Vec::with_capacity(arguments.count());
        for (index, operand) in arguments.operands.iter().enumerate() {
            let of = signature.parameter(index).unwrap_or(&Type::Any);
            slots.push(self.argument(dot, of, operand)?);
        }
        if let Some(piped) = arguments.piped {
            let of = signature.parameter(slots.len()).unwrap_or(&Type::Any);
            slots.push(self.validate(piped, of)?);
        }
        Ok(slots)
    }

    /// `and` and `or` evaluate no more arguments than they need, and give the
    /// one that decides.
    fn short_circuit(
        &mut self,
        dot: &Slot,
        builtin: Builtin,
        arguments: Arguments<'t>,
    ) -> Executed<Slot> {
        self.check_count(builtin.signature(), builtin.name(), &arguments)?;
        let mut last = Slot::nothing();
        for operand in arguments.operands {
            last = self.argument(dot, &Type::Reflected, operand)?;
            if last.value.is_true() == (builtin == Builtin::Or) {
                return Ok(last);
            }
        }
        Ok(arguments.piped.unwrap_or(last))
    }

    /// `call`: the first argument is the function.
    fn call_value(
        &mut self,
        dot: &Slot,
        node: NodeRef<'t>,
        arguments: Arguments<'t>,
    ) -> Executed<Slot> {
        let name = match (arguments.operands.first(), &arguments.piped) {
            (Some(operand), _) => operand.to_string(),
            (None, Some(piped)) => piped_name(&piped.value),
            (None, None) => String::new(),
        };
        let signature = Builtin::Call.signature();
        let slots = self.arguments(dot, signature, Builtin::Call.name(), arguments)?;
        let result = self.call_checked(&name, &slots);
        result.map_err(|error| self.failed_call(node, Builtin::Call.name(), &error))
    }

    fn call_checked(&mut self, name: &str, slots: &[Slot]) -> Result<Slot, FunctionError> {
        let (function, slots) = match slots.split_first() {
            Some((first, slots)) => (unboxed(first), slots),
            None => (&Value::Nil, slots),
        };
        let function = match function {
            Value::Function(function) => function,
            Value::Nil => return Err(FunctionError::new("call of nil")),
            other => {
                let of = other.type_of().unwrap_or(Type::Any);
                return Err(FunctionError::new(format!(
                    "non-function {name} of type {of}"
                )));
            }
        };
        let values = prepare(name, function.signature(), slots)?;
        self.invoke(function, &values)
    }
}

/// How Go names a function that came through a pipe.
fn piped_name(value: &Value) -> String {
    match (value, value.type_of()) {
        (Value::String(text), _) => text.to_string(),
        (_, Some(of)) => format!("<{of} Value>"),
        (_, None) => "<invalid Value>".to_owned(),
    }
}

/// The arguments of `call`, whose errors differ from those of other calls.
fn prepare(name: &str, signature: &Signature, slots: &[Slot]) -> Result<Vec<Value>, FunctionError> {
    let (wanted, got) = (signature.parameters.len(), slots.len());
    let problem = if signature.variadic.is_none() {
        (got != wanted).then(|| format!("got {got} want {wanted}"))
    } else {
        (got < wanted).then(|| format!("got {got} want at least {wanted}"))
    };
    if let Some(problem) = problem {
        let message = format!("wrong number of args for {name}: {problem}");
        return Err(FunctionError::new(message));
    }
    slots
        .iter()
        .enumerate()
        .map(|(index, slot)| {
            let of = signature.parameter(index).unwrap_or(&Type::Any);
            converted(unboxed(slot), of)
                .map_err(|message| FunctionError::new(format!("arg {index}: {message}")))
        })
        .collect()
}

/// The value as one of the type; whole numbers are converted.
fn converted(value: &Value, of: &Type) -> Result<Value, String> {
    let Some(found) = value.type_of() else {
        if of.admits_nil() {
            return Ok(Value::zero(of));
        }
        return Err(format!("value is nil; should be of type {of}"));
    };
    if value.is_assignable_to(of) {
        return Ok(value.clone());
    }
    let converted = match (value, of) {
        (Value::Integer(number, _), Type::Integer(kind)) => Value::Integer(*number, *kind),
        (Value::Unsigned(number, _), Type::Unsigned(kind)) => Value::Unsigned(*number, *kind),
        (Value::Integer(number, _), Type::Unsigned(kind)) => {
            Value::Unsigned(number.cast_unsigned(), *kind)
        }
        (Value::Unsigned(number, _), Type::Integer(kind)) => {
            Value::Integer(number.cast_signed(), *kind)
        }
        _ => return Err(format!("value has type {found}; should be {of}")),
    };
    Ok(converted)
}
