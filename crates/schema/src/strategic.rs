//! Strategic merge patch: a merge patch whose lists merge as the type says.

use crate::go;
use crate::types::{Form, PatchStrategy, Type};
use trueup_object::{EcoVec, Map, Text, Value};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_PRIMITIVES: &str = "$deleteFromPrimitiveList";
const SET_ORDER: &str = "$setElementOrder";
/// How deep a patch may nest.
const MAX_PATCH_DEPTH: usize = 512;

/// Why a strategic merge patch can't be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StrategicError {
    /// A directive is not in its form; answered with 400.
    #[error("{0}")]
    BadRequest(&'static str),
    /// The patch holds what can't be merged; answered with 422.
    #[error("{0}")]
    Unprocessable(&'static str),
    /// The patch and the object don't go together; answered with 500, as
    /// Kubernetes does.
    #[error("{0}")]
    Internal(String),
}

const BAD_RETAIN_KEYS: StrategicError =
    StrategicError::BadRequest("invalid patch format of retainKeys");
const BAD_PRIMITIVES: StrategicError =
    StrategicError::BadRequest("invalid patch format of primitive list");
const BAD_ORDER: StrategicError =
    StrategicError::BadRequest("invalid patch format of setElementOrder list");
const LIST_OF_LISTS: StrategicError =
    StrategicError::Unprocessable("lists of lists are not supported");

type Outcome<T> = Result<T, StrategicError>;

/// The object with the patch merged in as the type says, with all directives
/// (`$patch`, `$deleteFromPrimitiveList/…`, `$setElementOrder/…`,
/// `$retainKeys`).
pub fn strategic_merge(target: &Value, patch: &Value, typ: &Type) -> Outcome<Value> {
    let Value::Map(patch) = patch else {
        let message = format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            patch.kind_name()
        );
        return Err(StrategicError::Internal(message));
    };
    let target = target.as_map().cloned().unwrap_or_default();
    Ok(Value::Map(merge_maps(target, patch.clone(), Some(typ), 0)?))
}

/// The type of a member and how patches treat it.
fn member<'a>(typ: Option<&'a Type>, name: &str) -> (Option<&'a Type>, PatchStrategy) {
    let Some(Form::Map(map)) = typ.map(|typ| typ.atom().form(Some(&Value::Map(Map::new())))) else {
        return (None, PatchStrategy::default());
    };
    match map.field(name) {
        Some(field) => (Some(&field.typ), field.patch.clone()),
        None => (map.element.as_ref(), PatchStrategy::default()),
    }
}

fn element(typ: Option<&Type>) -> Option<&Type> {
    Some(&typ?.atom().list.as_ref()?.element)
}

fn merge_maps(target: Map, mut patch: Map, typ: Option<&Type>, depth: usize) -> Outcome<Map> {
    if depth > MAX_PATCH_DEPTH {
        return Err(StrategicError::Internal(format!(
            "the patch nests more than {MAX_PATCH_DEPTH} levels deep"
        )));
    }
    if let Some(directive) = patch.remove(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => Ok(patch),
            Some("delete") => Ok(Map::new()),
            _ => {
                let told = go::plain(&directive);
                patch.insert(DIRECTIVE, directive);
                Err(unknown_directive(&told, &patch))
            }
        };
    }
    let mut target = target;
    retain_keys(&mut target, &mut patch)?;
    set_orders(&mut target, &mut patch, typ, depth)?;
    for (key, value) in patch {
        merge_member(&mut target, &key, value, typ, depth)?;
    }
    Ok(target)
}

fn unknown_directive(told: &str, patch: &Map) -> StrategicError {
    let shown = go::plain(&Value::Map(patch.clone()));
    StrategicError::Internal(format!("unknown patch type: {told} in map: {shown}"))
}

