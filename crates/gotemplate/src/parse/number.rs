//! Numbers in templates: one literal can be a value of several types.

use super::token::{TokenKind, quoted};
use trueup_gocompat::quote::unquote_first;
use trueup_gocompat::{parse_float_literal, parse_signed_literal, parse_unsigned_literal};

/// A number, under each type that can hold it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Number {
    pub(crate) text: String,
    pub(crate) signed: Option<i64>,
    pub(crate) unsigned: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
}

impl Number {
    pub(super) fn read(kind: TokenKind, text: &str) -> Result<Self, String> {
        match kind {
            TokenKind::CharacterConstant => Self::of_character(text),
            TokenKind::Complex => Self::of_complex(text),
            _ => Self::of_digits(text),
        }
    }

    fn of_character(text: &str) -> Result<Self, String> {
        let inner = &text.as_bytes()[1..];
        let (unquoted, width) =
            unquote_first(inner, b'\'').ok_or_else(|| "invalid syntax".to_owned())?;
        if &inner[width..] != b"'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let code = unquoted.code();
        Ok(Self {
            text: text.to_owned(),
            signed: Some(code.into()),
            unsigned: Some(code.into()),
            float: Some(code.into()),
            complex: None,
        })
    }

    fn of_complex(text: &str) -> Result<Self, String> {
        // The lexer has seen a number, a sign, and a number that ends in i.
        let (real, imaginary) = text
            .char_indices()
            .skip(1)
            .filter(|(_, c)| matches!(c, '+' | '-'))
            .find_map(|(at, _)| {
                let imaginary = text[at..].strip_suffix('i')?;
                Some((
                    parse_float_literal(&text[..at])?,
                    parse_float_literal(imaginary)?,
                ))
            })
            .ok_or_else(|| "syntax error scanning complex number".to_owned())?;
        Ok(Self::complex(text, real, imaginary))
    }

    fn complex(text: &str, real: f64, imaginary: f64) -> Self {
        let float = (imaginary == 0.0).then_some(real);
        Self {
            text: text.to_owned(),
            signed: float.and_then(whole),
            unsigned: float.and_then(whole_unsigned),
            float,
            complex: Some((real, imaginary)),
        }
    }

    fn of_digits(text: &str) -> Result<Self, String> {
        if let Some(imaginary) = text.strip_suffix('i').and_then(parse_float_literal) {
            return Ok(Self::complex(text, 0.0, imaginary));
        }
        let signed = parse_signed_literal(text);
        let unsigned = parse_unsigned_literal(text).or((signed == Some(0)).then_some(0));
        if signed.is_some() || unsigned.is_some() {
            return Ok(Self::of_whole(text, signed, unsigned));
        }
        let Some(float) = parse_float_literal(text) else {
            return Err(format!(
                "illegal number syntax: {}",
                quoted(text.as_bytes())
            ));
        };
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", quoted(text.as_bytes())));
        }
        Ok(Self {
            text: text.to_owned(),
            signed: whole(float),
            unsigned: whole_unsigned(float),
            float: Some(float),
            complex: None,
        })
    }

    fn of_whole(text: &str, signed: Option<i64>, unsigned: Option<u64>) -> Self {
        let float = match (signed, unsigned) {
            (Some(number), _) => number as f64,
            (None, number) => number.unwrap_or(0) as f64,
        };
        Self {
            text: text.to_owned(),
            signed,
            unsigned,
            float: Some(float),
            complex: None,
        }
    }

    /// Whether the literal itself says that it is a float.
    pub(crate) fn is_float_literal(&self) -> bool {
        let bytes = self.text.as_bytes();
        let hexadecimal = matches!(bytes, [b'0', b'x' | b'X', _, ..]);
        let is_hexadecimal_integer = hexadecimal && !self.text.contains(['p', 'P']);
        self.float.is_some()
            && !is_hexadecimal_integer
            && bytes.first() != Some(&b'\'')
            && self.text.contains(['.', 'e', 'E', 'p', 'P'])
    }
}

/// The float as an `i64` that is the same number.
fn whole(float: f64) -> Option<i64> {
    let number = float as i64;
    let same = number as f64 == float && number != i64::MAX;
    same.then_some(number)
}

/// The float as a `u64` that is the same number.
fn whole_unsigned(float: f64) -> Option<u64> {
    if float < 0.0 {
        return None;
    }
    let number = float as u64;
    let same = number as f64 == float && number != u64::MAX;
    same.then_some(number)
}
