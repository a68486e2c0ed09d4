//! Whether a value fits a built-in type as the server reads it: from JSON, or
//! from the trees in memory that applies and strategic merge patches make.

mod go_types;
mod texts;

use crate::go;
use crate::types::{Form, Format, ListType, MapType, Type};
use go_types::Within;
use texts::Precision;
use trueup_object::{Map, Quantity, Value};

/// How deep a value may nest; deeper parts are not looked at.
const MAX_DEPTH: usize = 512;
/// Up to here whole floats are printed without an exponent.
const MAX_PLAIN_FLOAT: f64 = 1e21;
const NO_QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// A value that a built-in type can't hold, in the words of the server's
/// reader.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(String);

/// Succeeds if an object of a built-in type has the JSON shape that the type
/// asks for; else the first mistake. Unknown fields are none, `null` fits
/// everywhere.
pub fn check_shape(value: &Value, typ: &Type) -> Result<(), ShapeError> {
    check(value, typ, Source::Json)
}

/// The same of an object that was made in memory, as by a strategic merge
/// patch or an apply. Such a reader takes whole floats for whole numbers, and
/// has other words.
pub fn check_restorable(value: &Value, typ: &Type) -> Result<(), ShapeError> {
    check(value, typ, Source::Memory)
}

/// What the server reads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Json,
    Memory,
}

fn check(value: &Value, typ: &Type, source: Source) -> Result<(), ShapeError> {
    Walk {
        source,
        field: Vec::new(),
        owner: typ.definition_name(),
        within: Within::Deeper,
    }
    .value(value, typ, 0)
}

/// What the server's memory calls the kind of a value.
fn memory_kind(value: &Value) -> &'static str {
    match value {
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        other => go::type_name(other),
    }
}

/// What the decoder of JSON says was given; where a number belongs, the number
/// that does not fit.
fn given(value: &Value, wants_number: bool) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Integer(number) if wants_number => format!("number {number}"),
        Value::Float(number) if wants_number => format!("number {}", literal(*number)),
        Value::Integer(_) | Value::Float(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::List(_) => "array".into(),
        Value::Map(_) => "object".into(),
    }
}

/// A float as it most likely stood in the text.
fn literal(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < MAX_PLAIN_FLOAT {
        format!("{number:.1}")
    } else {
        go::float(number)
    }
}

struct Walk<'a> {
    source: Source,
    /// The fields that lead here, each with the definition that has it.
    field: Vec<(Option<&'static str>, &'a str)>,
    owner: Option<&'static str>,
    /// Where in the last field the value stands.
    within: Within,
}

impl<'a> Walk<'a> {
    fn wanted(&self, typ: &Type) -> String {
        self.owner
            .zip(self.field.last())
            .and_then(|(owner, (_, field))| go_types::named(owner, field, self.within))
            .map_or_else(|| go_types::derived(typ), str::to_owned)
    }

