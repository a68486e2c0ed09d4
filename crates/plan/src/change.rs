//! What happened to an object, for people.

use crate::desired::is_secret;
use crate::drift::shown;
use std::fmt;
use trueup_kinds::names;
use trueup_object::{FieldPath, MASK, Map, ObjectRef, Segment, Text, Value};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeVerb {
    /// It was made.
    Created,
    /// It was changed.
    Configured,
    /// It was deleted and made anew.
    Recreated,
    /// It was deleted.
    Deleted,
}

impl fmt::Display for ChangeVerb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Recreated => "recreated",
            Self::Deleted => "deleted",
        })
    }
}

/// One field that changed; values are shown as compact JSON, cut where they
/// are long, masked where they are secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldChange {
    /// The field.
    pub field: FieldPath,
    /// What it was; `None` if it was not there.
    pub from: Option<Text>,
    /// What it is; `None` if it is gone.
    pub to: Option<Text>,
}

/// `.spec.replicas 2 → 3`, `.data.a added`, `.data.a removed`.
impl fmt::Display for FieldChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(formatter, "{} {from} → {to}", self.field),
            (None, Some(to)) => write!(formatter, "{} added {to}", self.field),
            (_, None) => write!(formatter, "{} removed", self.field),
        }
    }
}

/// One object that was written, and which fields of it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeLine {
    /// The object.
    pub object: ObjectRef,
    /// What happened.
    pub verb: ChangeVerb,
    /// What changed; empty for objects made or deleted.
    pub fields: Vec<FieldChange>,
}

impl ChangeLine {
    /// What an apply did, from the object before (`None` if it was not there)
    /// and after. `None` if nothing changed that matters.
    #[must_use]
    pub fn of_apply(object: &ObjectRef, before: Option<&Value>, after: &Value) -> Option<Self> {
        let Some(before) = before else {
            return Some(Self {
                object: object.clone(),
                verb: ChangeVerb::Created,
                fields: Vec::new(),
            });
        };
        let fields = changed_fields(object, before, after);
        (!fields.is_empty()).then(|| Self {
            object: object.clone(),
            verb: ChangeVerb::Configured,
            fields,
        })
    }
}

/// `Deployment/prod/web configured`, the line of Flux's change events.
impl fmt::Display for ChangeLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.object, self.verb)
    }
}

/// The fields in which two states of an object differ: everything but
/// `status` and what the server writes into `metadata`. Values of Secrets are
/// masked.
#[must_use]
pub fn changed_fields(object: &ObjectRef, before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let (before, after) = (visible(before), visible(after));
    compare(&mut FieldPath::root(), &before, &after, &mut changes);
    if is_secret(object) {
        changes.iter_mut().for_each(mask);
    }
    changes
}

fn visible(object: &Value) -> Value {
    let mut plain = object.clone();
    plain.remove_at(&["status"]);
    plain.remove_at(&["metadata"]);
    for key in ["labels", "annotations", "finalizers", "ownerReferences"] {
        if let Some(value) = object.at(&["metadata", key]) {
            plain.set_at(&["metadata", key], value.clone());
        }
    }
    plain.remove_at(&["metadata", "annotations", names::LAST_APPLIED]);
    plain
}

fn mask(change: &mut FieldChange) {
    let top = change.field.segments().first();
    if matches!(top, Some(Segment::Key(key)) if key == "metadata" || key == "type" || key == "immutable")
    {
        return;
    }
    for value in [&mut change.from, &mut change.to].into_iter().flatten() {
        *value = MASK.into();
    }
}

fn compare(path: &mut FieldPath, before: &Value, after: &Value, out: &mut Vec<FieldChange>) {
    match (before, after) {
        _ if before.same_number(after) => {}
        (Value::Map(old), Value::Map(new)) => compare_maps(path, old, new, out),
        (Value::List(old), Value::List(new)) => compare_lists(path, old, new, out),
        _ => out.push(FieldChange {
            field: path.clone(),
            from: Some(shown(before)),
            to: Some(shown(after)),
        }),
    }
}

fn compare_maps(path: &mut FieldPath, old: &Map, new: &Map, out: &mut Vec<FieldChange>) {
    let added = new.keys().filter(|key| !old.contains_key(key));
    let mut keys: Vec<&Text> = old.keys().chain(added).collect();
    keys.sort();
    for key in keys {
        compare_at(
            path,
            Segment::Key(key.clone()),
            old.get(key),
            new.get(key),
            out,
        );
    }
}

/// Lists of maps with unique names are compared by name, others by place if
/// they are equally long, else as a whole.
fn compare_lists(path: &mut FieldPath, old: &[Value], new: &[Value], out: &mut Vec<FieldChange>) {
    if let (Some(old_names), Some(new_names)) = (item_names(old), item_names(new)) {
        let added = new_names.iter().filter(|name| !old_names.contains(name));
        for name in old_names.iter().chain(added) {
            let find = |list: &'_ [Value]| {
                list.iter()
                    .position(|item| item.str_at(&["name"]) == Some(name))
            };
            let segment = Segment::item([("name", Value::string(*name))]);
            compare_at(
                path,
                segment,
                find(old).map(|i| &old[i]),
                find(new).map(|i| &new[i]),
                out,
            );
        }
    } else if old.len() == new.len() {
        for (index, (before, after)) in old.iter().zip(new).enumerate() {
            compare_at(path, Segment::Index(index), Some(before), Some(after), out);
        }
    } else {
        let whole = |list: &[Value]| Some(shown(&list.iter().cloned().collect()));
        out.push(FieldChange {
            field: path.clone(),
            from: whole(old),
            to: whole(new),
        });
    }
}

fn item_names(list: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = list
        .iter()
        .map(|item| item.str_at(&["name"]))
        .collect::<Option<_>>()?;
    let unique: std::collections::BTreeSet<&str> = names.iter().copied().collect();
    (unique.len() == names.len()).then_some(names)
}

fn compare_at(
    path: &mut FieldPath,
    segment: Segment,
    old: Option<&Value>,
    new: Option<&Value>,
    out: &mut Vec<FieldChange>,
) {
    path.push(segment);
    match (old, new) {
        (Some(old), Some(new)) => compare(path, old, new, out),
        (None, None) => {}
        _ => out.push(FieldChange {
            field: path.clone(),
            from: old.map(shown),
            to: new.map(shown),
        }),
    }
    path.pop();
}
