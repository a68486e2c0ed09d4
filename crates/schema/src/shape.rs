//! Whether JSON fits a built-in type as the server's decoder sees it.

use crate::go;
use crate::types::{Form, Format, ListType, MapType, Type};
use trueup_object::{Map, Quantity, Text, Value};

/// How deep a value may nest; deeper parts are not looked at.
const MAX_DEPTH: usize = 512;

/// JSON that a built-in type can't hold. It prints as the server's JSON
/// decoder says it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A value of the wrong JSON type.
    #[error("json: cannot unmarshal {given} into Go struct field {owner}.{field} of type {wanted}")]
    Mismatch {
        /// What was given: `string`, `number 1.5`, `array`, `object`, `bool`.
        given: String,
        /// The struct that has the field, such as `DeploymentSpec`.
        owner: Text,
        /// The field, without places in lists: `spec.ports.port`.
        field: String,
        /// What belongs there: `int32`, `[]v1.Container`.
        wanted: String,
        /// What the server's memory calls what was given: `string`, `int64`,
        /// `float64`, `bool`, `slice`, `map`.
        memory_kind: &'static str,
    },
    /// A text that is no time.
    #[error(
        "parsing time {text} as \"2006-01-02T15:04:05Z07:00\": cannot parse {rest} as \"{part}\""
    )]
    Time {
        /// The text, quoted.
        text: String,
        /// Where reading it stopped, quoted.
        rest: String,
        /// What should have stood there.
        part: &'static str,
    },
    /// A text that is not base64.
    #[error("illegal base64 data at input byte {0}")]
    Base64(usize),
    /// A text that is no quantity.
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Quantity,
}

impl ShapeError {
    /// The same mistake as the server says it of a strategic merge patch,
    /// whose result it reads from memory and not from JSON.
    #[must_use]
    pub fn restoring(&self) -> String {
        let Self::Mismatch {
            wanted,
            memory_kind,
            ..
        } = self
        else {
            return self.to_string();
        };
        if wanted.starts_with("[]") {
            return format!("cannot restore slice from {memory_kind}");
        }
        if wanted.starts_with("map[") {
            return format!("cannot restore map from {memory_kind}");
        }
        if wanted.contains('.') {
            return format!("cannot restore struct from: {memory_kind}");
        }
        let numeric = ["int32", "int64", "float64"].contains(&wanted.as_str());
        match *memory_kind {
            "int64" if wanted == "string" => format!("cannot convert int64 to {wanted}"),
            "int64" | "float64" if numeric => format!("cannot convert {memory_kind} to {wanted}"),
            _ => format!("unrecognized type: {wanted}"),
        }
    }
}

fn memory_kind(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        other => go::type_name(other),
    }
}

/// Succeeds if an object of a built-in type has the JSON shape that the type
/// asks for; else the first mistake. Unknown fields are none, `null` fits
/// everywhere.
pub fn check_shape(value: &Value, typ: &Type) -> Result<(), ShapeError> {
    let owner = typ.definition_name().map(short_name).unwrap_or_default();
    Walk {
        field: Vec::new(),
        owner: owner.into(),
    }
    .value(value, typ, 0)
}

/// `Container` of `io.k8s.api.core.v1.Container`.
fn short_name(definition: &str) -> &str {
    definition.rsplit('.').next().unwrap_or(definition)
}

/// What the server calls a type in messages.
fn go_type(typ: &Type) -> String {
    let atom = typ.atom();
    if atom.format == Format::IntOrString {
        return "int32".into();
    }
    match atom.form(None) {
        Form::Map(map) => match (typ.definition_name(), &map.element) {
            (Some(name), _) => {
                let mut parts = name.rsplit('.');
                let (kind, version) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
                format!("{version}.{kind}")
            }
            (None, Some(element)) => format!("map[string]{}", go_type(element)),
            (None, None) => "struct".into(),
        },
        Form::List(list) => format!("[]{}", go_type(&list.element)),
        Form::Scalar(_) => match atom.format {
            Format::Int32 => "int32",
            Format::Int64 => "int64",
            Format::Double => "float64",
            Format::Boolean => "bool",
            Format::Bytes => "[]uint8",
            _ => "string",
        }
        .into(),
    }
}

/// What was given; where a number belongs, the number that does not fit.
fn given(value: &Value, wanted: &str) -> String {
    let wants_number = ["int32", "int64", "float64"].contains(&wanted);
    match value {
        Value::Bool(_) => "bool".into(),
        Value::Integer(_) | Value::Float(_) if wants_number => {
            format!("number {}", go::plain(value))
        }
        Value::Integer(_) => "number".into(),
        other => other.kind_name().into(),
    }
}