fn merge_member(
    target: &mut Map,
    key: &str,
    value: Value,
    typ: Option<&Type>,
    depth: usize,
) -> Outcome<()> {
    let deletes = key.starts_with(DELETE_FROM_PRIMITIVES);
    let key = if deletes {
        after_slash(key, DELETE_FROM_PRIMITIVES).ok_or(BAD_PRIMITIVES)?
    } else {
        key
    };
    if value.is_null() {
        target.remove(key);
        return Ok(());
    }
    let (typ, patch) = member(typ, key);
    let merged = match (target.get(key), value) {
        (Some(Value::Map(old)), Value::Map(new)) if !deletes => {
            if patch.replace {
                Some(Value::Map(new))
            } else {
                Some(Value::Map(merge_maps(old.clone(), new, typ, depth + 1)?))
            }
        }
        (Some(Value::List(old)), Value::List(new)) => {
            let list = Lists {
                merge_key: patch.merge_key.as_deref(),
                element: element(typ),
                depth,
            };
            Some(Value::List(if deletes {
                delete_from(old, &new)
            } else if patch.merge {
                list.merge(old.clone(), new)?
            } else {
                new
            }))
        }
        (Some(_), _) | (None, _) if deletes => return Ok(()),
        (_, new) => without_directives(without_nulls(new)),
    };
    match merged {
        Some(merged) => drop(target.insert(key, merged)),
        None => drop(target.remove(key)),
    }
    Ok(())
}

fn after_slash<'a>(key: &'a str, prefix: &str) -> Option<&'a str> {
    key.strip_prefix(prefix)?.strip_prefix('/')
}

/// Drops the members that a patch does not list as those to keep.
fn retain_keys(target: &mut Map, patch: &mut Map) -> Outcome<()> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let keys = keys.as_list().ok_or(BAD_RETAIN_KEYS)?;
    let kept = |name: &str| keys.iter().any(|key| key.as_str() == Some(name));
    let is_directive =
        |name: &str| name.starts_with(DELETE_FROM_PRIMITIVES) || name.starts_with(SET_ORDER);
    if patch
        .iter()
        .any(|(name, value)| !value.is_null() && !is_directive(name) && !kept(name))
    {
        return Err(BAD_RETAIN_KEYS);
    }
    target.retain(|name, _| kept(name));
    Ok(())
}

/// Merges the lists for which the patch says an order.
fn set_orders(target: &mut Map, patch: &mut Map, typ: Option<&Type>, depth: usize) -> Outcome<()> {
    let orders: Vec<Text> = patch
        .keys()
        .filter(|key| key.starts_with(SET_ORDER))
        .cloned()
        .collect();
    for directive in orders {
        let Some(order) = patch.remove(&directive) else {
            continue;
        };
        let Value::List(order) = order else {
            return Err(bad_argument("[]interface {}", &order));
        };
        let key = after_slash(&directive, SET_ORDER).ok_or(BAD_ORDER)?;
        let old = list_of(target.get(key))?;
        let new = list_of(patch.get(key))?;
        let (typ, strategy) = member(typ, key);
        let list = Lists {
            merge_key: strategy.merge_key.as_deref(),
            element: element(typ),
            depth,
        };
        list.check_order(new.as_deref().unwrap_or_default(), &order)?;
        let merged = match (&old, new) {
            (Some(old), None) => old.clone(),
            (None, Some(new)) => match without_directives(Value::List(new)) {
                Some(Value::List(new)) => new,
                _ => continue,
            },
            (Some(old), Some(new)) if strategy.merge => list.merge(old.clone(), new)?,
            (Some(_), Some(new)) => new,
            (None, None) => continue,
        };
        let ordered = list.in_order(&merged, &order, old.as_deref().unwrap_or_default())?;
        target.insert(key, Value::List(ordered));
        patch.remove(key);
    }
    Ok(())
}

fn list_of(value: Option<&Value>) -> Outcome<Option<EcoVec<Value>>> {
    match value {
        None => Ok(None),
        Some(Value::List(list)) => Ok(Some(list.clone())),
        Some(other) => Err(bad_argument("[]interface {}", other)),
    }
}

fn bad_argument(expected: &str, actual: &Value) -> StrategicError {
    StrategicError::Internal(format!(
        "expected a {expected}, but received a {}",
        go::type_name(actual)
    ))
}

fn no_merge_key(item: &Map, key: &str) -> StrategicError {
    let shown = go::plain(&Value::Map(item.clone()));
    StrategicError::Internal(format!(
        "map: {shown} does not contain declared merge key: {key}"
    ))
}

