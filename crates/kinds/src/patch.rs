//! The smallest patch from one status to another.

use trueup_object::{Map, Value, value};

/// The JSON merge patch that turns `status` of `before` into that of
/// `after`, both whole objects or `{"status": …}`: only what differs, `null`
/// for what goes. `None` if nothing differs, so that a look that finds
/// nothing writes nothing. Lists are replaced whole, as merge patches do, so
/// conditions must have been changed from the live list.
#[must_use]
pub fn status_patch(before: &Value, after: &Value) -> Option<Value> {
    let empty = Value::map();
    let old = before.get("status").unwrap_or(&empty);
    let new = after.get("status").unwrap_or(&empty);
    let difference = difference(old, new)?;
    Some(value!({"status": difference}))
}

fn difference(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Map(old_map), Value::Map(new_map)) = (old, new) else {
        return (!old.same_number(new)).then(|| new.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new_map {
        let change = match old_map.get(key) {
            Some(before) => difference(before, value),
            None => Some(value.clone()),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    for key in old_map.keys().filter(|key| !new_map.contains_key(key)) {
        patch.insert(key.clone(), Value::Null);
    }
    (!patch.is_empty()).then(|| Value::Map(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written() {
        let before = value!({"status": {"a": 1, "b": {"x": 1, "y": 2}, "c": [1, 2], "gone": true}});
        let after = value!({"status": {"a": 1, "b": {"x": 1, "y": 3}, "c": [1], "new": "n"}});
        let patch = value!({"status": {"b": {"y": 3}, "c": [1], "gone": null, "new": "n"}});
        assert_eq!(status_patch(&before, &after), Some(patch));
        assert_eq!(status_patch(&after, &after), None);
        assert_eq!(status_patch(&value!({}), &value!({"status": {}})), None);
    }
}
