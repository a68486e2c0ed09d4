//! Flags, width and precision, and what they do to text and floats.

use super::{Buffer, FloatForm, format_float_as};
use crate::quote::{Plain, can_backquote, quote};
use crate::utf8::{count_characters, first_characters};

/// What stands between the percent sign and the verb.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Directive {
    /// The least number of characters.
    pub width: Option<usize>,
    /// Digits, or the largest number of characters.
    pub precision: Option<usize>,
    /// `-`: padding goes to the right.
    pub minus: bool,
    /// `+`: positive numbers have a sign, quoted text is ASCII.
    pub plus: bool,
    /// `#`: another form.
    pub sharp: bool,
    /// A space: room for the sign.
    pub space: bool,
    /// `0`: padding on the left is zeros.
    pub zero: bool,
    /// `%+v`: fields are named.
    pub names_fields: bool,
    /// `%#v`: the value as Go's source would have it.
    pub as_source: bool,
}

/// The case of hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Digits {
    Lower,
    Upper,
}

impl Directive {
    /// Writes the text with as much padding as the width asks for.
    pub fn pad(&self, out: &mut Buffer, text: &[u8]) {
        let missing = match self.width {
            Some(width) => width.saturating_sub(count_characters(text)),
            None => 0,
        };
        if self.minus {
            out.write(text);
            out.fill(b' ', missing);
        } else {
            out.fill(self.padding(), missing);
            out.write(text);
        }
    }

    fn padding(&self) -> u8 {
        if self.zero && !self.minus { b'0' } else { b' ' }
    }

    /// Text: `%s`.
    pub fn write_text(&self, out: &mut Buffer, text: &[u8]) {
        self.pad(out, self.cut(text));
    }

    fn cut<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        match self.precision {
            Some(precision) => first_characters(text, precision),
            None => text,
        }
    }

    /// Text as a literal: `%q`.
    pub fn write_quoted(&self, out: &mut Buffer, text: &[u8]) {
        let text = self.cut(text);
        if self.sharp && can_backquote(text) {
            return self.pad(out, &[b"`", text, b"`"].concat());
        }
        let plain = if self.plus {
            Plain::Ascii
        } else {
            Plain::Printable
        };
        self.pad(out, &quote(text, plain));
    }

    /// The bytes of a text in hexadecimal digits: `%x`.
    pub fn write_hexadecimal(&self, out: &mut Buffer, text: &[u8]) {
        self.write_bytes(out, text, Digits::Lower);
    }

    /// The bytes of a text in upper hexadecimal digits: `%X`.
    pub fn write_upper_hexadecimal(&self, out: &mut Buffer, text: &[u8]) {
        self.write_bytes(out, text, Digits::Upper);
    }

    fn write_bytes(&self, out: &mut Buffer, text: &[u8], digits: Digits) {
        let text = &text[..self.precision.unwrap_or(usize::MAX).min(text.len())];
        let prefix = match (self.sharp, digits) {
            (false, _) => "",
            (true, Digits::Lower) => "0x",
            (true, Digits::Upper) => "0X",
        };
        let mut written = String::with_capacity(2 * text.len());
        for (index, byte) in text.iter().enumerate() {
            if self.space && index > 0 {
                written.push(' ');
            }
            if self.space || index == 0 {
                written.push_str(prefix);
            }
            written.push_str(&match digits {
                Digits::Lower => format!("{byte:02x}"),
                Digits::Upper => format!("{byte:02X}"),
            });
        }
        self.pad(out, written.as_bytes());
    }

    /// `true` or `false`: `%t`.
    pub fn write_boolean(&self, out: &mut Buffer, value: bool) {
        self.pad(out, if value { b"true" } else { b"false" });
    }

    /// A float. `precision` holds where the directive has none; `upper` makes
    /// letters large.
    pub fn write_float(&self, out: &mut Buffer, value: f64, verb: char) {
        let (form, precision) = match verb {
            'e' | 'E' => (FloatForm::Scientific, Some(6)),
            'f' | 'F' => (FloatForm::Positional, Some(6)),
            'b' => (FloatForm::Binary, None),
            'x' | 'X' => (FloatForm::Hexadecimal, None),
            _ => (FloatForm::General, None),
        };
        let precision = self.precision.or(precision);
        let text = format_float_as(value, form, precision);
        let (negative, text) = match text.strip_prefix(['-', '+']) {
            Some(unsigned) => (text.starts_with('-'), unsigned.to_owned()),
            None => (false, text),
        };
        if !value.is_finite() {
            return self.write_special(out, negative, &text);
        }
        let upper = matches!(verb, 'E' | 'G' | 'X');
        let text = if upper {
            text.to_ascii_uppercase()
        } else {
            text
        };
        let text = if self.sharp && verb != 'b' {
            with_point(&text, verb, precision)
        } else {
            text
        };
        self.write_signed(out, negative, &text);
    }

    fn write_signed(&self, out: &mut Buffer, negative: bool, text: &str) {
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let length = 1 + text.len();
        match self.width {
            // Zeros go between sign and digits.
            Some(width) if !sign.is_empty() && self.padding() == b'0' && width > length => {
                out.write(sign.as_bytes());
                out.fill(b'0', width - length);
                out.write(text.as_bytes());
            }
            _ => self.pad(out, format!("{sign}{text}").as_bytes()),
        }
    }

    /// `NaN` and infinities, which are never padded with zeros.
    fn write_special(&self, out: &mut Buffer, negative: bool, word: &str) {
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ if word == "Inf" => "+",
            _ => "",
        };
        let directive = Self {
            zero: false,
            ..*self
        };
        directive.pad(out, format!("{sign}{word}").as_bytes());
    }
}

