//! Amounts of resources such as `100m`, `1.5Gi` or `2e3`.

use std::fmt;
use std::str::FromStr;

const NANO_DIGITS: u32 = 9;
const NANOS_PER_UNIT: i128 = 1_000_000_000;

/// The most digits that the number of a quantity may have.
pub const MAX_QUANTITY_DIGITS: usize = 64;

/// The largest amount; more is capped to it, as the Kubernetes API does.
const MAX_NANOS: i128 = i64::MAX as i128 * NANOS_PER_UNIT;

/// How a quantity was written, and so is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuantityFormat {
    /// `500m`, `2k`, `3M`.
    Decimal,
    /// `64Mi`.
    Binary,
    /// `1e3`.
    Exponent,
}

/// An amount of a resource, exact to the nano unit (rounded away from zero
/// beyond), as the API's `resource.Quantity`.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    format: QuantityFormat,
}

/// Why a text is no quantity, in the API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It does not have the shape of one.
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Format,
    /// The unit behind the number is none.
    #[error("unable to parse quantity's suffix")]
    Suffix,
    /// The number is none, or longer than [`MAX_QUANTITY_DIGITS`].
    #[error("unable to parse numeric part of quantity")]
    Number,
}

impl Quantity {
    /// Reads a quantity.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            None => return Err(QuantityError::Format),
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            Some(_) => (false, text),
        };
        let number_end = unsigned
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(number_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return Err(QuantityError::Format);
        }
        if whole.len() + fraction.len() > MAX_QUANTITY_DIGITS {
            return Err(QuantityError::Number);
        }
        let (unit, format) = parse_suffix(suffix)?;
        let magnitude = scale(whole, fraction, unit);
        Ok(Self {
            nanos: if negative { -magnitude } else { magnitude },
            format,
        })
    }

    /// A whole amount.
    #[must_use]
    pub fn whole(amount: i64, format: QuantityFormat) -> Self {
        Self {
            nanos: i128::from(amount) * NANOS_PER_UNIT,
            format,
        }
    }

    /// The sum, capped to what a quantity holds; written as this one is, or as
    /// the other if this one is nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.with_nanos(self.nanos.saturating_add(other.nanos), other.format)
    }

    /// The difference, in the form that [`Quantity::plus`] gives a sum.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.with_nanos(self.nanos.saturating_sub(other.nanos), other.format)
    }

    fn with_nanos(self, nanos: i128, format_of_nothing: QuantityFormat) -> Self {
        Self {
            nanos: nanos.clamp(-MAX_NANOS, MAX_NANOS),
            format: if self.nanos == 0 {
                format_of_nothing
            } else {
                self.format
            },
        }
    }

    /// The amount in nano units.
    #[must_use]
    pub fn nanos(&self) -> i128 {
        self.nanos
    }

    /// The amount in thousandths, rounded away from zero.
    #[must_use]
    pub fn milli_units(&self) -> i128 {
        divide_away_from_zero(self.nanos, NANOS_PER_UNIT / 1000)
    }

    /// The amount in whole units, rounded away from zero.
    #[must_use]
    pub fn units(&self) -> i128 {
        divide_away_from_zero(self.nanos, NANOS_PER_UNIT)
    }
}

/// Quantities are equal when their amounts are, however written.
impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::parse(text)
    }
}

/// What one unit is worth.
#[derive(Clone, Copy)]
enum Unit {
    Tens(i32),
    Twos(u32),
}

fn parse_suffix(suffix: &str) -> Result<(Unit, QuantityFormat), QuantityError> {
    let decimal = |exponent| Ok((Unit::Tens(exponent), QuantityFormat::Decimal));
    let binary = |exponent| Ok((Unit::Twos(exponent), QuantityFormat::Binary));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => parse_exponent(suffix),
    }
}

fn parse_exponent(suffix: &str) -> Result<(Unit, QuantityFormat), QuantityError> {
    let Some(digits) = suffix.strip_prefix(['e', 'E']) else {
        let known = |c: char| "eEinumkKMGTP+-".contains(c) || c.is_ascii_digit();
        return Err(if suffix.chars().all(known) {
            QuantityError::Suffix
        } else {
            QuantityError::Format
        });
    };
    let exponent: i32 = digits.parse().map_err(|_| QuantityError::Suffix)?;
    Ok((Unit::Tens(exponent), QuantityFormat::Exponent))
}

