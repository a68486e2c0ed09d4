//! Fields that nobody knows or that are given twice, in the order in which
//! they stand in a JSON text.

use crate::types::{Form, MapType, Type};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use trueup_object::{MAX_JSON_DEPTH, Value};

/// How many complaints are kept.
const MAX_COMPLAINTS: usize = 100;

/// What strict decoding has to say of a JSON text: `unknown field
/// "spec.replica"`, `duplicate field "data.a"`, in the order of the text.
/// Without a type only duplicates are told. A text that is no JSON has
/// nothing to say here.
#[must_use]
pub fn strict_complaints(text: &[u8], typ: Option<&Type>) -> Vec<String> {
    let complaints = RefCell::new(Vec::new());
    let mut json = serde_json::Deserializer::from_slice(text);
    let walk = Walk {
        typ,
        path: String::new(),
        depth: 0,
        complaints: &complaints,
    };
    let _ = walk.deserialize(&mut json);
    complaints.into_inner()
}

/// Fields of a value that its type does not declare, as strict decoding
/// names them (`spec.containers[0].imag`), in order of name.
#[must_use]
pub fn unknown_fields(value: &Value, typ: &Type) -> Vec<String> {
    let mut unknown = Vec::new();
    collect(value, typ, "", &mut unknown);
    unknown
}

fn collect(value: &Value, typ: &Type, path: &str, out: &mut Vec<String>) {
    match (typ.atom().form(Some(value)), value) {
        (Form::Map(map), Value::Map(members)) => {
            for (name, member) in members {
                let below = child(path, name);
                match map.member(name) {
                    Some(typ) => collect(member, typ, &below, out),
                    None => out.push(below),
                }
            }
        }
        (Form::List(list), Value::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &list.element, &format!("{path}[{index}]"), out);
            }
        }
        _ => {}
    }
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.into()
    } else {
        format!("{path}.{name}")
    }
}

/// Reads one value that stands at a path and has a type, if it is known.
struct Walk<'a> {
    typ: Option<&'a Type>,
    path: String,
    depth: usize,
    complaints: &'a RefCell<Vec<String>>,
}

impl Walk<'_> {
    fn complain(&self, kind: &str, name: &str) {
        let mut complaints = self.complaints.borrow_mut();
        if complaints.len() < MAX_COMPLAINTS {
            complaints.push(format!("{kind} field \"{}\"", child(&self.path, name)));
        }
    }

    fn map_type(&self) -> Option<&MapType> {
        self.typ?.atom().map.as_ref()
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let element = self
            .typ
            .and_then(|typ| typ.atom().list.as_ref())
            .map(|list| &list.element);
        for index in 0.. {
            let path = format!("{}[{index}]", self.path);
            let item = Walk {
                typ: element,
                path,
                depth: self.depth + 1,
                complaints: self.complaints,
            };
            if self.depth >= MAX_JSON_DEPTH {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
            if items.next_element_seed(item)?.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if seen.contains(&name) {
                self.complain("duplicate", &name);
            }
            let typ = self.map_type().and_then(|map| map.member(&name));
            if self.map_type().is_some() && typ.is_none() {
                self.complain("unknown", &name);
                members.next_value::<IgnoredAny>()?;
            } else if self.depth >= MAX_JSON_DEPTH {
                members.next_value::<IgnoredAny>()?;
            } else {
                let path = child(&self.path, &name);
                members.next_value_seed(Walk {
                    typ,
                    path,
                    depth: self.depth + 1,
                    complaints: self.complaints,
                })?;
            }
            seen.insert(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schemas;
    use trueup_object::{GroupVersionKind, from_json};

    const TEXT: &[u8] = br#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","name":"web"},
        "spec":{"template":{"spec":{"containers":[{"name":"app","imagee":"x"}]}},"replica":1},"bogus":{"a":1}}"#;

    #[test]
    fn complaints_come_in_the_order_of_the_text() {
        let typ = Schemas::builtin()
            .type_for(&GroupVersionKind::new("apps/v1", "Deployment"))
            .unwrap();
        let wanted = [
            "duplicate field \"metadata.name\"",
            "unknown field \"spec.template.spec.containers[0].imagee\"",
            "unknown field \"spec.replica\"",
            "unknown field \"bogus\"",
        ];
        assert_eq!(strict_complaints(TEXT, Some(&typ)), wanted);
        assert_eq!(strict_complaints(TEXT, None), wanted[..1]);
    }

    #[test]
    fn unknown_fields_of_a_value_come_in_order_of_name() {
        let typ = Schemas::builtin()
            .type_for(&GroupVersionKind::new("apps/v1", "Deployment"))
            .unwrap();
        let value = from_json(TEXT).unwrap();
        let wanted = [
            "bogus",
            "spec.replica",
            "spec.template.spec.containers[0].imagee",
        ];
        assert_eq!(unknown_fields(&value, &typ), wanted);
    }

    #[test]
    fn a_deep_text_is_read_without_harm() {
        let deep = "[".repeat(100_000);
        assert!(strict_complaints(deep.as_bytes(), None).is_empty());
    }
}
