//! Adapting owned fields to a type that changed since they were written.

use crate::field_set::{Entry, FieldSet};
use crate::types::{Atom, Relation, Type};
use trueup_object::Segment;

/// The set as it must read under the type: where a list, map or struct has
/// become one leaf, an owner of something in it owns the leaf. `None` if
/// nothing changes.
pub(crate) fn reconcile(set: &FieldSet, typ: &Type) -> Option<FieldSet> {
    below(set, typ)
}

fn below(set: &FieldSet, typ: &Type) -> Option<FieldSet> {
    let atom = typ.atom();
    if is_deduced(atom) {
        return None;
    }
    let mut changed = false;
    let adapted: Vec<Entry> = set
        .entries()
        .iter()
        .map(|entry| {
            let new = member_type(atom, &entry.segment).and_then(|typ| adapt(entry, typ));
            changed |= new.is_some();
            new.unwrap_or_else(|| entry.clone())
        })
        .collect();
    changed.then(|| FieldSet::from_entries(adapted))
}

fn adapt(entry: &Entry, typ: &Type) -> Option<Entry> {
    if entry.below.is_empty() {
        return None;
    }
    if is_leaf(typ.atom()) {
        return Some(Entry {
            segment: entry.segment.clone(),
            member: true,
            below: FieldSet::new(),
        });
    }
    let below = below(&entry.below, typ)?;
    Some(Entry {
        segment: entry.segment.clone(),
        member: entry.member,
        below,
    })
}

fn member_type<'a>(atom: &'a Atom, segment: &Segment) -> Option<&'a Type> {
    match segment {
        Segment::Key(name) => atom.map.as_ref()?.member(name),
        _ => Some(&atom.list.as_ref()?.element),
    }
}

/// Whether values of the type are one leaf; a type that may be several things
/// is taken for the map.
fn is_leaf(atom: &Atom) -> bool {
    match (&atom.map, atom.scalar, &atom.list) {
        (Some(_), _, _) if is_deduced(atom) => false,
        (Some(map), _, _) => map.atomic,
        (None, Some(_), _) => false,
        (None, None, Some(list)) => list.relation == Relation::Atomic,
        (None, None, None) => false,
    }
}

fn is_deduced(atom: &Atom) -> bool {
    let Some(map) = &atom.map else { return false };
    map.fields.is_empty() && map.element.as_ref().is_some_and(Type::is_deduced)
}
