//! Floats in Go's formats.

use crate::strconv::{positional, scientific, shortest, special};

/// How a float is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FloatForm {
    /// `1.5e+06`: Go's format `'e'`.
    Scientific,
    /// `1500000`: Go's format `'f'`.
    Positional,
    /// Scientific for large and small exponents, else positional: Go's `'g'`.
    General,
    /// `6755399441055744p-30`: Go's format `'b'`.
    Binary,
    /// `0x1.8p+20`: Go's format `'x'`.
    Hexadecimal,
}

/// No float has more digits that differ from zero, before or after its point.
const MAX_DIGITS: usize = 1_100;

/// The float as `strconv.FormatFloat` writes it; without a precision as many
/// digits as it takes to read the same float back.
#[must_use]
pub fn format_float_as(value: f64, form: FloatForm, precision: Option<usize>) -> String {
    if let Some(word) = special(value) {
        return word.to_owned();
    }
    let magnitude = value.abs();
    let text = match (form, precision) {
        (FloatForm::Binary, _) => binary(magnitude),
        (FloatForm::Hexadecimal, precision) => hexadecimal(magnitude, precision),
        (FloatForm::Scientific, None) => {
            let (_, digits, exponent) = shortest(magnitude);
            scientific(&digits, exponent, 2)
        }
        (FloatForm::Scientific, Some(precision)) => scientific_with(magnitude, precision),
        (FloatForm::Positional, None) => {
            let (_, digits, exponent) = shortest(magnitude);
            positional(&digits, exponent)
        }
        (FloatForm::Positional, Some(precision)) => positional_with(magnitude, precision),
        (FloatForm::General, precision) => general(magnitude, precision),
    };
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{text}")
}

/// Digits rounded to so many after the first, and the exponent of the first.
fn rounded(magnitude: f64, fraction: usize) -> (String, i32) {
    let text = format!("{magnitude:.*e}", fraction.min(MAX_DIGITS));
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (digits.replace('.', ""), exponent.parse().unwrap_or(0))
}

fn scientific_with(magnitude: f64, precision: usize) -> String {
    let (mut digits, exponent) = rounded(magnitude, precision);
    digits.extend(std::iter::repeat_n(
        '0',
        precision.saturating_sub(MAX_DIGITS),
    ));
    scientific(&digits, exponent, 2)
}

fn positional_with(magnitude: f64, precision: usize) -> String {
    let mut text = format!("{magnitude:.*}", precision.min(MAX_DIGITS));
    text.extend(std::iter::repeat_n(
        '0',
        precision.saturating_sub(MAX_DIGITS),
    ));
    text
}

fn general(magnitude: f64, precision: Option<usize>) -> String {
    let (digits, exponent) = match precision {
        None => {
            let (_, digits, exponent) = shortest(magnitude);
            (digits, exponent)
        }
        Some(precision) => rounded(magnitude, precision.max(1) - 1),
    };
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return "0".to_owned();
    }
    if exponent < -4 || i64::from(exponent) >= threshold(digits.len(), exponent, precision) {
        return scientific(digits, exponent, 2);
    }
    positional(digits, exponent)
}

/// From which exponent on a float is written in scientific form.
fn threshold(digits: usize, exponent: i32, precision: Option<usize>) -> i64 {
    let Some(precision) = precision else { return 6 };
    let as_number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let (digits, precision) = (as_number(digits), as_number(precision.max(1)));
    if precision > digits && digits > i64::from(exponent) {
        digits
    } else {
        precision
    }
}

/// The whole mantissa and its power of two.
fn parts(magnitude: f64) -> (u64, i32) {
    let bits = magnitude.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    let exponent = i32::try_from(bits >> 52).unwrap_or(0);
    if exponent == 0 {
        (mantissa, -1074)
    } else {
        (mantissa | 1 << 52, exponent - 1075)
    }
}

fn binary(magnitude: f64) -> String {
    let (mantissa, exponent) = parts(magnitude);
    format!("{mantissa}p{exponent:+}")
}

fn hexadecimal(magnitude: f64, precision: Option<usize>) -> String {
    let (mantissa, exponent) = parts(magnitude);
    // The first bit goes to bit 60, so that 15 digits follow it.
    let shift = if mantissa == 0 {
        0
    } else {
        mantissa.leading_zeros() - 3
    };
    let mut mantissa = mantissa << shift;
    let mut exponent = match i32::try_from(shift) {
        _ if mantissa == 0 => 0,
        Ok(shift) => exponent + 60 - shift,
        Err(_) => exponent,
    };
    if let Some(precision @ 0..15) = precision {
        mantissa = round_to(mantissa, precision);
        if mantissa >> 61 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let all = format!("{:015x}", mantissa & ((1 << 60) - 1));
    let fraction = match precision {
        None => all.trim_end_matches('0').to_owned(),
        Some(precision) if precision <= 15 => all[..precision].to_owned(),
        Some(precision) => format!("{all}{}", "0".repeat(precision - 15)),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "0x{}{point}{fraction}p{sign}{:02}",
        mantissa >> 60,
        exponent.abs()
    )
}

/// Rounds to so many hexadecimal digits after bit 60, ties to even.
fn round_to(mantissa: u64, digits: usize) -> u64 {
    let unit = 1u64 << (60 - 4 * digits);
    let (kept, cut) = (mantissa & !(unit - 1), mantissa & (unit - 1));
    let half = unit >> 1;
    if cut > half || cut == half && kept & unit != 0 {
        kept + unit
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_take_each_form_as_in_go() {
        use FloatForm::{Binary, General, Hexadecimal, Positional, Scientific};
        for (value, form, precision, text) in [
            (1.5e6, Scientific, None, "1.5e+06"),
            (1.5e6, Scientific, Some(3), "1.500e+06"),
            (0.0, Scientific, Some(2), "0.00e+00"),
            (2.5, Positional, Some(0), "2"),
            (3.5, Positional, Some(0), "4"),
            (1e21, Positional, None, "1000000000000000000000"),
            (0.1, Positional, Some(20), "0.10000000000000000555"),
            (123_456.0, General, Some(3), "1.23e+05"),
            (100_000.0, General, Some(10), "100000"),
            (123_456.0, General, Some(10), "123456"),
            (1e10, General, Some(5), "1e+10"),
            (0.0, General, Some(0), "0"),
            (-2.5, General, Some(1), "-2"),
            (1.0, Binary, None, "4503599627370496p-52"),
            (1.5e6, Hexadecimal, None, "0x1.6e36p+20"),
            (1.0, Hexadecimal, None, "0x1p+00"),
            (0.0, Hexadecimal, Some(2), "0x0.00p+00"),
            (1.999, Hexadecimal, Some(1), "0x1.0p+01"),
            (1.0, Hexadecimal, Some(17), "0x1.00000000000000000p+00"),
            (f64::NAN, General, None, "NaN"),
        ] {
            assert_eq!(
                format_float_as(value, form, precision),
                text,
                "{value} {form:?} {precision:?}"
            );
        }
    }
}
