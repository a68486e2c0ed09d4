//! The OpenAPI v2 document as the protobuf message that `kubectl` asks for.
//!
//! The messages and the numbers of their fields are those of
//! `openapi.v2.Document` (OpenAPIv2.proto of the OpenAPI initiative's gnostic
//! project). What a message leaves open (defaults, extensions) stands in it
//! as a text in YAML, of which JSON is a part.

use trueup_object::{Map, Value, to_json};

/// The media type of the message, as clients spell it and as it is answered.
pub const MEDIA_TYPES: [&str; 2] = [
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
];

/// The fields of a message: key in JSON, number, form.
struct Message {
    fields: &'static [(&'static str, u64, Form)],
    /// The number of the field that takes what begins with `x-`.
    extensions: u64,
}

/// How a value is written.
enum Form {
    Text,
    Texts,
    Truth,
    Whole,
    Float,
    /// Anything, as YAML.
    Any,
    Anys,
    /// A message inside messages with one field each, of these numbers.
    Message(&'static [u64], &'static Message),
    Messages(&'static Message),
    /// A message whose field of this number repeats a name with a value; the
    /// value is inside messages of the numbers.
    Named(u64, &'static [u64], &'static Message),
    /// A type or several.
    Type,
    /// A truth or a schema.
    TruthOrSchema,
    /// Parameters, each in a message by its place.
    Parameters,
}

static DOCUMENT: Message = Message {
    fields: &[
        ("swagger", 1, Form::Text),
        ("info", 2, Form::Message(&[], &INFO)),
        ("paths", 8, Form::Named(2, &[], &PATH_ITEM)),
        ("definitions", 9, Form::Named(1, &[], &SCHEMA)),
    ],
    extensions: 16,
};

static INFO: Message = Message {
    fields: &[("title", 1, Form::Text), ("version", 2, Form::Text)],
    extensions: 7,
};

static PATH_ITEM: Message = Message {
    fields: &[
        ("get", 2, Form::Message(&[], &OPERATION)),
        ("put", 3, Form::Message(&[], &OPERATION)),
        ("post", 4, Form::Message(&[], &OPERATION)),
        ("delete", 5, Form::Message(&[], &OPERATION)),
        ("options", 6, Form::Message(&[], &OPERATION)),
        ("head", 7, Form::Message(&[], &OPERATION)),
        ("patch", 8, Form::Message(&[], &OPERATION)),
        ("parameters", 9, Form::Parameters),
    ],
    extensions: 10,
};

static OPERATION: Message = Message {
    fields: &[
        ("tags", 1, Form::Texts),
        ("description", 3, Form::Text),
        ("operationId", 5, Form::Text),
        ("produces", 6, Form::Texts),
        ("consumes", 7, Form::Texts),
        ("parameters", 8, Form::Parameters),
        ("responses", 9, Form::Named(1, &[1], &RESPONSE)),
        ("schemes", 10, Form::Texts),
    ],
    extensions: 13,
};

static RESPONSE: Message = Message {
    fields: &[
        ("description", 1, Form::Text),
        ("schema", 2, Form::Message(&[1], &SCHEMA)),
    ],
    extensions: 5,
};

static BODY_PARAMETER: Message = Message {
    fields: &[
        ("description", 1, Form::Text),
        ("name", 2, Form::Text),
        ("in", 3, Form::Text),
        ("required", 4, Form::Truth),
        ("schema", 5, Form::Message(&[], &SCHEMA)),
    ],
    extensions: 6,
};

static QUERY_PARAMETER: Message = Message {
    fields: &[
        ("required", 1, Form::Truth),
        ("in", 2, Form::Text),
        ("description", 3, Form::Text),
        ("name", 4, Form::Text),
        ("type", 6, Form::Text),
        ("uniqueItems", 20, Form::Truth),
    ],
    extensions: 23,
};

static PATH_PARAMETER: Message = Message {
    fields: &[
        ("required", 1, Form::Truth),
        ("in", 2, Form::Text),
        ("description", 3, Form::Text),
        ("name", 4, Form::Text),
        ("type", 5, Form::Text),
        ("uniqueItems", 19, Form::Truth),
    ],
    extensions: 22,
};

static SCHEMA: Message = Message {
    fields: &[
        ("$ref", 1, Form::Text),
        ("format", 2, Form::Text),
        ("title", 3, Form::Text),
        ("description", 4, Form::Text),
        ("default", 5, Form::Any),
        ("multipleOf", 6, Form::Float),
        ("maximum", 7, Form::Float),
        ("exclusiveMaximum", 8, Form::Truth),
        ("minimum", 9, Form::Float),
        ("exclusiveMinimum", 10, Form::Truth),
        ("maxLength", 11, Form::Whole),
        ("minLength", 12, Form::Whole),
        ("pattern", 13, Form::Text),
        ("maxItems", 14, Form::Whole),
        ("minItems", 15, Form::Whole),
        ("uniqueItems", 16, Form::Truth),
        ("maxProperties", 17, Form::Whole),
        ("minProperties", 18, Form::Whole),
        ("required", 19, Form::Texts),
        ("enum", 20, Form::Anys),
        ("additionalProperties", 21, Form::TruthOrSchema),
        ("type", 22, Form::Type),
        ("items", 23, Form::Message(&[1], &SCHEMA)),
        ("allOf", 24, Form::Messages(&SCHEMA)),
        ("properties", 25, Form::Named(1, &[], &SCHEMA)),
        ("example", 30, Form::Any),
    ],
    extensions: 31,
};

/// The document as bytes.
pub fn encode(document: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(map) = document.as_map() {
        write_message(&mut bytes, &DOCUMENT, map);
    }
    bytes
}

fn write_message(bytes: &mut Vec<u8>, message: &Message, map: &Map) {
    for (key, number, form) in message.fields {
        if let Some(value) = map.get(key) {
            write_field(bytes, *number, form, value);
        }
    }
    for (key, value) in map.iter().filter(|(key, _)| key.starts_with("x-")) {
        let mut named = Vec::new();
        write_bytes(&mut named, 1, key.as_bytes());
        write_bytes(&mut named, 2, &any(value));
        write_bytes(bytes, message.extensions, &named);
    }
}

fn write_field(bytes: &mut Vec<u8>, number: u64, form: &Form, value: &Value) {
    match (form, value) {
        (Form::Text, Value::String(text)) => write_bytes(bytes, number, text.as_bytes()),
        (Form::Texts, Value::List(_)) => write_texts(bytes, number, value),
        (Form::Truth, Value::Bool(truth)) => write_number(bytes, number, u64::from(*truth)),
        (Form::Whole, value) => {
            let whole = value.as_i64().and_then(|it| u64::try_from(it).ok());
            whole
                .into_iter()
                .for_each(|it| write_number(bytes, number, it));
        }
        (Form::Float, value) => {
            if let Some(float) = float(value) {
                write_varint(bytes, number << 3 | 1);
                bytes.extend(float.to_le_bytes());
            }
        }
        (Form::Any, value) => write_bytes(bytes, number, &any(value)),
        (Form::Anys, Value::List(list)) => list
            .iter()
            .for_each(|item| write_bytes(bytes, number, &any(item))),
        (Form::Message(inside, message), Value::Map(map)) => {
            write_bytes(bytes, number, &wrapped(inside, message, map));
        }
        (Form::Messages(message), Value::List(list)) => list
            .iter()
            .filter_map(Value::as_map)
            .for_each(|map| write_bytes(bytes, number, &wrapped(&[], message, map))),
        (Form::Named(entry, inside, message), Value::Map(map)) => {
            write_bytes(bytes, number, &named(*entry, inside, message, map));
        }
        (Form::Type, value) => {
            let mut types = Vec::new();
            write_texts(&mut types, 1, value);
            write_bytes(bytes, number, &types);
        }
        (Form::TruthOrSchema, value) => {
            let mut either = Vec::new();
            match value {
                Value::Bool(truth) => write_number(&mut either, 2, u64::from(*truth)),
                other => write_field(&mut either, 1, &Form::Message(&[], &SCHEMA), other),
            }
            write_bytes(bytes, number, &either);
        }
        (Form::Parameters, Value::List(list)) => list
            .iter()
            .filter_map(Value::as_map)
            .for_each(|map| write_bytes(bytes, number, &parameter(map))),
        // A value of another type says nothing here.
        _ => {}
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(float) => Some(*float),
        Value::Integer(whole) => Some(*whole as f64),
        _ => None,
    }
}

fn write_texts(bytes: &mut Vec<u8>, number: u64, value: &Value) {
    let texts = value.as_list().unwrap_or(std::slice::from_ref(value));
    for text in texts.iter().filter_map(Value::as_str) {
        write_bytes(bytes, number, text.as_bytes());
    }
}

/// A parameter by its place.
fn parameter(map: &Map) -> Vec<u8> {
    match map.get("in").and_then(Value::as_str) {
        Some("body") => wrapped(&[1, 1], &BODY_PARAMETER, map),
        Some("path") => wrapped(&[1, 2, 4], &PATH_PARAMETER, map),
        _ => wrapped(&[1, 2, 3], &QUERY_PARAMETER, map),
    }
}

/// Names with their values, each value inside messages of the numbers.
fn named(entry: u64, inside: &[u64], message: &Message, map: &Map) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, value) in map.iter() {
        let mut one = Vec::new();
        write_bytes(&mut one, 1, name.as_bytes());
        if let Some(map) = value.as_map() {
            write_bytes(&mut one, 2, &wrapped(inside, message, map));
        }
        write_bytes(&mut all, entry, &one);
    }
    all
}

