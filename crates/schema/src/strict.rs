//! Fields that nobody knows or that are given twice, in the order in which
//! they stand in a JSON text.

use crate::types::{Form, Type};
use std::cell::RefCell;
use std::collections::BTreeSet;
use trueup_object::{JsonPlace, MAX_JSON_DEPTH, Value, walk_json};

/// How many complaints are kept.
const MAX_COMPLAINTS: usize = 100;

/// What strict decoding has to say of a JSON text: `unknown field
/// "spec.replica"`, `duplicate field "data.a"`, in the order of the text.
/// Without a type only duplicates are told. A text that is no JSON has
/// nothing to say here.
#[must_use]
pub fn strict_complaints(text: &[u8], typ: Option<&Type>) -> Vec<String> {
    let complaints = RefCell::new(Vec::new());
    let place = Place {
        typ,
        path: String::new(),
        depth: 0,
        complaints: &complaints,
    };
    let _ = walk_json(text, place);
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

/// A value that stands at a path and has a type, if it is known.
struct Place<'a> {
    typ: Option<&'a Type>,
    path: String,
    depth: usize,
    complaints: &'a RefCell<Vec<String>>,
}

impl<'a> Place<'a> {
    fn complain(&self, kind: &str, path: &str) {
        let mut complaints = self.complaints.borrow_mut();
        if complaints.len() < MAX_COMPLAINTS {
            complaints.push(format!("{kind} field \"{path}\""));
        }
    }

    fn below(&self, path: String, typ: Option<&'a Type>) -> Option<Self> {
        (self.depth < MAX_JSON_DEPTH).then_some(Self {
            typ,
            path,
            depth: self.depth + 1,
            complaints: self.complaints,
        })
    }
}

impl JsonPlace for Place<'_> {
    type Key = String;
    type Memory = BTreeSet<String>;

    fn item(&self, index: usize) -> Option<Self> {
        let list = self.typ.and_then(|typ| typ.atom().list.as_ref());
        let path = format!("{}[{index}]", self.path);
        self.below(path, list.map(|list| &list.element))
    }

    fn member(&self, name: String, known: &mut BTreeSet<String>) -> Option<Self> {
        let path = child(&self.path, &name);
        let map = self.typ.and_then(|typ| typ.atom().map.as_ref());
        let typ = map.and_then(|map| map.member(&name));
        if !known.insert(name) {
            self.complain("duplicate", &path);
        }
        if map.is_some() && typ.is_none() {
            self.complain("unknown", &path);
            return None;
        }
        self.below(path, typ)
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
