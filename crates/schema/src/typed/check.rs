//! Whether a value fits its type.

use super::items::{Item, item_key};
use crate::go;
use crate::types::{Form, ListType, MapType, Relation, Scalar, Type};
use std::collections::BTreeSet;
use trueup_object::{Segment, Text, Value};

/// How deep a value may nest.
pub(crate) const MAX_DEPTH: usize = 512;

/// A value does not fit its type; prints as Kubernetes prints it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", print(.0))]
pub struct TypedError(Vec<Mistake>);

/// One thing that does not fit: where (`.spec.size`) and why.
#[derive(Clone, Debug, PartialEq)]
struct Mistake {
    path: String,
    message: String,
}

fn print(mistakes: &[Mistake]) -> String {
    let line = |mistake: &Mistake| {
        if mistake.path.is_empty() {
            mistake.message.clone()
        } else {
            format!("{}: {}", mistake.path, mistake.message)
        }
    };
    match mistakes {
        [only] => line(only),
        many => {
            let lines: Vec<_> = many
                .iter()
                .map(|mistake| format!("\n  {}", line(mistake)))
                .collect();
            format!("errors:{}", lines.concat())
        }
    }
}

impl TypedError {
    pub(crate) fn one(message: String) -> Self {
        Self(vec![Mistake {
            path: String::new(),
            message,
        }])
    }
}

/// Whether an associative list may hold one key twice, as what Update stores
/// may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duplicates {
    Allowed,
    Refused,
}

/// Succeeds if the value fits the type.
pub(crate) fn check(value: &Value, typ: &Type, duplicates: Duplicates) -> Result<(), TypedError> {
    let mut walk = Walk {
        duplicates,
        steps: Vec::new(),
        mistakes: Vec::new(),
    };
    walk.value(value, typ);
    if walk.mistakes.is_empty() {
        Ok(())
    } else {
        Err(TypedError(walk.mistakes))
    }
}

struct Walk<'a> {
    duplicates: Duplicates,
    steps: Vec<Step<'a>>,
    mistakes: Vec<Mistake>,
}

enum Step<'a> {
    Key(&'a Text),
    Segment(Segment),
}

impl<'a> Walk<'a> {
    fn fail(&mut self, message: String) {
        let step = |step: &Step<'_>| match step {
            Step::Key(key) => format!(".{key}"),
            Step::Segment(segment) => segment.to_string(),
        };
        let path = self.steps.iter().map(step).collect();
        self.mistakes.push(Mistake { path, message });
    }

    fn value(&mut self, value: &'a Value, typ: &Type) {
        if self.steps.len() > MAX_DEPTH {
            self.fail(format!("nested more than {MAX_DEPTH} levels deep"));
            return;
        }
        match typ.atom().form(Some(value)) {
            Form::Scalar(scalar) => {
                if let Some(message) = scalar_mistake(scalar, value) {
                    self.fail(message);
                }
            }
            Form::List(list) => match value {
                Value::Null => {}
                Value::List(items) => self.list(items, list),
                other => self.fail(format!("expected list, got &{{{}}}", go::plain(other))),
            },
            Form::Map(map) => match value {
                Value::Null => {}
                Value::Map(members) => self.map(members, map),
                other => self.fail(format!("expected map, got &{{{}}}", go::plain(other))),
            },
        }
    }

    fn map(&mut self, members: &'a trueup_object::Map, map: &MapType) {
        for (key, value) in members {
            self.steps.push(Step::Key(key));
            match map.member(key) {
                Some(typ) => self.value(value, typ),
                None => self.fail("field not declared in schema".into()),
            }
            self.steps.pop();
        }
    }

    fn list(&mut self, items: &'a [Value], list: &ListType) {
        let mut seen = BTreeSet::new();
        for (index, value) in items.iter().enumerate() {
            let segment = if list.relation == Relation::Atomic {
                Segment::Index(index)
            } else {
                match item_key(list, value) {
                    Ok(Item(segment)) => segment,
                    Err(cause) => return self.fail(format!("element {index}: {cause}")),
                }
            };
            if self.duplicates == Duplicates::Refused
                && list.relation != Relation::Atomic
                && !seen.insert(segment.clone())
            {
                self.fail(format!("duplicate entries for key {segment}"));
            }
            self.steps.push(Step::Segment(segment));
            self.value(value, &list.element);
            self.steps.pop();
        }
    }
}

/// Why a value is not that scalar; `null` always is.
pub(super) fn scalar_mistake(scalar: Scalar, value: &Value) -> Option<String> {
    let fits = match scalar {
        Scalar::Numeric => matches!(value, Value::Integer(_) | Value::Float(_)),
        Scalar::String => matches!(value, Value::String(_)),
        Scalar::Boolean => matches!(value, Value::Bool(_)),
        Scalar::Untyped => !matches!(value, Value::List(_) | Value::Map(_)),
    };
    if fits || value.is_null() {
        return None;
    }
    Some(match scalar {
        Scalar::Numeric => format!(
            "expected numeric (int or float), got {}",
            go::type_name(value)
        ),
        Scalar::String => format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            go::syntax(value)
        ),
        Scalar::Boolean => format!("expected boolean, got &{{{}}}", go::plain(value)),
        Scalar::Untyped => format!("expected any scalar, got &{{{}}}", go::plain(value)),
    })
}
