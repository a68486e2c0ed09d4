//! Strategic merge patch: a merge patch whose lists merge as the type says.

mod lists;

use crate::go;
use crate::types::{Form, PatchStrategy, Type};
use lists::{Lists, delete_from};
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

/// The name of a struct that does not have a field.
fn struct_without(typ: Option<&Type>, key: &str) -> Option<&'static str> {
    let typ = typ?;
    let map = typ.atom().map.as_ref()?;
    let is_missing = !map.fields.is_empty() && map.field(key).is_none();
    let name = typ.definition_name().filter(|_| is_missing)?;
    name.rsplit('.').next()
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
        if let Some(name) = struct_without(typ, key) {
            return Err(StrategicError::Internal(format!(
                "unable to find api field in struct {name} for the json field {}",
                go::quoted(key)
            )));
        }
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
mod tests;
