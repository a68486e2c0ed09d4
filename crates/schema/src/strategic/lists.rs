//! Merging and ordering the lists of one field.

use super::{
    DIRECTIVE, LIST_OF_LISTS, Outcome, SET_ORDER, StrategicError, bad_argument, merge_maps,
    no_merge_key, unknown_directive,
};
use crate::go;
use crate::types::Type;
use trueup_object::{EcoVec, Value};

/// Lists of one field.
pub(super) struct Lists<'a> {
    pub merge_key: Option<&'a str>,
    pub element: Option<&'a Type>,
    pub depth: usize,
}

impl Lists<'_> {
    /// What tells an item apart: its merge key, or itself.
    fn identity<'v>(&self, item: &'v Value) -> Option<&'v Value> {
        match (self.merge_key, item) {
            (Some(key), Value::Map(map)) => map.get(key),
            (Some(_), _) => None,
            (None, item) => Some(item),
        }
    }

    /// The identity of an item that must have one.
    fn key<'v>(&self, item: &'v Value) -> Outcome<&'v Value> {
        let Some(key) = self.merge_key else {
            return Ok(item);
        };
        let map = item
            .as_map()
            .ok_or_else(|| bad_argument("map[string]interface {}", item))?;
        map.get(key).ok_or_else(|| no_merge_key(map, key))
    }

    fn place(&self, items: &[Value], item: &Value) -> Option<usize> {
        let identity = self.identity(item);
        items
            .iter()
            .position(|candidate| self.identity(candidate) == identity)
    }

    pub(super) fn merge(&self, old: EcoVec<Value>, new: EcoVec<Value>) -> Outcome<EcoVec<Value>> {
        if old.is_empty() && new.is_empty() {
            return Ok(old);
        }
        if !of_maps(&old, &new)? {
            let added: Vec<Value> = new
                .iter()
                .filter(|item| !old.contains(item))
                .cloned()
                .collect();
            let all: EcoVec<Value> = old.iter().cloned().chain(added).collect();
            return Lists {
                merge_key: None,
                ..*self
            }
            .in_order(&all, &new, &old);
        }
        let Some(key) = self.merge_key else {
            return Err(StrategicError::Internal(
                "cannot merge lists without merge key".into(),
            ));
        };
        let (old, new) = self.with_directives(old, new, key)?;
        let mut merged = old.clone();
        for item in &new {
            let identity = self.key(item)?;
            let found = merged
                .iter()
                .position(|candidate| candidate.get(key) == Some(identity));
            match (found, item) {
                (Some(place), Value::Map(patch)) => {
                    let target = merged[place].as_map().cloned().unwrap_or_default();
                    let item = merge_maps(target, patch.clone(), self.element, self.depth + 1)?;
                    merged.make_mut()[place] = Value::Map(item);
                }
                _ => merged.push(item.clone()),
            }
        }
        self.in_order(&merged, &new, &old)
    }

    /// Does what items with a `$patch` say and leaves them out.
    fn with_directives(
        &self,
        old: EcoVec<Value>,
        new: EcoVec<Value>,
        key: &str,
    ) -> Outcome<(EcoVec<Value>, EcoVec<Value>)> {
        let (mut kept, mut plain, mut replace) = (old, EcoVec::new(), false);
        for item in new {
            let Some(directive) = item.get(DIRECTIVE) else {
                plain.push(item);
                continue;
            };
            match directive.as_str() {
                Some("delete") => {
                    let identity = self.key(&item)?;
                    kept.retain(|candidate| candidate.get(key) != Some(identity));
                }
                Some("replace") => replace = true,
                Some("merge") => {
                    let message = "merging lists cannot yet be specified in the patch";
                    return Err(StrategicError::Internal(message.into()));
                }
                _ => {
                    let map = item.as_map().cloned().unwrap_or_default();
                    return Err(unknown_directive(&go::plain(directive), &map));
                }
            }
        }
        Ok(if replace {
            (plain, EcoVec::new())
        } else {
            (kept, plain)
        })
    }

    /// Items that the patch names in its order, the others in theirs, and
    /// both interleaved by where they stood before; what is new comes first.
    pub(super) fn in_order(
        &self,
        merged: &[Value],
        patch: &[Value],
        before: &[Value],
    ) -> Outcome<EcoVec<Value>> {
        let mut named = Vec::new();
        let mut others = Vec::new();
        for item in merged {
            let identity = self.key(item)?;
            let is_named = patch
                .iter()
                .any(|candidate| self.identity(candidate) == Some(identity));
            if is_named {
                named.push(item)
            } else {
                others.push(item)
            }
        }
        named.sort_by_key(|item| self.place(patch, item));
        others.sort_by_key(|item| self.place(before, item));
        let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
        let mut out = EcoVec::with_capacity(merged.len());
        loop {
            let other_first = match (others.peek(), named.peek()) {
                (Some(other), Some(item)) => {
                    match (self.place(before, other), self.place(before, item)) {
                        (Some(other), Some(item)) => other < item,
                        _ => false,
                    }
                }
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => return Ok(out),
            };
            out.extend(
                if other_first {
                    others.next()
                } else {
                    named.next()
                }
                .cloned(),
            );
        }
    }

    /// The items of a patch must stand in the order that it says.
    pub(super) fn check_order(&self, items: &[Value], order: &[Value]) -> Outcome<()> {
        if items.is_empty() || order.is_empty() {
            return Ok(());
        }
        let mut wanted = order.iter();
        for item in items.iter().filter(|item| item.get(DIRECTIVE).is_none()) {
            let identity = self.key(item)?;
            let mut found = false;
            for candidate in wanted.by_ref() {
                if self.key(candidate)? == identity {
                    found = true;
                    break;
                }
            }
            if !found {
                let (items, order) = (plain_list(items), plain_list(order));
                return Err(StrategicError::Internal(format!(
                    "The order in patch list:\n{items}\n doesn't match {SET_ORDER} list:\n{order}\n"
                )));
            }
        }
        Ok(())
    }
}

fn plain_list(items: &[Value]) -> String {
    go::plain(&Value::List(items.into()))
}

/// Whether the lists are of maps; all items must be of one kind.
fn of_maps(old: &[Value], new: &[Value]) -> Outcome<bool> {
    let mut items = old.iter().chain(new);
    let Some(first) = items.next() else {
        return Ok(false);
    };
    if first.as_list().is_some() {
        return Err(LIST_OF_LISTS);
    }
    if items.any(|item| go::type_name(item) != go::type_name(first)) {
        let message = format!(
            "list element types are not identical: [{} {}]",
            plain_list(old),
            plain_list(new)
        );
        return Err(StrategicError::Internal(message));
    }
    Ok(first.as_map().is_some())
}

pub(super) fn delete_from(old: &[Value], gone: &[Value]) -> EcoVec<Value> {
    old.iter()
        .filter(|item| !gone.contains(item))
        .cloned()
        .collect()
}
