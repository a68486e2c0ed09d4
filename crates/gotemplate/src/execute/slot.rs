//! A value where Go's `reflect` holds it.

use crate::types::Type;
use crate::value::Value;

/// A value, and whether it sits in a variable of type `interface {}`, as the
/// elements of data do. Go tells the two apart in errors, and a nil in an
/// interface from no value at all.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) value: Value,
    pub(crate) boxed: bool,
}

impl Slot {
    /// No value: Go's zero `reflect.Value`.
    pub(crate) fn nothing() -> Self {
        Self::plain(Value::Nil)
    }

    pub(crate) fn plain(value: Value) -> Self {
        Self {
            value,
            boxed: false,
        }
    }

    pub(crate) fn boxed(value: Value) -> Self {
        Self { value, boxed: true }
    }

    /// A value out of a variable, element or result of this type.
    pub(crate) fn of_type(of: &Type, value: Value) -> Self {
        Self {
            value,
            boxed: *of == Type::Any,
        }
    }

    /// What a variable of the type holds before it is set.
    pub(crate) fn zero(of: &Type) -> Self {
        Self::of_type(of, Value::zero(of))
    }

    pub(crate) fn is_nothing(&self) -> bool {
        !self.boxed && matches!(self.value, Value::Nil)
    }

    /// The type of what holds the value, as errors name it.
    pub(crate) fn static_type(&self) -> Type {
        if self.boxed {
            return Type::Any;
        }
        self.value.type_of().unwrap_or(Type::Any)
    }
}
