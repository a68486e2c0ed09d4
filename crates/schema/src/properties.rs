//! What must hold for all objects and all orders.

use crate::typed::{compare, merge};
use crate::{
    ApplyInput, FieldSet, Force, SameShape, Structural, Type, apply, decode_managed, field_set,
    fields_from_value, fields_to_value, merge_patch, project,
};
use proptest::prelude::*;
use std::sync::LazyLock;
use trueup_object::{FieldPath, Segment, Value, value};

static TYPE: LazyLock<Type> = LazyLock::new(widget_type);

fn typ() -> Type {
    TYPE.clone()
}

fn widget_type() -> Type {
    let text = || value!({"type": "string"});
    Type::from_structural(&Structural::parse_accepted(
        &value!({"type": "object", "properties": {"spec": {
            "type": "object",
            "properties": {
                "a": (text()),
                "b": (text()),
                "labels": {"type": "object", "additionalProperties": (text())},
                "args": {"type": "array", "items": (text())},
                "set": {"type": "array", "items": (text()), "x-kubernetes-list-type": "set"},
                "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {
                        "name": (text()), "image": (text()), "size": {"type": "integer"}
                    }}},
            }
        }}}),
    ))
}

fn word() -> impl Strategy<Value = String> {
    "[xyz]"
}

fn optional<S: Strategy<Value = Value>>(
    name: &'static str,
    strategy: S,
) -> impl Strategy<Value = Option<(String, Value)>> {
    prop::option::of(strategy.prop_map(move |value| (name.to_owned(), value)))
}

/// Items of a keyed list: distinct names, in any order.
fn items() -> impl Strategy<Value = Value> {
    let item = (prop::option::of(word()), prop::option::of(0..3_i64));
    prop::collection::btree_map("[k-p]", item, 1..5).prop_flat_map(|items| {
        let made: Vec<Value> = items
            .into_iter()
            .map(|(name, (image, size))| {
                let mut item = value!({"name": (name)});
                image
                    .into_iter()
                    .for_each(|image| item.set_at(&["image"], image.into()));
                size.into_iter()
                    .for_each(|size| item.set_at(&["size"], size.into()));
                item
            })
            .collect();
        Just(made).prop_shuffle().prop_map(Value::from)
    })
}

fn spec() -> impl Strategy<Value = Value> {
    let text = || word().prop_map(Value::from);
    let words = || {
        prop::collection::btree_set("[k-p]", 1..4)
            .prop_map(|set| set.into_iter().map(Value::from).collect::<Value>())
    };
    let labels = prop::collection::btree_map("[k-p]", word(), 1..4).prop_map(|map| {
        Value::Map(
            map.into_iter()
                .map(|(key, value)| (key, Value::from(value)))
                .collect(),
        )
    });
    (
        optional("a", text()),
        optional("b", text()),
        optional("labels", labels),
        optional("args", words()),
        optional("set", words()),
        optional("items", items()),
    )
        .prop_map(|(a, b, c, d, e, f)| {
            Value::Map(
                [a, b, c, d, e, f]
                    .into_iter()
                    .flatten()
                    .collect::<trueup_object::Map>(),
            )
        })
        .prop_filter("something must be there", |spec| {
            spec.as_map().is_some_and(|map| !map.is_empty())
        })
}

fn object(spec: Value) -> Value {
    let mut object =
        value!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
    object.set_at(&["spec"], spec);
    object
}

fn applied(live: Option<&Value>, spec: &Value, manager: &str, now: &str) -> Value {
    let typ = typ();
    apply(&ApplyInput {
        live,
        applied: &object(spec.clone()),
        typ: &typ,
        manager,
        api_version: "example.com/v1",
        subresource: "",
        force: Force::Yes,
        reset: &FieldSet::new(),
        now,
        versions: &SameShape(&typ),
    })
    .unwrap()
    .object
}

/// The object with every keyed list and set in order of its items, so that
/// only the content counts.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Map(map) => Value::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), unordered(value)))
                .collect(),
        ),
        Value::List(list) => {
            let mut items: Vec<Value> = list.iter().map(unordered).collect();
            items.sort();
            items.into()
        }
        scalar => scalar.clone(),
    }
}

fn paths() -> impl Strategy<Value = FieldSet> {
    let segment = prop_oneof![
        "[a-d]".prop_map(|name| Segment::Key(name.into())),
        "[a-c]".prop_map(|name| Segment::item([("name", Value::from(name))])),
        (0..3_i64).prop_map(|number| Segment::Member(number.into())),
        (0..3_usize).prop_map(Segment::Index),
    ];
    let path = prop::collection::vec(segment, 1..4)
        .prop_map(|segments| segments.into_iter().collect::<FieldPath>());
    prop::collection::vec(path, 0..8).prop_map(|paths| paths.into_iter().collect())
}

