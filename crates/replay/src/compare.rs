//! Comparing an answer with a recorded one.
//!
//! Tolerated, and nothing else: the order of keys; the order of
//! `managedFields` unless a scenario asks for it; whole floats for integers;
//! the description of a Table's column; which checks stand behind a health
//! path; and the hash in a ReplicaSet's name within a message, which the
//! recordings show as it was although its algorithm is free.

use crate::Difference;
use crate::placeholders::{Bindings, in_text, is_node_port};
use regex::Regex;
use std::sync::LazyLock;
use trueup_object::{Map, Text, Value};

static OWN_WORDS: LazyLock<Regex> =
    LazyLock::new(|| constant(r"columnDefinitions\[\d+\]\.description$"));

static HASHED_NAME: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r#"^((?:ReplicaSet|Created new replica set|Found new replica set) "[a-z-]+-)[bcdf-hj-np-tv-z2-9]{8,10}(")"#,
    )
});

fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is constant")
}

/// Whether the order of `managedFields` matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ManagedFieldsOrder {
    /// Sorted on both sides: which second a write fell into decides it.
    Free,
    /// As it is.
    Kept,
}

/// The values of placeholders and the differences found so far.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// What placeholders stand for.
    pub bindings: Bindings,
    /// What differs.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// Notes a difference.
    pub fn differs(&mut self, place: &str, what: &str) {
        self.differences.push(Difference::new(place, what));
    }

    /// Compares two texts.
    pub fn text(&mut self, want: &str, got: &str, place: &str) {
        let want = HASHED_NAME.replace(want, "$1<hash>$2");
        if let Err(what) = self.bindings.compare(&want, got) {
            self.differs(place, &what);
        }
    }

    /// Compares texts of which either may be missing.
    pub fn optional_text(&mut self, want: Option<&str>, got: Option<&str>, place: &str) {
        match (want, got) {
            (Some(want), Some(got)) => self.text(want, got, place),
            (None, None) => {}
            _ => self.differs(place, &format!("want {want:?}, got {got:?}")),
        }
    }

    /// Compares whole texts that are no JSON.
    pub fn whole_text(&mut self, want: &str, got: &str, place: &str) {
        let want = served_checks(want, got);
        self.text(&want, got, place);
    }

    /// Compares two values.
    pub fn value(&mut self, want: &Value, got: &Value, place: &str, order: ManagedFieldsOrder) {
        if OWN_WORDS.is_match(place) {
            return;
        }
        match (want, got) {
            (Value::String(want), Value::Integer(got)) if is_node_port(want) => {
                self.text(want, &got.to_string(), place);
            }
            (Value::String(want), Value::String(got)) if !is_node_port(want) => {
                self.text(want, got, place);
            }
            (Value::Map(want), Value::Map(got)) => self.maps(want, got, place, order),
            (Value::List(want), Value::List(got)) => self.lists(want, got, place, order),
            _ if want.same_number(got) => {}
            _ => self.differs(place, &format!("want {}, got {}", shown(want), shown(got))),
        }
    }

    fn lists(&mut self, want: &[Value], got: &[Value], place: &str, order: ManagedFieldsOrder) {
        if want.len() != got.len() {
            let got = shown(&Value::from(got.to_vec()));
            return self.differs(place, &format!("want {} items, got {got}", want.len()));
        }
        for (index, (want, got)) in want.iter().zip(got).enumerate() {
            self.value(want, got, &format!("{place}[{index}]"), order);
        }
    }

    fn maps(&mut self, want: &Map, got: &Map, place: &str, order: ManagedFieldsOrder) {
        let want = self.with_bound_keys(want, got, place);
        for (key, wanted) in want.iter() {
            let place = format!("{place}.{key}");
            match got.get(key) {
                None if OWN_WORDS.is_match(&place) => {}
                None => self.differs(&place, &format!("missing, want {}", shown(wanted))),
                Some(got) if key == "managedFields" => {
                    self.managed_fields(wanted, got, &place, order);
                }
                Some(got) => self.value(wanted, got, &place, order),
            }
        }
        for (key, extra) in got.iter().filter(|(key, _)| !want.contains_key(key)) {
            self.differs(
                &format!("{place}.{key}"),
                &format!("not expected: {}", shown(extra)),
            );
        }
    }

    /// Compares the entries of `managedFields`.
    pub fn managed_fields(
        &mut self,
        want: &Value,
        got: &Value,
        place: &str,
        order: ManagedFieldsOrder,
    ) {
        match order {
            ManagedFieldsOrder::Kept => self.value(want, got, place, order),
            ManagedFieldsOrder::Free => {
                self.value(&by_manager(want), &by_manager(got), place, order)
            }
        }
    }

    /// The wanted keys; one with a placeholder not seen yet takes the value of
    /// the first key that looks like it.
    fn with_bound_keys(&mut self, want: &Map, got: &Map, place: &str) -> Map {
        let mut keys: Map = want
            .iter()
            .map(|(key, value)| (Text::from(self.bindings.fill(key)), value.clone()))
            .collect();
        let open: Vec<_> = keys.keys().filter(|key| in_text(key)).cloned().collect();
        for key in open {
            let start = key.split('"').next();
            let like = got
                .keys()
                .find(|other| !keys.contains_key(other) && other.split('"').next() == start);
            if let Some(like) = like {
                self.text(&key, like, &format!("{place} key"));
                let value = keys.remove(&key).unwrap_or_default();
                keys.insert(like.clone(), value);
            }
        }
        keys
    }

    /// A list is not older than what it lists.
    pub fn list_version(&mut self, list: &Value, place: &str) {
        let version = |value: &Value| -> Option<u64> {
            value.str_at(&["metadata", "resourceVersion"])?.parse().ok()
        };
        let Some(listed_at) = version(list) else {
            return;
        };
        let items = list
            .get("items")
            .or(list.get("rows"))
            .and_then(Value::as_list);
        for item in items.unwrap_or_default() {
            let newest = version(item.get("object").unwrap_or(item));
            if newest.is_some_and(|newest| newest > listed_at) {
                self.differs(
                    place,
                    &format!("a list of version {listed_at} holds {newest:?}"),
                );
            }
        }
    }
}