struct Walk<'a> {
    field: Vec<&'a str>,
    owner: Text,
}

impl<'a> Walk<'a> {
    fn mismatch(&self, value: &Value, wanted: String) -> ShapeError {
        ShapeError::Mismatch {
            given: given(value, &wanted),
            owner: self.owner.clone(),
            field: self.field.join("."),
            wanted,
            memory_kind: memory_kind(value),
        }
    }

    fn value(&mut self, value: &'a Value, typ: &Type, depth: usize) -> Result<(), ShapeError> {
        if value.is_null() || depth > MAX_DEPTH {
            return Ok(());
        }
        let atom = typ.atom();
        if atom.format == Format::IntOrString {
            return self.scalar(value, typ, Format::IntOrString);
        }
        if atom.scalar.is_some() && atom.map.is_some() {
            return Ok(());
        }
        match (atom.form(None), value) {
            (Form::Scalar(_), value) => self.scalar(value, typ, atom.format),
            (Form::List(list), Value::List(items)) => self.list(items, list, depth),
            (Form::Map(map), Value::Map(members)) => self.map(members, map, typ, depth),
            _ => Err(self.mismatch(value, go_type(typ))),
        }
    }

    fn list(
        &mut self,
        items: &'a [Value],
        list: &ListType,
        depth: usize,
    ) -> Result<(), ShapeError> {
        items
            .iter()
            .try_for_each(|item| self.value(item, &list.element, depth + 1))
    }

    fn map(
        &mut self,
        members: &'a Map,
        map: &MapType,
        typ: &Type,
        depth: usize,
    ) -> Result<(), ShapeError> {
        let outer = self.owner.clone();
        let is_struct = !map.fields.is_empty();
        for (name, member) in members {
            let Some(of_member) = map.member(name) else {
                continue;
            };
            if is_struct {
                if let Some(definition) = typ.definition_name() {
                    self.owner = short_name(definition).into();
                }
                self.field.push(name);
            }
            self.value(member, of_member, depth + 1)?;
            if is_struct {
                self.field.pop();
                self.owner = outer.clone();
            }
        }
        Ok(())
    }

    fn scalar(&self, value: &Value, typ: &Type, format: Format) -> Result<(), ShapeError> {
        let whole = |most: f64| match value {
            Value::Integer(number) => (*number as f64).abs() <= most,
            Value::Float(number) => number.fract() == 0.0 && number.abs() <= most && most > 9.0e18,
            _ => false,
        };
        let fits = match format {
            Format::Int32 => whole(2_147_483_648.0),
            Format::Int64 => matches!(value, Value::Integer(_)),
            Format::Double => matches!(value, Value::Integer(_) | Value::Float(_)),
            Format::Boolean => matches!(value, Value::Bool(_)),
            Format::String => matches!(value, Value::String(_)),
            Format::IntOrString => matches!(value, Value::String(_)) || whole(2_147_483_648.0),
            Format::Bytes => return self.bytes(value, typ),
            Format::Time => return self.time(value, typ),
            Format::Quantity => return self.quantity(value, typ),
            Format::None | Format::Opaque => true,
        };
        if fits {
            Ok(())
        } else {
            Err(self.mismatch(value, go_type(typ)))
        }
    }

    fn bytes(&self, value: &Value, typ: &Type) -> Result<(), ShapeError> {
        let text = value
            .as_str()
            .ok_or_else(|| self.mismatch(value, go_type(typ)))?;
        base64_mistake(text).map_or(Ok(()), |place| Err(ShapeError::Base64(place)))
    }

    fn time(&self, value: &Value, typ: &Type) -> Result<(), ShapeError> {
        let text = value
            .as_str()
            .ok_or_else(|| self.mismatch(value, go_type(typ)))?;
        time_mistake(text).map_or(Ok(()), |(place, part)| {
            Err(ShapeError::Time {
                text: go::quoted(text),
                rest: go::quoted(&text[place..]),
                part,
            })
        })
    }

    fn quantity(&self, value: &Value, typ: &Type) -> Result<(), ShapeError> {
        match value {
            Value::Integer(_) | Value::Float(_) => Ok(()),
            Value::String(text) => text
                .parse::<Quantity>()
                .map(drop)
                .map_err(|_| ShapeError::Quantity),
            other => Err(self.mismatch(other, go_type(typ))),
        }
    }
}

/// Where a text stops being base64, if it does; line breaks don't count.
fn base64_mistake(text: &str) -> Option<usize> {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    let (mut digits, mut padding) = (0_usize, 0_usize);
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' | b'\r' => {}
            b'=' if digits % 4 >= 2 && padding < 4 - digits % 4 => padding += 1,
            _ if padding == 0 && is_digit(byte) => digits += 1,
            _ => return Some(place),
        }
    }
    ((digits + padding) % 4 != 0).then_some(text.len())
}

