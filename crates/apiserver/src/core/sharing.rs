//! Objects in the form in which they are kept.
//!
//! A write makes a tree of its own, though most of it is as it was: between
//! two versions of an object a few fields of its status differ, and the record
//! of who owns them. What the versions have in common is kept once.

use trueup_object::{Map, Text, Value};

/// The same value without room to spare, sharing with the version before
/// whatever they have in common.
pub(super) fn kept(value: Value, before: Option<&Value>) -> Value {
    share(value, before).0
}

/// Also tells whether the value is the one before.
fn share(value: Value, before: Option<&Value>) -> (Value, bool) {
    match (value, before) {
        (Value::Map(now), Some(Value::Map(before))) => {
            let (map, is_same) = share_map(now, before);
            (Value::Map(map), is_same)
        }
        (Value::List(now), Some(Value::List(before))) => {
            let is_as_long = now.len() == before.len();
            let mut is_same = is_as_long;
            let items = now.into_iter().enumerate();
            let items: Vec<Value> = items
                .map(|(place, item)| {
                    let (item, is_same_item) = share(item, before.get(place));
                    is_same &= is_same_item;
                    item
                })
                .collect();
            if is_same {
                return (Value::List(before.clone()), true);
            }
            (Value::List(items.into()), false)
        }
        (Value::Map(now), _) => (Value::Map(share_map(now, &Map::new()).0), false),
        (Value::List(now), _) => {
            let items: Vec<Value> = now.into_iter().map(|item| kept(item, None)).collect();
            (Value::List(items.into()), false)
        }
        (now, Some(before)) if now == *before => (before.clone(), true),
        (now, _) => (now, false),
    }
}

/// Both are in the order of their keys.
fn share_map(now: Map, before: &Map) -> (Map, bool) {
    let mut is_same = now.len() == before.len();
    let mut earlier = before.iter().peekable();
    let entries: Vec<(Text, Value)> = now
        .into_iter()
        .map(|(key, item)| {
            while earlier.next_if(|(known, _)| **known < key).is_some() {}
            let known = earlier.next_if(|(known, _)| **known == key);
            let (item, is_same_item) = share(item, known.map(|(_, item)| item));
            is_same &= is_same_item;
            (known.map_or(key, |(key, _)| key.clone()), item)
        })
        .collect();
    if is_same {
        (before.clone(), true)
    } else {
        (entries.into_iter().collect(), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn place(value: &Value, path: &[&str]) -> *const u8 {
        match value.at(path) {
            Some(Value::String(text)) => text.as_ptr(),
            other => panic!("{other:?} is no text"),
        }
    }

    fn object(image: &str, ready: i64) -> Value {
        value!({
            "metadata": {"name": "an-object-with-a-long-name", "labels": {}},
            "spec": {"containers": [
                {"name": "the-name-of-a-container", "image": image},
                {"name": "another-name-of-a-container", "image": "an-image-that-stays-as-it-is"},
            ]},
            "status": {"ready": ready},
        })
    }

    #[test]
    fn what_two_versions_have_in_common_is_there_once() {
        let before = kept(object("registry.example/app:1.0.0", 1), None);
        let after = kept(object("registry.example/app:1.0.0", 2), Some(&before));
        assert_eq!(after, object("registry.example/app:1.0.0", 2));
        let (old, new) = (before.at(&["spec"]), after.at(&["spec"]));
        let list = |spec: Option<&Value>| spec?.get("containers")?.as_list().map(<[Value]>::as_ptr);
        assert_eq!(list(old), list(new));
        let name = ["metadata", "name"];
        assert_eq!(place(&before, &name), place(&after, &name));
    }

    #[test]
    fn what_is_added_removed_moved_or_of_another_kind_is_as_it_was_written() {
        let versions = [
            object("registry.example/app:1.0.0", 1),
            object("registry.example/app:2.0.0", 1),
            value!({"spec": {"containers": {}}, "status": null, "zone": [1, [2, {"a": "b"}]]}),
            value!({"spec": {"containers": [{"image": "only"}], "paused": true}, "zone": [[2, {"a": "b"}], 1]}),
            value!({"spec": [], "status": {}, "zone": [1.0]}),
            value!({}),
        ];
        for before in &versions {
            for now in &versions {
                assert_eq!(kept(now.clone(), Some(before)), *now, "after {before:?}");
            }
            assert_eq!(kept(before.clone(), None), *before);
        }
    }
}
