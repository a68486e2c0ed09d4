//! The types of Go that values, parameters and results have here.

use std::fmt;
use std::sync::Arc;

/// Go's whole numbers with a sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntegerType {
    /// `int`: what constants of templates and indexes are.
    Int,
    /// `int8`
    Int8,
    /// `int16`
    Int16,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
}

impl IntegerType {
    fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
        }
    }
}

/// Go's whole numbers without a sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnsignedType {
    /// `uint`
    Uint,
    /// `uint8`: what a byte of a text is.
    Uint8,
    /// `uint16`
    Uint16,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// `uintptr`
    Uintptr,
}

impl UnsignedType {
    fn name(self) -> &'static str {
        match self {
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
            Self::Uintptr => "uintptr",
        }
    }
}

/// A type of Go; shown as Go's `reflect` names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Type {
    /// `interface {}`: takes everything.
    Any,
    /// `reflect.Value`: takes everything, too, and of builtins only.
    Reflected,
    /// `bool`
    Bool,
    /// A whole number with a sign.
    Integer(IntegerType),
    /// A whole number without a sign.
    Unsigned(UnsignedType),
    /// `float64`
    Float,
    /// `complex128`
    Complex,
    /// `string`
    String,
    /// A slice of such elements. `[]uint8` holds bytes.
    List(Arc<Type>),
    /// A map of texts to such elements.
    Map(Arc<Type>),
    /// A function.
    Function(Arc<Signature>),
    /// A type of the caller, by its name: `*semver.Version`. Names that begin
    /// with an asterisk admit nil.
    Named(Arc<str>),
}

impl Type {
    /// `int`
    pub const INT: Self = Self::Integer(IntegerType::Int);
    /// `int64`
    pub const INT64: Self = Self::Integer(IntegerType::Int64);
    /// `uint8`
    pub const BYTE: Self = Self::Unsigned(UnsignedType::Uint8);

    /// `[]interface {}`
    #[must_use]
    pub fn list() -> Self {
        Self::List(Arc::new(Self::Any))
    }

    /// `map[string]interface {}`
    #[must_use]
    pub fn map() -> Self {
        Self::Map(Arc::new(Self::Any))
    }

    /// `[]uint8`
    #[must_use]
    pub fn bytes() -> Self {
        Self::List(Arc::new(Self::BYTE))
    }

    /// Whether a variable of this type can be nil.
    pub(crate) fn admits_nil(&self) -> bool {
        match self {
            Self::Any | Self::Reflected | Self::List(_) | Self::Map(_) | Self::Function(_) => true,
            Self::Named(name) => name.starts_with('*'),
            _ => false,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("interface {}"),
            Self::Reflected => out.write_str("reflect.Value"),
            Self::Bool => out.write_str("bool"),
            Self::Integer(kind) => out.write_str(kind.name()),
            Self::Unsigned(kind) => out.write_str(kind.name()),
            Self::Float => out.write_str("float64"),
            Self::Complex => out.write_str("complex128"),
            Self::String => out.write_str("string"),
            Self::List(element) => write!(out, "[]{element}"),
            Self::Map(element) => write!(out, "map[string]{element}"),
            Self::Function(signature) => signature.fmt(out),
            Self::Named(name) => out.write_str(name),
        }
    }
}

/// What a function takes and returns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    pub(crate) parameters: Vec<Type>,
    pub(crate) variadic: Option<Type>,
    pub(crate) result: Type,
    pub(crate) fallible: bool,
}

impl Signature {
    /// A function of these parameters with this result, which never fails.
    #[must_use]
    pub fn new(parameters: impl Into<Vec<Type>>, result: Type) -> Self {
        Self {
            parameters: parameters.into(),
            variadic: None,
            result,
            fallible: false,
        }
    }

    /// The same that takes any number of such arguments after the parameters.
    #[must_use]
    pub fn variadic(mut self, element: Type) -> Self {
        self.variadic = Some(element);
        self
    }

    /// The same with an `error` as its second result. That shows only where
    /// Go prints the type of a function: each may fail here.
    #[must_use]
    pub fn fallible(mut self) -> Self {
        self.fallible = true;
        self
    }

    /// The type of the argument with this index.
    pub(crate) fn parameter(&self, index: usize) -> Option<&Type> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fixed = self.parameters.iter().map(Type::to_string);
        let rest = self.variadic.iter().map(|element| format!("...{element}"));
        let parameters: Vec<String> = fixed.chain(rest).collect();
        write!(out, "func({})", parameters.join(", "))?;
        if self.fallible {
            write!(out, " ({}, error)", self.result)
        } else {
            write!(out, " {}", self.result)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_as_go_shows_them() {
        let signature = Signature::new([Type::String, Type::map()], Type::list())
            .variadic(Type::INT64)
            .fallible();
        assert_eq!(
            Type::Function(Arc::new(signature)).to_string(),
            "func(string, map[string]interface {}, ...int64) ([]interface {}, error)"
        );
        assert_eq!(Type::bytes().to_string(), "[]uint8");
    }
}