    /// The fields that lead here, with the structs that they are embedded by.
    fn path(&self) -> String {
        let part = |(owner, field): &(Option<&'static str>, &str)| match owner
            .and_then(|owner| go_types::embedding(owner, field))
        {
            Some(by) => format!("{by}.{field}"),
            None => (*field).to_owned(),
        };
        self.field.iter().map(part).collect::<Vec<_>>().join(".")
    }

    /// A value of the wrong JSON type.
    fn mismatch(&self, value: &Value, wanted: &str, wants_number: bool) -> ShapeError {
        let given = given(value, wants_number);
        let owner = self.owner.map_or("", go_types::short_name);
        ShapeError(match self.source {
            Source::Json if !self.field.is_empty() => format!(
                "json: cannot unmarshal {given} into Go struct field {owner}.{} of type {wanted}",
                self.path()
            ),
            _ => format!("json: cannot unmarshal {given} into Go value of type {wanted}"),
        })
    }

    fn value(&mut self, value: &'a Value, typ: &Type, depth: usize) -> Result<(), ShapeError> {
        if value.is_null() || depth > MAX_DEPTH {
            return Ok(());
        }
        let atom = typ.atom();
        if atom.format == Format::IntOrString {
            return self.int_or_string(value);
        }
        if atom.scalar.is_some() && atom.map.is_some() {
            return Ok(());
        }
        match (atom.form(None), value) {
            (Form::Scalar(_), value) => self.scalar(value, typ, atom.format),
            (Form::List(list), Value::List(items)) => self.list(items, list, depth),
            (Form::Map(map), Value::Map(members)) => self.map(members, map, typ, depth),
            (form, _) => Err(self.no_container(value, typ, form)),
        }
    }

    fn no_container(&self, value: &Value, typ: &Type, form: Form<'_>) -> ShapeError {
        if self.source == Source::Json {
            return self.mismatch(value, &self.wanted(typ), false);
        }
        let kind = memory_kind(value);
        ShapeError(match form {
            Form::List(_) => format!("cannot restore slice from {kind}"),
            Form::Map(_) if typ.definition_name().is_some() => {
                format!("cannot restore struct from: {kind}")
            }
            Form::Map(_) | Form::Scalar(_) => format!("cannot restore map from {kind}"),
        })
    }

    fn list(
        &mut self,
        items: &'a [Value],
        list: &ListType,
        depth: usize,
    ) -> Result<(), ShapeError> {
        let outer = self.within;
        self.within = outer.below();
        let read = items
            .iter()
            .try_for_each(|item| self.value(item, &list.element, depth + 1));
        self.within = outer;
        read
    }

    fn map(
        &mut self,
        members: &'a Map,
        map: &MapType,
        typ: &Type,
        depth: usize,
    ) -> Result<(), ShapeError> {
        let outer = (self.owner, self.within);
        let is_struct = !map.fields.is_empty();
        for (name, member) in members {
            let Some(of_member) = map.member(name) else {
                continue;
            };
            if is_struct {
                self.owner = typ.definition_name().or(self.owner);
                self.within = Within::Field;
                self.field.push((self.owner, name));
            } else {
                self.within = outer.1.below();
            }
            self.value(member, of_member, depth + 1)?;
            if is_struct {
                self.field.pop();
            }
            (self.owner, self.within) = outer;
        }
        Ok(())
    }

    fn int_or_string(&self, value: &Value) -> Result<(), ShapeError> {
        let fits = match value {
            Value::String(_) => true,
            Value::Integer(number) => i32::try_from(*number).is_ok(),
            Value::Float(number) => self.source == Source::Memory && number.fract() == 0.0,
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(self.mismatch(value, "int32", true))
        }
    }

    fn scalar(&self, value: &Value, typ: &Type, format: Format) -> Result<(), ShapeError> {
        match (format, value) {
            (Format::None | Format::Opaque, _) => Ok(()),
            (Format::Bytes, Value::String(text)) => self.bytes(text),
            (Format::Time, Value::String(text)) => time(text, typ),
            (Format::Time, other) => Err(self.mismatch(other, "string", false)),
            (Format::Quantity, value) => quantity(value),
            _ if self.source == Source::Json => self.json_scalar(value, typ, format),
            _ => self.memory_scalar(value, typ, format),
        }
    }

    fn json_scalar(&self, value: &Value, typ: &Type, format: Format) -> Result<(), ShapeError> {
        let (fits, wants_number) = match format {
            Format::Int32 => (
                matches!(value, Value::Integer(number) if i32::try_from(*number).is_ok()),
                true,
            ),
            Format::Int64 => (matches!(value, Value::Integer(_)), true),
            Format::Double => (matches!(value, Value::Integer(_) | Value::Float(_)), true),
            Format::Boolean => (matches!(value, Value::Bool(_)), false),
            Format::Bytes => (false, false),
            _ => (matches!(value, Value::String(_)), false),
        };
        if fits {
            Ok(())
        } else {
            Err(self.mismatch(value, &self.wanted(typ), wants_number))
        }
    }

    fn memory_scalar(&self, value: &Value, typ: &Type, format: Format) -> Result<(), ShapeError> {
        let is_whole = matches!(format, Format::Int32 | Format::Int64);
        let is_number = is_whole || format == Format::Double;
        let cannot = |from: &str| {
            Err(ShapeError(format!(
                "cannot convert {from} to {}",
                self.wanted(typ)
            )))
        };
        match (value, format) {
            (value, Format::Bytes) => Err(ShapeError(format!(
                "cannot restore slice from {}",
                memory_kind(value)
            ))),
            (Value::Bool(_), Format::Boolean) => Ok(()),
            (Value::Integer(_) | Value::Float(_), Format::Boolean) => Err(unrecognised(format)),
            (Value::Integer(_), _) if is_number => Ok(()),
            (Value::Integer(_), _) => cannot("int64"),
            (Value::Float(number), _) if is_number && (!is_whole || number.fract() == 0.0) => {
                Ok(())
            }
            (Value::Float(_), _) if is_number => cannot("float64"),
            (Value::String(_), _) if !is_number && format != Format::Boolean => Ok(()),
            _ => Err(unrecognised(format)),
        }
    }

    fn bytes(&self, text: &str) -> Result<(), ShapeError> {
        let Some(place) = texts::base64_mistake(text) else {
            return Ok(());
        };
        let told = format!("illegal base64 data at input byte {place}");
        Err(ShapeError(match self.source {
            Source::Json => told,
            Source::Memory => format!("error decoding from json: {told}"),
        }))
    }
}

fn unrecognised(format: Format) -> ShapeError {
    ShapeError(format!("unrecognized type: {}", go_types::kind(format)))
}

fn time(text: &str, typ: &Type) -> Result<(), ShapeError> {
    let is_micro = typ
        .definition_name()
        .is_some_and(|name| go_types::short_name(name) == "MicroTime");
    let precision = if is_micro {
        Precision::Microseconds
    } else {
        Precision::Seconds
    };
    texts::time_mistake(text, precision).map_or(Ok(()), |mistake| Err(ShapeError(mistake)))
}

fn quantity(value: &Value) -> Result<(), ShapeError> {
    match value {
        Value::Integer(_) | Value::Float(_) => Ok(()),
        Value::String(text) => text
            .trim()
            .parse::<Quantity>()
            .map(drop)
            .map_err(|error| ShapeError(error.to_string())),
        _ => Err(ShapeError(NO_QUANTITY.into())),
    }
}

#[cfg(test)]
mod tests;