/// What the flag `#` makes of a float: always a point, and zeros at the end of
/// the general form.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let hexadecimal = matches!(verb, 'x' | 'X');
    let exponent: &[char] = if hexadecimal {
        &['p', 'P']
    } else {
        &['e', 'E']
    };
    let (number, tail) = match text.find(exponent) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let wanted = match verb {
        'v' | 'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let significant = number
        .chars()
        .filter(|c| *c != '.')
        .skip_while(|c| *c == '0')
        .count();
    let has_point = number.contains('.');
    let lone_zero = usize::from(!has_point && number == "0");
    let zeros = wanted.saturating_sub(significant + lone_zero);
    let point = if has_point { "" } else { "." };
    format!("{number}{point}{}{tail}", "0".repeat(zeros))
}

#[cfg(test)]
mod tests {
    use super::super::{Base, Integer};
    use super::*;

    fn written(write: impl FnOnce(&mut Buffer)) -> String {
        let mut out = Buffer::new(1_000);
        write(&mut out);
        String::from_utf8(out.into_bytes().unwrap()).unwrap()
    }

    fn width(width: usize) -> Directive {
        Directive {
            width: Some(width),
            ..Directive::default()
        }
    }

    #[test]
    fn text_is_padded_cut_and_quoted() {
        let precise = Directive {
            precision: Some(2),
            minus: true,
            ..width(4)
        };
        assert_eq!(
            written(|out| width(4).write_text(out, "é".as_bytes())),
            "   é"
        );
        assert_eq!(
            written(|out| precise.write_text(out, "héllo".as_bytes())),
            "hé  "
        );
        assert_eq!(written(|out| precise.write_quoted(out, b"abc")), "\"ab\"");
        let spaced = Directive {
            sharp: true,
            space: true,
            ..Directive::default()
        };
        assert_eq!(
            written(|out| spaced.write_hexadecimal(out, b"ab")),
            "0x61 0x62"
        );
    }

    #[test]
    fn numbers_are_padded_after_their_sign() {
        let zeros = Directive {
            zero: true,
            ..width(6)
        };
        let number = Integer {
            bits: (-42i64).cast_unsigned(),
            signed: true,
        };
        assert_eq!(
            written(|out| zeros.write_integer(out, number, Base::Decimal)),
            "-00042"
        );
        assert_eq!(
            written(|out| width(6).write_integer(out, number, Base::Octal)),
            "   -52"
        );
        assert_eq!(written(|out| zeros.write_float(out, -1.5, 'g')), "-001.5");
        assert_eq!(
            written(|out| zeros.write_float(out, f64::INFINITY, 'g')),
            "  +Inf"
        );
        let sharp = Directive {
            sharp: true,
            ..Directive::default()
        };
        assert_eq!(written(|out| sharp.write_float(out, 1.0, 'g')), "1.00000");
        assert_eq!(written(|out| sharp.write_float(out, 0.0, 'g')), "0.00000");
        assert_eq!(
            written(|out| sharp.write_unicode(
                out,
                Integer {
                    bits: 0x2603,
                    signed: true
                }
            )),
            "U+2603 '☃'"
        );
    }

    #[test]
    fn a_buffer_keeps_its_limit() {
        let mut out = Buffer::new(3);
        out.write(b"ab");
        out.fill(b'x', 1_000_000);
        out.write(b"c");
        assert!(out.overflowed() && out.len() == 2 && !out.is_empty());
        assert_eq!(out.into_bytes(), None);
    }
}
