//! Numbers as Go's `strconv` and `encoding/json` packages read and write
//! them.

/// A whole number as Go's `ParseInt` and `ParseUint` read it with base 0:
/// `0x`, `0o`, `0b` and a leading `0` set the base. `None` where Go fails;
/// the result fits `i64` or `u64`. Underscores are for the caller to strip.
#[must_use]
pub fn parse_integer(text: &str) -> Option<i128> {
    let (negative, signed, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let (base, digits) = split_base(unsigned);
    if digits.is_empty() || !digits.bytes().all(|b| char::from(b).is_digit(base)) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, base).ok()?);
    let value = if negative { -magnitude } else { magnitude };
    // Only a text without any sign goes through `ParseUint`.
    let upper = if signed {
        i128::from(i64::MAX)
    } else {
        i128::from(u64::MAX)
    };
    (i128::from(i64::MIN)..=upper)
        .contains(&value)
        .then_some(value)
}

fn split_base(text: &str) -> (u32, &str) {
    let bytes = text.as_bytes();
    if bytes.len() > 2 && bytes[0] == b'0' {
        match bytes[1] {
            b'x' | b'X' => return (16, &text[2..]),
            b'o' | b'O' => return (8, &text[2..]),
            b'b' | b'B' => return (2, &text[2..]),
            _ => {}
        }
    }
    if bytes.len() > 1 && bytes[0] == b'0' {
        (8, &text[1..])
    } else {
        (10, text)
    }
}

/// A decimal float as Go's `ParseFloat` reads it; `None` where Go fails, also
/// where the value is too large. Hexadecimal floats are not read.
#[must_use]
pub fn parse_float(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let words = text
        .bytes()
        .any(|b| b.is_ascii_alphabetic() && !matches!(b, b'e' | b'E'));
    (words || value.is_finite()).then_some(value)
}

/// The shortest text that reads back as the same float, in Go's format `'g'`
/// with precision -1: `1`, `1.5`, `1e+06`, `1e-07`, `+Inf`.
#[must_use]
pub fn format_float(value: f64) -> String {
    if let Some(word) = special(value) {
        return word.to_owned();
    }
    let (negative, digits, exponent) = shortest(value);
    let sign = if negative { "-" } else { "" };
    if value == 0.0 || (-4..6).contains(&exponent) {
        return format!("{sign}{}", positional(&digits, exponent));
    }
    format!("{sign}{}", scientific(&digits, exponent, 2))
}

/// A finite float as Go's `encoding/json` writes it: positional between 1e-6
/// and 1e21, otherwise with an exponent without leading zero.
#[must_use]
pub fn format_json_float(value: f64) -> String {
    let (negative, digits, exponent) = shortest(value);
    let sign = if negative { "-" } else { "" };
    if value == 0.0 || (-6..21).contains(&exponent) {
        return format!("{sign}{}", positional(&digits, exponent));
    }
    format!("{sign}{}", scientific(&digits, exponent, 1))
}

pub(crate) fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        return Some("NaN");
    }
    if value.is_infinite() {
        return Some(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    None
}

/// Sign, decimal digits and the exponent of the first digit.
pub(crate) fn shortest(value: f64) -> (bool, String, i32) {
    let text = format!("{:e}", value.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (
        value.is_sign_negative(),
        mantissa.replace('.', ""),
        exponent.parse().unwrap_or(0),
    )
}

pub(crate) fn positional(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        return format!(
            "0.{}{digits}",
            "0".repeat(exponent.unsigned_abs() as usize - 1)
        );
    }
    let whole = exponent.unsigned_abs() as usize + 1;
    if digits.len() <= whole {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    format!("{}.{}", &digits[..whole], &digits[whole..])
}

pub(crate) fn scientific(digits: &str, exponent: i32, width: usize) -> String {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:0width$}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_read_as_go_reads_them() {
        for (text, value) in [
            ("0", Some(0)),
            ("-12", Some(-12)),
            ("+7", Some(7)),
            ("0x1F", Some(31)),
            ("0o17", Some(15)),
            ("017", Some(15)),
            ("0b101", Some(5)),
            ("08", None),
            ("0x", None),
            ("", None),
            ("1_0", None),
            ("--1", None),
            ("18446744073709551615", Some(i128::from(u64::MAX))),
            ("+18446744073709551615", None),
            ("18446744073709551616", None),
            ("-9223372036854775808", Some(i128::from(i64::MIN))),
        ] {
            assert_eq!(parse_integer(text), value, "{text}");
        }
    }

    #[test]
    fn floats_print_as_go_prints_them() {
        for (value, plain, json) in [
            (1.0, "1", "1"),
            (0.0, "0", "0"),
            (1.5, "1.5", "1.5"),
            (1e20, "1e+20", "100000000000000000000"),
            (999_999.0, "999999", "999999"),
            (1_234_567.5, "1.2345675e+06", "1234567.5"),
            (1e21, "1e+21", "1e+21"),
            (1e-5, "1e-05", "0.00001"),
            (1.25e-7, "1.25e-07", "1.25e-7"),
            (-123_456.75, "-123456.75", "-123456.75"),
        ] {
            assert_eq!(format_float(value), plain);
            assert_eq!(format_json_float(value), json);
        }
        assert_eq!(format_float(f64::NEG_INFINITY), "-Inf");
    }

    proptest! {
        #[test]
        fn a_printed_float_reads_back(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            prop_assert_eq!(parse_float(&format_float(value)), Some(value));
            prop_assert_eq!(parse_float(&format_json_float(value)), Some(value));
        }
    }
}
