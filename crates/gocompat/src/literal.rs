//! Number literals as Go's `strconv` reads them with base 0: prefixes for the
//! base, underscores between digits, hexadecimal floats.

use crate::strconv::{parse_float, parse_integer};
use std::borrow::Cow;

/// A literal without sign that fits `u64`, as `strconv.ParseUint` reads it.
#[must_use]
pub fn parse_unsigned_literal(text: &str) -> Option<u64> {
    if text.starts_with(['+', '-']) {
        return None;
    }
    u64::try_from(parse_integer(&without_underscores(text)?)?).ok()
}

/// A literal that fits `i64`, as `strconv.ParseInt` reads it.
#[must_use]
pub fn parse_signed_literal(text: &str) -> Option<i64> {
    i64::try_from(parse_integer(&without_underscores(text)?)?).ok()
}

/// A decimal or hexadecimal float, as `strconv.ParseFloat` reads it; `None`
/// also where the value is too large.
#[must_use]
pub fn parse_float_literal(text: &str) -> Option<f64> {
    let text = without_underscores(text)?;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let Some(digits) = unsigned
        .strip_prefix("0x")
        .or_else(|| unsigned.strip_prefix("0X"))
    else {
        return parse_float(&text);
    };
    let magnitude = hexadecimal(digits)?;
    Some(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

/// The text without its underscores; `None` where one doesn't stand between
/// digits, or between the prefix of the base and a digit.
fn without_underscores(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(text.into());
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let prefixed = matches!(
        unsigned,
        [b'0', b'b' | b'B' | b'o' | b'O' | b'x' | b'X', ..]
    );
    let hexadecimal = matches!(unsigned, [b'0', b'x' | b'X', ..]);
    let is_digit = |byte: u8| {
        byte.is_ascii_digit() || hexadecimal && matches!(byte, b'a'..=b'f' | b'A'..=b'F')
    };
    let start = if prefixed { 2 } else { 0 };
    let fits = (start..unsigned.len())
        .filter(|at| unsigned[*at] == b'_')
        .all(|at| {
            let after_digit = match at.checked_sub(1) {
                Some(before) if before >= start => is_digit(unsigned[before]),
                _ => prefixed,
            };
            after_digit && unsigned.get(at + 1).copied().is_some_and(is_digit)
        });
    fits.then(|| text.replace('_', "").into())
}

/// A hexadecimal float after `0x`: digits with a point, `p`, an exponent.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if exponent_digits.is_empty() || !exponent_digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // An exponent beyond this decides alone, whatever the digits are.
    let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') {
        -100_000_000
    } else {
        100_000_000
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut digits = Digits::default();
    for digit in whole.chars() {
        digits.push(digit.to_digit(16)?, 0);
    }
    for digit in fraction.chars() {
        digits.push(digit.to_digit(16)?, 4);
    }
    let value = round(
        digits.mantissa,
        digits.exponent.saturating_add(exponent),
        digits.rest,
    );
    value.is_finite().then_some(value)
}

/// The value is `mantissa × 2^exponent`, and a little more where there is a
/// rest.
#[derive(Default)]
struct Digits {
    mantissa: u64,
    exponent: i64,
    rest: bool,
}

impl Digits {
    /// Takes a digit; each after the point lowers the exponent by four bits,
    /// each that finds no room raises it.
    fn push(&mut self, digit: u32, lowers_by: i64) {
        self.exponent -= lowers_by;
        if self.mantissa >> 60 == 0 {
            self.mantissa = self.mantissa << 4 | u64::from(digit);
        } else {
            self.rest |= digit != 0;
            self.exponent += 4;
        }
    }
}

/// The nearest float to `mantissa × 2^exponent`; a tie goes to the even one
/// unless there is a rest.
fn round(mantissa: u64, exponent: i64, rest: bool) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let zeros = mantissa.leading_zeros();
    let mantissa = mantissa << zeros;
    let exponent = exponent - i64::from(zeros);
    // The power of two of the first bit.
    let leading = exponent + 63;
    if leading > 1023 {
        return f64::INFINITY;
    }
    // Small numbers have fewer bits than 53.
    let bits = 53 - (-1022 - leading).max(0);
    let dropped = 64 - bits;
    if dropped > 64 {
        return 0.0;
    }
    let wide = u128::from(mantissa);
    let half = 1u128 << (dropped - 1);
    let cut = wide & ((half << 1) - 1);
    let kept = wide >> dropped;
    let up = cut > half || cut == half && (rest || kept & 1 == 1);
    // At most 2^53, which a float holds.
    let kept = (kept + u128::from(up)) as f64;
    kept * power_of_two(exponent + dropped)
}

/// 2^exponent for what a float can hold: -1074 to 1023.
fn power_of_two(exponent: i64) -> f64 {
    if exponent >= -1022 {
        return f64::from_bits(((exponent + 1023).unsigned_abs()) << 52);
    }
    f64::from_bits(1 << (exponent + 1074).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn literals_of_whole_numbers_read_as_go_reads_them() {
        for (text, unsigned, signed) in [
            ("12_34", Some(1234), Some(1234)),
            ("0b_1_0_1", Some(5), Some(5)),
            ("0377", Some(255), Some(255)),
            ("0o_3_7_7", Some(255), Some(255)),
            ("0X1_23", Some(0x123), Some(0x123)),
            ("-5", None, Some(-5)),
            ("+5", None, Some(5)),
            ("18446744073709551615", Some(u64::MAX), None),
            ("_1", None, None),
            ("1__2", None, None),
            ("1_", None, None),
            ("0_x1", None, None),
            ("0x_", None, None),
            ("08", None, None),
        ] {
            assert_eq!(parse_unsigned_literal(text), unsigned, "{text}");
            assert_eq!(parse_signed_literal(text), signed, "{text}");
        }
    }

    #[test]
    fn literals_of_floats_read_as_go_reads_them() {
        for (text, value) in [
            ("0_0_1_2_3.4", Some(123.4)),
            ("+0x_1.e_0p+0_2", Some(7.5)),
            ("0X1.EP+2", Some(7.5)),
            ("-0x1p-2", Some(-0.25)),
            ("0x.8p1", Some(1.0)),
            ("0x10p0", Some(16.0)),
            ("0x123456789abcdef01p0", Some(20_988_295_479_420_645_377.0)),
            ("0x1p-1074", Some(5e-324)),
            ("0x1p-1075", Some(0.0)),
            ("0x1.8p-1075", Some(5e-324)),
            ("0x1.fffffffffffffp1023", Some(f64::MAX)),
            ("0x1.fffffffffffff8p1023", None),
            ("0x1p1024", None),
            ("0x0p99999999999999999999", Some(0.0)),
            ("0x1p-99999999999999999999", Some(0.0)),
            ("0x1.8", None),
            ("0xp1", None),
            ("0x1p", None),
            ("1e999", None),
            ("1._5", None),
            (".", None),
        ] {
            assert_eq!(parse_float_literal(text), value, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_float_in_hexadecimal_reads_back(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            let text = crate::fmt::format_float_as(value, crate::fmt::FloatForm::Hexadecimal, None);
            prop_assert_eq!(parse_float_literal(&text), Some(value));
        }
    }
}
