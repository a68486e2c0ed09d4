//! Objects and documents on standard output.

use crate::arguments::DocumentFormat;
use crate::commands::{Failure, said};
use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use trueup_object::{Value, to_yaml, value};

static READER_IS_GONE: AtomicBool = AtomicBool::new(false);

/// Whether somebody still reads standard output, as far as the last print
/// knows. What goes on printing for ever, such as `get --watch | head`, ends
/// when nobody does.
pub fn is_read() -> bool {
    !READER_IS_GONE.load(Ordering::Relaxed)
}

/// Prints a text, wholly: what can't be written, as to a full disk, is a
/// failure. A reader that closed the pipe has read enough.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    let written = output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            READER_IS_GONE.store(true, Ordering::Relaxed);
            Ok(())
        }
        written => written.map_err(|error| said(format!("write to standard output: {error}"))),
    }
}

/// Prints one value as a document.
pub fn print_value(value: &Value, format: DocumentFormat) -> Result<(), Failure> {
    print(&text(value, format))
}

/// Prints objects as kubectl does: a single one that was asked for by name as
/// it is, others as a `List`.
pub fn print_objects(
    objects: Vec<Value>,
    is_one: bool,
    format: DocumentFormat,
) -> Result<(), Failure> {
    let document = match <[Value; 1]>::try_from(objects) {
        Ok([object]) if is_one => object,
        Ok([object]) => list(vec![object]),
        Err(objects) => list(objects),
    };
    print_value(&document, format)
}

/// Prints one object as a document of a stream.
pub fn print_yaml_document(object: &Value) -> Result<(), Failure> {
    print(&format!("---\n{}", to_yaml(object)))
}

fn list(objects: Vec<Value>) -> Value {
    let items: Value = objects.into_iter().collect();
    value!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
}

fn text(value: &Value, format: DocumentFormat) -> String {
    match format {
        DocumentFormat::Yaml => to_yaml(value),
        DocumentFormat::Json => json(value),
    }
}

/// Four spaces a level, as kubectl.
fn json(value: &Value) -> String {
    let mut out = String::new();
    write_json(value, 0, &mut out);
    out.push('\n');
    out
}

fn write_json(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Map(map) if !map.is_empty() => {
            out.push('{');
            for (place, (key, value)) in map.iter().enumerate() {
                next_line(place, depth + 1, out);
                out.push_str(&scalar(&Value::String(key.clone())));
                out.push_str(": ");
                write_json(value, depth + 1, out);
            }
            end_line(depth, out);
            out.push('}');
        }
        Value::List(items) if !items.is_empty() => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                next_line(place, depth + 1, out);
                write_json(item, depth + 1, out);
            }
            end_line(depth, out);
            out.push(']');
        }
        other => out.push_str(&scalar(other)),
    }
}

fn next_line(place: usize, depth: usize, out: &mut String) {
    if place > 0 {
        out.push(',');
    }
    end_line(depth, out);
}

fn end_line(depth: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("    ", depth));
}

fn scalar(value: &Value) -> String {
    String::from_utf8_lossy(&trueup_object::to_json(value)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_set_out_as_kubectl_does() {
        let value = value!({"a": [1, {"b": "\"x\""}], "c": {}, "d": []});
        let expected = "{\n    \"a\": [\n        1,\n        {\n            \"b\": \"\\\"x\\\"\"\n        \
                        }\n    ],\n    \"c\": {},\n    \"d\": []\n}\n";
        assert_eq!(json(&value), expected);
    }
}
