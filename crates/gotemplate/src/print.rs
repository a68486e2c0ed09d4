//! Values printed as Go's `fmt` prints them.
//!
//! Addresses are not: they would differ from run to run. Where Go prints one
//! (functions, `%p`), there is the form that it has for a verb that doesn't
//! fit the type.

mod printer;
mod printf;

use crate::value::Value;
use printer::Printer;
use trueup_gocompat::fmt::Buffer;

pub(crate) use printf::printf;

/// A message holds no more of a value than this.
const MAX_SHOWN_BYTES: usize = 64 << 10;

/// The value as `fmt.Fprint` prints it alone.
pub(crate) fn print(out: &mut Buffer, value: &Value) {
    Printer::new(out).argument(value, 'v');
}

/// The value as `%v` or `%s` prints it, for a message.
pub(crate) fn shown(value: &Value, verb: char) -> String {
    let mut out = Buffer::new(MAX_SHOWN_BYTES);
    Printer::new(&mut out).value(value, verb);
    String::from_utf8_lossy(out.as_bytes()).into_owned()
}

/// `fmt.Sprint`: a space between two that are no texts.
pub(crate) fn print_all(out: &mut Buffer, values: &[&Value]) {
    let mut after_text = true;
    for value in values {
        let is_text = matches!(value, Value::String(_));
        if !is_text && !after_text {
            out.write(b" ");
        }
        print(out, value);
        after_text = is_text;
    }
}

/// `fmt.Sprintln`: a space between any two, and a newline.
pub(crate) fn print_line(out: &mut Buffer, values: &[&Value]) {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.write(b" ");
        }
        print(out, value);
    }
    out.write(b"\n");
}

/// What an action would print, of each value.
pub(crate) fn as_printed(out: &mut Buffer, values: &[&Value]) {
    let absent = Value::from("<no value>");
    let shown: Vec<&Value> = values
        .iter()
        .map(|value| match value {
            Value::Nil => &absent,
            value => *value,
        })
        .collect();
    print_all(out, &shown);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_print_as_go_prints_them() {
        let bytes = Value::Bytes(b"a\xff".as_slice().into());
        for (format, expected) in [
            ("%v", "[97 255]"),
            ("%#v", "[]byte{0x61, 0xff}"),
            ("%#w", "[]uint8{%!w(uint8=0x61), %!w(uint8=0xff)}"),
            ("%x", "61ff"),
            ("%q", r#""a\xff""#),
        ] {
            let mut out = Buffer::new(100);
            printf(&mut out, format.as_bytes(), &[&bytes]);
            assert_eq!(out.as_bytes(), expected.as_bytes(), "{format}");
        }
    }
}