/// Lists of one field.
struct Lists<'a> {
    merge_key: Option<&'a str>,
    element: Option<&'a Type>,
    depth: usize,
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

    fn merge(&self, old: EcoVec<Value>, new: EcoVec<Value>) -> Outcome<EcoVec<Value>> {
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
    fn in_order(
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
    fn check_order(&self, items: &[Value], order: &[Value]) -> Outcome<()> {
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

fn delete_from(old: &[Value], gone: &[Value]) -> EcoVec<Value> {
    old.iter()
        .filter(|item| !gone.contains(item))
        .cloned()
        .collect()
}

/// A value that is new to the object, without what only says what to remove.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Map(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Map(
                kept.map(|(key, value)| (key, without_nulls(value)))
                    .collect(),
            )
        }
        Value::List(list) => list.into_iter().map(without_nulls).collect(),
        scalar => scalar,
    }
}

/// The value without directives; `None` if it is one itself.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Map(map) if map.contains_key(DIRECTIVE) => None,
        Value::Map(map) => {
            let kept = map
                .into_iter()
                .filter_map(|(key, value)| Some((key, without_directives(value)?)));
            Some(Value::Map(kept.collect()))
        }
        Value::List(list) => Some(list.into_iter().filter_map(without_directives).collect()),
        scalar => Some(scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schemas;
    use trueup_object::{GroupVersionKind, value};

    fn patched(target: Value, patch: Value) -> Result<Value, String> {
        let typ = Schemas::builtin()
            .type_for(&GroupVersionKind::new("v1", "Pod"))
            .unwrap();
        strategic_merge(&target, &patch, &typ).map_err(|error| error.to_string())
    }

    fn pod(containers: Value) -> Value {
        Value::Map(
            [(
                "spec",
                Value::Map([("containers", containers)].into_iter().collect()),
            )]
            .into_iter()
            .collect(),
        )
    }

    #[test]
    fn containers_merge_by_name_and_new_ones_come_first() {
        let live = pod(value!([{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]));
        let patch = pod(value!([{"name": "c", "image": "1"}, {"name": "b", "image": "2"}]));
        let wanted = pod(
            value!([{"name": "c", "image": "1"}, {"name": "a", "image": "1"}, {"name": "b", "image": "2"}]),
        );
        assert_eq!(patched(live, patch), Ok(wanted));
    }

    #[test]
    fn an_item_is_deleted_and_a_list_replaced_by_directive() {
        let live = pod(value!([{"name": "a"}, {"name": "b"}]));
        let deleted = patched(
            live.clone(),
            pod(value!([{"name": "a", "$patch": "delete"}])),
        );
        assert_eq!(deleted, Ok(pod(value!([{"name": "b"}]))));
        let replaced = patched(live, pod(value!([{"$patch": "replace"}, {"name": "z"}])));
        assert_eq!(replaced, Ok(pod(value!([{"name": "z"}]))));
    }

    #[test]
    fn maps_are_replaced_or_emptied_by_directive() {
        let live = value!({"metadata": {"labels": {"a": "1"}}});
        let replace = value!({"metadata": {"labels": {"$patch": "replace", "b": "2"}}});
        assert_eq!(
            patched(live.clone(), replace),
            Ok(value!({"metadata": {"labels": {"b": "2"}}}))
        );
        let delete = value!({"metadata": {"labels": {"$patch": "delete"}}});
        assert_eq!(
            patched(live.clone(), delete),
            Ok(value!({"metadata": {"labels": {}}}))
        );
        let bogus = value!({"metadata": {"labels": {"$patch": "bogus"}}});
        assert!(
            patched(live, bogus)
                .unwrap_err()
                .starts_with("unknown patch type: bogus in map: map[")
        );
    }

    #[test]
    fn retained_keys_must_cover_the_patch() {
        let live = value!({"spec": {"volumes": [{"name": "v", "configMap": {"name": "c"}}]}});
        let switch = value!({"spec": {"volumes": [{"$retainKeys": ["name", "emptyDir"], "name": "v", "emptyDir": {}}]}});
        let wanted = value!({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}});
        assert_eq!(patched(live.clone(), switch), Ok(wanted));
        let wrong =
            value!({"spec": {"volumes": [{"$retainKeys": ["name"], "name": "v", "emptyDir": {}}]}});
        assert_eq!(
            patched(live, wrong),
            Err("invalid patch format of retainKeys".into())
        );
    }
}
