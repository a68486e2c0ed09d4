//! JSON patch (RFC 6902) with the leniencies of the library that Kubernetes
//! uses: the first part of a pointer is not looked at, `replace` of a missing
//! member adds it, negative indices count from the end.

use crate::go;
use trueup_object::{MAX_JSON_DEPTH, Text, Value, to_json};

/// How many operations a patch may have.
pub const MAX_JSON_PATCH_OPERATIONS: usize = 10_000;
/// How much `copy` may add to an object altogether.
const MAX_COPIED_BYTES: usize = 3 * 1024 * 1024;

/// Why a JSON patch can't be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonPatchError {
    /// The patch is no list of operations; answered with 400.
    #[error("error decoding patch: {0}")]
    Malformed(String),
    /// The patch has too many operations; answered with 413.
    #[error(
        "The allowed maximum operations in a JSON patch is {MAX_JSON_PATCH_OPERATIONS}, got {0}"
    )]
    TooMany(usize),
    /// An operation can't be done; answered with 422. The text says which and
    /// why; Kubernetes tells its clients only a general sentence.
    #[error("{operation} {path:?}: {cause}")]
    Failed {
        /// The operation.
        operation: Text,
        /// Where it was to happen.
        path: Text,
        /// What was wrong.
        cause: String,
    },
}

/// Applies the operations in order; either all of them or none.
pub fn json_patch(target: &Value, patch: &Value) -> Result<Value, JsonPatchError> {
    let Value::List(operations) = patch else {
        let given = if patch.as_map().is_some() {
            "object"
        } else {
            patch.kind_name()
        };
        let message =
            format!("json: cannot unmarshal {given} into Go value of type []handlers.jsonPatchOp");
        return Err(JsonPatchError::Malformed(message));
    };
    if operations.len() > MAX_JSON_PATCH_OPERATIONS {
        return Err(JsonPatchError::TooMany(operations.len()));
    }
    let mut patched = target.clone();
    let mut copied_bytes = 0;
    for operation in operations {
        if operation.as_map().is_none() {
            let given = operation.kind_name();
            let message = format!(
                "json: cannot unmarshal {given} into Go value of type handlers.jsonPatchOp"
            );
            return Err(JsonPatchError::Malformed(message));
        }
        operate(&mut patched, operation, &mut copied_bytes).map_err(|cause| {
            JsonPatchError::Failed {
                operation: operation.str_at(&["op"]).unwrap_or("").into(),
                path: operation.str_at(&["path"]).unwrap_or("").into(),
                cause,
            }
        })?;
    }
    Ok(patched)
}

fn operate(target: &mut Value, operation: &Value, copied_bytes: &mut usize) -> Result<(), String> {
    let path = operation.str_at(&["path"]).ok_or("the path is missing")?;
    let from = || {
        operation
            .str_at(&["from"])
            .ok_or_else(|| "from is missing".to_owned())
    };
    let value = || operation.get("value").cloned().unwrap_or_default();
    match operation.str_at(&["op"]).unwrap_or("unknown") {
        "add" => add(target, path, value()),
        "remove" => remove(target, path).map(drop),
        "replace" => replace(target, path, value()),
        "move" => {
            let moved = remove(target, from()?)?;
            add(target, path, moved)
        }
        "copy" => {
            let copied = get(target, from()?)?.cloned().unwrap_or_default();
            *copied_bytes += to_json(&copied).len();
            if *copied_bytes > MAX_COPIED_BYTES {
                return Err(format!("copies add more than {MAX_COPIED_BYTES} bytes"));
            }
            add(target, path, copied)
        }
        "test" => test(target, path, &value()),
        other => Err(format!("unexpected kind of operation: {other}")),
    }
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The parts of a pointer after the first slash.
fn parts(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(unescape).collect()
}

/// The map or list that holds what a pointer names, and the last part.
fn container<'a>(target: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), String> {
    let mut parts = parts(path);
    let last = parts.pop().ok_or("the path names nothing")?;
    let mut here = target;
    for part in &parts {
        here = match here {
            Value::Map(map) => map
                .get_mut(part)
                .ok_or_else(|| format!("{} is missing", go::quoted(part)))?,
            Value::List(list) => {
                let index = existing(list, part)?;
                &mut list.make_mut()[index]
            }
            other => {
                return Err(format!(
                    "{} is below a {}",
                    go::quoted(part),
                    other.kind_name()
                ));
            }
        };
    }
    match here {
        Value::Map(_) | Value::List(_) => Ok((here, last)),
        other => Err(format!(
            "{} is below a {}",
            go::quoted(&last),
            other.kind_name()
        )),
    }
}

fn get<'a>(target: &'a Value, path: &str) -> Result<Option<&'a Value>, String> {
    let mut here = Some(target);
    for part in parts(path) {
        here = match here {
            Some(Value::Map(map)) => map.get(&part),
            Some(Value::List(list)) => Some(&list[existing(list, &part)?]),
            _ => return Err(format!("{} is missing", go::quoted(&part))),
        };
    }
    Ok(here)
}

/// The index of an item that is there.
fn existing(list: &[Value], part: &str) -> Result<usize, String> {
    index(part, list.len(), list.len())
}

