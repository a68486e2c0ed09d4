//! From one type to another.

use super::Fault;
use super::datum::Datum;
use super::time;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use trueup_object::{Text, to_json};

type Outcome<'a> = Result<Datum<'a>, Fault>;

pub(super) fn convert<'a>(name: &str, args: &[Datum<'a>]) -> Option<Outcome<'a>> {
    let [value] = args else { return None };
    match name {
        "int" => int(value),
        "uint" => uint(value),
        "double" => double(value),
        "bool" => truth(value),
        "string" => string(value),
        "bytes" => match value {
            Datum::Bytes(_) => Some(Ok(value.clone())),
            Datum::Text(text) => Some(Ok(Datum::Bytes(text.as_bytes().into()))),
            _ => None,
        },
        "timestamp" => time::timestamp(value),
        "duration" => time::duration(value),
        "base64.encode" => match value {
            Datum::Bytes(bytes) => Some(Ok(Datum::text(BASE64.encode(bytes)))),
            _ => None,
        },
        "base64.decode" => Some(decoded(value.as_text()?)),
        _ => None,
    }
}

/// As Go's decoders, which cel-go uses: with padding or without, bits that
/// are left over and ends of lines don't count.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn decoded<'a>(text: &str) -> Outcome<'a> {
    BASE64
        .decode(text.replace(['\r', '\n'], ""))
        .map(|bytes| Datum::Bytes(bytes.into()))
        .map_err(|_| Fault::of_function("base64.decode", "illegal base64 data"))
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
        Datum::Text(text) => text
            .parse()
            .map(Datum::Int)
            .map_err(|_| Fault::not_a("int")),
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
            .map_err(|_| Fault::not_a("uint")),
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
            .map_err(|_| Fault::not_a("double")),
        _ => return None,
    })
}

fn truth<'a>(value: &Datum<'a>) -> Option<Outcome<'a>> {
    Some(match value {
        Datum::Bool(_) => Ok(value.clone()),
        Datum::Text(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Datum::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Datum::Bool(false)),
            _ => Err(Fault::not_a("bool")),
        },
        _ => return None,
    })
}

fn string<'a>(value: &Datum<'a>) -> Option<Outcome<'a>> {
    Some(match value {
        Datum::Text(_) => Ok(value.clone()),
        Datum::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes);
            text.map(Datum::text)
                .map_err(|_| Fault::of_function("string", "invalid UTF-8 in bytes"))
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
