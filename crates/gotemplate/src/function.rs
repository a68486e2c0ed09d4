//! Functions that the caller gives to templates.

use crate::error::{ExecuteError, FunctionError};
use crate::execute::Budget;
use crate::template::Template;
use crate::types::Signature;
use crate::value::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use thiserror::Error;
use trueup_gocompat::utf8::{is_digit, is_letter};

type Body = dyn Fn(&mut Call<'_>, &[Value]) -> Result<Value, FunctionError> + Send + Sync;

/// A function with its signature of Go.
///
/// Arguments arrive checked: as many as the signature asks for, each of the
/// type that it names. A parameter of type [`Type::Any`](crate::Type::Any)
/// takes any value; the rest of a variadic function's arguments follow the
/// fixed ones.
pub struct Function {
    signature: Arc<Signature>,
    body: Box<Body>,
}

impl Function {
    /// A function. What it returns should be of the signature's result type.
    #[must_use]
    pub fn new<F>(signature: Signature, body: F) -> Self
    where
        F: Fn(&mut Call<'_>, &[Value]) -> Result<Value, FunctionError> + Send + Sync + 'static,
    {
        Self {
            signature: Arc::new(signature),
            body: Box::new(body),
        }
    }

    /// What it takes and returns.
    #[must_use]
    pub fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    pub(crate) fn call(
        &self,
        call: &mut Call<'_>,
        arguments: &[Value],
    ) -> Result<Value, FunctionError> {
        (self.body)(call, arguments)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.signature)
    }
}

/// The execution that calls a function.
pub struct Call<'e> {
    pub(crate) template: &'e Template,
    pub(crate) budget: &'e mut Budget,
}

impl Call<'_> {
    /// The template that is executed.
    #[must_use]
    pub fn template(&self) -> &Template {
        self.template
    }

    /// Counts steps for work that grows with the arguments: one for each 8
    /// bytes is what builtins take.
    ///
    /// # Errors
    ///
    /// Where no steps are left; to be handed on.
    pub fn spend(&mut self, steps: u64) -> Result<(), FunctionError> {
        self.budget.spend(steps).map_err(FunctionError::limit)
    }

    /// Executes a template within what is left of this execution's limits,
    /// and returns what it writes. It may be of another set, for text that is
    /// parsed while executing.
    ///
    /// # Errors
    ///
    /// As [`Template::execute_named`].
    pub fn execute(
        &mut self,
        template: &Template,
        name: &str,
        data: &Value,
    ) -> Result<Vec<u8>, ExecuteError> {
        template.execute_within(name, data, self.budget)
    }
}

/// A name that no template can mention.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("function name {0:?} is not a valid identifier")]
pub struct InvalidName(String);

/// The functions that templates may call by name. They come before builtins
/// of the same name.
#[derive(Clone, Default, Debug)]
pub struct Functions(BTreeMap<String, Arc<Function>>);

impl Functions {
    /// No functions but the builtins.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function, in place of one with that name.
    ///
    /// # Errors
    ///
    /// Where the name is not letters, digits and underscores, or begins with
    /// a digit.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        function: Function,
    ) -> Result<(), InvalidName> {
        let name = name.into();
        if !is_identifier(&name) {
            return Err(InvalidName(name));
        }
        self.0.insert(name, Arc::new(function));
        Ok(())
    }

    /// The function with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Function>> {
        self.0.get(name)
    }
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name.chars().enumerate().all(|(index, character)| {
            character == '_' || is_letter(character) || index > 0 && is_digit(character)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Type;

    #[test]
    fn a_name_must_be_one_that_templates_can_mention() {
        let function = || Function::new(Signature::new([], Type::Any), |_, _| Ok(Value::Nil));
        let mut functions = Functions::new();
        for (name, fits) in [
            ("a_1", true),
            ("été", true),
            ("1a", false),
            ("", false),
            ("a-b", false),
        ] {
            assert_eq!(functions.insert(name, function()).is_ok(), fits, "{name}");
        }
        assert!(functions.get("a_1").is_some() && functions.get("b").is_none());
    }
}
