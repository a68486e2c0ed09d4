//! Trees that keep once what they have in common.
//!
//! A write makes a tree of its own, though most of it is as it was: between
//! two versions of an object a few fields of its status differ, and the record
//! of who owns them. Objects made from one template differ in their names.

use crate::{Map, Text, Value};

/// Trees that a new one may have parts in common with; the first wins.
type Known<'a> = [Option<&'a Value>; 2];
/// Which of them the new tree is the same as.
type Same = [bool; 2];

impl Value {
    /// The same value without room to spare, sharing memory with `known` trees
    /// wherever it has the same parts at the same places: usually the version
    /// before, and another object of the same kind. Lists are compared place
    /// by place.
    #[must_use]
    pub fn sharing(self, known: [Option<&Self>; 2]) -> Self {
        share(self, known).0
    }
}

fn share(value: Value, known: Known<'_>) -> (Value, Same) {
    match value {
        Value::Map(map) => {
            let (map, same) = share_map(map, known.map(|known| known.and_then(Value::as_map)));
            (Value::Map(map), same)
        }
        Value::List(items) => {
            let lists = known.map(|known| match known {
                Some(Value::List(list)) => Some(list),
                _ => None,
            });
            let mut same = lists.map(|list| list.is_some_and(|list| list.len() == items.len()));
            let items: Vec<Value> = items
                .into_iter()
                .enumerate()
                .map(|(place, item)| {
                    let (item, same_item) = share(item, lists.map(|list| list?.get(place)));
                    same = both(same, same_item);
                    item
                })
                .collect();
            match first(same, lists) {
                Some(list) => (Value::List(list.clone()), same),
                None => (Value::List(items.into()), same),
            }
        }
        leaf => {
            let same = known.map(|known| known == Some(&leaf));
            (first(same, known).cloned().unwrap_or(leaf), same)
        }
    }
}

/// All are in the order of their keys.
fn share_map(now: Map, known: [Option<&Map>; 2]) -> (Map, Same) {
    let mut same = known.map(|map| map.is_some_and(|map| map.len() == now.len()));
    let mut earlier = known.map(|map| map.into_iter().flat_map(Map::iter).peekable());
    let entries: Vec<(Text, Value)> = now
        .into_iter()
        .map(|(key, item)| {
            let found = earlier.each_mut().map(|entries| {
                while entries.next_if(|(known, _)| **known < key).is_some() {}
                entries.next_if(|(known, _)| **known == key)
            });
            let (item, same_item) = share(item, found.map(|entry| Some(entry?.1)));
            same = both(same, same_item);
            let key = found
                .into_iter()
                .flatten()
                .next()
                .map_or(key, |(known, _)| known.clone());
            (key, item)
        })
        .collect();
    match first(same, known) {
        Some(map) => (map.clone(), same),
        None => (entries.into_iter().collect(), same),
    }
}

fn both(one: Same, other: Same) -> Same {
    [one[0] && other[0], one[1] && other[1]]
}

/// The first of the known values that the new one is the same as.
fn first<T: Copy>(same: Same, known: [Option<T>; 2]) -> Option<T> {
    let pairs = same.into_iter().zip(known);
    pairs.filter(|(same, _)| *same).find_map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use crate::{Value, value};

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
        let before = object("registry.example/app:1.0.0", 1).sharing([None, None]);
        let after = object("registry.example/app:1.0.0", 2).sharing([Some(&before), None]);
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
                for other in &versions {
                    let shared = now.clone().sharing([Some(before), Some(other)]);
                    assert_eq!(shared, *now, "after {before:?} beside {other:?}");
                }
            }
            assert_eq!(before.clone().sharing([None, None]), *before);
        }
    }

    #[test]
    fn what_the_version_before_lacks_is_taken_from_another_object() {
        let before = value!({"metadata": {"name": "the-name-of-one-object"}});
        let other = object("registry.example/app:1.0.0", 1);
        let mut now = object("registry.example/app:1.0.0", 2);
        now.set_at(&["metadata", "name"], "the-name-of-one-object".into());
        let shared = now.clone().sharing([Some(&before), Some(&other)]);
        assert_eq!(shared, now);
        let name = ["metadata", "name"];
        assert_eq!(place(&shared, &name), place(&before, &name));
        let list = |object: &Value| {
            object
                .at(&["spec", "containers"])?
                .as_list()
                .map(<[Value]>::as_ptr)
        };
        assert_eq!(list(&shared), list(&other));
    }
}
