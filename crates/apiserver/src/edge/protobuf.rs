//! Request bodies in protobuf, which newer Go clients send for built-in
//! kinds, as JSON.
//!
//! `data/protobuf.txt` holds the numbers of the fields, one message a line:
//! `message<TAB>field=number:type …`. Types: `s` text, `b` truth, `i` whole
//! number, `d` float, `y` bytes, `[s` a message that is a list of texts, else
//! the name of a message; `*` before it is a list, `{` a map from text. A
//! field without a name is part of the message around it. `~` stands for
//! `io.k8s.apimachinery.pkg.`, and names of other messages lack `io.k8s.api.`.
//! Answers are never given in protobuf.

use crate::core::request::media_type;
use crate::core::{ApiError, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::LazyLock;
use trueup_object::{GroupVersionKind, Map, Value, from_json, to_json};
use trueup_schema::Schemas;

/// The media type of such bodies.
pub const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// How deeply messages may nest.
pub const MAX_DEPTH: usize = 64;
/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";
const DELETE_OPTIONS: &str = "~apis.meta.v1.DeleteOptions";

static MESSAGES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    include_str!("../../data/protobuf.txt")
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect()
});

/// Why a body can't be read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProtobufError {
    /// The bytes end in the middle of something, or are no protobuf.
    #[error("the protobuf body is cut off or damaged")]
    Damaged,
    /// Messages nest too deeply.
    #[error("the protobuf body is nested more than {MAX_DEPTH} levels deep")]
    Deep,
    /// The kind is none of the built-in ones.
    #[error("no kind {kind:?} is registered for version {api_version:?}")]
    UnknownKind {
        /// The kind in the envelope.
        kind: String,
        /// The `apiVersion` in the envelope.
        api_version: String,
    },
}

/// The same request with its body in JSON, if it was in protobuf.
pub fn as_json(request: &Request) -> Result<Option<Request>, ApiError> {
    if media_type(request.content_type.as_deref().unwrap_or_default()) != PROTOBUF {
        return Ok(None);
    }
    let value = decode(&request.body).map_err(|error| ApiError::bad_request(error.to_string()))?;
    let mut changed = request.clone();
    changed.content_type = Some("application/json".to_owned());
    changed.body = to_json(&value).into();
    Ok(Some(changed))
}