fn wrapped(inside: &[u64], message: &Message, map: &Map) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_message(&mut bytes, message, map);
    for number in inside.iter().rev() {
        let mut outer = Vec::with_capacity(bytes.len() + 6);
        write_bytes(&mut outer, *number, &bytes);
        bytes = outer;
    }
    bytes
}

/// A value as a text in YAML.
fn any(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_bytes(&mut bytes, 2, &to_json(value));
    bytes
}

fn write_number(bytes: &mut Vec<u8>, number: u64, value: u64) {
    write_varint(bytes, number << 3);
    write_varint(bytes, value);
}

fn write_bytes(bytes: &mut Vec<u8>, number: u64, value: &[u8]) {
    write_varint(bytes, number << 3 | 2);
    write_varint(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        // The low seven bits; the eighth says that more follow.
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::encode;
    use trueup_object::value;

    #[test]
    fn a_definition_is_named_and_its_parts_are_numbered() {
        let document = value!({
            "swagger": "2.0",
            "definitions": {"a": {"type": "object", "properties": {"b": {"$ref": "c"}}, "x-d": [1]}}
        });
        let b = [b"\x0a\x01b\x12\x03\x0a\x01c".as_slice()].concat();
        let schema = [
            b"\xb2\x01\x08\x0a\x06object\xca\x01\x0a\x0a\x08".as_slice(),
            &b,
            b"\xfa\x01\x0c\x0a\x03x-d\x12\x05\x12\x03[1]",
        ]
        .concat();
        let named = [b"\x0a\x01a\x12".as_slice(), &[schema.len() as u8], &schema].concat();
        let definitions = [b"\x0a".as_slice(), &[named.len() as u8], &named].concat();
        let expected = [
            b"\x0a\x032.0\x4a".as_slice(),
            &[definitions.len() as u8],
            &definitions,
        ]
        .concat();
        assert_eq!(encode(&document), expected);
    }

    #[test]
    fn a_parameter_stands_in_the_messages_of_its_place() {
        let document = value!({"paths": {"/p": {"parameters": [{"name": "n", "in": "path", "required": true}]}}});
        let parameter = b"\x08\x01\x12\x04path\x22\x01n";
        let wrapped = [b"\x0a\x0f\x12\x0d\x22\x0b".as_slice(), parameter].concat();
        let item = [b"\x4a\x11".as_slice(), &wrapped].concat();
        let path = [b"\x0a\x02/p\x12\x13".as_slice(), &item].concat();
        let expected = [b"\x42\x1b\x12\x19".as_slice(), &path].concat();
        assert_eq!(encode(&document), expected);
    }
}
