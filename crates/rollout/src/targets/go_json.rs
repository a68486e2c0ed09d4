//! JSON as Go's `encoding/json` writes it, for digests that must equal
//! Flagger's.

use trueup_object::{Map, Value, to_json};

/// The text of a tree: keys in the order of their bytes, no spaces, and `<`,
/// `>`, `&`, U+2028 and U+2029 escaped.
pub(super) fn go_json(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => write_string(out, text),
        Value::List(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                separate(out, place);
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Map(map) => write_map(out, map),
        scalar => out.push_str(&String::from_utf8_lossy(&to_json(scalar))),
    }
}

fn write_map(out: &mut String, map: &Map) {
    out.push('{');
    for (place, (key, value)) in map.iter().enumerate() {
        separate(out, place);
        write_string(out, key);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

fn separate(out: &mut String, place: usize) {
    if place > 0 {
        out.push(',');
    }
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
