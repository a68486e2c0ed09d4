//! What a single directive of Go's `fmt` package does to a single operand:
//! flags, width, precision, padding.
//!
//! Which operand a directive takes, and how lists and maps are walked, is for
//! the caller, who knows the operands.

mod buffer;
mod directive;
mod float;
mod integer;

pub use buffer::Buffer;
pub use directive::Directive;
pub use float::{FloatForm, format_float_as};
pub use integer::{Base, Integer};

/// The largest width and precision that Go reads; a larger one is no number.
pub const MAX_FIELD: usize = 1_000_000;
