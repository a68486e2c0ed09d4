//! What a scalar means with its quotes and its tag.

use super::Booleans;
use super::compose::RawContent;
use crate::scalar::{self, Scalar};
use crate::syntax::ScalarStyle;
use base64::Engine;
use std::borrow::Cow;

const CORE: &str = "tag:yaml.org,2002:";
const MERGE: &str = "tag:yaml.org,2002:merge";

/// The meaning of a scalar with its quotes and tag.
pub(super) fn resolve(
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&str>,
    booleans: Booleans,
) -> Result<RawContent, String> {
    let plain = style == ScalarStyle::Plain;
    let Some(name) = tag else {
        return Ok(match (plain, text.as_ref()) {
            (true, "<<") => RawContent::Merge,
            (true, _) => RawContent::Scalar(plain_scalar(text, booleans)),
            (false, _) => RawContent::Scalar(Scalar::Text(text.into_owned())),
        });
    };
    if text == "<<" && matches!(name, "!" | MERGE) {
        return Ok(RawContent::Merge);
    }
    let Some(core) = name.strip_prefix(CORE) else {
        return Ok(RawContent::Scalar(Scalar::Text(text.into_owned())));
    };
    tagged(&text, core).map(RawContent::Scalar)
}

fn plain_scalar(text: Cow<'_, str>, booleans: Booleans) -> Scalar {
    match (booleans, text.as_ref()) {
        (Booleans::WordsAndLetters, "y" | "Y") => Scalar::Bool(true),
        (Booleans::WordsAndLetters, "n" | "N") => Scalar::Bool(false),
        _ => scalar::resolve(text),
    }
}

fn tagged(text: &str, tag: &str) -> Result<Scalar, String> {
    let resolved = match tag {
        "str" => return Ok(Scalar::Text(text.to_owned())),
        "binary" => return binary(text),
        "bool" | "int" | "float" | "null" | "timestamp" => scalar::resolve_plain(text),
        _ => return Ok(Scalar::Text(text.to_owned())),
    };
    match (tag, resolved) {
        ("bool", scalar @ Scalar::Bool(_))
        | ("int", scalar @ Scalar::Integer(_))
        | ("float", scalar @ Scalar::Float(_))
        | ("timestamp", scalar @ Scalar::Text(_))
        | ("null", scalar @ Scalar::Null) => Ok(scalar),
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
        ("float", Scalar::Integer(number)) => Ok(Scalar::Float(number as f64)),
        _ => Err(format!("expected a value of type !!{tag}, found {text:?}")),
    }
}

fn binary(text: &str) -> Result<Scalar, String> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(compact)
        .map_err(|_| "expected base64 as a !!binary value".to_owned())?;
    let text =
        String::from_utf8(bytes).map_err(|_| "expected UTF-8 in a !!binary value".to_owned())?;
    Ok(Scalar::Text(text))
}
