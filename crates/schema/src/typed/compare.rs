//! What differs between two values of one type.

use super::check::{MAX_DEPTH, TypedError};
use super::items::{Item, item_key};
use crate::field_set::FieldSet;
use crate::types::{Form, ListType, MapType, Relation, Type};
use std::collections::BTreeMap;
use trueup_object::{FieldPath, Map, Segment, Value};

/// The fields in which two values differ; no field is in two of the sets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    pub removed: FieldSet,
    pub modified: FieldSet,
    pub added: FieldSet,
}

impl Comparison {
    /// The comparison without what lies at or below the fields of a set.
    pub(crate) fn without(self, fields: &FieldSet) -> Self {
        if fields.is_empty() {
            return self;
        }
        Self {
            removed: self.removed.recursive_difference(fields),
            modified: self.modified.recursive_difference(fields),
            added: self.added.recursive_difference(fields),
        }
    }
}

/// Compares two values; fails where items of a list can't be told apart.
pub(crate) fn compare(left: &Value, right: &Value, typ: &Type) -> Result<Comparison, TypedError> {
    let mut walk = Walk {
        path: Vec::new(),
        out: Comparison::default(),
    };
    walk.both(Some(left), Some(right), typ)?;
    Ok(walk.out)
}

struct Walk {
    path: Vec<Segment>,
    out: Comparison,
}

type Side<'a> = Option<&'a Value>;

impl Walk {
    fn both(&mut self, left: Side<'_>, right: Side<'_>, typ: &Type) -> Result<(), TypedError> {
        if self.path.len() > MAX_DEPTH {
            return Err(TypedError::one(format!(
                "nested more than {MAX_DEPTH} levels deep"
            )));
        }
        if let (Some(a), Some(b)) = (left, right)
            && a == b
        {
            return Ok(());
        }
        let atom = typ.atom();
        let (of_left, of_right) = (atom.form(left), atom.form(right));
        match (left, right) {
            (Some(_), None) => self.form(left, right, of_left)?,
            (None, _) => self.form(left, right, of_right)?,
            (Some(_), Some(_)) => {
                if !of_left.same_kind(&of_right) {
                    self.form(left, right, of_left)?;
                }
                self.form(left, right, of_right)?;
            }
        }
        match (left, right) {
            (None, _) => self.out.added.insert_segments(&self.path),
            (_, None) => self.out.removed.insert_segments(&self.path),
            _ => {}
        }
        Ok(())
    }

    fn form(&mut self, left: Side<'_>, right: Side<'_>, form: Form<'_>) -> Result<(), TypedError> {
        match form {
            Form::Scalar(_) => self.leaf(left, right),
            Form::List(list) => {
                let (a, b) = (items(left), items(right));
                if list.relation == Relation::Atomic || (a.is_empty() && b.is_empty()) {
                    self.leaf(left, right);
                } else {
                    self.lists(a, b, list)?;
                }
            }
            Form::Map(map) => {
                let (a, b) = (members(left), members(right));
                let empty = a.is_none_or(Map::is_empty) && b.is_none_or(Map::is_empty);
                if map.atomic || empty {
                    self.leaf(left, right);
                } else {
                    self.maps(a, b, map)?;
                }
            }
        }
        Ok(())
    }

    fn leaf(&mut self, left: Side<'_>, right: Side<'_>) {
        if let (Some(a), Some(b)) = (left, right)
            && !a.same_number(b)
        {
            self.out.modified.insert_segments(&self.path);
        }
    }

    fn maps(
        &mut self,
        left: Option<&Map>,
        right: Option<&Map>,
        map: &MapType,
    ) -> Result<(), TypedError> {
        for (key, a, b) in zip(left, right) {
            let Some(typ) = map.member(key) else { continue };
            self.path.push(Segment::Key(key.clone()));
            self.both(a, b, typ)?;
            self.path.pop();
        }
        Ok(())
    }

