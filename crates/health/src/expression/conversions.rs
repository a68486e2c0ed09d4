//! From one type to another.

use super::Fault;
use super::datum::Datum;
use super::evaluate::Meter;
use super::time;
use std::sync::Arc;
use trueup_object::{Text, to_json};

type Outcome<'a> = Result<Datum<'a>, Fault>;

pub(super) fn convert<'a>(name: &str, args: &[Datum<'a>], meter: &Meter) -> Option<Outcome<'a>> {
    let [value] = args else { return None };
    match name {
        "int" => int(value),
        "uint" => uint(value),
        "double" => double(value),
        "bool" => truth(value),
        "string" => string(value, meter),
        "bytes" => match value {
            Datum::Bytes(_) => Some(Ok(value.clone())),
            Datum::Text(text) => Some(Ok(Datum::Bytes(text.as_bytes().into()))),
            _ => None,
        },
        "timestamp" => time::timestamp(value),
        "duration" => time::duration(value),
        "base64.encode" => match value {
            Datum::Bytes(bytes) => Some(
                meter
                    .spend_bytes(bytes.len() * 2)
                    .map(|()| Datum::text(base64_of(bytes))),
            ),
            _ => None,
        },
        "base64.decode" => {
            let text = value.as_text()?;
            let spent = meter.spend_bytes(text.len());
            Some(spent.and_then(|()| {
                bytes_of(text)
                    .map(|bytes| Datum::Bytes(bytes.into()))
                    .ok_or_else(|| Fault::of_function("base64.decode", "illegal base64 data"))
            }))
        }
        _ => None,
    }
}

fn int<'a>(value: &Datum<'a>) -> Option<Outcome<'a>> {
    Some(match value {
        Datum::Int(_) => Ok(value.clone()),
        Datum::Uint(whole) => i64::try_from(*whole)
            .map(Datum::Int)
            .map_err(|_| Fault::Overflow),
        #[expect(clippy::cast_possible_truncation, reason = "the bounds are checked")]
        Datum::Double(float) if float.abs() < 9.223_372_036_854_775e18 => {
            Ok(Datum::Int(*float as i64))
        }
        Datum::Double(_) => Err(Fault::Overflow),
        Datum::Text(text) => text.parse().map(Datum::Int).map_err(|_| not_a("int", text)),
        Datum::Timestamp(at) => Ok(Datum::Int(at.as_second())),
        Datum::Duration(span) => i64::try_from(span.as_nanos())
            .map(Datum::Int)
            .map_err(|_| Fault::Overflow),
        _ => return None,
    })
}

fn uint<'a>(value: &Datum<'a>) -> Option<Outcome<'a>> {
    Some(match value {
        Datum::Uint(_) => Ok(value.clone()),
        Datum::Int(whole) => u64::try_from(*whole)
            .map(Datum::Uint)
            .map_err(|_| Fault::Overflow),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the bounds are checked"
        )]
        Datum::Double(float) if (0.0..1.844_674_407_370_955e19).contains(float) => {
            Ok(Datum::Uint(*float as u64))
        }
        Datum::Double(_) => Err(Fault::Overflow),
        Datum::Text(text) => text
            .parse()
            .map(Datum::Uint)
            .map_err(|_| not_a("uint", text)),
        _ => return None,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a double is what the conversion is to"
)]
fn double<'a>(value: &Datum<'a>) -> Option<Outcome<'a>> {
    Some(match value {
        Datum::Double(_) => Ok(value.clone()),
        Datum::Int(whole) => Ok(Datum::Double(*whole as f64)),
        Datum::Uint(whole) => Ok(Datum::Double(*whole as f64)),
        Datum::Text(text) => text
            .parse()
            .map(Datum::Double)
            .map_err(|_| not_a("double", text)),
        _ => return None,
    })
}

fn truth<'a>(value: &Datum<'a>) -> Option<Outcome<'a>> {
    Some(match value {
        Datum::Bool(_) => Ok(value.clone()),
        Datum::Text(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Datum::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Datum::Bool(false)),
            _ => Err(not_a("bool", text)),
        },
        _ => return None,
    })
}

fn not_a(function: &'static str, text: &str) -> Fault {
    let shown: String = text.chars().take(40).collect();
    Fault::of_function(function, format!("type conversion error of {shown:?}"))
}

fn string<'a>(value: &Datum<'a>, meter: &Meter) -> Option<Outcome<'a>> {
    Some(match value {
        Datum::Text(_) => Ok(value.clone()),
        Datum::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes);
            meter.spend_bytes(bytes.len()).and_then(|()| {
                text.map(Datum::text)
                    .map_err(|_| Fault::of_function("string", "invalid UTF-8 in bytes"))
            })
        }
        Datum::Bool(_)
        | Datum::Int(_)
        | Datum::Uint(_)
        | Datum::Double(_)
        | Datum::Timestamp(_)
        | Datum::Duration(_) => Ok(Datum::Text(shown(value))),
        _ => return None,
    })
}

/// A scalar as text; of anything else the name of its type.
pub(super) fn shown(value: &Datum<'_>) -> Text {
    match value {
        Datum::Text(text) => text.clone(),
        Datum::Bool(flag) => Text::from(if *flag { "true" } else { "false" }),
        Datum::Int(whole) => whole.to_string().into(),
        Datum::Uint(whole) => whole.to_string().into(),
        Datum::Double(float) => {
            let json = to_json(&trueup_object::Value::Float(*float));
            String::from_utf8_lossy(&json).into_owned().into()
        }
        Datum::Null => "null".into(),
        Datum::Timestamp(at) => at.to_string().into(),
        Datum::Duration(span) => time::seconds_text(*span).into(),
        other => other.type_name().into(),
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding, RFC 4648 section 4.
fn base64_of(bytes: &Arc<[u8]>) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let held = chunk
            .iter()
            .fold(0_usize, |held, byte| held << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[held >> (18 - 6 * place) & 63];
            text.push(if place <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

/// The bytes of Base64 with or without padding; `None` if it is none.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.as_bytes().chunks(4) {
        if chunk.len() == 1 {
            return None;
        }
        let mut held = 0_usize;
        for byte in chunk {
            held = held << 6 | DIGITS.iter().position(|digit| digit == byte)?;
        }
        held <<= 6 * (4 - chunk.len());
        let whole = [held >> 16, held >> 8, held];
        let kept = whole.iter().take(chunk.len() - 1);
        bytes.extend(kept.filter_map(|part| u8::try_from(part & 255).ok()));
    }
    Some(bytes)
}
