//! The merge patch from one value to another.

use trueup_object::{Map, Value};

/// What [RFC 7386](https://www.rfc-editor.org/rfc/rfc7386) has to merge into
/// `old` to make it `new`; `None` when they are the same. Lists are replaced
/// whole, members that are gone become null.
pub(crate) fn merge_patch(old: &Value, new: &Value) -> Option<Value> {
    if old == new {
        return None;
    }
    let (Some(before), Some(after)) = (old.as_map(), new.as_map()) else {
        return Some(new.clone());
    };
    let mut patch = Map::new();
    for (key, value) in after {
        match before.get(key) {
            None => drop(patch.insert(key.clone(), value.clone())),
            Some(known) => {
                if let Some(change) = merge_patch(known, value) {
                    patch.insert(key.clone(), change);
                }
            }
        }
    }
    for key in before.keys().filter(|key| !after.contains_key(key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Some(Value::Map(patch))
}