fn by_manager(list: &Value) -> Value {
    let Some(entries) = list.as_list() else {
        return list.clone();
    };
    let mut entries = entries.to_vec();
    entries.sort_by_key(|entry| {
        ["operation", "manager", "apiVersion", "subresource"]
            .map(|key| entry.str_at(&[key]).unwrap_or_default().to_owned())
    });
    entries.into()
}

/// Which checks stand behind a health path is the server's own business: of
/// the recorded ones only those are wanted that it shows.
fn served_checks(want: &str, got: &str) -> String {
    let is_check = |line: &&str| line.starts_with("[+]");
    if !got.lines().any(|line| is_check(&line)) {
        return want.to_owned();
    }
    want.split_inclusive('\n')
        .filter(|line| !is_check(line) || got.lines().any(|served| served == line.trim_end()))
        .collect()
}

fn shown(value: &Value) -> String {
    String::from_utf8_lossy(&trueup_object::to_json(value)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    fn differences(want: Value, got: Value) -> Vec<String> {
        let mut comparison = Comparison::default();
        comparison.value(&want, &got, "$", ManagedFieldsOrder::Free);
        comparison
            .differences
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_is_missing_added_or_of_another_type_differs() {
        assert!(differences(value!({"a": 1, "b": "x"}), value!({"b": "x", "a": 1.0})).is_empty());
        assert_eq!(
            differences(value!({"a": 1}), value!({"b": 1})),
            ["$.a: missing, want 1", "$.b: not expected: 1"]
        );
        assert_eq!(
            differences(value!("1"), value!(1)),
            ["$: want \"1\", got 1"]
        );
        assert_eq!(differences(value!("<uid:1>"), value!(1)).len(), 1);
        assert_eq!(
            differences(value!("<nodePort:1>"), value!("30000")).len(),
            1
        );
        assert!(differences(value!("<nodePort:1>"), value!(30000)).is_empty());
        assert_eq!(differences(value!([1, 2]), value!([2, 1])).len(), 2);
    }

    #[test]
    fn managed_fields_are_compared_as_a_set_unless_their_order_is_asked_for() {
        let want = value!({"managedFields": [{"operation": "Apply", "manager": "a"}, {"operation": "Update", "manager": "b"}]});
        let got = value!({"managedFields": [{"operation": "Update", "manager": "b"}, {"operation": "Apply", "manager": "a"}]});
        assert!(differences(want.clone(), got.clone()).is_empty());
        let mut comparison = Comparison::default();
        comparison.value(&want, &got, "$", ManagedFieldsOrder::Kept);
        assert_eq!(comparison.differences.len(), 4);
    }

    #[test]
    fn a_key_binds_the_placeholder_in_it() {
        let want = value!({"k:{\"uid\":\"<uid:1>\"}": {}, "own": "<uid:1>"});
        let uid = "00000000-0000-0000-0000-000000000001";
        let key = format!("k:{{\"uid\":\"{uid}\"}}");
        let mut got = Map::new();
        got.insert(key, value!({}));
        got.insert("own", uid);
        assert!(differences(want, Value::Map(got)).is_empty());
    }

    #[test]
    fn a_list_must_not_be_older_than_its_items() {
        let mut comparison = Comparison::default();
        let list = value!({"metadata": {"resourceVersion": "5"}, "items": [{"metadata": {"resourceVersion": "6"}}]});
        comparison.list_version(&list, "$");
        assert_eq!(comparison.differences.len(), 1);
    }

    #[test]
    fn fewer_checks_are_fine_and_other_ones_are_not() {
        let want = "[+]ping ok\n[+]log ok\nlivez check passed\n";
        let mut comparison = Comparison::default();
        comparison.whole_text(want, "[+]ping ok\nlivez check passed\n", "$");
        assert!(comparison.differences.is_empty());
        comparison.whole_text(want, "[+]ping ok\n[+]own ok\nlivez check passed\n", "$");
        comparison.whole_text(want, "livez check passed\n", "$");
        assert_eq!(comparison.differences.len(), 2);
    }
}
