//! Limits on single values, in the API's words.

use super::formats;
use super::node::Node;
use crate::field_error::{FieldError, FieldReason};
use crate::go;
use trueup_object::{Text, Value, to_json};

/// Where an error is filed: paths of the API start without a dot.
pub(super) fn at(path: &str) -> Text {
    path.trim_start_matches('.').into()
}

/// An error of the object as a whole.
pub(super) fn of_object(message: String) -> FieldError {
    FieldError::invalid("<nil>", "\"\"", &message)
}

pub(super) fn child(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.into()
    } else {
        format!("{path}.{name}")
    }
}

/// A value as messages print it: text quoted, numbers bare, the rest as JSON.
pub(super) fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => go::quoted(text),
        Value::Float(number) => go::float(*number),
        other => String::from_utf8_lossy(&to_json(other)).into_owned(),
    }
}

fn is_whole(value: &Value) -> bool {
    match value {
        Value::Integer(_) => true,
        Value::Float(number) => number.fract() == 0.0,
        _ => false,
    }
}

pub(super) fn type_error(value: &Value, schema: &Node, path: &str) -> Option<FieldError> {
    let wanted = if schema.int_or_string {
        "integer,string"
    } else {
        schema.typ.as_str()
    };
    if wanted.is_empty() || (value.is_null() && schema.nullable) {
        return None;
    }
    let has = |typ: &str| wanted.split(',').any(|wanted| wanted == typ);
    let format_speaks = matches!(value, Value::String(_) | Value::List(_))
        && !schema.format.is_empty()
        && formats::is_known(&schema.typ, &schema.format);
    if format_speaks && !has("number") && !has("integer") {
        return None;
    }
    let fits = match value {
        Value::Null => false,
        Value::Integer(_) => has("integer") || has("number"),
        Value::Float(_) => has("number") || (has("integer") && is_whole(value)),
        other => has(other.kind_name()),
    };
    (!fits).then(|| type_invalid(path, wanted, value.kind_name()))
}

fn type_invalid(path: &str, wanted: &str, given: &str) -> FieldError {
    let given = go::quoted(given);
    let message =
        format!("Invalid value: {given}: {path} in body must be of type {wanted}: {given}");
    FieldError::new(at(path), FieldReason::TypeInvalid, message)
}

pub(super) fn enum_error(value: &Value, schema: &Node, path: &str) -> Option<FieldError> {
    let allowed = schema.values.as_ref()?;
    if allowed
        .iter()
        .any(|allowed| allowed.same_number(value) && !(value.is_null() && allowed.is_null()))
    {
        return None;
    }
    let quoted = |allowed: &Value| match allowed {
        Value::String(text) => go::quoted(text),
        other => go::quoted(&String::from_utf8_lossy(&to_json(other))),
    };
    let allowed: Vec<String> = allowed.iter().map(quoted).collect();
    Some(FieldError::not_supported(
        at(path),
        &printed(value),
        &allowed,
    ))
}

pub(super) fn invalid(value: &Value, path: &str, detail: &str) -> FieldError {
    FieldError::invalid(
        at(path),
        &printed(value),
        &format!("{path} in body {detail}"),
    )
}

#[expect(clippy::cast_possible_wrap, reason = "no text is that long")]
pub(super) fn text_error(text: &Text, schema: &Node, path: &str) -> Option<FieldError> {
    let length = text.chars().count() as i64;
    let value = || Value::String(text.clone());
    if let Some(most) = schema.max_length.filter(|most| length > *most) {
        let message = format!("Too long: may not be more than {most} bytes");
        return Some(FieldError::new(at(path), FieldReason::TooLong, message));
    }
    if let Some(least) = schema.min_length.filter(|least| length < *least) {
        return Some(invalid(
            &value(),
            path,
            &format!("should be at least {least} chars long"),
        ));
    }
    let pattern = schema.pattern.as_ref()?;
    match &pattern.regex {
        Ok(regex) if regex.is_match(text) => None,
        Ok(_) => Some(invalid(
            &value(),
            path,
            &format!("should match '{}'", pattern.text),
        )),
        Err(cause) => {
            let detail = format!(
                "should match '{}, but pattern is invalid: {cause}'",
                pattern.text
            );
            Some(invalid(&value(), path, &detail))
        }
    }
}

pub(super) fn format_error(text: &Text, schema: &Node, path: &str) -> Option<FieldError> {
    let checked = !schema.format.is_empty() && formats::is_known(&schema.typ, &schema.format);
    (checked && !formats::matches(&schema.format, text))
        .then(|| type_invalid(path, &schema.format, text))
}

pub(super) fn number_errors(value: &Value, schema: &Node, path: &str) -> Vec<FieldError> {
    #[expect(clippy::cast_precision_loss, reason = "bounds are float64")]
    let number = match value {
        Value::Integer(whole) => *whole as f64,
        Value::Float(float) => *float,
        _ => return Vec::new(),
    };
    let mut errors = Vec::new();
    errors.extend(range_error(value, number, schema, path));
    if let Some(factor) = schema.multiple_of.filter(|factor| *factor > 0.0) {
        let times = number / factor;
        if times.fract() != 0.0 {
            errors.push(invalid(
                value,
                path,
                &format!("should be a multiple of {}", go::float(factor)),
            ));
        }
    }
    let too_small = |least: &f64| {
        if schema.exclusive_minimum {
            number <= *least
        } else {
            number < *least
        }
    };
    if let Some(least) = schema.minimum.filter(too_small) {
        let or_equal = if schema.exclusive_minimum {
            ""
        } else {
            "or equal to "
        };
        errors.push(invalid(
            value,
            path,
            &format!("should be greater than {or_equal}{}", go::float(least)),
        ));
    }
    let too_large = |most: &f64| {
        if schema.exclusive_maximum {
            number >= *most
        } else {
            number > *most
        }
    };
    if let Some(most) = schema.maximum.filter(too_large) {
        let or_equal = if schema.exclusive_maximum {
            ""
        } else {
            "or equal to "
        };
        errors.push(invalid(
            value,
            path,
            &format!("should be less than {or_equal}{}", go::float(most)),
        ));
    }
    errors
}

/// A number that its type or format can't hold.
fn range_error(value: &Value, number: f64, schema: &Node, path: &str) -> Option<FieldError> {
    let fits = match (schema.typ.as_str(), schema.format.as_str()) {
        ("integer", "int32") => {
            is_whole(value) && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number)
        }
        ("integer", _) => {
            matches!(value, Value::Integer(_)) || (is_whole(value) && number.abs() < 9.3e18)
        }
        ("number", "float") => number.abs() <= f64::from(f32::MAX),
        _ => true,
    };
    let format = match schema.format.as_str() {
        "int32" | "int64" | "float" | "double" => format!("with format {}", schema.format),
        _ => "(default format)".into(),
    };
    (!fits).then(|| {
        of_object(format!(
            "Checked value must be of type {} {format} in {path}",
            schema.typ
        ))
    })
}