/// Where a text stops being an RFC 3339 time, and what should stand there.
fn time_mistake(text: &str) -> Option<(usize, &'static str)> {
    const LAYOUT: [(&str, usize); 11] = [
        ("2006", 4),
        ("-", 0),
        ("01", 2),
        ("-", 0),
        ("02", 2),
        ("T", 0),
        ("15", 2),
        (":", 0),
        ("04", 2),
        (":", 0),
        ("05", 2),
    ];
    let bytes = text.as_bytes();
    let mut place = 0;
    for (part, digits) in LAYOUT {
        let size = if digits == 0 { part.len() } else { digits };
        let here = bytes.get(place..place + size);
        let fits = match here {
            Some(here) if digits > 0 => here.iter().all(u8::is_ascii_digit),
            Some(here) => here == part.as_bytes(),
            None => false,
        };
        if !fits {
            return Some((place, part));
        }
        place += size;
    }
    if bytes.get(place) == Some(&b'.') {
        let fraction = bytes[place + 1..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        place += 1 + fraction;
    }
    let zone = &bytes[place..];
    let offset = |zone: &[u8]| {
        let digits = |range: std::ops::Range<usize>| zone[range].iter().all(u8::is_ascii_digit);
        zone.len() == 6
            && matches!(zone[0], b'+' | b'-')
            && digits(1..3)
            && zone[3] == b':'
            && digits(4..6)
    };
    (zone != b"Z" && !offset(zone)).then_some((place, "Z07:00"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schemas;
    use trueup_object::{GroupVersionKind, value};

    fn mistake(object: Value) -> String {
        let gvk = GroupVersionKind::of(&object).unwrap();
        let typ = Schemas::builtin().type_for(&gvk).unwrap();
        check_shape(&object, &typ).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn mistakes_read_as_the_servers_decoder_says_them() {
        let cases = [
            (
                value!({"apiVersion": "v1", "kind": "ConfigMap", "data": "text"}),
                "json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string",
            ),
            (
                value!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": 1}}),
                "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
            ),
            (
                value!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": []}),
                "json: cannot unmarshal array into Go struct field ConfigMap.metadata of type v1.ObjectMeta",
            ),
            (
                value!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 1.5}}),
                "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
            ),
            (
                value!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": {"name": "a"}}}),
                "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
            ),
            (
                value!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": "80"}]}}),
                "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32",
            ),
            (
                value!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"targetPort": true}]}}),
                "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
            ),
            (
                value!({"apiVersion": "v1", "kind": "Secret", "metadata": {"creationTimestamp": "yesterday"}}),
                "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as \"2006\"",
            ),
            (
                value!({"apiVersion": "v1", "kind": "ConfigMap", "binaryData": {"a": "***"}}),
                "illegal base64 data at input byte 0",
            ),
        ];
        for (object, wanted) in cases {
            assert_eq!(mistake(object), wanted);
        }
    }

    #[test]
    fn a_patched_object_is_restored_from_memory_in_other_words() {
        let typ = Schemas::builtin()
            .type_for(&GroupVersionKind::new("v1", "PodTemplate"))
            .unwrap();
        for (patch, wanted) in [
            (
                value!({"template": "text"}),
                "cannot restore struct from: string",
            ),
            (
                value!({"template": {"spec": {"containers": "text"}}}),
                "cannot restore slice from string",
            ),
            (
                value!({"template": {"spec": {"containers": {"name": "a"}}}}),
                "cannot restore slice from map",
            ),
            (
                value!({"metadata": {"labels": []}}),
                "cannot restore map from slice",
            ),
            (
                value!({"metadata": {"name": 1}}),
                "cannot convert int64 to string",
            ),
        ] {
            assert_eq!(check_shape(&patch, &typ).unwrap_err().restoring(), wanted);
        }
    }

    #[test]
    fn what_fits_is_no_mistake() {
        let object = value!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"creationTimestamp": "2024-01-01T00:00:00Z", "labels": null},
            "spec": {"containers": [{"name": "a", "resources": {"limits": {"cpu": "100m", "memory": 1}},
                "livenessProbe": {"httpGet": {"port": "http"}}}], "unknown": 1}});
        assert_eq!(mistake(object), "");
        assert_eq!(base64_mistake("YQ=="), None);
        assert_eq!(base64_mistake("Y"), Some(1));
        assert_eq!(time_mistake("2024-01-01T00:00:00.5+01:00"), None);
        assert_eq!(time_mistake("2024-01-01T00:00:00"), Some((19, "Z07:00")));
    }
}
