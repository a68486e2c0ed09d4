//! JSON merge patch (RFC 7386).

use trueup_object::Value;

/// The value with the patch merged in: `null` removes a member, maps merge,
/// anything else replaces.
#[must_use]
pub fn merge_patch(target: &Value, patch: &Value) -> Value {
    let Value::Map(patch) = patch else {
        return patch.clone();
    };
    let mut merged = target.as_map().cloned().unwrap_or_default();
    for (key, change) in patch {
        if change.is_null() {
            merged.remove(key);
        } else {
            let target = merged.entry(key);
            *target = merge_patch(target, change);
        }
    }
    Value::Map(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::value;

    #[test]
    fn the_examples_of_the_standard_hold() {
        let cases = [
            (value!({"a": "b"}), value!({"a": "c"}), value!({"a": "c"})),
            (
                value!({"a": "b"}),
                value!({"b": "c"}),
                value!({"a": "b", "b": "c"}),
            ),
            (value!({"a": "b"}), value!({"a": null}), value!({})),
            (
                value!({"a": "b", "b": "c"}),
                value!({"a": null}),
                value!({"b": "c"}),
            ),
            (value!({"a": ["b"]}), value!({"a": "c"}), value!({"a": "c"})),
            (
                value!({"a": {"b": "c"}}),
                value!({"a": {"b": "d", "c": null}}),
                value!({"a": {"b": "d"}}),
            ),
            (value!(["a"]), value!({"a": "b"}), value!({"a": "b"})),
            (
                value!({"e": null}),
                value!({"a": 1}),
                value!({"e": null, "a": 1}),
            ),
            (
                value!({}),
                value!({"a": {"bb": {"ccc": null}}}),
                value!({"a": {"bb": {}}}),
            ),
            (value!({"a": "foo"}), value!(null), value!(null)),
        ];
        for (target, patch, wanted) in cases {
            assert_eq!(merge_patch(&target, &patch), wanted, "{target:?} {patch:?}");
        }
    }
}
