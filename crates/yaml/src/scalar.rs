//! What a scalar means, by the rules of Go's `yaml.v2`.

use crate::node::Content;
use std::borrow::Cow;
use trueup_gocompat::{format_float, parse_float, parse_integer};

/// A resolved scalar; unlike [`Content`] it can be infinite.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
}

/// The meaning of a scalar without quotes and without a tag.
pub(crate) fn resolve_plain(text: &str) -> Scalar {
    resolve(text.into())
}

/// Whether a scalar without quotes and without a tag is no more than a text.
pub(crate) fn is_plain_text(text: &str) -> bool {
    word(text).or_else(|| number(text)).is_none()
}

/// As [`resolve_plain`], keeping the text that is no more than a text.
pub(crate) fn resolve(text: Cow<'_, str>) -> Scalar {
    word(&text)
        .or_else(|| number(&text))
        .unwrap_or_else(|| Scalar::Text(text.into_owned()))
}

fn word(text: &str) -> Option<Scalar> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Scalar::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Option<Scalar> {
    match text.as_bytes().first()? {
        b'.' => parse_float(&without_separators(text)?).map(Scalar::Float),
        b'+' | b'-' | b'0'..=b'9' => {
            let plain = text.replace('_', "");
            let whole = parse_integer(&plain).map(Scalar::Integer);
            whole.or_else(|| decimal(&plain).map(Scalar::Float))
        }
        _ => None,
    }
}

/// The text without the underscores that separate digits; `None` if one
/// stands elsewhere.
fn without_separators(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(text.into());
    }
    let mut groups = text.split('_').peekable();
    while let Some(group) = groups.next() {
        let next = groups.peek().map(|next| next.starts_with(is_digit));
        if next.is_some_and(|starts| !starts || !group.ends_with(is_digit)) {
            return None;
        }
    }
    Some(text.replace('_', "").into())
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// A float of the shape `-12.5e+3`; anything else that Go could read as one
/// stays text.
fn decimal(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    let fits =
        whole.len() + fraction.len() > 0 && digits(whole) && digits(fraction) && exponent_fits;
    if !fits { None } else { parse_float(text) }
}

/// The text of a key that is no text; `None` for one that JSON can't have.
pub(crate) fn key_text(scalar: Scalar) -> Option<String> {
    Some(match scalar {
        Scalar::Null => return None,
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Integer(number) => i64::try_from(number).ok()?.to_string(),
        Scalar::Float(number) if number.is_nan() => ".nan".to_owned(),
        Scalar::Float(number) if number.is_infinite() => {
            (if number > 0.0 { ".inf" } else { "-.inf" }).to_owned()
        }
        Scalar::Float(number) => format_float(number),
        Scalar::Text(text) => text,
    })
}

/// The value of a scalar, or the reason why JSON has none for it.
pub(crate) fn content(scalar: Scalar) -> Result<Content, &'static str> {
    Ok(match scalar {
        Scalar::Null => Content::Null,
        Scalar::Bool(truth) => Content::Bool(truth),
        Scalar::Integer(number) => match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => Content::Integer(number),
            (_, Ok(number)) => Content::Unsigned(number),
            _ => return Err("a whole number of at most 64 bits"),
        },
        Scalar::Float(number) if number.is_finite() => Content::Float(number),
        Scalar::Float(_) => return Err("a finite number: JSON has no infinity and no NaN"),
        Scalar::Text(text) => Content::String(text),
    })
}