/// Reads the envelope and the object in it.
pub fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = body.strip_prefix(MAGIC).ok_or(ProtobufError::Damaged)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for field in Fields(envelope) {
        match field? {
            (1, Wire::Bytes(type_meta)) => {
                for field in Fields(type_meta) {
                    match field? {
                        (1, Wire::Bytes(text)) => api_version = lossy(text),
                        (2, Wire::Bytes(text)) => kind = lossy(text),
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let name = message_name(&api_version, &kind)?;
    let mut object = Map::new();
    read_message(&name, raw, &mut object, 0)?;
    object.insert("apiVersion", api_version);
    object.insert("kind", kind);
    Ok(Value::Map(object))
}

fn message_name(api_version: &str, kind: &str) -> Result<String, ProtobufError> {
    if kind == "DeleteOptions" {
        return Ok(DELETE_OPTIONS.to_owned());
    }
    let definition = Schemas::builtin().definition_name(&GroupVersionKind::new(api_version, kind));
    let name = definition.map(|name| name.strip_prefix("io.k8s.api.").unwrap_or(name));
    let known = name.filter(|name| MESSAGES.contains_key(name));
    known
        .map(str::to_owned)
        .ok_or_else(|| ProtobufError::UnknownKind {
            kind: kind.to_owned(),
            api_version: api_version.to_owned(),
        })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// One value as it stands on the wire.
#[derive(Clone, Copy, Debug)]
enum Wire<'a> {
    Number(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// The fields of a message: number and value.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), ProtobufError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or(ProtobufError::Damaged))
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Option<(u64, Wire<'a>)> {
        let key = self.varint()?;
        let wire = match key & 7 {
            0 => Wire::Number(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => Wire::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some((key >> 3, wire))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

/// One field of the table: name, number, type.
fn row(text: &'static str) -> Option<(&'static str, u64, &'static str)> {
    let (name, rest) = text.split_once('=')?;
    let (number, kind) = rest.split_once(':')?;
    Some((name, number.parse().ok()?, kind))
}

fn read_message(
    name: &str,
    bytes: &[u8],
    object: &mut Map,
    depth: usize,
) -> Result<(), ProtobufError> {
    if depth > MAX_DEPTH {
        return Err(ProtobufError::Deep);
    }
    let rows: Vec<_> = MESSAGES
        .get(name)
        .map_or("", |line| line)
        .split(' ')
        .filter_map(row)
        .collect();
    for field in Fields(bytes) {
        let (number, wire) = field?;
        let Some((name, _, kind)) = rows.iter().find(|row| row.1 == number) else {
            continue;
        };
        read_field(name, kind, wire, object, depth)?;
    }
    Ok(())
}

fn read_field(
    name: &str,
    kind: &str,
    wire: Wire<'_>,
    object: &mut Map,
    depth: usize,
) -> Result<(), ProtobufError> {
    if name.is_empty() {
        let Wire::Bytes(bytes) = wire else {
            return Err(ProtobufError::Damaged);
        };
        return read_message(kind, bytes, object, depth + 1);
    }
    if let Some(kind) = kind.strip_prefix('*') {
        let item = read_value(kind, wire, depth)?;
        let list = object.entry(name);
        match list {
            Value::List(items) => items.push(item),
            _ => *list = Value::from(vec![item]),
        }
    } else if let Some(kind) = kind.strip_prefix('{') {
        let (key, item) = read_entry(kind, wire, depth)?;
        object.entry(name).set_at(&[&key], item);
    } else {
        let value = read_value(kind, wire, depth)?;
        if !value.is_null() {
            object.insert(name, value);
        }
    }
    Ok(())
}

fn read_entry(kind: &str, wire: Wire<'_>, depth: usize) -> Result<(String, Value), ProtobufError> {
    let Wire::Bytes(entry) = wire else {
        return Err(ProtobufError::Damaged);
    };
    let (mut key, mut value) = (String::new(), None);
    for field in Fields(entry) {
        match field? {
            (1, Wire::Bytes(text)) => key = lossy(text),
            (2, wire) => value = Some(read_value(kind, wire, depth)?),
            _ => {}
        }
    }
    // An absent value is an empty one.
    let value = match value {
        Some(value) => value,
        None => read_value(kind, Wire::Bytes(&[]), depth)?,
    };
    Ok((key, value))
}

#[expect(
    clippy::cast_possible_wrap,
    reason = "the wire holds signed numbers in two's complement"
)]
fn read_value(kind: &str, wire: Wire<'_>, depth: usize) -> Result<Value, ProtobufError> {
    Ok(match (kind, wire) {
        ("s", Wire::Bytes(text)) => lossy(text).into(),
        ("y", Wire::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        ("b", Wire::Number(number)) => (number != 0).into(),
        ("i", Wire::Number(number)) => (number as i64).into(),
        ("d", Wire::Fixed64(bits)) => Value::Float(f64::from_bits(bits)),
        ("d", Wire::Fixed32(bits)) => Value::Float(f64::from(f32::from_bits(bits))),
        ("[s", Wire::Bytes(bytes)) => texts(bytes)?,
        (_, Wire::Bytes(bytes)) => match kind.rsplit('.').next().unwrap_or(kind) {
            "Time" => time(bytes, Precision::Seconds)?,
            "MicroTime" => time(bytes, Precision::Micros)?,
            "Duration" => {
                number(bytes, 1)?.map_or(Value::Null, |nanos| format!("{}ns", nanos as i64).into())
            }
            "Quantity" => part(bytes, 1)?.map_or(Value::Null, |text| lossy(text).into()),
            "RawExtension" | "FieldsV1" | "JSON" => raw_json(bytes)?,
            "IntOrString" => int_or_string(bytes)?,
            "JSONSchemaPropsOrArray" | "JSONSchemaPropsOrBool" | "JSONSchemaPropsOrStringArray" => {
                schema_or_other(kind, bytes, depth)?
            }
            _ => {
                let mut object = Map::new();
                read_message(kind, bytes, &mut object, depth + 1)?;
                Value::Map(object)
            }
        },
        _ => return Err(ProtobufError::Damaged),
    })
}

fn texts(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let mut list = Vec::new();
    for field in Fields(bytes) {
        if let (1, Wire::Bytes(text)) = field? {
            list.push(Value::from(lossy(text)));
        }
    }
    Ok(list.into())
}

fn part(bytes: &[u8], number: u64) -> Result<Option<&[u8]>, ProtobufError> {
    let mut found = None;
    for field in Fields(bytes) {
        match field? {
            (at, Wire::Bytes(part)) if at == number => found = Some(part),
            _ => {}
        }
    }
    Ok(found)
}

fn number(bytes: &[u8], number: u64) -> Result<Option<u64>, ProtobufError> {
    let mut found = None;
    for field in Fields(bytes) {
        match field? {
            (at, Wire::Number(value)) if at == number => found = Some(value),
            _ => {}
        }
    }
    Ok(found)
}

fn raw_json(bytes: &[u8]) -> Result<Value, ProtobufError> {
    match part(bytes, 1)? {
        None | Some([]) => Ok(Value::Null),
        Some(json) => from_json(json).map_err(|_| ProtobufError::Damaged),
    }
}

#[expect(
    clippy::cast_possible_wrap,
    reason = "the wire holds signed numbers in two's complement"
)]
fn int_or_string(bytes: &[u8]) -> Result<Value, ProtobufError> {
    Ok(match number(bytes, 1)? {
        Some(1) => lossy(part(bytes, 3)?.unwrap_or_default()).into(),
        _ => (number(bytes, 2)?.unwrap_or(0) as i64).into(),
    })
}

#[derive(Clone, Copy)]
enum Precision {
    Seconds,
    Micros,
}

/// A time; `null` for the zero time, which is an empty message.
#[expect(
    clippy::cast_possible_wrap,
    reason = "the wire holds signed numbers in two's complement"
)]
fn time(bytes: &[u8], precision: Precision) -> Result<Value, ProtobufError> {
    let Some(seconds) = number(bytes, 1)? else {
        return Ok(Value::Null);
    };
    let nanos = number(bytes, 2)?.unwrap_or(0);
    let nanos = match precision {
        Precision::Seconds => 0,
        Precision::Micros => i32::try_from(nanos).unwrap_or(0),
    };
    let time = Timestamp::new(seconds as i64, nanos).map_err(|_| ProtobufError::Damaged)?;
    Ok(match precision {
        Precision::Seconds => time.to_string(),
        Precision::Micros => time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
    }
    .into())
}

/// A schema, or what may stand in its place: a list of schemas or texts, or a
/// truth value.
fn schema_or_other(kind: &str, bytes: &[u8], depth: usize) -> Result<Value, ProtobufError> {
    let (package, name) = kind.rsplit_once('.').unwrap_or(("", kind));
    let (schema_at, other_at) = if name.ends_with("OrBool") {
        (2, 1)
    } else {
        (1, 2)
    };
    let schema = format!("{package}.JSONSchemaProps");
    if let Some(bytes) = part(bytes, schema_at)? {
        return read_value(&schema, Wire::Bytes(bytes), depth);
    }
    if name.ends_with("OrBool") {
        return Ok((number(bytes, other_at)?.unwrap_or(0) != 0).into());
    }
    let kind = if name.ends_with("OrStringArray") {
        "s"
    } else {
        &schema
    };
    let mut list = Vec::new();
    for field in Fields(bytes) {
        let (at, wire) = field?;
        if at == other_at {
            list.push(read_value(kind, wire, depth)?);
        }
    }
    Ok(list.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use trueup_object::value;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &type_meta), field(2, raw)].concat()
    }

    #[test]
    fn a_config_map_and_a_service_port_are_read() {
        let metadata = [field(1, b"cm"), field(3, b""), vec![8 << 3 | 2, 0]].concat();
        let entry = [field(1, b"key"), field(2, b"value")].concat();
        let body = envelope(
            "v1",
            "ConfigMap",
            &[field(1, &metadata), field(2, &entry)].concat(),
        );
        let expected = value!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "cm", "namespace": ""}, "data": {"key": "value"}
        });
        assert_eq!(decode(&body).unwrap(), expected);
        let target = [vec![1 << 3, 1], field(3, b"http")].concat();
        let port = [vec![3 << 3, 80], field(4, &target)].concat();
        let body = envelope("v1", "Service", &field(2, &field(1, &port)));
        let expected = value!([{"port": 80, "targetPort": "http"}]);
        assert_eq!(
            decode(&body).unwrap().at(&["spec", "ports"]),
            Some(&expected)
        );
    }

    #[test]
    fn a_part_without_a_name_belongs_to_what_is_around_it() {
        let volume = [field(1, b"v"), field(2, &field(2, &[]))].concat();
        let body = envelope("v1", "Pod", &field(2, &field(1, &volume)));
        let expected = value!([{"name": "v", "emptyDir": {}}]);
        assert_eq!(
            decode(&body).unwrap().at(&["spec", "volumes"]),
            Some(&expected)
        );
    }

    #[test]
    fn every_message_that_the_table_names_is_in_it() {
        let special = [
            "Time",
            "MicroTime",
            "Duration",
            "Quantity",
            "RawExtension",
            "FieldsV1",
            "JSON",
            "IntOrString",
        ];
        for (message, line) in MESSAGES.iter() {
            for (_, _, kind) in line.split(' ').filter_map(row) {
                let kind = kind.trim_start_matches(['*', '{']);
                let known = kind.len() == 1
                    || kind == "[s"
                    || MESSAGES.contains_key(kind)
                    || special.iter().any(|it| kind.ends_with(&format!(".{it}")))
                    || kind.contains("JSONSchemaPropsOr");
                assert!(known, "{message} names {kind}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            drop(decode(&envelope("v1", "Pod", &raw)));
            drop(decode(&raw));
        }
    }
}
