//! One value under one directive.

use crate::types::{Type, UnsignedType};
use crate::value::{List, Map, Object, Value};
use trueup_gocompat::fmt::{Base, Buffer, Directive, Integer};

pub(super) struct Printer<'b> {
    pub(super) out: &'b mut Buffer,
    pub(super) directive: Directive,
    /// Within the form for a verb that doesn't fit, objects don't speak for
    /// themselves.
    complaining: bool,
}

impl<'b> Printer<'b> {
    pub(super) fn new(out: &'b mut Buffer) -> Self {
        Self {
            out,
            directive: Directive::default(),
            complaining: false,
        }
    }

    /// A value that stands alone: an operand.
    pub(super) fn argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'v' | 'T') => self.directive.pad(self.out, b"<nil>"),
            (Value::Nil, _) => self.unfit(value, verb),
            (_, 'T') => {
                let of = value.type_of().unwrap_or(Type::Any).to_string();
                self.directive.write_text(self.out, of.as_bytes());
            }
            (_, 'p') => self.unfit(value, verb),
            (Value::List(_) | Value::Map(_) | Value::Object(_) | Value::Function(_), 'w') => {
                self.unfit(value, verb);
            }
            (Value::Bytes(bytes), 'v') if self.directive.as_source => {
                self.bytes_as_source(bytes, "[]byte");
            }
            _ => self.value(value, verb),
        }
    }

    /// A value that may be within another.
    pub(super) fn value(&mut self, value: &Value, verb: char) {
        // What is over the limit needs no further work.
        if self.out.overflowed() {
            return;
        }
        match value {
            Value::Nil if self.directive.as_source => self.out.write(b"interface {}(nil)"),
            Value::Nil => self.out.write(b"<nil>"),
            Value::Bool(flag) if matches!(verb, 't' | 'v') => {
                self.directive.write_boolean(self.out, *flag);
            }
            Value::Integer(number, _) => {
                let bits = number.cast_unsigned();
                self.integer(value, Integer { bits, signed: true }, verb);
            }
            Value::Unsigned(bits, _) => {
                let (bits, signed) = (*bits, false);
                self.integer(value, Integer { bits, signed }, verb);
            }
            Value::Float(number) => match verb {
                'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E' => {
                    self.directive.write_float(self.out, *number, verb);
                }
                _ => self.unfit(value, verb),
            },
            Value::Complex(real, imaginary) => self.complex(value, *real, *imaginary, verb),
            Value::String(text) => self.text(value, text, verb),
            Value::Bytes(bytes) => self.bytes(value, bytes, verb),
            Value::List(list) => self.list(list, verb),
            Value::Map(map) => self.map(map, verb),
            Value::Object(object) => self.object(&**object, verb),
            Value::Bool(_) | Value::Function(_) => self.unfit(value, verb),
        }
    }

    /// The form for a verb that doesn't fit the type: `%!d(string=a)`.
    fn unfit(&mut self, value: &Value, verb: char) {
        self.out.write(format!("%!{verb}(").as_bytes());
        match value.type_of() {
            None => self.out.write(b"<nil>"),
            Some(of @ Type::Function(_)) => self.out.write(of.to_string().as_bytes()),
            Some(of) => {
                self.out.write(format!("{of}=").as_bytes());
                let complaining = std::mem::replace(&mut self.complaining, true);
                self.value(value, 'v');
                self.complaining = complaining;
            }
        }
        self.out.write(b")");
    }

    fn integer(&mut self, value: &Value, number: Integer, verb: char) {
        let base = match verb {
            'v' if self.directive.as_source && !number.signed => {
                return self.directive.write_address(self.out, number.bits);
            }
            'v' | 'd' => Base::Decimal,
            'b' => Base::Binary,
            'o' => Base::Octal,
            'O' => Base::OctalWithPrefix,
            'x' => Base::Hexadecimal,
            'X' => Base::HexadecimalUpper,
            'c' => return self.directive.write_character(self.out, number),
            'q' => return self.directive.write_quoted_character(self.out, number),
            'U' => return self.directive.write_unicode(self.out, number),
            _ => return self.unfit(value, verb),
        };
        self.directive.write_integer(self.out, number, base);
    }

    fn complex(&mut self, value: &Value, real: f64, imaginary: f64, verb: char) {
        if !matches!(
            verb,
            'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E'
        ) {
            return self.unfit(value, verb);
        }
        self.out.write(b"(");
        self.directive.write_float(self.out, real, verb);
        let signed = Directive {
            plus: true,
            ..self.directive
        };
        signed.write_float(self.out, imaginary, verb);
        self.out.write(b"i)");
    }

    fn text(&mut self, value: &Value, text: &[u8], verb: char) {
        match verb {
            'v' if self.directive.as_source => self.directive.write_quoted(self.out, text),
            'v' | 's' => self.directive.write_text(self.out, text),
            'q' => self.directive.write_quoted(self.out, text),
            'x' => self.directive.write_hexadecimal(self.out, text),
            'X' => self.directive.write_upper_hexadecimal(self.out, text),
            _ => self.unfit(value, verb),
        }
    }

    fn bytes(&mut self, value: &Value, bytes: &[u8], verb: char) {
        match verb {
            's' | 'q' | 'x' | 'X' => self.text(value, bytes, verb),
            'v' if self.directive.as_source => self.bytes_as_source(bytes, "[]uint8"),
            _ => {
                let numbers = bytes
                    .iter()
                    .map(|byte| Value::Unsigned(u64::from(*byte), UnsignedType::Uint8));
                self.list(&List::new(Type::BYTE, numbers), verb);
            }
        }
    }

    fn bytes_as_source(&mut self, bytes: &[u8], of: &str) {
        self.out.write(format!("{of}{{").as_bytes());
        for (index, byte) in bytes.iter().enumerate() {
            let separator: &[u8] = if index > 0 { b", " } else { b"" };
            self.out.write(separator);
            self.directive.write_address(self.out, u64::from(*byte));
        }
        self.out.write(b"}");
    }

    /// What stands between two of a list or map.
    fn separate(&mut self, index: usize) {
        let separator: &[u8] = match (index, self.directive.as_source) {
            (0, _) => b"",
            (_, true) => b", ",
            (_, false) => b" ",
        };
        self.out.write(separator);
    }

    fn list(&mut self, list: &List, verb: char) {
        if self.directive.as_source {
            let of = format!("[]{}{{", list.element());
            self.out.write(of.as_bytes());
        } else {
            self.out.write(b"[");
        }
        for (index, item) in list.items().iter().enumerate() {
            self.separate(index);
            self.value(item, verb);
        }
        self.out
            .write(if self.directive.as_source { b"}" } else { b"]" });
    }

    fn map(&mut self, map: &Map, verb: char) {
        if self.directive.as_source {
            let of = format!("map[string]{}{{", map.element());
            self.out.write(of.as_bytes());
        } else {
            self.out.write(b"map[");
        }
        for (index, (key, value)) in map.entries().iter().enumerate() {
            self.separate(index);
            self.value(&Value::String(key.clone()), verb);
            self.out.write(b":");
            self.value(value, verb);
        }
        self.out
            .write(if self.directive.as_source { b"}" } else { b"]" });
    }

    fn object(&mut self, object: &dyn Object, verb: char) {
        let speaks = !self.complaining
            && !self.directive.as_source
            && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q');
        if speaks && let Some(text) = object.text() {
            return self.text(&Value::Nil, &text, verb);
        }
        if self.directive.as_source {
            self.out.write(object.type_name().as_bytes());
        }
        self.out.write(b"{");
        for (index, (name, value)) in object.fields().iter().enumerate() {
            self.separate(index);
            if self.directive.names_fields || self.directive.as_source {
                self.out.write(format!("{name}:").as_bytes());
            }
            self.value(value, verb);
        }
        self.out.write(b"}");
    }
}