    fn lists(
        &mut self,
        left: &[Value],
        right: &[Value],
        list: &ListType,
    ) -> Result<(), TypedError> {
        let mut by_key: BTreeMap<Segment, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for (index, item) in left.iter().enumerate() {
            by_key
                .entry(keyed(list, index, item)?)
                .or_default()
                .0
                .push(item);
        }
        for (index, item) in right.iter().enumerate() {
            by_key
                .entry(keyed(list, index, item)?)
                .or_default()
                .1
                .push(item);
        }
        for (segment, (a, b)) in by_key {
            self.path.push(segment);
            self.items(&a, &b, &list.element)?;
            self.path.pop();
        }
        Ok(())
    }

    /// Items of one key. Several of one key count as one leaf.
    fn items(
        &mut self,
        left: &[&Value],
        right: &[&Value],
        element: &Type,
    ) -> Result<(), TypedError> {
        match (left, right) {
            ([_, _, ..], [_, _, ..]) => {
                let same = left.len() == right.len()
                    && left.iter().zip(right).all(|(a, b)| a.same_number(b));
                if !same {
                    self.out.modified.insert_segments(&self.path);
                }
            }
            ([_, _, ..], rest) => {
                if let Some(only) = rest.first() {
                    self.both(None, Some(only), element)?;
                }
                self.out.removed.insert_segments(&self.path);
            }
            (rest, [_, _, ..]) => {
                if let Some(only) = rest.first() {
                    self.both(Some(only), None, element)?;
                }
                self.out.added.insert_segments(&self.path);
            }
            (left, right) => self.both(left.first().copied(), right.first().copied(), element)?,
        }
        Ok(())
    }
}

fn keyed(list: &ListType, index: usize, item: &Value) -> Result<Segment, TypedError> {
    let fail = |cause| TypedError::one(format!("element {index}: {cause}"));
    item_key(list, item)
        .map(|Item(segment)| segment)
        .map_err(fail)
}

pub(super) fn items(side: Side<'_>) -> &[Value] {
    side.and_then(Value::as_list).unwrap_or_default()
}

pub(super) fn members(side: Side<'_>) -> Option<&Map> {
    side.and_then(Value::as_map)
}

/// The members of two maps side by side, in order of key.
pub(super) fn zip<'a>(
    left: Option<&'a Map>,
    right: Option<&'a Map>,
) -> impl Iterator<Item = (&'a trueup_object::Text, Side<'a>, Side<'a>)> {
    let mut left = left.into_iter().flatten().peekable();
    let mut right = right.into_iter().flatten().peekable();
    std::iter::from_fn(move || {
        let order = match (left.peek(), right.peek()) {
            (Some((a, _)), Some((b, _))) => a.as_str().cmp(b.as_str()),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return None,
        };
        let a = if order.is_le() { left.next() } else { None };
        let b = if order.is_ge() { right.next() } else { None };
        let (key, _) = a.or(b)?;
        Some((key, a.map(|(_, value)| value), b.map(|(_, value)| value)))
    })
}

/// A field whose value differs between two objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The field.
    pub path: FieldPath,
    /// Its value before; `None` if it was not there.
    pub before: Option<Value>,
    /// Its value after; `None` if it is gone.
    pub after: Option<Value>,
}

/// The fields of `within` in which two objects differ, in order. Of something
/// that came or went as a whole only the uppermost field is named. An error
/// means that items of a list can't be told apart.
pub fn changed_fields(
    before: &Value,
    after: &Value,
    typ: &Type,
    within: Option<&FieldSet>,
) -> Result<Vec<Change>, TypedError> {
    let Comparison {
        removed,
        modified,
        added,
    } = compare(before, after, typ)?;
    let limited = |set: FieldSet| within.map_or(set.clone(), |within| set.intersection(within));
    let all = limited(modified)
        .union(&limited(removed).uppermost())
        .union(&limited(added).uppermost());
    let change = |path: FieldPath| Change {
        before: path.find_in(before).cloned(),
        after: path.find_in(after).cloned(),
        path,
    };
    Ok(all.paths().into_iter().map(change).collect())
}
