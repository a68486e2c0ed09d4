//! Go's `text/template` as a language: templates are parsed once and executed
//! on values, by many threads if need be.
//!
//! ```
//! use trueup_gotemplate::{Options, Template, Value};
//!
//! let text = "{{range $name, $port := .ports}}{{$name}}={{$port}} {{end}}";
//! let template = Template::parse("ports", text, Options::default())?;
//! let ports = Value::map([("web", Value::Float(80.0)), ("api", Value::Float(8080.0))]);
//! let written = template.execute(&Value::map([("ports", ports)]))?;
//! assert_eq!(written, b"api=8080 web=80 ");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Actions, builtins, printing and the words of errors are those of Go 1.26.
//! What differs is what a Rust program can't have or a controller doesn't
//! want: values are the types of YAML and JSON and whatever a caller makes an
//! [`Object`]; maps have texts for keys; addresses are never printed; nothing
//! is written before an execution has come to its end; and everything has a
//! limit (see [`Limits`]), so that a hostile template ends early.
//!
//! Functions come from the caller ([`Functions`]), each with its signature of
//! Go, against which arguments are checked as Go checks them.
//!
//! Floor 2: knows neither Kubernetes nor Helm.

mod builtin;
mod error;
mod execute;
mod function;
mod limits;
mod parse;
mod print;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod value;

pub use error::{Cause, ExecuteError, FunctionError, ParseError};
pub use function::{Call, Function, Functions, InvalidName};
pub use limits::{
    Limits, MAX_BLOCK_DEPTH, MAX_EVALUATION_DEPTH, MAX_OPEN_BLOCKS, MAX_OUTPUT_BYTES,
    MAX_PARENTHESES, MAX_STEPS, MAX_TEMPLATE_BYTES, MAX_TEMPLATE_DEPTH, MAX_TEMPLATE_NODES,
    MAX_VALUE_DEPTH,
};
pub use template::{MissingKey, Options, Template};
pub use text::Text;
pub use types::{IntegerType, Signature, Type, UnsignedType};
pub use value::{List, Map, Member, Object, Value};
