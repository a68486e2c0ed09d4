//! What a plain scalar means, by the rules of Go's `yaml.v3`: those of YAML
//! 1.2 with the octal numbers of 1.1, and timestamps.

use super::Tag;
use trueup_gocompat::{parse_float, parse_integer};

/// The meaning of a scalar without quotes and without a tag.
pub(crate) fn resolve_plain(text: &str) -> Tag {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Tag::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Tag::Bool,
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => return Tag::Float,
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' if is_decimal(text) => Tag::Float,
        b'+' | b'-' | b'0'..=b'9' => number(text),
        _ => Tag::String,
    }
}

fn number(text: &str) -> Tag {
    if is_timestamp(text) {
        return Tag::Timestamp;
    }
    let plain = text.replace('_', "");
    if parse_integer(&plain)
        .is_some_and(|number| i64::try_from(number).is_ok() || u64::try_from(number).is_ok())
    {
        return Tag::Integer;
    }
    if is_decimal(&plain) && parse_float(&plain).is_some() {
        return Tag::Float;
    }
    Tag::String
}

/// `-12.5e+3` and what is like it.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    whole.len() + fraction.len() > 0 && digits(whole) && digits(fraction) && exponent_fits
}

/// Whether a text is a date, or a date and a time, as `yaml.v3` takes them.
fn is_timestamp(text: &str) -> bool {
    super::output::timestamp(text).is_some()
}
