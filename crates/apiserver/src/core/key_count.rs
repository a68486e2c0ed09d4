//! Whether a JSON text gives a key twice, told without building anything: it
//! then has more keys than the tree that was read from it.

use serde::de::IgnoredAny;
use std::cell::Cell;
use trueup_object::{JsonPlace, Value, walk_json};

/// Whether some object in a text has a key twice, given the tree of the text.
#[must_use]
pub fn has_duplicates(text: &[u8], tree: &Value) -> bool {
    let keys = Cell::new(0);
    let counted = walk_json(text, Count(&keys));
    counted.is_err() || keys.get() != members(tree)
}

fn members(tree: &Value) -> usize {
    match tree {
        Value::Map(map) => map.len() + map.values().map(members).sum::<usize>(),
        Value::List(list) => list.iter().map(members).sum(),
        _ => 0,
    }
}

struct Count<'a>(&'a Cell<usize>);

impl JsonPlace for Count<'_> {
    type Key = IgnoredAny;
    type Memory = ();

    fn item(&self, _: usize) -> Option<Self> {
        Some(Self(self.0))
    }

    fn member(&self, _: IgnoredAny, (): &mut ()) -> Option<Self> {
        self.0.set(self.0.get() + 1);
        Some(Self(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trueup_object::from_json;

    #[test]
    fn a_key_given_twice_is_found_at_any_depth() {
        for (text, twice) in [
            (r#"{"a":{"b":1},"c":[{"a":1},{"a":2}]}"#, false),
            (r#"{"a":1,"a":1}"#, true),
            (r#"{"c":[1,{"a":{"x":1,"x":null}}]}"#, true),
            (r#"{"a":{"x":1},"a":{"x":1,"y":2}}"#, true),
            ("[]", false),
        ] {
            let tree = from_json(text.as_bytes()).unwrap();
            assert_eq!(has_duplicates(text.as_bytes(), &tree), twice, "{text}");
        }
    }
}
