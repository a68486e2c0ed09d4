//! Formats: which operand each directive takes.

use super::printer::Printer;
use crate::value::Value;
use trueup_gocompat::fmt::{Buffer, Directive, MAX_FIELD};
use trueup_gocompat::utf8::decode_first;

/// `fmt.Fprintf`
pub(crate) fn printf(out: &mut Buffer, format: &[u8], operands: &[&Value]) {
    let mut run = Run {
        printer: Printer::new(out),
        format,
        position: 0,
        operands,
        next: 0,
        reordered: false,
        index_fits: true,
        after_index: false,
    };
    while run.directive() {}
    run.extra_operands();
}

/// A format at one moment.
struct Run<'b, 'f> {
    printer: Printer<'b>,
    format: &'f [u8],
    position: usize,
    operands: &'f [&'f Value],
    /// The operand to take.
    next: usize,
    /// Whether any directive named its operand by index.
    reordered: bool,
    /// Whether the indexes of the directive at hand fit.
    index_fits: bool,
    /// Whether an index stands just before.
    after_index: bool,
}

/// A width or precision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Field {
    Absent,
    Number(usize),
    /// From an operand below zero: padding to the right.
    Negative(usize),
    /// An asterisk without a number for it.
    Bad,
}

impl Run<'_, '_> {
    fn rest(&self) -> &[u8] {
        &self.format[self.position..]
    }

    fn write(&mut self, text: &str) {
        self.printer.out.write(text.as_bytes());
    }

    /// Text up to a directive, and the directive; false at the end.
    fn directive(&mut self) -> bool {
        let rest = &self.format[self.position..];
        let length = rest.iter().position(|byte| *byte == b'%');
        let text = &rest[..length.unwrap_or(rest.len())];
        self.printer.out.write(text);
        self.position += text.len() + 1;
        if length.is_none() || self.printer.out.overflowed() {
            return false;
        }
        self.index_fits = true;
        self.after_index = false;
        self.flags();
        self.index();
        self.width();
        self.precision();
        if !self.after_index {
            self.index();
        }
        let Some((verb, length)) = decode_first(self.rest()) else {
            self.write("%!(NOVERB)");
            return false;
        };
        self.position += length;
        self.operand(verb);
        true
    }

    fn flags(&mut self) {
        let mut directive = Directive::default();
        while let Some(byte) = self.rest().first() {
            match byte {
                b'#' => directive.sharp = true,
                b'0' => directive.zero = true,
                b'+' => directive.plus = true,
                b'-' => directive.minus = true,
                b' ' => directive.space = true,
                _ => break,
            }
            self.position += 1;
        }
        self.printer.directive = directive;
    }

    /// `[3]`: which operand comes next.
    fn index(&mut self) {
        self.after_index = false;
        if self.rest().first() != Some(&b'[') {
            return;
        }
        self.reordered = true;
        if self.rest().len() < 3 {
            self.position += 1;
            self.index_fits = false;
            return;
        }
        let Some(end) = self.rest().iter().position(|byte| *byte == b']') else {
            self.position += 1;
            self.index_fits = false;
            return;
        };
        let digits = &self.rest()[1..end];
        let read = number(digits);
        self.position += end + 1;
        match read {
            Some((number, length)) if length + 1 == end => {
                self.after_index = true;
                if (1..=self.operands.len()).contains(&number) {
                    self.next = number - 1;
                } else {
                    self.index_fits = false;
                }
            }
            _ => self.index_fits = false,
        }
    }

    fn width(&mut self) {
        let named = self.after_index;
        let field = self.field();
        let directive = &mut self.printer.directive;
        match field {
            Field::Absent => {}
            Field::Number(width) => {
                directive.width = Some(width);
                // An index goes with the verb, not with digits.
                self.index_fits &= !named || self.format[self.position - 1] == b'*';
            }
            Field::Negative(width) => {
                directive.width = Some(width);
                directive.minus = true;
                directive.zero = false;
            }
            Field::Bad => self.write("%!(BADWIDTH)"),
        }
    }

    fn precision(&mut self) {
        // A point at the very end is the verb.
        if self.rest().first() != Some(&b'.') || self.rest().len() < 2 {
            return;
        }
        self.position += 1;
        if self.after_index {
            self.index_fits = false;
        }
        self.index();
        let field = self.field();
        self.printer.directive.precision = match field {
            Field::Absent => Some(0),
            Field::Number(precision) => Some(precision),
            Field::Negative(_) | Field::Bad => None,
        };
        if matches!(field, Field::Negative(_) | Field::Bad) {
            self.write("%!(BADPREC)");
        }
    }

    /// Digits, or an asterisk that takes an operand.
    fn field(&mut self) -> Field {
        if self.rest().first() == Some(&b'*') {
            self.position += 1;
            self.after_index = false;
            return self.field_of_operand();
        }
        match number(self.rest()) {
            Some((number, length)) => {
                self.position += length;
                Field::Number(number)
            }
            None => {
                if self.rest().first().is_some_and(u8::is_ascii_digit) {
                    // Too large a number takes the rest of the format with it.
                    self.position = self.format.len();
                }
                Field::Absent
            }
        }
    }

    fn field_of_operand(&mut self) -> Field {
        let Some(operand) = self.operands.get(self.next) else {
            return Field::Bad;
        };
        self.next += 1;
        let number = match operand {
            Value::Integer(number, _) => Some(*number),
            Value::Unsigned(number, _) => i64::try_from(*number).ok(),
            _ => None,
        };
        let Some(number) = number else {
            return Field::Bad;
        };
        match usize::try_from(number.unsigned_abs()) {
            Ok(magnitude) if magnitude > MAX_FIELD => Field::Bad,
            Ok(magnitude) if number < 0 => Field::Negative(magnitude),
            Ok(magnitude) => Field::Number(magnitude),
            Err(_) => Field::Bad,
        }
    }

    fn operand(&mut self, verb: char) {
        if verb == '%' {
            return self.write("%");
        }
        if !self.index_fits {
            return self.write(&format!("%!{verb}(BADINDEX)"));
        }
        let Some(operand) = self.operands.get(self.next) else {
            return self.write(&format!("%!{verb}(MISSING)"));
        };
        self.next += 1;
        if matches!(verb, 'v' | 'w') {
            let directive = &mut self.printer.directive;
            directive.as_source = std::mem::take(&mut directive.sharp);
            directive.names_fields = std::mem::take(&mut directive.plus);
        }
        self.printer.argument(operand, verb);
    }

    /// Operands that no directive took. Where directives named theirs, Go
    /// doesn't look.
    fn extra_operands(&mut self) {
        let extra = self.operands.get(self.next..).unwrap_or_default();
        if self.reordered || extra.is_empty() {
            return;
        }
        self.printer.directive = Directive::default();
        self.write("%!(EXTRA ");
        for (index, operand) in extra.iter().enumerate() {
            if index > 0 {
                self.write(", ");
            }
            match operand.type_of() {
                None => self.write("<nil>"),
                Some(of) => {
                    self.write(&format!("{of}="));
                    self.printer.argument(operand, 'v');
                }
            }
        }
        self.write(")");
    }
}

/// The number that the text begins with and its length; `None` where there is
/// none, or where it is too large.
fn number(text: &[u8]) -> Option<(usize, usize)> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut number = 0;
    for digit in &text[..length] {
        if number > MAX_FIELD {
            return None;
        }
        number = number * 10 + usize::from(digit - b'0');
    }
    (length > 0).then_some((number, length))
}