/// A place before `end`; a negative one counts from `size`.
fn index(part: &str, end: usize, size: usize) -> Result<usize, String> {
    let given: i64 = part
        .parse()
        .map_err(|_| format!("{} is no index", go::quoted(part)))?;
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    let place = if given < 0 {
        given.checked_add(size).unwrap_or(-1)
    } else {
        given
    };
    usize::try_from(place)
        .ok()
        .filter(|place| *place < end)
        .ok_or_else(|| format!("index {given} is outside the list"))
}

/// Refuses what would nest deeper than any object may.
fn check_depth(path: &str, value: &Value) -> Result<(), String> {
    if parts(path).len() + depth(value) > MAX_JSON_DEPTH {
        return Err(format!(
            "the object would nest more than {MAX_JSON_DEPTH} levels deep"
        ));
    }
    Ok(())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Map(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::List(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    check_depth(path, &value)?;
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    match container(target, path)? {
        (Value::Map(map), key) => {
            map.insert(key, value);
        }
        (Value::List(list), key) if key == "-" => list.push(value),
        (Value::List(list), key) => {
            let place = index(&key, list.len() + 1, list.len() + 1)?;
            list.insert(place, value);
        }
        _ => {}
    }
    Ok(())
}

fn remove(target: &mut Value, path: &str) -> Result<Value, String> {
    match container(target, path)? {
        (Value::Map(map), key) => map
            .remove(&key)
            .ok_or_else(|| format!("{} is missing", go::quoted(&key))),
        (Value::List(list), key) => {
            let place = existing(list, &key)?;
            Ok(list.remove(place))
        }
        _ => Ok(Value::Null),
    }
}

fn replace(target: &mut Value, path: &str, value: Value) -> Result<(), String> {
    check_depth(path, &value)?;
    if path.is_empty() {
        *target = value;
        return Ok(());
    }
    match container(target, path)? {
        (Value::Map(map), key) => {
            map.insert(key, value);
        }
        (Value::List(list), key) => {
            let place = existing(list, &key)?;
            list.make_mut()[place] = value;
        }
        _ => {}
    }
    Ok(())
}

fn test(target: &Value, path: &str, wanted: &Value) -> Result<(), String> {
    let found = get(target, path)?.cloned().unwrap_or_default();
    if found.same_number(wanted) {
        Ok(())
    } else {
        Err("the value is another".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn patched(target: Value, patch: Value) -> Result<Value, String> {
        json_patch(&target, &patch).map_err(|error| error.to_string())
    }

    #[test]
    fn operations_follow_each_other() {
        let target = value!({"a": "1", "l": [1, 2]});
        let patch = value!([
            {"op": "add", "path": "/b", "value": "2"},
            {"op": "move", "from": "/a", "path": "/x~1y"},
            {"op": "copy", "from": "/b", "path": "/c"},
            {"op": "add", "path": "/l/1", "value": 9},
            {"op": "add", "path": "/l/-", "value": 3},
            {"op": "remove", "path": "/l/0"},
            {"op": "replace", "path": "/l/-1", "value": 4},
            {"op": "test", "path": "/l", "value": [9, 2, 4]}
        ]);
        let wanted = value!({"x/y": "1", "b": "2", "c": "2", "l": [9, 2, 4]});
        assert_eq!(patched(target, patch), Ok(wanted));
    }

    #[test]
    fn what_is_missing_cannot_be_removed_but_can_be_replaced() {
        assert!(
            patched(
                value!({"a": {}}),
                value!([{"op": "remove", "path": "/a/b"}])
            )
            .is_err()
        );
        let replaced = patched(
            value!({"a": {}}),
            value!([{"op": "replace", "path": "/a/b", "value": 1}]),
        );
        assert_eq!(replaced, Ok(value!({"a": {"b": 1}})));
        assert!(
            patched(
                value!({}),
                value!([{"op": "add", "path": "/a/b", "value": 1}])
            )
            .is_err()
        );
        assert!(
            patched(
                value!([1]),
                value!([{"op": "add", "path": "/5", "value": 1}])
            )
            .is_err()
        );
        assert!(patched(value!([1]), value!([{"op": "remove", "path": "/-9"}])).is_err());
    }

    #[test]
    fn a_missing_value_tests_equal_to_null() {
        let target = value!({"a": 1});
        assert!(
            patched(
                target.clone(),
                value!([{"op": "test", "path": "/b", "value": null}])
            )
            .is_ok()
        );
        assert!(
            patched(
                target,
                value!([{"op": "test", "path": "/a", "value": null}])
            )
            .is_err()
        );
    }

    #[test]
    fn copies_cannot_grow_without_bound() {
        let copy = |n: i64| value!({"op": "copy", "from": "", "path": (format!("/{n}"))});
        let patch: Value = (0..60).map(copy).collect();
        let error = json_patch(&value!({"a": "x"}), &patch).unwrap_err();
        assert!(
            error.to_string().contains("copies add more than"),
            "{error}"
        );
    }

    #[test]
    fn nesting_cannot_grow_without_bound() {
        let copy = value!({"op": "copy", "from": "", "path": "/a"});
        let error = json_patch(&value!({"a": "x"}), &Value::from(vec![copy; 200])).unwrap_err();
        assert!(error.to_string().contains("levels deep"), "{error}");
    }

    #[test]
    fn a_patch_is_a_list_of_objects() {
        for patch in [value!({"op": "add"}), value!([1]), value!("x")] {
            assert!(matches!(
                json_patch(&value!({}), &patch),
                Err(JsonPatchError::Malformed(_))
            ));
        }
    }
}