proptest! {
    #[test]
    fn an_apply_repeated_changes_nothing(first in spec(), second in spec()) {
        let live = applied(None, &first, "alice", "2024-01-01T00:00:00Z");
        let live = applied(Some(&live), &second, "bob", "2024-01-01T00:00:01Z");
        let again = applied(Some(&live), &second, "bob", "2024-01-01T00:00:02Z");
        prop_assert_eq!(again, live);
    }

    #[test]
    fn what_was_applied_is_there_and_what_is_left_out_is_gone(first in spec(), second in spec()) {
        let live = applied(None, &first, "alice", "2024-01-01T00:00:00Z");
        let live = applied(Some(&live), &second, "alice", "2024-01-01T00:00:01Z");
        prop_assert_eq!(unordered(live.get("spec").unwrap()), unordered(&second));
        let wanted = field_set(&object(second), &typ());
        let owned = &decode_managed(&live).unwrap()[0].fields;
        prop_assert!(owned.difference(&wanted).is_empty());
    }

    #[test]
    fn the_order_of_managers_of_disjoint_fields_does_not_matter(a in word(), b in word(), items in items()) {
        let (one, two) = (value!({"a": (a)}), value!({"b": (b), "items": (items)}));
        let (early, late) = ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z");
        let left = applied(Some(&applied(None, &one, "alice", early)), &two, "bob", late);
        let right = applied(Some(&applied(None, &two, "bob", early)), &one, "alice", late);
        prop_assert_eq!(left, right);
    }

    #[test]
    fn leaving_everything_removes_what_nobody_else_owns(first in spec(), second in spec()) {
        let live = applied(None, &first, "alice", "2024-01-01T00:00:00Z");
        let live = applied(Some(&live), &second, "bob", "2024-01-01T00:00:01Z");
        let live = applied(Some(&live), &value!({"a": "kept"}), "alice", "2024-01-01T00:00:02Z");
        let mut wanted = second.clone();
        wanted.set_at(&["a"], "kept".into());
        prop_assert_eq!(unordered(live.get("spec").unwrap()), unordered(&wanted));
    }

    #[test]
    fn merging_is_idempotent_and_associative_but_for_order(a in spec(), b in spec(), c in spec()) {
        let typ = typ();
        let (a, b, c) = (object(a), object(b), object(c));
        let ab = merge(&a, &b, &typ).unwrap();
        prop_assert_eq!(&merge(&ab, &b, &typ).unwrap(), &ab);
        let left = merge(&ab, &c, &typ).unwrap();
        let right = merge(&a, &merge(&b, &c, &typ).unwrap(), &typ).unwrap();
        prop_assert_eq!(unordered(&left), unordered(&right));
    }

    #[test]
    fn a_comparison_turned_round_swaps_added_and_removed(a in spec(), b in spec()) {
        let typ = typ();
        let (a, b) = (object(a), object(b));
        let (there, back) = (compare(&a, &b, &typ).unwrap(), compare(&b, &a, &typ).unwrap());
        prop_assert_eq!(&there.added, &back.removed);
        prop_assert_eq!(&there.modified, &back.modified);
        prop_assert_eq!(compare(&a, &a, &typ).unwrap(), crate::typed::Comparison::default());
    }

    #[test]
    fn everything_that_an_object_mentions_is_the_object(spec in spec()) {
        let object = object(spec);
        prop_assert_eq!(project(&object, &field_set(&object, &typ()), &typ()), object);
    }

    #[test]
    fn owned_fields_survive_their_written_form(set in paths()) {
        prop_assert_eq!(fields_from_value(&fields_to_value(&set)).unwrap(), set);
    }

    #[test]
    fn sets_keep_the_laws_of_sets(a in paths(), b in paths()) {
        let union = a.union(&b);
        prop_assert_eq!(&union, &b.union(&a));
        prop_assert_eq!(union.len() + a.intersection(&b).len(), a.len() + b.len());
        prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
        prop_assert!(a.difference(&b).intersection(&b).is_empty());
        prop_assert_eq!(a.paths().len(), a.len());
        prop_assert!(a.paths().iter().all(|path| union.contains(path)));
        prop_assert!(a.recursive_difference(&a).is_empty());
    }

    #[test]
    fn a_merge_patch_repeated_changes_nothing(a in spec(), b in spec()) {
        let once = merge_patch(&a, &b);
        prop_assert_eq!(merge_patch(&once, &b), once);
    }
}
