//! Whole numbers as `fmt` prints them.

use super::{Buffer, Directive};
use crate::quote::{Plain, quote_character};
use crate::utf8::{REPLACEMENT, is_print};

/// A whole number apart from its sign, and whether its type has signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Integer {
    /// The bits: of a negative number its two's complement.
    pub bits: u64,
    /// Whether the first bit is a sign.
    pub signed: bool,
}

impl Integer {
    fn is_negative(self) -> bool {
        self.signed && self.bits >> 63 == 1
    }

    fn magnitude(self) -> u64 {
        if self.is_negative() {
            self.bits.wrapping_neg()
        } else {
            self.bits
        }
    }

    /// The character with this number; Go takes the bits as they are.
    fn character(self) -> char {
        u32::try_from(self.bits)
            .ok()
            .and_then(char::from_u32)
            .unwrap_or(REPLACEMENT)
    }
}

/// The digits that a whole number is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// `%b`
    Binary,
    /// `%o`
    Octal,
    /// `%O`: with `0o` before the digits.
    OctalWithPrefix,
    /// `%d`
    Decimal,
    /// `%x`
    Hexadecimal,
    /// `%X`
    HexadecimalUpper,
}

impl Base {
    fn digits(self, magnitude: u64) -> String {
        match self {
            Self::Binary => format!("{magnitude:b}"),
            Self::Octal | Self::OctalWithPrefix => format!("{magnitude:o}"),
            Self::Decimal => magnitude.to_string(),
            Self::Hexadecimal => format!("{magnitude:x}"),
            Self::HexadecimalUpper => format!("{magnitude:X}"),
        }
    }

    /// What the flag `#` puts before the digits.
    fn prefix(self, digits: &str) -> &'static str {
        match self {
            Self::Binary => "0b",
            Self::Octal | Self::OctalWithPrefix if !digits.starts_with('0') => "0",
            Self::Hexadecimal => "0x",
            Self::HexadecimalUpper => "0X",
            Self::Octal | Self::OctalWithPrefix | Self::Decimal => "",
        }
    }
}

impl Directive {
    /// A whole number in digits.
    pub fn write_integer(&self, out: &mut Buffer, number: Integer, base: Base) {
        let without_zeros = Self {
            zero: false,
            ..*self
        };
        if self.precision == Some(0) && number.bits == 0 {
            out.fill(b' ', self.width.unwrap_or(0));
            return;
        }
        let digits = base.digits(number.magnitude());
        let zeros = self.least_digits(number).saturating_sub(digits.len());
        let digits = format!("{}{digits}", "0".repeat(zeros));
        let sharp = if self.sharp { base.prefix(&digits) } else { "" };
        let octal = if base == Base::OctalWithPrefix {
            "0o"
        } else {
            ""
        };
        let sign = self.sign(number.is_negative());
        without_zeros.pad(out, format!("{sign}{octal}{sharp}{digits}").as_bytes());
    }

    fn least_digits(&self, number: Integer) -> usize {
        if let Some(precision) = self.precision {
            return precision;
        }
        match self.width {
            Some(width) if self.zero && !self.minus => {
                let sign = !self.sign(number.is_negative()).is_empty();
                width.saturating_sub(usize::from(sign))
            }
            _ => 0,
        }
    }

    fn sign(&self, negative: bool) -> &'static str {
        if negative {
            "-"
        } else if self.plus {
            "+"
        } else if self.space {
            " "
        } else {
            ""
        }
    }

    /// A whole number as `0x` and hexadecimal digits.
    pub fn write_address(&self, out: &mut Buffer, number: u64) {
        let directive = Self {
            sharp: true,
            ..*self
        };
        let number = Integer {
            bits: number,
            signed: false,
        };
        directive.write_integer(out, number, Base::Hexadecimal);
    }

    /// The character with this number: `%c`.
    pub fn write_character(&self, out: &mut Buffer, number: Integer) {
        self.pad(out, number.character().encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// The character with this number between quotes: `%q`.
    pub fn write_quoted_character(&self, out: &mut Buffer, number: Integer) {
        let plain = if self.plus {
            Plain::Ascii
        } else {
            Plain::Printable
        };
        self.pad(out, &quote_character(number.character(), plain));
    }

    /// The number as Unicode writes it: `%U`; with `#` also the character.
    pub fn write_unicode(&self, out: &mut Buffer, number: Integer) {
        let digits = self.precision.unwrap_or(4).max(4);
        let code = format!("{:X}", number.bits);
        let zeros = "0".repeat(digits.saturating_sub(code.len()));
        let character = u32::try_from(number.bits).ok().and_then(char::from_u32);
        let shown = match character {
            Some(character) if self.sharp && is_print(character) => format!(" '{character}'"),
            _ => String::new(),
        };
        let directive = Self {
            zero: false,
            ..*self
        };
        directive.pad(out, format!("U+{zeros}{code}{shown}").as_bytes());
    }
}