/// The nano units that `whole.fraction` of a unit are, capped.
fn scale(whole: &str, fraction: &str, unit: Unit) -> i128 {
    let (exponent, factor) = match unit {
        Unit::Tens(exponent) => (exponent, 1),
        Unit::Twos(exponent) => (0, 1_i128 << exponent),
    };
    let digits = whole
        .bytes()
        .chain(fraction.bytes())
        .map(|b| i128::from(b - b'0'));
    let dropped = i64::from(exponent) + i64::from(NANO_DIGITS) - fraction.len() as i64;
    let mut value: i128 = 0;
    let mut remainder = false;
    let kept = (whole.len() + fraction.len()) as i64 + dropped.min(0);
    // A binary unit is multiplied before anything is cut off.
    let cut_late = factor > 1 && dropped < 0;
    for (place, digit) in digits.enumerate() {
        if !cut_late && place as i64 >= kept {
            remainder |= digit != 0;
            continue;
        }
        value = value.saturating_mul(10).saturating_add(digit);
    }
    value = value.saturating_mul(factor);
    if cut_late {
        let divisor = u32::try_from(-dropped)
            .ok()
            .and_then(|places| 10_i128.checked_pow(places));
        let divisor = divisor.unwrap_or(i128::MAX);
        remainder = value % divisor != 0;
        value /= divisor;
    }
    if dropped > 0 && value > 0 {
        let power = u32::try_from(dropped)
            .ok()
            .and_then(|places| 10_i128.checked_pow(places));
        value = power
            .and_then(|power| value.checked_mul(power))
            .unwrap_or(i128::MAX);
    }
    value.saturating_add(i128::from(remainder)).min(MAX_NANOS)
}

fn divide_away_from_zero(value: i128, divisor: i128) -> i128 {
    let quotient = value / divisor;
    if value % divisor == 0 {
        quotient
    } else {
        quotient + value.signum()
    }
}

/// The canonical form: the largest unit that leaves a whole number.
impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return formatter.write_str("0");
        }
        let small = self.nanos.abs() < 1024 * NANOS_PER_UNIT;
        match self.format {
            QuantityFormat::Binary if !small => write_binary(formatter, self.units()),
            QuantityFormat::Exponent => {
                write_decimal(formatter, self.nanos, |exponent| match exponent {
                    0 => String::new(),
                    _ => format!("e{exponent}"),
                })
            }
            _ => write_decimal(formatter, self.nanos, decimal_suffix),
        }
    }
}

fn write_binary(formatter: &mut fmt::Formatter<'_>, mut amount: i128) -> fmt::Result {
    let mut power = 0;
    while amount % 1024 == 0 && power < 6 {
        amount /= 1024;
        power += 1;
    }
    write!(
        formatter,
        "{amount}{}",
        ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power]
    )
}

fn write_decimal(
    formatter: &mut fmt::Formatter<'_>,
    mut amount: i128,
    suffix: impl Fn(i32) -> String,
) -> fmt::Result {
    let mut exponent = -9;
    while amount % 1000 == 0 && exponent < 18 {
        amount /= 1000;
        exponent += 3;
    }
    write!(formatter, "{amount}{}", suffix(exponent))
}

fn decimal_suffix(exponent: i32) -> String {
    let suffix = match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        0 => "",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        _ => "E",
    };
    suffix.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_print_in_canonical_form() {
        for (text, canonical) in [
            ("0", "0"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1024Ki", "1Mi"),
            ("1.5Gi", "1536Mi"),
            ("512", "512"),
            ("1Ki", "1Ki"),
            ("0.5Ki", "512"),
            ("1000", "1k"),
            ("1e3", "1e3"),
            ("1E3", "1e3"),
            ("12e6", "12e6"),
            ("1E", "1E"),
            ("-100m", "-100m"),
            ("+2", "2"),
            (".5", "500m"),
            ("5.", "5"),
            ("0.0000000001", "1n"),
            ("9223372036854775808", "9223372036854775807"),
            ("16Ei", "9223372036854775807"),
            ("128974848", "128974848"),
            ("123Mi", "123Mi"),
        ] {
            assert_eq!(
                Quantity::parse(text).unwrap().to_string(),
                canonical,
                "{text}"
            );
        }
    }

    #[test]
    fn equal_amounts_are_equal_however_written() {
        assert_eq!(Quantity::parse("1000m"), Quantity::parse("1"));
        assert!(Quantity::parse("1Gi").unwrap() > Quantity::parse("1G").unwrap());
        assert_eq!(Quantity::parse("1500m").unwrap().units(), 2);
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in ["", "m", "1.2.3", "1 Gi", "abc", "1x", "--1"] {
            assert_eq!(Quantity::parse(text), Err(QuantityError::Format), "{text}");
        }
        for text in ["1mm", "1KI", "1e", "1Kii", "1e1.5"] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
        assert_eq!(Quantity::parse(&"9".repeat(65)), Err(QuantityError::Number));
    }

    proptest! {
        #[test]
        fn the_canonical_form_reads_back_as_the_same_amount(
            text in "-?[0-9]{1,12}(\\.[0-9]{1,9})?(n|u|m||k|M|Ki|Mi|Gi|e3|e-2)"
        ) {
            let quantity = Quantity::parse(&text).unwrap();
            let printed = quantity.to_string();
            let again = Quantity::parse(&printed).unwrap();
            prop_assert_eq!(&again.to_string(), &printed);
            if quantity.format != QuantityFormat::Binary {
                prop_assert_eq!(again, quantity);
            }
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eEinumkKMGTPi]{0,80}") {
            let _ = Quantity::parse(&text).map(|quantity| quantity.to_string());
        }
    }
}
